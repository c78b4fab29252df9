"""The doubts: what can't be told of an exam, or is for a person to look at, with all that is said of each. None of them ever counts a point.

A new one begins here; beside it it needs only where it is noticed (sessions/oversight.py).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal, get_args

from basics.texts import _, decimal, joined, with_values

DoubtCode = Literal[
    "not_read",
    "read_seldom",
    "sound_not_read",
    "detector_failed",
    "pictures_seldom",
    "screen_unshown",
    "same_pictures",
    "still_denied",
    "focus_unheard",
    "away_untold",
    "out_of_sight",
    "unfocused",
    "virtual_camera",
    "moved",
]
DOUBT_CODES: tuple[DoubtCode, ...] = get_args(DoubtCode)
"""In the order in which pages show them."""

Weight = Literal["unknown", "look", "note"]


@dataclass(frozen=True, slots=True)
class DoubtKind:
    """`says` it in a sentence of which `%(detail)s` is a part; `helps` is what a proctor or an operator can do.

    `weight`: `unknown` makes the session one of which something can't be told, `look` one that needs a look, a `note` is only shown.
    """

    says: str
    helps: str
    weight: Weight


DOUBTS: Mapping[DoubtCode, DoubtKind] = {
    "not_read": DoubtKind(
        _("Pictures arrive and are not read"), _("The server is too busy or a detector hangs: whoever runs it finds more under Settings."), "unknown"
    ),
    "read_seldom": DoubtKind(
        _("Pictures are read less than half as often as wanted (%(detail)s)"),
        _("The server is too busy: whoever runs it finds more under Settings."),
        "unknown",
    ),
    "sound_not_read": DoubtKind(_("Sound arrives and is not read"), _("The server is too busy, or has no models for sound: see Settings."), "note"),
    "detector_failed": DoubtKind(
        _("A detector fails (%(detail)s)"), _("Whoever runs the server finds the cause under Settings and in its log."), "unknown"
    ),
    "pictures_seldom": DoubtKind(
        _("Few pictures arrive (%(detail)s)"),
        _("The student's line is slow. Nothing is held against the student; look at the pictures yourself."),
        "unknown",
    ),
    "screen_unshown": DoubtKind(_("No picture of the shared screen arrives"), _("Write to the student to share the whole screen again."), "unknown"),
    "same_pictures": DoubtKind(
        _("The same pictures come again and again (%(detail)s)"), _("Does the student move with the time? Write, and see whether they react."), "look"
    ),
    "still_denied": DoubtKind(
        _("The page says that the camera stands still, and its pictures move"),
        _("A page that was not altered does not say so. The pictures are read; look at them, and write to the student."),
        "look",
    ),
    "focus_unheard": DoubtKind(
        _("The page does not tell whether the exam is before the student"), _("Look at the pictures and the screen."), "unknown"
    ),
    "away_untold": DoubtKind(
        _("The exam is out of sight, and the page told of no leaving (%(detail)s)"), _("Look at the screen, and write to the student."), "look"
    ),
    "out_of_sight": DoubtKind(
        _("The exam's page has been out of sight since %(detail)s"), _("Look at the screen, and write to the student."), "note"
    ),
    "unfocused": DoubtKind(
        _("The exam is in sight, and keys go elsewhere (%(detail)s)"),
        _("The browser's search bar or toolbar may have the focus, or another window beside the exam. Look at the picture and the screen."),
        "look",
    ),
    "virtual_camera": DoubtKind(
        _("The camera is a program: %(detail)s"), _("Its picture need not be of now. Ask the student which camera is used."), "note"
    ),
    "moved": DoubtKind(
        _("The exam went on elsewhere: %(detail)s"), _("Ask the student, if it was not expected. A new link ends every older one."), "note"
    ),
}


_PARTS = {"gaze": _("gaze"), "people": _("people"), "sound": _("sound")}
_DETAILS: tuple[tuple[re.Pattern[str], Callable[[str, str], str]], ...] = (
    (re.compile(r"since (\d+:\d\d)()"), lambda at, _none: _("since %(at)s", at=at)),
    (re.compile(r"every (\S+) s()"), lambda seconds, _none: _("every %(seconds)s s", seconds=seconds)),
    (re.compile(r"the same to the last bit()()"), lambda _none, _nothing: _("the same to the last bit")),
    (re.compile(r"(\S+) of (\S+) a second"), lambda read, wanted: _("%(read)s of %(wanted)s a second", read=read, wanted=wanted)),
    (re.compile(r"(\S+) a second()"), lambda came, _none: _("%(came)s a second", came=came)),
)


def sentence(code: str, detail: str) -> str:
    """A doubt in words; `detail` as it is kept, in English."""
    kind = DOUBTS.get(code)  # type: ignore[call-overload]  # stored by a newer version
    if kind is None:
        return f"{code} {detail}".strip()
    return with_values(kind.says, detail=_detail(code, detail)) if "%(detail)s" in kind.says else kind.says


def helps(code: str) -> str:
    """What can be done about a doubt; nothing for one that is not known."""
    kind = DOUBTS.get(code)  # type: ignore[call-overload]
    return kind.helps if kind is not None else ""


def _detail(code: str, detail: str) -> str:
    if code == "out_of_sight":
        return detail.removeprefix("since ")
    if code == "detector_failed":
        return joined(", ", [_PARTS.get(part, part) for part in detail.split(", ")])
    if code not in ("virtual_camera", "moved"):  # those are names, whatever they look like
        for form, say in _DETAILS:
            if found := form.fullmatch(detail):
                return say(*map(_figure, found.groups()))
    return detail


def _figure(kept: str) -> str:
    """A number of a detail, as a language writes it; anything else as it is."""
    whole, point, part = kept.partition(".")
    return decimal(float(kept), len(part)) if point and whole.isdecimal() and part.isdecimal() else kept
