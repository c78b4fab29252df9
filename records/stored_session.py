"""Reads one stored session, whole, for a command."""

from __future__ import annotations

from dataclasses import dataclass

from basics.errors import NotFound
from basics.texts import _
from records.reader import Document, stored
from settings.settings import Settings


@dataclass(frozen=True, slots=True)
class StoredSession:
    """A session's document, and its checks, acts and intervals in order."""

    session: Document
    checks: list[Document]
    acts: list[Document]
    intervals: list[Document]


def read_session(settings: Settings, session_id: str) -> StoredSession:
    """Read a session. Raise `NotFound` where there is none, `StorageError` when the database can't be read."""
    with stored(settings) as database:
        session = database.sessions.find_one({"_id": session_id})
        if session is None:
            raise NotFound(
                _(
                    "There is no session %(session_id)s in %(db_name)s. Its id is in /api/flagged/all and on its page.",
                    session_id=repr(session_id),
                    db_name=settings.db_name,
                )
            )
        of_session = {"session_id": session_id}
        return StoredSession(
            session,
            list(database.checks.find(of_session).sort("number", 1)),
            list(database.acts.find(of_session).sort([("at", 1), ("_id", 1)])),
            list(database.intervals.find(of_session).sort("index", 1)),
        )
