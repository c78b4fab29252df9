"""Deletes an exam with everything of it, some sessions at a time: so that no call takes long, and what is broken off goes on with the next."""

from __future__ import annotations

from typing import Protocol

from basics.errors import StorageError
from basics.looks import folded, look
from basics.texts import _
from database import Database, Document

BATCH = 50  # sessions deleted by one call
OF_AN_EXAM = ("accommodations", "rehearsals", "identity")  # the collections whose documents name their exam by its id
BY_KEY = ("roster", "letters")  # and those that name it by its key


class Remover(Protocol):
    """Deletes one session, files first. False where a file can't be deleted now."""

    def delete_session(self, session_id: str) -> bool: ...


def of_exam(database: Database, exam_id: str) -> list[str]:
    """Every spelling under which sessions of this exam are stored. Raise `StorageError`."""
    with database.reading():
        found = database.collection("sessions").distinct("exam_id", {"exam_look": look(exam_id)})
    return [exam_id, *(one for one in found if one is not None and one != exam_id and folded(one) == folded(exam_id))]


def delete_some(database: Database, remover: Remover, exam_id: str, key: str) -> tuple[list[str], int]:
    """Delete some sessions of the exam, and with the last of them what else is the exam's. Return their ids, and how many are left.

    Raise `StorageError` where the database is away, or a file can't be deleted.
    """
    query: Document = {"exam_id": {"$in": of_exam(database, exam_id)}}
    with database.reading():
        sessions = database.collection("sessions")
        due = [row["_id"] for row in sessions.find(query, {"_id": 1}).limit(BATCH)]
    deleted = [session_id for session_id in due if remover.delete_session(session_id)]
    if due and not deleted:
        raise StorageError(_("The clips of this exam can't be deleted from the disk now; the log names the files."))
    with database.reading():
        left = sessions.count_documents(query)
        if not left:
            for name in OF_AN_EXAM:
                database.collection(name).delete_many(query)
            for name in BY_KEY:
                database.collection(name).delete_many({"exam_key": key})
    return deleted, left
