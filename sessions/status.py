"""A session as it stands at one moment, for those who show it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from basics.readings import IntervalResult
from scoring.accommodations import Accommodation
from scoring.documents import readings_document, violation_document
from scoring.lids import Shut
from sessions.break_control import BreakState
from sessions.doubts import Doubt
from sessions.identity import Identity
from sessions.messages import Call
from sessions.oversight import Seen
from sessions.seen_flags import UnseenFlags
from sessions.unwatched import Unwatched


@dataclass(frozen=True, slots=True)
class SessionStatus:
    """One moment of a session; times in seconds on the session's clock.

    `recent` are the newest intervals, oldest first; the last of them is the one that goes on.
    """

    identity: Identity
    started_at: datetime
    elapsed_s: float
    is_running: bool
    begun: bool
    recent: tuple[IntervalResult, ...]
    total_score: int
    flagged_intervals: int
    flag_threshold: int
    unseen: UnseenFlags | None
    seen: Seen
    shut: Shut | None
    unwatched: Unwatched | None
    doubts: tuple[Doubt, ...]
    devices: Mapping[str, Mapping[str, Any]]
    not_asked: tuple[str, ...]
    rates: Mapping[str, float]
    baseline: Mapping[str, float]
    accommodation: Accommodation | None
    notices: tuple[str, ...]
    pause: BreakState | None
    messages_waiting: int
    call: Call | None
    screen_at: float | None

    @property
    def current(self) -> IntervalResult:
        """The interval that goes on."""
        return self.recent[-1]

    def _eyes(self) -> dict[str, Any]:
        """For how long the eyes have looked shut, where it is longer than a blink and still so, and whether they are lowered to something."""
        gaze, shut = self.seen.gaze, self.shut
        if gaze is None or gaze.direction not in ("closed", "down") or shut is None:
            return {"eyes_shut_s": None, "eyes_lowered": False}
        return {"eyes_shut_s": round(max(0.0, gaze.at - shut.start), 1), "eyes_lowered": shut.lowered}

    def to_dict(self) -> dict[str, Any]:
        """As it is answered and sent to dashboards."""
        return {
            **self.identity.to_dict(),
            "started_at": self.started_at,
            "elapsed_s": self.elapsed_s,
            "is_running": self.is_running,
            "begun": self.begun,
            "interval_index": self.current.index,
            "interval_score": self.current.score,
            "total_score": self.total_score,
            "flagged_intervals": self.flagged_intervals,
            "flag_threshold": self.flag_threshold,
            "unseen": self.unseen.to_dict() if self.unseen is not None else None,
            "unwatched": self.unwatched.to_dict() if self.unwatched is not None else None,
            **readings_document(self.seen.gaze, self.seen.persons, self.seen.audio, unread=self.seen.unread, unheard=self.seen.unheard),
            **self._eyes(),
            "violations": [violation_document(violation) for violation in self.current.violations],
            "devices": {name: dict(device) for name, device in self.devices.items()},
            "not_asked": list(self.not_asked),
            "doubts": [doubt.to_dict() for doubt in self.doubts],
            "rates": dict(self.rates),
            "baseline": dict(self.baseline),
            "accommodation": self.accommodation.to_record() if self.accommodation else None,
            "recent": [{"index": result.index, "score": result.score, "flagged": result.flagged} for result in self.recent],
            "notices": list(self.notices),
            "on_break": self.pause is not None,
            "break": {"session_id": self.identity.session_id, **self.pause.to_dict()} if self.pause is not None else None,
            "messages_waiting": self.messages_waiting,
            "call": self.call.to_dict() if self.call else None,
            "screen_at": self.screen_at,
        }
