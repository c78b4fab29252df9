"""In front of the app: requests whose client is slow, and how long a thread waits for one.

A thread that reads a body or sends an answer waits for its client. Some dozens may be waited for at once, each for long; where there are
more, those that were waited for longest are hung up on, so that threads are left for everybody else.
"""

from __future__ import annotations

import logging
import socket
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from werkzeug.wsgi import FileWrapper

from basics.regularly import Regularly
from web.access.gate import is_socket

log = logging.getLogger(__name__)

MOST_WAITED_FOR = 32  # half of the threads that sockets leave for calls
SLOW_S = 3.0  # of waiting in one request, after which its client may be hung up on where there are too many
BODY_S = 60.0  # of waiting for one body, however few there are: 64 KB over a line of 10 kbit/s
PART_BYTES = 16 << 10  # of an answer, which a client must take in PART_S
PART_S = 30.0
LOOK_S = 0.5
TOLD_EVERY_S = 60.0
SOCKETS = ("gunicorn.socket", "werkzeug.socket")  # the TCP socket in a request's environment

Wsgi = Callable[[dict[str, Any], Any], Iterable[bytes]]


@dataclass(slots=True, eq=False)
class _Request:
    """A request under way: how long its thread has waited for its client."""

    socket: socket.socket
    waited: float = 0.0
    since: float | None = None  # waits now
    reading: bool = False


class Patience:
    """WSGI middleware, and the one thread that looks at whom the others wait for. Safe between threads."""

    def __init__(self, app: Wsgi, clock: Callable[[], float] = time.monotonic) -> None:
        self._app = app
        self._clock = clock
        self._requests: set[_Request] = set()
        self._lock = threading.Lock()
        self._looking = Regularly("patience", LOOK_S, self.look)
        self._told_at = -TOLD_EVERY_S

    def start(self) -> None:
        """Begin to look."""
        self._looking.start()

    def stop(self) -> None:
        """End it. From now on nobody is waited for: who is slow would keep the server from its end."""
        self._looking.stop()
        with self._lock:
            waited_for = [request for request in self._requests if request.since is not None]
        for request in waited_for:
            _hang_up(request)

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        """Answer by the app."""
        raw = next((environ[name] for name in SOCKETS if environ.get(name) is not None), None)
        # A WebSocket has deadlines of its own, and under eventlet whoever is slow costs no thread.
        if raw is None or is_socket(environ):
            return self._app(environ, start_response)
        request = _Request(raw)
        environ["wsgi.input"] = _Body(environ["wsgi.input"], request, self._clock)
        environ["wsgi.file_wrapper"] = FileWrapper  # in parts: what the server hands to the kernel as a file it waits for without end
        with self._lock:
            self._requests.add(request)
        try:
            answer = self._app(environ, start_response)
        except BaseException:
            self._over(request)
            raise
        request.reading = False
        return _Answer(answer, request, self._clock, self._over)

    def _over(self, request: _Request) -> None:
        with self._lock:
            self._requests.discard(request)

    def look(self) -> None:
        """Hang up on those who are waited for too long."""
        now = self._clock()
        with self._lock:
            waits = [(request.waited + now - since, request) for request in self._requests if (since := request.since) is not None]
        waits.sort(key=lambda wait: wait[0], reverse=True)
        too_many = max(0, len(waits) - MOST_WAITED_FOR)
        gone = [request for place, (waited, request) in enumerate(waits) if _is_too_slow(waited, request, now, place < too_many)]
        for request in gone:
            _hang_up(request)
        if gone and now - self._told_at > TOLD_EVERY_S:
            self._told_at = now
            log.warning("%d slow clients are hung up on: they neither send their request nor take their answer", len(gone))


class _Body:
    """A request's body, as its server gives it; notes when it is waited for."""

    def __init__(self, body: Any, request: _Request, clock: Callable[[], float]) -> None:
        self._body, self._request, self._clock = body, request, clock

    def _waiting(self, read: Callable[..., Any], *given: Any) -> Any:
        request = self._request
        request.since, request.reading = self._clock(), True
        try:
            return read(*given)
        finally:
            _waited(request, self._clock())

    def read(self, *size: int) -> bytes:
        return bytes(self._waiting(self._body.read, *size))

    def readline(self, *size: int) -> bytes:
        return bytes(self._waiting(self._body.readline, *size))

    def readlines(self, *hint: int) -> list[bytes]:
        return list(self._waiting(self._body.readlines, *hint))

    def __iter__(self) -> Iterator[bytes]:
        while line := self.readline():
            yield line

    def __getattr__(self, name: str) -> Any:
        return getattr(self._body, name)


class _Answer:
    """The parts of an answer. From one to the next, and after the last, the thread waits until the client has taken it."""

    def __init__(self, parts: Iterable[bytes], request: _Request, clock: Callable[[], float], over: Callable[[_Request], None]) -> None:
        self._parts, self._iterator, self._rest = parts, iter(parts), memoryview(b"")
        self._request, self._clock, self._over = request, clock, over

    def __iter__(self) -> _Answer:
        return self

    def __next__(self) -> bytes:
        _waited(self._request, self._clock())
        if not self._rest:
            self._rest = memoryview(next(self._iterator))
        part, self._rest = bytes(self._rest[:PART_BYTES]), self._rest[PART_BYTES:]
        self._request.since = self._clock()
        return part

    def close(self) -> None:
        self._over(self._request)
        close = getattr(self._parts, "close", None)
        if close is not None:
            close()


def _waited(request: _Request, now: float) -> None:
    """The client has done its part."""
    since, request.since = request.since, None
    if since is not None:
        request.waited += now - since


def _is_too_slow(waited: float, request: _Request, now: float, too_many: bool) -> bool:
    if too_many and waited > SLOW_S:
        return True
    if request.reading:
        return waited > BODY_S
    since = request.since  # the thread that is waiting goes on meanwhile
    return since is not None and now - since > PART_S


def _hang_up(request: _Request) -> None:
    try:
        request.socket.shutdown(socket.SHUT_RDWR)
    except OSError:
        log.debug("a slow client was gone already")
