"""The database for a command: a plain reader beside a running server or without one, with no writer, no spool and no lock of its own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timezone
from typing import Any

import pymongo
from bson.codec_options import CodecOptions, DatetimeConversion
from pymongo.database import Database
from pymongo.errors import PyMongoError

from basics.errors import StorageError
from basics.texts import _
from settings.settings import Settings
from storage.migrations import check_readable
from storage.mongod import EmbeddedMongod

Document = dict[str, Any]

_UTC: CodecOptions[Document] = CodecOptions(tz_aware=True, tzinfo=timezone.utc, datetime_conversion=DatetimeConversion.DATETIME_CLAMP)


@contextmanager
def stored(settings: Settings) -> Iterator[Database[Document]]:
    """The database, within a `with`. Raise `StorageError` when it can't be read, `ConfigError` where it is of a newer version."""
    with address(settings) as uri:
        milliseconds = int(settings.mongo_timeout_s * 1000)
        try:
            with pymongo.MongoClient[Document](uri, serverSelectionTimeoutMS=milliseconds, connectTimeoutMS=milliseconds) as client:
                database = client.get_database(settings.db_name, _UTC)
                check_readable(database)
                yield database
        except PyMongoError as error:
            raise StorageError(_("The database can't be read: %(error)s. Check MONGO_URI.", error=error)) from error


@contextmanager
def address(settings: Settings) -> Iterator[str]:
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
