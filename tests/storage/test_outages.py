"""When the database is away: nothing acknowledged is lost, order is kept, memory and spool are bounded. With a real mongod."""

from __future__ import annotations

import os
import signal
import threading
from pathlib import Path
from typing import Any

import pymongo
import pytest

from basics.errors import StorageError
from storage.mongod import EmbeddedMongod
from storage.mongod_key import MongodKey
from storage.writes import Ticket
from tests.helpers.databases import PATIENT_S, all_stored, answered, frozen, opened, uri_of
from tests.helpers.platform import posix_only
from tests.helpers.waiting import free_port, until


@posix_only
def test_a_frozen_database_costs_nothing_and_old_writes_never_overwrite_newer_ones(fragile: EmbeddedMongod, tmp_path: Path) -> None:
    with opened(uri_of(fragile), "frozen", tmp_path) as database:
        assert database.wait_ready(60)
        assert database.write("sessions", "s", {"total_score": 0}).wait(10)
        assert database.flush(60)
        with frozen(fragile):
            tickets = []
            for value in range(1, 60):
                tickets.append(database.write("sessions", "s", {"total_score": value}))
                tickets.append(database.write("acts", f"s:{value}", {"session_id": "s", "at": value}, insert_only=True))
            assert all_stored(tickets)
            until(lambda: database.health()["state"] == "away")
            assert database.health()["spooled"] == len(tickets)
            assert database.health()["reason"]
            assert database.health()["spooled_s"] > 0
            with pytest.raises(StorageError, match="try again"):
                database.session("s")
        until(lambda: database.health()["state"] == "ok")
        assert database.write("sessions", "s", {"total_score": 99}).wait(10)
        assert database.flush(60)
        assert answered(lambda: database.session("s"))["total_score"] == 99
        assert [row["at"] for row in answered(lambda: database.acts("s"))] == list(range(1, 60))
        assert (database.health()["spooled"], database.health()["spooled_s"]) == (0, 0)
        assert not list((tmp_path / "spool").glob("*.spool"))


@posix_only
def test_an_idle_server_notices_that_the_database_went_and_came_back(fragile: EmbeddedMongod, tmp_path: Path) -> None:
    with opened(uri_of(fragile), "idle", tmp_path) as database:
        assert database.wait_ready(60)
        with frozen(fragile):
            until(lambda: database.health()["state"] == "away")
        until(lambda: database.health()["state"] == "ok")
        assert answered(database.running_sessions) == []


def test_a_replica_set_that_has_no_primary_is_told_and_nothing_is_lost(fragile: EmbeddedMongod, tmp_path: Path) -> None:
    """As one without a majority."""
    uri = uri_of(fragile).replace("directConnection=true", "replicaSet=rs0")
    with opened(uri, "headless", tmp_path) as database, pymongo.MongoClient[dict[str, Any]](uri_of(fragile)) as member:
        assert database.wait_ready(60)
        member.admin.command("replSetStepDown", 600, force=True)
        said = "the replica set has no primary: 1 of 1 members answers"
        until(lambda: (health := database.health())["state"] == "away" and said in health["reason"])
        assert database.write("sessions", "s", {"state": "running"}).wait(10)
        member.admin.command("replSetFreeze", 0)
        until(lambda: database.health()["state"] == "ok")
        assert database.flush(60)
        assert [row["_id"] for row in answered(database.running_sessions)] == ["s"]


