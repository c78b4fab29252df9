"""The worker where the system refuses something: a thread, a socket's option, a connection. What goes wrong is the kernel's; all else is real."""

from __future__ import annotations

import errno
import selectors
import socket
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from gunicorn.config import Config

from basics.paths import ROOT
from web.worker import PatientWorker

WITHOUT_THREADS = """
import threading
from gunicorn.config import Config
from web.worker import PatientWorker

real = threading.Thread.start
def start(thread):
    if threading.active_count() >= 9:
        raise RuntimeError("can't start new thread")
    real(thread)
threading.Thread.start = start
config = Config()
config.set("threads", 20)
worker = object.__new__(PatientWorker)
worker.cfg = config
worker.get_thread_pool()
print("has its threads")
"""


class Listener:
    """Accepts as it is told."""

    def __init__(self, gives: Any) -> None:
        self._gives = gives

    def accept(self) -> tuple[Any, tuple[str, int]]:
        if isinstance(self._gives, OSError):
            raise self._gives
        return self._gives, ("127.0.0.1", 40_000)

    def getsockname(self) -> tuple[str, int]:
        return ("127.0.0.1", 5000)


class Ended(socket.socket):
    """A connection that has ended before it was accepted, as macOS shows it."""

    refuses = frozenset({socket.SO_SNDTIMEO, socket.SO_RCVLOWAT})

    def setsockopt(self, level: int, option: int, value: Any, *rest: Any) -> None:
        if option in self.refuses:
            raise OSError(errno.EINVAL, "Invalid argument")
        super().setsockopt(level, option, value, *rest)


@pytest.fixture
def worker() -> Iterator[PatientWorker]:
    """One that serves nobody yet."""
    made: PatientWorker = object.__new__(PatientWorker)
    made.cfg, made.nr_conns, made.poller = Config(), 0, selectors.DefaultSelector()
    made._waiting, made._of_address, made._parts_closed = {}, {}, False
    yield made
    for conn in list(made._waiting):
        made._drop(conn)
    made.poller.close()


def test_a_limit_of_threads_is_told_at_the_start() -> None:
    ended = subprocess.run([sys.executable, "-c", WITHOUT_THREADS], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 4
    assert ended.stderr.startswith("The server can't start.\nIt needs 20 threads to answer requests, and the system gave 8.")
    assert ended.stdout == ""


@pytest.mark.parametrize("number", [errno.ENETDOWN, errno.EHOSTUNREACH, errno.EPERM, errno.ECONNABORTED])
def test_an_error_of_one_connection_is_no_error_of_the_listener(worker: PatientWorker, number: int) -> None:
    worker.accept(Listener(OSError(number, "")))  # type: ignore[arg-type]
    assert worker.nr_conns == 0
    with pytest.raises(OSError, match="gone"):
        worker.accept(Listener(OSError(errno.EBADF, "gone")))  # type: ignore[arg-type]


def test_a_connection_that_has_ended_before_it_is_looked_at_ends_alone(worker: PatientWorker) -> None:
    ended = Ended()
    worker.accept(Listener(ended))  # type: ignore[arg-type]
    assert (worker.nr_conns, ended.fileno()) == (0, -1)


def test_a_connection_that_ends_while_it_is_waited_for_ends_alone(worker: PatientWorker) -> None:
    near, far = socket.socketpair()
    half = Ended(fileno=near.detach())
    with far:
        half.refuses = frozenset({socket.SO_RCVLOWAT})
        worker.accept(Listener(half))  # type: ignore[arg-type]
        assert worker.nr_conns == 1
        far.sendall(b"GET / HTTP/1.1\r\n")
        worker.wait_for_and_dispatch_events(10)
        assert (worker.nr_conns, half.fileno()) == (0, -1)
