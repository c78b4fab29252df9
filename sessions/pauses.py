"""A running session's breaks: begun and ended by proctors and by its student, stored, and told to whom they concern."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from basics.errors import Conflict
from basics.texts import _
from scoring.accommodations import Accommodation
from scoring.breaks import STUDENT, Break
from scoring.session_exam import SessionExam
from sessions.break_control import BreakControl, BreakState
from sessions.documents import Documents, Records
from sessions.events import BreakChanged, Events
from sessions.score_book import ScoreBook, Scored

if TYPE_CHECKING:
    from sessions.session import ExamSession

log = logging.getLogger(__name__)


class Pauses:
    """The breaks of one session. Safe between threads; nothing here waits."""

    def __init__(self, session: ExamSession, book: ScoreBook, store: Documents, events: Events, tell_scored: Callable[[Scored], None]) -> None:
        self._session = session
        self._book = book
        self._store = store
        self._events = events
        self._tell_scored = tell_scored
        self.control = BreakControl(None)
        session.limit.breaks = lambda: self.control.breaks

    def allow(self, accommodation: Accommodation | None, exam: SessionExam | None, breaks: Records = ()) -> None:
        """Allow the breaks of the student and of the exam, and take up those that were."""
        self.control = BreakControl(accommodation, breaks, exam=exam)

    def begin(self, by: str, reason: str, lasting: float | None, media_until: float) -> None:
        """Begin a break, `lasting` so many seconds (None: until somebody ends it). Raise `Conflict` while one is on."""

        def begin() -> list[Break]:
            if not self._session.is_running:
                raise Conflict(_("The session has ended."))
            self.control.begin(self._session.clock(), media_until, by, reason, lasting)
            return self.control.breaks

        self._tell_scored(self._book.change_breaks(begin))
        self._changed()

    def finish(self, at: float) -> None:
        """End the break that is on. Raise `Conflict` when none is."""

        def finish() -> list[Break]:
            self.control.finish(at)
            self._session.watch_over.forgive(at)
            return self.control.breaks

        self._tell_scored(self._book.change_breaks(finish))
        self._changed()

    def by_student(self, *, on: bool, media_until: float) -> None:
        """The student takes a break, while any are left, or comes back. Raise `Conflict`."""
        if on:
            self.begin(STUDENT, "", self.control.student_seconds(), media_until)
        else:
            self.control.check_student_ends()
            self.finish(self._session.clock())

    def tick(self, now: float) -> None:
        """End the break that has reached its own end."""
        if self.control.is_over(now):
            self.finish_if_on(now)

    def finish_if_on(self, now: float) -> None:
        """End the break that is on, where one is."""
        if self.control.is_on:
            with contextlib.suppress(Conflict):  # somebody has just ended it
                self.finish(now)

    def newest(self, now: float) -> BreakState | None:
        """The break that is on, as it stands."""
        return self.control.newest(now) if self.control.is_on else None

    def documents(self) -> list[dict[str, Any]]:
        """Every break so far, as stored."""
        return self.control.documents()

    def _changed(self) -> None:
        self._store.session(breaks=self.documents(), **self._session.limit.document())  # a proctor's pause moves the end
        newest = self.control.newest(self._session.clock())
        assert newest is not None
        log.info("break %s by %s", "begins" if newest.on else "is over, begun", newest.by, extra={"session_id": self._session.session_id})
        self._events.publish(BreakChanged(self._session, newest))
