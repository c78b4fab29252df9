"""When media were taken: the page says so, and the server's own clock, by which they arrive, bears it out or decides itself.

A page's time counts inside a window before the arrival: a narrow line may hold media up for most of a minute. It does not count where it can't be
true: pictures that come and come and hardly move on in time, a time long before that of the page's own last word, a clock that steps again and again.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping

LATE_S = 60.0  # the longest that media may have been under way
FUTURE_S = 0.5  # media may seem this much newer than now: the page's clock is known to half a round trip
HELD_S = 15.0  # the longest that a page may hold media before it sends them
ODD_S = 5.0  # media that seem so old, or so new, are a reason to ask the page for its clock
LOOK_S = 10.0  # over so many seconds of arrivals the page's time must move on
SPARE_S = 2.0  # of media that may come at one time
TOO_DENSE = 3.0  # times as many as the page was asked for, by its own time
STEPS = 3  # of the clock within STEPS_S are no sleep and no reload
STEPS_S = 60.0
TRUSTED_AGAIN_S = 10.0
SHORTEST_SOUND_S = 0.1  # of one message
KEPT = 600  # arrivals of one kind that are looked at


class Arrivals:
    """The media of one connection, as they arrive. `unsteady`: the page's time can't be true, and each is stamped as it arrives."""

    def __init__(self, fps: float) -> None:
        self.unsteady = False
        self._worth: Mapping[str, float] = {"picture": 1 / fps, "sound": SHORTEST_SOUND_S}
        self._came: dict[str, deque[tuple[float, float]]] = {kind: deque(maxlen=KEPT) for kind in self._worth}  # (arrival, page's time) in s
        self._steps: deque[float] = deque(maxlen=STEPS)
        self._page_s: float | None = None  # the page's clock at its last word
        self._doubted_at = -TRUSTED_AGAIN_S

    def heard_clock(self, page_s: float, now: float, *, stepped: bool) -> None:
        """The page has told what its clock shows; `stepped`: it did not run on since the last time."""
        self._page_s = page_s
        if stepped:
            self._steps.append(now)
            if len(self._steps) == STEPS and now - self._steps[0] <= STEPS_S:
                self._doubted_at = now

    def is_odd(self, told: float, now: float) -> bool:
        """Is a time on the session's clock so far from now that the page's clock may have stood still, or been set?"""
        return not now - ODD_S <= told <= now + ODD_S

    def stamp(self, kind: str, page_s: float, told: float, now: float) -> float:
        """When something that arrives `now` was taken: the page says at `page_s` on its clock, which is `told` on the session's."""
        if self._page_s is not None and page_s < self._page_s - HELD_S:
            self._doubted_at = now
        if kind in self._came and self._stands(kind, page_s, now):
            self._doubted_at = now
        self.unsteady = now - self._doubted_at < TRUSTED_AGAIN_S
        return now if self.unsteady or told < now - LATE_S else min(told, now + FUTURE_S)

    def _stands(self, kind: str, page_s: float, now: float) -> bool:
        """Do more come than can have been taken in the time that the page says has passed?"""
        came = self._came[kind]
        came.append((now, page_s))
        while now - came[0][0] > LOOK_S:
            came.popleft()
        span = max(0.0, max(at for _, at in came) - min(at for _, at in came))
        return len(came) * self._worth[kind] > TOO_DENSE * span + SPARE_S
