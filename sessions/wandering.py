"""Whether exams wander between the servers: what stands in front then leads their pages now here, now there, instead of each to one server.

An exam that comes here once follows a server that is gone, that drains, or that was away; one that comes again within half an hour wanders.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

from basics.figures import Figure
from basics.texts import ngettext

WITHIN_S = 1800.0
LEAST = 3  # exams that came again: one alone may have had a bad line while servers went
REMEMBERED = 10_000


class Wandering:
    """The exams that came here from other servers of late. Safe between threads."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._came: OrderedDict[str, float] = OrderedDict()  # by session, when it came last
        self._again: OrderedDict[str, float] = OrderedDict()  # those that came again soon, and when
        self._lock = threading.Lock()

    def came(self, session_id: str) -> None:
        """A session came here from another server, or was given up for this one."""
        now = self._clock()
        with self._lock:
            if now - self._came.pop(session_id, -WITHIN_S) < WITHIN_S:
                self._again.pop(session_id, None)
                self._again[session_id] = now
            self._came[session_id] = now
            for kept in (self._came, self._again):
                while len(kept) > REMEMBERED:
                    kept.popitem(last=False)

    def count(self) -> int:
        """How many came again within half an hour."""
        least = self._clock() - WITHIN_S
        with self._lock:
            while self._again and next(iter(self._again.values())) < least:
                self._again.popitem(last=False)
            return len(self._again)

    def health(self) -> dict[str, Any]:
        """`state`, the `reason`, and how many exams are `wandering`."""
        count = self.count()
        told = ngettext(
            "%(count)s exam came here from another server more than once within half an hour: its page is led now here, now there.",
            "%(count)s exams came here from other servers more than once within half an hour: their pages are led now here, now there.",
            count,
        )
        return {"state": "degraded" if count >= LEAST else "ok", "reason": told if count >= LEAST else "", "wandering": count}

    def figures(self) -> list[Figure]:
        """For `/metrics`."""
        return [Figure("sessions_wandering", "Sessions that came here from other servers more than once within half an hour.", self.count())]
