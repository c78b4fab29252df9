"""The bodies, queries and answers of the calls for a proctor's desk: reviews, accommodations, breaks, messages, figures."""

from __future__ import annotations

import unicodedata
from datetime import date
from typing import Annotated, Literal, get_args
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, ValidationInfo, field_validator

from basics.readings import ViolationKind
from sessions.ends import EndCode
from web.calls.schemas import LONGEST_ID, LONGEST_PAGE, PAGE, FlaggedAnswer, Identifier, Opinion, ReviewAnswer, RowId, Time

LONGEST_TEXT = 500  # characters of a message or a note


def _printable(text: str) -> str:
    """The text in NFC. Raise `ValueError` where it has control characters other than line ends."""
    text = unicodedata.normalize("NFC", text)
    wrong = next((character for character in text if unicodedata.category(character) in ("Cc", "Cs") and character not in "\n\t"), None)
    if wrong is not None:
        raise ValueError(f"has a control character (U+{ord(wrong):04X}); send plain text")
    return text


def _one_line(text: str) -> str:
    if "\n" in text or "\t" in text:
        raise ValueError("must be one line")
    return text


Person = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=128), AfterValidator(_printable), AfterValidator(_one_line)]
Text = Annotated[str, StringConstraints(strip_whitespace=True, max_length=LONGEST_TEXT), AfterValidator(_printable)]
Words = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=LONGEST_TEXT), AfterValidator(_printable)]

# Reviews

DismissReason = Literal["other_person_harmless", "glasses", "light", "reading_aloud", "device", "other"]


class Decide(BaseModel):
    """One person's decision. `decision` null takes that person's last one back."""

    decision: Literal["confirmed", "dismissed"] | None
    reason: DismissReason | None = Field(default=None, description="Needed with `dismissed`.", validate_default=True)
    note: Text = ""
    by: Person = Field(description="Who decides.", examples=["Ada Byron"])

    @field_validator("reason")
    @classmethod
    def _say_why(cls, value: DismissReason | None, info: ValidationInfo) -> DismissReason | None:
        if value is None and info.data.get("decision") == "dismissed":
            raise ValueError(f"is missing: say why it is dismissed, by one of {', '.join(get_args(DismissReason))}")
        return value


class ReviewFilter(BaseModel):
    """Which flagged intervals are counted as left."""

    exam_id: Identifier | None = None
    user_id: Identifier | None = None
    search: Identifier | None = Field(default=None, description="Only students whose ID has this in it, in upper or lower case.")
    kind: ViolationKind | None = Field(default=None, description="Only those with a violation of this kind.")


class QueueQuery(ReviewFilter):
    """Which flagged intervals, in which order."""

    state: Literal["open", "confirmed", "dismissed", "disputed", "all"] = "open"
    rank: Literal["score", "newest"] = Field(default="score", description="`score`: those with most points first.")
    limit: int = Field(PAGE, ge=1, le=960, description="Most intervals in the answer.")
    after: RowId | None = Field(default=None, description="Only those behind this one (`next_after` of the answer before), decided meanwhile or not.")


class ReviewQueue(BaseModel):
    """Flagged intervals to be reviewed. `left`: how many nobody has decided, `disputed`: how many have two opinions that differ, with the
    same filters but `state`."""

    items: list[FlaggedAnswer]
    count: int
    left: int
    disputed: int
    next_after: str | None = Field(default=None, description="`after` for the next ones; null: there are no more.")


class Decided(BaseModel):
    """The decision is stored."""

    success: Literal[True] = True
    video_id: str
    review: ReviewAnswer
    left: int
    disputed: int


class ReviewHistory(BaseModel):
    """Every decision about one interval, oldest first; one without a `decision` took that person's last one back."""

    video_id: str
    review: ReviewAnswer
    history: list[Opinion]


# Accommodations


