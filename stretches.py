"""Stretches of time in which something holds, told picture by picture or look by look; the rules of `score.py` count them."""

from __future__ import annotations

from dataclasses import dataclass

UNKNOWN_MAX_S = 3.0  # unknown, or nothing read at all, for longer than this ends a stretch
CREDIT_MAX_S = 1.0  # a picture speaks for at most this long until the next one: at lower rates time is not made up


@dataclass(slots=True)
class Stretch:
    """A stretch of one thing seen in pictures, fed with each picture in turn.

    `held` is the time for which it was really seen: time that was unknown is not in it.
    """

    gap: float
    silence_max: float = UNKNOWN_MAX_S
    start: float | None = None
    last: float = 0.0
    held: float = 0.0
    counted: bool = False
    _known_at: float | None = None
    _opposite_since: float | None = None
    _unknown_since: float | None = None
    _previous_known: bool = False

    def feed(self, at: float, holds: bool | None) -> None:
        """Take one picture's word: it holds, it does not, or nobody can tell (None)."""
        if self._known_at is not None and at - self._known_at > self.silence_max:
            self.end()
        if holds is None:
            self._previous_known = False
            self._unknown_since = at if self._unknown_since is None else self._unknown_since
            if at - self._unknown_since > UNKNOWN_MAX_S:
                self.end()
            return
        credit = min(at - self._known_at, CREDIT_MAX_S) if self._previous_known and self._known_at is not None else 0.0
        self._unknown_since = None
        self._previous_known = True
        self._known_at = at
        if holds:
            self._hold(at, credit)
        elif self.start is not None:
            self._opposite_since = at if self._opposite_since is None else self._opposite_since
            if at - self._opposite_since > self.gap:
                self.end()
            else:
                self.held += credit

    def _hold(self, at: float, credit: float) -> None:
        # The opposite was read until now, not only until its last picture: at 4 pictures a second that is a quarter of a second more.
        if self._opposite_since is not None and credit > 0 and at - self._opposite_since > self.gap + 1e-6:
            self.end()
            self._previous_known = True
        if self.start is None:
            self.start, self.held, self.counted = at, 0.0, False
        else:
            self.held += credit
        self._opposite_since = None
        self.last = at

    def end(self) -> None:
        """End the stretch: what comes next is a new one."""
        self.start = None
        self._opposite_since = None
        self._previous_known = False

    def begin_interval(self, begin: float, *, anew: bool = False) -> None:
        """A new interval: a stretch that has counted (`anew`: any) and goes on must hold for its least duration again to count in it."""
        if self.start is None or not (self.counted or anew):
            return
        if self._known_at is None or begin - self._known_at > self.silence_max:
            self.end()
            return
        self.start, self.held, self.counted = begin, 0.0, False
        self._known_at = max(self._known_at, begin)


@dataclass(slots=True)
class Looks:
    """A run of looks that show the same thing: two persons or more, or a phone. One opposite look is tolerated in a stretch."""

    start: float | None = None
    run_start: float = 0.0
    run: int = 0
    last: float = 0.0
    opposite: int = 0
    counted: bool = False
    _unknown_since: float | None = None

    def feed(self, at: float, holds: bool | None, silence_max: float) -> None:
        """Take one look's word, as `Stretch.feed`."""
        if self.start is not None and at - self.last > silence_max and self._unknown_since is None and self.opposite == 0:
            self.end()
        if holds is None:
            self._unknown_since = at if self._unknown_since is None else self._unknown_since
            if at - self._unknown_since > UNKNOWN_MAX_S:
                self.end()
            return
        self._unknown_since = None
        if not holds:
            self.run = 0
            self.opposite += 1
            if self.opposite > 1:
                self.end()
            return
        if self.start is None:
            self.start, self.run, self.counted = at, 0, False
        if self.run == 0:
            self.run_start = at
        self.run += 1
        self.last, self.opposite = at, 0

    def end(self) -> None:
        """End the stretch: what comes next is a new one."""
        self.start, self.run, self.counted = None, 0, False

    def begin_interval(self, *, anew: bool = False) -> None:
        """A new interval: a run that has counted (`anew`: any) must be seen in two looks again to count in it."""
        if self.counted or anew:
            self.end()
