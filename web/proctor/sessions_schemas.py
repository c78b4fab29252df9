"""The bodies, queries and answers of the calls on sessions. More fields may follow; a client ignores what it doesn't know."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, ValidationInfo, field_validator

from basics.texts import _
from sessions.ends import EndCode
from web.calls.paging import LONGEST_PAGE, PAGE
from web.calls.spoken import SPOKEN, SpokenLanguage
from web.calls.values import DOCUMENT_ID_PATTERN, LONGEST_ID, Identifier, RowId, StudentExam, Time, printable
from web.proctor.analytics_schemas import Days
from web.proctor.interval_schemas import FlaggedAnswer, IntervalAnswer, ViolationAnswer

SessionState = Literal["running", "ended", "interrupted"]

# What comes in


class CreateSession(StudentExam):
    """A session to be started. `source` defaults to DEFAULT_SOURCE; `station` is for `local` only."""

    source: Literal["local", "browser"] | None = None
    station: str | None = Field(default=None, min_length=1, max_length=LONGEST_ID, description="A station's name from STATIONS; none: `default`.")
    language: SpokenLanguage | None = Field(default=None, description=SPOKEN)


class DetailsQuery(BaseModel):
    """Which part of a session's records."""

    limit: int = Field(LONGEST_PAGE, ge=1, le=LONGEST_PAGE, description="Most intervals, and most checks, in the answer.")
    after: RowId | None = Field(default=None, description="Only intervals after this one (`next_after` of the answer before).")
    checks_after: RowId | None = Field(default=None, description="Only checks after this one (`next_checks_after`, likewise).")
    readings: bool = Field(default=False, description="With each check every single reading too; several KB a check.")


class FlaggedQuery(BaseModel):
    """Which flagged intervals."""

    limit: int = Field(PAGE, ge=1, le=LONGEST_PAGE, description="Most intervals in the answer.")
    after: RowId | None = Field(default=None, description="Only older ones than this (`next_after` of the answer before).")
    exam_id: Identifier | None = None
    user_id: Identifier | None = None


class SessionsQuery(Days):
    """Which sessions; `from` and `to`: those that started on these days, as days go in `tz`."""

    exam_id: Identifier | None = None
    without_exam: bool = Field(default=False, description="Only those whose exam has no id; not with `exam_id`.")
    user_id: Identifier | None = None
    search: Annotated[str, StringConstraints(strip_whitespace=True, max_length=LONGEST_ID), AfterValidator(printable)] = Field(
        default="", description="Part of a student's id, in any case."
    )
    state: SessionState | None = None
    limit: int = Field(PAGE, ge=1, le=LONGEST_PAGE, description="Most sessions in the answer.")
    after: str | None = Field(default=None, pattern=DOCUMENT_ID_PATTERN, description="Only those that started before this one (`next_after`).")

    @field_validator("without_exam")
    @classmethod
    def _one_or_none(cls, value: bool, info: ValidationInfo) -> bool:
        if value and info.data.get("exam_id"):
            raise ValueError(_("must not stand beside exam_id: an exam has an id or none"))
        return value


# What goes out

Instance = Annotated[str | None, Field(description="The server at which it runs, where that is another one; empty: between two. Null: here.")]


class SessionCreated(BaseModel):
    """The session runs, and is stored."""

    success: Literal[True] = True
    session_id: str
    user_id: str
    exam_id: str | None
    portal_url: str | None = Field(default=None, description="For `browser`: the address the student opens. It holds the student's token.")


class SessionEnded(BaseModel):
    """The session has ended, with its score."""

    success: Literal[True] = True
    session_id: str
    total_score: int
    flagged_intervals: int


class UnseenAnswer(BaseModel):
    """The flags of a running session that no proctor has seen; null: none is left."""

    intervals: list[int] = Field(description="Their numbers, oldest first; of more than 100 the newest.")
    at: float = Field(description="When the newest was raised, in seconds on the session's clock.")
    score: int
    violations: list[ViolationAnswer] = Field(description="Of the newest.")


class UnwatchedAnswer(BaseModel):
    """Nobody can watch a running session; null: one can."""

    since_s: float = Field(description="In seconds on the session's clock.")
    reason: str = Field(description="`connection`, `nothing_comes`, `camera_lost` and the like, `covered`, `dark`, `not_read`, …")


