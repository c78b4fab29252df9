"""eventlet's server with deadlines: it gives every connection one of a thousand places until the client leaves, and waits for them at its end.

A connection must ask within seconds, an address may have so many that don't, and at the end everybody is hung up on. Without file
descriptors the server goes on accepting, where eventlet's would end. Imported where eventlet serves, and only there.
"""

from __future__ import annotations

import contextlib
import errno
import io
import logging
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from weakref import WeakValueDictionary

import eventlet
import eventlet.wsgi
from eventlet.greenio import GreenSocket
from eventlet.semaphore import Semaphore

from web.access.limits import network_of
from web.links import PLACES

log = logging.getLogger(__name__)

CONNECTIONS = 4000  # open at once, at most
HEAD_S = 10.0  # for a request's head; a browser sends it at once
WAITING_MAX = 2000  # connections that have not asked yet
WAITING_PER_ADDRESS = 512  # of them, of one address: an exam room behind one address opens six a browser
BODY_S = 50.0  # for its body after that: 64 KB over a line of 10 kbit/s
LINGER_S = 2.0  # until a client whose body is not read has its answer
DRAIN_BYTES = 64 << 10  # in one look
END_S = 2.0  # for requests under way when the server is told to end
LOOK_S = 0.5
TOLD_EVERY_S = 60.0
NO_DESCRIPTORS = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})
PASSING = frozenset({errno.ECONNABORTED, errno.EPROTO})


@dataclass(frozen=True, slots=True)
class BodyLimits:
    """How many bytes a request's body may have, and a batch of a student's link. `batch_of`: whose batch a request is; empty where it is none."""

    most: int
    batch: int
    batch_of: Callable[[dict[str, Any]], str]


