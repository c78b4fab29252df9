"""One server at a time does a job, another goes on when it is silent or gives it back, and a server keeps its name."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from cluster.leases import JobLease, Leases
from cluster.own_names import known_names, own_names
from database import Database
from storage.lease import COLLECTION
from tests.helpers.databases import let_lease_run_out, opened
from tests.helpers.waiting import free_port, until


def test_of_forty_that_want_it_at_once_one_has_it(database: Database) -> None:
    leases = [JobLease(database, "retention", f"server-{number}") for number in range(40)]
    with ThreadPoolExecutor(40) as threads:
        held = list(threads.map(JobLease.held, leases))
    assert sum(held) == 1
    holder = leases[held.index(True)]
    assert [lease.held() for lease in leases] == held
    assert holder.is_sure
    assert not holder.takeovers
    with database.reading():
        stored = database.collection(COLLECTION).find_one({"_id": "job:retention"})
    assert stored is not None
    assert (stored["owner"], stored["epoch"]) == (holder.owner, 1)


def test_whoever_stops_gives_it_back_and_whoever_dies_loses_it(database: Database) -> None:
    first, second = JobLease(database, "mail", "a$1"), JobLease(database, "mail", "b")
    assert first.held()
    assert not second.held()
    first.release()
    assert second.held()
    assert not first.held()
    assert not second.takeovers
    second.release()
    dies, goes_on = JobLease(database, "mail", "c"), JobLease(database, "mail", "d")
    assert dies.held()
    assert not goes_on.held()
    let_lease_run_out(database, "mail")
    until(goes_on.held)
    assert goes_on.takeovers == 1
    dies.release()  # not its own any more
    assert not dies.held()


def test_a_lease_that_one_keeps_is_kept_and_all_are_given_back_at_the_end(database: Database) -> None:
    leases, other = Leases(database, "a", ttl_s=0.3), JobLease(database, "seals", "b", ttl_s=0.3)
    ours = leases.of("seals")
    assert leases.of("seals") is ours
    assert ours.held()
    leases.start()
    until(lambda: {one.value for one in leases.figures() if one.name == "job_lease_held"} == {1})
    assert {one.labels["job"] for one in leases.figures()} == {"seals"}
    leases.stop()
    assert not ours.is_sure
    assert other.held()


def test_nobody_has_a_job_while_the_database_is_away(tmp_path: Path) -> None:
    with opened(f"mongodb://127.0.0.1:{free_port()}", "gone", tmp_path, timeout_s=0.2, start=False) as away:
        lease = JobLease(away, "audit", "a")
        assert not lease.held()
        lease.release()


def test_a_server_knows_the_names_that_it_had(tmp_path: Path) -> None:
    assert own_names(tmp_path, "room-1") == ("room-1",)
    assert own_names(tmp_path, "room-2") == ("room-2", "room-1")
    assert own_names(tmp_path, "room-1") == ("room-1", "room-2")
    assert known_names(tmp_path) == ("room-1", "room-2")
