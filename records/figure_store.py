"""Where counts of intervals are kept: in segments, so that pages don't count millions. One class reads them, one keeps them.

A segment holds the counts of some sessions of one exam. It is believed only while as many sessions as it was made of name it, and none of them has
had a decision since (a session's `changes` counts them, and `deciding` those that are being stored). All others are counted anew whenever somebody
asks: figures are always those of this moment.

Sessions that are over have segments of all their intervals. Those that go on have smaller ones, of the intervals that began before `until`: what
began since is counted when it is asked for. A session one of whose older intervals changes all the same leaves its segment by itself (`is_late`).
"""

from __future__ import annotations

import logging
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from pymongo import UpdateOne
from pymongo.errors import OperationFailure

from basics.errors import StorageError
from basics.texts import _
from basics.times import utc_now
from basics.worker import Worker
from database import Database, Document
from records.figures import Counted, Figures, count, exam_of, kept_figures, kept_sessions, session_rows, stored_figures, stored_rows, together
from records.seals import SETTLED

log = logging.getLogger(__name__)

SEGMENTS = "segments"
SESSIONS_MAX = 100  # of one segment: what a decision makes be counted anew
GOING_MAX, GOING_LEAST = 25, 10  # of one segment of sessions that go on: while an exam is taken, flags of it are decided
FIRST_S, EVERY_S = 10.0, 30.0
BEFORE_S = 20.0  # between its first turns: a decision is stored well within it
FORM, GOING = 1, 2  # how a segment is stored, and one of sessions that go on: those of another form are made anew
TRIES = 10
READ_AT_ONCE = 1000  # sessions
INDEX = "figures"  # of the sessions: their sums are read from it alone
STAMP = ("sessions", "changes")
OF_SESSION = dict.fromkeys(("exam_id", "segment", "changes", "deciding", "started_at", "state", "begun", "flagged_intervals", "intervals"), 1)
ORPHANED_AFTER = timedelta(minutes=10)
READ = dict.fromkeys(("exam_id", "started_at", "score", "flagged", "review.state", "violations.kind", "violations.occurrences"), 1)
LATE_S = 45.0  # after its end: an interval that changes then is in a segment, or may be
UNTIL = timedelta(seconds=60)  # before now is the end of what segments have, and the longest interval before that
FLUSH_S = 5.0


def is_late(ended_ago: float) -> bool:
    """Has an interval changed that is in a segment, or may be? It ended so many seconds ago."""
    return ended_ago > LATE_S


def leaves() -> Document:
    """What is stored of a session that leaves its segment, and is counted whole until it is in another."""
    return {"segment": None, "late_at": utc_now()}


@dataclass(frozen=True, slots=True)
class Segments:
    """Those that sessions name: which hold, of sessions that are over and of some that go on, and which don't."""

    over: list[str]
    going: list[str]
    left: list[str | None]  # with None among them for the sessions that are in none
    sessions: int  # of those that go on, and of those that don't hold


