"""Deletes an exam with everything of it, some sessions at a time: so that no call takes long, and what is broken off goes on with the next.

What is being stored of it just then is waited for, and nothing of it comes into being afterwards.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from basics.errors import Conflict, StorageError
from basics.gone import of_exam as gone_exam
from basics.looks import folded, look
from basics.texts import _
from database import Database, Document
from records.holds import holds_of

BATCH = 50  # sessions deleted by one call
FLUSH_S = 5.0
OF_AN_EXAM = ("accommodations", "rehearsals", "identity")  # the collections whose documents name their exam by its id
BY_KEY = (  # and those that name it by its key
    "roster",
    "letters",
    "lti_links",
    "lti_exams",
    "lti_courses",
    "exam_passwords",
    "snippet_secrets",
    "edx_exams",
    "edx_attempts",
)


class Remover(Protocol):
    """Deletes one session, files first. False where a file can't be deleted now."""

    def forget_clips(self, session_id: str) -> bool:
        """Make no clip of the session any more. False where one is being made."""

    def delete_session(self, session_id: str) -> bool: ...


def of_exam(database: Database, exam_id: str) -> list[str]:
    """Every spelling under which sessions of this exam are stored. Raise `StorageError`."""
    with database.reading():
        found = database.collection("sessions").distinct("exam_id", {"exam_look": look(exam_id)})
    return [exam_id, *(one for one in found if isinstance(one, str) and one != exam_id and folded(one) == folded(exam_id))]


def check_holds(database: Database, exam_id: str, key: str) -> None:
    """Raise `Conflict` where a legal hold names a session of the exam or a student of whom it has anything, `StorageError`."""
    held = holds_of(database)
    sessions = [one["session_id"] for one in held if one.get("session_id")]
    students = {look(str(one["user_id"])) for one in held if one.get("user_id")}
    if held and (_has_sessions(database, exam_id, sessions) or not students.isdisjoint(_students(database, exam_id, key))):
        raise Conflict(_("A legal hold is set on something of this exam: nothing of it may be deleted until it is lifted."), reason="held")


def _has_sessions(database: Database, exam_id: str, session_ids: list[str]) -> bool:
    query: Document = {"_id": {"$in": session_ids}, "exam_id": {"$in": of_exam(database, exam_id)}}
    with database.reading():
        return database.collection("sessions").find_one(query, {"_id": 1}) is not None


def _students(database: Database, exam_id: str, key: str) -> Iterator[str]:
    """How the IDs of all look of whom the exam has anything."""
    query: Document = {"exam_id": {"$in": of_exam(database, exam_id)}}
    for name, of_it in [*((name, query) for name in ("sessions", *OF_AN_EXAM)), *((name, {"exam_key": key}) for name in BY_KEY)]:
        with database.reading():
            found = database.collection(name).distinct("user_id", of_it)
        yield from (look(str(one)) for one in found)


def delete_some(database: Database, remover: Remover, exam_id: str, key: str, deleted: list[str]) -> int:
    """Delete some sessions of the exam, and with the last of them what else is the exam's. Return how many sessions are left.

    The ids of those that are gone are in `deleted`, whatever breaks it off. Raise `StorageError` where the database is away, a file can't be
    deleted, or something of it is being stored for long.
    """
    query: Document = {"exam_id": {"$in": of_exam(database, exam_id)}}
    with database.reading():
        sessions = database.collection("sessions")
        found = [row["_id"] for row in sessions.find(query, {"_id": 1}).limit(BATCH)]
    due = [one for one in found if remover.forget_clips(one)]  # first: whatever the recorder makes just now is in its record
    database.gone.bar(due)
    try:
        for session_id in due:
            if remover.delete_session(session_id):
                deleted.append(session_id)  # noqa: PERF401 (one by one: those that are gone are named, whatever stops the rest)
    finally:
        database.gone.lift([one for one in due if one not in deleted])
    if found and not deleted:
        raise StorageError(_("The clips of this exam can't be deleted from the disk now; the log names the files."))
    with database.reading():
        left = sessions.count_documents(query)
    if not left:
        _delete_rest(database, query, key)
    return left


def _delete_rest(database: Database, query: Document, key: str) -> None:
    database.gone.bar([gone_exam(key)])
    try:
        _empty(database, query, key)
    except StorageError:
        database.gone.lift([gone_exam(key)])
        raise


def _empty(database: Database, query: Document, key: str) -> None:
    if not database.flush(FLUSH_S):
        raise StorageError(_("Records still wait to be stored; see /api/health and try again."))
    with database.reading():
        for name in OF_AN_EXAM:
            database.collection(name).delete_many(query)
        for name in BY_KEY:
            database.collection(name).delete_many({"exam_key": key})
