"""Figures over sessions and intervals, counted by MongoDB, and rows for tables. Days are days of the time zone asked for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, timezone
from typing import Any
from zoneinfo import ZoneInfo

from pymongo import ASCENDING

from basics.signals import VIOLATION_KINDS
from database import Database, Document

HIGH_RISK_MAX = 100  # sessions listed
EXAMS_MAX = 1000
ROWS_AT_ONCE = 500
STATES = ("confirmed", "dismissed", "disputed", "open")  # where a flag stands
BANDS: Sequence[tuple[int, int | None]] = ((0, 0), (1, 4), (5, 9), (10, 14), (15, 19), (20, 29), (30, None))  # scores, both ends in


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
        return query | {"started_at": self.days() or {"$gte": datetime(1970, 1, 1, tzinfo=timezone.utc)}}

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
        self._high_risk_flags = high_risk_flags

    def figures(self, span: Span) -> Document:
        """Everything the analytics page shows, ready for the answer."""
        sessions = self._by_exam(span)
        bands = self._bands(span)
        intervals = max(sum(exam["intervals"] for exam in sessions), sum(bands.values()))
        by_day = self._by_day(span)
        zero = intervals - sum(bands.values())
        return {
            "sessions": sum(exam["sessions"] for exam in sessions),
            "intervals": intervals,
            "flags": sum(day["flags"] for day in by_day),
            "by_day": by_day,
            "by_exam": [{name: exam[name] for name in ("exam_id", "sessions", "flags", "high_risk")} for exam in sessions],
            "score_distribution": [{"low": low, "high": high, "intervals": bands.get(low, 0) if low else zero} for low, high in BANDS],
            "high_risk": self._high_risk(span),
            "by_kind": self.by_kind(span),
        }

    def by_kind(self, span: Span) -> list[Document]:
        """For each kind of violation the flagged intervals that have it, by what was decided."""
        counts: dict[str, dict[str, int]] = {}
        pipeline = [
            {"$match": span.query() | {"score": {"$gt": 0}, "flagged": True}},
            {"$unwind": "$violations"},
            {"$group": {"_id": {"kind": "$violations.kind", "state": {"$ifNull": ["$review.state", "open"]}}, "count": {"$sum": 1}}},
        ]
        for row in self._aggregate("intervals", pipeline):
            counts.setdefault(row["_id"]["kind"], {})[row["_id"]["state"]] = row["count"]
        return [
            {"kind": kind, "flags": sum(counts[kind].values()), **{state: counts[kind].get(state, 0) for state in STATES}}
            for kind in VIOLATION_KINDS
            if kind in counts
        ]

    def exams(self, among: Document | None = None) -> list[Document]:
        """Every exam (`among`: a condition on it), the one that had the latest session first, with how its flags stand."""
        which = {"exam_id": among} if among is not None else {}
        stands: dict[str | None, dict[str, int]] = {}
        state = {"$ifNull": ["$review.state", "open"]}
        by_state = {"_id": {"exam_id": "$exam_id", "state": state}, "count": {"$sum": 1}}
        for row in self._aggregate("intervals", [{"$match": {"flagged": True, **which}}, {"$group": by_state}]):
            stands.setdefault(row["_id"].get("exam_id"), {})[row["_id"]["state"]] = row["count"]
        pipeline = [
            {"$match": Span(exams=among).query()},
            {
                "$group": {
                    "_id": "$exam_id",
                    "sessions": {"$sum": 1},
                    "running": {"$sum": {"$cond": [{"$and": [{"$eq": ["$state", "running"]}, {"$ne": ["$begun", False]}]}, 1, 0]}},
                    "flags": {"$sum": "$flagged_intervals"},
                    "latest": {"$max": "$started_at"},
                }
            },
            {"$sort": {"latest": -1, "_id": 1}},
            {"$limit": EXAMS_MAX},
        ]
        return [
            {name: row[name] for name in ("sessions", "running", "flags")}
            | {"exam_id": row["_id"], **{state: stands.get(row["_id"], {}).get(state, 0) for state in STATES}}
            for row in self._aggregate("sessions", pipeline)
        ]

    def rows(self, collection: str, span: Span) -> Iterator[Document]:
        """The sessions or the intervals of the span, oldest first, read page by page."""
        after: str | None = None
        while page := self._database.page(collection, span.query(), [("started_at", ASCENDING)], after, ROWS_AT_ONCE):
            yield from page
            after = page[-1]["_id"]

    def _by_exam(self, span: Span) -> list[Document]:
        risky = {"$cond": [{"$gte": ["$flagged_intervals", self._high_risk_flags]}, 1, 0]}
        group = {
            "_id": "$exam_id",
            "sessions": {"$sum": 1},
            "flags": {"$sum": "$flagged_intervals"},
            "intervals": {"$sum": "$intervals"},
            "high_risk": {"$sum": risky},
        }
        pipeline = [{"$match": span.query()}, {"$group": group}, {"$sort": {"flags": -1, "sessions": -1, "_id": 1}}]
        return [{**row, "exam_id": row["_id"]} for row in self._aggregate("sessions", pipeline)]

    def _by_day(self, span: Span) -> list[Document]:
        day = {"$dateToString": {"date": "$started_at", "format": "%Y-%m-%d", "timezone": span.tz}}
        days: dict[str, Document] = {}

        def of(name: str) -> Document:
            return days.setdefault(name, {"day": name, "sessions": 0, "flags": 0, "violations": {}})

        for row in self._aggregate("sessions", [{"$match": span.query()}, {"$group": {"_id": day, "count": {"$sum": 1}}}]):
            of(row["_id"])["sessions"] = row["count"]
        scored = {"$match": span.query() | {"score": {"$gt": 0}}}
        flagged = [scored, {"$match": {"flagged": True}}, {"$group": {"_id": day, "count": {"$sum": 1}}}]
        for row in self._aggregate("intervals", flagged):
            of(row["_id"])["flags"] = row["count"]
        counted = {"_id": {"day": day, "kind": "$violations.kind"}, "count": {"$sum": {"$ifNull": ["$violations.occurrences", 1]}}}
        for row in self._aggregate("intervals", [scored, {"$unwind": "$violations"}, {"$group": counted}]):
            of(row["_id"]["day"])["violations"][row["_id"]["kind"]] = row["count"]
        return [days[name] for name in sorted(days)]

    def _bands(self, span: Span) -> dict[int, int]:
        """How many intervals have a score, by the band's lower end; those without any are not read."""
        lows = [low for low, _ in BANDS[1:]]
        # The default takes what lies beyond the last boundary, under the last band's own name.
        bucket = {"groupBy": "$score", "boundaries": lows, "default": lows[-1], "output": {"count": {"$sum": 1}}}
        pipeline = [{"$match": span.query() | {"score": {"$gt": 0}}}, {"$bucket": bucket}]
        return {row["_id"]: row["count"] for row in self._aggregate("intervals", pipeline)}

    def _high_risk(self, span: Span) -> list[Document]:
        fields = ("user_id", "exam_id", "flagged_intervals", "total_score")
        pipeline = [
            {"$match": span.query() | {"flagged_intervals": {"$gte": self._high_risk_flags}}},
            {"$sort": {"flagged_intervals": -1, "total_score": -1, "_id": 1}},
            {"$limit": HIGH_RISK_MAX},
            {"$project": dict.fromkeys(fields, 1)},
        ]
        return [{"session_id": row["_id"], **{name: row.get(name) for name in fields}} for row in self._aggregate("sessions", pipeline)]

    def _aggregate(self, collection: str, pipeline: Sequence[Any]) -> list[dict[str, Any]]:
        with self._database.reading():
            return list(self._database.collection(collection).aggregate(list(pipeline)))