class FigureReader:
    """Counts by exam, of this moment."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def read(self, which: Document) -> Counted:
        """What is counted of exams; `which` is a MongoDB query on `exam_id`. Raise `StorageError`."""
        for _again in range(TRIES):
            found = self.segments(which)
            with self._database.reading():
                kept = {row["_id"]: row for row in self._database.collection(SEGMENTS).find({"_id": {"$in": [*found.over, *found.going]}})}
            open_ = [*found.left, *found.going]
            sessions = self.members({"segment": {"$in": open_}} | which) if open_ else []
            if len(kept) == len(found.over) + len(found.going) and len(sessions) == found.sessions:  # else one was made anew in this moment
                over, until = [kept[one] for one in found.over], {one: kept[one]["until"] for one in found.going}
                whole = self.counted([row["_id"] for row in sessions if row.get("segment") not in until])
                since = self.since(until, sessions)
                return Counted([*map(kept_sessions, over), *session_rows(sessions)], [*map(kept_figures, kept.values()), *whole, *since])
        raise StorageError(_("The figures are being counted anew. Try again in some seconds."))

    def segments(self, which: Document) -> Segments:
        """The segments that sessions name."""
        group = {"_id": "$segment", "sessions": {"$sum": 1}, "changes": {"$sum": "$changes"}, "deciding": {"$sum": {"$abs": "$deciding"}}}
        pipeline = [{"$match": which}, {"$group": group}]
        with self._database.reading():
            sessions = self._database.collection("sessions")
            try:
                now = {row["_id"]: row for row in sessions.aggregate(pipeline, hint=INDEX)}
            except OperationFailure:  # it is still being made
                now = {row["_id"]: row for row in sessions.aggregate(pipeline)}
            forms = {"form": {"$in": [FORM, GOING]}}
            made = {row["_id"]: row for row in self._database.collection(SEGMENTS).find(forms, dict.fromkeys(("form", *STAMP), 1))}
        hold = [
            segment
            for segment, row in now.items()
            if segment in made and not row["deciding"] and all(row[name] == made[segment][name] for name in STAMP)
        ]
        going = [segment for segment in hold if made[segment]["form"] == GOING]
        left = set(now).difference(hold)
        return Segments(
            [segment for segment in hold if made[segment]["form"] == FORM], going, list(left), sum(now[one]["sessions"] for one in (*left, *going))
        )

    def counted(self, session_ids: Sequence[str]) -> list[Figures]:
        """The figures of these sessions, counted now."""
        return _by_exam(self.rows(session_ids))

    def rows(self, session_ids: Sequence[str], span: Document | None = None) -> Iterator[Document]:
        """Their intervals that have points or a flag; `span`: a condition on when these began."""
        began = {"started_at": span} if span is not None else {}
        for begin in range(0, len(session_ids), READ_AT_ONCE):
            query = {"session_id": {"$in": session_ids[begin : begin + READ_AT_ONCE]}, **began}
            for which in ({"score": {"$gt": 0}}, {"flagged": True, "score": {"$lte": 0}}):
                with self._database.reading():
                    rows = list(self._database.collection("intervals").find(query | which, READ))
                yield from rows

    def since(self, until: Mapping[str, datetime], sessions: Iterable[Document]) -> list[Figures]:
        """The figures of the intervals that began after their session's segment ends."""
        return _by_exam(row for _segment, row in self.rows_since(until, sessions))

    def rows_since(
        self, until: Mapping[str, datetime], sessions: Iterable[Document], before: datetime | None = None
    ) -> Iterator[tuple[str, Document]]:
        """These intervals, of those that have points or a flag, each with its session's segment."""
        of = {row["_id"]: row["segment"] for row in sessions if row.get("segment") in until}
        if not of:
            return
        exams = list({exam_of(row): None for row in sessions if row["_id"] in of})
        first = min(until.values())
        began = {"$gte": first, **({"$lt": before} if before is not None else {})}
        pointless = {"flagged": True, "flagged_at": {"$gte": first}, "score": {"$lte": 0}}
        for exam_id in exams:
            for which in ({"score": {"$gt": 0}}, pointless):
                with self._database.reading():
                    found = self._database.collection("intervals").find({"exam_id": exam_id, "started_at": began} | which, READ | {"session_id": 1})
                    rows = list(found)
                for row in rows:
                    if (segment := of.get(str(row.get("session_id")))) is not None and row["started_at"] >= until[segment]:
                        yield segment, row

    def members(self, query: Document, limit: int = 0, more: Sequence[str] = ()) -> list[Document]:
        """Sessions, as far as they are counted by; with `more` fields."""
        with self._database.reading():
            return list(self._database.collection("sessions").find(query, OF_SESSION | dict.fromkeys(more, 1)).limit(limit))


