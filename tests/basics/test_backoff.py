"""How long is waited after failures, and when it begins anew."""

from __future__ import annotations

import pytest

from basics.backoff import Backoff


def pauses(backoff: Backoff, count: int) -> list[float]:
    return [backoff.pause() for _ in range(count)]


def test_pauses_grow_and_the_last_one_stays() -> None:
    assert pauses(Backoff(0.2, 1.0, 5.0), 5) == [0.2, 1.0, 5.0, 5.0, 5.0]


def test_after_a_success_it_begins_anew() -> None:
    backoff = Backoff(0.2, 1.0, 5.0)
    pauses(backoff, 4)
    backoff.reset()
    assert pauses(backoff, 2) == [0.2, 1.0]


@pytest.mark.parametrize(
    ("first", "most", "expected"),
    [
        (2.0, 20.0, [2.0, 4.0, 8.0, 16.0, 20.0, 20.0]),
        (1.0, 4.0, [1.0, 2.0, 4.0, 4.0]),
        (3.0, 3.0, [3.0, 3.0]),
    ],
)
def test_doubling_ends_at_the_longest_pause(first: float, most: float, expected: list[float]) -> None:
    assert pauses(Backoff.doubling(first, most), len(expected)) == expected


def test_a_hundred_failures_are_no_trouble() -> None:
    assert pauses(Backoff.doubling(0.1, 1.0), 100)[-1] == 1.0
