"""Where a student begins whose own server is full: at another one that has room, to which the page comes by another key.

Only what stands in front knows where a key leads, so the page tries some until one leads to a server with room. That one tells the others by which
it was found, and the next page goes straight there.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

from basics.errors import StorageError, TooMany
from basics.texts import _
from cluster.instance import Instance
from cluster.membership import DEAD_S, Membership
from cluster.owning import owner_of
from cluster.route import ROUTE
from database import Database
from sessions.admission import Admission

KEY_S = 600.0  # a key by which nobody came for so long may give way to another: a wall has a connection for each
STORED_WITHIN_S = 5.0


class Overflow:
    """Of one server. Safe between threads."""

    def __init__(self, database: Database, membership: Membership | None, admission: Admission, clock: Callable[[], float]) -> None:
        """Without `membership`, or where there can be no other server, nobody is sent away."""
        self._database = database
        self._membership = membership if membership is not None and not membership.alone else None
        self._admission = admission
        self._clock = clock
        self._way, self._came_at = "", 0.0
        self._lock = threading.Lock()  # guards both

    def tell(self) -> None:
        """Let the others know, with the next beat, how many may come here, and by which key they do."""
        if self._membership is not None:
            self._membership.tell(room=self._admission.spare(), way=self._way or None)

    def elsewhere(self, position: int) -> str | None:
        """By which key the student at this place begins at another server; empty: it is still to be found. None: there is no room for so many."""
        if self._membership is None or position < 1:
            return None
        for other in self._membership.others():
            room = _room(other) or 0 if other.state == "up" and other.still_s < DEAD_S / 2 else 0
            if position <= room:
                return _way(other)
            position -= room
        return None

    def take_in(self, session_id: str, key: str) -> None:
        """Keep a place for a session whose own server is full, before it is brought here, and note the `key` by which its page came.

        Raise `TooMany` where here is no room either, or the student has no ground to leave that server; `NotFound`, `StorageError`.
        """
        document, members = self._database.session(session_id), self._membership
        owner = owner_of(document)
        left = next((one for one in members.others() if one.name == owner and one.lives), None) if members is not None else None
        if members is None or left is None:
            return  # nobody's, or a dead server's: it comes as any other
        may_leave = document.get("begun") is False and document.get("source") == "browser" and _room(left) == 0
        if not may_leave or members.state != "up" or not self._admission.keep_place(session_id):
            raise TooMany(_("Here is no room either."), retry_after_s=1, reason="full")
        if not ROUTE.fullmatch(key):
            return
        kept = self._database.change("sessions", session_id, {"route": self._way_by(key)}, {"owner": owner, "begun": False})
        if not kept.wait(STORED_WITHIN_S):
            raise StorageError(_("The session's record can't be stored now. Try again in some seconds."), retry_after_s=2)

    def _way_by(self, key: str) -> str:
        """The key by which all come to this server: one for all of them, for as long as somebody does."""
        with self._lock:
            now = self._clock()
            if not self._way or (key != self._way and now - self._came_at > KEY_S):
                self._way = key
            if key == self._way:
                self._came_at = now
            return self._way


def _room(of: Instance) -> int | None:
    told = of.facts.get("room")
    return told if isinstance(told, int) else None


def _way(of: Instance) -> str:
    told = of.facts.get("way")
    return told if isinstance(told, str) and ROUTE.fullmatch(told) else ""
