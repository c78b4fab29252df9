"""A measured server's database as somebody else sees it, and the databases that a bench starts and hurts.

Whoever reads the records of a server in `bench/` does it through `stored`: where and as whom the database is reached stands here alone.
"""

from __future__ import annotations

import contextlib
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pymongo
from pymongo.errors import PyMongoError

from bench.harness.server import Server, ServerError
from bench.harness.waiting import comes, free_port
from storage.mongod import EmbeddedMongod, find_mongod

Records = pymongo.database.Database[dict[str, Any]]
START_S = 60.0
NAME = "proctoring_db"  # the default of DB_NAME


def uri_of(server: Server) -> str:
    """Where `server`'s database is reached, its own mongod or another. Raise `ServerError` where its mongod does not run."""
    _ = server.port  # it answers
    given = server.settings.get("MONGO_URI", "embedded")
    uri = EmbeddedMongod(server.folder / "data").running_uri() if given == "embedded" else given
    if uri is None:
        raise ServerError(f"no mongod runs on {server.folder / 'data'}")
    return uri


@contextlib.contextmanager
def stored(server: Server) -> Iterator[Records]:
    """The records of `server`, which runs."""
    with pymongo.MongoClient[dict[str, Any]](uri_of(server), tz_aware=True, serverSelectionTimeoutMS=10_000) as client:
        yield client[server.settings.get("DB_NAME", NAME)]


def mongod_of(server: Server) -> psutil.Process:
    """The process of `server`'s own mongod. Raise `ServerError` where there is none."""
    for name in ("mongod.pid", "db/mongod.lock"):
        with contextlib.suppress(OSError, ValueError, psutil.Error):
            process = psutil.Process(int((server.folder / "data" / "mongo" / name).read_text()))
            if process.name().startswith("mongod"):
                return process
    raise ServerError(f"no mongod runs on {server.folder / 'data'}")


class Mongods:
    """One mongod or a set of them on loopback, each of which can be ended, killed and started again. A context manager."""

    def __init__(self, folder: Path, members: int = 1) -> None:
        self._folder = folder
        self.ports = [free_port() for _ in range(members)]
        self._processes: dict[int, subprocess.Popen[bytes]] = {}

    @property
    def uri(self) -> str:
        return f"mongodb://{','.join(f'127.0.0.1:{port}' for port in self.ports)}/?replicaSet=bench"

    def __enter__(self) -> Mongods:
        for port in self.ports:
            self.start(port)
        members = [{"_id": number, "host": f"127.0.0.1:{port}"} for number, port in enumerate(self.ports)]
        with self._client(self.ports[0]) as client:
            client.admin.command("replSetInitiate", {"_id": "bench", "members": members, "settings": {"electionTimeoutMillis": 2000}})
        if not comes(lambda: self.primary() is not None, START_S):
            self.close()
            raise ServerError(f"the mongods in {self._folder} found no primary; see their logs")
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def start(self, port: int) -> None:
        """Start the one at `port`, and wait until it answers."""
        home = self._folder / str(port)
        home.mkdir(parents=True, exist_ok=True)
        command = [str(find_mongod()), "--dbpath", str(home), "--port", str(port), "--bind_ip", "127.0.0.1", "--replSet", "bench"]
        command += [
            "--wiredTigerCacheSizeGB",
            "0.25",
            "--logpath",
            str(home / "mongod.log"),
            "--logappend",
            "--networkMessageCompressors",
            "disabled",
        ]
        self._processes[port] = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, start_new_session=True)
        if not comes(lambda: self._answers(port), START_S):
            raise ServerError(f"mongod did not start; see {home / 'mongod.log'}")

    def stop(self, port: int, *, kill: bool = False) -> None:
        """End the one at `port`, cleanly or at once."""
        process = self._processes.pop(port)
        if kill:
            process.kill()
        else:
            process.terminate()
        try:
            process.wait(START_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def primary(self) -> int | None:
        """The port of the primary; None while there is none."""
        for port in list(self._processes):
            with contextlib.suppress(PyMongoError), self._client(port) as client:
                if client.admin.command("hello")["isWritablePrimary"]:
                    return port
        return None

    def close(self) -> None:
        """End all of them."""
        for port in list(self._processes):
            self.stop(port, kill=True)

    def _answers(self, port: int) -> bool:
        try:
            with self._client(port) as client:
                client.admin.command("ping")
        except PyMongoError:
            time.sleep(0.1)
            return False
        return True

    def _client(self, port: int) -> pymongo.MongoClient[dict[str, Any]]:
        return pymongo.MongoClient("127.0.0.1", port, directConnection=True, serverSelectionTimeoutMS=1000, socketTimeoutMS=5000)