class SetAccommodation(BaseModel):
    """What is different for one student, in one exam or (without `exam_id`) in every exam. It replaces what was set before."""

    user_id: Identifier
    exam_id: Identifier | None = None
    points: dict[ViolationKind, Annotated[int, Field(ge=0, le=100)]] = Field(
        default_factory=dict, description="Other points for some kinds; 0 turns a signal off.", examples=[{"gaze_distracted": 0}]
    )
    reading_aloud: bool = Field(default=False, description="Speech counts nothing; several voices still do.")
    breaks_allowed: int = Field(default=0, ge=0, le=20, description="Breaks that the student may take without asking.")
    break_minutes: float = Field(default=5, gt=0, le=240, description="Minutes after which a student's break ends by itself.")
    note: Text = ""
    set_by: Person = "proctor"


class AccommodationAnswer(SetAccommodation):
    """An accommodation as it is stored."""

    id: str
    at: Time


class AccommodationSet(BaseModel):
    """The accommodation is stored; it is applied to sessions that start from now on."""

    success: Literal[True] = True
    accommodation: AccommodationAnswer


class AccommodationsQuery(BaseModel):
    """Which accommodations."""

    user_id: Identifier | None = None
    exam_id: Identifier | None = None
    limit: int = Field(PAGE, ge=1, le=960)
    after: str | None = Field(default=None, pattern=r"^[0-9a-f]{32}$", description="`next_after` of the answer before.")


class Accommodations(BaseModel):
    """Accommodations, those set last first."""

    accommodations: list[AccommodationAnswer]
    count: int
    next_after: str | None = None


class Done(BaseModel):
    """It is done."""

    success: Literal[True] = True


# Sessions

SessionState = Literal["running", "ended", "interrupted"]


class SessionsQuery(BaseModel):
    """Which sessions."""

    exam_id: Identifier | None = None
    without_exam: bool = Field(default=False, description="Only those whose exam has no id; not with `exam_id`.")
    user_id: Identifier | None = None
    search: Annotated[str, StringConstraints(strip_whitespace=True, max_length=LONGEST_ID), AfterValidator(_printable)] = Field(
        default="", description="Part of a student's id, in any case."
    )
    state: SessionState | None = None
    limit: int = Field(PAGE, ge=1, le=LONGEST_PAGE, description="Most sessions in the answer.")
    after: str | None = Field(default=None, pattern=r"^[0-9a-f]{32}$", description="Only those that started before this one (`next_after`).")

    @field_validator("without_exam")
    @classmethod
    def _one_or_none(cls, value: bool, info: ValidationInfo) -> bool:
        if value and info.data.get("exam_id"):
            raise ValueError("must not stand beside exam_id: an exam has an id or none")
        return value


class SessionLine(BaseModel):
    """A session in the list of them; while it runs with its score as it is now."""

    session_id: str
    user_id: str
    exam_id: str | None
    state: SessionState
    is_running: bool = Field(description="It runs on this server now.")
    begun: bool = Field(description="False until the student has come; `started_at` is then when it was made.")
    started_at: Time
    ended_at: Time | None
    end_reason: str | None
    end_code: EndCode | None
    end_note: str | None
    total_score: int
    flagged_intervals: int


class Sessions(BaseModel):
    """Sessions, those that started last first. `count` is how many are in this answer."""

    sessions: list[SessionLine]
    count: int
    next_after: str | None = Field(default=None, description="`after` for the next ones; null: there are no more.")


# A running session


class SetBreak(BaseModel):
    """A break begins or ends."""

    on: bool
    reason: Text = ""
    by: Person = "proctor"


class BreakAnswer(BaseModel):
    """A break: `start` and `end` in seconds on the session's clock, `end` null while it lasts."""

    start: float
    end: float | None
    by: str
    reason: str = ""


class BreakSet(BaseModel):
    """The session's breaks as they now are."""

    success: Literal[True] = True
    on_break: bool
    breaks: list[BreakAnswer]


class SendMessage(BaseModel):
    """Words for the student."""

    text: Words
    level: Literal["message", "warning"] = "message"
    by: Person = "proctor"


class MessageAnswer(BaseModel):
    """Words said to the student: `at` in seconds on the session's clock."""

    id: str
    text: str
    level: Literal["message", "warning"]
    by: str
    at: float
    delivered: bool
    read: bool = Field(default=False, description="The student has said so.")


class MessageSent(BaseModel):
    """The student's page is connected and is told."""

    success: Literal[True] = True
    message: MessageAnswer


class MakeLink(BaseModel):
    """Another link for the student of a running session, and who makes it."""

    by: Person = "proctor"


