"""The student's page has a clock of its own: its times are told on the session's clock by the answers to `clock` messages."""

from __future__ import annotations

from collections import deque


class PageClock:
    """Maps the page's clock to the session's, by the round trip with the smallest delay among the newest ones.

    The method is Cristian's (Probabilistic clock synchronization, 1989): the error is at most half the round trip.
    """

    def __init__(self, newest: int = 20) -> None:
        self._trips: deque[tuple[float, float]] = deque(maxlen=newest)  # (round trip, page − session) in s
        self._offset = 0.0

    @property
    def known(self) -> bool:
        """Has there been a round trip?"""
        return bool(self._trips)

    def add(self, sent: float, page_ms: float, received: float) -> None:
        """Take one round trip: `sent` and `received` in s on the session's clock, the page's answer in ms on its own."""
        self._trips.append((received - sent, page_ms / 1000 - (sent + received) / 2))
        self._offset = min(self._trips)[1]

    def at(self, page_ms: float) -> float:
        """A time of the page in seconds on the session's clock."""
        return page_ms / 1000 - self._offset
