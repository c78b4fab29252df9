"""The students who are connected: one link a session."""

from __future__ import annotations

import threading
from typing import Any, Protocol

from sessions.session import ExamSession


class Connection(Protocol):
    """A student's link, as the others know it."""

    session: ExamSession

    def say(self, message: dict[str, Any]) -> None: ...

    def close(self) -> None: ...


class Links:
    """The links that are open, one a session: a newer one replaces the older."""

    def __init__(self) -> None:
        self._open: dict[str, Connection] = {}
        self._lock = threading.Lock()

    def enter(self, new: Connection) -> Connection | None:
        """Register a link; return the one it replaces."""
        with self._lock:
            old = self._open.get(new.session.session_id)
            self._open[new.session.session_id] = new
            return old

    def leave(self, gone: Connection) -> bool:
        """Forget a link; False when another has replaced it."""
        with self._lock:
            if self._open.get(gone.session.session_id) is not gone:
                return False
            del self._open[gone.session.session_id]
            return True

    def send(self, session_id: str, message: dict[str, Any]) -> bool:
        """Say something to a student's page; False when it isn't connected."""
        with self._lock:
            found = self._open.get(session_id)
        if found is not None:
            found.say(message)
        return found is not None

    def connected(self, session_id: str) -> bool:
        """Is the student's page connected?"""
        with self._lock:
            return session_id in self._open

    def tell(self, event: str, session: ExamSession, payload: dict[str, Any]) -> None:
        """Take an event of a session: its student is told of what is the student's."""
        if event == "session_ended":
            self.send(session.session_id, {"type": "ended", **{name: payload[name] for name in ("reason", "code", "note")}})
        elif event == "notices":
            self.send(session.session_id, {"type": "quality", "notices": payload["codes"]})
        elif event == "key":
            self.send(session.session_id, {"type": "key"})

    def close_all(self) -> None:
        """Close every link: the server stops, and the pages will come again."""
        with self._lock:
            links = list(self._open.values())
        for each in links:
            each.close()
