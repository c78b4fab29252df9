"""Which of a session's intervals other systems know to be flagged, and how each stood when they were told."""

from __future__ import annotations

from collections import Counter
from typing import Any

from basics.readings import IntervalResult
from basics.times import utc_now
from storage.marks import Mark

KINDS_MOST = 20  # of violations that one event names


class ToldIntervals:
    """For one session; its owner has the lock. A flag is told at once, and what its interval came to when it is closed."""

    def __init__(self) -> None:
        self._told: dict[int, tuple[int | None, bool]] = {}  # by number: points, None where they are not known, and whether it was flagged
        self._keys: Counter[str] = Counter()

    def take_up(self, index: int, score: object, *, flagged: bool, closed: bool) -> None:
        """An interval was stored so before, and so with its mark."""
        if flagged or index in self._told:
            self._told[index] = score if closed and isinstance(score, int) else None, flagged

    def mark(self, result: IntervalResult) -> dict[str, Any]:
        """The mark that goes into the write of this result; empty where there is nothing to tell."""
        before, now = self._told.get(result.index, (None, False)), (result.score, result.flagged)
        is_turned = before[1] != result.flagged
        if not is_turned and (result.index not in self._told or not result.closed or before == now):
            return {}
        self._told[result.index] = now
        kind, at = "flagged" if is_turned and result.flagged else "revised", utc_now()
        kinds = list(dict.fromkeys(str(violation.kind) for violation in result.violations))[:KINDS_MOST]
        said = {"index": result.index, "score": result.score, "flagged": result.flagged, "revision": result.revision, "kinds": kinds}
        return Mark(self._key(kind, result), f"interval.{kind}", at, said).fields()

    def _key(self, kind: str, result: IntervalResult) -> str:
        """The same at a server that takes the session up without knowing that this one told of it: of one fact nobody is told under two ids."""
        key = f"{kind}_{result.revision}" if kind == "flagged" else f"{kind}_{result.revision}_{result.score}"
        self._keys[f"{result.index} {key}"] += 1
        times = self._keys[f"{result.index} {key}"]
        return key if times == 1 else f"{key}_again_{times}"
