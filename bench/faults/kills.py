"""Processes that are ended at random moments, as a power cut, the kernel's out-of-memory killer or an operator in a hurry does."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
import time

from bench.faults.ground import Ground
from bench.faults.row import Row
from bench.harness.server import ServerError
from bench.harness.stored import mongod_of
from bench.harness.waiting import comes

AGAIN_S = 15.0  # a start must succeed within it, whatever is left over
GIVE_UP_S = 150.0  # and is tried for this long, so that the figure is known
SERVED_S = 60.0  # a busy machine; the seconds are told
LOADED_S = 5.0  # after a start the students come again and clips are made


def nothing(ground: Ground) -> None:
    """No fault at all: what the other rows are compared with."""
    ground.begin()
    ground.rest(6, 8)
    ground.hit()
    ground.rest(6, 8)
    ground.served(5, "nothing")


def server(ground: Ground) -> None:
    """Every process of the server but its database at once."""
    ground.begin()
    for _ in range(ground.rounds):
        ground.rest(1, LOADED_S)
        ground.hit()
        ground.server.kill()
        ground.start()
        ground.served(SERVED_S, "kill -9 of the server")


def power(ground: Ground) -> None:
    """The server and its database at once, as a power cut."""
    ground.begin()
    for _ in range(ground.rounds):
        ground.rest(1, LOADED_S)
        database = mongod_of(ground.server)
        ground.hit()
        database.kill()
        ground.server.kill()
        ground.start()
        ground.served(SERVED_S, "the power cut")


def worker(ground: Ground) -> None:
    """The process that serves; the master must start another one."""
    ground.begin()
    for _ in range(ground.rounds):
        ground.rest(1, LOADED_S)
        ground.hit()
        ground.server.processes()[-1].kill()
        ground.served(SERVED_S, "kill -9 of the worker")


def master(ground: Ground) -> None:
    """The process that watches over the worker. Then the server is started, again and again until it serves."""
    ground.begin()
    for _ in range(ground.rounds):
        ground.rest(1, LOADED_S)
        ground.hit()
        assert ground.server.process is not None
        os.kill(ground.server.process.pid, signal.SIGKILL)
        with contextlib.suppress(subprocess.TimeoutExpired):
            ground.server.process.wait(5)
        refused, took = _start_until_it_serves(ground)
        ground.notes.append(f"it served {took:.1f} s after the first try, {refused} starts were refused")
        if took > AGAIN_S:
            ground.faults.append(f"after kill -9 of the master it took {took:.1f} s and {refused} refused starts until it served")
        ground.served(took + SERVED_S, "kill -9 of the master")


def mongod(ground: Ground) -> None:
    """The embedded database, which the server must start again."""
    ground.begin()
    for _ in range(ground.rounds):
        ground.rest(1, LOADED_S)
        before = mongod_of(ground.server)
        ground.hit()
        before.kill()
        ground.served(SERVED_S, "kill -9 of mongod")
        if not comes(lambda before=before: _another(ground, before.pid), SERVED_S, 0.2):  # type: ignore[misc]
            ground.faults.append(f"mongod was not started again within {SERVED_S:g} s")


def _another(ground: Ground, pid: int) -> bool:
    try:
        return int(mongod_of(ground.server).pid) != pid
    except ServerError:
        return False


def _start_until_it_serves(ground: Ground) -> tuple[int, float]:
    begun, refused = time.monotonic(), 0
    while True:
        try:
            ground.start()
        except ServerError:
            refused += 1
            if time.monotonic() - begun > GIVE_UP_S:
                raise
            threading.Event().wait(1)
        else:
            return refused, time.monotonic() - begun


ROWS = [
    Row("nothing", "no fault", nothing),
    Row("server killed", "kill -9 of every process but mongod", server, quick=True),
    Row("power cut", "kill -9 of all, mongod too", power),
    Row("worker killed", "kill -9 of gunicorn's worker", worker),
    Row("master killed", "kill -9 of gunicorn's master, then a start", master),
    Row("mongod killed", "kill -9 of the embedded mongod", mongod, quick=True),
]
