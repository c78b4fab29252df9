"""How evenly exams lie on servers, by the simulation: its bounds, and that it is the same each time."""

from __future__ import annotations

import pytest

from bench.routing import SIZES, Circle, Day, run
from bench.sizing import record_bytes

SERVERS = 20


@pytest.fixture(scope="module")
def days() -> list[Day]:
    return run(SERVERS, 200, days=4)


def test_it_is_ten_thousand_students_in_sixty_exams_and_the_same_each_time(days: list[Day]) -> None:
    assert len(SIZES) == 60
    assert {sum(day.held) for day in days} == {10_000}
    assert run(SERVERS, 200, days=1) == days[:1]


def test_the_loss_of_a_server_moves_its_own_students_and_nobody_else(days: list[Day]) -> None:
    for day in days:
        assert day.moved == day.held
        assert sum(map(day.share_moved, range(SERVERS))) / SERVERS <= 1.5 / SERVERS


def test_no_server_has_several_times_its_share(days: list[Day]) -> None:
    assert sum(day.fullest for day in days) / len(days) < 2.5
    one_key_an_exam = run(SERVERS, 5000, days=4)
    assert sum(day.fullest for day in days) < sum(day.fullest for day in one_key_an_exam)


def test_shares_of_the_circle_are_even_by_the_weight_that_is_deployed() -> None:
    circle = Circle(SERVERS, weight=100)
    found = [0] * SERVERS
    for number in range(20_000):
        found[circle.server_of(f"{number:032x}")] += 1
    assert max(found) < 1.2 * 20_000 / SERVERS


def test_the_sizing_counts_records_as_they_are_stored() -> None:
    check, interval = record_bytes()
    assert 1000 < check < 20_000
    assert 100 < interval < check
