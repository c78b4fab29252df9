"""A thread that does one thing again and again: it is woken, survives what goes wrong, and ends with the turn it is at."""

from __future__ import annotations

import threading

import pytest

from basics.worker import Worker
from tests.helpers.waiting import until


def test_it_takes_turns_is_woken_and_ends() -> None:
    turns: list[int] = []
    worker = Worker("turns", lambda: turns.append(1) or 3600.0)  # type: ignore[func-returns-value]
    assert not worker.is_running
    worker.start()
    until(lambda: len(turns) == 1)
    worker.wake()
    until(lambda: len(turns) == 2)
    worker.stop()
    assert (worker.is_running, worker.is_stopping, len(turns)) == (False, True, 2)


def test_a_turn_that_fails_is_logged_and_not_the_last(caplog: pytest.LogCaptureFixture) -> None:
    again = threading.Event()
    left = [ValueError("no")]

    def work() -> float:
        if left:
            raise left.pop()
        again.set()
        return 3600.0

    worker = Worker("fails", work)
    worker.start()
    until(lambda: "fails failed" in caplog.text)
    worker.wake()
    assert again.wait(60)
    worker.stop()


def test_it_ends_with_the_turn_it_is_at_and_before_the_first() -> None:
    begun, ended = threading.Event(), threading.Event()

    def work() -> float:
        begun.set()
        until(lambda: worker.is_stopping)
        ended.set()
        return 0.0

    worker = Worker("slow", work)
    worker.start()
    assert begun.wait(60)
    worker.stop()
    assert ended.is_set()
    late = Worker("late", work, 3600.0)
    late.start()
    late.stop()
    assert not late.is_running
    Worker("never", work).stop()
