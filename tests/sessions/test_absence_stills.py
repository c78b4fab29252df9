"""Of each absence the last picture of somebody before it and the first after it are kept: few, small, hashed, and only where leaving counts."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import Any

import cv2
import numpy as np

from basics.readings import Box, Direction, GazeReading, PersonsReading
from media.pictures import Picture
from sessions.absence_stills import MOST, AbsenceStills
from sessions.analysis import PictureReadings
from sessions.identity import Identity
from tests.helpers.scoring import RULES

IDENTITY = Identity("a" * 32, "zoë", "ethics", "browser")
FACE = Box(10, 10, 40, 40, 1.0)


class Stored:
    """The database, as a session sees it."""

    def __init__(self) -> None:
        self.records: dict[str, dict[str, Any]] = {}

    def write(self, collection: str, document_id: str, fields: dict[str, Any], *, insert_only: bool = False) -> None:
        assert (collection, insert_only) == ("absences", False)
        self.records.setdefault(document_id, {}).update(fields)


class Exam:
    """Four readings a second, a look every two seconds; each picture's grey is its second."""

    def __init__(self) -> None:
        self.stored = Stored()
        self.stills = AbsenceStills(IDENTITY, self.stored)
        self.at = 0.0
        self.rules = RULES

    def go_on(self, seconds: float, count: int | None, direction: Direction = "focused") -> None:
        for _ in range(round(seconds * 4)):
            face = FACE if direction not in ("none", "unknown") else None
            look = PersonsReading(self.at, count, None) if self.at % 2 == 0 else None
            picture = Picture(self.at, np.full((480, 640, 3), int(self.at) % 256, np.uint8))
            self.stills.see(picture, PictureReadings(self.at, GazeReading(self.at, direction, box=face), look), self.rules)
            self.at += 0.25

    @property
    def absences(self) -> list[dict[str, Any]]:
        return list(self.stored.records.values())


def grey(still: dict[str, Any]) -> int:
    image = cv2.imdecode(np.frombuffer(still["image"], np.uint8), cv2.IMREAD_COLOR)
    assert image is not None
    assert image.shape[:2] == (still["height"], still["width"]) == (360, 480)
    assert hashlib.sha256(still["image"]).hexdigest() == still["sha256"]
    assert still["size"] == len(still["image"])
    return round(float(image.mean()))


def test_the_last_picture_before_and_the_first_after_an_absence_are_kept() -> None:
    exam = Exam()
    exam.go_on(10, 1)
    exam.go_on(8, 0, "none")
    (kept,) = exam.absences
    assert (kept["start"], kept["end"], kept["after"]) == (10, None, None), "kept at once: a server that dies has it"
    exam.go_on(1, 1, "unknown")
    exam.go_on(6, 1)
    (kept,) = exam.absences
    assert (kept["why"], kept["end"], kept["session_id"], kept["user_id"], kept["pictures"]) == ("nobody", 18, IDENTITY.session_id, "zoë", True)
    assert 9 <= kept["before"]["at"] < 10
    assert kept["after"]["at"] == 19, "the first in which the face can be read"
    assert [grey(kept[side]) for side in ("before", "after")] == [9, 19]


def test_who_turns_away_or_bends_down_for_long_is_not_away() -> None:
    exam = Exam()
    exam.go_on(10, 1)
    exam.go_on(20, 1, "none")
    exam.go_on(4, 1)
    exam.go_on(2, 0, "none")
    exam.go_on(4, 1)
    assert exam.absences == []


def test_where_nothing_could_be_told_for_ten_seconds_somebody_else_may_have_come() -> None:
    """A covered camera, a break, a lost line."""
    exam = Exam()
    exam.go_on(10, 1)
    exam.go_on(12, None, "unknown")
    exam.go_on(4, 1)
    exam.at += 30
    exam.go_on(4, 1)
    assert [(one["why"], one["end"]) for one in exam.absences] == [("untold", 22), ("untold", 56)]


def test_an_exam_in_which_students_may_leave_keeps_none() -> None:
    exam = Exam()
    exam.rules = replace(RULES, points={**RULES.points, "no_face": 0})
    exam.go_on(10, 1)
    exam.go_on(20, 0, "none")
    exam.go_on(4, 1)
    assert exam.absences == []


def test_one_session_keeps_so_many_and_no_more() -> None:
    exam = Exam()
    for _ in range(MOST + 3):
        exam.go_on(2, 1)
        exam.go_on(8, 0, "none")
    assert len(exam.absences) == MOST


def test_who_never_comes_back_has_one_still() -> None:
    exam = Exam()
    exam.go_on(4, 0, "none")
    exam.go_on(4, 1)
    exam.go_on(8, 0, "none")
    exam.stills.close()
    assert [(one["before"] is None, one["after"] is None, one["end"]) for one in exam.absences] == [(False, True, None)]
