"""Memory that is free again is given back to the system: glibc alone keeps what many threads have freed between what they still use.

A session's pictures and sound are taken by one thread and let go by another, in as many of glibc's arenas as there are threads; what is free in
them lies between what isn't, and the process would grow with every session that came and went. With another C library nothing is done here.
"""

from __future__ import annotations

import ctypes
import logging
import threading
from collections.abc import Callable

import psutil

log = logging.getLogger(__name__)

LOOK_S = 20.0
GROWN_BYTES = 32 << 20  # since the last time; giving back takes some ms of each 100 MB, in which threads wait that share the arena


class Heap:
    """Keeps the process's memory near what is used. A part of the server that is started and stopped."""

    def __init__(self) -> None:
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._level = 0

    def start(self) -> None:
        """Begin to look, every `LOOK_S`."""
        trim = glibc_trim()
        if trim is None:
            return
        self._thread = threading.Thread(target=self._watch, args=(trim,), name="heap", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End it."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(5)

    def _watch(self, trim: Callable[[int], int]) -> None:
        while not self._stop.wait(LOOK_S):
            self.look(trim, used_bytes)

    def look(self, trim: Callable[[int], int], used: Callable[[], int]) -> None:
        """Give back what is free, where the process has grown since it last did; `used` is its memory."""
        before = used()
        if before < self._level + GROWN_BYTES:
            return
        trim(0)
        self._level = used()
        log.debug("memory: %d MB, %d MB before what was free went back", self._level >> 20, before >> 20)


def used_bytes() -> int:
    """The memory that this process has from the system now."""
    return int(psutil.Process().memory_info().rss)


def glibc_trim() -> Callable[[int], int] | None:
    """glibc's `malloc_trim`, which gives free pages of every arena back; None with another C library."""
    try:
        trim: Callable[[int], int] = ctypes.CDLL(None).malloc_trim
    except (OSError, TypeError, AttributeError):  # Windows; macOS and musl, which have no such function
        return None
    return trim
