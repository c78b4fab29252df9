"""A student's page by hand: a connection whose clock can be moved, and over which anything can be said."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
import time
import uuid
from collections.abc import Callable
from types import TracebackType
from typing import Any

import numpy as np
from websocket import ABNF, WebSocket, WebSocketException, WebSocketTimeoutException, create_connection

from basics.readings import SAMPLE_RATE
from bench.harness.student import page_ms
from bench.harness.waiting import comes
from web.student.protocol import Media, pack_media

CONNECT_S = 20.0
NARROW = ((socket.SOL_SOCKET, socket.SO_RCVBUF, 4096),)  # of a page that does not read: what its own system would hold for it is no measure
CLOSED = (OSError, WebSocketException)  # what sending raises once the server has closed the link


class HandPage:
    """One connection. `clock` gives its time in ms, and answers the server's; a page that does not `read` leaves all else in its line.

    A context manager. `heard` is what it was told, clocks apart; `closed` says why the server ended it, once it has.
    """

    def __init__(self, link: str, clock: Callable[[], float] = page_ms, *, read: bool = True) -> None:
        self.link = link
        self.clock = clock
        self.read = read
        self.heard: list[dict[str, Any]] = []
        self.closed = ""
        self.sent_bytes = 0
        self._socket: WebSocket | None = None
        self._welcomed = threading.Event()
        self._lock = threading.Lock()
        self._number = 0

    def __enter__(self) -> HandPage:
        self.connect()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        self.close()

    def connect(self) -> None:
        """Connect and be welcomed. Raise `WebSocketException` or `OSError`."""
        self._socket = create_connection(self.link, timeout=CONNECT_S, skip_utf8_validation=True, sockopt=() if self.read else NARROW)
        self.closed = ""
        self._welcomed.clear()
        threading.Thread(target=self._listen, args=(self._socket,), name="hand-page", daemon=True).start()
        if not self._welcomed.wait(CONNECT_S):
            raise WebSocketException("there was no welcome")
        self._socket.settimeout(3)

    def close(self) -> None:
        """Leave without a word."""
        if self._socket is not None:
            with contextlib.suppress(*CLOSED):
                self._socket.shutdown()

    def say(self, message: dict[str, Any]) -> None:
        """Say a text message."""
        self.send(json.dumps(message))

    def send(self, data: str | bytes) -> None:
        """Send anything. Raise one of `CLOSED`."""
        assert self._socket is not None
        raw = data.encode("utf-8", "surrogatepass") if isinstance(data, str) else data
        with self._lock:
            self._socket.send(raw, ABNF.OPCODE_TEXT if isinstance(data, str) else ABNF.OPCODE_BINARY)
        self.sent_bytes += len(raw)

    def act(self, kind: str = "copy", at: float | None = None, **fields: Any) -> str:
        """Do something on screen, at `at` ms of the page's clock or now; return its id."""
        act_id = str(uuid.uuid4())
        self.say({"type": "acts", "acts": [{"id": act_id, "kind": kind, "page_ms": self.clock() if at is None else at, **fields}]})
        return act_id

    def picture(self, data: bytes, codec: Any = "jpeg", at: float | None = None, *, key: bool = True) -> None:
        """Send one picture, of `at` ms or now."""
        self._number += 1
        self.send(pack_media(Media("picture", codec, self._number, self.clock() if at is None else at, data, key)))

    def sound(self, samples: np.ndarray[Any, np.dtype[np.int16]]) -> None:
        """Send sound that ends now."""
        self._number += 1
        at = self.clock() - len(samples) / SAMPLE_RATE * 1000
        self.send(pack_media(Media("sound", "pcm16", self._number, at, samples.astype("<i2", copy=False).tobytes())))

    def told(self, kind: str) -> list[dict[str, Any]]:
        """What it heard of one type."""
        return [message for message in self.heard if message["type"] == kind]

    def acknowledged(self, act_id: str, within: float = 5.0) -> bool:
        """Is this act acknowledged, within so many seconds?"""
        return comes(lambda: any(act_id in message["ids"] for message in self.told("acts")), within)

    def _listen(self, line: WebSocket) -> None:
        try:
            while text := self._heard_from(line):
                message = json.loads(text)
                if message["type"] == "clock":
                    self.say({"type": "clock", "id": message["id"], "server_ms": message["server_ms"], "page_ms": self.clock()})
                    continue
                self.heard.append(message)
                if message["type"] == "welcome":
                    self._welcomed.set()
                    while not self.read and line.connected:
                        time.sleep(0.2)
            self.closed = self.closed or "closed by the server"
        except (*CLOSED, ValueError) as error:
            self.closed = str(error) or type(error).__name__

    def _heard_from(self, line: WebSocket) -> str:
        """The next message; empty once the server has closed the link. That nothing is said for a while is no end."""
        while True:
            with contextlib.suppress(WebSocketTimeoutException):
                return str(line.recv())
