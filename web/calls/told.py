"""What the dashboards are told of an exam's list of students, whoever changed it: a teacher, or a student by rehearsing."""

from __future__ import annotations

from records.exams import Exam
from web.parts import parts


def tell_roster(exam: Exam | None) -> None:
    """Tell those who watch that the list of this exam is another; None: there is none."""
    if exam is not None and (live := parts().live) is not None:
        live.announce("roster_changed", {"exam_id": exam.exam_id, "exam_key": exam.key}, exam.exam_id)
