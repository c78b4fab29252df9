"""The WebSocket under a student's link, bounded in all that a client can make it hold.

One thread reads and writes: while it is busy, or waits for the client to read, nothing more is read, and TCP makes the client wait. So no more
is held than one message and one read. Each send has a deadline; too much of anything ends the connection with a reason.
"""

from __future__ import annotations

import contextlib
import io
import socket
import time
from collections import deque
from collections.abc import Iterable
from typing import Any

from flask import Response
from simple_websocket import ConnectionClosed, Server
from wsproto.events import BytesMessage, CloseConnection, Event, Ping, TextMessage
from wsproto.frame_protocol import CloseReason
from wsproto.utilities import LocalProtocolError, RemoteProtocolError

from web.access.who_may import LINK_PROTOCOL
from web.student.budget import Budget
from web.unmasking import unmask_by_words

unmask_by_words()

MESSAGE_MAX_BYTES = 2 << 20
READ_BYTES = 64 << 10  # a picture in one read
READ_COST_BYTES = 512  # what a read costs of the budget at least: crumbs are dear to read
KERNEL_BYTES = 512 << 10  # that the system may hold for it, each way
SEND_S = 10.0  # a client that takes nothing for so long is let go
STEP_S = 0.25  # how soon another thread's `hurry` is seen
CLOSE_S = 1.0  # for the last word
TOO_BIG, TRY_AGAIN = 1009, 1013  # WebSocket statuses
REASON_BYTES = 123  # of a close frame


class TooMuch(ConnectionClosed):  # type: ignore[misc]
    """The client goes beyond what a connection may hold or send. `status` and `why` are what it is told."""

    def __init__(self, status: int, why: str) -> None:
        super().__init__(status, why)
        self.status = status
        self.why = why


class _NoThread:
    """Instead of the thread in which simple-websocket reads, whoever reads its messages."""

    name = ""

    def __init__(self, target: Any) -> None:
        pass

    def start(self) -> None:
        pass


