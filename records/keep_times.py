"""For how long each kind of record of a session is kept, and which kind a clip is of. Nothing here reads or deletes anything.

An exam's own number goes before the server's; both stand in the session as they were when it began, so that changing the one or the other shortens
nothing that was promised. Sessions of before there were kinds have none: for them the server's present numbers hold.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeGuard

from settings.keeping import LONGEST_DAYS, Kept

CLIP_KINDS: tuple[Kept, ...] = ("clips_dismissed", "clips_confirmed", "clips_open")
SHOWN = {"kept_from": 1, "ended_at": 1, "keep_days": 1, "exam.keep_days": 1, "sealed_at": 1, "gone": 1, "on": 1}
"""What of a session's document is read here."""


@dataclass(frozen=True, slots=True)
class KeepTimes:
    """Days after a session's end by kind, as the server has them now; 0: as long as the session, and the session for ever."""

    server: Mapping[Kept, int]

    def days(self, session: Mapping[str, Any], kind: Kept) -> int:
        """Days for which this session's records of `kind` are kept."""
        own = part_of(part_of(session, "exam"), "keep_days").get(kind)
        began = part_of(session, "keep_days").get(kind)
        return next((days for days in (own, began) if _is_days(days)), self.server.get(kind, 0))

    def is_past(self, session: Mapping[str, Any], kind: Kept, now: datetime) -> bool:
        """Is their time over?"""
        days, kept_from = self.days(session, kind), session.get("kept_from")
        return days > 0 and isinstance(kept_from, datetime) and now - kept_from > timedelta(days=days)


def kind_of(interval: Mapping[str, Any]) -> Kept:
    """The kind of an interval's clip: by what stands, and open again where the student has answered since."""
    review = part_of(interval, "review")
    if review.get("answered_since"):
        return "clips_open"
    kinds: Mapping[str, Kept] = {"dismissed": "clips_dismissed", "confirmed": "clips_confirmed"}
    return kinds.get(str(review.get("state")), "clips_open")


def part_of(document: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """A part of a stored document that has fields itself; empty where there is none, or it is damaged."""
    part = document.get(name)
    return part if isinstance(part, Mapping) else {}


def _is_days(days: object) -> TypeGuard[int]:
    """Is it a number of days? Somebody may have written to the database by hand."""
    return isinstance(days, int) and not isinstance(days, bool) and 0 <= days <= LONGEST_DAYS
