"""A slow network on one machine: passes TCP connections on to a server, upwards at a limited rate, and counts what passes."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from types import TracebackType

PIECE = 1400  # bytes: a network's packet
BUFFER = 8 << 10  # small, as before a slow modem: what waits, waits in the page


class SlowLink:
    """Listens on a free loopback port and passes everything on to `port`. Upwards it carries `bits_per_s`, shared by all connections; may be set."""

    def __init__(self, port: int, bits_per_s: float) -> None:
        self.bits_per_s = bits_per_s
        self.bytes_up = 0
        self._target = port
        self._free_at = 0.0
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._sockets: list[socket.socket] = []
        self._listener = socket.socket()
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER)  # accepted sockets inherit it
        self._listener.bind(("127.0.0.1", 0))
        self._listener.listen(64)
        self.port = int(self._listener.getsockname()[1])
        self._accepter = threading.Thread(target=self._accept, name="slow-link", daemon=True)

    def __enter__(self) -> SlowLink:
        self._accepter.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        self._stopping.set()
        for each in [self._listener, *self._sockets]:
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()
        self._accepter.join(5)

    def _accept(self) -> None:
        while not self._stopping.is_set():
            try:
                client, _ = self._listener.accept()
                server = socket.create_connection(("127.0.0.1", self._target))
            except OSError:
                return
            self._sockets += [client, server]
            for name, one, other, slow in (("up", client, server, True), ("down", server, client, False)):
                threading.Thread(target=self._pass, args=(one, other, slow), name=f"slow-link-{name}", daemon=True).start()

    def _pass(self, one: socket.socket, other: socket.socket, slow: bool) -> None:
        with contextlib.suppress(OSError):
            while data := one.recv(PIECE if slow else 1 << 16):
                if slow:
                    self._wait_for(len(data))
                other.sendall(data)
        for each in (one, other):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)

    def _wait_for(self, size: int) -> None:
        """Wait until the line is free for `size` bytes."""
        with self._lock:
            self.bytes_up += size
            begin = max(time.monotonic(), self._free_at)
            self._free_at = begin + size * 8 / self.bits_per_s
            until = self._free_at
        self._stopping.wait(max(0.0, until - time.monotonic()))
