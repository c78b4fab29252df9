"""One live exam: its clock, what comes in, what is read in it, its score, and its end."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any

from basics.readings import AudioReading, DeviceName, DeviceStateName, Frame, ScreenAct, Sound
from basics.signals import ViolationKind
from basics.times import utc_now
from media.clip import Clip
from media.pictures import PictureFeed
from media.recorder import Recorder
from media.screen_stills import ScreenStills
from scoring.accommodations import Accommodation
from scoring.rules import Rules
from scoring.session_exam import SessionExam
from sessions import events as told
from sessions.analysis import PictureAnalyst, PictureReadings, SoundAnalyst
from sessions.changes import Changes
from sessions.clock import SessionClock
from sessions.documents import Documents, Records, WholeStorage, begins, over
from sessions.due_clips import DueClips
from sessions.ends import End
from sessions.events import Events
from sessions.exam_time import ExamTime
from sessions.identity import Identity
from sessions.kept_stills import KeptStills
from sessions.marks import Marks
from sessions.messages import MessageBook
from sessions.models import Models
from sessions.notices import Notices, untold
from sessions.pauses import Pauses
from sessions.picture_line import PictureLine
from sessions.score_book import ScoreBook, Scored, Summary
from sessions.seen_flags import SeenFlags
from sessions.status import SessionStatus
from sessions.talk import Talk
from sessions.watch import Watch
from settings.settings import Settings

log = logging.getLogger(__name__)

RECENT_INTERVALS, PROBLEMS_KEPT = 10, 20  # a page can make up any number of the latter


class ExamSession:
    """One student's running exam. Safe between threads; nothing here waits for a database, a disk or a browser."""

    def __init__(
        self,
        identity: Identity,
        *,
        rules: Rules,
        settings: Settings,
        models: Models,
        storage: WholeStorage,
        recorder: Recorder,
        events: Events,
        clock: Callable[[], float],
        started_at: datetime,
        start: float,
        accommodation: Accommodation | None = None,
        exam: SessionExam | None = None,
        usual: Mapping[ViolationKind, int] | None = None,
        begun: bool = True,
    ) -> None:
        """`start` is on `clock`; `begun=False`: the session's clock stands at 0 until its student comes. `usual`: points without accommodation."""
        self.identity, self.storage = identity, storage
        self.session_id, self.user_id, self.exam_id = identity.session_id, identity.user_id, identity.exam_id
        self.source, self.station = identity.source, identity.station
        self.is_running = True
        self.sound = SoundAnalyst(models)
        self.pictures = PictureAnalyst(models, settings, gives_new=identity.source == "local")  # its driver waits for each picture
        self.accommodation = accommodation
        self.messages = MessageBook()
        self._settings, self._events = settings, events
        self._time = SessionClock(clock, start, started_at, begun=begun)
        self.limit = ExamTime(self._time, exam)
        self._store = Documents(storage, identity)
        self.talk = Talk(self, self.messages, self._store, events)
        self._clips = DueClips(identity, settings, rules.interval_duration, recorder)
        self._book = ScoreBook(rules, settings.check_interval, self._time, self._store, self._clips, gaze_fps=settings.gaze_fps)
        self.save_clips = partial(self._book.save_clips, self._clip_done)  # those that are in memory alone, which goes now
        self.flags_seen = SeenFlags(self, self._book, self._store, events)
        self._pauses = Pauses(self, self._book, self._store, events, self._tell_scored)
        self._pauses.allow(accommodation, exam)
        self.changes = Changes(self, self._book, self._pauses, self._store, events, self._tell_scored, usual)
        self.marks = Marks(self, self._book, self._store, events, self._tell_scored)
        self._notices = Notices(settings.notice_after_s)
        self.unknown_while = untold(self._book, self._notices, self._tell_notices)  # (reason, lasts): nothing can be told meanwhile
        self.watch_over = Watch(self, settings, self._store, events, self._notices, models.failures)
        self.changes.prepare(usual)
        self._problems: set[str] = set()
        self.media_until = 0.0  # what came in so far lies before this
        self._media_lock = threading.Lock()
        self.pictures_in = PictureFeed(settings.max_picture_pixels, settings.gaze_fps, self.pictures.pace.span)
        self._stills = KeptStills(self, events, storage, lambda: self._book.rules)
        self._line = PictureLine(self.pictures_in, self.pictures, identity.session_id, self._stills.see)

    @property
    def rules(self) -> dict[str, Any]:
        """The rules in force, as they are stored with it."""
        return self._book.rules.to_dict()

    # Its clock

    @property
    def begun(self) -> bool:
        """Has the student come?"""
        return self._time.begun

    @property
    def start(self) -> float:
        """Its start on the clock that all sessions share."""
        return self._time.start

    @property
    def started_at(self) -> datetime:
        """Its start in UTC."""
        return self._time.started_at

    def clock(self) -> float:
        """Seconds since the session's start; 0 until it has begun."""
        return self._time.now()

    def wall(self, at: float) -> datetime:
        """The UTC time of `at`."""
        return self._time.wall(at)

    def time_left(self) -> float | None:
        """Seconds until the exam's time is over; None where no time is set, or none runs yet."""
        return self.limit.left()

    def begin(self) -> None:
        """The student has come: from now on the clock runs. Harmless once it does."""
        if self._time.begin():
            self._store.session(started_at=self.started_at, clock=self._time.mark(), begun=True, **begins(self.started_at), **self.limit.document())

    def prepare(
        self, rules: Rules, accommodation: Accommodation | None, exam: SessionExam | None, usual: Mapping[ViolationKind, int] | None = None
    ) -> None:
        """Take the rules and the exam as they are now, for a student who has not begun. What runs keeps what it began with."""
        if self.begun:
            return
        self.accommodation, self.limit.exam = accommodation, self.limit.with_used(exam)
        self._pauses.allow(accommodation, self.limit.exam, self.breaks())
        self._book.take_up(rules, (), (), (), self._pauses.control.breaks)
        self.changes.prepare(usual)
        kept = {"accommodation": accommodation.to_record() if accommodation else None, "keep_days": self._settings.keep_by_kind()}
        self._store.session(rules=self.rules, usual_points=dict(usual or {}), **kept, **self.limit.document())

    # What comes in

    def take_frame(self, frame: Frame) -> None:
        """Take one encoded picture; the newest is read when its turn comes."""
        if not self._takes(frame.at):
            return
        self._clips.add_frame(frame, self.clock())
        self._came_until(frame.at)
        self._book.count_frame()
        self._line.add(frame, self.clock())
        self.watch_over.picture_came(frame)
        self._events.publish(told.FrameCame(self))
        if self.pictures_in.asks_key(frame.at):
            self._events.publish(told.KeyWanted(self))

    def take_sound(self, sound: Sound) -> None:
        """Take sound; all of it is read, in order."""
        if not len(sound.samples) or not self._takes(sound.at):
            return
        self._clips.add_sound(sound)
        self._came_until(sound.at + sound.duration)
        self.sound.put(sound)
        self.watch_over.sound_came(sound)
        self._events.publish(told.SoundCame(self, sound))

    def take_still(self, still: Frame) -> None:
        """Take one still of the shared screen."""
        if not self._takes(still.at):
            return
        self.screen.add(still)
        self.watch_over.still_came()
        self._events.publish(told.Updated(self))

    def _takes(self, at: float) -> bool:
        return self.is_running and at < self.limit.ends and not self._pauses.control.covers(at)

    def _came_until(self, at: float) -> None:
        with self._media_lock:
            self.media_until = max(self.media_until, at)

    def take_acts(self, acts: Sequence[ScreenAct]) -> list[Any]:
        """Take screen acts, late and doubled ones too; return one ticket for each, which says when it is stored."""
        tickets, scored = self._book.take_acts(self.limit.in_time(acts))
        self.watch_over.acts_came(acts)
        self._tell_scored(scored)
        return self.limit.receipts(acts, tickets)

    def device_state(self, device: DeviceName, state: DeviceStateName, reason: str = "") -> None:
        """A device's state, as its source sees it."""
        self.watch_over.device_state(device, state, reason)

    def page_says(self, hidden: bool, camera: str, focused: bool | None = None) -> None:
        """The student's page says whether it is out of sight, what its camera is called, and whether it has the focus (None: it doesn't say)."""
        self.watch_over.page_says(hidden, camera, focused)

    def camera_frozen(self, frozen: bool, *, gives_new: bool | None = None) -> None:
        """The student's page sees whether its camera's picture stands still, and whether new ones come (None: it doesn't say)."""
        self.pictures.view.tell(frozen, gives_new)

    # Reading

    def picture_waits(self) -> float | None:
        """For how many seconds pictures have been due and unread; None when none is."""
        return self._line.waits(self.clock()) if self.is_running else None

    def read_picture(self) -> list[PictureReadings]:
        """Decode what came, read what is due, in the caller's thread, and return what was read, in order. One thread at a time."""
        readings = self._line.read()
        for one in readings:
            self.take_readings(one)
        if self.pictures_in.makes_jpegs:
            self._events.publish(told.Updated(self))
        return readings

    def read_sound(self, *, finish: bool = False) -> None:
        """Read the sound that waits, in the caller's thread."""
        for reading in self.sound.read(self.session_id, finish=finish):
            self.take_audio(reading)

    def take_readings(self, readings: PictureReadings) -> None:
        """Take what one picture gave."""
        if readings.problem and readings.problem not in self._problems and len(self._problems) < PROBLEMS_KEPT:
            self._problems.add(readings.problem)
            log.warning("%s", readings.problem, extra={"session_id": self.session_id})
        self._tell_notices(self._notices.take_picture(readings.gaze, readings.persons))
        self.watch_over.see(readings)
        self._tell_scored(self._book.take_picture(readings.gaze, readings.persons))

    def take_audio(self, reading: AudioReading) -> None:
        """Take what was heard."""
        self.watch_over.hear(reading)
        self._tell_notices(self._notices.take_sound(reading))
        self._tell_scored(self._book.take_sound(reading))

    def _tell_notices(self, changed: bool) -> None:
        if changed:
            self._events.publish(told.NoticesChanged(self, tuple(self._notices.codes)))

    # Breaks and messages

    @property
    def on_break(self) -> bool:
        """Is a break on? Nothing that is seen, heard or done in it counts, and no media are kept."""
        return self._pauses.control.is_on

    def break_seconds_left(self) -> float | None:
        """Seconds until the break that is on ends by itself; None where somebody ends it."""
        return self._pauses.control.seconds_left(self.clock())

    def breaks(self) -> list[dict[str, Any]]:
        """Every break so far, as stored."""
        return self._pauses.documents()

    def breaks_left(self) -> int:
        """How many breaks the student may still take."""
        return self._pauses.control.left()

    def begin_break(self, by: str, reason: str = "") -> None:
        """Begin a break that lasts until somebody ends it. Raise `Conflict` while one is on."""
        self._pauses.begin(by, reason, None, self.media_until)

    def end_break(self) -> None:
        """End the break that is on. Raise `Conflict` when none is."""
        self._pauses.finish(self.clock())

    def student_break(self, *, on: bool) -> None:
        """The student takes a break, while any are left, or comes back. Raise `Conflict`."""
        self._pauses.by_student(on=on, media_until=self.media_until)

    def different(self) -> Mapping[str, Any] | None:
        """What is different for the student, since that changed while the exam ran."""
        return self.changes.different

    def message_delivered(self, message_id: str) -> None:
        """The student's page was sent a message."""
        self.talk.delivered(message_id)

    def message_read(self, message_id: str) -> None:
        """The student has read a message. Raise `InvalidInput` for one that was not sent."""
        self.talk.read_by_page(message_id)

    def student_call(self, text: str | None) -> None:
        """The student calls the proctors; None takes it back. Raise `Conflict`, `TooMany`."""
        self.talk.call(text)

    def _tell_scored(self, scored: Scored) -> None:
        for result in scored.raised:
            log.info("interval %d is flagged: %d points", result.index, result.score, extra={"session_id": self.session_id})
            at = self.wall(result.flagged_at if result.flagged_at is not None else result.end)
            self._events.publish(told.IntervalFlagged(self, result, self._book.summary().flagged_intervals, at))
        if scored.raised and not self.is_running:  # by what was under way at its end: no tick comes any more
            self._book.cut_clips(None, self._clip_done)
        if scored.changed:
            self._events.publish(told.Updated(self))

    # As time goes on

    def tick(self) -> None:
        """Do what the time asks for: close checks and intervals, cut clips, notice devices that went silent."""
        if not self.is_running or not self.begun:
            return
        now = self.limit.now()
        self._pauses.tick(now)
        self._book.close_checks(now)
        if self._book.close_intervals(now - self._settings.interval_settle_s, self.pictures.baseline):
            self._events.publish(told.Updated(self))
        self._book.cut_clips(now, self._clip_done)
        self._tell_notices(self.watch_over.tick(now))
        unseen = self.watch_over.unseen(now)
        if not self.on_break:
            self._book.count_unseen(unseen)

    def _clip_done(self, index: int, clip: Clip) -> None:
        self._events.publish(told.ClipDone(self, index, clip))

    # End and beginning

    def end(self, state: str, why: End) -> tuple[Summary, Any]:
        """End the exam: read what waits, close every interval, queue its clips. Return the summary and the ticket of its record."""
        for read in (self.read_picture, partial(self.read_sound, finish=True)):
            try:
                read()
            except Exception:
                log.exception("the last of it is not read", extra={"session_id": self.session_id})
        return self.end_at(self.limit.now(), state, why)

    def summary(self) -> Summary:
        """What it has come to."""
        return self._book.summary()

    def end_at(self, now: float, state: str, why: End) -> tuple[Summary, Any]:
        """End the exam as of `now` on its clock, with what has been read."""
        self._pauses.finish_if_on(now)
        self.is_running = False
        self.talk.end()
        self._book.end(now)
        self._book.cut_clips(None, self._clip_done)
        ended_at = self.wall(now) if self.begun else utc_now()
        self.watch_over.end(now)
        summary = self._book.summary()
        ticket = self._book.store_totals(
            **over(state, why, ended_at, summary), ended_after_s=now, intervals=self._book.closed, baseline=self.pictures.baseline()
        )
        counts = (summary.total_score, summary.flagged_intervals)
        log.info("session ended (%s): %d points, %d flagged", why.reason, *counts, extra={"session_id": self.session_id})
        self._events.publish(told.SessionEnded(self, summary, why, state))
        return summary, ticket

    def close(self) -> None:
        """Free the detectors, and the student's voice with them. The monitor calls it when no worker holds the session."""
        for part in (self.watch_over, self._stills, self.pictures, self.sound, self._clips, self.pictures_in):
            part.close()

    def take_up(
        self,
        rules: Rules,
        checks: Records,
        intervals: Records,
        acts: Records,
        *,
        breaks: Records = (),
        messages: Records = (),
        marks: Records = (),
        changes: Records = (),
        call: Mapping[str, Any] | None = None,
    ) -> None:
        """Take up what was stored before the server stopped: the readings are replayed, so that the scores are the same."""
        self.messages.take_up(messages, call)
        self._stills.pass_over(self.clock())
        self._pauses.allow(self.accommodation, self.limit.exam, breaks)
        weights = self.changes.take_up(changes)
        self._book.take_up(rules, checks, intervals, acts, self._pauses.control.breaks, self.marks.take_up(marks), weights)

    def checkpoint(self, *, last: bool = False) -> None:
        """Store what was read so far and save what clips need, before the ring is gone; the session goes on, elsewhere if this is the `last`."""
        self._book.checkpoint()
        self._book.cut_clips(None if last else self.clock(), self._clip_done)
        self.save_clips()

    # What others see

    @property
    def screen(self) -> ScreenStills:
        """The newest stills of the shared screen."""
        return self._clips.screen

    def interval_id(self, index: int) -> str:
        """The id of an interval's record, which is also its clip's."""
        return self._store.interval_id(index)

    def newest_frame(self) -> Frame | None:
        """The newest picture; none while a break is on."""
        return None if self.on_break else self.pictures_in.jpeg()

    def watch(self, fps: float) -> None:
        """Somebody watches at `fps` pictures a second: for the next seconds they are decoded for that too."""
        self.pictures_in.watch(fps, self.clock())

    def status(self) -> SessionStatus:
        """The session as it stands, for proctors."""
        now = self.clock()
        still = self.screen.newest()
        seen = self.watch_over.seen(now)
        summary, recent = self._book.standing(now, RECENT_INTERVALS)
        return SessionStatus(
            identity=self.identity,
            started_at=self.started_at,
            elapsed_s=round(now, 2),
            is_running=self.is_running,
            begun=self.begun,
            recent=recent,
            total_score=summary.total_score,
            flagged_intervals=summary.flagged_intervals,
            flag_threshold=self._book.rules.flag_threshold,
            unseen=self.flags_seen.unseen(),
            seen=seen,
            shut=self._book.shut(),
            unwatched=self.watch_over.unwatched.now,
            doubts=self.watch_over.seen_of.doubts.now,
            devices=self.watch_over.devices(),
            not_asked=self.changes.not_asked,
            rates=self._book.rates(now),
            baseline=self.pictures.baseline(),
            accommodation=self.accommodation,
            notices=tuple(self._notices.codes),
            pause=self._pauses.newest(now),
            messages_waiting=len(self.messages.waiting()),
            call=self.messages.call,
            screen_at=round(still.at, 2) if still else None,
        )

    def intervals(self) -> list[dict[str, Any]]:
        """Every interval so far, as stored."""
        return self._book.intervals()
