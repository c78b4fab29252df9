"""One real mongod for all tests, and a database of its own for each."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path

import pymongo
import pytest

from database import Database
from storage.mongod import EmbeddedMongod
from tests.helpers.databases import uri_of


@pytest.fixture(scope="session")
def mongod(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedMongod]:
    """The process itself. Tests that hurt a mongod start their own."""
    server = EmbeddedMongod(tmp_path_factory.mktemp("mongo"))
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def mongo_uri(mongod: EmbeddedMongod) -> str:
    """The address of a running MongoDB."""
    return uri_of(mongod)


@pytest.fixture
def db_name(mongo_uri: str) -> Iterator[str]:
    """A name that no other test has; what is stored under it is dropped after the test."""
    name = f"test_{uuid.uuid4().hex[:12]}"
    yield name
    with pymongo.MongoClient[dict[str, object]](mongo_uri) as client:
        client.drop_database(name)


@pytest.fixture
def database(mongo_uri: str, db_name: str, tmp_path: Path) -> Iterator[Database]:
    """A started `Database` with its indexes made."""
    made = Database(mongo_uri, db_name, tmp_path / "spool", timeout_s=3, spool_max_mb=64)
    made.start()
    assert made.wait_ready(30)
    yield made
    made.stop(10)
