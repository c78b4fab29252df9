"""The connections under the dashboards' Socket.IO, and how one is ended without waiting for whoever is at its other end."""

from __future__ import annotations

import contextlib
import logging
import socket
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

log = logging.getLogger(__name__)

JOIN_S = 10.0  # from the connection until it says what it is for; our pages and Socket.IO's clients do at once
LOOK_S = 1.0
SOCKETS = ("gunicorn.socket", "werkzeug.socket")  # the TCP socket in a request's environment


class Connections:
    """Ends connections. For the one thread that hands messages out, but for `hang_up_all` after that has ended."""

    def __init__(self, server: Any, clock: Callable[[], float] = time.monotonic) -> None:
        """`server` is python-socketio's."""
        self._server = server
        self._clock = clock
        self._silent_since: dict[str, float] = {}
        self._look_at = 0.0

    def hang_up(self, eio_sid: str | None) -> None:
        """End a connection now. python-engineio's own way waits until the client has read all that waits for it, which may be never."""
        connection = self._server.eio.sockets.get(eio_sid)
        environ = self._server.environ.get(eio_sid) or {}
        if connection is not None:
            with contextlib.suppress(KeyError, OSError):
                connection.close(wait=False, abort=True)
        for name in SOCKETS:
            raw = environ.get(name)
            if raw is not None:
                with contextlib.suppress(OSError):
                    raw.shutdown(socket.SHUT_RDWR)

    def hang_up_all(self) -> None:
        """End every connection: their pages come again by themselves."""
        for eio_sid in list(self._server.eio.sockets):
            self.hang_up(eio_sid)

    def end_silent(self) -> None:
        """End those that were opened and have not said what for."""
        now = self._clock()
        if now < self._look_at:
            return
        self._look_at = now + LOOK_S
        joined = self._server.manager.sid_from_eio_sid
        silent = [
            eio_sid
            for eio_sid, connection in list(self._server.eio.sockets.items())
            if not connection.closed and not connection.closing and joined(eio_sid, "/") is None
        ]
        self._silent_since = {eio_sid: self._silent_since.get(eio_sid, now) for eio_sid in silent}
        over = [eio_sid for eio_sid, since in self._silent_since.items() if now - since > JOIN_S]
        for eio_sid in over:
            self.hang_up(eio_sid)
        if over:
            log.info("dashboards' connections that asked for nothing are ended: %d", len(over))


def keep_answers_apart(server: Any, whole: AbstractContextManager[Any]) -> None:
    """Let python-socketio's `server` send each packet whole, within `whole`.

    An event with a picture goes out as two messages, and an answer to a viewer comes from that viewer's own thread: between the two it breaks the
    protocol, and the viewer's connection ends (python-socketio's issue 403 is the same on the other side).
    """
    send = server._send_packet

    def send_whole(eio_sid: str, packet: Any) -> None:
        with whole:
            send(eio_sid, packet)

    server._send_packet = send_whole
