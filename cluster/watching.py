"""Who of some servers lives, as one tells that has just come: it watches their beats for a moment."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any

LOOK_S = 0.25
STEP_MOST_S = 2.0  # between two looks; for longer this server itself stood still, and knows nothing of the others

Row = Mapping[str, Any]


def beat_of(row: Row) -> tuple[Any, Any]:
    """Moves as long as the server lives."""
    return row.get("run"), row.get("beat")


def first_that_beats(
    rows: Sequence[Row],
    find: Callable[[list[str]], Mapping[str, Row]],
    needed_s: float,
    stopping: threading.Event,
    clock: Callable[[], float],
) -> Row | None:
    """The first of them whose beat moves, or comes back, within `needed_s`; None where all stand still, or are dead. `find` asks for them by name."""
    still, last = 0.0, clock()
    left = {str(row["_id"]): row for row in rows}
    while left and still < needed_s and not stopping.wait(LOOK_S):
        found = find(list(left))
        for name, row in list(left.items()):
            now = found.get(name)
            if now is None or now.get("state") == "dead":
                del left[name]
            elif beat_of(now) != beat_of(row):
                return row
        still, last = still + min(clock() - last, STEP_MOST_S), clock()
    return None
