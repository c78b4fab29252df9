"""When acts were done: the page says so, and an act that comes late must lie where the server itself saw nobody."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from web.student.arrivals import FUTURE_S, LATE_S
from web.student.page_clock import PageClock

RESENT_S = 60.0  # after the welcome: what a page kept while it was away comes with it
LONGEST_NAME = 64  # characters


def page_name(message: dict[str, Any]) -> str:
    """What a message calls the clock by which it tells its times; empty where it says nothing."""
    name = message.get("page")
    return name[:LONGEST_NAME] if isinstance(name, str) else ""


class ActTimes:
    """The times of the acts of one connection. `away_since`: nobody was heard from then until this connection."""

    def __init__(self, away_since: float) -> None:
        self._away_since = away_since
        self._welcomed_at: float | None = None

    def welcomed(self, now: float) -> None:
        """From now on the page sends what it has kept."""
        self._welcomed_at = now

    def by(self, clock: PageClock, now: float) -> ActClock:
        """Tells the times of acts that arrive `now`, and that were noted by `clock`."""
        comes_late = self._welcomed_at is None or now - self._welcomed_at <= RESENT_S
        return ActClock(clock, min(self._away_since, now) - LATE_S if comes_late else now - LATE_S, now)


@dataclass(frozen=True, slots=True)
class ActClock:
    """A page's clock for acts that were done from `earliest` to `latest`."""

    clock: PageClock
    earliest: float
    latest: float

    def at(self, page_ms: float) -> float:
        """A time of the page in seconds on the session's clock."""
        return max(0.0, self.earliest, min(self.latest, self.clock.at(page_ms, self.latest + FUTURE_S)))
