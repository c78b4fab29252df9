"""What the check before an exam looks at, a row each in this order. A new one begins here.

Beside it a row needs its judgement (static/js/portal/check-step.js) and what it says (static/js/portal/texts.js).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from basics.texts import _

ItemName = Literal["camera", "microphone", "light", "face", "network", "browser", "screen"]


@dataclass(frozen=True, slots=True)
class CheckItem:
    """`name` for people, `sign` the icon before it."""

    name: str
    sign: str


CHECK_ITEMS: Mapping[ItemName, CheckItem] = {
    "camera": CheckItem(_("Camera"), "camera"),
    "microphone": CheckItem(_("Microphone"), "microphone"),
    "light": CheckItem(_("Light"), "light"),
    "face": CheckItem(_("Face in view"), "face"),
    "network": CheckItem(_("Network"), "network"),
    "browser": CheckItem(_("Browser"), "browser"),
    "screen": CheckItem(_("Screen"), "window"),  # only where the exam asks for it (SCREEN_CAPTURE)
}
