"""The C library's heap, set up for a server of many threads: with glibc's own choices the process grows with every session that comes and goes.

A session's pictures and sound are taken by one thread and let go by another. glibc gives threads an arena of their own, up to eight a core, and
learns from large pieces that are freed to keep larger ones: what is free then lies between what isn't, and stays with the process, unless it is
asked now and then to give whole pages of it back.

What is taken from the system and given back with every picture costs more than some models: the system clears each page of it anew. So pictures and
models' inputs lie in the arenas, too, which keep a little of what is free at their ends; what lies between is given back every `TRIM_EVERY_S`.

A session's parts know each other, so when it has ended only Python's search for such circles lets go of them. By itself Python searches once there
are a quarter more objects than last time: beside the program's own 200,000 some hundred ended sessions lie about until then, and the search goes
through all of these and stops everything for a third of a second. So those that are there from the start are left out of it, and it is made often.
"""

from __future__ import annotations

import ctypes
import gc
from collections.abc import Callable

from basics.regularly import Regularly

ARENAS = 2  # one of Python's threads runs at a time, and the models' own seldom take memory while they compute
LARGE_BYTES = 2 << 20  # such a piece comes from the system and goes back to it whole; a decoded picture of 640×480 has half of it
FREE_BYTES = 4 << 20  # that an arena keeps at its end
TRIM_EVERY_S = 20.0  # some milliseconds each time
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD, _M_ARENA_MAX = -1, -3, -8  # malloc.h


def settle_heap() -> bool:
    """Set it up; False with another C library, which is left as it is. Call it before threads begin: those that have an arena keep it."""
    try:
        libc = ctypes.CDLL(None)
        trim, mallopt = libc.malloc_trim, libc.mallopt  # only glibc has the first
    except (OSError, TypeError, AttributeError):  # Windows; macOS and musl
        return False
    wanted = ((_M_ARENA_MAX, ARENAS), (_M_MMAP_THRESHOLD, LARGE_BYTES), (_M_TRIM_THRESHOLD, FREE_BYTES))
    settled = all(bool(mallopt(what, value)) for what, value in wanted)
    trim(0)
    return settled


class HeapTrim:
    """Lets go of what has ended, and gives free pages back to the system, every `TRIM_EVERY_S`, in a thread of its own. Start it last."""

    def __init__(self, every_s: float = TRIM_EVERY_S) -> None:
        self._trimming = Regularly("heap-trim", every_s, self._trim)
        self._give_back = _malloc_trim()

    def start(self) -> None:
        """Begin; what is there now stays."""
        gc.freeze()
        self._trimming.start()

    def stop(self) -> None:
        """End."""
        self._trimming.stop()
        gc.unfreeze()

    def _trim(self) -> None:
        gc.collect()
        if self._give_back is not None:
            self._give_back(0)


def _malloc_trim() -> Callable[[int], int] | None:
    """Of glibc; None with another C library."""
    try:
        return ctypes.CDLL(None).malloc_trim
    except (OSError, TypeError, AttributeError):
        return None
