"""How long one session's exam goes: when its time is over, on the session's own clock, and what came in time.

The clock is monotonic and goes on over the server's starts, so that no setting of the machine's clock takes or gives a minute.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from basics.readings import ScreenAct
from scoring.breaks import STUDENT, Break
from scoring.session_exam import SessionExam
from sessions.clock import SessionClock

PROMPT_S = 2.0  # what a connected page did before the end has come in by then
DELIVERED_S = 5.0  # a page that came back has delivered by then what it kept while nobody heard it
OFFLINE_GRACE_S = 300.0  # for so long after the end a page that is away may come back with that


class TooLate:
    """The receipt of an act that was done after the end: it is acknowledged, and neither kept nor counted."""

    done = True

    def wait(self, timeout: float | None = None) -> bool:
        """Nothing waits."""
        return True


class ExamTime:
    """The time of one session. Safe between threads: what changes is one name."""

    def __init__(self, clock: SessionClock, exam: SessionExam | None) -> None:
        self._clock = clock
        self.exam = exam
        self.breaks: Callable[[], Sequence[Break]] = tuple

    def with_used(self, exam: SessionExam | None) -> SessionExam | None:
        """The exam as it is now, for the same student: what was used of its length stays used."""
        used = self.exam.times.used_s if self.exam is not None else 0.0
        return replace(exam, times=replace(exam.times, used_s=used)) if exam is not None and used else exam

    @property
    def ends(self) -> float:
        """When the time is over, in seconds on the session's clock; infinity where no time is set, or none runs yet.

        What a proctor's pauses took the student has beyond it. A break of the student's own is the student's time.
        """
        if self.exam is None or not self._clock.begun:
            return math.inf
        seconds = self.exam.times.seconds_from(self._clock.started_at)
        if seconds is None:
            return math.inf
        now = self._clock.now()
        return seconds + sum(max(0.0, min(one.until, now) - one.start) for one in self._pauses())

    def _pauses(self) -> Iterator[Break]:
        return (one for one in self.breaks() if one.by != STUDENT)

    def since_pause(self) -> float:
        """For how many seconds no pause of a proctor's has been on: 0 while one is, infinity where there was none."""
        now = self._clock.now()
        return min((max(0.0, now - one.until) for one in self._pauses()), default=math.inf)

    @property
    def ends_at(self) -> datetime | None:
        """The same as a time of day, in UTC; None where no time is set."""
        return None if math.isinf(self.ends) else self._clock.wall(self.ends)

    def now(self) -> float:
        """The session's clock, which the end stops."""
        return min(self._clock.now(), self.ends)

    def left(self) -> float | None:
        """Seconds until the end, 0 after it; None where no time is set."""
        return None if math.isinf(self.ends) else max(0.0, self.ends - self._clock.now())

    def is_over(self, connected_for: float) -> bool:
        """Is the exam to be ended? Its page has been connected for so many seconds, 0: it is away and may still bring what it kept."""
        past = self._clock.now() - self.ends
        return past >= OFFLINE_GRACE_S or (past >= PROMPT_S and connected_for >= DELIVERED_S)

    @property
    def closes_by_itself(self) -> bool:
        """Is a time set at which the exam closes? So long its student may come."""
        return self.exam is not None and self.exam.times.closes is not None

    def has_closed(self, now: datetime) -> bool:
        """Has the exam closed, so that the student can't begin any more?"""
        return self.exam is not None and self.exam.times.is_late(now)

    def in_time(self, acts: Sequence[ScreenAct]) -> list[ScreenAct]:
        """Those that were done before the end."""
        ends = self.ends
        return [act for act in acts if act.at < ends]

    def receipts(self, acts: Sequence[ScreenAct], tickets: Sequence[Any]) -> list[Any]:
        """One for each act, of which those in time have these tickets."""
        given = dict(zip((act.id for act in self.in_time(acts)), tickets, strict=True))
        return [given.get(act.id) or TooLate() for act in acts]

    def document(self) -> dict[str, Any]:
        """What is stored with the session."""
        return {"exam": self.exam.to_dict() if self.exam else None, "ends_at": self.ends_at}
