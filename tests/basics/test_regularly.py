"""What is done every so often."""

from __future__ import annotations

import threading

import pytest

from basics.regularly import Regularly


def test_it_goes_on_after_what_failed_and_says_so(caplog: pytest.LogCaptureFixture) -> None:
    times, twice = [], threading.Event()

    def fail() -> None:
        times.append(1)
        if len(times) == 2:
            twice.set()
        raise ValueError("the disk is gone")

    regularly = Regularly("looks", 0.01, fail)
    regularly.start()
    assert twice.wait(30)
    regularly.stop()
    done = len(times)
    assert "looks failed; it is tried again in 0.01 s" in caplog.text
    assert "the disk is gone" in caplog.text
    assert len(times) == done


def test_what_was_not_started_stops() -> None:
    Regularly("never", 1.0, lambda: None).stop()
