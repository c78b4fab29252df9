"""The students who are connected: one link a session."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol

from basics.errors import TooMany
from basics.texts import _
from sessions.events import Events, KeyWanted, NoticesChanged, SessionEnded, SessionMoved
from sessions.session import ExamSession
from web.student.budget import Budget
from web.student.page_clock import PageClocks

PLACES = 4  # connections of one session at a time: its page, the one that this replaces, and what still says goodbye
PAGE = re.compile(r"[0-9A-Za-z-]{16,64}")
ATTEMPT = re.compile(r"[0-9]{1,9}")


@dataclass(frozen=True, slots=True)
class Attempt:
    """Which of a page's attempts to connect this is. A server that was slow to answer comes to the first when the page has given it up."""

    page: str
    number: int

    def is_late(self, other: Attempt | None) -> bool:
        """Is `other` of the same page, and was made after this one?"""
        return other is not None and other.page == self.page and other.number > self.number


def attempt_of(query: Mapping[str, str]) -> Attempt | None:
    """What the address says of it; None where it says nothing that can be read."""
    page, number = query.get("page", ""), query.get("attempt", "")
    return Attempt(page, int(number)) if PAGE.fullmatch(page) and ATTEMPT.fullmatch(number) else None


class Late(Exception):
    """The page has given this connection up, and is here by a newer one."""


class Connection(Protocol):
    """A student's link, as the others know it."""

    session: ExamSession

    @property
    def attempt(self) -> Attempt | None: ...

    def say(self, message: dict[str, Any]) -> None: ...

    def close(self) -> None: ...


class Links:
    """The links that are open, one a session: a newer one replaces the older. Each student is told here of what is the student's."""

    def __init__(self, events: Events) -> None:
        events.subscribe(SessionEnded, self._ended)
        events.subscribe(SessionMoved, self._moved)
        events.subscribe(NoticesChanged, self._notices)
        events.subscribe(KeyWanted, lambda event: self._say(event.session.session_id, {"type": "key"}))
        self._open: dict[str, Connection] = {}
        self._clocks: dict[str, PageClocks] = {}
        self._budgets: dict[str, Budget] = {}
        self._places: dict[str, int] = {}
        self._coming: dict[str, threading.Lock] = {}
        self._lock = threading.Lock()

    @contextmanager
    def place(self, session_id: str) -> Iterator[None]:
        """Take a place for one connection by this session's token. Raise `TooMany` where its pages have them all: nobody else's are taken then."""
        with self._lock:
            if self._places.get(session_id, 0) >= PLACES:
                raise TooMany(_("As many connections of this exam are open as a page has use for; try again."), retry_after_s=2)
            self._places[session_id] = self._places.get(session_id, 0) + 1
            self._coming.setdefault(session_id, threading.Lock())
        try:
            yield
        finally:
            with self._lock:
                self._places[session_id] -= 1
                if not self._places[session_id]:
                    del self._places[session_id], self._coming[session_id]

    def enter(self, new: Connection, tell: Callable[[bool], object]) -> Connection | None:
        """Register a link and `tell` that its student is there; return the one it replaces. Its place must be taken. Raise `Late`."""
        session_id = new.session.session_id
        with self._coming[session_id]:  # what is told comes in the order of what was done
            with self._lock:
                old = self._open.get(session_id)
                if old is not None and new.attempt is not None and new.attempt.is_late(old.attempt):
                    raise Late
                self._open[session_id] = new
            tell(True)
            return old

    def leave(self, gone: Connection, tell: Callable[[bool], object]) -> None:
        """Forget a link and `tell` that its student is gone, where no other has replaced it. Its place must be taken still."""
        session_id = gone.session.session_id
        with self._coming[session_id]:
            with self._lock:
                if self._open.get(session_id) is not gone:
                    return
                del self._open[session_id]
            tell(False)

    def clocks_of(self, session: ExamSession) -> PageClocks:
        """The clocks of a session's pages, over all their connections, those of before the server's start too."""
        with self._lock:
            if session.session_id not in self._clocks:
                self._clocks[session.session_id] = PageClocks(session.watch_over.page_clocks, session.watch_over.keep_clocks)
            return self._clocks[session.session_id]

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

    def let_go(self, session_id: str) -> None:
        """The link by which a student's page is connected is over: tell it so."""
        self._say(session_id, {"type": "replaced"})

    def _say(self, session_id: str, message: dict[str, Any]) -> None:
        """Say something to a student's page, where it is connected."""
        with self._lock:
            found = self._open.get(session_id)
        if found is not None:
            found.say(message)

    def _moved(self, event: SessionMoved) -> None:
        self._forget(event.session.session_id)
        self._say(event.session.session_id, {"type": "moved"})

    def _forget(self, session_id: str) -> None:
        with self._lock:
            self._clocks.pop(session_id, None)
            self._budgets.pop(session_id, None)

    def _ended(self, event: SessionEnded) -> None:
        self._forget(event.session.session_id)
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
