"""Live sound for proctors who listen: who hears which session, and the stretches that wait to be sent. Bounded: what is late is skipped."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from typing import Any

from basics.errors import InvalidInput
from basics.readings import Sound
from basics.texts import _

WAITING_MAX = 300  # stretches of all sessions that wait for the pump; beyond it the oldest go
BACKLOG_MAX = 12  # messages that wait for one listener: with more it misses a stretch (sound comes up to ten times a second)
LISTENED_MAX = 4  # sessions that one dashboard hears at once

Send = Callable[[str, dict[str, Any]], None]


class LiveSound:
    """Who listens, and what waits to be heard. Safe between threads."""

    def __init__(self) -> None:
        self._listeners: dict[str, set[str]] = {}
        self._waiting: deque[tuple[str, Sound]] = deque(maxlen=WAITING_MAX)
        self._lock = threading.Lock()

    def join(self, session_id: str, sid: str) -> None:
        """A viewer listens to a session. Raise `InvalidInput` where it hears too many already."""
        with self._lock:
            hears = [heard for heard, listeners in self._listeners.items() if sid in listeners]
            if len(hears) >= LISTENED_MAX and session_id not in hears:
                raise InvalidInput(
                    _("one dashboard listens to at most %(listened_max)s sessions at once; leave one first", listened_max=LISTENED_MAX)
                )
            self._listeners.setdefault(session_id, set()).add(sid)

    def leave(self, session_id: str, sid: str) -> None:
        """A viewer listens no more; of a session that nobody hears nothing is kept."""
        with self._lock:
            listeners = self._listeners.get(session_id, set())
            listeners.discard(sid)
            if not listeners:
                self._listeners.pop(session_id, None)

    def forget(self, sid: str) -> None:
        """A viewer has gone."""
        for session_id in list(self._listeners):
            self.leave(session_id, sid)

    def ended(self, session_id: str) -> None:
        """A session has ended."""
        with self._lock:
            self._listeners.pop(session_id, None)

    def put(self, session_id: str, sound: Sound) -> bool:
        """Queue a stretch of sound. False, and nothing is kept, where nobody hears this session. Never blocks."""
        if session_id not in self._listeners:
            return False
        self._waiting.append((session_id, sound))
        return True

    def hand_out(self, send: Send, backlog: Callable[[str], int]) -> None:
        """Send what waits to those who listen and have room for it."""
        while self._waiting:
            session_id, sound = self._waiting.popleft()
            with self._lock:
                listeners = list(self._listeners.get(session_id, ()))
            message = {"session_id": session_id, "at": round(sound.at, 3), "pcm": sound.samples.astype("<i2").tobytes()} if listeners else {}
            for sid in listeners:
                if backlog(sid) <= BACKLOG_MAX:
                    send(sid, message)
