"""A database is brought to a newer version once, by one of several servers, and refused by a version that can't read it: each list is a version."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pymongo
import pytest

from app import _open_database
from basics.errors import ConfigError, StorageError
from basics.version import VERSION
from cluster.membership import Membership
from database import Database
from records.reader import stored as stored_in
from storage.lease import COLLECTION as LEASES
from storage.migrations import COLLECTION, MIGRATIONS, Migrating, Migration
from tests.helpers.databases import PATIENT_S
from tests.helpers.waiting import until
from tests.helpers.web import settings_for

Stored = pymongo.database.Database[dict[str, Any]]
Open = Callable[..., Database]


def count(database: Stored) -> None:
    """A change that shows how often it was made."""
    database.counts.update_one({"_id": "made"}, {"$inc": {"times": 1}}, upsert=True)


def names_to_text(database: Stored) -> None:
    for row in list(database.sessions.find({"name": {"$type": "array"}})):
        database.sessions.update_one({"_id": row["_id"]}, {"$set": {"name": " ".join(row["name"])}})


FIRST = Migration("first", count, compatible=True)
ADDED = Migration("added", lambda database: database.sessions.update_many({}, {"$set": {"length": 4}}), compatible=True)
BREAKING = Migration("names-are-text", names_to_text)


@pytest.fixture
def stored(stored: Stored) -> Iterator[Stored]:
    """The database of before there were migrations."""
    stored[COLLECTION].delete_many({})
    yield stored
    stored[COLLECTION].delete_many({})


@pytest.fixture
def open_as(mongo_uri: str, db_name: str, tmp_path: Path, stored: Stored) -> Iterator[Open]:
    """Opens the database as a server with these migrations does."""
    with ExitStack() as closing:

        def begin(name: str, *migrations: Migration) -> Database:
            made = Database(mongo_uri, db_name, tmp_path / name, PATIENT_S, 64, migrations=migrations)
            closing.callback(made.stop, 10)
            made.start()
            return made

        yield begin


def rows(stored: Stored) -> dict[str, dict[str, Any]]:
    return {row["_id"]: row for row in stored[COLLECTION].find()}


def test_a_change_is_made_once_by_one_of_those_that_start_at_once_and_said_by_whom(open_as: Open, stored: Stored) -> None:
    servers = [open_as(f"server-{number}", FIRST, ADDED) for number in range(3)]
    assert all(server.wait_ready(30) for server in servers)
    assert open_as("later", FIRST, ADDED).wait_ready(30)
    assert stored.counts.find_one() == {"_id": "made", "times": 1}
    found = rows(stored)
    assert [(row["number"], row["by"], row["done"]) for row in found.values()] == [(1, VERSION, True), (2, VERSION, True)]
    assert len({row["server"] for row in found.values()}) == 1
    assert all(row["at"] >= row["begun_at"] for row in found.values())
    lease = stored[LEASES].find_one({"_id": "job:migrations"})
    assert lease is not None
    assert lease["owner"] is None, "it was given back"


def test_what_was_broken_off_is_made_again_and_nothing_is_read_before(open_as: Open, stored: Stored) -> None:
    goes_on, tries = threading.Event(), []

    def fails_first(database: Stored) -> None:
        tries.append(1)
        if not goes_on.is_set():
            raise ValueError("no room")
        count(database)

    server = open_as("server", Migration("fails-first", fails_first))

    def refusal() -> str:
        with pytest.raises(StorageError) as refused:
            server.running_sessions()
        return refused.value.message

    until(lambda: server.health()["state"] == "away")
    assert server.write("sessions", "s", {"state": "running"}).wait(10), "in the spool"
    until(lambda: "could not be brought to this version (ValueError: no room" in refusal(), what="the reason, between two tries")
    assert not rows(stored)["fails-first"]["done"]
    goes_on.set()
    assert server.wait_ready(30)
    assert server.flush(10)
    assert [row["_id"] for row in server.running_sessions()] == ["s"]
    assert len(tries) > 1
    assert stored.counts.find_one() == {"_id": "made", "times": 1}


def test_the_release_before_runs_beside_a_compatible_change_and_may_start_again(open_as: Open, stored: Stored) -> None:
    before = open_as("before", FIRST)
    assert before.wait_ready(30)
    assert before.write("sessions", "s", {"state": "running"}).wait(10)
    assert before.flush(10)
    after = open_as("after", FIRST, ADDED)
    assert after.wait_ready(30)
    assert before.session("s")["length"] == 4
    assert before.write("sessions", "s", {"state": "ended"}).wait(10)
    assert open_as("again", FIRST).wait_ready(30)
    before.check_readable(10)


@contextlib.contextmanager
def living(database: Database, folder: Path) -> Iterator[None]:
    """A server on this database that beats."""
    membership = Membership(database, settings_for(folder, instance_name="old"), folder, beat_s=0.2)
    membership.start()
    try:
        yield
    finally:
        membership.stop()


def test_a_breaking_change_waits_for_older_servers_to_end_and_shuts_them_out(
    open_as: Open, stored: Stored, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("storage.migrations.STILL_S", 1.0)
    before = open_as("before", FIRST)
    assert before.wait_ready(30)
    assert before.write("sessions", "s", {"name": ["Ann", "Lee"]}).wait(10)
    assert before.flush(10)
    with living(before, tmp_path / "old"):
        after = open_as("after", FIRST, BREAKING)
        until(lambda: "Servers of an older version run on the database" in after.health()["reason"])
        assert "old" in after.health()["reason"]
        assert before.session("s")["name"] == ["Ann", "Lee"]
    assert after.wait_ready(30), "it goes on by itself"
    assert after.session("s")["name"] == "Ann Lee"
    until(lambda: before.health()["state"] == "away")  # it had not ended altogether
    assert before.write("sessions", "s", {"name": ["Bo"]}).wait(10)
    assert before.health()["spooled"] == 1
    with pytest.raises(StorageError, match="newer version"):
        before.session("s")
    with pytest.raises(ConfigError, match="made the change names-are-text"):
        open_as("again", FIRST).check_readable(30)
    assert stored.sessions.find_one() == {"_id": "s", "name": "Ann Lee"}


def of_the_future(stored: Stored) -> None:
    stored[COLLECTION].insert_one({"_id": "of-the-future", "number": 99, "compatible": False, "done": True, "by": "9.9.9"})


def test_neither_server_nor_command_opens_a_newer_database(stored: Stored, mongo_uri: str, db_name: str, tmp_path: Path) -> None:
    of_the_future(stored)
    settings = settings_for(tmp_path, mongo_uri=mongo_uri, db_name=db_name)
    said = f"The database {db_name} is of a newer version of this program: version 9.9.9 made the change of-the-future"
    with ExitStack() as closing, pytest.raises(ConfigError, match=said):
        _open_database(closing, settings, "k" * 32)
    with pytest.raises(ConfigError, match=said), stored_in(settings):
        pass
    assert "instances" not in stored.list_collection_names() or not stored.instances.count_documents({})


def test_who_hung_in_a_change_that_another_made_meanwhile_makes_nothing_again(stored: Stored) -> None:
    made: list[str] = []

    def change(name: str, said: str) -> Migration:
        return Migration(name, lambda _database: made.append(said), compatible=True)

    def hangs(database: Stored) -> None:
        made.append("one hangs")
        stored[LEASES].delete_one({"_id": "job:migrations"})  # its time is over
        other = Migrating(database, (change("first", "the other's first"), change("second", "the other's second")))
        assert other.make(other.look(), lambda _text: None) == ""

    one = Migrating(stored, (Migration("first", hangs, compatible=True), change("second", "one's second")))
    assert one.make(one.look(), lambda _text: None) == ""
    assert made == ["one hangs", "the other's first", "the other's second"]
    assert [row["done"] for row in rows(stored).values()] == [True, True]


def test_the_programs_own_changes_have_names_of_their_own() -> None:
    listed: Sequence[str] = [one.name for one in MIGRATIONS]
    assert len(set(listed)) == len(listed)
