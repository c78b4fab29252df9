"""Why a session ended: a code, of which the pages make words, and the same in English for scripts, the CSV and the log."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from basics.texts import _, joined

EndCode = Literal["student", "proctor", "call", "away", "restart", "outage", "unused", "unreadable", "time", "closed", "platform"]

REASONS: dict[EndCode, str] = {
    "student": _("ended by the student"),
    "proctor": _("ended by the proctor"),
    "call": _("ended by a call"),
    "away": _("the student's page was away for too long"),
    "restart": _("the student's page did not come back after the server's restart"),
    "outage": _("the server was away"),
    "unused": _("never begun: its link was not used while it was good"),
    "unreadable": _("its records can't be read"),
    "time": _("the exam's time was over"),
    "closed": _("the exam closed before it was begun"),
    "platform": _("ended by the learning platform"),
}


@dataclass(frozen=True, slots=True)
class End:
    """`note` is what the proctor wrote, or how long the server was away (h:mm:ss)."""

    code: EndCode
    note: str = ""

    @property
    def reason(self) -> str:
        """In words."""
        if not self.note:
            return REASONS[self.code]
        if self.code == "outage":
            return _("the server was away for %(duration)s", duration=self.note)
        return joined(": ", [REASONS[self.code], self.note])

    def to_dict(self) -> dict[str, str]:
        """As it is stored with the session."""
        return {"end_code": self.code, "end_note": self.note, "end_reason": self.reason}
