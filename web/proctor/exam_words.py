"""The words of the page on which an exam is set up: kinds of exam, places, what is allowed, limits and what is kept."""

from __future__ import annotations

from typing import Any

from basics.texts import _
from web.languages import said

PRESETS = (
    ("standard", _("Standard"), _("Closed book, alone, at this page. The numbers are this server’s own.")),
    ("open_book", _("Open book"), _("Notes and other tabs are allowed: where the eyes go counts nothing, and copying counts little.")),
    ("on_paper", _("On paper"), _("Written by hand: looking down counts nothing, and a bent head is given more time.")),
    ("spoken", _("Spoken"), _("The student speaks: speech counts nothing; another voice still does.")),
    ("strict", _("Strict"), _("Two signs of any kind within an interval make a flag. More to look at, and more of it for nothing.")),
)
PLACES = (
    ("page", _("At an address that is shown in our page, or where students were told")),
    ("tab", _("In another tab or window of the browser")),
    ("program", _("In another program on the computer")),
    ("paper", _("On paper")),
)
ALLOWED = (
    ("notes_on_paper", _("Notes on paper: looking down counts nothing")),
    ("speaking_aloud", _("Speaking aloud: speech counts nothing, several voices still do")),
    ("calculator", _("A calculator: told to students and proctors")),
    ("phone", _("A phone: one in view counts nothing")),
    ("other_tabs", _("Other tabs and windows: leaving the exam counts nothing")),
)
SECONDS = _("s")
LIMITS = (
    ("flag_threshold", _("Points that make a flag"), 1, ""),
    ("interval_duration", _("Length of an interval"), 1, SECONDS),
    ("gaze_min_s", _("Looking away counts from"), 0.1, SECONDS),
    ("absent_min_s", _("Nobody in view counts from"), 0.1, SECONDS),
    ("persons_min_s", _("Several people count from"), 0.1, SECONDS),
    ("speech_min_s", _("Speech counts from"), 0.1, SECONDS),
    ("voices_min_s", _("Several voices count from"), 0.1, SECONDS),
)
KEPT = (
    ("records", _("Records")),
    ("readings", _("Readings")),
    ("clips_confirmed", _("Clips of confirmed flags")),
    ("clips_dismissed", _("Clips of dismissed flags")),
    ("clips_open", _("Clips of flags without a decision")),
    ("stills", _("Pictures out of clips")),
    ("identity", _("Pictures of identity")),
    ("absences", _("Pictures of before and after an absence")),
)


def exam_words() -> dict[str, Any]:
    """All of it in the reader's language, for the template."""
    return {
        "presets": [(name, said(title), said(words)) for name, title, words in PRESETS],
        "places": [(name, said(words)) for name, words in PLACES],
        "allowed": [(name, said(words)) for name, words in ALLOWED],
        "limits": [(name, said(words), step, said(unit) if unit else "") for name, words, step, unit in LIMITS],
        "kept": [(name, said(words)) for name, words in KEPT],
    }
