"""Stretches of time in which something holds, told picture by picture or look by look; the rules of `score.py` count them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class Stretch:
    """A stretch of one thing seen in pictures, fed with each picture in turn.

    `held` is the time for which it was really seen: time that was unknown is not in it. The opposite for longer than `gap` ends it, and
    so does unknown, or nothing read at all, for longer than `unknown_max`. A picture speaks for at most `credit_max` until the next one:
    at lower rates time is not made up. Pictures may lie `silence_max` apart, where that is longer than `unknown_max`. All in seconds.
    """

    gap: float
    unknown_max: float
    credit_max: float
    silence_max: float = 0.0
    start: float | None = None
    last: float = 0.0
    held: float = 0.0
    against: float = 0.0  # time in it for which the opposite was read
    counted: bool = False
    _known_at: float | None = None
    _opposite_since: float | None = None
    _unknown_since: float | None = None
    _previous: bool | None = None  # the last picture's word, which holds until the next

    def feed(self, at: float, holds: bool | None) -> None:
        """Take one picture's word: it holds, it does not, or nobody can tell (None)."""
        if self._is_long_ago(at):
            self.end()
        if holds is None:
            self._previous = None
            self._unknown_since = at if self._unknown_since is None else self._unknown_since
            if at - self._unknown_since > self.unknown_max:
                self.end()
            return
        credit = min(at - self._known_at, self.credit_max) if self._previous is not None and self._known_at is not None else 0.0
        if self.start is not None:
            self.held += credit if self._previous else 0.0
            self.against += 0.0 if self._previous else credit
        # The opposite was read until now, not only until its last picture: at 4 pictures a second that is a quarter of a second more.
        if self._opposite_since is not None and credit > 0 and at - self._opposite_since > self.gap + 1e-6:
            self.end()
        self._unknown_since = None
        self._previous = holds
        self._known_at = at
        if holds:
            if self.start is None:
                self._begin(at)
            self._opposite_since = None
            self.last = at
        elif self.start is not None:
            self._opposite_since = at if self._opposite_since is None else self._opposite_since
            if at - self._opposite_since > self.gap:
                self.end()
                self._previous = holds

    def _is_long_ago(self, at: float) -> bool:
        """Was the last picture that told something so long ago that nobody knows what was between? Where pictures came that told nothing, sooner."""
        longest = self.unknown_max if self._unknown_since is not None else max(self.unknown_max, self.silence_max)
        return self._known_at is not None and at - self._known_at > longest

    def lasts(self, least: float) -> bool:
        """Did it hold for at least so many seconds, and for more of its time than not? One picture in two near a limit is no stretch."""
        return self.held >= least - 1e-6 and self.held > self.against

    def reach_back(self, start: float, held: float, at: float) -> None:
        """It is known at `at` only that it held from `start` on, for `held` seconds; what was read meanwhile did not speak against it."""
        if self.start is None or self.start > start:
            self.counted = self.counted and self.start is not None
            self.start = start
        self.held, self.against = max(self.held, held), 0.0
        self.last = self._known_at = at
        self._opposite_since = self._unknown_since = None
        self._previous = True

    def held_since(self, since: float, at: float) -> None:
        """It is known at `at` that it held from `since` on. Counts of that what nobody could tell until now."""
        if self.start is not None and self._known_at is not None and self._unknown_since is not None and self._unknown_since >= since:
            self.held += at - max(since, self._known_at)

    def _begin(self, at: float) -> None:
        self.start, self.held, self.against, self.counted = at, 0.0, 0.0, False

    def end(self) -> None:
        """End the stretch: what comes next is a new one."""
        self.start = None
        self._opposite_since = None
        self._previous = None

    def begin_interval(self, begin: float, *, anew: bool = False) -> None:
        """A new interval: a stretch that has counted (`anew`: any) and goes on must hold for its least duration again to count in it."""
        if self.start is None or not (self.counted or anew):
            return
        if self._known_at is None or self._is_long_ago(begin):
            self.end()
            return
        self._begin(begin)
        self._known_at = max(self._known_at, begin)


@dataclass(slots=True)
class Looks:
    """A run of looks that show the same thing: two persons or more, or a phone. `end_looks` opposite ones running end the stretch.

    Unknown for longer than `unknown_max` seconds ends it, too.
    """

    unknown_max: float
    end_looks: int
    start: float | None = None
    run_start: float = 0.0
    run: int = 0
    last: float = 0.0
    opposite: int = 0
    counted: bool = False
    _unknown_since: float | None = None
    _fed_at: float | None = None

    def feed(self, at: float, holds: bool | None, silence_max: float) -> None:
        """Take one look's word, as `Stretch.feed`. Without any look for `silence_max` seconds, as over a lost connection, the run is over."""
        if self._fed_at is not None and at - self._fed_at > silence_max:
            self.end()
            self._unknown_since = None
        self._fed_at = at
        if holds is None:
            self._unknown_since = at if self._unknown_since is None else self._unknown_since
            if at - self._unknown_since > self.unknown_max:
                self.end()
            return
        self._unknown_since = None
        if not holds:
            self.run = 0
            self.opposite += 1
            if self.opposite >= self.end_looks:
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
        """A new interval: a run that has counted (`anew`: any) must be seen anew to count in it."""
        if self.counted or anew:
            self.end()
