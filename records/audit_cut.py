"""Deletes the audit's oldest entries once their time is over, so that the chain still verifies from a noted place on.

Before anything goes the chain itself says up to which place, and the hash of the last entry that goes; and the seals of sessions that are still kept
are noted again. An entry about what a legal hold names is spared with everything behind it: a chain has no gaps.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from basics.errors import StorageError
from basics.looks import look
from basics.texts import _
from database import Database, Document
from records.holds import holds_of
from records.seals import SEALED
from records.stores import Store
from records.verification import newest_cut
from records.verified import CUT
from storage.audit_chain import UNCHAINED

log = logging.getLogger(__name__)

PAGE = 1000
STORED_WITHIN_S = 30.0
SHOWN = {"seq": 1, "hash": 1, "at": 1, "what": 1, "erased": 1, "session_id": 1, "video_id": 1, "user_id": 1, "sessions": 1, "sha256": 1}


@dataclass(slots=True)
class Due:
    """The oldest entries that may go: up to which place, and what is needed of them."""

    upto: int = 0
    head: str = ""
    until: datetime | None = None
    count: int = 0
    older: int = 0  # from before the chain
    held_at: int = 0  # the place of the entry that a hold keeps, with those behind it
    seals: dict[str, str] = field(default_factory=dict)


def cut_audit(database: Database, before: datetime, days: int) -> int:
    """Delete the entries from before `before`; return how many. Raise `StorageError`."""
    due = due_entries(database, before)
    if not due.upto:
        return 0
    with database.reading():
        noted = newest_cut(database.collection("audit"))
    if noted is None or due.upto > int(noted["upto"]):  # else that one was broken off
        _seal_again(database, due)
        said = {"upto": due.upto, "head": due.head, "count": due.count, "older": due.older, "until": due.until, "days": days}
        if not database.audit({"who": "server", "what": CUT, **said}).wait(STORED_WITHIN_S):
            raise StorageError(_("What is deleted can't be noted now; see /api/health."))
    _delete(database, due)
    log.info("deleted %d entries of the audit, up to %d, from before %s (KEEP_AUDIT_DAYS)", due.count, due.upto, f"{before:%Y-%m-%d %H:%M} UTC")
    return due.count + due.older


def due_entries(store: Store, before: datetime) -> Due:
    """The entries at the chain's beginning that are from before `before`, as far as no hold names one of them. Raise `StorageError`."""
    due, held = Due(), _Held(store)
    with store.reading():
        older = list(store.collection("audit").find(UNCHAINED, SHOWN))
    if any(held.names(entry) for entry in older):
        return due
    for entry in _chain(store):
        if not isinstance(entry.get("at"), datetime) or entry["at"] >= before:
            break
        if held.names(entry):
            due.held_at = int(entry["seq"])
            break
        due.upto, due.head, due.count = int(entry["seq"]), str(entry.get("hash")), due.count + 1
        due.until = max(due.until or entry["at"], entry["at"])
        if entry.get("what") == SEALED and not entry.get("erased"):
            due.seals[str(entry.get("session_id"))] = str(entry.get("sha256"))
    due.older = len(older) if due.upto else 0
    return due


class _Held:
    """What the legal holds of a store name."""

    def __init__(self, store: Store) -> None:
        held = holds_of(store)
        self._looks = {look(str(one["user_id"])) for one in held if one.get("user_id")}
        self._sessions = {str(one["session_id"]) for one in held if one.get("session_id")}
        if self._looks:
            with store.reading():
                found = store.collection("sessions").find({"user_look": {"$in": list(self._looks)}}, {"_id": 1})
                self._sessions.update(str(row["_id"]) for row in found)

    def names(self, entry: Document) -> bool:
        """Is this entry about something that is held?"""
        named = entry.get("sessions")
        about = {str(entry.get("session_id")), str(entry.get("video_id")).partition("-")[0], *map(str, named if isinstance(named, list) else ())}
        return not about.isdisjoint(self._sessions) or (bool(entry.get("user_id")) and look(str(entry["user_id"])) in self._looks)


def _chain(store: Store) -> Iterator[Document]:
    """The chain's entries from its beginning, some at a time."""
    after = 0
    while True:
        with store.reading():
            page = list(store.collection("audit").find({"seq": {"$gt": after}}, SHOWN).sort("seq", 1).limit(PAGE))
        yield from page
        if len(page) < PAGE:
            return
        after = int(page[-1]["seq"])


def _seal_again(database: Database, due: Due) -> None:
    """Note the seals of sessions that are there still anew, as the entries that go had them: what is sealed stays so."""
    names = sorted(due.seals)
    for first in range(0, len(names), PAGE):
        tickets = [
            database.audit({"who": "server", "what": SEALED, "session_id": one, "sha256": due.seals[one], "again": CUT})
            for one in _only_sealed_there(database, names[first : first + PAGE], due.upto)
        ]
        if not all(ticket.wait(STORED_WITHIN_S) for ticket in tickets):
            raise StorageError(_("What is deleted can't be noted now; see /api/health."))


def _only_sealed_there(database: Database, names: Sequence[str], upto: int) -> list[str]:
    """Those of the sessions that are stored still, and whose newest seal is among what goes."""
    named = {"$in": list(names)}
    with database.reading():
        newer = database.collection("audit").distinct("session_id", {"session_id": named, "seq": {"$gt": upto}, "what": SEALED})
        return [str(row["_id"]) for row in database.collection("sessions").find({"_id": named}, {"_id": 1}) if row["_id"] not in set(newer)]


def _delete(database: Database, due: Due) -> None:
    """Delete, oldest first: what is broken off leaves no entry without those behind it."""
    with database.reading():
        audit = database.collection("audit")
        audit.delete_many(UNCHAINED)
        first = audit.find_one({"seq": {"$gt": 0}}, {"seq": 1}, sort=[("seq", 1)])
    for start in range(int(first["seq"]) if first else due.upto + 1, due.upto + 1, PAGE):
        with database.reading():
            database.collection("audit").delete_many({"seq": {"$gte": start, "$lte": min(start + PAGE - 1, due.upto)}})
