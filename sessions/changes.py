"""What is different for a session's student while it runs: an accommodation that is set, changed or removed holds from the next moment on.

What was scored before stays as it was. The session keeps what held from when on, so that it is scored, reported and taken up again by that.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from basics.errors import Conflict, StorageError, TooMany
from basics.looks import folded, look, same_id
from basics.readings import DeviceName
from basics.signals import ViolationKind
from basics.texts import _
from database import Document
from scoring.accommodations import Accommodation
from scoring.asked import not_asked
from scoring.exam_times import times_of
from scoring.held import Held, applied_in, history_of, reweighings
from scoring.session_exam import SessionExam
from scoring.weights import Reweighing
from sessions.break_control import MEDIA_AHEAD_S
from sessions.documents import Documents, Records
from sessions.elsewhere import Elsewhere
from sessions.events import Events, Updated
from sessions.pauses import Pauses
from sessions.score_book import ScoreBook, Scored

if TYPE_CHECKING:
    from sessions.making import SessionMaker
    from sessions.session import ExamSession

log = logging.getLogger(__name__)

CHANGES_MAX = 50  # of one session; each is kept with it
NOTICE_S = 120.0  # an end that comes nearer leaves its student at least so long
OFFICE = "proctor"  # who removed it, where nobody says


class Changes:
    """Of one session. Safe between threads, by its book's lock; nothing here waits."""

    def __init__(
        self,
        session: ExamSession,
        book: ScoreBook,
        pauses: Pauses,
        store: Documents,
        events: Events,
        tell_scored: Callable[[Scored], None],
        usual: Mapping[ViolationKind, int] | None,
    ) -> None:
        """`usual` are the points without any accommodation; None: not known, as of a session that an older version began."""
        self.history: tuple[Held, ...] = ()  # empty until something changes
        self.different: Mapping[str, Any] | None = None  # what the student's page is to be told of the last change; None: nothing changed
        self._session = session
        self._book = book
        self._pauses = pauses
        self._store = store
        self._events = events
        self._tell_scored = tell_scored
        self._usual = usual

    @property
    def points(self) -> Mapping[ViolationKind, int]:
        """The points that hold now."""
        return self.history[-1].points if self.history else self._book.rules.points

    @property
    def not_asked(self) -> tuple[DeviceName, ...]:
        """The devices without which the exam can be begun, and may go on: none of their signals has points now."""
        return not_asked(self.points)

    @property
    def usual(self) -> Mapping[ViolationKind, int]:
        """The points without any accommodation."""
        return self._usual if self._usual is not None else self._book.rules.points

    @property
    def knows_usual(self) -> bool:
        """Not of a session that an older version began."""
        return self._usual is not None

    def prepare(self, usual: Mapping[ViolationKind, int] | None) -> None:
        """The session has not begun and was made anew, or what is usual is learnt only now."""
        self._usual = usual
        self._ask_devices()

    @property
    def is_full(self) -> bool:
        """Can the session keep no further change?"""
        return len(self.history) > CHANGES_MAX

    def check_room(self) -> None:
        """Raise `TooMany` where the session can keep no further change."""
        if self.is_full:
            raise changed_too_often()

    def apply(self, accommodation: Accommodation | None, by: str) -> bool:
        """From now on this is the student's accommodation; None: there is none. False where that changes nothing. Raise `TooMany`."""
        before, session = self._session.accommodation, self._session
        if not session.is_running or effect_of(before) == effect_of(accommodation):
            return False
        self.check_room()
        applied = accommodation.to_record() if accommodation else None

        def change() -> list[Reweighing]:
            if not session.is_running:  # it has ended just now, and may be sealed
                raise Conflict(_("The session has ended."))
            now = session.clock()
            at = max(now, min(session.media_until, now + MEDIA_AHEAD_S), self.history[-1].at if self.history else 0.0)
            first = Held(0.0, session.started_at, before.set_by if before else "", before, dict(self._book.rules.points))
            history = self.history or (first,)
            points = accommodation.points_under(self.usual) if accommodation else dict(self.usual)
            self.history = (*history, Held(at, session.wall(at), by, accommodation, points))
            session.accommodation = accommodation
            self._move_end(accommodation)
            self._store.session(accommodation=applied, accommodations=self.documents(), **session.limit.document())  # before its end is
            return reweighings(self.history)

        try:
            scored = self._book.change_weights(change)
        except Conflict:
            return False
        self._pauses.control.allow(accommodation, session.limit.exam)
        self._ask_devices()
        self._tell_page()
        log.info("accommodation %s by %s while the exam runs", "set" if applied else "removed", by, extra={"session_id": session.session_id})
        self._tell_scored(scored)
        self._events.publish(Updated(session))
        return True

    def _move_end(self, accommodation: Accommodation | None) -> None:
        """The end with the student's extra time. One that would come at once, or is past, leaves some minutes."""
        limit = self._session.limit
        if limit.exam is None:
            return
        before, now = limit.ends, self._session.clock()
        limit.exam = _with_extra(limit.exam, accommodation)
        least = min(before, now + NOTICE_S)
        if limit.ends < least:
            times = limit.exam.times
            limit.exam = replace(limit.exam, times=replace(times, extra_s=times.extra_s + least - limit.ends))

    def _ask_devices(self) -> None:
        self._book.not_asked = frozenset(self.not_asked)
        self._session.watch_over.not_ask(self._book.not_asked)

    def _tell_page(self) -> None:
        """Have the student's page told, at its next turn."""
        applied = self._session.accommodation
        watched = [kind for kind, points in self.points.items() if points]
        self.different = {"accommodation": applied.words() if applied else None, "watched": watched, "not_asked": list(self.not_asked)}

    def documents(self) -> list[dict[str, Any]]:
        """What held from when on, as stored."""
        return [held.to_dict() for held in self.history]

    def take_up(self, stored: Records) -> list[Reweighing]:
        """Take up what was stored before the server stopped."""
        self.history = history_of({"accommodations": stored})
        self._ask_devices()
        if self.history:
            self._tell_page()
        return reweighings(self.history)


