"""When an exam may be begun, and when a student's time is over. Pure: the time of day comes in."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from scoring.exam import CHANGES, ExamDefinition, State


def state_at(state: State, closes: datetime | None, now: datetime) -> State:
    """The exam's state at `now`: one that is open closes by itself."""
    return "closed" if state == "open" and closes is not None and now >= closes else state


def may_change(state: State, wanted: State) -> bool:
    """May an exam that is in `state` be put in another?"""
    return wanted == state or wanted in CHANGES[state]


@dataclass(frozen=True, slots=True)
class ExamTimes:
    """When one student may begin an exam, and for how long it goes. Seconds; `extra_s` is what the student has beyond the others, `used_s` what
    the student had already of the length, in a session that broke off.
    """

    opens: datetime | None = None
    closes: datetime | None = None
    length_s: float | None = None
    extra_s: float = 0.0
    used_s: float = 0.0

    @property
    def last(self) -> datetime | None:
        """When the student must have ended, however late the student began; None: no time is set."""
        return None if self.closes is None else self.closes + timedelta(seconds=self.extra_s)

    @property
    def own_s(self) -> float | None:
        """The student's own length: with the extra time, without what was used already; None where the exam has no length."""
        return None if self.length_s is None else max(0.0, self.length_s + self.extra_s - self.used_s)

    def is_early(self, now: datetime) -> bool:
        """Has it not opened yet?"""
        return self.opens is not None and now < self.opens

    def is_late(self, now: datetime) -> bool:
        """Has it closed for this student?"""
        return self.last is not None and now >= self.last

    def seconds_from(self, begun: datetime) -> float | None:
        """How long the exam goes for a student who begins at `begun`: what is left of length and extra time, no longer than until it closes."""
        least = [] if self.own_s is None else [self.own_s]
        if self.last is not None:
            least.append(max(0.0, (self.last - begun).total_seconds()))
        return min(least, default=None)


def times_of(exam: ExamDefinition, extra_percent: float = 0.0, extra_min: float = 0.0) -> ExamTimes:
    """The times of an exam for a student with extra time: per cent of its length (or of its whole time, where it has none), and minutes."""
    length_s = None if exam.length_min is None else exam.length_min * 60.0
    span = length_s
    if span is None and exam.opens is not None and exam.closes is not None:
        span = (exam.closes - exam.opens).total_seconds()
    return ExamTimes(exam.opens, exam.closes, length_s, (span or 0.0) * extra_percent / 100 + extra_min * 60)
