"""How much of an exam could not be told, and why: seconds of gaze, people and sound. It is said beside the points and never counts one."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any, Literal

from basics.readings import AudioReading, GazeReading, PersonsReading

log = logging.getLogger(__name__)

Part = Literal["gaze", "people", "sound"]
PARTS: tuple[Part, ...] = ("gaze", "people", "sound")

SPEAKS_S: Mapping[Part, float] = {"gaze": 2.0, "people": 5.0}
"""For how many seconds at most one reading speaks: until the next one, which may come late."""
REASONS_KEPT = 8  # of each part; the rest is summed as `other`
OTHER = "other"
LEAST_S = 0.05
PREFIXES: Mapping[str, Part] = {"persons: ": "people", "sound: ": "sound"}  # of the reasons for which there was nothing to read


class Unread:
    """Sums of one session, or of one check. Not safe between threads."""

    def __init__(self) -> None:
        self._of: dict[Part, float] = dict.fromkeys(PARTS, 0.0)
        self._reasons: dict[Part, dict[str, float]] = {part: {} for part in PARTS}
        self._last: dict[Part, float] = {}

    def take(self, reading: GazeReading | PersonsReading | AudioReading) -> None:
        """Count one reading; those of a kind come in order."""
        if isinstance(reading, AudioReading):
            if reading.reason != "lost":  # a gap: `take_unseen` has it
                self._add("sound", reading.duration, reading.reason)
        elif isinstance(reading, GazeReading):
            self._add("gaze", self._spoke("gaze", reading.at), (reading.reason or "unknown") if reading.direction == "unknown" else "")
        else:
            self._add("people", self._spoke("people", reading.at), (reading.reason or "unknown") if reading.count is None else "")

    def _spoke(self, part: Part, at: float) -> float:
        last = self._last.get(part)
        self._last[part] = at
        return 0.0 if last is None else min(max(0.0, at - last), SPEAKS_S[part])

    def take_unseen(self, seconds: Mapping[str, float]) -> None:
        """Count seconds in which there was nothing to read, by why, as check records have them."""
        for why, passed in seconds.items():
            prefix = next((prefix for prefix in PREFIXES if why.startswith(prefix)), "")
            if prefix or ":" not in why:  # a screen is not read
                self._add(PREFIXES.get(prefix, "gaze"), passed, why.removeprefix(prefix))

    def _add(self, part: Part, seconds: float, reason: str) -> None:
        self._of[part] += seconds
        if reason:
            self._reasons[part][reason] = self._reasons[part].get(reason, 0.0) + seconds

    def take_up(self, stored: Mapping[str, Any]) -> None:
        """Add what `document` gave before the server stopped; a part that can't be read is left out."""
        for part in PARTS:
            try:
                of, reasons = float(stored[part]["of_s"]), {str(why): float(passed) for why, passed in stored[part]["reasons"].items()}
            except (KeyError, TypeError, ValueError, AttributeError):
                log.exception("the seconds of %s that could not be told can't be read, and are left out", part)
                continue
            for why, passed in reasons.items():
                self._add(part, passed, why)
            self._add(part, of - sum(reasons.values()), "")

    def document(self) -> dict[str, Any]:
        """For storage and answers, by part: seconds in which something was to be told (`of_s`), in which nothing could be, and those by reason."""
        return {part: self._part(part) for part in PARTS}

    def _part(self, part: Part) -> dict[str, Any]:
        ranked = sorted(self._reasons[part].items(), key=lambda one: -one[1])
        reasons = {why: round(passed, 1) for why, passed in ranked[:REASONS_KEPT] if passed >= LEAST_S}
        rest = sum(passed for _, passed in ranked[REASONS_KEPT:])
        if rest >= LEAST_S:
            reasons[OTHER] = round(reasons.get(OTHER, 0.0) + rest, 1)
        unread = min(self._of[part], sum(self._reasons[part].values()))
        return {"of_s": round(self._of[part], 1), "unread_s": round(unread, 1), "reasons": reasons}
