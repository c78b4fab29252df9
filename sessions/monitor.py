"""All live sessions, and the workers that read their pictures and sound in fair order."""

from __future__ import annotations

import hmac
import logging
import threading
import time
import uuid
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, Literal

from basics.errors import Conflict, NotFound, StorageError, TooMany
from basics.readings import DeviceName, DeviceStateName, Frame, ScreenAct, Sound
from basics.times import utc_now
from database import Database
from media.clip import Clip
from media.recorder import Recorder
from records.accommodations import Accommodations
from scoring.accommodations import Accommodation
from scoring.rules import Rules
from sessions.analysis import Models
from sessions.ends import End
from sessions.session import ExamSession
from sessions.sources import Stations
from settings.settings import Settings

log = logging.getLogger(__name__)

TICK_S = 0.5
ACKNOWLEDGE_S = 10.0  # for how long a script's call waits for its record to be safe
PAGE = 1000  # records read at once when sessions are taken up again
WAITING_FACTOR = 10  # times MAX_SESSIONS may wait for their students
LINK_LIFE_S = 24 * 3600.0  # a session that nobody has begun waits as long as its student's link is good

SourceName = Literal["local", "browser"]
Listener = Callable[[str, ExamSession, dict[str, Any]], None]


class Monitor:
    """Owns the live sessions from their creation to their end. Safe between threads."""

    def __init__(
        self,
        settings: Settings,
        database: Database,
        recorder: Recorder,
        models: Models,
        stations: Stations,
        *,
        tell: Listener,
        workers: int,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.models = models
        self.stations = stations
        self.recorder = recorder
        self._settings = settings
        self._database = database
        self._listener = tell
        self._clock = clock
        self.accommodations = Accommodations(database)
        self._rules = Rules.from_settings(settings)
        self._sessions: dict[str, ExamSession] = {}
        self._feeds: dict[str, _StationFeed] = {}
        self._linked_at: dict[str, float] = {}  # when a browser session's student was last connected
        self._resume_until: dict[str, float] = {}
        self._nonces: dict[str, str] = {}  # what the browser that started a session brought with it
        self._lock = threading.Lock()
        self._work = threading.Condition(threading.Lock())
        self._sound = threading.Event()
        self._stopping = threading.Event()
        self.resumed = threading.Event()  # the sessions of an earlier run have been looked at: one that isn't live has ended
        self._workers = workers
        self._threads: list[threading.Thread] = []
        self._counters = {"pictures_read": 0, "persons_looks": 0, "sessions_created": 0, "sessions_ended": 0, "intervals_flagged": 0}

    # Life

    def start(self) -> None:
        """Start the workers and load the models behind."""
        jobs: list[tuple[str, Callable[[], None]]] = [(f"pictures-{number}", self._read_pictures) for number in range(self._workers)]
        jobs += [("sound", self._read_sound), ("ticker", self._tick), ("models", self._load_models)]
        self._threads = [threading.Thread(target=target, name=name, daemon=True) for name, target in jobs]
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Stop the workers. Sessions that run stay `running` in the database and are taken up again at the next start."""
        for feed in list(self._feeds.values()):
            self.stations.detach(feed.station, feed)
        self._stopping.set()
        self._sound.set()
        with self._work:
            self._work.notify_all()
        for thread in self._threads:
            thread.join(10)
        for session in self.active():
            if session.begun:
                session.checkpoint()
            session.close()
        self.models.close()

    def _load_models(self) -> None:
        try:
            self.models.load(self._settings)
        except Exception:
            log.exception("the models can't be loaded; pictures and sound stay unread")
            self.models.notes.append("The models can't be loaded; see logs/app_errors.log and run ./setup.sh again.")

    # Sessions

    def create(self, user_id: str, exam_id: str | None, source: SourceName, station: str | None = None, *, nonce: str = "") -> ExamSession:
        """Start a session and return it once its record is safe. A browser's begins when its student comes; `nonce`: see `was_started_with`.

        Raise `Conflict` (with `session_id`) when the student has one of this exam, `NotFound` for an unknown station, `TooMany` and `StorageError`.
        """
        if source == "local":
            station = station or "default"
            if station not in self.stations.names():
                raise NotFound(f"there is no station {station!r}; there are: {', '.join(self.stations.names())}", field="station")
        else:
            station = None
        accommodation = self.accommodations.find(user_id, exam_id)
        session = self._make(uuid.uuid4().hex, user_id, exam_id, source, station, utc_now(), self._clock(), accommodation, begun=source == "local")
        with self._lock:
            running = self._find(user_id, exam_id)
            if running is not None:
                of = f" of exam {exam_id!r}" if exam_id else ""
                raise Conflict(f"{user_id!r} already has a running session{of}; end it first", session_id=running.session_id)
            self._check_room(waits=source != "local")
            self._sessions[session.session_id] = session
            if nonce:
                self._nonces[session.session_id] = nonce
        ticket = self._database.write("sessions", session.session_id, _new_document(session) | {"nonce": nonce})
        if not ticket.wait(ACKNOWLEDGE_S):
            self._drop(session)
            raise StorageError("the session's record can't be stored now (neither database nor spool answers); see /api/health and try again")
        self._counters["sessions_created"] += 1
        self._linked_at[session.session_id] = self._clock()
        log.info("session started: user %s, exam %s, source %s", user_id, exam_id, station or source, extra={"session_id": session.session_id})
        self._attach(session)
        self._told("session_started", session, {})
        return session

    def is_full(self) -> bool:
        """Whether as many sessions run as may. Those that wait for their student, as links made the day before, take next to nothing."""
        return sum(session.begun for session in self.active()) >= self._settings.max_sessions

    def _check_room(self, *, waits: bool) -> None:
        running, limit = sum(session.begun for session in self._sessions.values()), self._settings.max_sessions
        if running >= limit:
            raise TooMany(f"{running} sessions run, which is the limit; end one, or raise MAX_SESSIONS")
        if waits and len(self._sessions) - running >= WAITING_FACTOR * limit:
            raise TooMany(f"{len(self._sessions) - running} links wait for their students, which is the limit; end some, or raise MAX_SESSIONS")

    def _make(
        self,
        session_id: str,
        user_id: str,
        exam_id: str | None,
        source: str,
        station: str | None,
        started_at: datetime,
        start: float,
        accommodation: Accommodation | None,
        *,
        begun: bool,
    ) -> ExamSession:
        return ExamSession(
            session_id=session_id,
            user_id=user_id,
            exam_id=exam_id,
            source=source,
            station=station,
            rules=accommodation.apply(self._rules) if accommodation else self._rules,
            settings=self._settings,
            models=self.models,
            storage=self._database,
            recorder=self.recorder,
            tell=self._told,
            clock=self._clock,
            started_at=started_at,
            start=start,
            accommodation=accommodation,
            begun=begun,
        )

    def _find(self, user_id: str, exam_id: str | None) -> ExamSession | None:
        return next((s for s in self._sessions.values() if s.user_id == user_id and s.exam_id == exam_id), None)

    def _attach(self, session: ExamSession) -> None:
        if session.station is None:
            session.device_state("connection", "starting", "not_come")
            return
        feed = _StationFeed(session, session.station)
        self._feeds[session.session_id] = feed
        self.stations.attach(session.station, feed)

    def was_started_with(self, session_id: str, nonce: str) -> bool:
        """Was this running session started by the browser that has `nonce`? It may have its answer again."""
        return hmac.compare_digest(self._nonces.get(session_id, ""), nonce) if nonce else False

    def get(self, session_id: str) -> ExamSession | None:
        """The live session of this id."""
        return self._sessions.get(session_id)

    def active(self) -> list[ExamSession]:
        """Every live session, in the order of their start."""
        with self._lock:
            return list(self._sessions.values())

    def end(self, user_id: str, exam_id: str | None = None) -> dict[str, Any]:
        """End the student's session and return its summary once it is safe. Without an exam: the student's only one.

        Raise `NotFound` when there never was one, `Conflict` when it has ended already or several run.
        """
        with self._lock:
            mine = [s for s in self._sessions.values() if s.user_id == user_id and exam_id in (None, s.exam_id)]
        if len(mine) > 1:
            mine = [s for s in mine if s.exam_id is None] or mine
        if len(mine) > 1:
            exams = ", ".join(sorted(str(s.exam_id) for s in mine))
            raise Conflict(f"{user_id!r} has several running sessions; name the exam_id: {exams}", field="exam_id")
        if mine:
            return self.end_session(mine[0].session_id, End("call"))
        past = self._database.latest_of_student(user_id) if exam_id is None else self._database.latest_session(user_id, exam_id)
        of = f" of exam {exam_id!r}" if exam_id else ""
        if past is None:
            raise NotFound(f"{user_id!r} has no session{of}; check the id, or create the session first")
        raise Conflict(f"the session{of} of {user_id!r} has ended already", session_id=past["_id"])

    def end_session(self, session_id: str, why: End, state: str = "ended") -> dict[str, Any]:
        """End one live session and return its summary once it is safe. Raise `NotFound` when it isn't live."""
        with self._lock:
            session = self._sessions.pop(session_id, None)
        if session is None:
            raise NotFound(f"no session {session_id!r} is running")
        self._detach(session_id)
        with self._work:
            self._work.wait_for(lambda: not session.reading, 10)
            session.reading = True  # no worker takes it from here on
        summary, ticket = session.end(state, why)
        session.close()
        self._counters["sessions_ended"] += 1
        if not ticket.wait(ACKNOWLEDGE_S):
            raise StorageError("the session has ended, and its record waits for the database and the spool; see /api/health")
        return summary

    def _drop(self, session: ExamSession) -> None:
        with self._lock:
            self._sessions.pop(session.session_id, None)
        self._nonces.pop(session.session_id, None)
        session.is_running = False
        session.close()

    def _detach(self, session_id: str) -> None:
        feed = self._feeds.pop(session_id, None)
        if feed is not None:
            self.stations.detach(feed.station, feed)
        self._linked_at.pop(session_id, None)
        self._resume_until.pop(session_id, None)
        self._nonces.pop(session_id, None)

    def student_connected(self, session_id: str, connected: bool) -> None:
        """The student's page came or went."""
        self._resume_until.pop(session_id, None)
        self._linked_at[session_id] = float("inf") if connected else self._clock()
        session = self.get(session_id)
        if session is not None:
            if connected:
                session.device_state("connection", "ok")
            else:
                session.device_state("connection", "lost", "page_away")

    def link_made(self, session: ExamSession) -> None:
        """The student of `session` got another link: where nobody has begun it, it waits for the life of that one."""
        if not session.begun:
            self._linked_at[session.session_id] = self._clock()
            self._database.write("sessions", session.session_id, {"link_made_at": utc_now()})

    # Sessions of an earlier run

    def resume(self) -> None:
        """Take up the sessions that ran when the server stopped; those that were away too long are closed as interrupted."""
        for document in self._database.running_sessions():
            session_id = document["_id"]
            if session_id in self._sessions:
                continue
            try:
                self._resume_one(document)
            except StorageError:
                raise
            except Exception:
                log.exception("session can't be taken up; it is closed as interrupted", extra={"session_id": session_id})
                now = utc_now()
                fields = {"state": "interrupted", **End("unreadable").to_dict(), "ended_at": now}
                self._database.write("sessions", session_id, fields)
        self._give_up_clips()

    def _resume_one(self, document: dict[str, Any]) -> None:
        session_id = document["_id"]
        checks = _all_pages(lambda after: self._database.checks(session_id, after, PAGE))
        intervals = _all_pages(lambda after: self._database.intervals(session_id, after, PAGE))
        last = max([check["end"] for check in checks], default=0.0)
        away = (utc_now() - document["started_at"]).total_seconds() - last
        start = self._clock() - (utc_now() - document["started_at"]).total_seconds()
        rules = Rules.from_dict(document["rules"])
        applied = document.get("accommodation")
        begun = document.get("begun", True)
        session = self._make(
            session_id,
            document["user_id"],
            document["exam_id"],
            document["source"],
            document["station"],
            document["started_at"],
            start,
            Accommodation.from_dict(applied) if applied else None,
            begun=begun,
        )
        acts = _all_pages(lambda after: self._database.acts(session_id, after, PAGE))
        session.take_up(rules, checks, intervals, acts, breaks=document.get("breaks") or [], messages=document.get("messages") or [])
        if begun and away > self._settings.resume_s + self._settings.check_interval:
            session.end_at(last, "interrupted", End("outage", str(timedelta(seconds=round(away)))))
            session.close()
            return
        with self._lock:
            self._sessions[session_id] = session
        self._linked_at[session_id] = self._clock()
        if document.get("nonce"):
            self._nonces[session_id] = document["nonce"]
        if not begun:
            waits_since = document.get("link_made_at") or document["started_at"]
            self._linked_at[session_id] -= (utc_now() - waits_since).total_seconds()
        elif session.station is None:
            self._resume_until[session_id] = self._clock() + self._settings.resume_s
        log.info("session goes on after %.0f s", away, extra={"session_id": session_id})
        self._attach(session)
        self._told("session_started", session, {})

    def _give_up_clips(self) -> None:
        """Clips that waited when the server died are lost with its memory, and their records say so."""
        live = {session.session_id for session in self.active()}
        for interval in self._database.pending_clips():
            if interval["session_id"] in live:
                continue
            clip = Clip("failed", reason="the server stopped before the clip was made")
            self._database.write("intervals", interval["_id"], {"clip": clip.to_dict()})

    # Workers

    def _told(self, event: str, session: ExamSession, payload: dict[str, Any]) -> None:
        if event == "frame":
            waits = session.picture_waits()
            if waits is not None and not session.reading:
                with self._work:
                    self._work.notify()
        elif event == "sound":
            self._sound.set()
            if not payload:
                return
        elif event == "interval_flagged":
            self._counters["intervals_flagged"] += 1
        self._listener(event, session, payload)

    def _longest_waiting(self) -> ExamSession | None:
        best, longest = None, None
        for session in list(self._sessions.values()):
            waits = None if session.reading else session.picture_waits()
            if waits is not None and (longest is None or waits > longest):
                best, longest = session, waits
        return best

    def _read_pictures(self) -> None:
        while not self._stopping.is_set():
            with self._work:
                session = self._longest_waiting()
                if session is None:
                    self._work.wait(1.0)
                    continue
                session.reading = True
            try:
                session.read_picture()
                self._counters["pictures_read"] += 1
            except Exception:
                log.exception("a picture can't be read", extra={"session_id": session.session_id})
            finally:
                with self._work:
                    session.reading = False
                    self._work.notify_all()

    def _read_sound(self) -> None:
        while not self._stopping.is_set():
            self._sound.wait(1.0)
            self._sound.clear()
            for session in self.active():
                try:
                    session.read_sound()
                except Exception:
                    log.exception("sound can't be read", extra={"session_id": session.session_id})

    def _tick(self) -> None:
        while not self._stopping.wait(TICK_S):
            if not self.resumed.is_set() and self._try_resume():
                self.resumed.set()
            for session in self.active():
                try:
                    session.tick()
                except Exception:
                    log.exception("the session's records can't be closed now", extra={"session_id": session.session_id})
            self._end_abandoned()

    def _try_resume(self) -> bool:
        # What an earlier run left in the spool comes first: its sessions may be known there only.
        if not (self._database.wait_ready(0) and self._database.flush(1)):
            return False
        try:
            self.accommodations.remember()
            self.resume()
        except StorageError as error:
            log.debug("sessions of an earlier run wait for the database: %s", error.message)
            return False
        except Exception:
            log.exception("sessions of an earlier run can't be taken up")
        return True

    def _end_abandoned(self) -> None:
        now = self._clock()
        due = [(sid, End("restart")) for sid, until in list(self._resume_until.items()) if now > until]
        for session in self.active():
            away = now - self._linked_at.get(session.session_id, now) if session.source == "browser" else 0.0
            if not session.begun and away > LINK_LIFE_S:
                due.append((session.session_id, End("unused")))
            elif session.begun and away > self._settings.abandoned_s:
                due.append((session.session_id, End("away")))
        for session_id, why in due:
            self._resume_until.pop(session_id, None)
            try:
                self.end_session(session_id, why, "interrupted")
            except (NotFound, StorageError) as error:
                log.warning("%s", error.message, extra={"session_id": session_id})

    # How it goes

    def health(self) -> dict[str, Any]:
        """Each part's state, for `/api/health`."""
        sessions = [session for session in self.active() if session.begun]
        rates = [rates for session in sessions if (rates := session.status()["rates"]).get("video_fps")]  # no pictures: nothing is to be read
        models = "ok" if self.models.loaded.is_set() and not self.models.notes else "limited" if self.models.loaded.is_set() else "loading"
        return {
            "models": {
                "state": models,
                "notes": list(self.models.notes),
                "persons": self.models.persons.backend if self.models.persons else None,
                "sound": self.models.audio is not None,
            },
            "analysis": {
                "state": "ok",
                "workers": self._workers,
                "gaze_fps_wanted": self._settings.gaze_fps,
                "gaze_fps_least": min((rate.get("gaze_fps", 0.0) for rate in rates), default=None),
            },
            "recorder": {
                "state": "degraded" if self.recorder.last_error else "ok",
                "waiting": self.recorder.waiting(),
                "reason": self.recorder.last_error,
            },
            "stations": self.stations.states(),
            "sessions": {"state": "ok", "active": len(sessions), "limit": self._settings.max_sessions},
        }

    def metrics(self) -> dict[str, float]:
        """Numbers for `/metrics`, by name."""
        return {**self._counters, "sessions_active": len(self._sessions), "clips_waiting": self.recorder.waiting()}


class _StationFeed:
    """Hands a station's pictures, sound and acts to one session, on the session's clock."""

    def __init__(self, session: ExamSession, station: str) -> None:
        self.station = station
        self._session = session

    def take_frame(self, frame: Frame) -> None:
        at = frame.at - self._session.start
        if at >= 0:
            self._session.take_frame(Frame(at, frame.data, frame.codec, frame.key, frame.layer, frame.sequence))

    def take_sound(self, sound: Sound) -> None:
        at = sound.at - self._session.start
        if at >= 0:
            self._session.take_sound(Sound(at, sound.samples, sound.sequence))

    def take_acts(self, acts: list[ScreenAct]) -> None:
        start = self._session.start
        self._session.take_acts([ScreenAct(act.id, act.at - start, act.kind, act.detail) for act in acts if act.at >= start])

    def device_state(self, device: DeviceName, state: DeviceStateName, reason: str = "") -> None:
        self._session.device_state(device, state, reason)


def _new_document(session: ExamSession) -> dict[str, Any]:
    return {
        "user_id": session.user_id,
        "exam_id": session.exam_id,
        "source": session.source,
        "station": session.station,
        "state": "running",
        "started_at": session.started_at,
        "begun": session.begun,
        "ended_at": None,
        "end_reason": "",
        "ended_after_s": None,
        "total_score": 0,
        "flagged_intervals": 0,
        "intervals": 0,
        "rules": session.rules,
        "accommodation": session.accommodation.to_dict() if session.accommodation else None,
        "breaks": [],
        "messages": [],
        "devices": {},
        "baseline": {},
    }


def _all_pages(read: Callable[[str | None], list[dict[str, Any]]]) -> list[dict[str, Any]]:
    documents: list[dict[str, Any]] = []
    while page := read(documents[-1]["_id"] if documents else None):
        documents += page
        if len(page) < PAGE:
            break
    return documents
