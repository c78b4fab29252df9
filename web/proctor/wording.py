"""What people read of a violation: one plain sentence that says what happened, for how long and what it counts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from basics.signals import SIGNALS


def sentence(violation: Mapping[str, Any]) -> str:
    """Say one violation, as stored (`kind`, `start`, `end`, `points`, `occurrences`, `evidence`): "Two people in view for 12 s (+10)"."""
    evidence = violation.get("evidence") or {}
    seconds = evidence.get("seconds")
    if not isinstance(seconds, int | float):
        seconds = float(violation.get("end", 0)) - float(violation.get("start", 0))
    lasting = f" for {duration(seconds)}" if seconds >= 0.05 else ""
    occurrences = int(violation.get("occurrences", 1))
    kind = violation.get("kind", "")
    signal = SIGNALS.get(kind)
    text = signal.say(evidence, lasting, occurrences) if signal else str(kind).replace("_", " ").capitalize() + lasting
    points = violation.get("points", 0)
    return f"{text} (+{points})" if points else text


def with_sentences(violations: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """All of them, each with its sentence as `text`."""
    return [{**violation, "text": sentence(violation)} for violation in violations]


def sentences(violations: Iterable[Mapping[str, Any]]) -> list[str]:
    """Say all of them, those with most points first."""
    return [sentence(violation) for violation in sorted(violations, key=lambda one: (-int(one.get("points", 0)), float(one.get("start", 0))))]


def duration(seconds: float) -> str:
    """A length of time as a sentence needs it: "2.5 s", "12 s", "1 min 5 s"."""
    if seconds < 9.95:
        return f"{seconds:.1f}".removesuffix(".0") + " s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    return f"{minutes} min {rest} s" if rest else f"{minutes} min"
