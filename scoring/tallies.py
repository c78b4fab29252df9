"""What the scorer keeps of one interval."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from basics.readings import SOUND_KINDS, SoundKind, Violation
from basics.signals import SIGNALS, ViolationKind
from scoring.weights import Weights

EVIDENCE_STRETCHES = 20  # stretches listed in one violation's evidence; more are only counted

MOST = 0.5  # of the speech, from which it is called a whisper's or a loudspeaker's


@dataclass(slots=True)
class Tally:
    """What one interval has: for each kind when it counted, its stretches and the evidence."""

    counted: dict[ViolationKind, list[float]] = field(default_factory=dict)
    stretches: dict[ViolationKind, list[tuple[float, float]]] = field(default_factory=dict)
    evidence: dict[ViolationKind, dict[str, Any]] = field(default_factory=dict)
    speech_s: float = 0.0
    beside_s: dict[SoundKind, float] = field(default_factory=dict)  # seconds of speech that came with another kind of sound
    multiple_s: float = 0.0
    voices: int = 0  # the most that were told apart; 0: none were
    stranger: bool = False  # a voice was heard alone that is not the student's
    eyes_closed: list[tuple[float, float]] = field(default_factory=list)
    closed: bool = False
    revision: int = 0

    def add_stretch(self, kind: ViolationKind, start: float, end: float, gap: float = 0.0) -> None:
        """Add a stretch to those of a kind; it may be told late, and lie before or in others."""
        join(self.stretches.setdefault(kind, []), start, end, gap)

    def violation(self, kind: ViolationKind, weights: Weights, begin: float, end: float) -> Violation:
        """What counts of a kind in this interval, which goes from `begin` to `end`.

        Its stretches are shown in the order of their time, and what of them lies in the interval; `seconds` are all that they were seen for.
        """
        counted = self.counted[kind]
        stretches = self.stretches.get(kind) or [(counted[0], counted[-1])]
        inside = [(min(max(start, begin), end), min(max(stop, begin), end)) for start, stop in stretches]
        evidence = self.evidence.get(kind, {})
        if not SIGNALS[kind].each_time:
            shown = [[round(start, 2), round(stop, 2)] for start, stop in inside[:EVIDENCE_STRETCHES]]
            evidence = {"seconds": round(sum(stop - start for start, stop in stretches), 2), "stretches": shown} | evidence
        return Violation(
            kind=kind,
            start=inside[0][0],
            end=inside[-1][1],
            points=sum(weights.of(kind, at) for at in counted),
            occurrences=len(counted),
            evidence=evidence,
        )

    def flagged_at(self, weights: Weights, threshold: int) -> float | None:
        """The moment in which the sum reached the threshold, told from when each violation counted and so independent of arrival."""
        score = 0
        for at, points in sorted((at, weights.of(kind, at)) for kind, counted in self.counted.items() for at in counted):
            score += points
            if score >= threshold:
                return at
        return None

    def speak(self, seconds: float, beside: Iterable[SoundKind]) -> None:
        """Add speech, and what was heard with it."""
        self.speech_s += seconds
        for kind in beside:
            self.beside_s[kind] = self.beside_s.get(kind, 0.0) + seconds

    def speech_evidence(self, level_dbfs: float) -> dict[str, Any]:
        """What speech rests on. `as`: what most of it was, where that is known; `sounds`: what was heard with it."""
        most = [kind for kind in ("loudspeaker", "whisper") if self.beside_s.get(kind, 0.0) >= MOST * self.speech_s]
        sounds = [kind for kind in SOUND_KINDS if kind in self.beside_s]
        evidence: dict[str, Any] = {"seconds": round(self.speech_s, 2), "level_dbfs": round(level_dbfs, 1)}
        return evidence | ({"as": most[0]} if most else {}) | ({"sounds": sounds} if sounds else {})


def join(stretches: list[tuple[float, float]], start: float, end: float, gap: float = 0.0) -> None:
    """Put a stretch among others, which are in the order of their time and more than `gap` apart; it becomes one with those that are not."""
    first = bisect_left(stretches, start - gap, key=lambda one: one[1])
    last = first
    while last < len(stretches) and stretches[last][0] <= end + gap:
        last += 1
    if first < last:
        start, end = min(start, stretches[first][0]), max(end, stretches[last - 1][1])
    stretches[first:last] = [(start, end)]
