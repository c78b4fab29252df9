"""The signals: every kind of thing that can count, with all that is said of it. A new one begins here.

Beside it a signal needs its points (`points_…` in settings/rules.py) and the rule by which it counts (score.py).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

ViolationKind = Literal[
    "gaze_distracted",
    "no_face",
    "multiple_faces",
    "speech",
    "multiple_voices",
    "tab_switch",
    "copy_paste",
    "prohibited_object",
    "proctor_mark",
]
VIOLATION_KINDS: tuple[ViolationKind, ...] = get_args(ViolationKind)
"""In the order in which pages show them."""

NUMBERS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")

Say = Callable[[Mapping[str, Any], str, int], str]


@dataclass(frozen=True, slots=True)
class Signal:
    """`name` stands in lists and charts. `what` it is and from when it `holds` are the README's words; `{names}` there are settings.

    `watched` is what a student is told before the exam, and `where` it is noticed (`desk`: by a proctor).
    `say` says one violation in words, from its evidence, how long it lasted (" for 12 s", or nothing) and how often it occurred. One that
    counts `each_time` is an act, the others count once an interval.
    """

    name: str
    what: str
    holds: str
    watched: str
    say: Say
    where: Literal["camera", "page", "desk"] = "camera"
    each_time: bool = False


def number(count: int) -> str:
    """A count in words up to nine."""
    return NUMBERS[count] if 0 <= count < len(NUMBERS) else str(count)


def times(count: int) -> str:
    """How often: "once", "twice", "three times"."""
    return {1: "once", 2: "twice"}.get(count, f"{number(count)} times")


def _(text: str) -> str:
    """Mark a text for gettext; the page that shows it looks it up."""
    return text


def _voices(evidence: Mapping[str, Any], lasting: str) -> str:
    voices = evidence.get("voices")
    if isinstance(voices, int) and voices >= 2:
        return f"{number(voices).capitalize()} voices{lasting}"
    if evidence.get("stranger"):
        return f"A voice that is not the student's{lasting}"
    return f"A voice that is not the student's, or several at once{lasting}"  # stored by a version that did not keep which


def _people(evidence: Mapping[str, Any]) -> str:
    persons = evidence.get("persons")
    return f"{number(persons).capitalize()} people in view" if isinstance(persons, int) and persons >= 2 else "More than one person in view"


def _looking(directions: object) -> str:
    """Where the student looked, told from the readings by direction: the one that holds for two thirds of them, else "away"."""
    if isinstance(directions, Mapping) and directions:
        most, count = max(directions.items(), key=lambda item: item[1])
        if count * 3 >= sum(directions.values()) * 2:
            return str({"left": "Looked left", "right": "Looked right", "down": "Looked down", "turned away": "Turned away"}.get(most, "Looked away"))
    return "Looked away"


def _marked(evidence: Mapping[str, Any], _lasting: str, _count: int) -> str:
    marks = [mark for mark in evidence.get("marks") or [] if isinstance(mark, Mapping) and mark.get("by")]
    said = [f"by {mark['by']}: {mark['note']}" if mark.get("note") else f"by {mark['by']}" for mark in marks]
    return f"Marked {'; '.join(said) or 'by a proctor'}"


SIGNALS: Mapping[ViolationKind, Signal] = {
    "gaze_distracted": Signal(
        _("Looking away"),
        "looking left, right or down",
        "for {gaze_min_s:g} s",
        _("Where you look."),
        lambda evidence, lasting, _count: f"{_looking(evidence.get('directions'))}{lasting}",
    ),
    "no_face": Signal(
        _("Nobody in view"),
        "nobody in view",
        "for {absent_min_s:g} s",
        _("How many people are in view."),
        lambda _evidence, lasting, _count: f"Nobody in view{lasting}",
    ),
    "multiple_faces": Signal(
        _("Several people"),
        "two or more persons",
        "in {looks} looks running, at least {persons_min_s:g} s apart",
        _("How many people are in view."),
        lambda evidence, lasting, _count: f"{_people(evidence)}{lasting}",
    ),
    "speech": Signal(
        _("Speech"),
        "speech",
        "{speech_min_s:g} s in the interval",
        _("Whether somebody speaks."),
        lambda _evidence, lasting, _count: f"Speech{lasting}",
    ),
    "multiple_voices": Signal(
        _("Another voice"),
        "a voice that is not the student's, or several at once",
        "on at least {voices_min_s:g} s of speech",
        _("Whether there is a voice other than yours."),
        lambda evidence, lasting, _count: _voices(evidence, lasting),
    ),
    "tab_switch": Signal(
        _("Tab or window left"),
        "leaving the exam's tab or window, Alt+Tab, Cmd+Tab",
        "at once out of sight, for {blur_min_s:g} s in another window beside",
        _("When you leave this tab or window."),
        lambda _evidence, _lasting, count: f"Left the exam's tab or window {times(count)}",
        where="page",
        each_time=True,
    ),
    "copy_paste": Signal(
        _("Copy or paste"),
        "copy, cut, paste, text dragged in, or the clipboard changed from outside",
        "",
        _("That something was copied or pasted, never what."),
        lambda _evidence, _lasting, count: f"Copied or pasted {times(count)}",
        where="page",
        each_time=True,
    ),
    "prohibited_object": Signal(
        _("Phone in view"),
        "a phone in view",
        "in {looks} looks running",
        _("Whether a phone is in view."),
        lambda evidence, lasting, _count: f"A {evidence.get('object') or 'phone'} in view{lasting}",
    ),
    "proctor_mark": Signal(
        _("Marked by a proctor"),
        "a moment that a proctor marks",
        "",
        _("What a proctor marks."),
        _marked,
        where="desk",
        each_time=True,
    ),
}
