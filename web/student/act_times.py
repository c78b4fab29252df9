"""When acts were done: the page says so, and an act that comes late must lie where the server itself saw nobody."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from basics.errors import InvalidInput
from web.student.arrivals import FUTURE_S, LATE_S
from web.student.page_clock import PageClock
from web.student.said import PageNamed, check, shown

RESENT_S = 60.0  # after the welcome: what a page kept while it was away comes with it
SHIFT_MAX_MS = 1e15  # as any time of a page


def page_name(message: dict[str, Any]) -> str:
    """What a message calls the clock by which it tells its times, which is stored; empty where it says nothing. Raise `InvalidInput`."""
    said, _wrong = check(PageNamed, message)
    if said is None:
        raise InvalidInput(f"the name {shown(message.get('page'))} of a page's clock must be one line of plain text")
    return said.page or ""


def shift_of(message: dict[str, Any]) -> float:
    """By how many ms the clock of a message's acts is behind the one that the page has now, as it says; 0 where it says nothing that can be."""
    shift = message.get("shift_ms")
    return float(shift) if isinstance(shift, (int, float)) and not isinstance(shift, bool) and abs(shift) <= SHIFT_MAX_MS else 0.0


class ActTimes:
    """The times of the acts of one connection. `away_since`: nobody was heard from then until this connection."""

    def __init__(self, away_since: float) -> None:
        self._away_since = away_since
        self._welcomed_at: float | None = None

    def welcomed(self, now: float) -> None:
        """From now on the page sends what it has kept."""
        self._welcomed_at = now

    def by(self, clock: PageClock, now: float, shift_ms: float = 0.0) -> ActClock:
        """Tells the times of acts that arrive `now`, and that were noted by `clock`, or by one that it is `shift_ms` behind."""
        comes_late = self._welcomed_at is None or now - self._welcomed_at <= RESENT_S
        return ActClock(clock, min(self._away_since, now) - LATE_S if comes_late else now - LATE_S, now, shift_ms)


@dataclass(frozen=True, slots=True)
class ActClock:
    """A page's clock for acts that were done from `earliest` to `latest`."""

    clock: PageClock
    earliest: float
    latest: float
    shift_ms: float = 0.0

    def at(self, page_ms: float) -> float:
        """A time of the page in seconds on the session's clock; the newest there can be where the page's can't be true, for its clock was set."""
        told = self.clock.at(page_ms + self.shift_ms, self.latest + FUTURE_S)
        return max(0.0, self.latest if told < self.earliest else min(self.latest, told))
