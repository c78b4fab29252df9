"""How many pictures a student's page is asked for: fewer while the server can't read them in time, slowly more afterwards. And who comes late."""

from __future__ import annotations

from collections import deque

LOOK_S = 1.0  # between two looks at how far the reading is behind
BEHIND_S = 1.5  # a picture that is due for this long is not read in time
SLOWER_AFTER_S = 4.0
FASTER_AFTER_S = 30.0
LEAST_FPS = 2.0  # a gaze of 2 s is still seen four times
LATE_S = 2.0  # media that come this long after they were taken: the student's network holds them up
TELL_LATE_S = 2.0  # the page is told of it this often
RATE_S, RATE_LEAST_S = 2.0, 1.0  # what came in this time is what the network carries while media wait for it


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


class Lateness:
    """Says when the page must be told that what it sends comes late, and how much the network carries meanwhile."""

    def __init__(self) -> None:
        self._told_at = -TELL_LATE_S
        self._came: deque[tuple[float, int]] = deque()

    def look(self, now: float, at: float, size: int) -> dict[str, int] | None:
        """Something of `size` bytes came now that was taken `at`. Return what the page is to be told, if it is.

        That is: `ms` late, and `kbits` a second that come, 0 where that isn't known.
        """
        self._came.append((now, size))
        while now - self._came[0][0] > RATE_S:
            self._came.popleft()
        if now - at < LATE_S or now - self._told_at < TELL_LATE_S:
            return None
        self._told_at = now
        span = now - self._came[0][0]
        came = sum(size for _, size in self._came) - self._came[0][1]
        kbits = round(came * 8 / 1000 / span) if span >= RATE_LEAST_S else 0
        return {"ms": round((now - at) * 1000), "kbits": kbits}
