"""gunicorn's threads, given to nobody who has not asked: a connection waits without one until its whole request is there.

Half a request, a connection that never asks anything, or more of them than the machine has file descriptors then cost a place in a
table, for seconds. What is there is looked at where it lies, in the kernel (`MSG_PEEK`), and the kernel is told from how many bytes on we
want to hear of it (`SO_RCVLOWAT`), so that a request that comes in pieces wakes nobody for each.
"""

from __future__ import annotations

import contextlib
import errno
import logging
import os
import re
import selectors
import signal
import socket
import struct
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

from gunicorn.workers.gthread import TConn

from web.access.limits import network_of
from web.lingering import LingeringWorker

log = logging.getLogger(__name__)

HEAD_S = 10.0  # for a request's head; a browser sends it at once
BODY_S = 60.0  # for head and body: 64 KB over a line of 10 kbit/s
SEND_S = 15.0  # in which a client that is sent something must take some of it
HEAD_MAX = 32 << 10  # bytes; gunicorn's own bounds on lines and fields allow far more
WAIT_FOR_MAX = 256 << 10  # bytes of head and body that are waited for; the app refuses larger bodies unread, where MAX_BODY_KB is not raised
WAITING_PER_ADDRESS = 512  # connections of one address that have not asked yet: an exam room behind one address opens six a browser
WAITING_MAX = 2000  # of all addresses: half of the connections that are taken, so that there is always room for who asks
TOLD_EVERY_S = 60.0
NO_DESCRIPTORS = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})
LISTENER_BROKEN = frozenset({errno.EBADF, errno.EINVAL, errno.ENOTSOCK})
LENGTH_DIGITS = 12  # a longer number is more than anybody takes
LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*(\d+)[ \t]*\r\n", re.IGNORECASE)
APP_CANT_START = 4  # the exit status that gunicorn takes as: do not try again
NO_THREADS = (
    "The server can't start.\nIt needs {wanted} threads to answer requests, and the system gave {begun}. "
    "Raise the limit (ulimit -u, TasksMax= of the service, or the container's pids limit), or lower MAX_SESSIONS."
)
TOO_LARGE = b"HTTP/1.1 431 Request Header Fields Too Large\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"


def bytes_wanted(data: bytes) -> int:
    """From how many bytes on the request that begins with `data` is worth a thread; 0: now. Negative: its head is too large."""
    end = data.find(b"\r\n\r\n")
    if end < 0:
        return len(data) + 1 if len(data) < HEAD_MAX else -1
    head = data[: end + 2]
    if b"expect:" in head.lower():
        return 0  # the client waits for our word before it sends the rest
    length = LENGTH.search(head)
    digits = length[1].lstrip(b"0") if length else b""
    if len(digits) > LENGTH_DIGITS:
        return 0
    whole = end + 4 + int(digits or b"0")
    return whole if len(data) < whole <= WAIT_FOR_MAX else 0


@dataclass(slots=True)
class _Waiting:
    """A connection whose request is not there yet."""

    begun: float
    deadline: float
    seen: int = 0  # bytes


