"""The moments that proctors mark in one session: each keeps the clip of its interval, with a note for who reviews it."""

from __future__ import annotations

import logging
import threading
import uuid
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from basics.errors import Conflict, TooMany
from basics.texts import _
from scoring.marks import Mark
from sessions import events as told
from sessions.documents import Documents
from sessions.events import Events
from sessions.score_book import ScoreBook, Scored

if TYPE_CHECKING:
    from sessions.session import ExamSession

log = logging.getLogger(__name__)

MARKS_MAX = 100  # of one session; its document holds them all


class Marks:
    """Belongs to one session. Safe between threads."""

    def __init__(self, session: ExamSession, book: ScoreBook, store: Documents, events: Events, scored: Callable[[Scored], None]) -> None:
        """`scored` is told what a mark changed in the score."""
        self._session = session
        self._book = book
        self._store = store
        self._events = events
        self._scored = scored
        self._marks: tuple[Mark, ...] = ()
        self._lock = threading.Lock()

    def add(self, note: str, by: str, seconds_ago: float = 0.0) -> tuple[Mark, int, Any]:
        """Mark the moment `seconds_ago`; return the mark, its interval's number and the ticket of its record.

        At most an interval ago: of what is older the pictures may be gone. Raise `Conflict` where nothing is recorded, `TooMany`.
        """
        session = self._session
        now = session.clock()
        at = max(0.0, now - min(seconds_ago, self._book.rules.interval_duration))
        at = now if _in_break(session, at) else at
        if not session.is_running or not session.begun or session.on_break:
            raise Conflict(_("Nothing is recorded now: the session has not begun, has ended, or there is a break. There is no moment to be marked."))
        mark = Mark(uuid.uuid4().hex, round(at, 2), by, note)
        with self._lock:
            if len(self._marks) >= MARKS_MAX:
                raise TooMany(_("%(marks_max)s moments were marked in this session, which is the limit.", marks_max=MARKS_MAX))
            self._marks = tuple(sorted((*self._marks, mark), key=lambda one: one.at))
            ticket = self._store.session(marks=self.documents())
            scored = self._book.change_marks(self._marks)
        index = self._book.rules.index(mark.at)
        log.info("interval %d is marked by %s", index, by, extra={"session_id": session.session_id})
        self._scored(scored)
        self._events.publish(told.MomentMarked(session, mark, index))
        return mark, index, ticket

    def take_up(self, documents: Iterable[Mapping[str, Any]]) -> tuple[Mark, ...]:
        """Take up marks as `documents` gave them."""
        self._marks = tuple(Mark.from_dict(document) for document in documents)
        return self._marks

    def documents(self) -> list[dict[str, Any]]:
        """Every mark, in the order of its moment, for storage and answers."""
        return [mark.to_dict() for mark in self._marks]


def _in_break(session: ExamSession, at: float) -> bool:
    return any(one["start"] <= at and (one["end"] is None or at < one["end"]) for one in session.breaks())
