"""What one session needs of its exam, as it was when the session began: changing the exam changes no session that runs."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from scoring.exam import ExamDefinition, stored_definition
from scoring.exam_times import ExamTimes, times_of

log = logging.getLogger(__name__)

NOT_THE_SESSIONS = {"teachers", "proctors", "points", "limits"}  # the rules in force are kept beside it


@dataclass(frozen=True, slots=True)
class SessionExam:
    """An exam for one student: its definition, and its times with the student's extra time."""

    key: str
    revision: int
    definition: ExamDefinition
    times: ExamTimes

    @classmethod
    def of(cls, key: str, revision: int, definition: ExamDefinition, *, extra_percent: float = 0.0, extra_min: float = 0.0) -> SessionExam:
        """The exam for a student with this extra time."""
        return cls(key, revision, definition, times_of(definition, extra_percent, extra_min))

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> SessionExam:
        """As `to_dict` gave it."""
        definition, wrong = stored_definition(document)
        if wrong:
            log.error("what a session has of exam %s can't all be read, and holds without: %s", definition.exam_id, ", ".join(wrong))
        times = replace(times_of(definition), extra_s=float(document.get("extra_s") or 0.0), used_s=float(document.get("used_s") or 0.0))
        return cls(document["exam_key"], document["revision"], definition, times)

    def to_dict(self) -> dict[str, Any]:
        """As it is stored with its session."""
        return {
            "exam_key": self.key,
            "revision": self.revision,
            **self.definition.model_dump(exclude=NOT_THE_SESSIONS),
            "extra_s": self.times.extra_s,
            **({"used_s": self.times.used_s} if self.times.used_s else {}),
        }
