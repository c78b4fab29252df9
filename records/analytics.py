"""Figures over sessions and intervals, and rows for tables. Days are days of the time zone asked for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, timezone
from itertools import pairwise
from zoneinfo import ZoneInfo

import numpy as np
from pymongo import ASCENDING

from basics.signals import VIOLATION_KINDS
from database import ANY_TIME, Database, Document
from records.figure_store import FigureReader
from records.figures import BANDS as COLUMNS_OF_BANDS
from records.figures import (
    EPOCH,
    FLAGS,
    INTERVALS,
    LOWS,
    QUARTER,
    RUNNING,
    STARTED,
    STATES,
    Counted,
    Counts,
    Figures,
    quarter_of,
    stacked,
)
from records.shapes import SESSION

HIGH_RISK_MAX = 100  # sessions listed
EXAMS_MAX = 1000
ROWS_AT_ONCE = 500
BANDS: Sequence[tuple[int, int | None]] = ((0, 0), *((low, high - 1) for low, high in pairwise(LOWS)), (LOWS[-1], None))  # scores, both ends in
SUMMED = ("sessions", "running", "flags", "intervals", "high_risk")


@dataclass(frozen=True, slots=True)
class Span:
    """Which sessions and intervals: of one exam, those that started from one day to another (both in)."""

    exam_id: str | None = None
    first: date | None = None
    last: date | None = None
    tz: str = "UTC"
    exams: Document | None = None  # a MongoDB condition on the exam: those that the caller may see

    def query(self) -> Document:
        """As a MongoDB query on `exam_id` and `started_at`."""
        query: Document = {} if self.exam_id is None else {"exam_id": self.exam_id}
        if self.exams is not None:
            query |= {"$and": [{"exam_id": self.exams}]} if query else {"exam_id": self.exams}
        # Never empty: the time bounds the index even where every day is wanted.
        return query | {"started_at": self.days() or ANY_TIME}

    def days(self) -> Document:
        """The days as a MongoDB condition on a time; empty where every day is wanted."""
        zone = ZoneInfo(self.tz)
        bounds = {}
        if self.first is not None:
            bounds["$gte"] = _midnight(self.first, zone)
        if self.last is not None and self.last < date.max:
            bounds["$lt"] = _midnight(self.last + timedelta(days=1), zone)
        return bounds


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, time(), zone).astimezone(timezone.utc)


class Analytics:
    """The figures of one server's database. Every call raises `StorageError` when it is away."""

    def __init__(self, database: Database, high_risk_flags: int) -> None:
        self._database = database
        self._store = FigureReader(database)
        self._high_risk_flags = high_risk_flags

    def figures(self, span: Span) -> Document:
        """Everything the analytics page shows, ready for the answer."""
        counted = self._counted(span)
        exams = self._by_exam(counted)
        bands = sum((one.counts[:, COLUMNS_OF_BANDS].sum(0) for one in counted.figures), np.zeros(len(LOWS), np.int64)).tolist()
        intervals = max(sum(exam["intervals"] for exam in exams), sum(bands))
        by_day = _by_day(counted, ZoneInfo(span.tz))
        numbers = [intervals - sum(bands), *bands]
        return {
            "sessions": sum(exam["sessions"] for exam in exams),
            "intervals": intervals,
            "flags": sum(day["flags"] for day in by_day),
            "by_day": by_day,
            "by_exam": [{name: exam[name] for name in ("exam_id", "sessions", "flags", "high_risk")} for exam in exams],
            "score_distribution": [{"low": low, "high": high, "intervals": number} for (low, high), number in zip(BANDS, numbers, strict=True)],
            "high_risk": self._high_risk(span),
            "by_kind": _by_kind(counted.figures),
        }

    def by_kind(self, span: Span) -> list[Document]:
        """For each kind of violation the flagged intervals that have it, by what was decided."""
        return _by_kind(self._counted(span).figures)

    def exams(self, among: Document | None = None) -> list[Document]:
        """Every exam (`among`: a condition on it), the one that had the latest session first, with how its flags stand."""
        counted = self._store.read({"exam_id": among} if among is not None else {})
        stands: dict[str | None, Counter[str]] = {}
        for figures in counted.figures:
            stands.setdefault(figures.exam_id, Counter()).update(figures.stands())
        none: Counter[str] = Counter()
        found = self._by_exam(counted)
        found.sort(key=lambda exam: (exam["exam_id"] is not None, exam["exam_id"] or ""))
        found.sort(key=lambda exam: exam["latest"], reverse=True)
        names = ("exam_id", "sessions", "running", "flags")
        return [
            {name: exam[name] for name in names} | {state: stands.get(exam["exam_id"], none)[state] for state in STATES} for exam in found[:EXAMS_MAX]
        ]

    def _counted(self, span: Span) -> Counted:
        """What lies in the span."""
        which = span.query()
        del which["started_at"]
        bounds = span.days()
        first, before = (None if at is None else quarter_of(at) for at in (bounds.get("$gte"), bounds.get("$lt")))
        return self._store.read(which).within(first, before)

    def _by_exam(self, counted: Counted) -> list[Document]:
        """The sums of each exam, the one with most flags first."""
        exams: dict[str | None, Document] = {}
        for one in counted.sessions:
            if not len(one.rows):
                continue
            sums = one.rows.sum(0).tolist()
            risky = int((one.rows[:, FLAGS] >= self._high_risk_flags).sum())
            numbers = (len(one.rows), sums[RUNNING], sums[FLAGS], sums[INTERVALS], risky)
            exam = exams.setdefault(one.exam_id, {"exam_id": one.exam_id, **dict.fromkeys(SUMMED, 0), "latest": 0})
            exam |= {name: exam[name] + number for name, number in zip(SUMMED, numbers, strict=True)}
            exam["latest"] = max(exam["latest"], int(one.rows[:, STARTED].max()))
        return sorted(exams.values(), key=lambda exam: (-exam["flags"], -exam["sessions"], exam["exam_id"] is not None, exam["exam_id"] or ""))

    def rows(self, collection: str, span: Span) -> Iterator[Document]:
        """The sessions or the intervals of the span, oldest first, read page by page."""
        after: str | None = None
        while page := self._database.page(collection, span.query(), [("started_at", ASCENDING)], after, ROWS_AT_ONCE):
            yield from page
            after = page[-1]["_id"]

    def _high_risk(self, span: Span) -> list[Document]:
        fields = ("user_id", "exam_id", "flagged_intervals", "total_score")
        pipeline: list[Document] = [
            {"$match": span.query() | {"flagged_intervals": {"$gte": self._high_risk_flags}}},
            {"$sort": {"flagged_intervals": -1, "total_score": -1, "_id": 1}},
            {"$limit": HIGH_RISK_MAX},
            {"$project": dict.fromkeys(fields, 1)},
        ]
        with self._database.reading():
            found = list(self._database.collection("sessions").aggregate(pipeline))
        blank = {"user_id": "", "exam_id": None, "flagged_intervals": self._high_risk_flags, "total_score": 0}  # in the place of what is damaged
        known = {row["_id"]: SESSION.fit(row)[0] for row in found}
        return [{"session_id": one, **blank, **{name: kept[name] for name in fields if name in kept}} for one, kept in known.items()]


