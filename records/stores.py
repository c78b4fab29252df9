"""Where records of people are kept: the running server's database, or a command's plain reader beside it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any, Protocol

import pymongo.database
from pymongo.collection import Collection
from pymongo.errors import PyMongoError
from pymongo.write_concern import WriteConcern

from basics.errors import StorageError
from basics.texts import _

Document = dict[str, Any]


class Store(Protocol):
    """A database that is read and changed at once; a `Database` is one."""

    def reading(self) -> AbstractContextManager[None]:
        """Within it a database that is away is a `StorageError`."""

    def collection(self, name: str) -> Collection[Document]:
        """A collection, to be used inside `reading()`."""


class PlainStore:
    """A command's."""

    def __init__(self, database: pymongo.database.Database[Document]) -> None:
        self._database = database

    @contextmanager
    def reading(self) -> Iterator[None]:
        try:
            yield
        except PyMongoError as error:
            raise StorageError(_("The database can't be read: %(error)s. Check MONGO_URI.", error=error)) from error

    def collection(self, name: str) -> Collection[Document]:
        return self._database.get_collection(name, write_concern=WriteConcern("majority", j=True))
