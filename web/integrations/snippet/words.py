"""What the bar says on the exam's page of another site."""

from __future__ import annotations

from typing import Any

from basics.texts import _
from web.languages import known_languages, language, said

STATES = {
    "looking": _("Looking for the window that watches this exam…"),
    "none": _("This exam is watched from a window of its own. It is not open yet."),
    "sought": _("The window that watches this exam is being looked for. If it is not open any more, open it again: your exam goes on where it was."),
    "opening": _("Go on in the window that has opened: it asks for your camera, and begins."),
    "check": _("This exam is not watched just now. Go on in the other window: it says what to do."),
    "watched": _("This exam is watched: your camera and microphone by the other window, and whether you leave this page, copy or paste."),
    "paused": _("A break: nothing is watched."),
    "offline": _("The window that watches has no connection just now. Go on: it comes back by itself, and nothing is held against you."),
    "over": _("The exam is not watched any more: it has ended in the other window."),
    "closed": _("The window that watches this exam was closed. Open it again: your exam goes on where it was."),
    "silent": _("The window that watches this exam does not answer. Look whether it is still open."),
    "blocked": _("Your browser keeps the window from opening. Allow this site to open windows, and press again."),
}
BUTTONS = {"open": _("Open the window"), "again": _("Open it again"), "show": _("Show the window"), "help": _("Help")}
MESSAGE = _("There is something for you to read in the window that watches.")
HELP = _("Keep the other window open until you have ended there. To ask somebody, press “Call the proctor” in it.")


def bar_words(help_contact: str) -> dict[str, Any]:
    """All of it in the reader's language. `help_contact` is whom students call, as the exam has it."""
    here = known_languages()[language()]
    return {
        "language": here.code,
        "direction": here.direction,
        "states": said(STATES),
        "buttons": said(BUTTONS),
        "message": said(MESSAGE),
        "help": [said(HELP), *([help_contact] if help_contact else [])],
        "name": said(_("Exam proctor")),
    }
