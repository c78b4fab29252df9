"""Every setting, once: its name, type, unit, bounds, default and the reason for it. Read from `.env` and the environment."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

import thresholds
from errors import ConfigError
from readings import VIOLATION_KINDS, ViolationKind

ROOT = Path(__file__).resolve().parent

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
        description="Address of the exam itself (https://exam.example.org/start), shown in a frame of the students' page; empty: elsewhere.",
    )

    # Database
    mongo_uri: SecretStr = Field(SecretStr("embedded"), description="MongoDB's address, `mongodb+srv` too; `embedded` starts a private one.")
    db_name: str = Field("proctoring_db", pattern=r"^[A-Za-z0-9_-]{1,63}$", description="Name of the database.")
    mongo_timeout_s: float = Field(3, gt=0, le=60, description="Seconds to wait for the database before a query counts as failed.")
    spool_max_mb: int = Field(2048, ge=1, description="MB that the spool may take on disk while the database is away; about a day of 30 sessions.")

    # Scoring (design: the published weights)
    interval_duration: float = Field(30, ge=5, le=600, description="Seconds in one scored interval.")
    check_interval: float = Field(10, ge=1, le=600, description="Seconds between stored check records.")
    flag_threshold: int = Field(10, ge=1, le=1000, description="Points at which an interval is flagged.")
    points_gaze_distracted: Points = Field(2, description="Points for looking away, once per interval; alone it can't flag.")
    points_no_face: Points = Field(9, description="Points for nobody in view, once per interval; one more sign makes a flag.")
    points_multiple_faces: Points = Field(10, description="Points for two or more persons, once per interval.")
    points_speech: Points = Field(3, description="Points for speech, once per interval; reading aloud alone can't flag.")
    points_multiple_voices: Points = Field(10, description="Points for more than one voice, once per interval.")
    points_tab_switch: Points = Field(4, description="Points for each time the exam's tab or window is left.")
    points_copy_paste: Points = Field(5, description="Points for each copy, cut or paste.")
    points_prohibited_object: Points = Field(10, description="Points for a phone in view, once per interval; 0 turns it off.")
    gaze_min_s: float = Field(2, ge=0.2, le=30, description="Seconds of looking away that count; a glance is shorter.")
    absent_min_s: float = Field(3, ge=0.5, le=60, description="Seconds of nobody in view that count; bending down is shorter.")
    persons_min_s: float = Field(1, ge=0.1, le=30, description="Seconds between the two looks that must both show two persons.")
    speech_min_s: float = Field(1, ge=0.1, le=30, description="Seconds of speech in an interval that count; a word or a cough is shorter.")
    voices_min_s: float = Field(2, ge=0.5, le=30, description="Seconds of speech that a judgement of several voices must rest on.")
    blink_max_s: float = Field(0.8, ge=0.1, le=5, description="Seconds for which closed eyes are a blink, and so focused.")
    high_risk_flags: int = Field(3, ge=1, description="Flagged intervals from which a session is listed as high risk.")

    # Rates
    video_fps: float = Field(10, ge=1, le=30, description="Pictures a second taken from a source; clips have this rate.")
    video_codec: Literal["h264", "jpeg"] = Field(
        "h264", description="What students' browsers send where they can: `h264` takes a sixth of JPEG's bytes and makes clips at no cost."
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
    frozen_s: float = Field(10, ge=2, le=300, description="Seconds without one changed pixel after which a picture counts as frozen.")
    resume_s: float = Field(
        120, ge=0, le=3600, description="Seconds in which a session may go on after the server or the student's browser was away."
    )
    abandoned_s: float = Field(
        3600, ge=60, le=86_400, description="Seconds without the student's page after which a browser session is closed as interrupted."
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
        description="Degrees by which the head alone is turned away, whatever the eyes do: of a far turned face the irises are seen badly.",
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
    gaze_rest_up_deg: float = Field(thresholds.GAZE_REST_UP_DEG, ge=0, le=45, description="The same upwards (a camera below the screen).")
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
        description="Confidence of a television or laptop in view that makes a person inside it a picture.",
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
        thresholds.SPEECH_PAUSE_S, ge=0.1, le=5, description="Seconds of pause that belong to the speech around them; longer costs precision."
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
        description="Likeness under which the voice has changed within what sounds like one speaker.",
    )
    stranger_threshold: float = Field(
        thresholds.STRANGER_THRESHOLD, ge=0.1, le=0.9, description="Likeness to the student's own voice under which a voice is somebody else's."
    )
    own_voice_threshold: float = Field(
        thresholds.OWN_VOICE_THRESHOLD,
        ge=0.1,
        le=0.95,
        description="Likeness from which a voice is the student's and refines what is known of it; at least STRANGER_THRESHOLD.",
    )
    own_voice_s: float = Field(
        thresholds.OWN_VOICE_S,
        ge=2,
        le=120,
        description="Seconds of one voice after which it is taken for the student's; forgotten with the session.",
    )
    together_s: float = Field(
        thresholds.TOGETHER_S,
        ge=0.1,
        le=5,
        description="Seconds of two talking at once that are two voices; an echo at a word's beginning is shorter.",
    )
    sound_silent_s: float = Field(
        thresholds.SOUND_SILENT_S, ge=1, le=600, description="Seconds of exact zeros after which the microphone counts as dead or muted."
    )
    sound_faint_dbfs: float = Field(
        thresholds.SOUND_FAINT_DBFS, ge=-120, le=0, description="Loudness in dB below full scale under which sound is unknown; two steps of 16 bits."
    )
    sound_clipped_share: float = Field(
        thresholds.SOUND_CLIPPED_SHARE, ge=0.001, le=1, description="Share of a second's samples at full scale from which it is unknown."
    )

    # Clips
    clip_preroll_s: float = Field(5, ge=0, le=60, description="Seconds kept before a flagged interval.")
    clip_postroll_s: float = Field(5, ge=0, le=60, description="Seconds kept after a flagged interval.")
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
    max_body_kb: int = Field(64, ge=4, le=10_240, description="KB of a REST call's body.")
    max_picture_kb: int = Field(1024, ge=16, le=16_384, description="KB of one picture.")
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
