"""Under which spelling a student or an exam is known: an ID that differs in case or a last dot is the same one, one that only looks so isn't."""

from __future__ import annotations

import logging
from collections.abc import Iterable

from pymongo import DESCENDING

from basics.errors import Conflict, StorageError
from basics.identifiers import key_of
from basics.looks import folded, look
from basics.texts import _
from database import Database, Document

log = logging.getLogger(__name__)


def looks_of(user_id: str, exam_id: str | None) -> Document:
    """What is stored of IDs, to find those that look alike."""
    return {"user_look": look(user_id), "exam_look": look(exam_id) if exam_id is not None else None}


def known_spelling(database: Database, field: str, given: str, running: Iterable[str | None] = ()) -> str:
    """The `user_id` or `exam_id` (`field`) as it was first written here. Raise `Conflict` for one that looks like another and isn't.

    `running` are those of the sessions that run, whose records may not be in the database yet. While that is away only these are known.
    """
    for known in running:
        if known is not None and look(known) == look(given):
            return _same(field, known, given)
    try:
        return _stored(database, field, given)
    except StorageError as error:
        log.debug("other spellings can't be looked for: %s", error.message)
        return given


def sought_spelling(database: Database, field: str, given: str) -> str:
    """An ID by which records are sought: as given where one is so written, else as it is known. A mere look-alike is nobody's, and finds nothing."""
    try:
        with database.reading():
            if database.collection("sessions").find_one({field: given}, {"_id": 1}) is not None:
                return given
        return _stored(database, field, given)
    except (StorageError, Conflict):
        return given


def _stored(database: Database, field: str, given: str) -> str:
    if field == "exam_id":  # what a teacher defined goes before what was written in a call
        with database.reading():
            defined = database.collection("exams").find_one({"_id": key_of(given)}, {"exam_id": 1})
        if defined is not None and isinstance(defined.get("exam_id"), str):
            return str(defined["exam_id"])
    alike = {f"{field.removesuffix('_id')}_look": look(given), field: {"$type": "string"}}
    for collection, newest in (("sessions", "started_at"), ("accommodations", "at"), *((("exams", "made_at"),) if field == "exam_id" else ())):
        with database.reading():
            found = database.collection(collection).find_one(alike, {field: 1}, sort=[(newest, DESCENDING)])
        if found is not None:
            return _same(field, found[field], given)
    return given


def _same(field: str, known: str, given: str) -> str:
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