class Front:
    """Who is connected, and since when they have asked nothing. For green threads."""

    def __init__(self) -> None:
        self._open: set[Any] = set()
        self._waiting: dict[Any, tuple[str, float]] = {}  # connection: its address, until when; oldest first
        self._of_address: dict[str, dict[Any, None]] = {}  # the same by address
        self._turns: WeakValueDictionary[str, Semaphore] = WeakValueDictionary()
        self._ending_at: float | None = None
        self._told_at = -TOLD_EVERY_S

    def waits(self, connection: Any, address: str, at_most_s: float) -> None:
        """The connection is there, and its next request or the body isn't yet."""
        same = self._of_address.get(address, {})
        if len(same) >= WAITING_PER_ADDRESS or len(self._waiting) >= WAITING_MAX:
            self._hang_up(next(iter(same or self._waiting)))
        self._open.add(connection)
        self._waiting[connection] = (address, time.monotonic() + at_most_s)
        self._of_address.setdefault(address, {})[connection] = None

    def asks(self, connection: Any) -> None:
        """Its request is there."""
        waited = self._waiting.pop(connection, None)
        if waited is None:
            return
        same = self._of_address[waited[0]]
        del same[connection]
        if not same:
            del self._of_address[waited[0]]

    def gone(self, connection: Any) -> None:
        """The connection has ended."""
        self.asks(connection)
        self._open.discard(connection)

    def turn(self, session_id: str) -> Semaphore:
        """Held while a batch of the session is read and answered, of which there are as many at once as it has places."""
        turn = self._turns.get(session_id)
        if turn is None:
            turn = self._turns[session_id] = Semaphore(PLACES)
        return turn

    def watch(self) -> None:
        """Hang up on whoever has had its time, for ever."""
        while True:
            eventlet.sleep(LOOK_S)
            now = time.monotonic()
            ending = self._ending_at is not None
            for connection in [connection for connection, (_, until) in self._waiting.items() if ending or now > until]:
                self._hang_up(connection)
            if self._ending_at is not None and now > self._ending_at:
                for connection in list(self._open):
                    self._hang_up(connection)

    def end(self) -> None:
        """From now on nobody is waited for. Safe in a signal's handler."""
        self._ending_at = time.monotonic() + END_S

    def make_room(self, error: OSError) -> None:
        """The machine gives no more file descriptors: half of those who wait go."""
        for connection in list(self._waiting)[: max(1, len(self._waiting) // 2)]:
            self._hang_up(connection)
        if time.monotonic() - self._told_at > TOLD_EVERY_S:
            self._told_at = time.monotonic()
            log.error("connections are let go: %s. Raise the limit of open files (ulimit -n, or LimitNOFILE of the service).", error.strerror)

    def _hang_up(self, connection: Any) -> None:
        self.asks(connection)
        with contextlib.suppress(OSError):
            connection.shutdown(socket.SHUT_RDWR)  # its own thread wakes, and closes it


class Listener(GreenSocket):  # type: ignore[misc]
    """Accepts until it is closed."""

    front: Front

    def accept(self) -> Any:
        """The next connection, however long it takes to have one."""
        while True:
            try:
                return super().accept()
            except OSError as error:
                if error.errno in NO_DESCRIPTORS:
                    self.front.make_room(error)
                    eventlet.sleep(0.1)
                elif error.errno not in PASSING:
                    raise


class Protocol(eventlet.wsgi.HttpProtocol):  # type: ignore[misc]
    """One connection. It says which HTTP was spoken: eventlet always says 1.0, which `Access` takes for a proxy's.

    A body is read here, in the time it has, and one that is larger than anybody takes isn't: the app refuses it by its length.
    """

    front: Front
    limits: BodyLimits
    _rest = False  # the client may still send what nobody reads
    _session = ""  # whose batch this is

    def get_environ(self) -> dict[str, Any]:
        """The request, now that its head is there."""
        self.front.asks(self.connection)
        environ = dict(super().get_environ()) | {"SERVER_PROTOCOL": self.request_version}
        length = int(environ.get("CONTENT_LENGTH") or 0)
        self._session = self.limits.batch_of(environ) if self.limits.most < length <= self.limits.batch else ""
        if (length > self.limits.most and not self._session) or "HTTP_TRANSFER_ENCODING" in environ:
            environ["wsgi.input"] = io.BytesIO()
            self.close_connection, self._rest = 1, True
        return environ

    def handle_one_response(self) -> None:
        """Answer, once the body is there; hang up where it doesn't come."""
        length = int(self.environ.get("CONTENT_LENGTH") or 0)
        with contextlib.ExitStack() as held:
            if length and not self._rest and not self._read_body(length, held):
                self.close_connection = 1
                return
            super().handle_one_response()

    def _read_body(self, length: int, held: contextlib.ExitStack) -> bool:
        """Whether it is there."""
        self._wait(BODY_S)
        body = b""
        with eventlet.Timeout(BODY_S, False):
            if self._session:
                held.enter_context(self.front.turn(self._session))
            body = self.environ["wsgi.input"].read(length)
        self.front.asks(self.connection)
        self.environ["wsgi.input"] = io.BytesIO(body)
        return len(body) == length

    def _wait(self, at_most_s: float) -> None:
        self.front.waits(self.connection, network_of(str(self.client_address[0])), at_most_s)

    def _read_request_line(self) -> Any:
        self._wait(HEAD_S)
        return super()._read_request_line()

    def finish(self) -> None:
        """End it. Who still sends is listened to for a moment: hung up on, it might not see its answer."""
        if self._rest:
            with contextlib.suppress(OSError), eventlet.Timeout(LINGER_S, False):
                self.connection.shutdown(socket.SHUT_WR)
                while self.connection.recv(DRAIN_BYTES):
                    pass
        self.front.gone(self.connection)
        with contextlib.suppress(OSError, ValueError):  # hung up on
            super().finish()


def serve_green(listener: socket.socket, app: Any, front: Front, limits: BodyLimits) -> None:
    """Serve until told to end."""
    mine = Listener(listener)
    mine.front = front
    protocol = type("FrontProtocol", (Protocol,), {"front": front, "limits": limits})
    eventlet.spawn(front.watch)
    eventlet.wsgi.server(mine, app, log_output=False, socket_timeout=60, max_size=CONNECTIONS, protocol=protocol)
