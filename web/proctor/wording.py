"""What people read of a violation: one plain sentence that says what happened, for how long and what it counts."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

NUMBERS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")


def sentence(violation: Mapping[str, Any]) -> str:
    """Say one violation, as stored (`kind`, `start`, `end`, `points`, `occurrences`, `evidence`): "Two people in view for 12 s (+10)"."""
    evidence = violation.get("evidence") or {}
    seconds = evidence.get("seconds")
    if not isinstance(seconds, int | float):
        seconds = float(violation.get("end", 0)) - float(violation.get("start", 0))
    lasting = f" for {duration(seconds)}" if seconds >= 0.05 else ""
    occurrences = int(violation.get("occurrences", 1))
    kind = str(violation.get("kind", ""))
    say = _SAY.get(kind)
    text = say(evidence, lasting, occurrences) if say else kind.replace("_", " ").capitalize() + lasting
    return f"{text} (+{violation.get('points', 0)})"


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


def times(count: int) -> str:
    """How often: "once", "twice", "three times"."""
    return {1: "once", 2: "twice"}.get(count, f"{_number(count)} times")


def _voices(evidence: Mapping[str, Any]) -> str:
    voices = evidence.get("voices")
    return f"{_number(voices).capitalize()} voices" if isinstance(voices, int) and voices >= 2 else "More than one voice"


def _people(evidence: Mapping[str, Any]) -> str:
    persons = evidence.get("persons")
    return f"{_number(persons).capitalize()} people in view" if isinstance(persons, int) and persons >= 2 else "More than one person in view"


def _looking(directions: object) -> str:
    """Where the student looked, told from the readings by direction: the one that holds for two thirds of them, else "away"."""
    if isinstance(directions, Mapping) and directions:
        most, count = max(directions.items(), key=lambda item: item[1])
        if count * 3 >= sum(directions.values()) * 2:
            return str({"left": "Looked left", "right": "Looked right", "down": "Looked down", "turned away": "Turned away"}.get(most, "Looked away"))
    return "Looked away"


def _number(count: int) -> str:
    return NUMBERS[count] if 0 <= count < len(NUMBERS) else str(count)


_SAY: dict[str, Callable[[Mapping[str, Any], str, int], str]] = {
    "gaze_distracted": lambda evidence, lasting, _: f"{_looking(evidence.get('directions'))}{lasting}",
    "no_face": lambda _, lasting, __: f"Nobody in view{lasting}",
    "multiple_faces": lambda evidence, lasting, _: f"{_people(evidence)}{lasting}",
    "speech": lambda _, lasting, __: f"Speech{lasting}",
    "multiple_voices": lambda evidence, lasting, _: f"{_voices(evidence)}{lasting}",
    "tab_switch": lambda _, __, occurrences: f"Left the exam's tab or window {times(occurrences)}",
    "copy_paste": lambda _, __, occurrences: f"Copied or pasted {times(occurrences)}",
    "prohibited_object": lambda evidence, lasting, _: f"A {evidence.get('object') or 'phone'} in view{lasting}",
}
