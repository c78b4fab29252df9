"""The stored accommodations: set, removed, listed, and found for a session that starts."""

from __future__ import annotations

import logging
from dataclasses import replace

from pymongo import DESCENDING

from basics.errors import NotFound, StorageError
from basics.looks import same_id
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
        self.version = 0  # grows with each change made by this server

    def set(self, accommodation: Accommodation) -> Document:
        """Store one in place of the student's earlier one of that exam; return it as stored. Raise `StorageError`."""
        stored = replace(accommodation, at=utc_now())
        ticket = self._database.write("accommodations", stored.document_id, stored.to_dict() | looks_of(stored.user_id, stored.exam_id))
        if not ticket.wait(STORED_WITHIN_S):
            raise StorageError(_("The accommodation can't be stored now; see /api/health and try again."))
        self._known[stored.document_id] = stored
        self.version += 1
        return stored.to_dict() | {"_id": stored.document_id}

    def remove(self, document_id: str) -> Accommodation:
        """Remove one and return it. Raise `NotFound`, `StorageError`."""
        with self._database.reading():
            document = self._database.collection("accommodations").find_one({"_id": document_id})
        if document is None:
            raise NotFound(
                _("There is no accommodation %(document_id)s; GET /api/accommodations lists those there are.", document_id=repr(document_id)),
                field="accommodation_id",
            )
        if not self._database.delete("accommodations", document_id).wait(STORED_WITHIN_S):
            raise StorageError(_("The accommodation can't be removed now; see /api/health and try again."))
        self._known.pop(document_id, None)
        self.version += 1
        return Accommodation.from_dict(document)

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
                if one in found:
                    self._known[one] = Accommodation.from_dict(found[one])
                else:
                    self._known.pop(one, None)
        return next((self._known[one] for one in ids if one in self._known), None)

    def forget(self, user_id: str) -> None:
        """Remember none of a student's any more, by whatever spelling of the ID."""
        for one in [one for one, known in list(self._known.items()) if same_id(known.user_id, user_id)]:
            self._known.pop(one, None)

    def remember(self) -> None:
        """Read those set last, so that they are known when the database goes away."""
        for document in self.listed(limit=LOADED_AT_ONCE):
            self._known.setdefault(document["_id"], Accommodation.from_dict(document))
