"""The stills that are kept of one session's camera: of the face in exams that ask who takes them, and of before and after absences."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from media.pictures import Picture
from scoring.rules import Rules
from sessions.absence_stills import AbsenceStills
from sessions.analysis import PictureReadings
from sessions.documents import Storage
from sessions.events import Events
from sessions.face_moments import FaceMoments

if TYPE_CHECKING:
    from sessions.session import ExamSession


class KeptStills:
    """Called by whoever reads the session's pictures, one thread at a time."""

    def __init__(self, session: ExamSession, events: Events, storage: Storage, rules: Callable[[], Rules]) -> None:
        """`rules` gives those in force."""
        self._faces = FaceMoments(session, events)
        self._absences = AbsenceStills(session.identity, storage)
        self._rules = rules

    def see(self, picture: Picture, readings: PictureReadings) -> None:
        """A picture was read."""
        self._faces.see(picture, readings)
        self._absences.see(picture, readings, self._rules())

    def pass_over(self, at: float) -> None:
        """The session is taken up: what was before `at` is done with."""
        self._faces.pass_over(at)

    def close(self) -> None:
        """The session is over."""
        self._absences.close()
