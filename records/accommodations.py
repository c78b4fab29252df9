"""The stored accommodations: set, removed, listed, and found for a session that starts."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from pymongo import DESCENDING

from basics.errors import NotFound, StorageError
from basics.gone import of_student
from basics.identifiers import key_of
from basics.locks import KeyedLocks
from basics.looks import same_id
from basics.stored_fields import tell_unreadable
from basics.texts import _
from basics.times import utc_now
from database import Database, Document
from records.spellings import looks_of
from scoring.accommodations import Accommodation, document_id_of

log = logging.getLogger(__name__)

STORED_WITHIN_S = 10.0
LOADED_AT_ONCE = 1000


class Accommodations:
    """The accommodations of one server's database. What was read last is remembered, for sessions that start while the database is away."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._known: dict[str, Accommodation] = {}
        self._changing = KeyedLocks()  # what is stored last of one is known last, too
        self._late: dict[str, tuple[Accommodation | None, datetime]] = {}  # set or removed (None) here, and not seen in the database yet
        self.version = 0  # grows with each change that this server makes or hears of
        self.told: Callable[[str], object] = lambda _document_id: None  # told of each change made here

    def set(self, accommodation: Accommodation) -> Document:
        """Store one in place of the student's earlier one of that exam; return it as stored. Raise `StorageError`."""
        with self._database.gone.writing(of_student(accommodation.user_id)), self._changing.held(accommodation.document_id):
            stored = replace(accommodation, at=utc_now())
            ticket = self._database.write("accommodations", stored.document_id, stored.to_dict() | looks_of(stored.user_id, stored.exam_id))
            if not ticket.wait(STORED_WITHIN_S):
                raise StorageError(_("The accommodation can't be stored now; see /api/health and try again."))
            self._changed_here(stored.document_id, stored, stored)
        return stored.to_dict() | {"_id": stored.document_id}

    def get(self, document_id: str) -> Accommodation:
        """One of them. Raise `NotFound`, `StorageError`."""
        with self._database.reading():
            document = self._database.collection("accommodations").find_one({"_id": document_id})
        late, _at = self._late.get(document_id, (None, None))
        if document is None and late is not None:
            return late
        if document is None:
            raise NotFound(
                _("There is no accommodation %(document_id)s; GET /api/accommodations lists those there are.", document_id=repr(document_id)),
                field="accommodation_id",
            )
        return _read(document)

    def remove(self, document_id: str) -> Accommodation:
        """Remove one and return it. Raise `NotFound`, `StorageError`."""
        with self._changing.held(document_id):
            removed = self.get(document_id)
            if not self._database.delete("accommodations", document_id).wait(STORED_WITHIN_S):
                raise StorageError(_("The accommodation can't be removed now; see /api/health and try again."))
            self._changed_here(document_id, None, removed)
        return removed

    def _changed_here(self, document_id: str, now: Accommodation | None, whose: Accommodation) -> None:
        """It is in the spool at least: what the database shows may be what was before."""
        at = (now.at if now is not None else None) or utc_now()
        self._late[document_id] = now, at.replace(microsecond=at.microsecond // 1000 * 1000)  # as the database keeps it
        self._know(document_id, now)
        self.version += 1
        self.told(document_id)
        self.find(whose.user_id, whose.exam_id)  # as a rule it is in the database, and that is seen at once

    def _know(self, document_id: str, accommodation: Accommodation | None) -> None:
        if accommodation is None:
            self._known.pop(document_id, None)
        else:
            self._known[document_id] = accommodation

    def _newest(self, document_id: str, document: Document | None, user_id: str) -> Accommodation | None:
        """What was stored last: what the database shows, or what waits to get there."""
        stored = _read(document, user_id) if document is not None else None
        if (late := self._late.get(document_id)) is None:
            return stored
        wanted, at = late
        if (wanted is None and stored is None) or (stored is not None and stored.at is not None and stored.at >= at and (wanted or stored.at > at)):
            self._late.pop(document_id, None)
            return stored
        return wanted

    def listed(
        self,
        user_id: str | None = None,
        exam_id: str | None = None,
        *,
        limit: int = 100,
        after: str | None = None,
        exams: Document | None = None,
    ) -> list[Document]:
        """Those of a student, of an exam, or all (`exams`: a condition on the exam); set last first. `after` is the `_id` of the last one seen."""
        query: Document = {name: value for name, value in (("user_id", user_id), ("exam_id", exam_id)) if value is not None}
        query |= {"$and": [{"exam_id": exams}]} if exams is not None else {}
        return self._database.page("accommodations", query, [("at", DESCENDING)], after, limit)

    def changed_elsewhere(self) -> None:
        """Some were stored without this object, as a list of students does."""
        self.version += 1

    def read_again(self, document_id: str) -> None:
        """Another server has changed one. Raise `StorageError`."""
        self.version += 1
        with self._database.reading():
            found = self._database.collection("accommodations").find_one({"_id": document_id})
        self._know(document_id, self._newest(document_id, found, ""))

    def read_all_again(self) -> None:
        """Other servers may have changed any. Raise `StorageError`."""
        self.version += 1
        found = {document["_id"]: document for document in self.listed(limit=LOADED_AT_ONCE)}
        older = list(self._known.keys() - found)  # not among those set last, and there still
        for first in range(0, len(older), LOADED_AT_ONCE):
            with self._database.reading():
                some = self._database.collection("accommodations").find({"_id": {"$in": older[first : first + LOADED_AT_ONCE]}})
                found |= {document["_id"]: document for document in some}
        for one in {*found, *self._known}:
            self._know(one, self._newest(one, found.get(one), ""))

    def find(self, user_id: str, exam_id: str | None, *, strict: bool = False) -> Accommodation | None:
        """The one for this student in this exam: the exam's own, else the one for every exam.

        Raise nothing, because an exam starts in an outage, too; where it is `strict`, `StorageError`.
        """
        ids = [document_id_of(user_id, exam_id), document_id_of(user_id, None)]
        try:
            with self._database.reading():
                found = {row["_id"]: row for row in self._database.collection("accommodations").find({"_id": {"$in": ids}})}
        except StorageError as error:
            if strict:
                raise
            log.warning("accommodations of %s can't be read, those known so far are used: %s", user_id, error.message)
        else:
            for one in ids:
                self._know(one, self._newest(one, found.get(one), user_id))
        return next((self._known[one] for one in ids if one in self._known), None)

    def forget(self, user_key: str) -> None:
        """Remember none of a student's any more, by the key of the ID, which all its spellings have."""
        for one in [one for one, known in list(self._known.items()) if key_of(known.user_id) == user_key]:
            self._known.pop(one, None)
            self._late.pop(one, None)

    def forget_exam(self, exam_id: str) -> None:
        """Remember none of an exam's any more."""
        for one in [one for one, known in list(self._known.items()) if known.exam_id is not None and same_id(known.exam_id, exam_id)]:
            self._known.pop(one, None)
            self._late.pop(one, None)

    def remember(self) -> None:
        """Read those set last, so that they are known when the database goes away."""
        for document in self.listed(limit=LOADED_AT_ONCE):
            self._known.setdefault(document["_id"], _read(document))


def _read(document: Document, user_id: str = "") -> Accommodation:
    """As far as it can be read: an exam starts whatever somebody wrote to the database by hand."""
    found = Accommodation.from_dict(document, user_id)
    if found.unreadable:
        tell_unreadable("accommodation", str(document["_id"]), found.unreadable)
    return found
