"""Databases that a test opens, fills and freezes."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any, TypeVar

import psutil

from basics.errors import StorageError
from database import Database
from storage.lease import COLLECTION as LEASES
from storage.lease import TTL_S
from storage.mongod import EmbeddedMongod
from storage.writes import Ticket
from tests.helpers.waiting import until

START = datetime(2024, 10, 5, 14, 30, tzinfo=timezone.utc)
PATIENT_S = 30.0  # for a query where no outage is made: a machine that stands still for some seconds is none

T = TypeVar("T")


@contextlib.contextmanager
def opened(uri: str, name: str, folder: Path, timeout_s: float = 0.5, spool_max_mb: int = 64, start: bool = True) -> Iterator[Database]:
    made = Database(uri, name, folder / "spool", timeout_s, spool_max_mb)
    if start:
        made.start()
    try:
        yield made
    finally:
        made.stop(60)


@contextlib.contextmanager
def frozen(server: EmbeddedMongod) -> Iterator[None]:
    """The server takes connections and says nothing, as when its machine swaps or its disk hangs."""
    assert server.pid is not None
    os.kill(server.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(server.pid, signal.SIGCONT)


def put_out(server: EmbeddedMongod) -> None:
    """End it at once, where nobody looks at what it leaves: to end well takes it a second, most of which it waits for its replication."""
    server._stop.set()  # so that it isn't started again
    if (pid := server.pid) is not None:
        with contextlib.suppress(psutil.NoSuchProcess):
            psutil.Process(pid).kill()
    server.stop()


def uri_of(server: EmbeddedMongod) -> str:
    uri = server.running_uri()
    assert uri is not None
    return uri


def all_stored(tickets: list[Ticket], timeout: float = 30) -> bool:
    return all(ticket.wait(timeout) for ticket in tickets)


def answered(ask: Callable[[], T]) -> T:
    """What the database says as soon as it does: to who gives it half a second, as `opened` does, one that is slow seems away for a moment."""
    said: list[T] = []

    def comes() -> bool:
        with contextlib.suppress(StorageError):
            said.append(ask())
        return bool(said)

    until(comes, what="an answer")
    return said[0]


def let_lease_run_out(database: Database, job: str) -> None:
    """As when its holder says nothing for as long as a lease lasts, by the database's clock."""
    with database.reading():
        earlier = [{"$set": {"until": {"$subtract": ["$until", round(TTL_S * 1000)]}}}]
        assert database.collection(LEASES).update_one({"_id": f"job:{job}"}, earlier).modified_count


def add_interval(database: Database, session: str, index: int, *, flagged_at: datetime | None = None, **more: Any) -> Ticket:
    fields = {
        "session_id": session,
        "user_id": more.pop("user_id", "ann"),
        "exam_id": more.pop("exam_id", None),
        "index": index,
        "started_at": START + timedelta(seconds=30 * index),
        "flagged": flagged_at is not None,
        "flagged_at": flagged_at,
        "clip": {"state": "none"},
        "review": {"decision": None},
    }
    return database.write("intervals", f"{session}-{index}", fields | more)
