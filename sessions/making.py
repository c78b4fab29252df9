"""What a session is made with: its student's accommodation, its exam, and the rules that follow; and may it be begun now?"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from basics.errors import Conflict
from basics.signals import ViolationKind
from basics.texts import _
from basics.times import iso_time, utc_now
from cluster.owning import FIRST_EPOCH
from database import Database
from media.recorder import Recorder
from records.accommodations import Accommodations
from records.exams import Exam, Exams
from scoring.accommodations import Accommodation
from scoring.exam_rules import rules_for
from scoring.rules import Rules
from scoring.session_exam import SessionExam
from sessions.events import Events
from sessions.identity import Identity
from sessions.ownership import Owned
from sessions.routing import Routing
from sessions.session import ExamSession
from settings.settings import Settings

if TYPE_CHECKING:
    from cluster.membership import Membership
    from sessions.models import Models

PREPARED_MOST = 5  # times that a session is made anew because accommodations were set meanwhile


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What holds for one student in one exam, as it stands at one moment."""

    rules: Rules
    accommodation: Accommodation | None = None
    exam: SessionExam | None = None
    usual: Mapping[ViolationKind, int] | None = None  # the points without the accommodation


class SessionMaker:
    """Makes sessions that are not live yet."""

    def __init__(
        self,
        settings: Settings,
        database: Database,
        models: Models,
        recorder: Recorder,
        events: Events,
        clock: Callable[[], float],
        membership: Membership | None = None,
    ) -> None:
        self.accommodations = Accommodations(database)
        self.exams = Exams(database)
        self.routing = Routing(database, settings.route_students_a_key, membership)
        self._settings = settings
        self._database = database
        self._models = models
        self._recorder = recorder
        self._events = events
        self._clock = clock
        self._defaults = Rules.from_settings(settings)

    def remember(self) -> None:
        """Read what sessions are made with, for those that start while the database is away. Raise `StorageError`."""
        self.accommodations.remember()
        self.exams.remember()

    def surroundings(self, user_id: str, exam_id: str | None) -> Surroundings:
        """What holds for this student in this exam now. Never raises: an exam starts in an outage too."""
        accommodation = self.accommodations.find(user_id, exam_id)
        exam = self.exams.get(exam_id)
        rules = rules_for(exam.definition, self._defaults) if exam else self._defaults
        under = accommodation.apply(rules) if accommodation else rules
        return Surroundings(under, accommodation, _of_student(exam, accommodation) if exam else None, rules.points)

    def identity(self, user_id: str, exam_id: str | None, source: str, station: str | None = None) -> Identity:
        """A new session's."""
        session_id = uuid.uuid4().hex
        return Identity(session_id, user_id, exam_id, source, station, self.routing.of(user_id, exam_id, session_id))

    def make(
        self, identity: Identity, around: Surroundings, *, begun: bool, started_at: datetime, ago: float = 0.0, epoch: int = FIRST_EPOCH
    ) -> ExamSession:
        """A session that started `ago` seconds ago, at `started_at` in UTC, and is this server's in this epoch."""
        return ExamSession(
            identity,
            rules=around.rules,
            settings=self._settings,
            models=self._models,
            storage=Owned(self._database, epoch),
            recorder=self._recorder,
            events=self._events,
            clock=self._clock,
            started_at=started_at,
            start=self._clock() - ago,
            accommodation=around.accommodation,
            exam=around.exam,
            usual=around.usual,
            begun=begun,
        )

    def prepare(self, session: ExamSession) -> None:
        """Before its student begins: take rules and exam as they are now. Raise `Conflict` where the exam can't be begun now."""
        for _turn in range(PREPARED_MOST):
            version = self.accommodations.version
            around = self.surroundings(session.user_id, session.exam_id)
            self.check_open(session.exam_id, around)
            session.prepare(around.rules, around.accommodation, around.exam, around.usual)
            if version == self.accommodations.version:  # else one may have been set while this was read
                return

    def check_open(self, exam_id: str | None, around: Surroundings, *, early: bool = False) -> None:
        """Raise `Conflict`, with `opens` where that is known, unless the exam may be begun now. `early`: it may open later."""
        exam, now = self.exams.known(exam_id), utc_now()
        if exam is None or around.exam is None:
            return
        times = around.exam.times
        if exam.state in {"closed", "archived"} or times.is_late(now):
            raise Conflict(_("The exam has closed, and can't be begun any more. Ask your institution."), field="exam_id", reason="closed")
        if early:
            return
        if times.opens is not None and times.is_early(now):
            opens = iso_time(times.opens)
            raise Conflict(_("The exam can't be begun yet: it opens at %(opens)s.", opens=opens), field="exam_id", reason="early", opens=opens)
        if exam.state == "draft":
            raise Conflict(_("The exam can't be begun yet. Ask your institution when it opens."), field="exam_id", reason="draft")

    def has_closed(self, session: ExamSession, now: datetime) -> bool:
        """Has the exam closed for a student who has not begun? By what was last read of it."""
        exam = self.exams.known(session.exam_id)
        if exam is None:
            return session.limit.has_closed(now)
        closes = exam.definition.closes
        if exam.state in {"closed", "archived"} or closes is None or now < closes:  # asked of every waiting session, several times a second
            return exam.state in {"closed", "archived"}
        return _of_student(exam, session.accommodation).times.is_late(now)


def _of_student(exam: Exam, accommodation: Accommodation | None) -> SessionExam:
    extra = {"extra_percent": accommodation.extra_percent, "extra_min": accommodation.extra_min} if accommodation else {}
    return SessionExam.of(exam.key, exam.revision, exam.definition, **extra)
