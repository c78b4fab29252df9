"""Stills of one student's shared screen: the newest, and those of the last while, bounded by time and bytes."""

from __future__ import annotations

from collections import deque
from threading import Lock

from basics.readings import Frame

MAX_BYTES = 12 << 20  # of one session; 40 s of a still every 2 s take 4 MB


class ScreenStills:
    """The newest still always stays; older ones go after `keep_s`, or when there are too many bytes. Safe between threads."""

    def __init__(self, keep_s: float, max_bytes: int = MAX_BYTES) -> None:
        self._keep_s = keep_s
        self._max_bytes = max_bytes
        self._stills: deque[Frame] = deque()
        self._bytes = 0
        self._lock = Lock()

    def add(self, still: Frame) -> None:
        """Keep one still; one that is older than the newest is ignored."""
        with self._lock:
            if self._stills and still.at <= self._stills[-1].at:
                return
            self._stills.append(still)
            self._bytes += len(still.data)
            while len(self._stills) > 1 and (self._stills[0].at < still.at - self._keep_s or self._bytes > self._max_bytes):
                self._bytes -= len(self._stills.popleft().data)

    def clear(self) -> None:
        """Let go of all of them."""
        with self._lock:
            self._stills.clear()
            self._bytes = 0

    def newest(self) -> Frame | None:
        """The newest still."""
        with self._lock:
            return self._stills[-1] if self._stills else None

    def between(self, start: float, end: float) -> list[Frame]:
        """What is kept of `[start, end)`."""
        with self._lock:
            return [still for still in self._stills if start <= still.at < end]
