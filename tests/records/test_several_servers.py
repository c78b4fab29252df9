"""Several servers with folders of their own on one database: what is due is deleted wherever it lies, once, and each entry is sent on once."""

from __future__ import annotations

import hashlib
import socket
import threading
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from basics.times import utc_now
from cluster.leases import JobLease
from database import Database
from media.recorder import Recorder
from records import files_elsewhere
from records.audit_export import AuditExport
from records.clip_sweep import ClipSweep
from records.files_elsewhere import COLLECTION, name_places
from records.holds import COLLECTION as HOLDS
from records.retention import OF_A_SESSION, Retention
from records.seals import SEALED, Seals
from records.verification import verify
from settings.settings import load_settings
from tests.helpers.databases import add_interval, all_stored, let_lease_run_out
from tests.helpers.waiting import until

NOW = datetime(2026, 3, 1, 12, tzinfo=timezone.utc)
SESSION = "a" * 32


class Machine:
    """A server with folders of its own."""

    def __init__(self, database: Database, folder: Path, name: str, **kinds: int) -> None:
        self.name = name
        self.clips, self.stills, self.identity = (folder / name / kind for kind in ("clips", "stills", "identity"))
        for made in (self.clips, self.stills, self.identity):
            made.mkdir(parents=True)
        self.lease = JobLease(database, "retention", name)
        self.sweep_clips = ClipSweep(database, self.clips, folder / name)
        self.retention = Retention(
            database,
            self.clips,
            self.stills,
            kinds.pop("records", 30),
            clips=self.sweep_clips,
            recorder=Recorder(self.clips, folder / name),
            identity_dir=self.identity,
            kinds=kinds,  # type: ignore[arg-type]
            names=(name,),
            is_mine=self.lease.held,
        )

    def files(self, session_id: str = SESSION, number: int = 1) -> dict[str, Any]:
        """Put files of a session here; what its interval says of the clip."""
        path = f"ann/flagged_{self.name}_{number}.mp4"
        (self.clips / "ann").mkdir(exist_ok=True)
        (self.clips / path).write_bytes(b"a clip")
        (self.stills / f"still-{session_id}-{number}-x-100.jpg").write_bytes(b"a still")
        (self.identity / f"identity-{session_id}-face.jpg").write_bytes(b"a face")
        return {"state": "ready", "path": path, "on": self.name}

    @property
    def left(self) -> int:
        return sum(path.is_file() for folder in (self.clips, self.stills, self.identity) for path in folder.rglob("*"))


def add_session(database: Database, *machines: Machine, session_id: str = SESSION) -> None:
    """One that ended forty days ago, and was on these machines."""
    ended = NOW - timedelta(days=40)
    fields = {"state": "ended", "ended_at": ended, "kept_from": ended, "user_id": "ann", "on": [one.name for one in machines]}
    tickets = [database.write("sessions", session_id, fields)]
    for index, machine in enumerate(machines, 1):
        tickets.append(add_interval(database, session_id, index, clip=machine.files(session_id, index)))
    assert all_stored(tickets)


def records_of(database: Database, session_id: str = SESSION) -> int:
    with database.reading():
        found = database.collection("sessions").count_documents({"_id": session_id})
        return found + sum(database.collection(name).count_documents({"session_id": session_id}) for name in OF_A_SESSION)


def removals(database: Database) -> list[Any]:
    with database.reading():
        return list(database.collection(COLLECTION).find())


def entries(database: Database, what: str) -> int:
    assert database.flush(10)
    with database.reading():
        return database.collection("audit").count_documents({"what": what})


@pytest.fixture
def two(database: Database, tmp_path: Path) -> tuple[Machine, Machine]:
    return Machine(database, tmp_path, "north"), Machine(database, tmp_path, "south")


def test_records_go_when_their_files_have_gone_from_every_servers_disk(database: Database, two: tuple[Machine, Machine]) -> None:
    north, south = two
    add_session(database, north, south)
    assert north.retention.sweep(NOW) == 0
    assert records_of(database) == 3
    assert north.left + south.left == 6
    assert south.retention._elsewhere.delete_asked() == 1
    assert south.left == 0
    assert south.retention._elsewhere.delete_asked() == 0
    assert north.retention.sweep(NOW) == 1
    assert (records_of(database), north.left, removals(database)) == (0, 0, [])
    assert entries(database, "sessions: deleted") <= 1


def test_a_session_that_was_on_another_server_alone_is_deleted_by_a_call_once_that_has_deleted_its_files(
    database: Database, two: tuple[Machine, Machine]
) -> None:
    north, south = two
    add_session(database, south)
    assert not north.retention.delete_session(SESSION)
    assert "ann" not in str(removals(database))  # nothing else of the student may be left one day
    assert south.retention._elsewhere.delete_asked() == 1
    assert north.retention.delete_session(SESSION)
    assert (records_of(database), south.left, removals(database)) == (0, 0, [])


def test_a_server_that_is_gone_for_good_keeps_no_record_and_deletes_its_files_if_it_comes_back(
    database: Database, two: tuple[Machine, Machine], monkeypatch: pytest.MonkeyPatch
) -> None:
    north, south = two
    add_session(database, south)
    south.retention._elsewhere.note_looked()
    assert north.retention.sweep(NOW) == 0
    monkeypatch.setattr(files_elsewhere, "utc_now", lambda: utc_now() + timedelta(days=8))
    assert north.retention.sweep(NOW) == 1
    assert records_of(database) == 0
    assert south.left == 3
    assert south.retention._elsewhere.delete_asked() == 1
    assert (south.left, removals(database)) == (0, [])


