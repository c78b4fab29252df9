"""What a student's page says of itself: that it is there, and every few seconds whether it is out of sight and what its camera is called."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from basics.errors import InvalidInput
from sessions.session import ExamSession

LABEL_MAX = 100  # characters of a camera's name
BROWSER_MAX = 200


@dataclass(frozen=True, slots=True)
class PageSaid:
    """`camera` is empty where its name isn't known, `focused` None where the page doesn't say it."""

    hidden: bool
    camera: str
    focused: bool | None = None


def there(session: ExamSession) -> None:
    """The student has opened the page, and gets ready for an exam that hasn't begun: who watches is told."""
    if not session.begun:
        session.device_state("connection", "starting", "getting_ready")


def unpack_page(message: dict[str, Any]) -> PageSaid:
    """What a `page` message says. Raise `InvalidInput`."""
    hidden, camera, focused = message.get("hidden"), message.get("camera", ""), message.get("focused")
    if not isinstance(hidden, bool) or not isinstance(camera, str) or not isinstance(focused, bool | None):
        raise InvalidInput('a page message must have "hidden": true or false, and may have "focused": true or false and the name of the "camera"')
    return PageSaid(hidden, plain(camera, LABEL_MAX), focused)


def plain(text: str, longest: int) -> str:
    """`text` as it may be shown, stored and logged: without controls, surrogates and marks that turn the writing round."""
    return " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())[:longest]
