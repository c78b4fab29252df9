"""A mongod that a test may hurt, and a database as somebody else sees it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pymongo
import pytest

from storage.mongod import EmbeddedMongod
from tests.helpers.databases import put_out


@pytest.fixture
def stored(mongo_uri: str, db_name: str) -> Iterator[pymongo.database.Database[dict[str, Any]]]:
    """The same database, seen by somebody else."""
    with pymongo.MongoClient[dict[str, Any]](mongo_uri, tz_aware=True) as client:
        yield client[db_name]


@pytest.fixture(scope="module")
def fragile(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedMongod]:
    """A mongod that may be stopped and killed."""
    server = EmbeddedMongod(tmp_path_factory.mktemp("fragile"))
    server.start()
    yield server
    put_out(server)
