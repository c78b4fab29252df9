"""As many begin as can be watched; those beyond wait, go on in the order in which they came, and keep their place."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from basics.errors import TooMany
from sessions.capacity import Capacity, Cost, drawn_picture, measure
from sessions.models import Models
from sessions.waiting_room import FRESH_S, GRANTED_S, KEPT_S, WaitingRoom
from settings.settings import load_settings


class Room:
    """A waiting room with a clock, and the exams that run."""

    def __init__(self, limit: int, most: int = 10_000) -> None:
        self.at, self.limit = 0.0, limit
        self.waiting = WaitingRoom(lambda: self.at, most)
        self.running: set[str] = set()
        self.began: list[str] = []

    def ask(self, key: str, **more: Any) -> int:
        return self.waiting.ask(key, lambda: self.limit - len(self.running), **more).position

    def press(self, key: str) -> int:
        """Ask, and begin where that may be."""
        position = self.ask(key)
        if not position:
            self.running.add(key)
            self.began.append(key)
            self.waiting.leave(key)
        return position


def test_two_thousand_who_press_within_a_minute_get_in_in_order() -> None:
    room = Room(1500)
    students = [f"student-{number:04}" for number in range(2000)]
    asks: dict[str, float] = {}
    while len(room.began) < len(students):
        room.at += 1
        for student in students[: int(room.at * 34)]:  # so many have pressed by now
            if student not in room.running and student not in room.began and asks.get(student, 0.0) <= room.at:
                asks[student] = room.at + (2 if room.press(student) <= 20 else 10)
        if room.at >= 60:
            for done in sorted(room.running)[:20]:
                room.running.discard(done)
        assert len(room.running) <= 1500
        assert room.at < 200
    ahead = [max(0, room.began.index(student) - number) for number, student in enumerate(students)]
    assert max(ahead) <= 60  # by as many as begin between two of a page's questions
    assert room.began[:1500] == students[:1500]


def test_a_place_is_told_with_about_how_long_it_takes() -> None:
    room = Room(1)
    assert room.press("a") == 0
    assert [room.press("b"), room.press("c"), room.press("b")] == [1, 2, 1]
    assert room.waiting.ask("c", lambda: 0).wait_s is None  # nobody can tell yet
    room.at = 60
    room.running.clear()
    assert room.press("b") == 0
    assert room.waiting.ask("c", lambda: 0).wait_s == 60
    assert room.waiting.figures() == (1, 60.0)


def test_who_is_silent_lets_others_go_first_and_finds_the_place_again() -> None:
    room = Room(0)
    for student in ("first", "second", "third"):
        room.ask(student)
    room.at = FRESH_S + 1
    assert room.ask("second") == 1
    assert room.ask("first") == 1
    assert room.ask("second") == 2
    room.at += KEPT_S + 1
    assert room.ask("third") == 1  # all others are gone
    assert room.ask("first") == 2


def test_a_turn_that_nobody_takes_passes_on_and_as_many_go_at_once_as_there_is_room_for() -> None:
    room = Room(0)
    for student in ("a", "b", "c"):
        room.ask(student)
    room.limit = 2
    assert (room.ask("b"), room.ask("c"), room.ask("a"), room.ask("d")) == (0, 1, 0, 2)
    room.at = GRANTED_S + 1
    room.limit = 1
    assert room.ask("c") == 0  # nobody came
    assert room.ask("a") > 0


def test_those_of_an_id_alone_take_no_place_of_the_others() -> None:
    room = Room(1)
    assert room.ask("unknown", last=True) == 0
    assert room.ask("linked") == 0
    assert room.ask("another", last=True) > 0


def test_no_more_wait_than_there_are_places_for() -> None:
    room = Room(0, most=2)
    room.ask("a")
    room.ask("b")
    with pytest.raises(TooMany, match="As many students wait as may"):
        room.ask("c")
    assert room.ask("a") == 1


class Workers:
    count = 2
    pictures_a_second: float | None = None


class Session:
    """A session that is read so often a second."""

    def __init__(self, rate: float, *, behind: bool) -> None:
        self.watch_over = self
        self.reading_rate = lambda: (rate, behind)


def capacity(cost: Cost | None = None, pictures: float | None = None, **settings: Any) -> Capacity:
    workers: Any = Workers()
    workers.pictures_a_second = pictures
    made = Capacity(load_settings(_env_file=None, max_sessions=1000, **settings), workers, lambda: 0.0)
    made._cost = cost
    return made


def test_capacity_is_what_is_set_or_what_one_reading_costs() -> None:
    assert capacity().exams(()) == 1000  # nothing is known against it
    assert capacity(capacity=7).exams(()) == 7
    assert capacity(capacity=2000).exams(()) == 1000
    cost = Cost(gaze_s=0.010, look_s=0.060)  # 20 ms a reading, with every sixth a look: 100 a second by two cores
    assert capacity(cost, min_readings_per_s=0.5).exams(()) == pytest.approx(200, abs=1)
    assert capacity(cost, pictures=20.0, min_readings_per_s=0.5).exams(()) == 40  # what is really reached goes before


@pytest.mark.parametrize(
    ("rates", "exams"),
    [
        ([(0.9, False)] * 100, 111),  # all are read as often as wanted: some more will be
        ([(0.8, True)] * 100, 40),  # what the machine can do counts
        ([(0.05, True)] * 30, 30),  # not even those that run: no more come
        ([(0.05, True)] * 3 + [(1.0, False)] * 30, 40),  # those few have another trouble
    ],
)
def test_capacity_follows_what_running_exams_get(rates: list[tuple[float, bool]], exams: int) -> None:
    running: Any = [Session(rate, behind=behind) for rate, behind in rates]
    assert capacity(pictures=40.0, min_readings_per_s=1).exams(running) == exams


def test_a_laden_machine_is_not_taken_for_slower_than_any_is() -> None:
    """Readings of 3 s each, and thirty students who are read twice a minute: by the usual settings two cores take a hundred all the same."""
    thirty: Any = [Session(0.03, behind=True)] * 30
    assert capacity(Cost(gaze_s=3, look_s=3)).exams(()) == 100
    assert capacity(pictures=0.7).exams(thirty) == 100
    assert capacity(pictures=0.7, min_readings_per_s=1).exams(thirty) == 20  # who promises more takes fewer
    assert capacity(pictures=0.7, capacity=5).exams(thirty) == 5


def test_the_drawn_picture_is_the_same_each_time() -> None:
    assert drawn_picture().shape == (480, 640, 3)
    assert (drawn_picture() == drawn_picture()).all()


def test_the_machine_is_measured_with_its_own_models(models_dir: Path) -> None:
    settings = load_settings(_env_file=None, models_dir=models_dir)
    models = Models()
    models.load(settings)
    try:
        cost = measure(models, settings, seconds=0.1)
    finally:
        models.close()
    assert cost.gaze_s > 0
    assert cost.look_s > 0
    assert capacity(cost).readings_a_second == pytest.approx(2 / (cost.gaze_s + cost.look_s / 6))
