"""What people read of a violation: one plain sentence that says what happened, for how long and what it counts. Whoever shows it says it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

from basics.doubts import helps
from basics.doubts import sentence as doubt_sentence
from basics.signals import SIGNALS
from basics.texts import _


def sentence(violation: Mapping[str, Any]) -> str:
    """Say one violation, as stored (`kind`, `start`, `end`, `points`, `occurrences`, `evidence`): "Two people in view for 12 s (+10)"."""
    evidence = violation.get("evidence") or {}
    seconds = evidence.get("seconds")
    if not isinstance(seconds, int | float) or not math.isfinite(seconds):
        seconds = float(violation.get("end", 0)) - float(violation.get("start", 0))
    lasting = duration(seconds) if seconds >= 0.05 else ""
    occurrences = int(violation.get("occurrences", 1))
    kind = violation.get("kind", "")
    signal = SIGNALS.get(kind)
    try:
        text = signal.say(evidence, lasting, occurrences) if signal else _unknown(str(kind), lasting)
    except (AttributeError, LookupError, TypeError, ValueError):  # its evidence was damaged
        text = _unknown(str(kind), lasting)
    points = violation.get("points", 0)
    return _("%(violation)s (+%(points)s)", violation=text, points=points) if points else text


def _unknown(kind: str, lasting: str) -> str:
    """One of a kind that a newer version has stored."""
    name = kind.replace("_", " ").capitalize()
    return _("%(kind)s for %(duration)s", kind=name, duration=lasting) if lasting else name


def with_sentences(violations: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """All of them, each with its sentence as `text`."""
    return [{**violation, **_with_acts(violation.get("evidence")), "text": sentence(violation)} for violation in violations]


def _with_acts(evidence: Mapping[str, Any] | None) -> dict[str, Any]:
    """What its acts are is stored in English, and said anew."""
    acts = evidence.get("acts") if isinstance(evidence, Mapping) else None
    acts = [act for act in acts if isinstance(act, Mapping)] if isinstance(acts, list) else None
    return {"evidence": {**(evidence or {}), "acts": [{**act, "what": _(str(act.get("what", "")))} for act in acts]}} if acts else {}


def with_doubts(doubts: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Doubts as stored, each said anew."""
    return [
        {**doubt, "text": doubt_sentence(doubt["code"], str(doubt.get("detail") or "")), "helps": helps(doubt["code"]) or doubt.get("helps", "")}
        for doubt in doubts
    ]


def sentences(violations: Iterable[Mapping[str, Any]]) -> list[str]:
    """Say all of them, those with most points first."""
    return [sentence(violation) for violation in sorted(violations, key=lambda one: (-int(one.get("points", 0)), float(one.get("start", 0))))]


def duration(seconds: float) -> str:
    """A length of time as a sentence needs it: "2.5 s", "12 s", "1 min 5 s"."""
    if seconds < 9.95:
        whole, tenth = divmod(round(float(f"{seconds:.1f}") * 10), 10)
        return _("%(seconds)s.%(tenth)s s", seconds=whole, tenth=tenth) if tenth else _("%(seconds)s s", seconds=whole)
    whole = round(seconds)
    if whole < 60:
        return _("%(seconds)s s", seconds=whole)
    minutes, rest = divmod(whole, 60)
    return _("%(minutes)s min %(seconds)s s", minutes=minutes, seconds=rest) if rest else _("%(minutes)s min", minutes=minutes)
