"""What is counted of intervals, by exam and quarter of an hour: kept in segments of sessions that are over, so that pages don't count millions.

A segment holds the counts of some sessions of one exam. It is believed only while as many sessions as it was made of name it, and none of them has
had a decision since (a session's `changes` counts them, and `deciding` those that are being stored). All others are counted anew whenever somebody
asks: figures are always those of this moment.
"""

from __future__ import annotations

import logging
import threading
import uuid
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any

import numpy as np
import numpy.typing as npt
from pymongo.errors import OperationFailure

from basics.errors import StorageError
from basics.signals import VIOLATION_KINDS
from basics.texts import _
from basics.times import utc_now
from database import Database, Document
from records.seals import SETTLED

log = logging.getLogger(__name__)

SEGMENTS = "segments"
SESSIONS_MAX = 100  # of one segment: what a decision makes be counted anew
QUARTER = timedelta(minutes=15)  # no zone's midnight lies within one
MILLISECOND = timedelta(milliseconds=1)
QUARTER_MS = QUARTER // MILLISECOND
STARTED, FLAGS, INTERVALS, RUNNING = range(4)  # the columns of a session's row
SESSION_WIDTH = 4
EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
STATES = ("confirmed", "dismissed", "disputed", "open")  # where a flag stands
LOWS = (1, 5, 10, 15, 20, 30)  # scores from which the bands begin; those without any are not counted
FIRST_S, EVERY_S = 10.0, 30.0
FORM = 1  # how a segment is stored: those of another form are made anew
TRIES = 10
READ_AT_ONCE = 1000  # sessions
INDEX = "figures"  # of the sessions: their sums are read from it alone
STAMP = ("sessions", "changes")
OF_SESSION = dict.fromkeys(("exam_id", "changes", "deciding", "started_at", "state", "begun", "flagged_intervals", "intervals"), 1)
ORPHANED_AFTER = timedelta(minutes=10)
READ = dict.fromkeys(("exam_id", "started_at", "score", "flagged", "review.state", "violations.kind", "violations.occurrences"), 1)
STANDS = slice(1, 1 + len(STATES))
BANDS = slice(1 + len(STATES), 1 + len(STATES) + len(LOWS))
_BEFORE_KINDS = 1 + len(STATES) + len(LOWS)

Counts = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Layout:
    """Which count stands in which column: flags with points, all flags by state, bands, then of each kind its violations and its flags by state."""

    kinds: tuple[str, ...] = VIOLATION_KINDS

    @property
    def width(self) -> int:
        """Columns."""
        return _BEFORE_KINDS + len(self.kinds) * (1 + len(STATES))

    def of_kind(self, kind: str) -> int:
        """The column of its violations; those behind it are of its flags by state."""
        return _BEFORE_KINDS + self.kinds.index(kind) * (1 + len(STATES))


@dataclass(frozen=True, slots=True)
class Figures:
    """Counts of one exam: a row for each quarter of an hour, which `quarters` numbers from 1970 on."""

    exam_id: str | None
    layout: Layout
    quarters: Counts
    counts: Counts

    def within(self, first: int | None, before: int | None) -> Figures:
        """Those of some quarters: from `first` on and before `before`."""
        inside = _inside(self.quarters, first, before)
        return Figures(self.exam_id, self.layout, self.quarters[inside], self.counts[inside])

    def stands(self) -> dict[str, int]:
        """How many flags stand in each state."""
        return dict(zip(STATES, self.counts[:, STANDS].sum(0).tolist(), strict=True))


@dataclass(frozen=True, slots=True)
class SessionRows:
    """Some sessions of one exam: of each when it started (milliseconds since 1970), its flags and intervals, and whether it runs (1)."""

    exam_id: str | None
    rows: Counts

    @property
    def quarters(self) -> Counts:
        """In which quarter of an hour each started."""
        return self.rows[:, STARTED] // QUARTER_MS

    def within(self, first: int | None, before: int | None) -> SessionRows:
        """Those that started in some quarters: from `first` on and before `before`."""
        return SessionRows(self.exam_id, self.rows[_inside(self.quarters, first, before)])


