"""Waiting for what comes, never for a time; and ports that nobody has."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Literal, TypeVar

from bench.harness.waiting import free_port

__all__ = ["free_port", "until"]

T = TypeVar("T")

STEP_S = 0.02


def until(condition: Callable[[], T | Literal[False] | None], timeout: float = 60.0, what: str = "it") -> T:
    """Wait until `condition` gives something true, and return that. Raise `AssertionError` that names `what` and the last value."""
    pause = threading.Event()
    for _ in range(max(1, int(timeout / STEP_S))):
        if value := condition():
            return value
        pause.wait(STEP_S)
    raise AssertionError(f"{what} did not come true in {timeout:g} s; last: {condition()!r}")
