"""Where students wait who would begin when as many exams run as the server watches: who came first begins first. Knows no session."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from basics.errors import TooMany
from basics.texts import _

WAITING_MAX = 10_000  # places
FRESH_S = 90.0  # who has not asked for so long lets the others go first: a hidden page asks once a minute,
KEPT_S = 600.0  # and whose page was lost finds the same place within this
GRANTED_S = 60.0  # whose turn it is begins within this, or goes to the end
PACE_S = 900.0  # how long one waits is told by those who began within this
ASK_S = (2.0, 10.0)  # the pause until a page asks again: at the front, and far behind
FRONT = 20  # places


@dataclass(slots=True)
class _Place:
    last: bool
    came: float
    seen: float


@dataclass(frozen=True, slots=True)
class Standing:
    """Where somebody stands: `position` 1 is next, 0 may begin now. `wait_s` is about how long that takes, None where nobody can tell."""

    position: int
    wait_s: float | None = None
    again_s: float = 0.0


class WaitingRoom:
    """Safe between threads. Whoever asks has a place, in the order of the first asking, for as long as they go on asking."""

    def __init__(self, clock: Callable[[], float], most: int = WAITING_MAX) -> None:
        self._clock = clock
        self._most = most
        self._lock = threading.Lock()
        self._places: dict[str, _Place] = {}  # in the order of their coming
        self._granted: dict[str, tuple[bool, float]] = {}  # whose turn it is: are they `last`, and until when
        self._began: deque[float] = deque(maxlen=500)
        self._cleaned_at = clock()

    def ask(self, key: str, room: Callable[[], int], *, last: bool = False) -> Standing:
        """May `key` begin now? Else it waits. `room` tells how many more may than have begun; those who are `last` take no place of the others.

        Raise `TooMany` where all places are taken.
        """
        with self._lock:
            now = self._clock()
            self._clean(now)
            if key in self._granted and self._granted[key][1] > now:
                return Standing(0)
            place = self._places.get(key)
            if place is None:
                if len(self._places) >= self._most:
                    raise TooMany(_("As many students wait as may. Try again in a minute."), retry_after_s=60)
                place = self._places[key] = _Place(last, now, now)
            place.seen, place.last = now, last
            ahead, free = self._ahead(key, now, last=last), room() - self._taken(now, last=last)
            if ahead < free:
                del self._places[key]
                self._granted[key] = (last, now + GRANTED_S)
                self._began.append(now)
                return Standing(0)
            position = ahead - max(0, free) + 1
            return Standing(position, self._wait(position, now), ASK_S[0] if position <= FRONT else ASK_S[1])

    def _ahead(self, key: str, now: float, *, last: bool) -> int:
        """How many wait before `key`."""
        count = 0
        for other, place in self._places.items():
            if other == key:
                break
            count += now - place.seen <= FRESH_S and (last or not place.last)
        return count

    def _taken(self, now: float, *, last: bool) -> int:
        """How many may begin and have not yet."""
        return sum(until > now and (last or not is_last) for is_last, until in self._granted.values())

    def _wait(self, position: int, now: float) -> float | None:
        began = [at for at in self._began if now - at <= PACE_S]
        return position * (now - began[0]) / (len(began) - 1) if len(began) > 1 else None

    def _clean(self, now: float) -> None:
        if now - self._cleaned_at < 1.0:
            return
        self._cleaned_at = now
        for key in [key for key, place in self._places.items() if now - place.seen > KEPT_S]:
            del self._places[key]
        for key in [key for key, (_last, until) in self._granted.items() if until <= now]:
            del self._granted[key]

    def leave(self, key: str) -> None:
        """It has begun, or will not."""
        with self._lock:
            self._places.pop(key, None)
            self._granted.pop(key, None)

    def spare(self, room: int) -> int:
        """Of so many who may begin, those whose place nobody has or waits for."""
        with self._lock:
            now = self._clock()
            self._clean(now)
            return max(0, room - self._taken(now, last=True) - len(self._places))

    def figures(self) -> tuple[int, float]:
        """How many wait, and for how many seconds the first of them has."""
        with self._lock:
            now = self._clock()
            self._clean(now)
            return len(self._places), max((now - place.came for place in self._places.values()), default=0.0)
