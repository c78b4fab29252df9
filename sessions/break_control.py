"""One session's breaks as they are begun and ended: who may, from when on they hold, and when they end by themselves."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from basics.errors import Conflict
from basics.texts import _
from scoring.accommodations import Accommodation
from scoring.breaks import STUDENT, Break, BreakBook, covers
from scoring.session_exam import SessionExam

MEDIA_AHEAD_S = 1.0  # media may seem this much newer than now: a page's clock is known to half a round trip


@dataclass(frozen=True, slots=True)
class BreakState:
    """The newest break. `seconds_left` until it ends by itself, None where somebody ends it."""

    on: bool
    start: float
    by: str
    reason: str
    seconds_left: float | None

    def to_dict(self) -> dict[str, Any]:
        """For answers and dashboards."""
        return asdict(self)


class BreakControl:
    """The breaks of one session. Safe between threads; asking takes no lock."""

    def __init__(self, accommodation: Accommodation | None, breaks: Iterable[Mapping[str, Any]] = (), *, exam: SessionExam | None = None) -> None:
        """Take up breaks as `documents` gave them. Of what the student and the exam are allowed the more holds."""
        self.allow(accommodation, exam)
        self._book = BreakBook(breaks)
        self._lock = threading.Lock()

    def allow(self, accommodation: Accommodation | None, exam: SessionExam | None) -> None:
        """Allow so many breaks, those taken among them, from now on; one that is on ends as it would have."""
        own = (accommodation.breaks_allowed, accommodation.break_minutes) if accommodation else (0, 0.0)
        all_have = (exam.definition.breaks_allowed, exam.definition.break_minutes) if exam else (0, 0.0)
        self._allowed = max(own[0], all_have[0])
        self._minutes = max((minutes for count, minutes in (own, all_have) if count), default=0.0)

    @property
    def breaks(self) -> list[Break]:
        """Every break so far, in order."""
        return self._book.breaks

    @property
    def is_on(self) -> bool:
        """Does a break last?"""
        return self._book.current is not None

    def covers(self, at: float) -> bool:
        """Does a break hold the moment `at`?"""
        return covers(self._book.breaks, at)

    def begin(self, now: float, media_until: float, by: str, reason: str, lasting: float | None) -> None:
        """Begin a break, `lasting` so many seconds (None: until somebody ends it). Raise `Conflict` while one is on."""
        # Nothing that came in already may lie in the break: live it may have counted, and a replay would leave it out.
        at = max(now, min(media_until + 1e-3, now + MEDIA_AHEAD_S))
        with self._lock:
            self._book.begin(at, by, reason, None if lasting is None else at + lasting)

    def finish(self, at: float) -> None:
        """End the break that is on. Raise `Conflict` when none is."""
        with self._lock:
            self._book.finish(at)

    def is_over(self, now: float) -> bool:
        """Has the break that is on reached its own end?"""
        return self._book.is_over(now)

    def seconds_left(self, now: float) -> float | None:
        """Seconds until the break that is on ends by itself; None where somebody ends it, or none is on."""
        current = self._book.current
        return None if current is None or current.limit is None else max(0.0, round(current.limit - now, 1))

    def left(self) -> int:
        """How many breaks the student may still take."""
        return max(0, self._allowed - self._book.taken(STUDENT))

    def student_seconds(self) -> float:
        """How long a break that the student takes now may last. Raise `Conflict` where none is left."""
        if not self.left():
            raise Conflict(_("No break is left. Write to the proctor, or ask before the exam."))
        return self._minutes * 60

    def check_student_ends(self) -> None:
        """Raise `Conflict` where the break that is on isn't the student's to end."""
        current = self._book.current
        if current is not None and current.by != STUDENT:
            raise Conflict(_("The proctor has paused the exam, and ends the pause."))

    def newest(self, now: float) -> BreakState | None:
        """The newest break as it stands; None where there was none."""
        if not self._book.breaks:
            return None
        newest = self._book.breaks[-1]
        return BreakState(newest.end is None, newest.start, newest.by, newest.reason, self.seconds_left(now))

    def documents(self) -> list[dict[str, Any]]:
        """For storage and answers."""
        return self._book.documents()
