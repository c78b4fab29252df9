"""The pauses between attempts that fail."""

from __future__ import annotations

from itertools import takewhile


class Backoff:
    """Says how long to wait before the next attempt: longer from one failure to the next up to the last pause, from the first again after `reset`.

    Knows no clock and waits for nothing; one owner calls it at a time.
    """

    def __init__(self, *pauses: float) -> None:
        """`pauses` in seconds; the last is repeated for as long as it takes."""
        self._pauses = pauses
        self._failures = 0

    @classmethod
    def doubling(cls, first: float, most: float) -> Backoff:
        """`first`, twice that, and so on, but never more than `most`."""
        return cls(*takewhile(lambda pause: pause < most, (first * 2**number for number in range(64))), most)

    def pause(self) -> float:
        """Note a failure; the seconds to wait after it."""
        pause = self._pauses[min(self._failures, len(self._pauses) - 1)]
        self._failures += 1
        return pause

    def reset(self) -> None:
        """Note that it works."""
        self._failures = 0
