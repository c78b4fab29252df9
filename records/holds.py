"""Legal holds: while one is set, nothing of its session or of its student is deleted, neither by time nor by anybody's wish."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass

from basics.errors import StorageError
from basics.looks import look
from basics.shapes import Shape
from basics.stored_fields import is_moment, is_text
from basics.texts import _
from basics.times import utc_now
from database import Database, Document
from records.stores import Store

STORED_WITHIN_S = 10.0
COLLECTION = "holds"
HOLD_ACTS = ("hold: set", "hold: lifted", "hold: refused")  # in the audit: of these nobody learns by a package
HOLD = Shape({**dict.fromkeys(("session_id", "user_id", "note", "by"), is_text), "at": is_moment})
HELD = _("A legal hold is set: nothing of it may be deleted until it is lifted.")


@dataclass(frozen=True, slots=True)
class Holds:
    """The holds of one server's database."""

    database: Database

    def set(self, *, by: str, note: str, session_id: str = "", user_id: str = "") -> None:
        """Hold a session, or all of a student. Raise `StorageError`."""
        fields = {"session_id": session_id or None, "user_id": user_id or None, "by": by, "note": note, "at": utc_now()}
        if not self.database.write(COLLECTION, _id_of(session_id, user_id), fields).wait(STORED_WITHIN_S):
            raise StorageError(_("The hold can't be stored now; see /api/health and try again."))

    def lift(self, *, session_id: str = "", user_id: str = "") -> None:
        """End a hold; harmless where there is none. Raise `StorageError`."""
        if not self.database.delete(COLLECTION, _id_of(session_id, user_id)).wait(STORED_WITHIN_S):
            raise StorageError(_("The hold can't be stored now; see /api/health and try again."))

    def listed(self) -> list[Document]:
        """All of them, the newest last. Raise `StorageError`."""
        return holds_of(self.database)

    def spared(self) -> Document:
        """The condition on sessions that none of these holds. Raise `StorageError`."""
        return spared(self.database)


def holds_of(store: Store) -> list[Document]:
    """All that are set, the newest last. Raise `StorageError`."""
    with store.reading():
        return list(store.collection(COLLECTION).find().sort([("at", 1), ("_id", 1)]).limit(10_000))


def spared(store: Store) -> Document:
    """The condition on sessions that none of the store's holds names. Raise `StorageError`."""
    held = holds_of(store)
    sessions, students = ([one[name] for one in held if one.get(name)] for name in ("session_id", "user_id"))
    looks = [look(one) for one in students]  # by whatever spelling
    return {"$nor": [{"_id": {"$in": sessions}}, {"user_id": {"$in": students}}, {"user_look": {"$in": looks}}]} if held else {}


def held_among(store: Store, user_ids: Iterable[str]) -> list[str]:
    """Those of the students whom a hold of the store names, by whatever spelling. Raise `StorageError`."""
    held = {look(str(one["user_id"])) for one in holds_of(store) if one.get("user_id")}
    return [one for one in user_ids if look(one) in held] if held else []


def _id_of(session_id: str, user_id: str) -> str:
    return hashlib.sha256(f"{session_id}\n{user_id}".encode()).hexdigest()[:32]
