"""One session's clock: 0 at its start, monotonic; the wall's time stands beside it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from basics.times import utc_now
from sessions.clock_mark import mark


class SessionClock:
    """Seconds since the start of one session. It stands at 0 until the session has begun."""

    def __init__(self, clock: Callable[[], float], start: float, started_at: datetime, *, begun: bool) -> None:
        """`start` is on `clock`, which is monotonic; `started_at` the same moment in UTC."""
        self._clock = clock
        self._lock = threading.Lock()
        self.start = start
        self.started_at = started_at
        self.begun = begun

    def now(self) -> float:
        """Seconds since the start."""
        return self._clock() - self.start if self.begun else 0.0

    def wall(self, at: float) -> datetime:
        """The UTC time of `at`."""
        return self.started_at + timedelta(seconds=at)

    def mark(self) -> dict[str, Any]:
        """Where it began, as it is stored for the server's next run."""
        return mark(self.start)

    def begin(self) -> bool:
        """Run from now on. False where it runs already."""
        with self._lock:
            if self.begun:
                return False
            self.start, self.started_at = self._clock(), utc_now()
            self.begun = True
            return True
