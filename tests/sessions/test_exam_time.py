"""When a session's time is over, and what still counts: on a clock of the test's own."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta, timezone
from types import SimpleNamespace
from typing import Any

from basics.readings import ScreenAct
from scoring.breaks import STUDENT, Break
from scoring.exam import ExamDefinition
from scoring.session_exam import SessionExam
from sessions.clock import SessionClock
from sessions.exam_time import DELIVERED_S, OFFLINE_GRACE_S, PROMPT_S, ExamTime
from sessions.time_used import take_off, used_s

NOON = datetime(2026, 6, 1, 12, tzinfo=timezone.utc)


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def time_of(clock: Clock, *, extra_min: float = 0, begun: bool = True, **exam: Any) -> ExamTime:
    definition = ExamDefinition.model_validate({"exam_id": "e", "title": "E", **exam})
    return ExamTime(SessionClock(clock, clock.now, NOON, begun=begun), SessionExam.of("0" * 32, 1, definition, extra_min=extra_min))


def test_time_runs_from_the_students_beginning_and_its_end_stops_the_clock() -> None:
    clock = Clock()
    limit = time_of(clock, length_min=60, extra_min=15)
    assert (limit.left(), limit.ends_at) == (4500, NOON + timedelta(minutes=75))
    clock.now += 4600
    assert (limit.left(), limit.now()) == (0, 4500)


def test_a_proctors_pause_takes_no_time_and_a_break_of_ones_own_does() -> None:
    clock = Clock()
    limit = time_of(clock, length_min=60, closes=NOON + timedelta(minutes=61))
    breaks = [Break(600.0, 900.0, STUDENT), Break(1200.0, None, "Ada", "fire alarm", None)]
    limit.breaks = lambda: breaks
    clock.now += 1200
    assert (limit.left(), limit.since_pause()) == (2400, 0)
    clock.now += 5000
    assert (limit.left(), limit.since_pause(), limit.is_over(connected_for=60)) == (2400, 0, False), "it ends in no pause"
    breaks[1] = replace(breaks[1], end=6200.0)
    clock.now += 2000
    assert (limit.left(), limit.since_pause(), limit.ends) == (400, 2000, 8600)


def test_before_its_student_comes_no_time_runs() -> None:
    limit = time_of(Clock(), length_min=60, begun=False)
    assert (limit.left(), limit.ends_at, limit.is_over(1e9)) == (None, None, False)


def test_who_begins_late_ends_when_the_exam_closes() -> None:
    assert time_of(Clock(), length_min=60, closes=NOON + timedelta(minutes=20)).left() == 1200


def test_an_exam_without_times_never_ends_by_itself() -> None:
    limit = time_of(Clock())
    assert (limit.left(), limit.is_over(1e9), limit.now()) == (None, False, 0)


def test_a_page_that_is_away_has_time_to_bring_what_it_kept() -> None:
    clock = Clock()
    limit = time_of(clock, length_min=1)
    clock.now += 60 + PROMPT_S
    assert limit.is_over(connected_for=60), "whoever is there ends at once"
    assert not limit.is_over(connected_for=0)
    clock.now += 60
    assert not limit.is_over(connected_for=DELIVERED_S - 1), "it has just come back, and delivers"
    assert limit.is_over(connected_for=DELIVERED_S)
    clock.now += OFFLINE_GRACE_S
    assert limit.is_over(connected_for=0), "nobody is waited for without end"


def test_what_was_done_after_the_end_is_acknowledged_and_neither_kept_nor_counted() -> None:
    limit = time_of(Clock(), length_min=1)
    acts = [ScreenAct("late", 60.0, "copy"), ScreenAct("early", 59.9, "copy")]
    assert [act.id for act in limit.in_time(acts)] == ["early"]
    late, early = limit.receipts(acts, ["its ticket"])
    assert (late.done, late.wait(0), early) == (True, True, "its ticket")


def test_whoever_comes_again_after_the_exam_broke_off_has_what_is_left_of_its_length() -> None:
    clock, written = Clock(), list[Any]()
    limit = time_of(clock, length_min=120, extra_min=10, closes=NOON + timedelta(hours=24))
    storage = SimpleNamespace(write=lambda *fields: written.append(fields))
    pause = {"start": 60.0, "end": 660.0, "by": "Ada"}
    own = {"start": 700.0, "end": 900.0, "by": STUDENT}
    left = {"state": "interrupted", "begun": True, "ended_after_s": 3600.0, "breaks": [pause, own], "exam": {"used_s": 600.0}}
    take_off(SimpleNamespace(session_id="s", limit=limit, storage=storage), left)
    assert (limit.left(), limit.exam and limit.exam.times.last) == (7800 - 3600, NOON + timedelta(hours=24, minutes=10))
    ((_collection, _key, stored),) = written
    assert SessionExam.from_dict(stored["exam"]) == limit.exam, "after the server's restart, too"
    changed = limit.with_used(time_of(clock, length_min=90).exam)
    assert changed is not None
    assert changed.times.own_s == 90 * 60 - 3600, "the exam as it is when the student begins"


def test_only_what_broke_off_takes_time_off() -> None:
    assert [used_s({"state": state, "begun": begun, "ended_after_s": 60}) for state, begun in (("ended", True), ("interrupted", False))] == [0, 0]
    assert used_s({"state": "interrupted", "ended_after_s": "?", "breaks": 7, "exam": []}) == 0


def test_whoever_comes_and_does_not_begin_has_no_more_time_at_the_next_coming() -> None:
    for state in ("interrupted", "ended"):
        assert used_s({"state": state, "begun": False, "ended_after_s": 60, "exam": {"used_s": 3000.0}}) == 3000
