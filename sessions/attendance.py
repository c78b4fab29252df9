"""Which students are there: whose page is connected, who has been away for too long, and which browser started an exam."""

from __future__ import annotations

import hmac
import threading
from collections.abc import Callable, Iterable
from math import inf

from sessions.ends import End
from sessions.session import ExamSession

HEARD_S = 60.0  # connected for so long in all, a page has delivered what it kept while nobody heard it
LINK_LIFE_S = 24 * 3600.0  # a session that nobody has begun waits as long as its student's link is good


class Attendance:
    """By session: when its student was last connected, and until when one that was interrupted may go on. Safe between threads."""

    def __init__(self, clock: Callable[[], float], *, abandoned_s: float) -> None:
        """`abandoned_s`: seconds without the student's page after which a browser's exam is over."""
        self._clock = clock
        self._abandoned_s = abandoned_s
        self._lock = threading.Lock()
        self._linked_at: dict[str, float] = {}
        self._resume_until: dict[str, float] = {}
        self._seen_until: dict[str, float] = {}
        self._heard: dict[str, tuple[float, float]] = {}  # for how long since then, and since when on this connection
        self._nonces: dict[str, str] = {}  # what the browser that started a session brought with it
        self._vouched: set[str] = set()

    def expect(self, session_id: str, nonce: str = "", *, waited: float = 0.0, vouched: bool = False) -> None:
        """Wait for a session's student from now on, of whom `waited` seconds have gone by already. `vouched`: see `vouch`."""
        with self._lock:
            self._linked_at[session_id] = self._clock() - waited
            if nonce:
                self._nonces[session_id] = nonce
            if vouched:
                self._vouched.add(session_id)

    def give_until(self, session_id: str, seconds: float, *, unseen: float = 0.0) -> None:
        """The student's page must come back within so many seconds; nobody has heard it for `unseen` already."""
        with self._lock:
            self._resume_until[session_id] = self._clock() + seconds
            self._seen_until[session_id] = self._clock() - unseen
            self._heard.pop(session_id, None)

    def connected(self, session_id: str, there: bool) -> None:
        """The student's page came or went."""
        with self._lock:
            self._resume_until.pop(session_id, None)
            was_there = self._linked_at.get(session_id) == inf
            self._linked_at[session_id] = inf if there else self._clock()
            heard, since = self._heard.get(session_id, (0.0, self._clock()))
            if there:  # where one page replaces another, the time of the first counts
                self._heard[session_id] = (heard + (self._clock() - since if was_there else 0.0), self._clock())
            elif heard + self._clock() - since < HEARD_S:  # too short a connection: what it was to deliver may be still to come
                self._heard[session_id] = (heard + self._clock() - since, self._clock())
            else:
                self._heard.pop(session_id, None)
                self._seen_until[session_id] = self._clock()

    def unseen_for(self, session_id: str, otherwise: float) -> float:
        """For how many seconds nobody has heard the student's page; 0 where one is connected, `otherwise` where none ever was."""
        with self._lock:
            if self._linked_at.get(session_id) == inf:
                return 0.0
            seen = self._seen_until.get(session_id)
        return otherwise if seen is None else self._clock() - seen

    def was_started_with(self, session_id: str, nonce: str) -> bool:
        """Was this session started by the browser that has `nonce`? It may have its answer again."""
        return hmac.compare_digest(self._nonces.get(session_id, ""), nonce) if nonce else False

    def by_id(self, session_id: str) -> bool:
        """Was this session started by an ID alone, and has no proctor made a link for it since?"""
        return session_id in self._nonces and session_id not in self._vouched

    def vouch(self, session_id: str) -> None:
        """A proctor or a script made the session, or a link for it."""
        with self._lock:
            self._vouched.add(session_id)

    def is_vouched(self, session_id: str) -> bool:
        """Did a proctor or a script make the session, reopen it, or make a link for it?"""
        return session_id in self._vouched

    def forget_browser(self, session_id: str) -> None:
        """The browser that started a session gets no answer of it again: its student has another link."""
        with self._lock:
            self._nonces.pop(session_id, None)

    def forget(self, session_id: str) -> None:
        """The session is over."""
        with self._lock:
            for known in (self._linked_at, self._resume_until, self._seen_until, self._heard, self._nonces):
                known.pop(session_id, None)
            self._vouched.discard(session_id)

    def _there_for(self, session: ExamSession, now: float) -> float:
        """For how many seconds the session's page has been connected; a station is always there."""
        if session.source != "browser":
            return inf
        with self._lock:
            if self._linked_at.get(session.session_id) != inf:
                return 0.0
            return now - self._heard.get(session.session_id, (0.0, now))[1]

    def overdue(self, sessions: Iterable[ExamSession]) -> list[tuple[str, End]]:
        """The sessions whose time is over, and those whose student has been away for too long, and why each ends."""
        now = self._clock()
        with self._lock:
            linked_at = dict(self._linked_at)
            due = [(session_id, End("restart")) for session_id, until in self._resume_until.items() if now > until]
            for session_id, _ in due:
                del self._resume_until[session_id]
        for session in sessions:
            away = now - linked_at.get(session.session_id, now) if session.source == "browser" else 0.0
            if session.begun and session.limit.is_over(self._there_for(session, now)):
                due.append((session.session_id, End("time")))
            elif not session.begun and away > LINK_LIFE_S and not session.limit.closes_by_itself:
                due.append((session.session_id, End("unused")))
            elif session.begun and min(away, session.limit.since_pause()) > self._abandoned_s:  # in a proctor's pause a lid may be closed
                due.append((session.session_id, End("away")))
        return due