@dataclass(frozen=True, slots=True)
class Counted:
    """All that is counted of some exams."""

    sessions: Sequence[SessionRows]
    figures: Sequence[Figures]

    def within(self, first: int | None, before: int | None) -> Counted:
        """What lies in some quarters of an hour: from `first` on and before `before`."""
        if first is None and before is None:
            return self
        return Counted([one.within(first, before) for one in self.sessions], [one.within(first, before) for one in self.figures])


class FigureStore:
    """Counts by exam. `start` makes segments in a thread of its own; without it everything is counted when it is asked for."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None  # only the one that keeps has one: each answer reads by a store of its own

    def start(self) -> None:
        """Begin soon."""
        self._thread = threading.Thread(target=self._run, name="figures", daemon=True)
        self._thread.start()

    def stop(self, timeout: float = 10) -> None:
        """End, with the segment that is made."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(timeout)

    # Reading

    def read(self, which: Document) -> Counted:
        """What is counted of exams; `which` is a MongoDB query on `exam_id`. Raise `StorageError`."""
        for _again in range(TRIES):
            believed, left, number = self._segments(which)
            with self._database.reading():
                kept = list(self._database.collection(SEGMENTS).find({"_id": {"$in": believed}}))
            sessions = self._members({"segment": {"$in": left}} | which) if left else []
            if len(kept) == len(believed) and len(sessions) == number:  # else one was made anew in this moment
                others = self._counted([row["_id"] for row in sessions])
                return Counted([*map(_kept_sessions, kept), *session_rows(sessions)], [*map(_kept_figures, kept), *others])
        raise StorageError(_("The figures are being counted anew. Try again in some seconds."))

    def _segments(self, which: Document) -> tuple[list[str], list[str | None], int]:
        """The segments that hold; those that don't, with None among them for the sessions that are in none; and how many sessions these have."""
        group = {"_id": "$segment", "sessions": {"$sum": 1}, "changes": {"$sum": "$changes"}, "deciding": {"$sum": {"$abs": "$deciding"}}}
        pipeline = [{"$match": which}, {"$group": group}]
        with self._database.reading():
            sessions = self._database.collection("sessions")
            try:
                now = {row["_id"]: row for row in sessions.aggregate(pipeline, hint=INDEX)}
            except OperationFailure:  # it is still being made
                now = {row["_id"]: row for row in sessions.aggregate(pipeline)}
            made = {row["_id"]: row for row in self._database.collection(SEGMENTS).find({"form": FORM}, dict.fromkeys(STAMP, 1))}
        believed = [
            segment
            for segment, row in now.items()
            if segment in made and not row["deciding"] and all(row[name] == made[segment][name] for name in STAMP)
        ]
        left = set(now).difference(believed)
        return believed, list(left), sum(now[segment]["sessions"] for segment in left)

    def _counted(self, session_ids: Sequence[str]) -> list[Figures]:
        """The figures of these sessions, counted now."""
        by_exam: dict[str | None, list[Document]] = {}
        for row in self._rows(session_ids):
            by_exam.setdefault(row.get("exam_id"), []).append(row)
        return [count(exam_id, rows) for exam_id, rows in by_exam.items()]

    def _rows(self, session_ids: Sequence[str]) -> Iterator[Document]:
        """Their intervals that have points or a flag."""
        for begin in range(0, len(session_ids), READ_AT_ONCE):
            query = {"session_id": {"$in": session_ids[begin : begin + READ_AT_ONCE]}}
            for which in ({"score": {"$gt": 0}}, {"flagged": True, "score": {"$lte": 0}}):
                with self._database.reading():
                    rows = list(self._database.collection("intervals").find(query | which, READ))
                yield from rows

    # Keeping

    def keep_due(self) -> int:
        """Make anew the segments that hold no more, and segments of sessions that are over; return of how many sessions. Raise `StorageError`."""
        _believed, broken, _number = self._segments({})
        kept = sum(self._keep(self._members({"segment": segment})) for segment in broken if segment is not None and not self._stop.is_set())
        while not self._stop.is_set() and (new := self._keep(self._new())):
            kept += new
        return kept

    def _keep(self, sessions: Sequence[Document]) -> int:
        whole = [row for row in sessions if not row.get("deciding")]
        if not whole:
            return 0
        ids, exam_id = [row["_id"] for row in whole], whole[0].get("exam_id")
        figures = count(exam_id, self._rows(ids))
        rows = next(iter(session_rows(whole)), SessionRows(exam_id, np.zeros((0, SESSION_WIDTH), np.int64)))
        segment, changes = uuid.uuid4().hex, sum(row.get("changes", 0) for row in whole)
        with self._database.reading():
            stamp = {"sessions": len(ids), "changes": changes}
            self._database.collection(SEGMENTS).insert_one({"_id": segment, **stamp, **_document(figures, rows)})
            over = {"_id": {"$in": ids}, **_over()}  # one that was reopened since is missing from it
            self._database.collection("sessions").update_many(over, {"$set": {"segment": segment}})
        return len(ids)

    def clean(self) -> None:
        """Delete the segments that no session names any more. Raise `StorageError`."""
        with self._database.reading():
            named = self._database.collection("sessions").distinct("segment")
            old = {"_id": {"$nin": named}, "made_at": {"$lt": utc_now() - ORPHANED_AFTER}}
            self._database.collection(SEGMENTS).delete_many(old)

    def settle(self) -> None:
        """At a start, before anybody decides: end what an earlier run broke off in the middle of a decision. Raise `StorageError`."""
        with self._database.reading():
            broken_off = {"deciding": {"$gt": 0}}
            self._database.collection("sessions").update_many(broken_off, {"$set": {"deciding": 0}, "$inc": {"changes": 1}})

    def forget_wrong(self) -> None:
        """Forget all segments where they don't add up: an older version of the server decided meanwhile. Raise `StorageError`."""
        with self._database.reading():
            sessions, intervals = self._database.collection("sessions"), self._database.collection("intervals")
            if sessions.find_one({"segment": {"$gt": ""}}, {"_id": 1}) is None:
                return
            flags = {state: intervals.count_documents({"flagged": True, "review.state": state}) for state in STATES[:3]}
        found = [one.stands() for one in self.read({}).figures]
        if any(sum(one[state] for one in found) != number for state, number in flags.items()):
            log.warning("the figures that were kept don't add up, and are counted anew")
            with self._database.reading():
                sessions.update_many({"segment": {"$gt": ""}}, {"$set": {"segment": None}})

    def _new(self) -> list[Document]:
        """Some sessions of one exam that are over and in no segment, of the exam whose session ended last."""
        free = {"segment": None, "deciding": {"$in": [None, 0]}, **_over()}
        with self._database.reading():
            last = self._database.collection("sessions").find_one(free, {"exam_id": 1}, sort=[("ended_at", -1)])
        return self._members({"exam_id": last.get("exam_id"), **free}, SESSIONS_MAX) if last is not None else []

    def _members(self, query: Document, limit: int = 0) -> list[Document]:
        with self._database.reading():
            return list(self._database.collection("sessions").find(query, OF_SESSION).limit(limit))

    def _run(self) -> None:
        pause, before = 0.0, [self.settle, self.forget_wrong]
        while not self._stop.wait(pause):
            pause = FIRST_S if before else EVERY_S
            try:
                with suppress(StorageError):  # it is away: later
                    if before:
                        before[0]()
                        del before[0]
                    else:
                        self.keep_due()
                        self.clean()
            except Exception:
                log.exception("counting failed, and is tried again")
                pause = 20 * EVERY_S


