"""Breaks of an exam as data: when they were, who took them, and what lies outside them. Pure; times are seconds on the session's clock."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from basics.errors import Conflict

STUDENT = "student"  # `by` of a break that the student took


@dataclass(frozen=True, slots=True)
class Break:
    """A break from `start` to `end` (None while it lasts). `limit` is when it ends by itself, None: when somebody ends it."""

    start: float
    end: float | None
    by: str
    reason: str = ""
    limit: float | None = None

    @property
    def until(self) -> float:
        """Its end, infinity while it lasts."""
        return math.inf if self.end is None else self.end

    def to_dict(self) -> dict[str, Any]:
        """For storage and answers."""
        return asdict(self)


def covers(breaks: Iterable[Break], at: float) -> bool:
    """Does a break hold the moment `at`?"""
    return any(one.start <= at < one.until for one in breaks)


def touches(breaks: Iterable[Break], start: float, end: float) -> bool:
    """Has a break any part of `[start, end]`?"""
    return any(one.start <= end and one.until > start for one in breaks)


def outside(breaks: Sequence[Break], start: float, end: float) -> Iterator[tuple[float, float]]:
    """The parts of `[start, end)` that no break holds, in order. `breaks` are in the order of their times."""
    begin = start
    for one in breaks:
        if one.until <= begin or one.start >= end:
            continue
        if one.start > begin:
            yield begin, one.start
        begin = max(begin, one.until)
    if begin < end:
        yield begin, end


class BreakBook:
    """The breaks of one session, in order; at most the last of them lasts."""

    def __init__(self, breaks: Iterable[Mapping[str, Any]] = ()) -> None:
        """Take up breaks as `documents` gave them."""
        names = Break.__dataclass_fields__
        self.breaks: list[Break] = [Break(**{name: value for name, value in one.items() if name in names}) for one in breaks]

    @property
    def current(self) -> Break | None:
        """The break that lasts."""
        return self.breaks[-1] if self.breaks and self.breaks[-1].end is None else None

    def begin(self, at: float, by: str, reason: str = "", limit: float | None = None) -> None:
        """Begin a break. Raise `Conflict` while another lasts."""
        if self.current is not None:
            raise Conflict("A break is on already; end it first.")
        earliest = self.breaks[-1].until if self.breaks else 0.0
        self.breaks.append(Break(max(at, earliest), None, by, reason, limit))

    def finish(self, at: float) -> None:
        """End the break that lasts, at its own limit where that has passed. Raise `Conflict` when none does."""
        current = self.current
        if current is None:
            raise Conflict("No break is on.")
        end = at if current.limit is None else min(at, current.limit)
        self.breaks[-1] = replace(current, end=max(end, current.start))

    def is_over(self, now: float) -> bool:
        """Has the break that lasts reached its limit?"""
        current = self.current
        return current is not None and current.limit is not None and now >= current.limit

    def taken(self, by: str) -> int:
        """How many breaks `by` took."""
        return sum(one.by == by for one in self.breaks)

    def documents(self) -> list[dict[str, Any]]:
        """For storage and answers."""
        return [one.to_dict() for one in self.breaks]
