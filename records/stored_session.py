"""Reads one stored session beside a running server or without one: a plain reader, with no writer, no spool and no lock of its own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timezone
from typing import Any

import pymongo
from bson.codec_options import CodecOptions
from pymongo.errors import PyMongoError

from basics.errors import NotFound, StorageError
from settings.settings import Settings
from storage.mongod import EmbeddedMongod

Document = dict[str, Any]

_UTC: CodecOptions[Document] = CodecOptions(tz_aware=True, tzinfo=timezone.utc)


@dataclass(frozen=True, slots=True)
class StoredSession:
    """A session's document, and its checks, acts and intervals in order."""

    session: Document
    checks: list[Document]
    acts: list[Document]
    intervals: list[Document]


def read_session(settings: Settings, session_id: str) -> StoredSession:
    """Read a session. Raise `NotFound` where there is none, `StorageError` when the database can't be read."""
    with _database_uri(settings) as uri:
        milliseconds = int(settings.mongo_timeout_s * 1000)
        try:
            with pymongo.MongoClient[Document](uri, serverSelectionTimeoutMS=milliseconds, connectTimeoutMS=milliseconds) as client:
                database = client.get_database(settings.db_name, _UTC)
                session = database.sessions.find_one({"_id": session_id})
                if session is None:
                    raise NotFound(f"There is no session {session_id!r} in {settings.db_name}. Its id is in /api/flagged/all and on its page.")
                of_session = {"session_id": session_id}
                return StoredSession(
                    session,
                    list(database.checks.find(of_session).sort("number", 1)),
                    list(database.acts.find(of_session).sort([("at", 1), ("_id", 1)])),
                    list(database.intervals.find(of_session).sort("index", 1)),
                )
        except PyMongoError as error:
            raise StorageError(f"The database can't be read: {error}. Check MONGO_URI.") from error


@contextmanager
def _database_uri(settings: Settings) -> Iterator[str]:
    """The database's address; the embedded one is started for the read where no server runs it."""
    uri = settings.mongo_uri.get_secret_value()
    if uri != "embedded":
        yield uri
        return
    mongod = EmbeddedMongod(settings.data_dir)
    running = mongod.running_uri()
    if running:
        yield running
        return
    try:
        yield mongod.start()
    finally:
        mongod.stop()
