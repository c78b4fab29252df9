"""What is counted of intervals, by exam and quarter of an hour, and how counts are stored. Where they are kept says `records.figure_store`."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any

import numpy as np
import numpy.typing as npt

from basics.signals import VIOLATION_KINDS
from basics.stored_fields import is_moment, whole
from database import Document
from records.keep_times import part_of

QUARTER = timedelta(minutes=15)  # no zone's midnight lies within one
MILLISECOND = timedelta(milliseconds=1)
QUARTER_MS = QUARTER // MILLISECOND
STARTED, FLAGS, INTERVALS, RUNNING = range(4)  # the columns of a session's row
SESSION_WIDTH = 4
EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
STATES = ("confirmed", "dismissed", "disputed", "open")  # where a flag stands
LOWS = (1, 5, 10, 15, 20, 30)  # scores from which the bands begin; those without any are not counted
STANDS = slice(1, 1 + len(STATES))
BANDS = slice(1 + len(STATES), 1 + len(STATES) + len(LOWS))
_BEFORE_KINDS = 1 + len(STATES) + len(LOWS)

Counts = npt.NDArray[np.int64]
COUNT = whole(0, 1_000_000_000)


@dataclass(frozen=True, slots=True)
class Layout:
    """Which count stands in which column: flags with points, all flags by state, bands, then of each kind its violations and its flags by state."""

    kinds: tuple[str, ...] = VIOLATION_KINDS

    @property
    def width(self) -> int:
        """Columns."""
        return _BEFORE_KINDS + len(self.kinds) * (1 + len(STATES))

    def of_kind(self, kind: str) -> int:
        """The column of its violations; those behind it are of its flags by state."""
        return _BEFORE_KINDS + self.kinds.index(kind) * (1 + len(STATES))


@dataclass(frozen=True, slots=True)
class Figures:
    """Counts of one exam: a row for each quarter of an hour, which `quarters` numbers from 1970 on."""

    exam_id: str | None
    layout: Layout
    quarters: Counts
    counts: Counts

    def within(self, first: int | None, before: int | None) -> Figures:
        """Those of some quarters: from `first` on and before `before`."""
        inside = _inside(self.quarters, first, before)
        return Figures(self.exam_id, self.layout, self.quarters[inside], self.counts[inside])

    def stands(self) -> dict[str, int]:
        """How many flags stand in each state."""
        return dict(zip(STATES, self.counts[:, STANDS].sum(0).tolist(), strict=True))


@dataclass(frozen=True, slots=True)
class SessionRows:
    """Some sessions of one exam: of each when it started (milliseconds since 1970), its flags and intervals, and whether it runs (1)."""

    exam_id: str | None
    rows: Counts

    @property
    def quarters(self) -> Counts:
        """In which quarter of an hour each started."""
        return self.rows[:, STARTED] // QUARTER_MS

    def within(self, first: int | None, before: int | None) -> SessionRows:
        """Those that started in some quarters: from `first` on and before `before`."""
        return SessionRows(self.exam_id, self.rows[_inside(self.quarters, first, before)])


@dataclass(frozen=True, slots=True)
class Counted:
    """All that is counted of some exams."""

    sessions: Sequence[SessionRows]
    figures: Sequence[Figures]

    def within(self, first: int | None, before: int | None) -> Counted:
        """What lies in some quarters of an hour: from `first` on and before `before`."""
        if first is None and before is None:
            return self
        return Counted([one.within(first, before) for one in self.sessions], [one.within(first, before) for one in self.figures])


def quarter_of(at: datetime) -> int:
    """The quarter of an hour that begins at `at`, or next."""
    return -((EPOCH - at) // QUARTER)


def stacked(figures: Sequence[Figures]) -> Iterator[tuple[Layout, Counts, Counts]]:
    """All counts and their quarters in one piece, of each layout."""
    by_kinds: dict[tuple[str, ...], list[Figures]] = {}
    for one in figures:
        by_kinds.setdefault(one.layout.kinds, []).append(one)
    for kinds, alike in by_kinds.items():
        yield Layout(kinds), np.concatenate([one.counts for one in alike]), np.concatenate([one.quarters for one in alike])


def together(exam_id: str | None, figures: Sequence[Figures]) -> Figures:
    """Figures of one exam as one, each quarter of an hour once."""
    layout = Layout(tuple(dict.fromkeys((*VIOLATION_KINDS, *(kind for one in figures for kind in one.layout.kinds)))))
    quarters = np.unique(np.concatenate([np.zeros(0, np.int64), *(np.asarray(one.quarters, np.int64) for one in figures)]))
    counts = np.zeros((len(quarters), layout.width), np.int64)
    for one in figures:
        kinds = [layout.of_kind(kind) + place for kind in one.layout.kinds for place in range(1 + len(STATES))]
        np.add.at(counts, np.ix_(np.searchsorted(quarters, one.quarters), np.array([*range(_BEFORE_KINDS), *kinds])), one.counts)
    return Figures(exam_id, layout, quarters, counts)


def count(exam_id: str | None, intervals: Iterable[Mapping[str, Any]]) -> Figures:
    """Count intervals of one exam that have points or a flag."""
    rows = [row for row in intervals if is_moment(row.get("started_at"))]
    known = {str(violation.get("kind")): None for row in rows for violation in _violations(row)}
    layout = Layout((*VIOLATION_KINDS, *(kind for kind in known if kind not in VIOLATION_KINDS)))  # a newer version's
    quarters: dict[int, Counts] = {}
    for row in rows:
        quarter = (row["started_at"] - EPOCH) // QUARTER
        if quarter not in quarters:
            quarters[quarter] = np.zeros(layout.width, np.int64)
        _add(quarters[quarter], row, layout)
    counts = np.array(list(quarters.values()), np.int64) if quarters else np.zeros((0, layout.width), np.int64)
    return Figures(exam_id, layout, np.array(list(quarters), np.int64), counts)


def _add(counts: Counts, row: Mapping[str, Any], layout: Layout) -> None:
    score, flagged = row.get("score"), bool(row.get("flagged"))
    state = part_of(row, "review").get("state") or "open"
    stands = STATES.index(state) if state in STATES else None
    if flagged and stands is not None:
        counts[1 + stands] += 1
    if not isinstance(score, int | float) or not score > 0:
        return
    counts[0] += flagged
    counts[1 + len(STATES) + max(0, bisect_right(LOWS, score) - 1)] += 1
    for violation in _violations(row):
        place = layout.of_kind(str(violation.get("kind")))
        occurrences = violation.get("occurrences")
        counts[place] += occurrences if COUNT(occurrences) else 1
        if flagged and stands is not None:
            counts[place + 1 + stands] += 1


def _violations(row: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Those that can be read."""
    found = row.get("violations")
    return [one for one in found if isinstance(one, Mapping)] if isinstance(found, list) else []