class LinkMade(BaseModel):
    """The address at which the student begins the exam, or goes on with it. Links made before stay good."""

    success: Literal[True] = True
    session_id: str
    portal_url: str


class EndSession(BaseModel):
    """Why a session is ended, and by whom."""

    reason: Text = ""
    by: Person = "proctor"


# Before the exam


class CheckResult(BaseModel):
    """What the check before the exam found of one thing."""

    item: Literal["camera", "microphone", "light", "face", "network", "browser", "screen"]
    state: Literal["ready", "warning", "not_ready"]
    reason: Annotated[str, StringConstraints(max_length=200), AfterValidator(_printable)] = ""
    detail: Annotated[str, StringConstraints(max_length=200), AfterValidator(_printable)] = ""


class StudentCheck(BaseModel):
    """The check on the student's machine."""

    results: list[CheckResult] = Field(min_length=1, max_length=20)
    user_agent: Annotated[str, StringConstraints(max_length=300), AfterValidator(_printable)] = ""


class Rehearsal(StudentCheck):
    """The same without a session, days before."""

    user_id: Identifier
    exam_id: Identifier | None = None


# Figures


EARLIEST, LATEST = date(2000, 1, 1), date(2999, 12, 31)


def _zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        name = ""
    if name != "UTC" and "/" not in name:  # a name without a slash is this machine's alone, and the database doesn't know it
        raise ValueError("is no time zone; give one such as Europe/Berlin, or UTC")
    return name


class AnalyticsQuery(BaseModel):
    """Which sessions and intervals: of an exam, from a day to a day (both are in), as days go in `tz`."""

    model_config = ConfigDict(populate_by_name=True)
    exam_id: Identifier | None = None
    first: date | None = Field(default=None, alias="from", ge=EARLIEST, le=LATEST, description="The first day, such as 2024-10-05.")
    last: date | None = Field(default=None, alias="to", ge=EARLIEST, le=LATEST, description="The last day.")
    tz: Annotated[str, AfterValidator(_zone)] = Field(default="UTC", description="The time zone in which days begin.", max_length=60)

    @field_validator("last")
    @classmethod
    def _in_order(cls, value: date | None, info: ValidationInfo) -> date | None:
        first = info.data.get("first")
        if value and first and value < first:
            raise ValueError(f"must not be a day before `from`, which is {first}")
        return value


class CsvQuery(AnalyticsQuery):
    """Which table, and which part of it."""

    table: Literal["intervals", "sessions", "kinds"] = "intervals"


class DayFigures(BaseModel):
    """One day: sessions that started, intervals flagged, and how often each kind counted."""

    day: date
    sessions: int
    flags: int
    violations: dict[str, int]


class ExamFigures(BaseModel):
    """One exam."""

    exam_id: str | None
    sessions: int
    flags: int
    high_risk: int


class ScoreBand(BaseModel):
    """How many intervals have a score from `from` to `to` (both are in; null: and more)."""

    model_config = ConfigDict(populate_by_name=True)
    low: int = Field(serialization_alias="from")
    high: int | None = Field(serialization_alias="to")
    intervals: int


class HighRisk(BaseModel):
    """A session with HIGH_RISK_FLAGS flagged intervals or more."""

    session_id: str
    user_id: str
    exam_id: str | None
    flagged_intervals: int
    total_score: int


class KindFigures(BaseModel):
    """One kind of violation: flagged intervals that have it, and what people decided about them."""

    kind: ViolationKind
    flags: int
    confirmed: int
    dismissed: int
    disputed: int
    open: int


class Analytics(BaseModel):
    """Sessions and flags in numbers."""

    sessions: int
    intervals: int
    flags: int
    by_day: list[DayFigures]
    by_exam: list[ExamFigures]
    score_distribution: list[ScoreBand]
    high_risk: list[HighRisk] = Field(description="Those with most flags first, at most 100.")
    by_kind: list[KindFigures]


class ExamAnswer(BaseModel):
    """An exam, as its sessions tell of it."""

    exam_id: str | None
    sessions: int
    running: int
    flags: int


class Exams(BaseModel):
    """Every exam that had a session, the one that had the latest first."""

    exams: list[ExamAnswer]
