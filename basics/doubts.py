"""The doubts: what can't be told of an exam, or is for a person to look at, with all that is said of each. None of them ever counts a point.

A new one begins here; beside it it needs only where it is noticed (sessions/oversight.py).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, get_args

DoubtCode = Literal[
    "not_read",
    "read_seldom",
    "sound_not_read",
    "detector_failed",
    "pictures_seldom",
    "screen_unshown",
    "same_pictures",
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
    """`says` it in a sentence of which `{detail}` is a part; `helps` is what a proctor or an operator can do.

    `weight`: `unknown` makes the session one of which something can't be told, `look` one that needs a look, a `note` is only shown.
    """

    says: str
    helps: str
    weight: Weight


DOUBTS: Mapping[DoubtCode, DoubtKind] = {
    "not_read": DoubtKind(
        "Pictures arrive and are not read", "The server is too busy or a detector hangs: whoever runs it finds more under Settings.", "unknown"
    ),
    "read_seldom": DoubtKind(
        "Pictures are read less than half as often as wanted ({detail})",
        "The server is too busy: whoever runs it finds more under Settings.",
        "unknown",
    ),
    "sound_not_read": DoubtKind("Sound arrives and is not read", "The server is too busy, or has no models for sound: see Settings.", "note"),
    "detector_failed": DoubtKind("A detector fails ({detail})", "Whoever runs the server finds the cause under Settings and in its log.", "unknown"),
    "pictures_seldom": DoubtKind(
        "Few pictures arrive ({detail})", "The student's line is slow. Nothing is held against the student; look at the pictures yourself.", "unknown"
    ),
    "screen_unshown": DoubtKind("No picture of the shared screen arrives", "Write to the student to share the whole screen again.", "unknown"),
    "same_pictures": DoubtKind(
        "The same pictures come again and again ({detail})",
        "Does the student move with the time? Write, and see whether they react.",
        "look",
    ),
    "focus_unheard": DoubtKind("The page does not tell whether the exam is before the student", "Look at the pictures and the screen.", "unknown"),
    "away_untold": DoubtKind(
        "The exam is out of sight, and the page told of no leaving ({detail})", "Look at the screen, and write to the student.", "look"
    ),
    "out_of_sight": DoubtKind("The exam's page has been out of sight {detail}", "Look at the screen, and write to the student.", "note"),
    "unfocused": DoubtKind(
        "The exam is in sight, and keys go elsewhere ({detail})",
        "The browser's search bar or toolbar may have the focus, or another window beside the exam. Look at the picture and the screen.",
        "look",
    ),
    "virtual_camera": DoubtKind("The camera is a program: {detail}", "Its picture need not be of now. Ask the student which camera is used.", "note"),
    "moved": DoubtKind("The exam went on elsewhere: {detail}", "Ask the student, if it was not expected. A new link ends every older one.", "note"),
}


def sentence(code: str, detail: str) -> str:
    """A doubt in words."""
    kind = DOUBTS.get(code)  # type: ignore[call-overload]  # stored by a newer version
    return kind.says.format(detail=detail) if kind is not None else f"{code} {detail}".strip()
