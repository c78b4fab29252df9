"""The students who are connected: one link a session."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, Protocol

from sessions.events import Events, KeyWanted, NoticesChanged, SessionEnded
from sessions.session import ExamSession
from web.student.budget import Budget
from web.student.page_clock import PageClocks


class Connection(Protocol):
    """A student's link, as the others know it."""

    session: ExamSession

    def say(self, message: dict[str, Any]) -> None: ...

    def close(self) -> None: ...


class Links:
    """The links that are open, one a session: a newer one replaces the older. Each student is told here of what is the student's."""

    def __init__(self, events: Events) -> None:
        events.subscribe(SessionEnded, self._ended)
        events.subscribe(NoticesChanged, self._notices)
        events.subscribe(KeyWanted, lambda event: self._say(event.session.session_id, {"type": "key"}))
        self._open: dict[str, Connection] = {}
        self._clocks: dict[str, PageClocks] = {}
        self._budgets: dict[str, Budget] = {}
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

    def clocks_of(self, session_id: str) -> PageClocks:
        """The clocks of a session's pages, over all their connections."""
        with self._lock:
            return self._clocks.setdefault(session_id, PageClocks())

    def budget(self, session_id: str, new: Callable[[], Budget]) -> Budget:
        """What the pages of a session may send: one for all its connections, until it ends, so that coming again brings no more."""
        with self._lock:
            if session_id not in self._budgets:
                self._budgets[session_id] = new()
            return self._budgets[session_id]

    def connected(self, session_id: str) -> bool:
        """Is the student's page connected?"""
        with self._lock:
            return session_id in self._open

    def _say(self, session_id: str, message: dict[str, Any]) -> None:
        """Say something to a student's page, where it is connected."""
        with self._lock:
            found = self._open.get(session_id)
        if found is not None:
            found.say(message)

    def _ended(self, event: SessionEnded) -> None:
        with self._lock:
            self._clocks.pop(event.session.session_id, None)
            self._budgets.pop(event.session.session_id, None)
        end = {"reason": event.end.reason, "code": event.end.code, "note": event.end.note}
        self._say(event.session.session_id, {"type": "ended", **end})

    def _notices(self, event: NoticesChanged) -> None:
        self._say(event.session.session_id, {"type": "quality", "notices": list(event.codes)})

    def close_all(self) -> None:
        """Close every link: the server stops, and the pages will come again."""
        with self._lock:
            links = list(self._open.values())
        for each in links:
            each.close()
