"""The queries and answers of the calls for figures."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationInfo, field_validator

from basics.signals import ViolationKind
from basics.texts import _
from web.calls.values import Identifier

EARLIEST, LATEST = date(2000, 1, 1), date(2999, 12, 31)


def _zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        name = ""
    if name != "UTC" and "/" not in name:  # a name without a slash is this machine's alone, and the database doesn't know it
        raise ValueError(_("is no time zone; give one such as Europe/Berlin, or UTC"))
    return name


class Days(BaseModel):
    """From a day to a day (both are in), as days go in `tz`."""

    model_config = ConfigDict(populate_by_name=True)
    first: date | None = Field(default=None, alias="from", ge=EARLIEST, le=LATEST, description="The first day, such as 2024-10-05.")
    last: date | None = Field(default=None, alias="to", ge=EARLIEST, le=LATEST, description="The last day.")
    tz: Annotated[str, AfterValidator(_zone)] = Field(default="UTC", description="The time zone in which days begin.", max_length=60)

    @field_validator("last")
    @classmethod
    def _in_order(cls, value: date | None, info: ValidationInfo) -> date | None:
        first = info.data.get("first")
        if value and first and value < first:
            raise ValueError(_("must not be a day before `from`, which is %(first)s", first=first))
        return value


class AnalyticsQuery(Days):
    """Which sessions and intervals: of an exam, from a day to a day (both are in), as days go in `tz`."""

    exam_id: Identifier | None = None


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
    student_name: str = Field(default="", description="As the exam's list has it; empty where none is known or told.")
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
    running: int = Field(description="Those whose student has come.")
    flags: int
    confirmed: int = 0
    dismissed: int = 0
    disputed: int = Field(default=0, description="As many people confirm as dismiss.")
    open: int = Field(default=0, description="Nobody has decided.")


class Exams(BaseModel):
    """Every exam that had a session, the one that had the latest first."""

    exams: list[ExamAnswer]
