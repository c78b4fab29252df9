"""Since when a session can't be watched, and why: its line or camera is gone, or nothing in its pictures can be told. It never counts a point."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from basics.readings import GazeReading, PersonsReading
from sessions.device_states import GONE, NOTHING
from sessions.oversight import Seen

SETTLED_S = 3.0  # one picture that can be told, among others that can't, is no session that can be watched


@dataclass(frozen=True, slots=True)
class Unwatched:
    """`since` is in seconds on the session's clock. `reason`: see `why`."""

    since: float
    reason: str

    def to_dict(self) -> dict[str, Any]:
        """As it is answered."""
        return {"since_s": round(self.since, 1), "reason": self.reason}


def why(states: Mapping[str, tuple[str, str]], seen: Seen, *, by_camera: bool = True) -> str:
    """Why nobody can watch now; empty where one can. `states` are the devices' states and their reasons; `by_camera`: it is asked for.

    `connection`, `nothing_comes` (neither pictures nor sound), `camera_` and the camera's state, `not_read`, or the reason of the readings.
    """
    if _state(states, "connection") in GONE:
        return "connection"
    if not by_camera:
        return ""
    camera, reason = states.get("camera", ("", ""))
    if camera in GONE:
        silent = reason == NOTHING and states.get("microphone", ("lost", NOTHING))[1] == NOTHING
        return NOTHING if silent else f"camera_{camera}"
    if camera == "covered":
        return camera
    if seen.gaze is None:
        return "" if seen.unread == "starting" else seen.unread
    return _unreadable(seen.gaze, seen.persons)


def _state(states: Mapping[str, tuple[str, str]], device: str) -> str:
    return states.get(device, ("", ""))[0]


def _unreadable(gaze: GazeReading, persons: PersonsReading | None) -> str:
    if gaze.direction != "unknown" or (persons is not None and persons.count is not None):
        return ""
    return (persons.reason if persons is not None else "") or gaze.reason or "unknown"


class UnwatchedSince:
    """Of one session. One thread takes, any may read."""

    def __init__(self) -> None:
        self.now: Unwatched | None = None
        self._told_at: float | None = None  # from when on it can be watched again

    def take(self, reason: str, now: float) -> None:
        """`reason` is why nobody can watch at `now`, empty where one can."""
        if reason:
            self._told_at = None
            self.now = Unwatched(self.now.since if self.now is not None else now, reason)
        elif self.now is not None:
            self._told_at = now if self._told_at is None else self._told_at
            if now - self._told_at >= SETTLED_S:
                self.forget()

    def forget(self) -> None:
        """Nothing is asked for, as in a break."""
        self.now = self._told_at = None
