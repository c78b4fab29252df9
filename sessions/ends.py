"""Why a session ended: a code, of which the pages make words, and the same in English for scripts, the CSV and the log."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

EndCode = Literal["student", "proctor", "call", "away", "restart", "outage", "unused", "unreadable"]

REASONS: dict[EndCode, str] = {
    "student": "ended by the student",
    "proctor": "ended by the proctor",
    "call": "ended by a call",
    "away": "the student's page was away for too long",
    "restart": "the student's page did not come back after the server's restart",
    "outage": "the server was away",
    "unused": "never begun: its link was not used while it was good",
    "unreadable": "its records can't be read",
}


@dataclass(frozen=True, slots=True)
class End:
    """`note` is what the proctor wrote, or how long the server was away (h:mm:ss)."""

    code: EndCode
    note: str = ""

    @property
    def reason(self) -> str:
        """In English."""
        between = " for " if self.code == "outage" else ": "
        return REASONS[self.code] + (between + self.note if self.note else "")

    def to_dict(self) -> dict[str, str]:
        """As it is stored with the session."""
        return {"end_code": self.code, "end_note": self.note, "end_reason": self.reason}
