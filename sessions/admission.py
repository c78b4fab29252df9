"""Who may begin an exam now: as many as may run at once, and those beyond them in the order in which they came."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence

from basics.figures import Figure
from sessions.attendance import Attendance
from sessions.capacity import Capacity
from sessions.refusals import links_are_full, room_is_full
from sessions.session import ExamSession
from sessions.waiting_room import Standing, WaitingRoom
from settings.settings import Settings

WAITING_FACTOR = 10  # times MAX_SESSIONS may wait for their students


class Admission:
    """Of one server."""

    def __init__(
        self,
        settings: Settings,
        sessions: Callable[[], Sequence[ExamSession]],
        attendance: Attendance,
        capacity: Capacity,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.capacity = capacity
        self.waiting = WaitingRoom(clock)
        self._most = settings.max_sessions
        self._sessions = sessions
        self._attendance = attendance

    def ask(self, session: ExamSession) -> Standing:
        """May this student begin, or go on? Else its place among those who wait. Raise `TooMany` where too many do.

        Sessions that wait for their student, as links made the day before, take next to nothing. Those that were started by an ID alone leave room
        for all others. Whom somebody let in one by one, by a call, a link, reopening or an accommodation, waits for MAX_SESSIONS alone.
        """
        last = self._attendance.by_id(session.session_id)
        is_let_in = session.accommodation is not None or self._attendance.is_vouched(session.session_id)
        if session.begun or (is_let_in and self._running(self._counted(self._sessions(), by_id=last)) < self._most):
            self.waiting.leave(session.session_id)
            return Standing(0)
        return self.waiting.ask(session.session_id, lambda: self._room(self._counted(self._sessions(), by_id=last)), last=last)

    def spare(self) -> int:
        """How many more may begin than have begun, were let in, or wait."""
        return self.waiting.spare(self._room(self._counted(self._sessions(), by_id=True)))

    def keep_place(self, session_id: str) -> bool:
        """Let in a student who comes from another server, behind all of this one's own; False where there is no room."""
        standing = self.waiting.ask(session_id, lambda: self._room(self._counted(self._sessions(), by_id=True)), last=True)
        if standing.position:
            self.waiting.leave(session_id)
        return not standing.position

    def figures(self) -> list[Figure]:
        """For `/metrics`."""
        running = [session for session in self._sessions() if session.begun]
        waiting, longest = self.waiting.figures()
        return [
            Figure("sessions_running", "Exams that have begun and not ended.", len(running)),
            Figure("capacity_sessions", "Exams that this server takes at once.", self.capacity.exams(running)),
            Figure("students_waiting", "Students who wait for their turn to begin.", waiting),
            Figure("students_waiting_longest_seconds", "For how long the first of them has waited.", longest),
        ]

    def check_room(self, sessions: Iterable[ExamSession], *, waits: bool, by_id: bool) -> None:
        """Raise `TooMany` where another session can't be made: MAX_SESSIONS run, or one more that `waits` for its student finds no place.

        What a call or a proctor makes is not measured by what the machine can watch: nobody stands there who could wait.
        """
        counted = self._counted(sessions, by_id=by_id)
        running = self._running(counted)
        if not waits and running >= self._most:
            raise room_is_full(running)
        if waits and len(counted) - running >= WAITING_FACTOR * self._most:
            raise links_are_full(len(counted) - running)

    @staticmethod
    def _running(counted: Iterable[ExamSession]) -> int:
        return sum(session.begun for session in counted)

    def _room(self, counted: Sequence[ExamSession]) -> int:
        """How many more may begin."""
        running = [session for session in counted if session.begun]
        return self.capacity.exams(running) - len(running)

    def _counted(self, sessions: Iterable[ExamSession], *, by_id: bool) -> list[ExamSession]:
        """The sessions whose places one more asks for: whoever comes by an ID alone has what all others leave, those find theirs in any case."""
        return [session for session in sessions if by_id or not self._attendance.by_id(session.session_id)]
