"""How old students' links were when they were cut: where they are cut at one age again and again, what stands in front of the server does it.

Exams go on, since each page comes again within a second or two; but what is seen has a gap each time, and nobody would know why.
"""

from __future__ import annotations

import threading
from collections import OrderedDict, deque
from statistics import median
from typing import Any

from basics.texts import _, ngettext

TIMES = 3  # in a row, at one age: a line that breaks by itself does so at any
ALIKE_S = 2.0  # ages that differ by less are one
LEAST_S = 5.0  # of such an age: younger ones break for another reason
SESSIONS = 2  # of which that is known, before it is told; one alone may be that student's own line
KEPT = 1000  # sessions


class CutLinks:
    """Of each session the last links that ended without a word. Safe between threads."""

    def __init__(self) -> None:
        self._ages: OrderedDict[str, deque[float]] = OrderedDict()
        self._lock = threading.Lock()

    def add(self, session_id: str, age_s: float) -> None:
        """A session's link was cut when it was so old."""
        with self._lock:
            self._ages.setdefault(session_id, deque(maxlen=TIMES)).append(age_s)
            self._ages.move_to_end(session_id)
            while len(self._ages) > KEPT:
                self._ages.popitem(last=False)

    def forget(self, session_id: str) -> None:
        """It ended otherwise."""
        with self._lock:
            self._ages.pop(session_id, None)

    def health(self) -> dict[str, Any]:
        """For `/api/health`."""
        with self._lock:
            ages = [list(kept) for kept in self._ages.values()]
        alike = [median(kept) for kept in ages if len(kept) == TIMES and max(kept) - min(kept) < ALIKE_S and min(kept) >= LEAST_S]
        if len(alike) < SESSIONS:
            return {"state": "ok"}
        reason = ngettext(
            "The connections of %(count)s exam are cut again and again when they are %(seconds)s s old.",
            "The connections of %(count)s exams are cut again and again when they are %(seconds)s s old.",
            len(alike),
            seconds=round(median(alike)),
        )
        todo = _(
            "What is in front of this server ends WebSockets by their age: let it keep them for hours (nginx: proxy_read_timeout, HAProxy: timeout "
            "tunnel, a cloud's load balancer: its back end's time-out). Exams go on; each time some seconds are not seen."
        )
        return {"state": "degraded", "reason": reason, "todo": todo}
