"""Seals what an exam left: once a session has ended, the hash of every record of it goes into the audit's chain, and of every clip.

From then on `flask --app app verify` can say which record or file is not as it was. Kept beside the records in `seals`: a short hash of each, so
that the one that was altered can be named; the hash of that list stands in the audit.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import timedelta
from typing import Any

from basics.canonical import digest, without
from basics.errors import StorageError
from basics.times import utc_now
from basics.worker import Worker
from database import Database, Document
from records.keep_times import part_of
from storage.marks import without_marks

log = logging.getLogger(__name__)

SEALED = "session: sealed"
FIRST_S = 20.0  # after the start
EVERY_S = 10.0
AT_ONCE = 5  # sessions; those of before there were seals are many, and nothing waits for them
SETTLED = timedelta(seconds=30)  # after its end, what was under way is stored
CLIPS_WITHIN = timedelta(hours=24)  # a clip that is not made by then is sealed as it stands
SHORT = 16  # hexadecimal digits by which one record is told
STORED_WITHIN_S = 10.0
OF_SESSION = (
    "user_id",
    "exam_id",
    "exam",
    "source",
    "station",
    "state",
    "started_at",
    "ended_at",
    "ended_after_s",
    "end_reason",
    "end_code",
    "end_note",
    "total_score",
    "flagged_intervals",
    "intervals",
    "rules",
    "accommodation",
    "breaks",
    "messages",
    "marks",
)
SINCE = ("accommodations",)  # fields that not every session has: one that lacks them is sealed as ever
MORE = ("begun", "unread", "doubts", "seb")
"""What else of a session is shown as evidence: what could not be told or watched. It has a hash of its own, which older seals don't have."""
ORDERED = {"intervals": "index", "checks": "number", "acts": "_id"}  # the kinds of records of a session, each with its order


def seal_of(session: Mapping[str, Any], records: Mapping[str, Iterable[Mapping[str, Any]]]) -> Document:
    """The hashes of a session's own document and of its `intervals`, `checks` and `acts`: id → hash, in their order; and of its clips, whole.

    Decisions are not among them (each stands in the audit by itself), and whether a clip is there still (it may go by its own time).
    """
    clips: dict[str, str] = {}
    kinds: dict[str, dict[str, str]] = {}
    for kind in ORDERED:
        kinds[kind] = {}
        for record in records[kind]:
            kinds[kind][str(record["_id"])] = digest(without(without_marks(record), "review", "clip"))[:SHORT]
            if kind == "intervals" and (sha256 := part_of(record, "clip").get("sha256")):
                clips[str(record["_id"])] = str(sha256)
    named = [*OF_SESSION, *(name for name in SINCE if session.get(name))]
    more = {name: session[name] for name in MORE if name in session}
    return {"session": digest({name: session.get(name) for name in named}), "more": digest(more), **kinds, "clips": clips}


def seal_hash(seal: Mapping[str, Any]) -> str:
    """The hash of a seal, as it stands in the audit."""
    return digest({name: seal[name] for name in ("session", "more", *ORDERED, "clips") if name in seal})


def is_other_session(seal: Mapping[str, Any], now: Mapping[str, Any]) -> bool:
    """Is a session's own document another one than was sealed, as its seal would be `now`?"""
    return any(now[name] != seal[name] for name in ("session", "more") if name in seal)


class Seals:
    """Seals the sessions that have ended, one after another, in a thread of its own; of several servers one does (`is_mine`)."""

    def __init__(self, database: Database, is_mine: Callable[[], bool] = lambda: True) -> None:
        self._database = database
        self._is_mine = is_mine
        self._worker = Worker("seals", self._work, FIRST_S)
        self.start, self.stop = self._worker.start, self._worker.stop

    def seal_due(self) -> int:
        """Seal some of the sessions that wait for it; return how many. Raise `StorageError`."""
        now, sealed = utc_now(), 0
        if not self._is_mine():
            return 0
        with self._database.reading():
            query = {"sealed_at": None, "ended_at": {"$lte": now - SETTLED}, "state": {"$ne": "running"}}
            due = list(self._database.collection("sessions").find(query).sort("ended_at", -1).limit(4 * AT_ONCE))
        for session in due:
            if sealed == AT_ONCE or self._worker.is_stopping or not self._is_mine():
                break
            if now - session["ended_at"] < CLIPS_WITHIN and self._has_pending(session["_id"]):
                continue
            self._seal(session)
            sealed += 1
        return sealed

    def _seal(self, session: Document) -> None:
        session_id = session["_id"]
        seal = seal_of(session, {kind: self._records(kind, session_id) for kind in ORDERED})
        said = {"intervals": len(seal["intervals"]), "checks": len(seal["checks"]), "acts": len(seal["acts"]), "clips": len(seal["clips"])}
        tickets = [
            self._database.write("seals", session_id, {"at": utc_now(), **storable_seal(seal)}),
            self._database.audit({"who": "server", "what": SEALED, "session_id": session_id, "sha256": seal_hash(seal), **said}),
        ]
        if all(ticket.wait(STORED_WITHIN_S) for ticket in tickets):
            self._database.write("sessions", session_id, {"sealed_at": utc_now()})

    def _has_pending(self, session_id: str) -> bool:
        with self._database.reading():
            return self._database.collection("intervals").find_one({"session_id": session_id, "clip.state": "pending"}, {"_id": 1}) is not None

    def _records(self, kind: str, session_id: str) -> Iterator[Document]:
        with self._database.reading():
            yield from self._database.collection(kind).find({"session_id": session_id}).sort(ORDERED[kind], 1)

    def _work(self) -> float:
        try:
            with contextlib.suppress(StorageError):  # it is away: later
                self.seal_due()
        except Exception:
            log.exception("sealing failed, and is tried again")
            return 60 * EVERY_S
        return EVERY_S


def storable_seal(seal: Document) -> Document:
    """As it is stored: ids of acts are the pages' own, and no names of fields."""
    return {name: [list(pair) for pair in value.items()] if isinstance(value, dict) else value for name, value in seal.items()}


def stored_seal(document: Mapping[str, Any]) -> Document:
    """A seal as `seal_of` made it, of its document."""
    own = {name: document[name] for name in ("session", "more") if name in document}
    return {**own, **{name: {str(key): value for key, value in document[name]} for name in (*ORDERED, "clips")}}
