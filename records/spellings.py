"""Under which spelling a student or an exam is known: an ID that differs in case or a last dot is the same one, one that only looks so isn't."""

from __future__ import annotations

import logging

from pymongo import DESCENDING

from basics.errors import Conflict, StorageError
from basics.looks import folded, look
from basics.texts import _
from database import Database, Document

log = logging.getLogger(__name__)


def looks_of(user_id: str, exam_id: str | None) -> Document:
    """What is stored of IDs, to find those that look alike."""
    return {"user_look": look(user_id), "exam_look": look(exam_id) if exam_id is not None else None}


def known_spelling(database: Database, user_id: str, exam_id: str | None) -> tuple[str, str | None]:
    """The IDs as they were first written here. Raise `Conflict` for one that looks like another and isn't. While the database is away: as given."""
    try:
        return _known(database, "user_id", user_id), _known(database, "exam_id", exam_id) if exam_id is not None else None
    except StorageError as error:
        log.debug("other spellings can't be looked for: %s", error.message)
        return user_id, exam_id


def _known(database: Database, field: str, given: str) -> str:
    alike = {f"{field.removesuffix('_id')}_look": look(given)}
    for collection, newest in (("sessions", "started_at"), ("accommodations", "at")):
        with database.reading():
            found = database.collection(collection).find_one(alike, {field: 1}, sort=[(newest, DESCENDING)])
        if found is None:
            continue
        known: str = found[field]
        if folded(known) == folded(given):
            return known
        raise Conflict(
            _(
                "%(given)s looks like %(known)s, which is known here, and is written with other letters. Type it anew.",
                given=repr(given),
                known=repr(known),
            ),
            field=field,
        )
    return given
