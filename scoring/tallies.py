"""What the scorer keeps of one interval."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from basics.readings import SOUND_KINDS, SoundKind
from basics.signals import ViolationKind

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
    closed: bool = False
    revision: int = 0

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
