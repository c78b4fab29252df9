"""The C library's heap, set up for a server of many threads: with glibc's own choices the process grows with every session that comes and goes.

A session's pictures and sound are taken by one thread and let go by another. glibc gives threads an arena of their own, up to eight a core, and
learns from large pieces that are freed to keep larger ones: what is free then lies between what isn't, and stays with the process, unless it is
asked now and then to give whole pages of it back.
"""

from __future__ import annotations

import ctypes

from basics.regularly import Regularly

ARENAS = 2  # one of Python's threads runs at a time, and the models' own seldom take memory while they compute
LARGE_BYTES = 256 << 10  # such a piece, a decoded picture above all, comes from the system and goes back to it whole
TRIM_EVERY_S = 20.0  # some milliseconds each time
_M_MMAP_THRESHOLD, _M_ARENA_MAX = -3, -8  # malloc.h


def settle_heap() -> bool:
    """Set it up; False with another C library, which is left as it is. Call it before threads begin: those that have an arena keep it."""
    try:
        libc = ctypes.CDLL(None)
        trim, mallopt = libc.malloc_trim, libc.mallopt  # only glibc has the first
    except (OSError, TypeError, AttributeError):  # Windows; macOS and musl
        return False
    settled = bool(mallopt(_M_ARENA_MAX, ARENAS) and mallopt(_M_MMAP_THRESHOLD, LARGE_BYTES))
    trim(0)
    return settled


class HeapTrim:
    """Gives free pages back to the system every `TRIM_EVERY_S`, in a thread of its own. Does nothing with another C library."""

    def __init__(self, every_s: float = TRIM_EVERY_S) -> None:
        self._every_s = every_s
        self._trimming: Regularly | None = None

    def start(self) -> None:
        """Begin."""
        try:
            trim = ctypes.CDLL(None).malloc_trim
        except (OSError, TypeError, AttributeError):
            return
        self._trimming = Regularly("heap-trim", self._every_s, lambda: trim(0))
        self._trimming.start()

    def stop(self) -> None:
        """End."""
        if self._trimming is not None:
            self._trimming.stop()