class PatientWorker(LingeringWorker):
    """One thread a request, from the moment it can be read without waiting. All but `handle` runs in the worker's main thread."""

    def init_process(self) -> None:
        """Keep one file descriptor spare: with it a connection that can't be served is still taken and closed, so that its client knows."""
        self._waiting: dict[TConn, _Waiting] = {}
        self._of_address: dict[str, dict[TConn, None]] = {}
        self._spare: int | None = os.open(os.devnull, os.O_RDONLY)
        self._told_at = -TOLD_EVERY_S
        self._parts_closed = False
        logging.getLogger("gunicorn.error").addFilter(_is_news)
        super().init_process()

    def init_signals(self) -> None:
        """As gunicorn's; a terminal that is closed tells it to all of its programs, and ends none of the exams."""
        super().init_signals()
        for ignored in (signal.SIGHUP, signal.SIGUSR2):
            signal.signal(ignored, lambda *_: None)  # no SIG_IGN, which the programs it starts would have, too

    def get_thread_pool(self) -> ThreadPoolExecutor:
        """All its threads at once: one that the system refuses later would end the worker in the middle of the exams."""
        pool = ThreadPoolExecutor(max_workers=self.cfg.threads, thread_name_prefix="request")
        held = threading.Event()
        begun = 0
        try:
            while begun < self.cfg.threads:
                pool.submit(held.wait)
                begun += 1
        except RuntimeError:
            print(NO_THREADS.format(wanted=self.cfg.threads, begun=begun), file=sys.stderr, flush=True)
            os._exit(APP_CANT_START)
        finally:
            held.set()
        return pool

    def accept(self, listener: socket.socket) -> None:
        """Take a connection, which waits for its request. Without file descriptors the oldest that wait make room."""
        try:
            client, address = listener.accept()
        except OSError as error:
            if error.errno in NO_DESCRIPTORS:
                self._make_room(listener, error)
            elif error.errno in LISTENER_BROKEN:
                raise
            return  # else it is that one connection's: the kernel tells its errors here, too
        # Of the kernel and not of Python, which would make the socket one that doesn't block: a client that takes nothing holds its thread no longer.
        if not _set(client, socket.SO_SNDTIMEO, struct.pack("ll", int(SEND_S), 0)):
            client.close()
            return
        self.nr_conns += 1
        self._wait(TConn(self.cfg, client, address, listener.getsockname()))

    def _wait(self, conn: TConn) -> None:
        """Let it wait for its request."""
        now = time.monotonic()
        same = self._of_address.setdefault(_address(conn), {})
        if len(same) >= WAITING_PER_ADDRESS:
            self._drop(next(iter(same)))  # who really asks has long done so
        elif len(self._waiting) >= WAITING_MAX:
            self._drop(next(iter(self._waiting)))
        self._waiting[conn] = _Waiting(now, now + HEAD_S)
        self._of_address.setdefault(_address(conn), {})[conn] = None
        conn.sock.setblocking(False)
        self.poller.register(conn.sock, selectors.EVENT_READ, partial(self._look, conn))

    def _look(self, conn: TConn, sock: socket.socket) -> None:
        """See how much of its request is there."""
        waiting = self._waiting.get(conn)
        if waiting is None:
            return  # dropped in the same round
        try:
            data = sock.recv(WAIT_FOR_MAX, socket.MSG_PEEK)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        # A receive window that is used up makes a socket readable, too, with nothing new in it: what it holds of a body a thread reads on.
        wanted = bytes_wanted(data) if len(data) > waiting.seen else 0 if b"\r\n\r\n" in data else None
        if wanted is None or data[:1] in b"\r\n":  # gone, or half closed; or no HTTP
            self._drop(conn)
            return
        if wanted < 0:
            self._drop(conn, TOO_LARGE)
        elif wanted == 0:
            self._leave(conn)
            _set(sock, socket.SO_RCVLOWAT, 1)  # where it has ended its thread sees that
            conn.data_ready = True
            self.enqueue_req(conn)
        else:
            waiting.seen = len(data)
            if wanted > len(data) + 1:
                waiting.deadline = waiting.begun + BODY_S
            if not _set(sock, socket.SO_RCVLOWAT, wanted):
                self._drop(conn)

    def _leave(self, conn: TConn) -> None:
        del self._waiting[conn]
        same = self._of_address[_address(conn)]
        del same[conn]
        if not same:
            del self._of_address[_address(conn)]
        self.poller.unregister(conn.sock)

    def _drop(self, conn: TConn, word: bytes = b"") -> None:
        self._leave(conn)
        self.nr_conns -= 1
        try:
            if word:
                conn.sock.send(word)
        except OSError:
            pass
        conn.close()

    def on_client_socket_readable(self, conn: TConn, client: socket.socket) -> None:
        """The next request of a connection that was kept begins: it waits as the first one did."""
        if conn not in self.keepalived_conns:
            return  # closed in the same round
        self.poller.unregister(client)
        self.keepalived_conns.remove(conn)
        self._wait(conn)

    def _keepalive_after(self, conn: TConn, keepalive: bool) -> bool:
        # Bytes of a next request that were read with this one can't be looked at in the kernel any more: that connection ends.
        return bool(super()._keepalive_after(conn, keepalive)) and not conn.parser.unreader.buf.getvalue()

    def is_parent_alive(self) -> bool:
        """Without its master it ends as it does when it is told to."""
        here = bool(super().is_parent_alive())
        if not here:
            self.alive = False
        return here

    def parts_closed(self) -> None:
        """The app's parts have ended: whoever is still connected, and takes nothing, is not waited for. Safe from any thread."""
        self._parts_closed = True
        self.method_queue.defer(lambda: None)

    def wait_for_and_dispatch_events(self, timeout: float) -> None:
        """As gunicorn's, until the parts are closed."""
        super().wait_for_and_dispatch_events(timeout)
        if self._parts_closed:
            self.nr_conns = 0

    def murder_pending(self) -> None:
        """Close those whose request has not come in time; all of them where the worker ends."""
        now = time.monotonic()
        for conn, waiting in list(self._waiting.items()):
            if now > waiting.deadline or not self.alive:
                self._drop(conn)

    def _make_room(self, listener: socket.socket, error: OSError) -> None:
        """The machine gives no more file descriptors: the oldest that wait go, and who comes now is taken and let go at once."""
        self.murder_keepalived(force=True)
        for conn in list(self._waiting)[: max(1, len(self._waiting) // 2)]:
            if self._waiting:
                self._drop(conn)
        if self._spare is not None:
            os.close(self._spare)
            self._spare = None
        with contextlib.suppress(OSError):
            listener.accept()[0].close()
        with contextlib.suppress(OSError):  # another thread took it: the next round tries again
            self._spare = os.open(os.devnull, os.O_RDONLY)
        if time.monotonic() - self._told_at > TOLD_EVERY_S:
            self._told_at = time.monotonic()
            log.error("connections are let go: %s. Raise the limit of open files (ulimit -n, or LimitNOFILE of the service).", error.strerror)


def _set(sock: socket.socket, option: int, value: int | bytes) -> bool:
    """Set an option, unless the connection has ended: macOS refuses it then."""
    try:
        sock.setsockopt(socket.SOL_SOCKET, option, value)
    except OSError:
        return False
    return True


def _address(conn: TConn) -> str:
    return network_of(str(conn.client[0])) if conn.client else ""


def _is_news(record: logging.LogRecord) -> bool:
    """Whether a line of gunicorn's says something: that a client took nothing for `SEND_S` doesn't."""
    return not (record.exc_info and isinstance(record.exc_info[1], BlockingIOError))