class ActiveSession(BaseModel):
    """A running session, as it stands."""

    model_config = ConfigDict(extra="allow")
    user_id: str
    student_name: str = Field(default="", description="As the exam's list has it; empty where none is known or told.")
    exam_id: str | None
    session_id: str
    interval_score: int
    total_score: int
    is_running: bool
    flagged_intervals: int = 0
    source: str = "local"
    station: str | None = None
    started_at: Time | None = None
    elapsed_s: float = 0
    interval_index: int = 0
    gaze: str = "unknown"
    eyes_shut_s: float | None = Field(default=None, description="For how long the eyes have looked shut, where it is longer than any blink.")
    eyes_lowered: bool = Field(default=False, description="They are lowered to something, which is looking down; else closed, without points.")
    faces: int | None = None
    phone: bool | None = None
    devices: dict[str, Any] = Field(default_factory=dict)
    not_asked: list[str] = Field(default_factory=list, description="While it runs: devices none of whose signals counts.")
    violations: list[ViolationAnswer] = Field(default_factory=list)
    unseen: UnseenAnswer | None = None
    unwatched: UnwatchedAnswer | None = None
    instance: Instance = None
    route: str = Field(
        default="", description="Where several servers share a database: `e` in the query of Socket.IO leads to its own. Empty: there is one only."
    )


class ActiveSessions(BaseModel):
    """Every running session. Of one at another server only what its record tells is known: points, devices, break, call."""

    sessions: list[ActiveSession]
    count: int
    note: str = Field(default="", description="What is missing in the list, and why; empty: nothing.")
    alone: bool = Field(default=True, description="No other server that lives shares the database: one connection of Socket.IO serves all sessions.")


class Stats(BaseModel):
    """All sessions in four numbers."""

    total_sessions: int
    active_sessions: int
    flagged_intervals: int
    high_risk: int = Field(description="Sessions with HIGH_RISK_FLAGS flagged intervals or more.")


class FlaggedList(BaseModel):
    """Flagged intervals, newest first. `count` is how many are in this answer."""

    flagged: list[FlaggedAnswer]
    count: int
    next_after: str | None = Field(default=None, description="`after` for the next ones; null: there are no more.")


class CheckAnswer(BaseModel):
    """What was read between two checks."""

    model_config = ConfigDict(extra="allow")
    number: int
    start: float
    end: float
    started_at: Time | None = None
    gaze: dict[str, float] = Field(default_factory=dict, description="Share of each direction.")
    persons: dict[str, int | None] = Field(default_factory=dict, description="`least` and `greatest`.")
    speech_s: float = 0
    voices: int | None = None
    sounds: dict[str, int] = Field(default_factory=dict, description="In how many readings, of about a second, other sounds were heard, by kind.")
    acts: dict[str, int] = Field(default_factory=dict)
    unknown: dict[str, float] = Field(
        default_factory=dict, description="What couldn't be told, by reason: readings, and seconds in which there was nothing to read."
    )
    phone: bool | None = None
    rates: dict[str, Any] = Field(default_factory=dict)
    readings: dict[str, Any] | None = Field(default=None, description="Every reading, where `readings=true` asked for them.")


class UnreadPart(BaseModel):
    """What could not be told of one part of an exam, in seconds."""

    of_s: float = Field(description="In which it was to be told.")
    unread_s: float = Field(description="In which it could not be.")
    reasons: dict[str, float] = Field(description="Those, by why; at most 8, the rest as `other`.")


class Unread(BaseModel):
    """How much of an exam could not be told. It never counts a point."""

    gaze: UnreadPart
    people: UnreadPart
    sound: UnreadPart


class Gone(BaseModel):
    """When a kind of a session's records was deleted, and after how many days."""

    at: Time
    days: int


class SebChange(BaseModel):
    """Whether the student was in Safe Exam Browser from a moment on. It never counts."""

    at: float = Field(description="Seconds on the session's clock.")
    state: Literal["yes", "no", "unknown"] = Field(
        description="`yes`: an allowed key was proved; `unknown`: it says that it is one, and proved none, or nothing was heard."
    )
    version: str = Field(default="", description="As it calls itself.")


