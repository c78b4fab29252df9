"""The signals: every kind of thing that can count, with all that is said of it. A new one begins here.

Beside it a signal needs its points (`points_…` in settings/rules.py) and the rule by which it counts (score.py).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

from basics.texts import _, in_english, joined, ngettext

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
    `say` says one violation in words, from its evidence, how long it lasted ("12 s", or nothing) and how often it occurred. One that
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


def _nobody(_evidence: Mapping[str, Any], lasting: str, _count: int) -> str:
    return _("Nobody in view for %(duration)s", duration=lasting) if lasting else _("Nobody in view")


def _speech(evidence: Mapping[str, Any], lasting: str, _count: int) -> str:
    if evidence.get("as") == "loudspeaker":
        return _("A voice from a loudspeaker for %(duration)s", duration=lasting) if lasting else _("A voice from a loudspeaker")
    if evidence.get("as") == "whisper":
        return _("Whispering for %(duration)s", duration=lasting) if lasting else _("Whispering")
    return _("Speech for %(duration)s", duration=lasting) if lasting else _("Speech")


def _voices(evidence: Mapping[str, Any], lasting: str, _count: int) -> str:
    voices = evidence.get("voices")
    if isinstance(voices, int) and voices >= 2:
        words = number(voices).capitalize()
        if lasting:
            text = ngettext("%(count)s voice for %(duration)s", "%(count)s voices for %(duration)s", voices, duration=lasting)
            return in_english(text, f"{words} voices for {lasting}")
        return in_english(ngettext("%(count)s voice", "%(count)s voices", voices), f"{words} voices")
    if evidence.get("stranger"):
        return _("A voice that is not the student's for %(duration)s", duration=lasting) if lasting else _("A voice that is not the student's")
    # Stored by a version that did not keep which.
    if lasting:
        return _("A voice that is not the student's, or several at once for %(duration)s", duration=lasting)
    return _("A voice that is not the student's, or several at once")


def _people(evidence: Mapping[str, Any], lasting: str, _count: int) -> str:
    persons = evidence.get("persons")
    if not isinstance(persons, int) or persons < 2:
        return _("More than one person in view for %(duration)s", duration=lasting) if lasting else _("More than one person in view")
    words = number(persons).capitalize()
    if lasting:
        text = ngettext("%(count)s person in view for %(duration)s", "%(count)s people in view for %(duration)s", persons, duration=lasting)
        return in_english(text, f"{words} people in view for {lasting}")
    return in_english(ngettext("%(count)s person in view", "%(count)s people in view", persons), f"{words} people in view")


def _looked(evidence: Mapping[str, Any], lasting: str, _count: int) -> str:
    way = _way(evidence.get("directions"))
    if not lasting:
        plain = {"left": _("Looked left"), "right": _("Looked right"), "down": _("Looked down"), "turned away": _("Turned away")}
        return plain.get(way, _("Looked away"))
    long = {
        "left": _("Looked left for %(duration)s", duration=lasting),
        "right": _("Looked right for %(duration)s", duration=lasting),
        "down": _("Looked down for %(duration)s", duration=lasting),
        "turned away": _("Turned away for %(duration)s", duration=lasting),
    }
    return long.get(way, _("Looked away for %(duration)s", duration=lasting))


def _way(directions: object) -> str:
    """Where the student looked, told from the readings by direction: the one that holds for two thirds of them, else nothing."""
    if isinstance(directions, Mapping) and directions:
        most, count = max(directions.items(), key=lambda item: item[1])
        if count * 3 >= sum(directions.values()) * 2:
            return str(most)
    return ""


def _left(_evidence: Mapping[str, Any], _lasting: str, count: int) -> str:
    text = ngettext("Left the exam's tab or window %(count)s time", "Left the exam's tab or window %(count)s times", count)
    return in_english(text, f"Left the exam's tab or window {times(count)}")


def _copied(_evidence: Mapping[str, Any], _lasting: str, count: int) -> str:
    return in_english(ngettext("Copied or pasted %(count)s time", "Copied or pasted %(count)s times", count), f"Copied or pasted {times(count)}")


def _object(evidence: Mapping[str, Any], lasting: str, _count: int) -> str:
    seen = evidence.get("object") or "phone"
    if seen == "phone":
        return _("A phone in view for %(duration)s", duration=lasting) if lasting else _("A phone in view")
    return _("A %(object)s in view for %(duration)s", object=seen, duration=lasting) if lasting else _("A %(object)s in view", object=seen)


def _marked(evidence: Mapping[str, Any], _lasting: str, _count: int) -> str:
    marks = [mark for mark in evidence.get("marks") or [] if isinstance(mark, Mapping) and mark.get("by")]
    if not marks:
        return _("Marked by a proctor")
    first, *more = marks
    said = [
        _("Marked by %(name)s: %(note)s", name=first["by"], note=first["note"]) if first.get("note") else _("Marked by %(name)s", name=first["by"])
    ]
    said += [
        _("by %(name)s: %(note)s", name=mark["by"], note=mark["note"]) if mark.get("note") else _("by %(name)s", name=mark["by"]) for mark in more
    ]
    return joined("; ", said)


SIGNALS: Mapping[ViolationKind, Signal] = {
    "gaze_distracted": Signal(
        _("Looking away"),
        "looking left, right or down",
        "for {gaze_min_s:g} s",
        _("Where you look."),
        _looked,
    ),
    "no_face": Signal(
        _("Nobody in view"),
        "nobody in view",
        "for {absent_min_s:g} s",
        _("How many people are in view."),
        _nobody,
    ),
    "multiple_faces": Signal(
        _("Several people"),
        "two or more persons",
        "in {looks} looks running, at least {persons_min_s:g} s apart",
        _("How many people are in view."),
        _people,
    ),
    "speech": Signal(
        _("Speech"),
        "speech",
        "{speech_min_s:g} s in the interval",
        _("Whether somebody speaks."),
        _speech,
    ),
    "multiple_voices": Signal(
        _("Another voice"),
        "a voice that is not the student's, or several at once",
        "on at least {voices_min_s:g} s of speech",
        _("Whether there is a voice other than yours."),
        _voices,
    ),
    "tab_switch": Signal(
        _("Tab or window left"),
        "leaving the exam's tab or window, Alt+Tab, Cmd+Tab",
        "at once out of sight, for {blur_min_s:g} s in another window beside",
        _("When you leave this tab or window."),
        _left,
        where="page",
        each_time=True,
    ),
    "copy_paste": Signal(
        _("Copy or paste"),
        "copy, cut, paste, text dragged in, or the clipboard changed from outside",
        "",
        _("That something was copied or pasted, never what."),
        _copied,
        where="page",
        each_time=True,
    ),
    "prohibited_object": Signal(
        _("Phone in view"),
        "a phone in view",
        "in {looks} looks running",
        _("Whether a phone is in view."),
        _object,
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