def exam_of(row: Mapping[str, Any]) -> str | None:
    """The exam of a session or an interval; where that was damaged it counts as one without an exam."""
    exam_id = row.get("exam_id")
    return exam_id if isinstance(exam_id, str) else None


def session_rows(sessions: Iterable[Mapping[str, Any]]) -> list[SessionRows]:
    """The rows of sessions, by exam."""
    by_exam: dict[str | None, list[tuple[int, int, int, int]]] = {}
    for row in sessions:
        if is_moment(row.get("started_at")):
            running = row.get("state") == "running" and row.get("begun") is not False
            flags, intervals = (row.get(name) if COUNT(row.get(name)) else 0 for name in ("flagged_intervals", "intervals"))
            numbers = ((row["started_at"] - EPOCH) // MILLISECOND, flags or 0, intervals or 0, int(running))
            by_exam.setdefault(exam_of(row), []).append(numbers)
    return [SessionRows(exam_id, np.array(rows, np.int64)) for exam_id, rows in by_exam.items()]


def _inside(quarters: Counts, first: int | None, before: int | None) -> npt.NDArray[np.bool_]:
    inside = np.ones(len(quarters), bool)
    if first is not None:
        inside &= quarters >= first
    if before is not None:
        inside &= quarters < before
    return inside


def stored_figures(figures: Figures) -> Document:
    """As they are stored: the counts as strings of bytes, which are read in no time."""
    return {
        "exam_id": figures.exam_id,
        "kinds": list(figures.layout.kinds),
        "quarters": figures.quarters.astype("<i4").tobytes(),
        "counts": figures.counts.astype("<i4").tobytes(),
    }


def stored_rows(sessions: SessionRows) -> Document:
    """The same of sessions' rows."""
    return {"of_sessions": sessions.rows.astype("<i8").tobytes()}


def kept_sessions(row: Mapping[str, Any]) -> SessionRows:
    """As they were stored."""
    return SessionRows(row.get("exam_id"), np.frombuffer(row["of_sessions"], "<i8").reshape(-1, SESSION_WIDTH).astype(np.int64))


def kept_figures(row: Mapping[str, Any]) -> Figures:
    """As they were stored."""
    layout = Layout(tuple(row["kinds"]))
    quarters = np.frombuffer(row["quarters"], "<i4").astype(np.int64)
    return Figures(row.get("exam_id"), layout, quarters, np.frombuffer(row["counts"], "<i4").astype(np.int64).reshape(len(quarters), layout.width))