class SessionAnswer(BaseModel):
    """A session as it is stored, with what is newer while it runs."""

    session_id: str
    user_id: str
    student_name: str = Field(default="", description="As the exam's list has it; empty where none is known or told.")
    exam_id: str | None = None
    source: str = "local"
    station: str | None = None
    state: Literal["running", "ended", "interrupted"]
    is_running: bool
    begun: bool = Field(default=True, description="False until the student has come; `started_at` is then when it was made.")
    started_at: Time | None = Field(default=None, description="Null: it can't be read.")
    ended_at: Time | None = None
    end_reason: str | None = None
    end_code: EndCode | None = None
    end_note: str | None = None
    ended_after_s: float | None = None
    elapsed_s: float | None = Field(default=None, description="While it runs.")
    total_score: int = 0
    flagged_intervals: int = 0
    intervals: int | None = Field(default=None, description="How many there are.")
    interval_index: int | None = Field(default=None, description="While it runs.")
    interval_score: int | None = Field(default=None, description="While it runs.")
    devices: dict[str, Any] = Field(default_factory=dict)
    not_asked: list[str] = Field(default_factory=list, description="While it runs: devices none of whose signals counts.")
    rates: dict[str, Any] = Field(default_factory=dict)
    baseline: dict[str, Any] = Field(default_factory=dict)
    on_break: bool = False
    unseen: UnseenAnswer | None = Field(default=None, description="While it runs.")
    unwatched: UnwatchedAnswer | None = Field(default=None, description="While it runs.")
    instance: Instance = None
    doubts: list[dict[str, Any]] = Field(
        default_factory=list,
        description="What could not be told, or is for a person to look at: `code`, `text`, `helps`, `start`, `end` (null: it lasts). No points.",
    )
    connections: list[dict[str, Any]] = Field(
        default_factory=list, description="From where the student's page was connected, at each change: `at` (s), `address`, `browser`."
    )
    seb: list[SebChange] = Field(
        default_factory=list, description="Was the student in Safe Exam Browser? Each change, the newest last; empty: the exam did not ask."
    )
    unread: Unread | None = Field(default=None, description="Null: stored by an older version, which did not know.")
    accommodation: dict[str, Any] | None = Field(default=None, description="The one that holds now, or held at the end; null: none.")
    accommodations: list[dict[str, Any]] = Field(
        default_factory=list,
        description="Where it changed while the exam ran, what held from when on, first from the beginning: `at_s` (s on the session's clock), "
        "`from`, `by`, `accommodation` (null: none), `points`. `rules` are those of the beginning.",
    )
    accommodation_note: str | None = Field(default=None, description="The note of the one that is set now; null: the caller may not set any there.")
    gone: dict[str, Gone] = Field(default_factory=dict, description="Kinds of its records that were deleted, because their time was over.")
    breaks: list[dict[str, Any]] = Field(default_factory=list, description="`start`, `end` (s on the session's clock), `by`, `reason`.")
    messages: list[dict[str, Any]] = Field(
        default_factory=list, description="What was said: `text`, `level`, `by`, `at`, `delivered`, `read`, `from` (`proctor`, `student`)."
    )
    marks: list[dict[str, Any]] = Field(default_factory=list, description="Moments that proctors marked: `id`, `at`, `by`, `note`.")
    checks_before: dict[str, Any] | None = Field(default=None, description="The check before the exam: `at`, `results`, `user_agent`.")
    rehearsal: dict[str, Any] | None = Field(default=None, description="The student's last rehearsal of this check, likewise.")


class UnreadableParts(BaseModel):
    """What was damaged in the database, and is left out of the answer."""

    fields: list[str] = Field(description="Of the session itself; one of them that always has a value has none that says anything.")
    records: list[str] = Field(description="Of the intervals and checks that were asked for, by id.")


class SessionDetails(BaseModel):
    """A session, its rules, its intervals and its checks."""

    session: SessionAnswer
    rules: dict[str, Any]
    intervals: list[IntervalAnswer]
    checks: list[CheckAnswer]
    unreadable: UnreadableParts
    next_after: str | None = Field(default=None, description="`after` for the next intervals; null: there are no more.")
    next_checks_after: str | None = Field(default=None, description="`checks_after` for the next checks; null: there are no more.")


class SessionLine(BaseModel):
    """A session in the list of them; while it runs with its score as it is now."""

    session_id: str
    user_id: str
    student_name: str = Field(default="", description="As the exam's list has it; empty where none is known or told.")
    exam_id: str | None
    state: SessionState
    is_running: bool = Field(description="It runs now, here or at another server (`instance`).")
    begun: bool = Field(description="False until the student has come; `started_at` is then when it was made.")
    started_at: Time | None = Field(description="Null: it can't be read.")
    ended_at: Time | None
    end_reason: str | None
    end_code: EndCode | None
    end_note: str | None
    total_score: int
    flagged_intervals: int
    seb: list[SebChange] = Field(default_factory=list, description="Was the student in Safe Exam Browser? As the session's details have it.")
    unread: Unread | None
    instance: Instance = None
    decisions: dict[str, int] = Field(
        default_factory=dict,
        description="How many of its flags and of what a proctor marked stand in each state: `open`, `confirmed`, …",
    )
    unreadable: list[str] = Field(default=[], description="What of it was damaged in the database, and is left out.")


class Sessions(BaseModel):
    """Sessions, those that started last first. `count` is how many are in this answer."""

    sessions: list[SessionLine]
    count: int
    next_after: str | None = Field(default=None, description="`after` for the next ones; null: there are no more.")
