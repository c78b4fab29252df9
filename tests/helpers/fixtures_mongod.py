"""One real mongod for all tests, and one database, which every test finds empty and with its indexes made."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pymongo
import pytest

from database import Database
from storage.migrations import MIGRATIONS
from storage.mongod import EmbeddedMongod
from tests.helpers.databases import PATIENT_S, put_out, uri_of

Emptied = pymongo.database.Database[dict[str, Any]]


@pytest.fixture(scope="session")
def mongod(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedMongod]:
    """The process itself. Tests that hurt a mongod start their own; this one never goes away, and one that is slow is not taken for gone."""
    server = EmbeddedMongod(tmp_path_factory.mktemp("mongo"))
    server.start()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("database.LOOK_TIMEOUT_S", PATIENT_S)
        yield server
    put_out(server)


@pytest.fixture(scope="session")
def mongo_uri(mongod: EmbeddedMongod) -> str:
    """The address of a running MongoDB."""
    return uri_of(mongod)


@pytest.fixture(scope="session")
def in_mongod(mongo_uri: str) -> Callable[[], dict[str, str]]:
    """Settings of a server that keeps its records in a database of its own of the tests' mongod: where its own mongod is not what is tested.

    Nor is how fast this machine is: it isn't measured.
    """
    patient = {"MONGO_TIMEOUT_S": f"{PATIENT_S:g}", "CAPACITY": "100"}
    return lambda: {"MONGO_URI": mongo_uri, "DB_NAME": f"served_{uuid.uuid4().hex[:12]}", **patient}


@pytest.fixture(scope="session")
def tests_database(mongo_uri: str) -> Iterator[Emptied]:
    """The database of all tests: making another for each, with its thirty indexes, takes ten times what most of them take themselves."""
    with pymongo.MongoClient[dict[str, Any]](mongo_uri) as client:
        yield client[f"test_{uuid.uuid4().hex[:12]}"]


@pytest.fixture
def db_name(tests_database: Emptied) -> Iterator[str]:
    """The name of an empty database; what is stored under it is deleted after the test, but for what says that it is of this version."""
    yield tests_database.name
    collections = list(tests_database.list_collections())
    if any(one["options"] or one["name"].startswith("system.") for one in collections):  # rules or a profile: it begins anew
        tests_database.client.drop_database(tests_database.name)
    else:
        for one in collections:
            tests_database[one["name"]].delete_many({"_id": {"$nin": [change.name for change in MIGRATIONS]}})


@pytest.fixture
def database(mongo_uri: str, db_name: str, tmp_path: Path) -> Iterator[Database]:
    """A started `Database` with its indexes made."""
    made = Database(mongo_uri, db_name, tmp_path / "spool", PATIENT_S, spool_max_mb=64)
    made.start()
    assert made.wait_ready(120)
    yield made
    made.stop(60)  # what it still wrote would be the next test's
