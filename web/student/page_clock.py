"""The student's page has a clock of its own: its times are told on the session's clock by the answers to `clock` messages.

A page's clock may stand still while its computer sleeps, be set, or be another one after a reload or in another tab. What was done before is told by
what the clock was worth then, as long as the session lasts, over all its connections.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import inf
from typing import Any, Protocol

log = logging.getLogger(__name__)

STEP_S = 0.5  # beyond what two round trips leave open: no clock drifts so far while they are kept
RUNS = 8  # newest stretches between two steps that are remembered of one clock
CLOCKS = 16  # newest clocks that are remembered of one session


class Clock(Protocol):
    """Tells a time of a page in seconds on the session's clock."""

    def at(self, page_ms: float) -> float: ...


@dataclass(slots=True)
class _Run:
    """The clock from one step to the next."""

    from_ms: float  # on the page's clock
    until: float  # on the session's: when the next run was noticed
    trips: deque[tuple[float, float]]  # (round trip, page − session) in s

    @property
    def offset(self) -> float:
        return min(self.trips)[1]


class PageClock:
    """Maps one clock of a page to the session's, by the round trip with the smallest delay among the newest ones since its last step.

    The method is Cristian's (Probabilistic clock synchronization, 1989): the error is at most half the round trip.
    """

    def __init__(self, newest: int = 20) -> None:
        self._newest = newest
        self._runs: deque[_Run] = deque(maxlen=RUNS)

    @property
    def known(self) -> bool:
        """Has there been a round trip?"""
        return bool(self._runs)

    def add(self, sent: float, page_ms: float, received: float) -> bool:
        """Take one round trip: `sent` and `received` in s on the session's clock, the page's answer in ms on its own. True where it has stepped."""
        trip, offset = received - sent, page_ms / 1000 - (sent + received) / 2
        stepped = False
        if self._runs:
            least, before = min(self._runs[-1].trips)
            stepped = abs(offset - before) > (least + trip) / 2 + STEP_S
        if stepped:
            self._runs[-1].until = sent
        if stepped or not self._runs:
            self._runs.append(_Run(page_ms, inf, deque(maxlen=self._newest)))
        self._runs[-1].trips.append((trip, offset))
        return stepped

    def now(self, page_ms: float) -> float:
        """A time of the page as its clock runs now, in seconds on the session's clock."""
        return page_ms / 1000 - (self._runs[-1].offset if self._runs else 0.0)

    def at(self, page_ms: float, latest: float = inf) -> float:
        """The same of something that was done before `latest`, perhaps before the clock last stood still or was set."""
        for run in reversed(self._runs):
            at = page_ms / 1000 - run.offset
            if page_ms >= run.from_ms and at <= min(latest, run.until + STEP_S):
                return at
        return self._before_all(page_ms, latest)

    def document(self) -> list[list[float | None]]:
        """Its runs as they are stored: begin in ms on the page's clock, end in s on the session's (None: it goes on), round trip and offset in s."""
        return [[run.from_ms, None if run.until == inf else run.until, *min(run.trips)] for run in self._runs]

    @classmethod
    def of_document(cls, document: Iterable[Sequence[float | None]]) -> PageClock:
        """The clock again, as an earlier run of the server knew it. Raise `TypeError`, `ValueError`."""
        clock = cls()
        for from_ms, until, trip, offset in document:
            trips = deque([(float(trip or 0.0), float(offset or 0.0))], maxlen=clock._newest)
            clock._runs.append(_Run(float(from_ms or 0.0), inf if until is None else float(until), trips))
        return clock

    def _before_all(self, page_ms: float, latest: float) -> float:
        """A time that lies in no run: the first may have begun before its first round trip."""
        first = page_ms / 1000 - self._runs[0].offset if self._runs else inf
        return first if first <= latest < inf else self.now(page_ms)


class PageClocks:
    """Every clock by which pages of one session told their times, by the names that the pages give them."""

    def __init__(self, stored: Iterable[Mapping[str, Any]] = (), store: Callable[[list[dict[str, Any]]], object] | None = None) -> None:
        """`stored` is what `store` was given by an earlier run of the server; what can't be read of it is left out."""
        self._store = store
        self._clocks: dict[str, PageClock] = {}
        for one in stored:
            try:
                self._clocks[str(one["name"])] = PageClock.of_document(one["runs"])
            except (KeyError, TypeError, ValueError) as error:
                log.warning("a stored clock of a page can't be read: %s", error)

    def keep(self) -> None:
        """Store what they are worth: acts that come after the server's next start may be told by them."""
        if self._store is not None:
            self._store([{"name": name, "runs": clock.document()} for name, clock in self._clocks.items() if clock.known])

    def named(self, name: str) -> PageClock:
        """The clock of this name; a new one where it is not known."""
        clock = self._clocks.pop(name, None) or PageClock()
        self._clocks[name] = clock  # the newest last
        while len(self._clocks) > CLOCKS:
            del self._clocks[next(iter(self._clocks))]
        return clock

    def find(self, name: str) -> PageClock | None:
        """The same, None where it is not known."""
        return self._clocks.get(name)
