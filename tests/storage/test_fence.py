"""The fence around what a session's owner writes: on a real MongoDB, through the queue and through an old spool."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from basics.times import utc_now
from database import Database
from storage.deleted import COLLECTION
from storage.fence import Fenced
from tests.helpers.databases import PATIENT_S, all_stored, opened

NOBODY = "mongodb://127.0.0.1:9/?directConnection=true"


@pytest.fixture
def where(mongo_uri: str, db_name: str) -> tuple[str, str]:
    """The database of `database`."""
    return mongo_uri, db_name


def stored(database: Database, collection: str, document_id: str) -> dict[str, Any]:
    with database.reading():
        found = database.collection(collection).find_one({"_id": document_id})
    assert found is not None
    return found


def test_an_older_epoch_overwrites_nothing_and_is_counted_but_no_fault(database: Database) -> None:
    assert database.write("intervals", "s-1", {"score": 2}, epoch=2).wait(10)
    late = database.write("intervals", "s-1", {"score": 1}, epoch=1)
    assert not late.wait(10)
    assert isinstance(late.error, Fenced)
    assert stored(database, "intervals", "s-1") == {"_id": "s-1", "score": 2, "epoch": 2}
    health = database.health()
    assert (health["fenced"], health["rejected"], health["state"]) == (1, 0, "ok")
    assert not (database.set_aside_in / "rejected.jsonl").exists()


def test_the_same_and_a_later_epoch_write_and_so_does_everyone_on_what_an_older_version_left(database: Database) -> None:
    tickets = [database.write("sessions", "s", {"user_id": "ann", "state": "running"})]
    tickets += [database.write("sessions", "s", {"total_score": score}, epoch=epoch) for score, epoch in ((1, 1), (2, 1), (3, 4))]
    assert all_stored(tickets)
    assert stored(database, "sessions", "s") == {"_id": "s", "user_id": "ann", "state": "running", "total_score": 3, "epoch": 4}


def test_what_only_the_earlier_owner_had_is_stored(database: Database) -> None:
    assert database.write("sessions", "s", {"user_id": "ann", "state": "running"}, epoch=7).wait(10)
    assert database.write("checks", "s-4", {"number": 4}, epoch=1).wait(10)
    assert stored(database, "checks", "s-4")["number"] == 4


def test_a_decision_is_neither_fenced_nor_does_it_open_the_fence(database: Database) -> None:
    tickets = [database.write("intervals", "s-1", {"score": 2}, epoch=2), database.write("intervals", "s-1", {"review": {"state": "done"}})]
    assert all_stored(tickets)
    assert not database.write("intervals", "s-1", {"score": 1}, epoch=1).wait(10)
    assert stored(database, "intervals", "s-1") == {"_id": "s-1", "score": 2, "epoch": 2, "review": {"state": "done"}}


def test_a_later_plain_write_is_not_left_out_for_one_that_is_fenced(database: Database, where: tuple[str, str], tmp_path: Path) -> None:
    """In one batch: neither may stand for the other."""
    assert database.write("intervals", "s-1", {"clip": {"state": "pending"}}, epoch=2).wait(10)
    with opened(NOBODY, "unused", tmp_path / "old") as old:
        assert old.write("intervals", "s-1", {"clip": {"state": "ready"}}).wait(30)
        assert old.write("intervals", "s-1", {"clip": {"state": "failed"}}, epoch=1).wait(30)
    play_back(where, tmp_path / "old", fenced=1)
    assert stored(database, "intervals", "s-1")["clip"] == {"state": "ready"}


def test_an_index_that_refuses_is_no_fence(database: Database) -> None:
    assert database.write("sessions", "one", {"user_id": "ann", "exam_id": None, "state": "running"}, epoch=1).wait(10)
    second = database.write("sessions", "two", {"user_id": "ann", "exam_id": None, "state": "running"}, epoch=1)
    assert not second.wait(10)
    assert not isinstance(second.error, Fenced)
    assert database.health()["rejected"] == 1


def test_an_old_spool_is_played_back_around_what_is_newer_and_in_its_order(database: Database, where: tuple[str, str], tmp_path: Path) -> None:
    with opened(NOBODY, "unused", tmp_path / "old") as old:
        for number in range(300):
            old.write("checks", f"s-{number}", {"number": number, "by": "old"}, epoch=1)
            old.write("sessions", "s", {"total_score": number, "state": "running"}, epoch=1)
        mine = old.write("sessions", "own", {"total_score": 1, "user_id": "bob"}, epoch=1)
        assert old.write("sessions", "own", {"total_score": 2}, epoch=1).wait(60)
        assert mine.wait(1)
    assert all_stored([database.write("checks", f"s-{number}", {"number": number, "by": "new"}, epoch=2) for number in range(0, 300, 2)])
    assert database.write("sessions", "s", {"total_score": 999, "state": "running"}, epoch=2).wait(10)
    play_back(where, tmp_path / "old", fenced=450)
    assert stored(database, "sessions", "s")["total_score"] == 999
    assert stored(database, "sessions", "own")["total_score"] == 2
    assert {number: stored(database, "checks", f"s-{number}")["by"] for number in (0, 1, 298, 299)} == {0: "new", 1: "old", 298: "new", 299: "old"}


def play_back(where: tuple[str, str], folder: Path, *, fenced: int) -> None:
    """Start a server on what an earlier run left, and let it bring all of it to the database."""
    with opened(*where, folder, PATIENT_S) as again:
        assert again.flush(60)
        health = again.health()
        assert (health["fenced"], health["rejected"], health["spooled"]) == (fenced, 0, 0)


def test_what_an_old_spool_has_of_a_session_that_was_deleted_since_is_not_stored_and_not_set_aside(
    database: Database, where: tuple[str, str], tmp_path: Path
) -> None:
    gone, there, erased = "a" * 32, "b" * 32, "c" * 32
    with opened(NOBODY, "unused", tmp_path / "old") as old:
        tickets = [old.write("sessions", one, {"user_id": "ann", "exam_id": one[:1], "state": "running"}, epoch=1) for one in (gone, there)]
        tickets += [old.write("intervals", f"{one}-1", {"session_id": one, "score": 3}, epoch=1) for one in (gone, there)]
        tickets += [old.write("acts", f"{one}:x", {"session_id": one, "kind": "copy"}, insert_only=True) for one in (gone, there)]
        tickets += [old.audit({"who": "ben", "what": what, "session_id": one}) for what, one in (("clip: watched", gone), ("note: ann", erased))]
        assert all_stored(tickets)
    with database.reading():
        database.collection(COLLECTION).insert_many([{"_id": gone, "at": utc_now()}, {"_id": erased, "at": utc_now(), "erased": True}])
    play_back(where, tmp_path / "old", fenced=4)
    with database.reading():
        found = {name: [row["_id"] for row in database.collection(name).find()] for name in ("sessions", "intervals", "acts")}
    assert found == {"sessions": [there], "intervals": [f"{there}-1"], "acts": [f"{there}:x"]}
    assert not list((tmp_path / "old").rglob("rejected*")), "nothing of a student is left on the disk"
    assert [entry["what"] for entry in database.audit_entries()] == ["clip: watched"], "who did what outlives what it was done to"


def test_a_change_waits_for_its_condition_makes_nothing_and_bears_a_spool(database: Database, where: tuple[str, str], tmp_path: Path) -> None:
    open_ = {"clip.state": {"$ne": "ready"}}
    assert database.change("intervals", "none", {"clip": {"state": "failed"}}, open_).wait(10)
    with opened(NOBODY, "unused", tmp_path / "old") as old:
        tickets = [old.write("intervals", "s-1", {"score": score}, epoch=1, new={"clip": {"state": "none"}}) for score in (1, 2)]
        tickets += [old.change("intervals", "s-1", {"clip": {"state": state}}, open_) for state in ("pending", "ready", "failed")]
        tickets.append(old.write("intervals", "s-1", {"score": 3}, epoch=1, new={"clip": {"state": "none"}}))
        assert all_stored(tickets)
    play_back(where, tmp_path / "old", fenced=0)
    with database.reading():
        found = list(database.collection("intervals").find())
    assert found == [{"_id": "s-1", "score": 3, "epoch": 1, "clip": {"state": "ready"}}]
