"""The time that a student had already, who comes again to an exam that broke off: the new session has no more than what is left of the length.

Who stays away for an hour has no more time than who stays away for less. What a proctor's pauses took, and an outage of the server, doesn't count.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Protocol

from scoring.breaks import STUDENT
from sessions.exam_time import ExamTime


class Storage(Protocol):
    """Where a session's record is stored."""

    def write(self, collection: str, key: str, fields: dict[str, Any]) -> object: ...


class Beginning(Protocol):
    """A session that its student has not begun."""

    @property
    def session_id(self) -> str: ...

    @property
    def limit(self) -> ExamTime: ...

    @property
    def storage(self) -> Storage: ...


def take_off(session: Beginning, latest: Mapping[str, Any] | None) -> None:
    """Leave a new session what its student's `latest` one, which broke off, left of the exam's length."""
    used = used_s(latest)
    exam = session.limit.exam if used else None
    if exam is not None and exam.times.length_s is not None:
        session.limit.exam = replace(exam, times=replace(exam.times, used_s=used))
        session.storage.write("sessions", session.session_id, session.limit.document())


def used_s(latest: Mapping[str, Any] | None) -> float:
    """Seconds of the exam's length that a session used which broke off, with those before it; of one that nobody began those before it alone."""
    begun = latest is not None and latest.get("begun") is not False
    if latest is None or (begun and latest.get("state") != "interrupted"):
        return 0.0
    until, exam = _seconds(latest.get("ended_after_s")), latest.get("exam")
    earlier = _seconds(exam.get("used_s")) if isinstance(exam, Mapping) else 0.0
    if not begun:
        return earlier
    stored = latest.get("breaks")
    pauses = [one for one in stored if isinstance(one, Mapping) and one.get("by") != STUDENT] if isinstance(stored, list) else []
    paused = sum(max(0.0, _seconds(one.get("end"), until) - _seconds(one.get("start"))) for one in pauses)
    return earlier + max(0.0, until - paused)


def _seconds(value: object, default: float = 0.0) -> float:
    """A number of a record, which somebody may have written by hand."""
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) and value >= 0 else default
