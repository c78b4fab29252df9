"""The embedded database's files are written anew with every record; what keeps that from its end leaves all as it was. With real mongods."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pymongo
import pytest
from pymongo.collection import Collection

from basics.errors import Conflict, StorageError
from basics.paths import ROOT
from basics.times import iso_time, utc_now
from storage import erased as erased_module
from storage import scrub
from storage.erased import OVERDUE, ErasedMark
from storage.folder_swap import ASIDE, COPY
from storage.mongod import EmbeddedMongod
from storage.scrub import write_anew
from tests.helpers.databases import put_out
from tests.helpers.platform import posix_only

RECORDS = 2500


def mark_in(folder: Path, *, embedded: bool = True, limit_mb: int = 1024, min_free_mb: int = 0) -> ErasedMark:
    return ErasedMark(folder, embedded, limit_mb, min_free_mb)


@contextmanager
def records_of(folder: Path, *, well: bool = False) -> Iterator[Collection[dict[str, Any]]]:
    server = EmbeddedMongod(folder)
    try:
        with pymongo.MongoClient[dict[str, Any]](server.start(), w="majority", journal=True) as client:
            yield client.exams.notes
    finally:
        if well:
            server.stop()
        else:
            put_out(server)


def store(folder: Path) -> None:
    """Records that a mongod had acknowledged when it was killed: a part of them stands in its journal and oplog alone."""
    with records_of(folder) as notes:
        notes.create_index([("name", 1)], name="running", unique=True, partialFilterExpression={"state": "running"})
        notes.insert_many([{"_id": number, "name": f"n{number}", "at": utc_now()} for number in range(RECORDS)])
        notes.database.empty.create_index("x")
    mark_in(folder).set()


def check(folder: Path) -> None:
    with records_of(folder) as notes:
        assert notes.count_documents({}) == RECORDS
        assert set(notes.index_information()) == {"_id_", "running"}
        assert set(notes.database.empty.index_information()) == {"_id_", "x_1"}
        notes.insert_one({"name": "a", "state": "running"})
        with pytest.raises(pymongo.errors.DuplicateKeyError):
            notes.insert_one({"name": "a", "state": "running"})
    assert not any((folder / "mongo" / name).exists() for name in (ASIDE, str(COPY)))


KILLED = """
import os, sys
from pathlib import Path
sys.path.insert(0, {root!r})
from storage.erased import ErasedMark
from storage.scrub import write_anew

def end():
    os.kill(os.getpid(), 9)

def say(text):
    if text.startswith({at!r}):
        end()

rename = Path.rename
def renamed(path, to):
    if {at!r} == "exchanged" and path.name == "db" and "fresh" in path.parts:
        end()
    return rename(path, to)

Path.rename = renamed
write_anew(ErasedMark(Path({folder!r}), True, 1024, 0), say)
"""


@posix_only
def test_killed_in_its_midst_it_loses_nothing_and_the_next_start_goes_on(tmp_path: Path) -> None:
    store(tmp_path)
    files = tmp_path / "mongo" / "db"
    for at, is_whole in (("indexes of notes", True), ("exchanged", False)):
        code = KILLED.format(root=str(ROOT), at=at, folder=str(tmp_path))
        done = subprocess.run([sys.executable, "-c", code], timeout=120, check=False)
        assert done.returncode == -signal.SIGKILL
        assert (files.exists(), (tmp_path / "mongo" / ASIDE).exists()) == (is_whole, not is_whole)
    check(tmp_path)
    assert mark_in(tmp_path).since() is not None


def test_what_keeps_it_from_its_end_leaves_all_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store(tmp_path)
    mark = mark_in(tmp_path)
    with pytest.raises(Conflict, match="exams run"):
        write_anew(mark, print, lambda _client: "exams run")
    with monkeypatch.context() as patched:
        seen = iter([{"notes": "one"}, {"notes": "another"}])
        patched.setattr(scrub, "_seen", lambda *_given: next(seen))
        with pytest.raises(StorageError, match="not as it is"):
            write_anew(mark, print)
    assert mark.since() is not None
    check(tmp_path)


def test_a_server_or_a_command_that_has_the_database_keeps_it(tmp_path: Path) -> None:
    with records_of(tmp_path) as notes:
        with pytest.raises(StorageError, match="in use by another server"):
            write_anew(mark_in(tmp_path), print)
        assert notes.count_documents({}) == 0
    alone = EmbeddedMongod(tmp_path, alone=True)
    try:
        alone.start()
        assert EmbeddedMongod(tmp_path).running_uri() is None  # what a command wrote there now would be lost
    finally:
        put_out(alone)


def test_health_says_when_it_goes_and_what_keeps_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "mongo" / "db").mkdir(parents=True)
    mark = mark_in(tmp_path)
    assert mark.health() == {"state": "ok"}
    mark.set()
    first = mark.since()
    mark.set()
    assert mark.since() == first
    assert mark.health()["state"] == "ok"
    assert "next start" in mark.health()["reason"]
    (tmp_path / "mongo" / "db" / "collection-1.wt").write_bytes(b"x" * (3 << 20))
    assert "3 MB" in mark_in(tmp_path, limit_mb=2).health()["reason"]
    full = mark_in(tmp_path, min_free_mb=1 << 40).health()
    assert (full["state"], "a copy of them needs" in full["reason"]) == ("degraded", True)
    later = utc_now() + OVERDUE + timedelta(days=1)
    monkeypatch.setattr(erased_module, "utc_now", lambda: later)
    assert (mark.health()["state"], mark.health()["erased_at"]) == ("degraded", iso_time(first or utc_now()))
    mark.note_failure("the disk")
    assert "the disk" in mark.health()["reason"]
    assert mark.since() == first
    mark.clear()
    assert mark.health() == {"state": "ok"}
    elsewhere = mark_in(tmp_path, embedded=False)
    elsewhere.set()
    assert elsewhere.since() is None