class FigureKeeper:
    """Makes the segments, in a thread of its own; of several servers one does (`is_mine`). Without it everything is counted when it is asked for."""

    def __init__(
        self, database: Database, is_mine: Callable[[], bool] = lambda: True, *, finish: Callable[[str], object] = lambda _session_id: None
    ) -> None:
        """`finish` is asked to end what was broken off in the middle of a decision about the session of this id."""
        self._database = database
        self._is_mine = is_mine
        self._finish = finish
        self._reader = FigureReader(database)
        self._before = [self.settle, self.settle, self.forget_wrong]
        self._deciding: dict[str, Document] = {}  # that were in the middle of a decision at the first look
        self._worker = Worker("figures", self._work, FIRST_S)
        self.start, self.stop = self._worker.start, self._worker.stop

    def keep_due(self, now: datetime | None = None) -> int:
        """Make anew the segments that hold no more, and segments of sessions that are in none; return of how many sessions. Raise `StorageError`."""
        settled = self._database.flush(FLUSH_S)  # what was stored until now is there to be counted
        now = now or utc_now()
        found = self._reader.segments({})
        kept = sum(self._anew(segment) for segment in found.left if segment is not None and not self._is_over)
        kept += self._go_on(found.going, now) if settled else 0
        while not self._is_over and (new := self._keep(self._new())):
            kept += new
        return kept

    @property
    def _is_over(self) -> bool:
        return self._worker.is_stopping or not self._is_mine()

    def _anew(self, segment: str) -> int:
        """A segment that holds no more. Sessions that go on, or did when it was made, are in none until they are in a new one."""
        sessions = self._reader.members({"segment": segment})
        with self._database.reading():
            row = self._database.collection(SEGMENTS).find_one({"_id": segment}, {"form": 1})
        if (row or {}).get("form") != GOING and all(one.get("state") != "running" for one in sessions):
            return self._keep(sessions)
        self._release([one["_id"] for one in sessions])
        return 0

    def _keep(self, sessions: Sequence[Document]) -> int:
        """Make a segment of sessions that are over."""
        whole = [row for row in sessions if not row.get("deciding")]
        if not whole:
            return 0
        ids, exam_id = [row["_id"] for row in whole], whole[0].get("exam_id")
        rows = next(iter(session_rows(whole)), None)
        more = {"form": FORM, **(stored_rows(rows) if rows is not None else {"of_sessions": b""})}
        self._store(whole, count(exam_id, self._reader.rows(ids)), more, _over())  # one that was reopened since is missing from it
        return len(ids)

    def _store(self, sessions: Sequence[Document], figures: Figures, more: Document, which: Document) -> None:
        segment, ids = uuid.uuid4().hex, [row["_id"] for row in sessions]
        stamp = {"sessions": len(ids), "changes": sum(row.get("changes", 0) for row in sessions)}
        with self._database.reading():
            self._database.collection(SEGMENTS).insert_one({"_id": segment, "made_at": utc_now(), **stamp, **more, **stored_figures(figures)})
            self._database.collection("sessions").update_many({"_id": {"$in": ids}, **which}, {"$set": {"segment": segment}})

    def _release(self, ids: Sequence[str]) -> None:
        with self._database.reading():
            self._database.collection("sessions").update_many({"_id": {"$in": list(ids)}}, {"$set": {"segment": None}})

    # Of sessions that go on

    def _go_on(self, going: Sequence[str], now: datetime) -> int:
        """Bring the segments of sessions that go on up to `now`, and make those of sessions that are in none; return of how many sessions."""
        sessions = self._reader.members({"segment": {"$in": list(going)}}) if going else []
        ended = {row["segment"] for row in sessions if row.get("state") != "running"}
        self._release([row["_id"] for row in sessions if row["segment"] in ended])
        running = self._reader.members(
            {"state": "running", "begun": {"$ne": False}, "deciding": {"$in": [None, 0]}}, more=["rules.interval_duration"]
        )
        until = now - UNTIL - timedelta(seconds=max((_interval_s(row) for row in running), default=0.0))
        self._bring([row for row in sessions if row["segment"] not in ended], until)
        by_exam: dict[str | None, list[Document]] = {}
        for row in running:
            if row.get("segment") is None or row["segment"] in ended:
                by_exam.setdefault(exam_of(row), []).append(row)
        kept = 0
        for exam_id, free in by_exam.items():
            for begin in range(0, len(free), GOING_MAX):
                some = free[begin : begin + GOING_MAX]
                if len(some) < GOING_LEAST or self._is_over:
                    break
                figures = count(exam_id, self._reader.rows([row["_id"] for row in some], {"$lt": until}))
                self._store(some, figures, {"form": GOING, "until": until}, {"segment": None, "state": "running"})
                kept += len(some)
        late = self._reader.members({"late_at": {"$gte": now - UNTIL}, "segment": {"$gt": ""}, "state": "running"}) if kept else []
        self._release([row["_id"] for row in late])  # one of theirs changed while it was counted
        return kept

    def _bring(self, sessions: Sequence[Document], until: datetime) -> None:
        """Add to segments what began before `until` and isn't in them yet."""
        names = list({row["segment"] for row in sessions})
        with self._database.reading():
            kept = {row["_id"]: row for row in self._database.collection(SEGMENTS).find({"_id": {"$in": names}, "until": {"$lt": until}})}
        rows: dict[str, list[Document]] = {}
        for segment, row in self._reader.rows_since({name: row["until"] for name, row in kept.items()}, sessions, until):
            rows.setdefault(segment, []).append(row)
        writes = []
        for segment, before in kept.items():
            exam_id = before.get("exam_id")
            figures = together(exam_id, [kept_figures(before), count(exam_id, rows.get(segment, []))])
            writes.append(UpdateOne({"_id": segment, "until": before["until"]}, {"$set": {"until": until, **stored_figures(figures)}}))
        if writes:
            with self._database.reading():
                self._database.collection(SEGMENTS).bulk_write(writes, ordered=False)

    # What goes

    def clean(self) -> None:
        """Delete the segments that no session names any more. Raise `StorageError`."""
        with self._database.reading():
            named = self._database.collection("sessions").distinct("segment")
            old = {"_id": {"$nin": named}, "made_at": {"$lt": utc_now() - ORPHANED_AFTER}}
            self._database.collection(SEGMENTS).delete_many(old)

    def settle(self) -> None:
        """End what was broken off in the middle of a decision, by an outage or an earlier run: what is as it was at the look before.

        At the second look: decisions are under way, here and at other servers, and take less than the time between. Raise `StorageError`.
        """
        sessions = self._database.collection("sessions")
        with self._database.reading():
            now = {row["_id"]: row for row in sessions.find({"deciding": {"$gt": 0}}, {"deciding": 1, "changes": 1})}
        for row in now.values():
            if row == self._deciding.get(row["_id"]):
                self._finish(row["_id"])
                as_it_was = {"_id": row["_id"], "deciding": row["deciding"], "changes": row.get("changes")}
                with self._database.reading():
                    sessions.update_one(as_it_was, {"$set": {"deciding": 0}, "$inc": {"changes": 1}})
        self._deciding = now

    def forget_wrong(self) -> None:
        """Forget all segments where they don't add up: an older version of the server decided meanwhile. Raise `StorageError`."""
        with self._database.reading():
            sessions, intervals = self._database.collection("sessions"), self._database.collection("intervals")
            if sessions.find_one({"segment": {"$gt": ""}}, {"_id": 1}) is None:
                return
            flags = {state: intervals.count_documents({"flagged": True, "review.state": state}) for state in ("confirmed", "dismissed", "disputed")}
        found = [one.stands() for one in self._reader.read({}).figures]
        if any(sum(one[state] for one in found) != number for state, number in flags.items()):
            log.warning("the figures that were kept don't add up, and are counted anew")
            with self._database.reading():
                sessions.update_many({"segment": {"$gt": ""}}, {"$set": {"segment": None}})

    def _new(self) -> list[Document]:
        """Some sessions of one exam that are over and in no segment, of the exam whose session ended last."""
        free = {"segment": None, "deciding": {"$in": [None, 0]}, **_over()}
        with self._database.reading():
            last = self._database.collection("sessions").find_one(free, {"exam_id": 1}, sort=[("ended_at", -1)])
        return self._reader.members({"exam_id": last.get("exam_id"), **free}, SESSIONS_MAX) if last is not None else []

    def _work(self) -> float:
        """One turn; return the pause until the next."""
        try:
            with suppress(StorageError):  # it is away: later
                if not self._is_mine():
                    return EVERY_S
                if self._before:
                    self._before[0]()
                    del self._before[0]
                else:
                    self.settle()
                    self.keep_due()
                    self.clean()
        except Exception:
            log.exception("counting failed, and is tried again")
            return 20 * EVERY_S
        return BEFORE_S if self._before else EVERY_S


def _over() -> Document:
    """The condition on sessions of which nothing changes any more but what people decide: as those are that may be sealed."""
    return {"state": {"$ne": "running"}, "ended_at": {"$lte": utc_now() - SETTLED}}


def _interval_s(session: Mapping[str, Any]) -> float:
    rules = session.get("rules")
    seconds = rules.get("interval_duration") if isinstance(rules, Mapping) else None
    return float(seconds) if isinstance(seconds, (int, float)) and 0 < seconds <= 600 else 600.0


def _by_exam(rows: Iterable[Document]) -> list[Figures]:
    by_exam: dict[str | None, list[Document]] = {}
    for row in rows:
        by_exam.setdefault(exam_of(row), []).append(row)
    return [count(exam_id, some) for exam_id, some in by_exam.items()]
