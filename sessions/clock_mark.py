"""Where a session's clock began, kept so that the server's next run finds its time again: the wall's clock may have been set meanwhile."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

BOOT_ID = Path("/proc/sys/kernel/random/boot_id")  # Linux; elsewhere the wall's clock is all there is
JITTER_S = 1.0


@cache
def boot_id() -> str:
    """Names this run of the machine, of which the monotonic clock counts the seconds; empty where that can't be told."""
    try:
        return BOOT_ID.read_text("ascii").strip()
    except (OSError, UnicodeError):
        return ""


def mark(at: float) -> dict[str, Any]:
    """`at` on the monotonic clock, as it is stored."""
    return {"boot": boot_id(), "start": at}


def seconds_since(stored: Mapping[str, Any] | None, at: datetime, *, now: float, wall: datetime, least: float = 0.0) -> float:
    """Seconds since the moment that was stored as `stored` (a `mark`), and as `at` in UTC; `now` is the monotonic clock, `wall` the other.

    Never less than `least`, of which somebody knows: a wall clock that was set back tells nothing.
    """
    if stored and stored.get("boot") and stored["boot"] == boot_id():
        exact = now - float(stored["start"])
        if exact >= least - JITTER_S:  # else the clock was started anew: a container's own
            return max(least, exact)
    return max(least, (wall - at).total_seconds())
