"""The exams that run: how many, how often their pictures are read, and when one goes on or is given up."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from settings.everyday import EVERYDAY

READY_MADE_MAX = 30  # of an institution's own; more is no list to choose from
MESSAGE_MAX = 500  # characters of a message


class SessionSettings(BaseModel):
    """How exams run."""

    model_config = ConfigDict(title="Sessions", frozen=True)

    default_source: Literal["local", "browser"] = Field(
        default="local", description="Source of a session whose create call names none.", json_schema_extra=EVERYDAY
    )
    max_sessions: int = Field(
        default=100, ge=1, le=10_000, description="Sessions that may run at once; each takes about 15 MB.", json_schema_extra=EVERYDAY
    )
    capacity: int = Field(
        default=0,
        ge=0,
        le=10_000,
        description="Exams that this server takes at once, MAX_SESSIONS at most; who comes then waits on a page that goes on by itself. 0: as many "
        "as it can watch by MIN_READINGS_PER_S, which it measures.",
        json_schema_extra=EVERYDAY,
    )
    min_readings_per_s: float = Field(
        default=0.2,
        ge=0.01,
        le=10,
        description="Readings a second of each student's picture that the server promises at the least: it takes no more exams than it can watch so. "
        "A student who sits still is read once a second where there is room.",
    )
    analysis_workers: int = Field(default=0, ge=0, le=64, description="Threads that read pictures; 0: one for each core.", json_schema_extra=EVERYDAY)
    video_fps: float = Field(
        default=10, ge=1, le=30, description="Pictures a second taken from a source; clips have this rate.", json_schema_extra=EVERYDAY
    )
    video_codec: Literal["h264", "jpeg"] = Field(
        default="h264",
        description="What students' browsers send where they can: `h264` takes under a third of JPEG's bytes and makes clips at no cost.",
        json_schema_extra=EVERYDAY,
    )
    gaze_fps: float = Field(
        default=4,
        ge=0.5,
        le=30,
        description="Pictures a second read for gaze, when the machine has room; 2 s of looking away are then 8 readings.",
        json_schema_extra=EVERYDAY,
    )
    gaze_calm_fps: float = Field(
        default=1,
        ge=0.5,
        le=30,
        description="Pictures a second read while a student sits still and looks at the screen; what is left out is read after all where the next "
        "reading finds something. As high as GAZE_FPS: always at the same rate.",
    )
    face_calm_interval_s: float = Field(
        default=6,
        ge=0.2,
        le=60,
        description="Seconds between looks for persons and phones while nothing moves: whoever comes in moves. As low as FACE_INTERVAL_S: always "
        "the same.",
    )
    moved_share: float = Field(
        default=0.01,
        ge=0,
        le=1,
        description="Share of the picture from which a change is movement; a hand or a head at the edge is more, a camera's noise none. 0: always.",
    )
    notice_after_s: float = Field(
        default=5,
        ge=0,
        le=300,
        description="Seconds of a poor picture, or of nobody in it, after which the student is told; what passes by itself needs no words.",
        json_schema_extra=EVERYDAY,
    )
    update_silent_s: float = Field(
        default=5,
        ge=2,
        le=300,
        description="Seconds without an update of a session after which a proctor's page says that it is cut off and its picture old; they come "
        "each second, and one may be late.",
    )
    resume_s: float = Field(
        default=120,
        ge=0,
        le=3600,
        description="Seconds after the server's start in which a student's page may come back, however long the server was away; they take a few.",
        json_schema_extra=EVERYDAY,
    )
    abandoned_s: float = Field(
        default=3600,
        ge=60,
        le=86_400,
        description="Seconds without the student's page, whichever side was away, after which a browser session is closed as interrupted; one not "
        "begun waits a day.",
        json_schema_extra=EVERYDAY,
    )
    ready_made_messages: str = Field(
        default="",
        max_length=READY_MADE_MAX * (MESSAGE_MAX + 3),
        description="Your institution's own messages for a proctor to choose from, with `|` between them; they stand before the ready-made ones.",
        json_schema_extra=EVERYDAY,
    )

    @property
    def own_messages(self) -> list[str]:
        """The institution's own messages, in order."""
        return [text for part in self.ready_made_messages.split("|") if (text := part.strip())]

    @field_validator("ready_made_messages")
    @classmethod
    def _check_messages(cls, value: str) -> str:
        texts = [part.strip() for part in value.split("|")]
        if len(texts) > READY_MADE_MAX:
            raise ValueError(f"has {len(texts)} messages; at most {READY_MADE_MAX} make a list to choose from")
        if longest := max((len(text) for text in texts if len(text) > MESSAGE_MAX), default=0):
            raise ValueError(f"has a message of {longest} characters; one has at most {MESSAGE_MAX}")
        return value
