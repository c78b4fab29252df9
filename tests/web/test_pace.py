"""How many pictures a page is asked for: fewer while the server can't read them in time, more again slowly."""

from __future__ import annotations

from itertools import pairwise

from web.student.pace import FASTER_AFTER_S, LEAST_FPS, Pace


def asked(pace: Pace, start: float, end: float, behind: float | None) -> list[float]:
    """The rates that the page is asked for, looked at ten times a second."""
    return [fps for step in range(round(start * 10), round(end * 10)) if (fps := pace.look(step / 10, behind)) is not None]


def test_a_page_whose_pictures_are_not_read_in_time_is_asked_for_fewer_down_to_the_least() -> None:
    pace = Pace(10)
    assert asked(pace, 0, 4.5, 2.0) == []  # a short rush passes
    assert asked(pace, 4.5, 60, 2.0) == [5, 2.5, LEAST_FPS]


def test_it_is_asked_for_more_once_they_are_read_in_time_for_long() -> None:
    pace = Pace(10)
    asked(pace, 0, 20, 2.0)
    assert pace.fps == LEAST_FPS
    assert asked(pace, 20, 20 + FASTER_AFTER_S, None) == []
    assert asked(pace, 20 + FASTER_AFTER_S, 400, 0.3) == [3, 4.5, 6.8, 10]


def test_pictures_that_wait_for_less_than_they_may_change_nothing() -> None:
    assert asked(Pace(10), 0, 120, 1.0) == []


def test_fewer_pictures_are_asked_for_while_they_cannot_be_read_and_slowly_more_afterwards() -> None:
    pace = Pace(10)
    told = [(now, fps) for now in range(20) if (fps := pace.look(float(now), 3.0 if now >= 2 else 0.1)) is not None]
    assert told == [(6, 5.0), (10, 2.5), (14, 2.0)]
    told = [(now, fps) for now in range(20, 200) if (fps := pace.look(float(now), None)) is not None]
    assert [fps for _, fps in told] == [3.0, 4.5, 6.8, 10]
    assert all(later - sooner >= 30 for (sooner, _), (later, _) in pairwise(told))


def test_a_short_delay_changes_nothing() -> None:
    pace = Pace(10)
    assert all(pace.look(float(now), 3.0 if now % 4 else None) is None for now in range(100))