def changed_too_often() -> TooMany:
    """A session can keep no further change."""
    text = _(
        "What is different for this student has changed %(most)s times in the exam that runs, and can't be changed again before its end.",
        most=CHANGES_MAX,
    )
    return TooMany(text)


def _is_full(document: Document) -> bool:
    return len(document.get("accommodations") or ()) > CHANGES_MAX


def effect_of(accommodation: Accommodation | None) -> Mapping[str, Any]:
    """What an accommodation changes: not who set it when, and no note."""
    shown = accommodation or Accommodation("")
    minutes = shown.break_minutes if shown.breaks_allowed else None
    return {
        **{name: getattr(shown, name) for name in ("reading_aloud", "breaks_allowed", "extra_percent", "extra_min")},
        "break_minutes": minutes,
        "points": dict(shown.points),
    }


def _with_extra(exam: SessionExam, accommodation: Accommodation | None) -> SessionExam:
    extra = (accommodation.extra_percent, accommodation.extra_min) if accommodation else (0.0, 0.0)
    return replace(exam, times=replace(times_of(exam.definition, *extra), used_s=exam.times.used_s))


class TakingEffect:
    """Brings what is stored of accommodations to the sessions that run here. One at a time, so that what was stored last holds in the end.

    Those that run at other servers hear of it there; of them their records say whether they can take it, and how many it touches.
    """

    def __init__(self, maker: SessionMaker, active: Callable[[], Iterable[ExamSession]], elsewhere: Elsewhere) -> None:
        self._maker = maker
        self._active = active
        self._elsewhere = elsewhere
        self._lock = threading.Lock()

    def sessions_of(self, user_id: str, exam_id: str | None) -> list[ExamSession]:
        """The sessions here that an accommodation of this student touches; `exam_id` None: of every exam."""
        return [one for one in self._active() if same_id(one.user_id, user_id) and (exam_id is None or same_id(one.exam_id, exam_id))]

    def check_room(self, user_id: str, exam_id: str | None) -> list[Document]:
        """Before it is stored: raise `TooMany` where a running session can't take it. Return those that run elsewhere, as they are."""
        for session in self.sessions_of(user_id, exam_id):
            session.changes.check_room()
        alike = self._elsewhere.accommodated({"user_look": look(user_id)})
        elsewhere = [one for one in alike if same_id(one["user_id"], user_id) and (exam_id is None or same_id(one.get("exam_id"), exam_id))]
        if any(_is_full(one) for one in elsewhere):
            raise changed_too_often()
        return elsewhere

    def full_in(self, exam_id: str) -> set[str]:
        """The students, by folded id, whose session of this exam can't take another change."""
        here = {folded(one.user_id) for one in self._active() if one.changes.is_full and same_id(one.exam_id, exam_id)}
        full = self._elsewhere.accommodated({"exam_look": look(exam_id), f"accommodations.{CHANGES_MAX}": {"$exists": True}})
        return here | {folded(one["user_id"]) for one in full if same_id(one["exam_id"], exam_id)}

    def changed(self, user_id: str, exam_id: str | None, by: str, elsewhere: Iterable[Document] = ()) -> int:
        """What is stored for this student is another now; return for how many exams that are going on something is different by it.

        `elsewhere` is what `check_room` gave before it was stored.
        """
        here = sum(self.bring(session, by) for session in self.sessions_of(user_id, exam_id))
        return here + sum(self._is_another(one) for one in elsewhere if one.get("begun") is not False)

    def _is_another(self, document: Document) -> bool:
        found = self._maker.accommodations.find(document["user_id"], document.get("exam_id"))
        return effect_of(applied_in(document)) != effect_of(found)

    def changed_in(self, user_ids: Collection[str], exam_id: str, by: str) -> None:
        """The same for many students of one exam, as a list of them sets it."""
        whose = {folded(user_id) for user_id in user_ids}
        for session in self._active():
            if folded(session.user_id) in whose and same_id(session.exam_id, exam_id):
                self.bring(session, by)

    def bring(self, session: ExamSession, by: str = "", *, newer_only: bool = False) -> bool:
        """Let what is stored now hold in a session. `newer_only`: unless the session's own was set later, or there is none any more."""
        with self._lock:
            try:
                if not session.begun and newer_only:  # it is made anew when its student comes
                    return False
                if not session.begun:
                    around = self._maker.surroundings(session.user_id, session.exam_id)
                    session.prepare(around.rules, around.accommodation, around.exam, around.usual)
                if not session.begun:  # it may have begun just now
                    return False
                found = self._maker.accommodations.find(session.user_id, session.exam_id, strict=newer_only)
                if newer_only and not _is_newer(found, session.accommodation):
                    return False
                if not session.changes.knows_usual:  # as the exam has it now
                    session.changes.prepare(self._maker.surroundings(session.user_id, session.exam_id).usual)
                return session.changes.apply(found, by or (found.set_by if found else OFFICE))
            except TooMany as error:
                log.warning("%s", error.message, extra={"session_id": session.session_id})
            except StorageError as error:
                log.warning("whether an accommodation was set meanwhile can't be read: %s", error.message, extra={"session_id": session.session_id})
            return False


def _is_newer(found: Accommodation | None, held: Accommodation | None) -> bool:
    return found is not None and found.at is not None and (held is None or held.at is None or found.at > held.at)
