"""When a still of the face is kept in an exam that asks who takes it: once shortly after the start, and a few times spread over the exam.

Where they lie in their parts of the exam differs from session to session, and is the same after a restart of the server.
"""

from __future__ import annotations

import math
import random
from bisect import bisect_right
from functools import lru_cache
from typing import TYPE_CHECKING

from media.pictures import Picture
from sessions.analysis import PictureReadings
from sessions.events import Events, FaceSeen

if TYPE_CHECKING:
    from sessions.session import ExamSession

FIRST_S = 15.0  # after the start, when the page has settled
PARTS = 5  # of the exam, each with a still
UNTIL_S = 3 * 3600.0  # where nobody knows how long the exam is
LEAST_S = 60.0  # between the first and the others


@lru_cache(1000)
def moments(session_id: str, length: float) -> tuple[float, ...]:
    """The moments in seconds from the start, in order, of an exam of `length` seconds; infinity: of one without an end."""
    part = (UNTIL_S if math.isinf(length) else length) / PARTS
    chance = random.Random(session_id)
    later = [round(part * (number + chance.uniform(0.2, 0.9)), 1) for number in range(PARTS)]
    return (FIRST_S, *(at for at in later if at >= FIRST_S + LEAST_S))


class FaceMoments:
    """Of one session. Called by whoever reads its pictures, one thread at a time."""

    def __init__(self, session: ExamSession, events: Events) -> None:
        self._session = session
        self._events = events
        self._done = 0  # moments that are done with

    def see(self, picture: Picture, readings: PictureReadings) -> None:
        """A picture was read: where a still is due and a face is in it, tell who keeps them. One that is missed waits for the next face."""
        exam = self._session.limit.exam
        if exam is None or not exam.definition.identity_step or readings.gaze.box is None:
            return
        past = self._past(picture.at)
        if past > self._done:
            self._done = past
            self._events.publish(FaceSeen(self._session, picture))

    def pass_over(self, at: float) -> None:
        """The session is taken up: the moments before `at` are done with."""
        self._done = self._past(at)

    def _past(self, at: float) -> int:
        return bisect_right(moments(self._session.session_id, self._session.limit.ends), at)
