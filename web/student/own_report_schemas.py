"""The bodies and answers of a student's own report."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, Field, StringConstraints

from basics.plain_text import printable
from web.calls.values import Time

LONGEST_ANSWER = 2000  # characters

Said = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=LONGEST_ANSWER), AfterValidator(printable)]


class Answer(BaseModel):
    """What the student says of a flag."""

    text: Said


class AskNewLook(BaseModel):
    """Why the student asks for a new look."""

    reason: Said


class OwnFlag(BaseModel):
    """A moment that was flagged: `start` and `end` in seconds after the exam's begin."""

    video_id: str
    start: float
    end: float
    started_at: Time | None
    points: int
    why: list[str] = Field(description="What was found, as the proctors read it.")
    decision: Literal["open", "confirmed", "dismissed", "disputed"] = Field(description="What people decided.")
    decided_at: Time | None
    answer: str | None
    answered_at: Time | None
    may_answer: bool = Field(description="May it be answered, or the answer be changed, now?")
    clip_url: str | None = Field(description="Where the clip can be watched, for some hours; null: none, or the exam shows students none.")


class OwnConclusion(BaseModel):
    """What a person concluded."""

    conclusion: str
    reason: str
    at: Time


class OwnNewLook(BaseModel):
    """The student's request for a new look, and what came of it."""

    reason: str
    at: Time
    state: Literal["open", "done"]
    answer: str | None
    answered_at: Time | None


class OwnReport(BaseModel):
    """A student's own report of one session. It names nobody else."""

    session_id: str
    user_id: str
    exam_id: str | None
    title: str
    started_at: Time | None
    ended_at: Time | None
    flag_threshold: int = Field(description="An interval with so many points is flagged.")
    interval_s: float
    points: dict[str, int] = Field(description="What each kind counted in this exam, by its name.")
    flags: list[OwnFlag]
    nothing_to_add: bool
    may_say_nothing: bool = Field(description="Is there anything left to answer?")
    conclusion: OwnConclusion | None
    new_look: OwnNewLook | None
    new_look_until: Time | None = Field(description="Until when a new look can be asked for; null: nothing is concluded.")
    may_ask_new_look: bool
    unreadable: list[str] = Field(default=[], description="What was damaged in the database, and is left out: of the session by name, flags by id.")


class ReportLink(BaseModel):
    """A link to a student's own report. Its token stands nowhere else: who loses it asks for another."""

    url: str
    token: str
    until: Time
