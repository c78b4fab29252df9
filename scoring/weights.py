"""The points of each kind at each moment of a session: what an accommodation changes meanwhile holds from then on, and nothing before it. Pure."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from basics.signals import ViolationKind


@dataclass(frozen=True, slots=True)
class Reweighing:
    """After `at`, in seconds on the session's clock, each kind has these points."""

    at: float
    points: Mapping[ViolationKind, int]


class Weights:
    """The points of one session: those of its beginning, and what changed them since."""

    def __init__(self, points: Mapping[ViolationKind, int], changes: Iterable[Reweighing] = ()) -> None:
        self._points = [points]
        self._times: list[float] = []
        for change in changes:
            self._times.append(max(change.at, self._times[-1] if self._times else 0.0))
            self._points.append(change.points)

    def of(self, kind: ViolationKind, at: float) -> int:
        """The points of a kind at a moment; 0: it is off."""
        return self._points[bisect_left(self._times, at)].get(kind, 0)

    def counting(self, kind: ViolationKind, start: float, end: float) -> Iterator[tuple[float, float]]:
        """The parts of `[start, end)` in which the kind is not off, in order."""
        begin, first = start, bisect_right(self._times, start)
        for place, time in enumerate([*self._times[first : bisect_right(self._times, end)], end], first):
            if begin < time and self._points[place].get(kind, 0):
                yield begin, time
            begin = max(begin, time)
