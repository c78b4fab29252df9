"""Every setting, once: its name, type, unit, bounds, default and the reason for it. Read from `.env` and the environment."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from basics.errors import ConfigError
from basics.readings import VIOLATION_KINDS, ViolationKind
from settings import thresholds

Points = Annotated[int, Field(ge=0, le=100)]


class Settings(BaseSettings):
    """The settings in force. Raise `ConfigError` through `load_settings`, not pydantic's own error."""

    model_config = SettingsConfigDict(env_file=".env", env_file_encoding="utf-8", extra="ignore", frozen=True, env_ignore_empty=True)

    # Server
    flask_host: str = Field("127.0.0.1", description="Address to listen on. Loopback needs no account; any other needs PROCTOR_PASSWORD.")
    flask_port: int = Field(5000, ge=0, le=65535, description="Port to listen on; 0 takes a free one.")
    flask_debug: bool = Field(False, description="Flask's debug pages. Never on a server that others reach.")
    socketio_async_mode: Literal["threading", "eventlet"] = Field(
        "threading", description="How requests are served; `threading` costs least per student's picture."
    )
    public_url: str = Field(
        "",
        description="Address at which students reach the server (https://proctor.example.org), for portal links; empty: as the caller addressed it.",
    )
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field("INFO", description="Least level that is logged.")
    log_dir: Path = Field(Path("logs"), description="Folder of app.log and app_errors.log.")
    data_dir: Path = Field(Path("data"), description="Folder of the embedded database, the spool and the server's own key.")
    clips_dir: Path = Field(Path("flagged_videos"), description="Folder of the clips of flagged intervals.")
    temp_dir: Path = Field(Path("temp"), description="Folder of clips being written; on the same disk as CLIPS_DIR, so that a rename is enough.")

    # Who may
    proctor_password: SecretStr = Field(
        SecretStr(""), description="Password of the user `proctor`. Empty: only this machine is answered (protected mode)."
    )
    api_token: SecretStr = Field(
        SecretStr(""),
        description="Token for scripts (`Authorization: Bearer …`), at least 24 characters. Empty: scripts are answered in protected mode only.",
    )
    secret_key: SecretStr = Field(SecretStr(""), description="Key that signs logins and students' links. Empty: made once and kept in DATA_DIR.")
    portal_open: bool = Field(True, description="Students may start an exam by their ID alone; else only by a link that a script or a proctor made.")

    # Students' page
    screen_capture: Literal["off", "optional", "required"] = Field(
        "off", description="Whether a student's page asks for the screen to be shared, of which stills are then taken."
    )
    exam_url: str = Field(
        "",
        description="Address of the exam itself (https://exam.example.org/start), shown in a frame of the students' page; empty: elsewhere. "
        "Copy and paste inside it are noticed only where it is under the portal's own address: browsers keep sites apart.",
    )

    # Database
    mongo_uri: SecretStr = Field(SecretStr("embedded"), description="MongoDB's address, `mongodb+srv` too; `embedded` starts a private one.")
    db_name: str = Field("proctoring_db", pattern=r"^[A-Za-z0-9_-]{1,63}$", description="Name of the database.")
    mongo_timeout_s: float = Field(
        3, gt=0, le=60, description="Seconds to wait for the database before a query counts as failed; an outage is to be noticed within 5."
    )
    spool_max_mb: int = Field(2048, ge=1, description="MB that the spool may take on disk while the database is away; about a day of 30 sessions.")

    # Scoring (design: the published weights)
    interval_duration: float = Field(
        30, ge=5, le=600, description="Seconds in one scored interval; signs of one event meet in it, and its clip is short enough to be looked at."
    )
    check_interval: float = Field(10, ge=1, le=600, description="Seconds between stored check records; what a crash may take of the readings.")
    flag_threshold: int = Field(
        10, ge=1, le=1000, description="Points at which an interval is flagged; the published weights below are shares of it, set by judgement."
    )
    points_gaze_distracted: Points = Field(
        2, description="Points for looking away, once per interval; who thinks does it, so it only adds to others."
    )
    points_no_face: Points = Field(
        9, description="Points for nobody in view, once per interval; a pen may have fallen, so one more sign makes a flag."
    )
    points_multiple_faces: Points = Field(
        10, description="Points for two or more persons, once per interval; a flag by itself: an exam is taken alone."
    )
    points_speech: Points = Field(
        3, description="Points for speech, once per interval; people read aloud, so alone or with looking away it can't flag."
    )
    points_multiple_voices: Points = Field(
        10, description="Points for more than one voice, once per interval; a flag by itself, as a second person in view is."
    )
    points_tab_switch: Points = Field(
        4, description="Points for each time the exam's tab or window is left; two may be slips, a third in an interval flags."
    )
    points_copy_paste: Points = Field(
        5, description="Points for each copy, cut or paste; one may move the student's own words, a second in an interval flags."
    )
    points_prohibited_object: Points = Field(
        10, description="Points for a phone in view, once per interval; a flag by itself: it has no use in an exam. 0 turns it off."
    )
    gaze_min_s: float = Field(2, ge=0.2, le=30, description="Seconds of looking away that count; a glance is shorter.")
    absent_min_s: float = Field(3, ge=0.5, le=60, description="Seconds of nobody in view that count; bending down is shorter.")
    persons_min_s: float = Field(
        1, ge=0.1, le=30, description="Seconds from the first to the last of the looks (LOOKS_MIN) that show two persons; closer ones err alike."
    )
    speech_min_s: float = Field(1, ge=0.1, le=30, description="Seconds of speech in an interval that count; a word or a cough is shorter.")
    voices_min_s: float = Field(
        2,
        ge=0.5,
        le=30,
        description="Seconds of several voices that count; 38 of 43 labelled clips with two have them for so long, of 66 others none.",
    )
    blink_max_s: float = Field(
        0.8,
        ge=0.1,
        le=5,
        description="Seconds for which closed eyes are a blink, which neither ends nor lengthens looking away; blinks take up to 0.4 s, and pictures "
        "come 0.25 s apart.",
    )
    gaze_gap_s: float = Field(
        0.5, ge=0.1, le=10, description="Seconds of looking back, or of a face in view, that end looking away or absence; a blink is shorter."
    )
    voices_gap_s: float = Field(
        3,
        ge=0.1,
        le=60,
        description="Seconds between turns under which they are one conversation, whose turns together must last VOICES_MIN_S; answers come sooner.",
    )
    unknown_max_s: float = Field(
        3,
        ge=0.5,
        le=60,
        description="Seconds unknown or unread that looking away, absence and the like survive; after longer nobody can say it went on.",
    )
    credit_max_s: float = Field(
        1, ge=0.1, le=10, description="Seconds for which one picture speaks until the next at most; where they come seldom, time is not made up."
    )
    notice_after_s: float = Field(
        5,
        ge=0,
        le=300,
        description="Seconds of a poor picture, or of nobody in it, after which the student is told; what passes by itself needs no words.",
    )
    looks_min: int = Field(
        2,
        ge=1,
        le=10,
        description="Looks running that must show several persons, a phone or nobody before it counts; one alone may err.",
    )
    looks_end: int = Field(
        2,
        ge=1,
        le=10,
        description="Looks running without several persons, or without a phone, that end having them in view; one alone may miss them.",
    )
    looks_speak_for: int = Field(
        3,
        ge=1,
        le=20,
        description="Looks due that may all be missing or unable to tell before nobody knows who is in view, and a run is over; a moved head costs "
        "one or two.",
    )
    act_together_s: float = Field(
        1,
        ge=0.1,
        le=10,
        description="Seconds within which events of browser, keys and clipboard have one cause and count once; blur, hidden and clipboard come one "
        "after the other.",
    )
    interval_settle_s: float = Field(
        7,
        ge=0,
        le=60,
        description="Seconds after its end in which an interval waits for late readings, then closes; speech is told up to 6 s after it begins. "
        "What comes later still counts, as a revision.",
    )
    high_risk_flags: int = Field(
        3, ge=1, description="Flagged intervals from which a session is listed as high risk; one or two may be chance, and each is looked at anyway."
    )

    # Rates
    video_fps: float = Field(10, ge=1, le=30, description="Pictures a second taken from a source; clips have this rate.")
    video_codec: Literal["h264", "jpeg"] = Field(
        "h264", description="What students' browsers send where they can: `h264` takes under a third of JPEG's bytes and makes clips at no cost."
    )
    gaze_fps: float = Field(
        4, ge=0.5, le=30, description="Pictures a second read for gaze, when the machine has room; 2 s of looking away are then 8 readings."
    )
    face_interval_s: float = Field(2, ge=0.2, le=60, description="Seconds between looks for persons and phones, the dearest detector.")
    analysis_workers: int = Field(0, ge=0, le=64, description="Threads that read pictures; 0: one for each core.")
    max_sessions: int = Field(100, ge=1, le=10_000, description="Sessions that may run at once; each takes about 50 MB.")

    # Sources
    default_source: Literal["local", "browser"] = Field("local", description="Source of a session whose create call names none.")
    camera: str = Field("0", description="Camera of the station `default`: an index, a file or a URL; `none`.")
    microphone: str = Field(
        "default", description="Microphone of the station `default`: a PortAudio device (name or index), a wav or flac file; `default`, `none`."
    )
    stations: Annotated[dict[str, dict[str, str]], NoDecode] = Field(
        default_factory=dict, description='More stations, as JSON: {"room-1": {"camera": "rtsp://…", "microphone": "hw:1"}}.'
    )
    screen_hooks: bool = Field(True, description="Hear this machine's keys and clipboard for local sessions, where it has a display.")
    device_retry_s: float = Field(3, ge=0.2, le=300, description="Seconds until a lost device is tried again; doubles up to ten times this.")
    device_silent_s: float = Field(
        4,
        ge=1,
        le=300,
        description="Seconds without anything from a camera or microphone that did send, after which it is lost; stills come each 3 s.",
    )
    still_s: float = Field(
        1,
        ge=0.5,
        le=10,
        description="Seconds without one changed pixel (a camera's noise never lets one pass) after which a picture is no new evidence.",
    )
    frozen_s: float = Field(
        10,
        ge=2,
        le=300,
        description="Seconds without one changed pixel after which the camera is told to be frozen; what stops for less goes on by itself.",
    )
    page_still_s: float = Field(
        1.5,
        ge=0.5,
        le=60,
        description="The same as the student's page sees it, before H.264 changes pixels that the camera didn't; from then on no picture is "
        "evidence. Less than FACE_INTERVAL_S, so that no second look sees the same picture.",
    )
    update_silent_s: float = Field(
        5,
        ge=2,
        le=300,
        description="Seconds without an update of a session after which a proctor's page says that it is cut off and its picture old; they come "
        "each second, and one may be late.",
    )
    resume_s: float = Field(
        120,
        ge=0,
        le=3600,
        description="Seconds in which a session may go on after the server or the student's browser was away; a computer starts anew in less.",
    )
    abandoned_s: float = Field(
        3600,
        ge=60,
        le=86_400,
        description="Seconds without the student's page after which a browser session is closed as interrupted; one not begun waits a day.",
    )

    # Models
    models_dir: Path = Field(Path("models"), description="Folder of the ONNX models.")
    yolo_weights: str = Field("", description="A YOLOv8n `.pt` file to make the persons model from; empty: ultralytics' own download.")
    detector_backend: Literal["onnx", "ultralytics", "facemesh"] = Field(
        "onnx", description="What counts persons; `facemesh` counts faces only and sees no phones."
    )

    # Detection (defaults: thresholds.py; how they were found: bench/NOTES.md)
    gaze_side_deg: float = Field(
        thresholds.GAZE_SIDE_DEG,
        ge=5,
        le=60,
        description="Degrees of gaze (head and eyes together) beside the person's rest that are looking away; focused people stay within 9 to 11.",
    )
    gaze_down_deg: float = Field(
        thresholds.GAZE_DOWN_DEG,
        ge=5,
        le=60,
        description="Degrees of gaze below the person's rest that are looking down; focused people stay under 7.5, reading a phone begins at 15.",
    )
    gaze_turned_deg: float = Field(
        thresholds.GAZE_TURNED_DEG,
        ge=10,
        le=90,
        description="Degrees by which the head alone is turned away, whatever the eyes do, for then they are seen badly. 15 to 30 read the same; at "
        "35 one look aside is lost.",
    )
    gaze_rest_side_deg: float = Field(
        thresholds.GAZE_REST_SIDE_DEG,
        ge=0,
        le=45,
        description="Degrees to a side that a person's rest may be from the camera (a side screen); less than GAZE_SIDE_DEG, so that looking away "
        "never becomes the rest.",
    )
    gaze_rest_down_deg: float = Field(
        thresholds.GAZE_REST_DOWN_DEG, ge=0, le=45, description="The same downwards (a camera above the screen); less than GAZE_DOWN_DEG."
    )
    gaze_rest_up_deg: float = Field(
        thresholds.GAZE_REST_UP_DEG, ge=0, le=45, description="The same upwards (a camera below the screen); who looks up to think is not at rest."
    )
    eyes_shut: float = Field(
        thresholds.EYES_SHUT,
        ge=0.02,
        le=0.3,
        description="Opening of the lids in eye widths under which a level head's eyes are closed; closed ones reach 0.12, open ones begin at 0.19.",
    )
    face_confidence: float = Field(
        thresholds.FACE_CONFIDENCE, ge=0.1, le=0.95, description="Confidence (0 to 1) from which MediaPipe finds and follows a face; its own default."
    )
    face_dark_level: float = Field(
        thresholds.FACE_DARK_LEVEL,
        ge=0,
        le=128,
        description="Mean grey (0 to 255) of the face under which gaze is unknown; at 20 % light faces have 16 to 33 and are read well.",
    )
    face_sharpness: float = Field(
        thresholds.FACE_SHARPNESS,
        ge=0,
        le=1,
        description="Share of fine detail in the face under which gaze is unknown; recorded pictures have 0.02 and more, a moving head's 0.008.",
    )
    eye_min_px: float = Field(
        thresholds.EYE_MIN_PX, ge=1, le=100, description="Pixels an eye must be wide for gaze to be read; 160×120 pictures still have 7."
    )
    eye_contrast: float = Field(
        thresholds.EYE_CONTRAST,
        ge=0,
        le=5,
        description="Contrast of the better eye, as a share of the face's, under which both are hidden and gaze is unknown (black glasses: up "
        "to 0.1); eyes have 0.94 and more, against the light 0.37. 0: never.",
    )
    person_confidence: float = Field(
        thresholds.PERSON_CONFIDENCE, ge=0.05, le=0.95, description="Confidence (0 to 1) of the only person in view; empty rooms reach 0.17."
    )
    persons_confidence: float = Field(
        thresholds.PERSONS_CONFIDENCE,
        ge=0.05,
        le=0.95,
        description="Mean confidence over two looks of each further person; real ones have 0.57 and more, arms and chairs up to 0.45.",
    )
    phone_confidence: float = Field(
        thresholds.PHONE_CONFIDENCE, ge=0.05, le=0.95, description="Mean confidence over three looks of a phone; mugs, bottles and hands reach 0.19."
    )
    screen_confidence: float = Field(
        thresholds.SCREEN_CONFIDENCE,
        ge=0.05,
        le=0.95,
        description="Confidence of a television or laptop that makes a person inside it a picture; the one labelled has 0.56, the surest that "
        "holds most of a living person 0.11. 0.1 to 0.9 read the same: the poster's outline tells it as well.",
    )
    room_dark_level: float = Field(
        thresholds.ROOM_DARK_LEVEL,
        ge=0,
        le=255,
        description="Grey (0 to 255) that the brightest twentieth of a picture must have before it is said to show nobody; the darkest with a person "
        "had 85.",
    )
    speech_threshold: float = Field(
        thresholds.SPEECH_THRESHOLD, ge=0.05, le=0.95, description="Probability (0 to 1) from which Silero hears speech begin; its own default."
    )
    speech_end_threshold: float = Field(
        thresholds.SPEECH_END_THRESHOLD,
        ge=0.01,
        le=0.95,
        description="Probability under which speech ends; low, so that soft words stay in it. At most SPEECH_THRESHOLD.",
    )
    speech_confirm: float = Field(
        thresholds.SPEECH_CONFIRM,
        ge=0,
        le=1,
        description="Mean probability of speech that the second model must give a stretch, so that music and animals are none.",
    )
    speech_pause_s: float = Field(
        thresholds.SPEECH_PAUSE_S,
        ge=0.1,
        le=5,
        description="Seconds of pause that belong to the speech around them; at 1.0 precision falls under 0.99.",
    )
    voices_threshold: float = Field(
        thresholds.VOICES_THRESHOLD,
        ge=0.15,
        le=0.9,
        description="Likeness (mean cosine) under which two speakers are two voices; one voice has 0.53 to 0.85, two 0.1 to 0.46. Lower finds fewer.",
    )
    voice_change_threshold: float = Field(
        thresholds.VOICE_CHANGE_THRESHOLD,
        ge=0.15,
        le=0.9,
        description="Likeness under which the voice has changed within what sounds like one speaker; one voice has 0.53 and more, two have up to "
        "0.46. 0.40 to 0.56 find the same.",
    )
    stranger_threshold: float = Field(
        thresholds.STRANGER_THRESHOLD,
        ge=0.1,
        le=0.9,
        description="Likeness to the student's own voice under which a voice is somebody else's; 95 of 100 pairs of two voices lie under 0.46. "
        "0.35 to 0.51 find the same.",
    )
    own_voice_threshold: float = Field(
        thresholds.OWN_VOICE_THRESHOLD,
        ge=0.1,
        le=0.95,
        description="Likeness from which a voice is the student's and refines what is known of it; 95 of 100 pairs of one voice have 0.53. At least "
        "STRANGER_THRESHOLD.",
    )
    own_voice_s: float = Field(
        thresholds.OWN_VOICE_S,
        ge=2,
        le=120,
        description="Seconds of one voice after which it is taken for the student's: five of VOICE_UNIT_S, for one alone is too unsure. Forgotten "
        "with the session.",
    )
    together_s: float = Field(
        thresholds.TOGETHER_S,
        ge=0.1,
        le=5,
        description="Seconds of two talking at once that are two voices; an echo at a word's beginning is shorter.",
    )
    sound_silent_s: float = Field(
        thresholds.SOUND_SILENT_S,
        ge=1,
        le=600,
        description="Seconds of exact zeros after which the microphone counts as dead or muted; a live one always has some noise.",
    )
    sound_faint_dbfs: float = Field(
        thresholds.SOUND_FAINT_DBFS, ge=-120, le=0, description="Loudness in dB below full scale under which sound is unknown; two steps of 16 bits."
    )
    sound_clipped_share: float = Field(
        thresholds.SOUND_CLIPPED_SHARE,
        ge=0.001,
        le=1,
        description="Share of a second's samples at full scale from which it is unknown; of 109 labelled clips no second has any.",
    )

    # Finer limits of gaze (defaults: thresholds.py; how they were found: bench/NOTES.md)
    gaze_iris_side_deg: float = Field(
        thresholds.GAZE_IRIS_SIDE_DEG,
        ge=60,
        le=300,
        description="Degrees of gaze for each eye width an iris is aside; of 60 to 300 this parts looks aside from focused ones best.",
    )
    gaze_iris_down_deg: float = Field(
        thresholds.GAZE_IRIS_DOWN_DEG,
        ge=0,
        le=300,
        description="Degrees of gaze for each eye width an iris is down; less than aside, for the lid (GAZE_LID_DEG) carries it as well.",
    )
    gaze_lid_deg: float = Field(
        thresholds.GAZE_LID_DEG,
        ge=0,
        le=300,
        description="Degrees of gaze for each eye width the upper lid is down; it follows the gaze, and is measured better than the iris.",
    )
    gaze_up_s: float = Field(
        thresholds.GAZE_UP_S,
        ge=0,
        le=10,
        description="Seconds for which who looked up is still taken to; without, a look to the ceiling's corner flickers between up and aside.",
    )
    gaze_up_aside: float = Field(
        thresholds.GAZE_UP_ASIDE,
        ge=1,
        le=3,
        description="Times that such a look must be more aside than up to be one to the side; no labelled look to the side is lost by it.",
    )
    gaze_rest_window: int = Field(
        thresholds.GAZE_REST_WINDOW,
        ge=10,
        le=5000,
        description="Readings of which a person's rest is the median; two minutes at one each GAZE_REST_STEP_S.",
    )
    gaze_rest_prior: int = Field(
        thresholds.GAZE_REST_PRIOR,
        ge=1,
        le=5000,
        description="Readings that people's usual rest weighs as much as, so that the first moments alone can't set a person's own.",
    )
    gaze_rest_step_s: float = Field(
        thresholds.GAZE_REST_STEP_S,
        ge=0.1,
        le=60,
        description="Seconds between two readings that the rest learns from; pictures closer together say nothing new.",
    )
    gaze_aside_s: float = Field(
        thresholds.GAZE_ASIDE_S,
        ge=5,
        le=3600,
        description="Seconds of looking to one place beside the camera, never at it, after which that is unknown: the screen may stand there.",
    )
    gaze_rest_open: float = Field(
        thresholds.GAZE_REST_OPEN,
        ge=1,
        le=3,
        description="Times EYES_SHUT that the lids must be apart for the rest to learn from a reading; nearly shut ones are no rest.",
    )
    eyes_rest_least: float = Field(
        thresholds.EYES_REST_LEAST,
        ge=0.1,
        le=0.26,
        description="Eye widths that a person's lids rest apart at least, for EYES_SHUT follows them: here it is 0.115, and closed eyes reach 0.12.",
    )
    eyes_rest_most: float = Field(
        thresholds.EYES_REST_MOST,
        ge=0.26,
        le=0.6,
        description="The same at most: here EYES_SHUT is 0.2, and open eyes begin at 0.19. People's usual rest is 0.26.",
    )
    eyes_in_box: float = Field(
        0.4,
        ge=0,
        le=2,
        description="Share of the face's height (hairline to chin) above which the eyes are: a phone lower than that is looked down at. 0 to 1 read "
        "the same; at 1.5 three who read one are lost.",
    )
    eyes_phone_looks: int = Field(
        2,
        ge=1,
        le=10,
        description="Looks for which a phone below the eyes says that shut lids are lowered to it; one look may miss it (LOOKS_END).",
    )
    eyes_shut_per_deg: float = Field(
        thresholds.EYES_SHUT_PER_DEG,
        ge=0,
        le=0.1,
        description="Eye widths taken off EYES_SHUT for each degree a head is bowed: lids follow the gaze; closed eyes right 26 → 28 of 28.",
    )
    eyes_shut_from_deg: float = Field(
        thresholds.EYES_SHUT_FROM_DEG,
        ge=0,
        le=45,
        description="Degrees below the person's rest from which a head is bowed for EYES_SHUT_PER_DEG. 2 to 6 read the same; at 0 one with closed "
        "eyes looks down, at 8 one who looks down has them closed.",
    )
    face_stretch_level: float = Field(
        thresholds.FACE_STRETCH_LEVEL,
        ge=0,
        le=255,
        description="Grey (0 to 255) of the brightest twentieth under which contrast is stretched first; lit rooms have 141 and more.",
    )
    face_second_look_s: float = Field(
        thresholds.FACE_SECOND_LOOK_S,
        ge=0,
        le=60,
        description="Seconds between two looks for small and turned faces while there are none; each takes 3 ms.",
    )
    face_outline_confidence: float = Field(
        thresholds.FACE_OUTLINE_CONFIDENCE,
        ge=0.1,
        le=1,
        description="Confidence (0 to 1) of a face without landmarks from which its turn is believed; high, for nothing confirms it.",
    )
    face_outline_turn: float = Field(
        thresholds.FACE_OUTLINE_TURN,
        ge=1,
        le=3,
        description="Times GAZE_TURNED_DEG that a face without landmarks must be turned to look away; its angle is rough.",
    )
    picture_dark_level: float = Field(
        thresholds.PICTURE_DARK_LEVEL,
        ge=0,
        le=255,
        description="Grey (0 to 255) of the brightest twentieth under which a picture without a face is dark; at 20 % light 28 to 50.",
    )
    picture_flat_range: float = Field(
        thresholds.PICTURE_FLAT_RANGE,
        ge=0,
        le=255,
        description="Grey levels from darkest to brightest under which a picture without a face is covered; bare walls have 100 and more.",
    )
    picture_sharpness: float = Field(
        thresholds.PICTURE_SHARPNESS,
        ge=0,
        le=2,
        description="Curvature over slope of edges under which a picture without a face is blurred; recorded ones have 0.47 and more.",
    )

    # Finer limits of persons and phones (defaults: thresholds.py; how they were found: bench/NOTES.md)
    person_far_confidence: float = Field(
        thresholds.PERSON_FAR_CONFIDENCE,
        ge=0.05,
        le=0.99,
        description="Confidence of the only person at the smallest size; faces filling the picture have 0.84 and more, empty rooms 0.08.",
    )
    persons_hint: float = Field(
        thresholds.PERSONS_HINT,
        ge=0.01,
        le=0.95,
        description="Confidence from which a further person is looked for at a second size; far under the 0.57 of real ones, to miss none.",
    )
    persons_same_overlap: float = Field(
        thresholds.PERSONS_SAME_OVERLAP,
        ge=0.1,
        le=0.95,
        description="Overlap (intersection over union) from which boxes of two looks are one person; two sizes don't draw quite the same box. 0.2 to "
        "0.8 read the same.",
    )
    box_confidence: float = Field(
        thresholds.BOX_CONFIDENCE,
        ge=0.001,
        le=0.5,
        description="Confidence from which a box is heard at all; low, for means of several looks decide. At most PERSONS_HINT, PHONE_HINT.",
    )
    box_overlap: float = Field(
        thresholds.BOX_OVERLAP,
        ge=0.1,
        le=0.95,
        description="Overlap from which two boxes of one look are one thing; at ultralytics' own 0.7 more persons are counted twice.",
    )
    screen_share: float = Field(
        thresholds.SCREEN_SHARE,
        ge=0.5,
        le=1,
        description="Share of a person's box inside a screen's from which it is a picture: the one labelled lies wholly in it, living persons up "
        "to 0.32. 0.5 to 0.95 read the same.",
    )
    face_large_share: float = Field(
        thresholds.FACE_LARGE_SHARE,
        ge=0.05,
        le=1,
        description="Share of the picture's height from which a face of unknown gaze is a person; small doubtful ones are bottles, too.",
    )
    hands_person_confidence: float = Field(
        thresholds.HANDS_PERSON_CONFIDENCE,
        ge=0.05,
        le=0.95,
        description="Confidence of a person below whose head a phone is looked for more closely, else below the face; it only says where to look. "
        "0.15 to 0.9 read the same.",
    )
    hands_below: float = Field(
        thresholds.HANDS_BELOW,
        ge=0,
        le=0.9,
        description="Share of the person's height, from the top, above which that is not done: the head. 0 to 0.4 read the same; at 0.5 one phone "
        "is seen where none is.",
    )
    hands_beside: float = Field(
        thresholds.HANDS_BESIDE,
        ge=0,
        le=1,
        description="Share of the picture's width beside the person in which it is done, too: arms reach out of the box. At 0 two of 24 phones are "
        "lost and two false, at 0.2 two more are found, at 0.3 one.",
    )
    hands_face_below: float = Field(
        thresholds.HANDS_FACE_BELOW,
        ge=0,
        le=2,
        description="Share of the face's height, from the top, above which it is not done where only a face is found: the eyes. 0 to 1 read the "
        "same.",
    )
    hands_face_beside: float = Field(
        thresholds.HANDS_FACE_BESIDE,
        ge=0,
        le=10,
        description="Face widths to each side in which it is done then: shoulders and arms. 0.5 to 3 read the same.",
    )
    face_pictured_share: float = Field(
        thresholds.FACE_PICTURED_SHARE,
        ge=0.1,
        le=1,
        description="Share of a face inside a pictured person's box from which it is that person's; a student before the poster reaches out of it. "
        "0.2 to 0.9 read the same.",
    )
    phone_hint: float = Field(
        thresholds.PHONE_HINT,
        ge=0.001,
        le=0.95,
        description="Confidence of the first look from which a phone is checked; 36 of 38 pictures with one reach it, 7 % of the others.",
    )
    phone_votes_least: float = Field(
        thresholds.PHONE_VOTES_LEAST,
        ge=0,
        le=2,
        description="Sum of a phone's first two confidences under which the third and dearest look is spared; it would have to give 0.5.",
    )
    phone_overlap: float = Field(
        thresholds.PHONE_OVERLAP,
        ge=0,
        le=0.9,
        description="Share of their common area from which two looks mean the same phone; weak things that lie apart are none. No labelled phone is "
        "lost by it.",
    )
    phone_poor_factor: float = Field(
        thresholds.PHONE_POOR_FACTOR,
        ge=1,
        le=10,
        description="How many times as sure a phone must be in a dark, backlit or blurred picture; jars and mugs reach 0.36 there.",
    )
    phone_coarse_px: int = Field(
        thresholds.PHONE_COARSE_PX,
        ge=0,
        le=10000,
        description="Pixels of width under which PHONE_COARSE_FACTOR holds; at 320 printed mugs reach 0.23, phones begin at 0.25.",
    )
    phone_coarse_factor: float = Field(
        thresholds.PHONE_COARSE_FACTOR,
        ge=1,
        le=3,
        description="Times PHONE_CONFIDENCE that a phone needs in such pictures; a quarter more lies between the mugs and the phones.",
    )
    room_flat_slope: float = Field(
        thresholds.ROOM_FLAT_SLOPE,
        ge=0,
        le=50,
        description="Grey levels a pixel of the strongest slope under which the lens is covered; a finger has 0.6, the plainest wall 8.5.",
    )
    room_blur_edge: float = Field(
        thresholds.ROOM_BLUR_EDGE,
        ge=0,
        le=100,
        description="Grey levels of the strongest edge under which a picture is blurred; then it has 5 to 8, empty rooms 12.5 and more.",
    )
    room_blur_share: float = Field(
        thresholds.ROOM_BLUR_SHARE,
        ge=0,
        le=1,
        description="Share of the contrast that this edge must be under, too; of blurred pictures it is 0.1, of empty rooms 0.3 and more.",
    )
    room_burnt_share: float = Field(
        thresholds.ROOM_BURNT_SHARE,
        ge=0.01,
        le=1,
        description="Share of a dark picture burnt out (a window) that hides people; without it 2 of 66 with somebody were called empty.",
    )
    poster_fill: float = Field(
        thresholds.POSTER_FILL,
        ge=0.3,
        le=1,
        description="Share of its rectangle that a poster's outline fills; posters have 0.95 and more, of 1,360 persons none over 0.67.",
    )
    poster_edge_share: float = Field(
        thresholds.POSTER_EDGE_SHARE,
        ge=0,
        le=0.2,
        description="Share of the longer side within which a person reaches the picture's edge and is no poster: whoever sits at the camera does, "
        "and is spared the search for a frame. 0 to 0.05 read the same; at 0.1 a painting is a person.",
    )
    poster_straight: float = Field(
        thresholds.POSTER_STRAIGHT,
        ge=0.3,
        le=1,
        description="Share of a poster's four edges that is drawn straight; of 1,360 persons none has four such edges.",
    )

    # Finer limits of sound and voices (defaults: thresholds.py; how they were found: bench/NOTES.md)
    sound_faint_s: float = Field(
        thresholds.SOUND_FAINT_S, ge=1, le=600, description="Seconds that must all be fainter than SOUND_FAINT_DBFS; one quiet second says nothing."
    )
    sound_gap_s: float = Field(
        thresholds.SOUND_GAP_S, ge=0.05, le=10, description="Seconds of missing sound from which it is lost; less is a browser's jitter."
    )
    speech_pad_s: float = Field(
        thresholds.SPEECH_PAD_S,
        ge=0,
        le=1,
        description="Seconds by which speech is taken to begin before Silero hears it; it hears beginnings about so late.",
    )
    speech_click_s: float = Field(
        thresholds.SPEECH_CLICK_S, ge=0, le=5, description="Seconds under which speech is none; a click or a cough is shorter."
    )
    speech_sure_s: float = Field(
        thresholds.SPEECH_SURE_S,
        ge=0.1,
        le=30,
        description="Seconds of speech after which it is told at once where the second model is missing: nothing else will confirm it.",
    )
    voices_look_speech_s: float = Field(
        thresholds.VOICES_LOOK_SPEECH_S,
        ge=0.5,
        le=8,
        description="Seconds of speech after which it is told and voices are judged again; fewer cost more, more tell later.",
    )
    voices_look_pause_s: float = Field(
        thresholds.VOICES_LOOK_PAUSE_S,
        ge=0.2,
        le=8,
        description="Seconds of silence after which the last speech is judged; so speech is told 1 s after it ends.",
    )
    voices_look_apart_s: float = Field(
        thresholds.VOICES_LOOK_APART_S, ge=0, le=30, description="Seconds between two such judgements at least; bounds what broken speech costs."
    )
    voices_follow_s: float = Field(
        thresholds.VOICES_FOLLOW_S,
        ge=0,
        le=60,
        description="Seconds after another voice for which the talk still counts as one of several; what answers it belongs to it.",
    )
    voices_short_less: float = Field(
        thresholds.VOICES_SHORT_LESS,
        ge=0,
        le=0.5,
        description="Likeness taken off VOICES_THRESHOLD for short speech, which is less sure; 0.45 at 0.7 s made a dog's bark a voice.",
    )
    voices_short_s: float = Field(
        thresholds.VOICES_SHORT_S,
        ge=0.1,
        le=10,
        description="Seconds of speech of one of two speakers at which all of VOICES_SHORT_LESS is taken off; a short answer is as long.",
    )
    voices_sure_s: float = Field(
        thresholds.VOICES_SURE_S,
        ge=0.1,
        le=30,
        description="Seconds from which nothing is: what VOICES_THRESHOLD was measured on. At least VOICES_SHORT_S.",
    )
    voice_change_less: float = Field(
        thresholds.VOICE_CHANGE_LESS,
        ge=0,
        le=0.5,
        description="The same for VOICE_CHANGE_THRESHOLD: with 1.3 s on one side the likeness must be under 0.40.",
    )
    voice_change_short_s: float = Field(
        thresholds.VOICE_CHANGE_SHORT_S,
        ge=0.1,
        le=10,
        description="Seconds on a change's shorter side at which all of VOICE_CHANGE_LESS is taken off; fewer are too unsure for a change.",
    )
    voice_change_sure_s: float = Field(
        thresholds.VOICE_CHANGE_SURE_S,
        ge=0.1,
        le=30,
        description="Seconds from which nothing is; on both sides there are then several directions. At least VOICE_CHANGE_SHORT_S.",
    )
    voice_change_contrast: float = Field(
        thresholds.VOICE_CHANGE_CONTRAST,
        ge=0,
        le=0.9,
        description="Likeness that a change of voice must lie under that within either side; a voice that varies all along has not changed.",
    )
    voice_turn_s: float = Field(
        thresholds.VOICE_TURN_S,
        ge=0.1,
        le=10,
        description="Seconds of a second speaker in the last ten that count; in much fewer no voice can be told. 0.25 to 0.75 find the same; at "
        "1.0 one of 40 clips with several voices is lost, at 1.5 four.",
    )
    voice_unit_s: float = Field(
        thresholds.VOICE_UNIT_S,
        ge=0.5,
        le=5,
        description="Seconds of speech whose direction is taken at once; longer tells voices apart better, shorter finds a short answer.",
    )
    voice_unit_least_s: float = Field(
        thresholds.VOICE_UNIT_LEAST_S, ge=0.1, le=5, description="Seconds under which speech has no reliable direction. At most VOICE_UNIT_S."
    )
    voice_unit_sound_s: float = Field(
        thresholds.VOICE_UNIT_SOUND_S,
        ge=0.1,
        le=5,
        description="Seconds under which a direction serves only where two speakers are heard; alone it is too unsure to teach or accuse.",
    )
    voice_unit_share: float = Field(
        thresholds.VOICE_UNIT_SHARE,
        ge=0.5,
        le=1,
        description="Share of such a stretch that one speaker must say alone for it to be that speaker's; clearly more than half. 0.5 to 0.8 find "
        "the same; at 0.9 one of 40 clips with several voices is lost.",
    )
    stranger_s: float = Field(
        thresholds.STRANGER_S,
        ge=0.5,
        le=30,
        description="Seconds of speech on which a stranger's voice must rest; more than VOICE_UNIT_S, so that one direction is not enough.",
    )
    own_voice_apart_s: float = Field(
        thresholds.OWN_VOICE_APART_S,
        ge=0,
        le=3600,
        description="Seconds between first and last hearing the student's voice, before another alone counts; one talk may be the invigilator's.",
    )
    own_voice_most_s: float = Field(
        thresholds.OWN_VOICE_MOST_S,
        ge=2,
        le=3600,
        description="Seconds of the student's voice that are weighed against what is new; it follows a cold or another seat. At least OWN_VOICE_S.",
    )
    together_edge_s: float = Field(
        thresholds.TOGETHER_EDGE_S,
        ge=0.05,
        le=5,
        description="Seconds at a window's end in which two at once don't count; the overlap model hears two until it knows what follows.",
    )

    # Clips
    clip_preroll_s: float = Field(5, ge=0, le=60, description="Seconds kept before a flagged interval; enough to see how it began.")
    clip_postroll_s: float = Field(5, ge=0, le=60, description="Seconds kept after a flagged interval; enough to see how it ended.")
    clip_settle_s: float = Field(
        1,
        ge=0,
        le=30,
        description="Seconds that a clip waits for late pictures and sound of its end; what a network holds up for longer is not in it.",
    )
    clip_crf: int = Field(28, ge=10, le=45, description="H.264 quality of clips, lower is better; 28 keeps faces readable at about 90 KB a second.")
    ring_max_mb: int = Field(
        24, ge=1, le=1024, description="MB of pictures and sound kept in memory per session, from which clips are made; 40 s of JPEG take 10."
    )
    clip_queue_mb: int = Field(
        512, ge=16, description="MB of pictures that may wait to be encoded; beyond it a clip is given up, and its record says so."
    )

    # Keeping
    keep_days: int = Field(
        365,
        ge=0,
        le=36_500,
        description="Days after its end for which a session is kept; then its records and clips are deleted. 0: until somebody deletes them.",
    )

    # Limits on what a client may send
    max_body_kb: int = Field(64, ge=4, le=10_240, description="KB of a REST call's body; the largest of the pages' own has 60.")
    max_picture_kb: int = Field(1024, ge=16, le=16_384, description="KB of one picture; one of 640×480 takes about 25.")
    max_picture_pixels: int = Field(
        4_000_000, ge=76_800, le=50_000_000, description="Pixels of one picture; a larger one is refused before it is decoded."
    )

    @field_validator("stations", mode="before")
    @classmethod
    def _parse_stations(cls, value: Any) -> Any:
        if not isinstance(value, str):
            return value
        try:
            return json.loads(value) if value.strip() else {}
        except json.JSONDecodeError as error:
            raise ValueError(f'is not JSON ({error}); write {{"room-1": {{"camera": "0", "microphone": "none"}}}}') from None

    @field_validator("stations")
    @classmethod
    def _check_stations(cls, value: dict[str, dict[str, str]]) -> dict[str, dict[str, str]]:
        for name, station in value.items():
            unknown = set(station) - {"camera", "microphone"}
            if unknown:
                raise ValueError(f"station {name!r} has {sorted(unknown)}; allowed are camera and microphone")
        return value

    @field_validator("exam_url")
    @classmethod
    def _check_exam_url(cls, value: str) -> str:
        if value and not re.fullmatch(r"https?://[A-Za-z0-9.\-]+(:\d{1,5})?([/?#]\S*)?", value):
            raise ValueError("must begin with https:// or http:// and a host's name")
        return value

    @field_validator("api_token")
    @classmethod
    def _check_token(cls, value: SecretStr) -> SecretStr:
        if value.get_secret_value() and len(value.get_secret_value()) < 24:
            raise ValueError("needs at least 24 characters; make one with: python -c 'import secrets; print(secrets.token_urlsafe(32))'")
        return value

    @model_validator(mode="after")
    def _limits_fit_each_other(self) -> Settings:
        for lower, upper in (
            ("gaze_rest_side_deg", "gaze_side_deg"),
            ("gaze_rest_down_deg", "gaze_down_deg"),
            ("speech_end_threshold", "speech_threshold"),
            ("stranger_threshold", "own_voice_threshold"),
            ("box_confidence", "persons_hint"),
            ("box_confidence", "phone_hint"),
            ("persons_hint", "persons_confidence"),
            ("voices_short_s", "voices_sure_s"),
            ("voice_change_short_s", "voice_change_sure_s"),
            ("voice_unit_least_s", "voice_unit_s"),
            ("own_voice_s", "own_voice_most_s"),
        ):
            if getattr(self, lower) > getattr(self, upper):
                raise ValueError(f"{lower.upper()}={getattr(self, lower):g} must not be greater than {upper.upper()}={getattr(self, upper):g}")
        return self

    @model_validator(mode="after")
    def _checks_fit_the_interval(self) -> Settings:
        if self.check_interval > self.interval_duration:
            raise ValueError(f"CHECK_INTERVAL={self.check_interval:g} must not be longer than INTERVAL_DURATION={self.interval_duration:g}")
        return self

    def points(self) -> dict[ViolationKind, int]:
        """The published weights by kind."""
        return {kind: getattr(self, f"points_{kind}") for kind in VIOLATION_KINDS}

    def all_stations(self) -> dict[str, dict[str, str]]:
        """Every station by name, `default` among them."""
        default = {"camera": self.camera, "microphone": self.microphone}
        return {"default": default} | {name: {"camera": "none", "microphone": "none"} | s for name, s in self.stations.items()}


def load_settings(**overrides: Any) -> Settings:
    """The settings from `.env` and the environment, with `overrides` on top. Raise `ConfigError` that names what is wrong."""
    try:
        return Settings(**overrides)
    except ValidationError as error:
        raise ConfigError("\n".join(_explain(problem) for problem in error.errors())) from None


def _explain(problem: Any) -> str:
    name = "_".join(str(part) for part in problem["loc"][:1]).upper()
    if not name:
        return str(problem["msg"]).removeprefix("Value error, ")
    given = "(hidden)" if Settings.model_fields[name.lower()].annotation is SecretStr else repr(problem["input"])
    return f"{name}={given}: {str(problem['msg']).removeprefix('Value error, ')}. {Settings.model_fields[name.lower()].description}"