@posix_only
@pytest.mark.timeout(300)  # a busy machine starts mongod slowly
def test_nothing_acknowledged_is_lost_when_mongod_is_killed_under_load(fragile: EmbeddedMongod, tmp_path: Path) -> None:
    acknowledged: list[int] = []
    with opened(uri_of(fragile), "killed", tmp_path, timeout_s=2) as database:
        assert database.wait_ready(60)

        def work(first: int) -> None:
            for number in range(first, first + 150):
                if database.write("acts", f"s:{number}", {"session_id": "s", "at": number}).wait(30):
                    acknowledged.append(number)
                if number == 50:
                    assert fragile.pid is not None
                    os.kill(fragile.pid, signal.SIGKILL)

        threads = [threading.Thread(target=work, args=(first,)) for first in (0, 1000, 2000, 3000)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert database.flush(150)
        until(lambda: database.health()["state"] == "ok")
        stored = {row["at"] for row in answered(lambda: database.acts("s"))}
    assert len(acknowledged) == 600
    assert set(acknowledged) <= stored


def test_what_was_spooled_is_played_back_in_order_by_the_next_run(tmp_path: Path) -> None:
    port = free_port()
    folder = tmp_path / "mongo"
    folder.mkdir()
    key = MongodKey(folder)
    key.make()
    uri = key.uri(port)
    with opened(uri, "later", tmp_path) as database:
        first = [database.write("sessions", "s", {"total_score": value, "user_id": "ann"}) for value in range(50)]
        first.append(database.write("sessions", "s", {"$bad": 1}))
        first += [database.write("acts", f"s:{number}", {"session_id": "s", "at": number}) for number in range(1500)]
        assert all_stored(first)
        assert database.health()["state"] == "away"
    with opened(uri, "later", tmp_path) as database:  # again without a database, and killed in the middle of a write
        assert database.write("sessions", "s", {"total_score": 77}).wait(20)
        assert database.health()["spooled"] == len(first) + 1
    with max((tmp_path / "spool").glob("*.spool")).open("ab") as file:
        file.write(b"\x50\x00\x00\x00torn")
    (folder / "port").write_text(str(port))
    server = EmbeddedMongod(tmp_path)
    try:
        assert server.start() == uri
        with opened(uri, "later", tmp_path, PATIENT_S) as database:
            assert database.flush(60)
            assert database.session("s") == {"_id": "s", "total_score": 77, "user_id": "ann"}
            assert len(database.acts("s")) == 1000
            assert len(database.acts("s", after="s:999")) == 500
            assert database.health()["rejected"] == 1
    finally:
        server.stop()
    assert "$bad" in (tmp_path / "spool" / "rejected.jsonl").read_text("utf-8")


@posix_only
def test_with_a_full_spool_tickets_wait_and_come_true_when_the_database_is_back(fragile: EmbeddedMongod, tmp_path: Path) -> None:
    with opened(uri_of(fragile), "full", tmp_path, timeout_s=1, spool_max_mb=1) as database:
        assert database.wait_ready(60)
        with frozen(fragile):
            assert database.write("checks", "first", {"session_id": "s", "number": -1}).wait(20)
            tickets = [database.write("checks", f"s-{n}", {"session_id": "s", "number": n, "x": "x" * 100_000}) for n in range(20)]
            until(lambda: "SPOOL_MAX_MB" in database.health()["reason"])
            assert not tickets[-1].done
            assert database.health()["queued"] > 0
            assert database.health()["state"] == "away"
        assert all_stored(tickets)
        assert database.flush(60)
        assert [row["number"] for row in answered(lambda: database.checks("s"))] == list(range(-1, 20))
        until(lambda: database.health()["state"] == "ok" and not database.health()["reason"])


@posix_only
def test_memory_is_bounded_and_what_does_not_fit_is_told_at_once(fragile: EmbeddedMongod, tmp_path: Path) -> None:
    with opened(uri_of(fragile), "memory", tmp_path, spool_max_mb=1) as database:
        assert database.wait_ready(60)
        database._queue._memory_max_bytes = 1_500_000
        with frozen(fragile):
            until(lambda: database.health()["state"] == "away")

            def big(number: int) -> Ticket:
                return database.write("checks", f"b{number}", {"session_id": "s", "number": number, "x": "x" * 700_000})

            tickets = [big(0), big(1)]
            until(lambda: "SPOOL_MAX_MB" in database.health()["reason"])  # it took the first at most: from now on nothing leaves the memory
            tickets += [big(2), big(3)]
            assert tickets[-1].done
            assert "memory" in str(tickets[-1].error)
            assert database.health()["lost"] >= 1
        assert all(ticket.wait(60) or ticket.error for ticket in tickets)
        assert database.flush(60)
        found = {row["number"] for row in answered(lambda: database.checks("s"))}
        assert found == {number for number, ticket in enumerate(tickets) if ticket.wait(0)}


def test_a_server_without_a_database_stops_soon_and_keeps_everything(tmp_path: Path) -> None:
    uri = f"mongodb://127.0.0.1:{free_port()}/"
    with opened(uri, "none", tmp_path, start=False) as database:
        tickets = [database.write("acts", f"s:{number}", {"at": number}) for number in range(100)]
        database.start()
    assert all(ticket.done and ticket.wait(0) for ticket in tickets)
    with opened(uri, "none", tmp_path, start=False) as database:
        assert database.health()["spooled"] == 100
        assert database.health()["state"] == "starting"