def _over() -> Document:
    """The condition on sessions of which nothing changes any more but what people decide: as those are that may be sealed."""
    return {"state": {"$ne": "running"}, "ended_at": {"$lte": utc_now() - SETTLED}}


def quarter_of(at: datetime) -> int:
    """The quarter of an hour that begins at `at`, or next."""
    return -((EPOCH - at) // QUARTER)


def stacked(figures: Sequence[Figures]) -> Iterator[tuple[Layout, Counts, Counts]]:
    """All counts and their quarters in one piece, of each layout."""
    by_kinds: dict[tuple[str, ...], list[Figures]] = {}
    for one in figures:
        by_kinds.setdefault(one.layout.kinds, []).append(one)
    for kinds, alike in by_kinds.items():
        yield Layout(kinds), np.concatenate([one.counts for one in alike]), np.concatenate([one.quarters for one in alike])


def count(exam_id: str | None, intervals: Iterable[Mapping[str, Any]]) -> Figures:
    """Count intervals of one exam that have points or a flag."""
    rows = [row for row in intervals if isinstance(row.get("started_at"), datetime)]
    known = {str(violation.get("kind")): None for row in rows for violation in row.get("violations") or ()}
    layout = Layout((*VIOLATION_KINDS, *(kind for kind in known if kind not in VIOLATION_KINDS)))  # a newer version's
    quarters: dict[int, Counts] = {}
    for row in rows:
        quarter = (row["started_at"] - EPOCH) // QUARTER
        if quarter not in quarters:
            quarters[quarter] = np.zeros(layout.width, np.int64)
        _add(quarters[quarter], row, layout)
    counts = np.array(list(quarters.values()), np.int64) if quarters else np.zeros((0, layout.width), np.int64)
    return Figures(exam_id, layout, np.array(list(quarters), np.int64), counts)


def _add(counts: Counts, row: Mapping[str, Any], layout: Layout) -> None:
    score, flagged = row.get("score") or 0, bool(row.get("flagged"))
    state = (row.get("review") or {}).get("state") or "open"
    stands = STATES.index(state) if state in STATES else None
    if flagged and stands is not None:
        counts[1 + stands] += 1
    if score <= 0:
        return
    counts[0] += flagged
    counts[1 + len(STATES) + max(0, bisect_right(LOWS, score) - 1)] += 1
    for violation in row.get("violations") or ():
        place = layout.of_kind(str(violation.get("kind")))
        occurrences = violation.get("occurrences")
        counts[place] += 1 if occurrences is None else occurrences
        if flagged and stands is not None:
            counts[place + 1 + stands] += 1


def session_rows(sessions: Iterable[Mapping[str, Any]]) -> list[SessionRows]:
    """The rows of sessions, by exam."""
    by_exam: dict[str | None, list[tuple[int, int, int, int]]] = {}
    for row in sessions:
        if isinstance(row.get("started_at"), datetime):
            running = row.get("state") == "running" and row.get("begun") is not False
            numbers = ((row["started_at"] - EPOCH) // MILLISECOND, row.get("flagged_intervals") or 0, row.get("intervals") or 0, int(running))
            by_exam.setdefault(row.get("exam_id"), []).append(numbers)
    return [SessionRows(exam_id, np.array(rows, np.int64)) for exam_id, rows in by_exam.items()]


def _inside(quarters: Counts, first: int | None, before: int | None) -> npt.NDArray[np.bool_]:
    inside = np.ones(len(quarters), bool)
    if first is not None:
        inside &= quarters >= first
    if before is not None:
        inside &= quarters < before
    return inside


def _document(figures: Figures, sessions: SessionRows) -> Document:
    """As it is stored: the counts as strings of bytes, which are read in no time."""
    return {
        "form": FORM,
        "exam_id": figures.exam_id,
        "of_sessions": sessions.rows.astype("<i8").tobytes(),
        "kinds": list(figures.layout.kinds),
        "quarters": figures.quarters.astype("<i4").tobytes(),
        "counts": figures.counts.astype("<i4").tobytes(),
        "made_at": utc_now(),
    }


def _kept_sessions(row: Mapping[str, Any]) -> SessionRows:
    return SessionRows(row.get("exam_id"), np.frombuffer(row["of_sessions"], "<i8").reshape(-1, SESSION_WIDTH).astype(np.int64))


def _kept_figures(row: Mapping[str, Any]) -> Figures:
    layout = Layout(tuple(row["kinds"]))
    quarters = np.frombuffer(row["quarters"], "<i4").astype(np.int64)
    return Figures(row.get("exam_id"), layout, quarters, np.frombuffer(row["counts"], "<i4").astype(np.int64).reshape(len(quarters), layout.width))
