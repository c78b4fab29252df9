"""What the scorer keeps of one interval."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from basics.signals import ViolationKind


@dataclass(slots=True)
class Tally:
    """What one interval has: for each kind when it counted, its stretches and the evidence."""

    counted: dict[ViolationKind, list[float]] = field(default_factory=dict)
    stretches: dict[ViolationKind, list[tuple[float, float]]] = field(default_factory=dict)
    evidence: dict[ViolationKind, dict[str, Any]] = field(default_factory=dict)
    speech_s: float = 0.0
    multiple_s: float = 0.0
    voices: int = 0  # the most that were told apart; 0: none were
    stranger: bool = False  # a voice was heard alone that is not the student's
    closed: bool = False
    revision: int = 0
