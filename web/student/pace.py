"""How many pictures a student's page is asked for: fewer while the server can't read them in time, slowly more afterwards."""

from __future__ import annotations

LOOK_S = 1.0  # between two looks at how far the reading is behind
BEHIND_S = 1.5  # a picture that is due for this long is not read in time
SLOWER_AFTER_S = 4.0
FASTER_AFTER_S = 30.0
LEAST_FPS = 2.0  # a gaze of 2 s is still seen four times


class Pace:
    """The pictures a second asked of one page. `fps` is what it is asked for now."""

    def __init__(self, fps: float) -> None:
        self._most = fps
        self.fps = fps
        self._looked_at = 0.0
        self._since: tuple[bool, float] = (False, 0.0)

    def look(self, now: float, behind: float | None) -> float | None:
        """`behind`: for how many seconds a picture has been due and unread. Return the new rate when it changes."""
        if now - self._looked_at < LOOK_S:
            return None
        self._looked_at = now
        saturated = behind is not None and behind > BEHIND_S
        if saturated != self._since[0]:
            self._since = (saturated, now)
        lasts = now - self._since[1]
        if saturated and lasts >= SLOWER_AFTER_S and self.fps > LEAST_FPS:
            return self._change(max(LEAST_FPS, self.fps / 2), now)
        if not saturated and lasts >= FASTER_AFTER_S and self.fps < self._most:
            return self._change(min(self._most, self.fps * 1.5), now)
        return None

    def _change(self, fps: float, now: float) -> float:
        self.fps = round(min(fps, self._most), 1)
        self._since = (self._since[0], now)
        return self.fps
