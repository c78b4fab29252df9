"""The page's times on the session's clock."""

from __future__ import annotations

import pytest

from web.student.page_clock import PageClock


def test_nothing_is_known_before_the_first_round_trip() -> None:
    clock = PageClock()
    assert not clock.known
    clock.add(1.0, 500_000, 1.1)
    assert clock.known


def test_the_clock_follows_the_round_trip_with_the_smallest_delay() -> None:
    clock = PageClock()
    clock.add(10.0, 500_000 + 10_900, 11.0)  # 1 s there and back, answered late
    clock.add(20.0, 500_000 + 20_010, 20.02)  # 20 ms
    clock.add(30.0, 500_000 + 30_050, 31.0)
    assert clock.at(500_000 + 42_000) == pytest.approx(42.0, abs=0.011)


def test_an_old_round_trip_is_forgotten_as_clocks_drift() -> None:
    clock = PageClock(newest=3)
    clock.add(0, 0, 0.001)
    for step in range(1, 4):
        clock.add(step * 100, step * 100_100, step * 100 + 0.01)  # the page's clock runs fast
    assert clock.at(300_300) == pytest.approx(300, abs=0.2)
