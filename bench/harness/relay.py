"""A network between a browser and the server that can be narrow or cut: passes bytes on, counts them, holds them back.

It stands for the student's line: narrow towards the server only, as home lines are; cut, it answers nothing and closes nothing, as a lost Wi-Fi does.
"""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from types import TracebackType

CHUNK_BYTES = 1400  # about a packet: a narrow line delays no more than its own at once
BACKLOG_BYTES = 16 << 10  # what the line itself holds; more waits in the sender


class Relay:
    """Listens on a free port of this machine and passes every connection on to `port`. A context manager.

    `up_bytes` counts what went to the server. `kbit_s`: the width of the line towards the server, shared by all connections; None: unlimited.
    """

    def __init__(self, port: int, kbit_s: float | None = None) -> None:
        self.kbit_s = kbit_s
        self.up_bytes = 0
        self._target = ("127.0.0.1", port)
        self._listener = socket.socket()
        # Before it listens: connections take it over. Without it the system itself would hold minutes of a narrow line, or of a cut one.
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BACKLOG_BYTES)
        self._listener.bind(("127.0.0.1", 0))
        self._listener.listen()
        self.port = int(self._listener.getsockname()[1])
        self._whole = threading.Event()
        self._whole.set()
        self._closed = False
        self._free_at = 0.0
        self._lock = threading.Lock()
        self._sockets: set[socket.socket] = set()
        self._threads: list[threading.Thread] = []
        self._start(self._accept)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def cut(self) -> None:
        """Cut the line: nothing comes through, and nobody is told."""
        self._whole.clear()

    def mend(self) -> None:
        """Bring the line back; what was under way arrives."""
        self._whole.set()

    def close(self) -> None:
        self._closed = True
        self._whole.set()
        # a listener's accept ends by a shutdown, not by a close from another thread
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        with self._lock:
            sockets = list(self._sockets)
        for each in sockets:
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(5)

    def __enter__(self) -> Relay:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        self.close()

    def _start(self, target: object, *arguments: object) -> None:
        thread = threading.Thread(target=target, args=arguments, name="relay", daemon=True)  # type: ignore[arg-type]
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while not self._closed:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            self._start(self._join, near)

    def _join(self, near: socket.socket) -> None:
        """One connection, from its beginning: while the line is cut it is not even answered."""
        self._whole.wait()
        try:
            far = socket.create_connection(self._target)
        except OSError:
            near.close()
            return
        for each in (near, far):
            each.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # else the end of a picture waits 40 ms for an answer
        with self._lock:
            self._sockets |= {near, far}
        down = threading.Thread(target=self._pass, args=(far, near, False), name="relay", daemon=True)
        down.start()
        self._pass(near, far, True)
        down.join()
        with self._lock:
            self._sockets -= {near, far}
        near.close()
        far.close()

    def _pass(self, source: socket.socket, sink: socket.socket, up: bool) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(CHUNK_BYTES):
                self._whole.wait()
                if up:
                    self._hold(len(data))
                sink.sendall(data)
        for each in (source, sink):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)

    def _hold(self, count: int) -> None:
        """Wait for as long as the line needs for `count` bytes."""
        with self._lock:
            self.up_bytes += count
            if self.kbit_s is None:
                return
            now = time.monotonic()
            self._free_at = max(now, self._free_at) + count * 8 / (self.kbit_s * 1000)
            wait = self._free_at - now
        threading.Event().wait(wait)
