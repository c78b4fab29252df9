"""What calls answer of an interval: its violations, its clip, and what people decided about it."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, Field

from basics.signals import ViolationKind
from web.calls.values import Time


class ViolationAnswer(BaseModel):
    """Something that counted: `start` and `end` in seconds on the session's clock."""

    kind: ViolationKind
    start: float
    end: float
    points: int
    occurrences: int = 1
    evidence: dict[str, Any] = Field(default_factory=dict, description="The numbers it rests on.")
    text: str = Field(default="", description="The same as a sentence.", examples=["Two people in view for 12 s (+10)"])


class ClipAnswer(BaseModel):
    """The clip of an interval. `none`: not flagged. `failed`: with the `reason`. `deleted`: its time was over, see `reason`. `away`: it is on a
    server that is away, and is `ready` again when that is back."""

    state: Literal["none", "pending", "ready", "failed", "deleted", "away"] = "none"
    url: str | None = Field(default=None, description="Where the MP4 is, once it is `ready`.")
    path: str | None = Field(default=None, description="Its path under flagged_videos/.")
    sha256: str | None = None
    duration: float | None = None
    size_bytes: int | None = None
    reason: str | None = None
    deleted_at: Time | None = None
    start: float | None = Field(default=None, description="Where the clip begins, in seconds on the session's clock.")
    marks: list[tuple[str, float, float]] = Field(default_factory=list, description="Violations: kind, from, to, in seconds of the clip.")


class Opinion(BaseModel):
    """One person's decision about a flagged interval."""

    decision: Literal["confirmed", "dismissed"] | None = None
    reason: str = ""
    note: str = ""
    by: str = ""
    at: Time | None = None


class StudentAnswer(BaseModel):
    """What the student says of a flag. It is the student's own text, and shown as text."""

    text: str
    at: Time


class ReviewAnswer(Opinion):
    """Where a flagged interval stands: the first person's decision, and other persons' opinions beside it. `state` is what most of them say."""

    second: Opinion | None = None
    third: Opinion | None = Field(default=None, description="The newest opinion of somebody else than the first two: it settles what they dispute.")
    state: Literal["open", "confirmed", "dismissed", "disputed"] = "open"
    answered_since: bool = Field(default=False, description="The student answered after the newest decision: it needs another look.")


class IntervalAnswer(BaseModel):
    """One interval of a session: `start` and `end` in seconds on the session's clock."""

    video_id: str
    index: int
    start: float
    end: float
    started_at: Time | None = None
    ended_at: Time | None = None
    score: int
    flagged: bool
    flagged_at: Time | None = Field(default=None, description="When it reached the threshold; of one that a proctor only marked, when that was.")
    marked: bool = Field(default=False, description="A proctor marked a moment of it: its clip is kept, and it is for a person to look at.")
    closed: bool = Field(description="False while it goes on.")
    revision: int = 0
    violations: list[ViolationAnswer] = Field(default_factory=list)
    eyes_closed: list[tuple[float, float]] = Field(
        default_factory=list,
        description="When both eyes were shut for longer than any blink: from, to, on the session's clock. No points.",
    )
    clip: ClipAnswer = Field(default_factory=ClipAnswer)
    review: ReviewAnswer = Field(default_factory=ReviewAnswer)
    answer: StudentAnswer | None = Field(default=None, description="What the student says of it, where an answer came.")
    stills: int = Field(default=0, description="How many stills of the shared screen there were in it.")


class FlaggedAnswer(IntervalAnswer):
    """A flagged interval, with its session and the reasons as sentences."""

    session_id: str
    user_id: str
    student_name: str = Field(default="", description="As the exam's list has it; empty where none is known or told.")
    exam_id: str | None
    url: str | None = Field(description="Where its clip is, once there is one.")
    reasons: list[str]
