"""What the dashboards are told that people did, here and at the other servers on this database."""

from __future__ import annotations

from typing import Any

from cluster.notices import IntervalReviewed, Notice, RosterChanged, SessionTold
from records.exams import Exam
from web.parts import Parts, parts


def tell_roster(exam: Exam | None) -> None:
    """Tell those who watch that the list of this exam is another, whoever changed it: a teacher, or a student by rehearsing; None: there is none."""
    if exam is not None:
        _tell(parts(), "roster_changed", {"exam_id": exam.exam_id, "exam_key": exam.key}, exam.exam_id, RosterChanged(exam.key))


def tell_review(interval: dict[str, Any], review: Any, of: Parts | None = None) -> None:
    """Tell them how an interval stands, now that somebody decided."""
    told = {"session_id": interval["session_id"], "interval": interval["index"], "video_id": interval["_id"], "review": review}
    _tell(of or parts(), "interval_reviewed", told, interval.get("exam_id"), IntervalReviewed(interval["_id"]))


def tell_session(event: str, payload: dict[str, Any], exam_id: str | None, of: Parts | None = None) -> None:
    """Tell them something of the session `session_id`."""
    _tell(of or parts(), event, payload, exam_id, SessionTold(event, payload["session_id"]))


def _tell(of: Parts, event: str, payload: dict[str, Any], exam_id: str | None, notice: Notice) -> None:
    if of.live is not None:
        of.live.announce(event, payload, exam_id)
    of.tell(notice)
