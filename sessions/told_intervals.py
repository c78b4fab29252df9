"""Which of a session's intervals other systems know to be flagged, and how each stood when they were told."""

from __future__ import annotations

from typing import Any

from basics.readings import IntervalResult
from basics.times import utc_now
from storage.marks import Mark

KINDS_MOST = 20  # of violations that one event names


class ToldIntervals:
    """For one session; its owner has the lock."""

    def __init__(self) -> None:
        self._told: dict[int, tuple[int, bool]] = {}  # by number: revision, and whether it was flagged

    def take_up(self, index: int, revision: int, *, flagged: bool) -> None:
        """An interval was stored so before, and so with its mark."""
        if flagged or index in self._told:
            self._told[index] = revision, flagged

    def mark(self, result: IntervalResult) -> dict[str, Any]:
        """The mark that goes into the write of this result; empty where there is nothing to tell."""
        before, now = self._told.get(result.index), (result.revision, result.flagged)
        if before == now or (before is None and not result.flagged):
            return {}
        self._told[result.index] = now
        is_new = result.flagged and (before is None or not before[1])
        kind, at = "flagged" if is_new else "revised", utc_now()
        kinds = list(dict.fromkeys(str(violation.kind) for violation in result.violations))[:KINDS_MOST]
        said = {"index": result.index, "score": result.score, "flagged": result.flagged, "revision": result.revision, "kinds": kinds}
        return Mark(f"{kind}_{int(at.timestamp() * 1000)}", f"interval.{kind}", at, said).fields()
