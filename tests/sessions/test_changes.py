"""What is different for a student changes while the exam runs: from the next moment on, kept with the session, told to its page."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from basics.errors import Conflict, TooMany
from basics.readings import AudioReading, ScreenAct
from bench.session import FootageClock, Memory
from media.recorder import Recorder
from scoring.accommodations import Accommodation
from scoring.exam import ExamDefinition
from scoring.rules import Rules
from scoring.session_exam import SessionExam
from sessions.changes import CHANGES_MAX, NOTICE_S
from sessions.ends import End
from sessions.events import Event, Events, SessionEvent, Updated
from sessions.identity import Identity
from sessions.models import Models
from sessions.session import ExamSession
from settings.settings import load_settings
from tests.helpers.exam import Page, PlainExam

SETTINGS = load_settings(_env_file=None)
RULES = Rules.from_settings(SETTINGS)
STARTED = datetime(2026, 6, 1, 12, tzinfo=timezone.utc)
ALOUD = Accommodation("student", "exam", reading_aloud=True, note="has a stutter", set_by="Ada")


class Exam:
    """A session of an hour on a clock that the test moves, its records in memory."""

    def __init__(self, folder: Path) -> None:
        self.clock, self.memory, self.events = FootageClock(), Memory(), Events()
        self.recorder = Recorder(folder / "clips", folder / "temp")
        self.told: list[SessionEvent] = []
        for kind in SessionEvent.__subclasses__():
            self.events.subscribe(kind, self.told.append)
        self.exam = SessionExam.of("0" * 32, 1, ExamDefinition.model_validate({"exam_id": "exam", "title": "E", "length_min": 60}))
        self.session = self.make()

    def make(self, accommodation: Accommodation | None = None, **more: Any) -> ExamSession:
        return ExamSession(
            Identity("session", "student", "exam", "browser"),
            rules=accommodation.apply(RULES) if accommodation else RULES,
            settings=SETTINGS,
            models=Models(),
            storage=self.memory,
            recorder=self.recorder,
            events=self.events,
            clock=self.clock,
            started_at=STARTED,
            start=0.0,
            accommodation=accommodation,
            exam=self.exam,
            usual=RULES.points,
            **more,
        )

    @property
    def stored(self) -> dict[str, Any]:
        return self.memory.documents["sessions"]["session"]

    def speak(self, *seconds: int) -> None:
        for at in seconds:
            self.clock.now = max(self.clock.now, at + 1.0)
            self.session.take_audio(AudioReading(at, 1, speech=((at, at + 1.0),)))
            self.session.tick()

    def scores(self) -> list[int]:
        return [interval["score"] for interval in self.session.intervals()]

    def heard(self, kind: type[Event]) -> list[Event]:
        return [event for event in self.told if isinstance(event, kind)]


@pytest.fixture
def exam(tmp_path: Path) -> Iterator[Exam]:
    made = Exam(tmp_path)
    yield made
    made.session.close()


def test_it_holds_from_the_next_moment_on_and_the_record_says_from_when(exam: Exam) -> None:
    exam.speak(1, 2, 3, 31, 32)
    assert exam.session.changes.apply(ALOUD, "Ada")
    exam.speak(*range(34, 70))
    assert exam.scores() == [3, 3, 0]
    began, changed = exam.stored["accommodations"]
    assert (began["at_s"], began["accommodation"], began["points"]["speech"], began["by"]) == (0.0, None, 3, "")
    assert (changed["at_s"], changed["from"], changed["by"]) == (33.0, STARTED + timedelta(seconds=33), "Ada")
    assert (changed["accommodation"]["reading_aloud"], changed["points"]["speech"]) == (True, 0)
    assert exam.stored["accommodation"]["reading_aloud"]
    assert exam.heard(Updated)
    assert exam.session.status().accommodation == ALOUD


def test_taking_it_away_brings_back_the_usual_points_and_nothing_of_before(exam: Exam, tmp_path: Path) -> None:
    exam.session = exam.make(ALOUD)
    exam.speak(*range(10))
    assert exam.session.changes.apply(None, "Ada")
    assert exam.scores() == [0]
    exam.speak(11, 12)
    assert exam.scores() == [3]
    assert [entry["accommodation"] and entry["accommodation"]["set_by"] for entry in exam.stored["accommodations"]] == ["Ada", None]
    watched = [kind for kind, count in RULES.points.items() if count]
    assert exam.session.different() == {"accommodation": None, "watched": watched, "not_asked": []}


def test_what_changes_nothing_is_no_change(exam: Exam) -> None:
    assert exam.session.changes.apply(ALOUD, "Ada")
    told = exam.session.different()
    assert not exam.session.changes.apply(replace(ALOUD, set_by="Bob", break_minutes=9), "Bob")
    assert exam.session.different() is told
    assert len(exam.stored["accommodations"]) == 2


def test_breaks_are_allowed_at_once_and_those_taken_count_among_them(exam: Exam) -> None:
    with pytest.raises(Conflict):
        exam.session.student_break(on=True)
    exam.session.changes.apply(replace(ALOUD, breaks_allowed=2, break_minutes=7), "Ada")
    exam.session.student_break(on=True)
    assert (exam.session.breaks_left(), exam.session.break_seconds_left()) == (1, 420)
    exam.session.changes.apply(replace(ALOUD, breaks_allowed=1, break_minutes=3), "Ada")
    assert (exam.session.on_break, exam.session.breaks_left(), exam.session.break_seconds_left()) == (True, 0, 420)


def test_extra_time_moves_the_end_and_none_comes_without_notice(exam: Exam) -> None:
    exam.clock.now = 3500.0
    assert exam.session.time_left() == 100
    exam.session.changes.apply(replace(ALOUD, extra_percent=25, extra_min=5), "Ada")
    assert exam.session.time_left() == 100 + 900 + 300
    assert exam.stored["ends_at"] == STARTED + timedelta(minutes=80)
    assert exam.stored["exam"]["extra_s"] == 1200
    exam.clock.now = 4000.0
    exam.session.changes.apply(None, "Ada")
    assert exam.session.time_left() == NOTICE_S
    exam.clock.now = 4100.0
    exam.session.changes.apply(ALOUD, "Ada")
    assert exam.session.time_left() == NOTICE_S - 100, "an end that is near already comes no nearer, and no later"


def test_so_many_changes_are_kept_and_no_more(exam: Exam) -> None:
    for number in range(CHANGES_MAX):
        exam.clock.now += 1
        assert exam.session.changes.apply(replace(ALOUD, breaks_allowed=1 + number % 2), "Ada")
    with pytest.raises(TooMany):
        exam.session.changes.apply(ALOUD, "Ada")
    assert len(exam.stored["accommodations"]) == CHANGES_MAX + 1


def test_it_is_taken_up_again_as_it_was(exam: Exam) -> None:
    exam.speak(1, 2)
    exam.session.take_acts([ScreenAct("act-00001", 2.0, "copy")])
    exam.clock.now = 10.0
    exam.session.changes.apply(replace(ALOUD, points={"copy_paste": 1}, breaks_allowed=1), "Ada")
    exam.speak(40, 41)
    exam.session.take_acts([ScreenAct("act-00002", 42.0, "copy")])
    exam.session.checkpoint()
    before = exam.scores()
    assert before == [3 + 5, 1]
    documents = exam.memory.documents
    again = exam.make(replace(ALOUD, points={"copy_paste": 1}, breaks_allowed=1))
    acts = [{"_id": name, **act} for name, act in documents["acts"].items()]
    again.take_up(RULES, list(documents["checks"].values()), (), acts, changes=exam.stored["accommodations"])
    exam.session = again
    assert exam.scores() == before
    assert again.breaks_left() == 1
    assert (again.different() or {})["accommodation"]["reading_aloud"]
    assert again.changes.apply(None, "Ada")
    exam.speak(50, 51)
    assert exam.scores() == [8, 4]


def test_a_damaged_record_of_it_takes_no_session_with_it(exam: Exam) -> None:
    exam.session.changes.apply(ALOUD, "Ada")
    stored: Any = [*exam.stored["accommodations"], {"at_s": "soon"}, {"at_s": 5.0}, None]
    assert len(exam.session.changes.take_up(stored)) == 1


def test_the_students_page_is_told_once_and_again_when_it_comes_back() -> None:
    plain = PlainExam()
    page = Page(plain).come_in()
    page.wait(1)
    assert not page.of_type("different")
    plain.differs = {"accommodation": ALOUD.words(), "watched": ["no_face"]}
    page.wait(2)
    (told,) = page.of_type("different")
    assert told == {"type": "different", "accommodation": ALOUD.words(), "watched": ["no_face"], "breaks_left": 2}
    assert "stutter" not in str(told)
    assert "points" not in told["accommodation"]
    back = Page(plain, now=page.now).come_in()
    back.wait(1)
    assert len(back.of_type("different")) == 1


def test_one_that_comes_as_the_exam_ends_changes_nothing_of_what_is_sealed(exam: Exam, monkeypatch: pytest.MonkeyPatch) -> None:
    exam.speak(1, 2, 3)
    change = exam.session._book.change_weights

    def ends_first(*args: Any) -> Any:
        exam.session.end_at(10.0, "ended", End("student"))
        return change(*args)

    monkeypatch.setattr(exam.session._book, "change_weights", ends_first)
    assert not exam.session.changes.apply(ALOUD, "Ada")
    assert exam.session.accommodation is None
    assert exam.session.changes.history == ()
    assert "accommodations" not in exam.stored
    assert not exam.stored.get("accommodation")