def _by_day(counted: Counted, zone: ZoneInfo) -> list[Document]:
    names: dict[int, str] = {}
    days: dict[str, Document] = {}

    def of(quarter: int) -> Document:
        if quarter not in names:
            names[quarter] = (EPOCH + quarter * QUARTER).astimezone(zone).strftime("%Y-%m-%d")
        return days.setdefault(names[quarter], {"day": names[quarter], "sessions": 0, "flags": 0, "violations": {}})

    quarters = np.concatenate([one.quarters for one in counted.sessions]) if counted.sessions else np.zeros(0, np.int64)
    for quarter, sessions in zip(*(column.tolist() for column in np.unique(quarters, return_counts=True)), strict=True):
        of(quarter)["sessions"] += sessions
    for quarter, figures in _by_quarter(counted.figures):
        day = of(quarter)
        day["flags"] += figures["flags"]
        for kind, number in figures["violations"].items():
            day["violations"][kind] = day["violations"].get(kind, 0) + number
    return [days[name] for name in sorted(days)]


def _by_quarter(figures: Sequence[Figures]) -> Iterator[tuple[int, Document]]:
    """Flags and violations of each quarter of an hour, of all exams together."""
    for layout, counts, quarters in stacked(figures):
        times, places = np.unique(quarters, return_inverse=True)
        sums = np.zeros((len(times), layout.width), np.int64)
        np.add.at(sums, places, counts)
        columns = [layout.of_kind(kind) for kind in layout.kinds]
        for quarter, flags, row in zip(times.tolist(), sums[:, 0].tolist(), sums[:, columns].tolist(), strict=True):
            yield quarter, {"flags": flags, "violations": {kind: number for kind, number in zip(layout.kinds, row, strict=True) if number}}


def _by_kind(figures: Sequence[Figures]) -> list[Document]:
    counts: dict[str, Counts] = {}
    for layout, rows, _quarters in stacked(figures):
        sums = rows.sum(0)
        for kind in layout.kinds:
            place = layout.of_kind(kind) + 1
            counts[kind] = counts.get(kind, np.zeros(len(STATES), np.int64)) + sums[place : place + len(STATES)]
    return [
        {"kind": kind, "flags": int(counts[kind].sum()), **dict(zip(STATES, counts[kind].tolist(), strict=True))}
        for kind in VIOLATION_KINDS
        if kind in counts and counts[kind].any()
    ]
