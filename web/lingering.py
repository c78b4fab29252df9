"""gunicorn's threaded worker, which waits for nobody to hang up: it does so in its one main thread, two seconds for each client that doesn't.

An answer's last bytes would be lost if the socket were closed at once, so its own side is shut and the client's end awaited. Here such
connections wait beside the others, some seconds and a bounded number of them, while everybody else is served.
"""

from __future__ import annotations

import selectors
import socket
import time
from concurrent.futures import Future
from functools import partial
from typing import Any

from gunicorn.workers.gthread import TConn, ThreadWorker

LINGER_S = 2.0  # until the client has taken what was sent, and says that it is gone too
LINGERING_MAX = 256  # beyond it the one that has had longest is closed
DRAIN_BYTES = 64 << 10  # in one look; what a client still sends is thrown away
REST_S = 0.25  # for the rest of a body that the app left unread; a connection whose rest isn't there by then ends


class LingeringWorker(ThreadWorker):  # type: ignore[misc]
    """As gunicorn's but for the end of connections. All but `_keepalive_after` runs in the worker's main thread."""

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self._lingering: dict[socket.socket, float] = {}  # until when; oldest first

    def finish_request(self, conn: TConn, future: Future[Any]) -> None:
        """Keep the connection, or let it end by itself."""
        if future.cancelled() or future.exception() is not None or future.result():
            super().finish_request(conn, future)
            return
        try:
            # A socket of its own: a WebSocket's reader may close the other one at any moment, and its number would be another's.
            rest = conn.sock.dup()
            rest.shutdown(socket.SHUT_WR)
            rest.setblocking(False)
        except OSError:  # ended already, or no file descriptor is left
            self.nr_conns -= 1
            return
        finally:
            conn.close()
        if len(self._lingering) >= LINGERING_MAX:
            self._part(next(iter(self._lingering)))
        self._lingering[rest] = time.monotonic() + LINGER_S
        self.poller.register(rest, selectors.EVENT_READ, partial(self._drain, rest))

    def _drain(self, rest: socket.socket, _: object) -> None:
        try:
            if rest.recv(DRAIN_BYTES):
                return
        except BlockingIOError:
            return
        except OSError:
            pass  # gone
        self._part(rest)

    def _part(self, rest: socket.socket) -> None:
        if self._lingering.pop(rest, None) is None:
            return  # closed in the same round
        self.nr_conns -= 1
        self.poller.unregister(rest)
        rest.close()

    def murder_keepalived(self, force: bool = False) -> None:
        """Close whoever has had its time, once a second; everybody where the worker ends."""
        super().murder_keepalived(force)
        now = time.monotonic()
        for rest in [rest for rest, until in self._lingering.items() if force or not self.alive or now > until]:
            self._part(rest)

    def _keepalive_after(self, conn: TConn, keepalive: bool) -> bool:
        return keepalive and bool(conn.parser.finish_body(deadline=time.monotonic() + REST_S))
