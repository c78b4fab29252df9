"""How many pictures a page is asked for: fewer while the server can't read them in time, more again slowly."""

from __future__ import annotations

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
