"""Who watches by Socket.IO, what each wants to see, and what each may."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from basics.errors import NotFound, ProctorError
from basics.looks import folded
from web.access.callers import Caller
from web.access.who_may import LOCAL
from web.languages import ENGLISH

ALL_EXAMS = "exams"
OF_EXAM = "exam:"
EXAM_ID_MAX = 128  # characters


@dataclass(slots=True)
class Watch:
    """What one viewer wants of one session, and when it last got something."""

    frames: str
    step: float
    sent_at: float = -1.0
    frame_at: float = -1.0

    def is_due(self, now: float) -> bool:
        """Is it time for something new? A tenth of a step early is: pictures come at their own beat, and every second one would be missed else."""
        return now - self.sent_at >= self.step * 0.9


@dataclass(slots=True)
class Viewer:
    """One dashboard. `caller` says who it is now, `who` is who it was when last asked; `joined` are its rooms, each with its exam."""

    watches: dict[str, Watch] = field(default_factory=dict)
    caller: Callable[[], Caller] = field(default=lambda: LOCAL)
    is_out: bool = False  # its login has ended, and it was told so
    language: str = ENGLISH
    who: Caller = LOCAL
    hears_all: bool = False  # it wants to hear of every exam that it may see, and may not see them all
    joined: dict[str, str | None] = field(default_factory=dict)

    def look(self) -> None:
        """Ask who it is now. Whom nobody can tell now, because the database is away, stays who it was."""
        try:
            self.who = self.caller()
        except ProctorError:
            return

    @property
    def may_watch(self) -> bool:
        """May it watch anything at all?"""
        return self.who.may_at_all("look")

    def sees(self, exam_id: str | None) -> bool:
        """May it see sessions of this exam?"""
        return self.who.may("look", exam_id)

    def check(self, exam_id: str | None, missing: str) -> None:
        """Raise `NotFound` with the words for what isn't there, where it may not see this exam."""
        if not self.sees(exam_id):
            raise NotFound(missing)

    def lost_rooms(self) -> list[str]:
        """The rooms that it is in and may not be in any more; they are forgotten herewith."""
        if self.who.everywhere("look"):
            return []
        lost = [room for room, exam_id in self.joined.items() if room == ALL_EXAMS or not self.sees(exam_id)]
        for room in lost:
            del self.joined[room]
        if ALL_EXAMS in lost:
            self.hears_all = True
        return lost

    def forget(self, session_id: str) -> None:
        """A session is over."""
        for room in (f"session:{session_id}", f"sound:{session_id}"):
            self.joined.pop(room, None)


def hears(viewers: Iterable[tuple[str, Viewer]], rooms: list[str], code: str) -> list[str]:
    """Who hears what is told in `rooms` in a language without being in one of them: those who may see some exams only, this one among them."""
    if ALL_EXAMS not in rooms:
        return []
    exam_id = next((room.removeprefix(OF_EXAM) for room in rooms if room.startswith(OF_EXAM)), None)
    return [sid for sid, one in viewers if one.hears_all and not one.is_out and one.language == code and one.sees(exam_id)]


def exam_room(exam_id: Any) -> str:
    """Who watches an exam, whichever way its ID is spelled."""
    return ALL_EXAMS if exam_id is None else f"{OF_EXAM}{folded(str(exam_id)[:EXAM_ID_MAX])}"


def room_in(room: str, code: str) -> str:
    """Who is told the same in the same language."""
    return room if code == ENGLISH else f"{code}:{room}"