def test_what_is_held_meanwhile_is_not_deleted_on_another_server(database: Database, two: tuple[Machine, Machine]) -> None:
    north, south = two
    add_session(database, south)
    assert north.retention.sweep(NOW) == 0
    with database.reading():
        database.collection(HOLDS).insert_one({"_id": "h", "session_id": SESSION})
    assert south.retention._elsewhere.delete_asked() == 0
    assert (south.left, removals(database)) == (3, [])
    with database.reading():
        database.collection(HOLDS).delete_many({})
    assert north.retention.sweep(NOW) == 0
    assert south.retention._elsewhere.delete_asked() == 1


def test_each_server_deletes_the_clips_that_lie_on_its_own_disk_and_one_says_nothing_of_anothers(database: Database, tmp_path: Path) -> None:
    north, south = (Machine(database, tmp_path, name, records=0, clips_open=10, identity=10) for name in ("north", "south"))
    add_session(database, north, south)
    north.retention.sweep(NOW)
    assert database.flush(10)
    with database.reading():
        states = {row["index"]: row["clip"]["state"] for row in database.collection("intervals").find()}
    assert states == {1: "deleted", 2: "ready"}
    assert (south.clips / "ann/flagged_south_2.mp4").is_file()
    assert not south.lease.held()
    south.retention.sweep_own()
    assert database.flush(10)
    with database.reading():
        assert database.collection("intervals").count_documents({"clip.state": "deleted"}) == 2
        counts = [row["count"] for row in database.collection("audit").find({"kind": "clips_open"})]
    assert (north.left, south.left, counts) == (0, 0, [1, 1])


def test_clips_of_other_servers_are_not_missed_here(database: Database, two: tuple[Machine, Machine]) -> None:
    north, south = two
    add_session(database, north, south)
    (north.clips / "ann/flagged_north_1.mp4").unlink()
    assert south.sweep_clips.sweep(settled_s=0, leads=False)["gone"] == 0
    (north.clips / "other.mp4").write_bytes(b"nobody's")  # else its disk might be away
    assert north.sweep_clips.sweep(settled_s=0)["gone"] == 1


def test_what_is_there_of_before_lies_on_the_first_server_that_has_a_name(database: Database, two: tuple[Machine, Machine]) -> None:
    north, south = two
    add_session(database, north)
    with database.reading():
        database.collection("sessions").update_many({}, {"$unset": {"on": ""}})
        database.collection("intervals").update_many({}, {"$unset": {"clip.on": ""}})
    name_places(database, "north")
    name_places(database, "south")
    assert not south.retention.delete_session(SESSION)
    assert north.retention._elsewhere.delete_asked() == 1
    assert south.retention.delete_session(SESSION)


def test_another_server_sweeps_when_the_one_that_did_is_dead(database: Database, two: tuple[Machine, Machine]) -> None:
    north, south = two
    add_session(database, south)
    assert JobLease(database, "retention", "north").held()
    assert not south.lease.held()
    let_lease_run_out(database, "retention")
    until(south.lease.held)
    assert south.retention.sweep(NOW) == 1
    assert north.retention.sweep(NOW) == 0
    assert (records_of(database), south.left) == (0, 0)


def test_each_entry_of_the_audit_is_sent_on_once_though_two_servers_would(database: Database) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as listening:
        listening.bind(("127.0.0.1", 0))
        listening.settimeout(10)
        settings = load_settings(_env_file=None, audit_syslog=f"udp://127.0.0.1:{listening.getsockname()[1]}")
        leases = [JobLease(database, "audit", name) for name in ("north", "south")]
        exports = [AuditExport(database, settings, lease.held) for lease in leases]
        assert all_stored([database.audit({"who": "server", "what": f"act {number}"}) for number in range(40)])
        threads = [threading.Thread(target=export.send_new) for export in exports]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        leases[0].release()
        leases[1].release()
        assert all_stored([database.audit({"who": "server", "what": "the last"})])
        for export in reversed(exports):
            export.send_new()
        got = [listening.recv(9000) for _number in range(41)]
        assert len(set(got)) == 41
        assert b"the last" in got[-1]
        listening.setblocking(False)
        with pytest.raises(BlockingIOError):
            listening.recv(9000)
        for export in exports:
            export.stop()


def test_of_two_servers_one_seals(database: Database) -> None:
    ended = utc_now() - timedelta(minutes=5)
    assert all_stored([database.write("sessions", SESSION, {"state": "ended", "ended_at": ended, "user_id": "ann"})])
    seals = [Seals(database, JobLease(database, "seals", name).held) for name in ("north", "south")]
    assert sorted(one.seal_due() for one in seals) == [0, 1]
    assert entries(database, SEALED) == 1


def test_clips_on_another_servers_disk_are_told_and_are_not_missing(database: Database, two: tuple[Machine, Machine]) -> None:
    north, south = two
    add_session(database, north, south)
    with database.reading():
        database.collection("intervals").update_many({}, {"$set": {"clip.sha256": hashlib.sha256(b"a clip").hexdigest()}})
        database.collection("sessions").update_many({}, {"$set": {"kept_from": NOW}})
    Seals(database).seal_due()
    assert database.flush(10)
    verified = verify(database.collection("sessions").database, north.clips, names=("north",))
    assert (verified.findings, verified.clips, dict(verified.on_others)) == ([], 1, {"south": 1})
