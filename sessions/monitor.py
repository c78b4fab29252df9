"""All live sessions, from their creation to their end."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Any, Literal

from basics.errors import Conflict, NotFound, StorageError
from basics.figures import Figure
from basics.gone import of_student
from basics.looks import same_id
from basics.texts import _
from basics.times import utc_now
from cluster.membership import Membership
from database import Database
from media.recorder import Recorder
from sessions.admission import Admission
from sessions.attendance import Attendance
from sessions.capacity import Capacity
from sessions.changes import TakingEffect
from sessions.clock_mark import mark
from sessions.documents import new_session_document, over
from sessions.elsewhere import Elsewhere
from sessions.ends import End
from sessions.events import Events, IntervalFlagged, SessionStarted
from sessions.health import analysis_health, models_health, reading_figures
from sessions.making import SessionMaker
from sessions.models import Models
from sessions.overflow import Overflow
from sessions.ownership import Ownership
from sessions.refusals import has_ended, has_none, runs_already, several_run
from sessions.resume import reopened
from sessions.score_book import Summary
from sessions.session import ExamSession
from sessions.sources import Stations
from sessions.starts import check_may_reopen, taking_up
from sessions.station_feed import StationFeeds
from sessions.student_links import number_in
from sessions.taking import Taking
from sessions.workers import Workers
from settings.settings import Settings

log = logging.getLogger(__name__)

TICK_S = 0.5
ACKNOWLEDGE_S = 10.0  # for how long a script's call waits for its record to be safe

SourceName = Literal["local", "browser"]


class Monitor:
    """Owns the live sessions. Safe between threads."""

    def __init__(
        self,
        settings: Settings,
        database: Database,
        recorder: Recorder,
        models: Models,
        stations: Stations,
        events: Events,
        *,
        workers: int,
        clock: Callable[[], float] = time.monotonic,
        membership: Membership | None = None,
    ) -> None:
        """Without `membership` this is the database's only server."""
        self.models, self.stations, self.recorder = models, stations, recorder
        self.maker = SessionMaker(settings, database, models, recorder, events, clock, membership)
        self.accommodations, self.exams = self.maker.accommodations, self.maker.exams
        self.attendance = Attendance(clock, abandoned_s=settings.abandoned_s)
        self.resumed = threading.Event()  # the sessions of an earlier run have been looked at: one that isn't live has ended
        self._settings = settings
        self._database = database
        self._events = events
        self._clock = clock
        self._sessions: dict[str, ExamSession] = {}
        self._lock = threading.Lock()
        self._feeds = StationFeeds(stations)
        self._workers = Workers(self.active, events, workers)
        self.ownership, self.elsewhere = Ownership(database, membership, recorder.server), Elsewhere(database, membership, self.is_live)
        self.taking_effect = TakingEffect(self.maker, self.active, self.elsewhere)
        self.taking = Taking(self, settings, database, self.ownership, membership, events, clock)
        self.admission = Admission(settings, self.active, self.attendance, Capacity(settings, self._workers, clock), clock)
        self.overflow = Overflow(database, membership, self.admission, clock)
        self._stopping, self._threads = threading.Event(), list[threading.Thread]()
        self._counters = {"sessions_created": 0, "sessions_ended": 0, "intervals_flagged": 0}
        events.subscribe(IntervalFlagged, lambda _: self._count("intervals_flagged"))

    # Life

    def start(self) -> None:
        """Start the workers and load the models behind."""
        self._workers.start()
        self._threads = [
            threading.Thread(target=target, name=name, daemon=True) for name, target in (("ticker", self._tick), ("models", self._load_models))
        ]
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Stop the workers. Sessions that run stay `running` in the database and are taken up again at the next start."""
        self._feeds.detach_all()
        self._stopping.set()
        self.taking.stop()
        self._workers.stop()
        for thread in self._threads:
            thread.join(10)
        for session in self.active():
            try:
                if session.begun:
                    session.checkpoint()
                session.close()
            except Exception:
                log.exception("what the session has not stored yet is lost", extra={"session_id": session.session_id})
        self.models.close()

    def _load_models(self) -> None:
        try:
            self.models.load(self._settings)
            self.admission.capacity.measure(self.models, self._settings, stopped=self._stopping.is_set)
        except Exception:
            log.exception("the models can't be loaded; pictures and sound stay unread")
            self.models.failed = True
            self.models.notes.append("The models can't be loaded; see logs/app_errors.log and run ./setup.sh again.")

    def _count(self, what: str) -> None:
        with self._lock:
            self._counters[what] += 1

    # Sessions begin

    def create(self, user_id: str, exam_id: str | None, source: SourceName, station: str | None = None, *, nonce: str = "") -> ExamSession:
        """Start a session and return it once its record is safe. A browser's begins when its student comes.

        `nonce`: what the browser that starts it brings, see `was_started_with`.
        Raise `Conflict` (with `session_id`) when the student has one of this exam and where the exam has closed, `NotFound` for an unknown station,
        `TooMany` and `StorageError`.
        """
        with self._database.gone.writing(of_student(user_id)):  # what is being erased is not read, to be stored again afterwards
            return self._create(user_id, exam_id, source, station, nonce)

    def _create(self, user_id: str, exam_id: str | None, source: SourceName, station: str | None, nonce: str) -> ExamSession:
        if source == "local":
            station = station or "default"
            if station not in self.stations.names():
                raise NotFound(
                    _("there is no station %(station)s; there are: %(names)s", station=repr(station), names=", ".join(self.stations.names())),
                    field="station",
                )
        else:
            station = None
        version = self.accommodations.version
        around = self.maker.surroundings(user_id, exam_id)
        self.maker.check_open(exam_id, around, early=source != "local" and not nonce)  # a link may be made before
        identity = self.maker.identity(user_id, exam_id, source, station)
        session = self.maker.make(identity, around, begun=source == "local", started_at=utc_now())
        with self._lock:
            running = self._find(user_id, exam_id)
            if running is not None:
                raise runs_already(user_id, exam_id, running.session_id)
            self.ownership.check_begins()
            self.admission.check_room(self._sessions.values(), waits=source != "local", by_id=bool(nonce))
            self._sessions[session.session_id] = session
            self.attendance.expect(session.session_id, nonce)  # here, so that the same browser's second call finds its nonce
        document = new_session_document(
            identity,
            started_at=session.started_at,
            clock=mark(session.start),
            begun=session.begun,
            rules=session.rules,
            accommodation=session.accommodation,
            usual_points=session.changes.usual,
            nonce=nonce,
            keep_days=self._settings.keep_by_kind(),
            exam=session.limit.document(),
            server=self.recorder.server,
        )
        ticket = session.storage.write("sessions", session.session_id, document | self.ownership.fields())
        if not ticket.wait(ACKNOWLEDGE_S):
            self._drop(session)
            if isinstance(ticket.error, Conflict) and (other := self.ownership.running(user_id, exam_id)):
                raise runs_already(user_id, exam_id, other) if self.resumed.is_set() else taking_up()
            self._database.delete("sessions", session.session_id)  # where it is stored later after all, nobody wants it any more
            raise StorageError(_("the session's record can't be stored now (neither database nor spool answers); see /api/health and try again"))
        if version != self.accommodations.version:  # one may have been set before the session was live
            self.taking_effect.bring(session)
        self._count("sessions_created")
        log.info("session started: user %s, exam %s, source %s", user_id, exam_id, station or source, extra={"session_id": session.session_id})
        self.open(session)
        return session

    def open(self, session: ExamSession) -> None:
        """Let its source come to a session that is live now, and tell of it."""
        if session.station is None:
            session.device_state("connection", *(("lost", "page_away") if session.begun else ("starting", "not_come")))
        else:
            self._feeds.attach(session, session.station)
        self._events.publish(SessionStarted(session))

    # Which there are

    def _find(self, user_id: str, exam_id: str | None) -> ExamSession | None:
        return next((s for s in self._sessions.values() if same_id(s.user_id, user_id) and same_id(s.exam_id, exam_id)), None)

    def find(self, user_id: str, exam_id: str | None) -> ExamSession | None:
        """The live session of this student and exam."""
        with self._lock:
            return self._find(user_id, exam_id)

    def get(self, session_id: str) -> ExamSession | None:
        """The live session of this id."""
        return self._sessions.get(session_id)

    def active(self) -> list[ExamSession]:
        """Every live session, in the order of their start."""
        with self._lock:
            return list(self._sessions.values())

    def student_connected(self, session_id: str, connected: bool, by: str = "") -> None:
        """The student's page came, `by` another way than the usual one, or went."""
        session = self.get(session_id)
        if session is None:
            return  # it has ended
        self.attendance.connected(session_id, connected)
        session.unknown_while("page_away", not connected)
        if connected:
            session.device_state("connection", "ok", by)
        else:
            session.device_state("connection", "lost", "page_away")
        if not self.is_live(session_id):  # it ended in that moment
            self.attendance.forget(session_id)

    def was_started_with(self, session_id: str, nonce: str) -> bool:
        """Was this session started by the browser that has `nonce`? It may have its answer again."""
        asked = self.attendance if self.is_live(session_id) else self.ownership
        return asked.was_started_with(session_id, nonce)

    def link_number(self, session_id: str) -> int:
        """The number of a session's newest link; 0 for the first, and where there is no such session. Raise `StorageError`."""
        session = self.get(session_id)
        if session is not None:
            return session.watch_over.link_number
        try:
            return number_in(self._database.session(session_id))
        except NotFound:
            return 0

    def link_made(self, session: ExamSession) -> None:
        """The student of `session` gets another link, which ends those before: where nobody has begun it, it waits for the life of that one."""
        session.watch_over.end_links()
        self.link_is_new(session)

    def link_is_new(self, session: ExamSession) -> None:
        """Those before are over, wherever they were ended."""
        self.attendance.vouch(session.session_id)
        self.attendance.forget_browser(session.session_id)
        if not session.begun:
            self.attendance.expect(session.session_id)
            session.storage.write("sessions", session.session_id, {"link_made_at": utc_now(), "clock": mark(self._clock())})

    def reopen(self, session_id: str) -> ExamSession:
        """Let a session go on that ended by nobody's wish, once that is safe. What was not seen since then is unknown.

        Raise `NotFound`, `Conflict` where it runs, was ended by somebody or can't be read any more, `TooMany` and `StorageError`.
        """
        document = self._database.session(session_id)
        check_may_reopen(document, runs_here=self.is_live(session_id), resumed=self.resumed.is_set(), now=utc_now())
        taken = reopened(self._database, self.maker.make, self._clock(), self.ownership.take_over(document))
        session = taken.session
        with self._lock:
            running = self._find(session.user_id, session.exam_id)
            if running is not None:
                session.close()
                raise Conflict(
                    _("%(user_id)s has a running session of this exam; end it first", user_id=repr(session.user_id)), session_id=running.session_id
                )
            self.ownership.check_begins()
            self.admission.check_room(self._sessions.values(), waits=not session.begun, by_id=False)
            self.taking.expect_back(replace(taken, waited=0.0, vouched=True), self._settings.abandoned_s)  # its student is told only now
            self._sessions[session_id] = session
        fields = {"state": "running", "ended_at": None, "end_code": None, "end_note": "", "end_reason": "", "ended_after_s": None}
        fields |= {"sealed_at": None, "segment": None}  # it is neither sealed nor counted any more
        if not session.storage.write("sessions", session_id, fields).wait(ACKNOWLEDGE_S):
            self._drop(session)
            session.storage.write("sessions", session_id, {name: document.get(name) for name in fields})  # as it was
            raise StorageError(_("the session can't be stored now (neither database nor spool answers); see /api/health and try again"))
        log.info("session is reopened, %.0f s after its last record", taken.away, extra={"session_id": session_id})
        self.taking.go_on(session)
        return session

    # Sessions end

    def end(self, user_id: str, exam_id: str | None = None) -> Summary:
        """End the student's session and return its summary once it is safe. Without an exam: the student's only one.

        Raise `NotFound` when there never was one, `Conflict` when it has ended already or several run.
        """
        with self._lock:
            mine = [s for s in self._sessions.values() if same_id(s.user_id, user_id) and (exam_id is None or same_id(s.exam_id, exam_id))]
        if len(mine) > 1:
            mine = [s for s in mine if s.exam_id is None] or mine
        if len(mine) > 1:
            raise several_run(user_id, [s.exam_id for s in mine])
        if mine:
            return self.end_session(mine[0].session_id, End("call"))
        past = self._database.latest_of_student(user_id) if exam_id is None else self._database.latest_session(user_id, exam_id)
        if past is None:
            raise has_none(user_id, exam_id)
        raise has_ended(user_id, exam_id, past["_id"])

    def end_session(self, session_id: str, why: End, state: str = "ended", *, wait_s: float = ACKNOWLEDGE_S) -> Summary:
        """End one live session and return its summary once it is safe. Raise `NotFound` when it isn't live, `StorageError` after `wait_s`."""
        session = self.remove(session_id)
        if session is None:
            raise NotFound(_("no session %(session_id)s is running", session_id=repr(session_id)))
        with self._workers.held(session_id):
            try:
                summary, ticket = session.end(state, why)
            except Exception:  # it is live no more: its record must not say for ever that it runs
                log.exception("not all of the session's end could be done", extra={"session_id": session_id})
                summary = session.summary()
                ticket = session.storage.write("sessions", session_id, over(state, why, utc_now(), summary))
            session.close()
        self._count("sessions_ended")
        if not ticket.wait(wait_s):
            raise ticket.error or StorageError(_("the session has ended, and its record waits for the database and the spool; see /api/health"))
        return summary

    def _drop(self, session: ExamSession) -> None:
        with self._lock:
            self._sessions.pop(session.session_id, None)
        self.attendance.forget(session.session_id)
        session.is_running = False
        session.close()

    def end_abandoned(self) -> None:
        """End the sessions whose time is over, and those whose students have been away for too long."""
        now = utc_now()
        closed = [(session.session_id, End("closed")) for session in self.active() if not session.begun and self.maker.has_closed(session, now)]
        for session_id, why in [*closed, *self.attendance.overdue(self.active())]:
            state = "ended" if why.code == "time" else "interrupted"
            try:
                self.end_session(session_id, why, state, wait_s=0)  # nobody waits for the answer, and all others' clocks do
            except NotFound as error:
                log.warning("%s", error.message, extra={"session_id": session_id})
            except StorageError:
                log.debug("its record waits to be stored", extra={"session_id": session_id})
            except Exception:
                log.exception("the session could not be ended", extra={"session_id": session_id})

    # As time goes on

    def _tick(self) -> None:
        while not self._stopping.wait(TICK_S):
            try:
                self._do_what_is_due()
            except Exception:  # all exams' clocks hang on this thread
                log.exception("what was due could not all be done")

    def _do_what_is_due(self) -> None:
        if not self.resumed.is_set() and self.taking.try_resume():
            self.resumed.set()
        for session in self.active():
            try:
                session.tick()
            except Exception:
                log.exception("the session's records can't be closed now", extra={"session_id": session.session_id})
        self.end_abandoned()
        self.overflow.tell()

    def resume(self) -> None:
        """Take up the sessions that ran when the server stopped; those that were away too long are closed as interrupted."""
        self.taking.resume()

    def owner_of(self, session_id: str) -> str | None:
        """The name of the server that has a session; None where none has. Raise `NotFound`, `StorageError`."""
        return self.ownership.name if self.is_live(session_id) else self.ownership.owner(session_id)

    def may_be_elsewhere(self, session_id: str) -> bool:
        """May another server have a session that the database doesn't know yet? Raise `StorageError`."""
        return self.ownership.may_be_elsewhere(session_id)

    # For whoever takes sessions, and lets them go

    def is_live(self, session_id: str) -> bool:
        """Does it run here?"""
        return session_id in self._sessions

    def add(self, session: ExamSession) -> None:
        """It is live from now on."""
        with self._lock:
            self._sessions[session.session_id] = session

    def remove(self, session_id: str) -> ExamSession | None:
        """It is live here no more, and nobody expects its student; None where it was not."""
        with self._lock:
            session = self._sessions.get(session_id)
            if session is not None:
                self.taking.is_over(session)  # first: its page may come in that moment
                del self._sessions[session_id]
        if session is not None:
            self._feeds.detach(session_id)
            self.attendance.forget(session_id)
            self.admission.waiting.leave(session_id)
        return session

    def held(self, session_id: str) -> AbstractContextManager[None]:
        """Within it nobody reads this session."""
        return self._workers.held(session_id)

    # How it goes

    def health(self) -> dict[str, Any]:
        """Each part's state, for `/api/health`."""
        sessions = [session for session in self.active() if session.begun]
        return {
            "models": models_health(self.models),
            "analysis": analysis_health(sessions, self._settings.gaze_fps, self._workers.count, self._workers.pictures_a_second),
            "detectors": self.models.failures.health(),
            "recorder": {
                "state": "degraded" if (problem := self.recorder.problem()) else "ok",
                "waiting": self.recorder.waiting(),
                "reason": problem,
            },
            "stations": self.stations.states(),
            "sessions": {
                "state": "ok",
                "active": len(sessions),
                "limit": self._settings.max_sessions,
                "capacity": self.admission.capacity.exams(sessions),
                "waiting": self.admission.waiting.figures()[0],
            },
        }

    def figures(self) -> list[Figure]:
        """Figures for `/metrics` that say what they are."""
        running = [session for session in self.active() if session.begun]
        cpu = Figure("reading_cpu_seconds_total", "CPU-seconds of the threads that read pictures.", self._workers.cpu_s)
        return [cpu, *reading_figures(running, self._settings.gaze_fps), *self.admission.figures(), *self.taking.wandering.figures()]

    def metrics(self) -> dict[str, float]:
        """Numbers for `/metrics`, by name."""
        read = {"pictures_read": self._workers.pictures_read, "persons_looks": self._workers.persons_looks}
        return {**read, **self._counters, **self.taking.counts(), "sessions_active": len(self._sessions), "clips_waiting": self.recorder.waiting()}