class LinkSocket(Server):  # type: ignore[misc]
    """A client's WebSocket. For one thread, but for `hurry`. Every call may raise `ConnectionClosed` or `OSError`: it is gone."""

    def __init__(self, environ: dict[str, Any]) -> None:
        """Shake hands. Raise `RemoteProtocolError` for what is no WebSocket's beginning."""
        self._ready: deque[str | bytes] = deque()
        self._message = io.BytesIO()  # so far: one buffer, for of crumbs each would take fifty times its size
        self._message_size = 0
        self._hurry = False
        self.message_max_bytes = MESSAGE_MAX_BYTES
        self.budget: Budget | None = None  # of whose session it is; until that is known nothing is read
        super().__init__(environ, subprotocols=[LINK_PROTOCOL], thread_class=_NoThread)
        with contextlib.suppress(OSError):  # a socket of another kind keeps its own bounds
            for option in (socket.SO_RCVBUF, socket.SO_SNDBUF):
                self.sock.setsockopt(socket.SOL_SOCKET, option, KERNEL_BYTES)

    def receive(self, timeout: float | None = None) -> str | bytes | None:
        """The next message, or None when none came whole within `timeout` seconds. Raise `TooMuch`."""
        until = time.monotonic() + (STEP_S if timeout is None else timeout)
        while not self._ready:
            if not self.connected:
                raise ConnectionClosed(self.close_reason, self.close_message)
            left = until - time.monotonic()
            if left <= 0 or self._hurry:
                return None
            self._read(left)
        return self._ready.popleft()

    @property
    def was_cut(self) -> bool:
        """Did it end without the client's word?"""
        return self.connected or self.close_reason == CloseReason.ABNORMAL_CLOSURE

    def _read(self, seconds: float) -> None:
        self.sock.settimeout(seconds)
        try:
            data = self.sock.recv(READ_BYTES)
        except TimeoutError:
            return
        if self.budget is not None and not self.budget.bytes(max(len(data), READ_COST_BYTES)):
            raise TooMuch(TRY_AGAIN, f"more than {self.budget.bytes_a_second:,.0f} bytes a second were sent; send less")
        try:
            self.ws.receive_data(data or None)
            for event in self.ws.events():
                self._take(event)
        except (LocalProtocolError, RemoteProtocolError) as error:
            self.connected = False
            raise ConnectionClosed(self.close_reason, self.close_message) from error

    def _take(self, event: Event) -> None:
        whole = getattr(event, "frame_finished", True)  # a picture comes in many pieces of one frame
        if whole and self.budget is not None and not self.budget.frame():
            raise TooMuch(TRY_AGAIN, f"more than {self.budget.frames_a_second:g} messages a second were sent; send fewer")
        if isinstance(event, CloseConnection):
            self.close_reason, self.close_message = event.code, event.reason
            with contextlib.suppress(OSError, LocalProtocolError):  # after a line that broke there is nobody to answer
                self._write(self.ws.send(event.response()), CLOSE_S)
            self.connected = False
        elif isinstance(event, Ping):
            self._write(self.ws.send(event.response()), SEND_S)
        elif isinstance(event, TextMessage | BytesMessage):
            self._take_part(event)

    def _take_part(self, event: TextMessage | BytesMessage) -> None:
        part = event.data.encode() if isinstance(event, TextMessage) else event.data
        self._message_size += len(part)
        if self._message_size > self.message_max_bytes:
            raise TooMuch(TOO_BIG, f"a message has more than the {self.message_max_bytes:,} bytes allowed")
        self._message.write(part)
        if event.message_finished:
            whole = self._message.getvalue()
            self._ready.append(whole.decode() if isinstance(event, TextMessage) else whole)
            self._message, self._message_size = io.BytesIO(), 0

    def send(self, data: str) -> None:
        """Say something. Raise `ConnectionClosed` where the client takes nothing for `SEND_S`."""
        if not self.connected:
            raise ConnectionClosed(self.close_reason, self.close_message)
        self._write(self.ws.send(TextMessage(data=data)), SEND_S)

    def _write(self, data: bytes, seconds: float) -> None:
        until = time.monotonic() + seconds
        view = memoryview(data)
        while view:
            left = until - time.monotonic()
            if left <= 0 or (self._hurry and seconds > CLOSE_S):
                self.connected = False  # half a frame may have left: nothing can follow it
                raise ConnectionClosed(self.close_reason, "the client does not read what it is sent")
            self.sock.settimeout(min(left, STEP_S))
            with contextlib.suppress(TimeoutError):
                view = view[self.sock.send(view) :]

    def hurry(self) -> None:
        """From another thread: whatever waits for the client waits no longer."""
        self._hurry = True

    def close(self, reason: int | None = None, message: str | None = None) -> None:
        """Say why it ends, where that can still be said, and end it."""
        if not self.connected:
            return
        self.connected = False
        shown = (message or "").encode()[:REASON_BYTES].decode(errors="ignore")
        with contextlib.suppress(OSError, LocalProtocolError, ConnectionClosed):
            self._write(self.ws.send(CloseConnection(reason or 1000, shown or None)), CLOSE_S)

    def hang_up(self) -> None:
        """End it, and let the line go a moment later: while the client still sends, the system would take our last word back."""
        self.close()
        until, left = time.monotonic() + (STEP_S if self._hurry else CLOSE_S), MESSAGE_MAX_BYTES
        with contextlib.suppress(OSError):
            self.sock.shutdown(socket.SHUT_WR)
            while left > 0 and (seconds := until - time.monotonic()) > 0:
                self.sock.settimeout(seconds)
                data = self.sock.recv(READ_BYTES)
                if not data:
                    break
                left -= len(data)
            else:
                self._wait(max(0.0, until - time.monotonic()))
        with contextlib.suppress(OSError):
            self.sock.shutdown(socket.SHUT_RDWR)

    def _wait(self, seconds: float) -> None:
        """Read nothing for a while: what the client sends stays with it."""
        if self.mode == "eventlet":
            import eventlet

            eventlet.sleep(seconds)
        else:
            time.sleep(seconds)

    def response(self) -> Response:
        """What the view answers when the connection is over: there is nothing to be said in HTTP, and each server wants that told its way."""
        return _Over(self.mode)


class _Over(Response):
    def __init__(self, mode: str) -> None:
        super().__init__()
        self._mode = mode

    def __call__(self, environ: Any, start_response: Any) -> Iterable[bytes]:
        if self._mode == "werkzeug":
            return super().__call__(environ, start_response)
        if self._mode == "gunicorn":
            raise StopIteration
        if self._mode == "eventlet":
            from eventlet.wsgi import WSGI_LOCAL

            WSGI_LOCAL.already_handled = True
        return []
