"""One live exam: its clock, newest picture, ring, detectors' state, scorer, records, and who is told."""

from __future__ import annotations

import contextlib
import logging
import math
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Protocol

from basics.errors import Conflict, ProctorError, TooMany
from basics.readings import AudioReading, DeviceName, DeviceStateName, Frame, GazeReading, IntervalResult, PersonsReading, ScreenAct, Sound
from basics.times import utc_now
from media.clip import Clip, ClipJob
from media.pictures import PictureFeed
from media.recorder import Recorder
from media.ring import KEY_EVERY_S, ClipRing
from media.screen_stills import ScreenStills
from score import Scorer, replay
from scoring.accommodations import Accommodation
from scoring.breaks import STUDENT, Break, BreakBook, covers
from scoring.check_records import CheckCollector, unpack
from scoring.documents import readings_document, violation_document
from scoring.rules import Rules
from sessions.analysis import Models, PictureAnalyst, PictureReadings, SoundAnalyst
from sessions.ends import End
from sessions.messages import Level, Message, MessageBook
from sessions.notices import Notices
from settings.settings import Settings

log = logging.getLogger(__name__)

MAX_ACTS = 5000  # screen acts of one session; more are no student's
RECENT_INTERVALS = 10
GONE = {"missing", "lost", "denied", "ended", "off"}  # of a device in such a state the last reading says nothing of now
MEDIA_AHEAD_S = 1.0  # media may seem this much newer than now: a page's clock is known to half a round trip


class Storage(Protocol):
    """What a session needs of the database: writes that never block."""

    def write(self, collection: str, document_id: str, fields: dict[str, Any], *, insert_only: bool = False) -> Any: ...


Tell = Callable[[str, "ExamSession", dict[str, Any]], None]


class ExamSession:
    """One student's running exam. Safe between threads; nothing here waits for a database, a disk or a browser."""

    def __init__(
        self,
        *,
        session_id: str,
        user_id: str,
        exam_id: str | None,
        source: str,
        station: str | None,
        rules: Rules,
        settings: Settings,
        models: Models,
        storage: Storage,
        recorder: Recorder,
        tell: Tell,
        clock: Callable[[], float],
        started_at: datetime,
        start: float,
        accommodation: Accommodation | None = None,
        begun: bool = True,
    ) -> None:
        self.session_id = session_id
        self.user_id = user_id
        self.exam_id = exam_id
        self.source = source
        self.station = station
        self.rules = rules.to_dict()
        self.started_at = started_at
        self.start = start
        self.begun = begun  # else the clock stands at 0 until the student comes
        self.sound = SoundAnalyst(models)
        self.pictures = PictureAnalyst(models, settings)
        self.accommodation = accommodation
        self.messages = MessageBook()
        self.listened = False  # a proctor hears this session's sound: it is told then; set by the live updates
        self.is_running = True
        self.reading = False  # a worker has this session's picture in hand; guarded by the monitor
        self._rules = rules
        self._settings = settings
        self._storage = storage
        self._recorder = recorder
        self._tell = tell
        self._clock = clock
        # A clip is cut when its post-roll has come in and its interval's score is settled: its name says the score.
        self._clip_after = max(settings.clip_postroll_s, settings.interval_settle_s) + settings.clip_settle_s
        keep_s = settings.clip_preroll_s + rules.interval_duration + self._clip_after + settings.clip_settle_s
        self._ring = ClipRing(keep_s + KEY_EVERY_S, settings.ring_max_mb << 20)
        self.screen = ScreenStills(keep_s)
        self._lock = threading.RLock()
        self._breaks = BreakBook()
        self._media_until = 0.0  # what came in so far lies before this
        self._scorer = Scorer(rules)
        self._checks = CheckCollector()
        self._pictures_in = PictureFeed(settings.max_picture_pixels, settings.gaze_fps)
        self._read_at = -1.0
        self._due_from: float | None = None
        self._ended_at: float | None = None
        self._closed = 0  # intervals below this number are closed
        self._flagged: set[int] = set()
        self._clips: dict[int, Clip] = {}
        self._clips_due: set[int] = set()
        self._acts: dict[str, ScreenAct] = {}
        self._gaze: GazeReading | None = None
        self._persons: PersonsReading | None = None
        self._audio: AudioReading | None = None
        self._devices: dict[str, dict[str, Any]] = {}
        self._last_in: dict[str, float] = {}
        self._notices = Notices(settings.notice_after_s)
        self._problems: set[str] = set()

    # What comes in

    def clock(self) -> float:
        """Seconds since the session's start; 0 until it has begun."""
        return self._clock() - self.start if self.begun else 0.0

    def begin(self) -> None:
        """The student has come: from now on the clock runs. Harmless once it does."""
        with self._lock:
            if self.begun:
                return
            self.start, self.started_at = self._clock(), utc_now()
            self.begun = True
        self._storage.write("sessions", self.session_id, {"started_at": self.started_at, "begun": True})

    def wall(self, at: float) -> datetime:
        """The UTC time of `at`."""
        return self.started_at + timedelta(seconds=at)

    def take_frame(self, frame: Frame) -> None:
        """Take one encoded picture; the newest is read when its turn comes."""
        if not self.is_running or covers(self._breaks.breaks, frame.at):
            return
        self._ring.add_frame(frame)
        with self._lock:
            self._media_until = max(self._media_until, frame.at)
            self._checks.add_frame()
        self._pictures_in.add(frame)
        self._came("camera")
        self._tell("frame", self, {})
        if self._pictures_in.asks_key(frame.at):
            self._tell("key", self, {})

    def take_sound(self, sound: Sound) -> None:
        """Take sound; all of it is read, in order."""
        if not self.is_running or not len(sound.samples) or covers(self._breaks.breaks, sound.at):
            return
        self._ring.add_sound(sound)
        with self._lock:
            self._media_until = max(self._media_until, sound.at + sound.duration)
        self.sound.put(sound)
        self._came("microphone")
        self._tell("sound", self, {"sound": sound} if self.listened else {})

    def take_still(self, still: Frame) -> None:
        """Take one still of the shared screen."""
        if not self.is_running or covers(self._breaks.breaks, still.at):
            return
        self.screen.add(still)
        if self._devices.get("screen", {}).get("state") != "ok":
            self.device_state("screen", "ok")
        self._tell("update", self, {})

    def take_acts(self, acts: Sequence[ScreenAct]) -> list[Any]:
        """Take screen acts, late and doubled ones too; return one ticket for each, which says when it is stored."""
        with self._lock:
            new = [act for act in acts if act.id not in self._acts]
            if len(self._acts) + len(new) > MAX_ACTS:
                raise TooMany(f"more than {MAX_ACTS} screen acts in one session; end it and start another")
            self._acts |= {act.id: act for act in new}
            self._checks.add_acts(new)
        tickets = [
            self._storage.write(
                "acts",
                f"{self.session_id}:{act.id}",
                {"session_id": self.session_id, "kind": act.kind, "at": act.at, "wall": self.wall(act.at), "detail": act.detail},
                insert_only=True,
            )
            for act in acts
        ]
        if new:
            self._score(lambda: self._scorer.take_acts(new))
        return tickets

    def device_state(self, device: DeviceName, state: DeviceStateName, reason: str = "") -> None:
        """A device's state, as its source sees it."""
        with self._lock:
            known = self._devices.get(device, {})
            if known.get("state") == state and known.get("reason") == reason:
                return
            self._devices[device] = {"state": state, "reason": reason, "since": self.wall(self.clock())}
            devices = {name: dict(value) for name, value in self._devices.items()}
        level = logging.INFO if state in {"ok", "off", "starting"} else logging.WARNING
        log.log(level, "%s: %s%s", device, state, f" ({reason})" if reason else "", extra={"session_id": self.session_id})
        self._storage.write("sessions", self.session_id, {"devices": devices})
        self._tell("device_state", self, {"session_id": self.session_id, "device": device, "state": state, "reason": reason})

    def camera_frozen(self, frozen: bool) -> None:
        """The student's page sees whether its camera's picture stands still."""
        self.pictures.told_frozen = frozen

    def _came(self, device: DeviceName) -> None:
        self._last_in[device] = self.clock()
        state = self._devices.get(device, {}).get("state")
        if state != "ok" and not (device == "camera" and state in {"frozen", "covered"}):
            self.device_state(device, "ok")

    # Reading

    def picture_waits(self) -> float | None:
        """For how many seconds pictures have been due and unread; None when none is. To be asked whenever one comes."""
        newest_at, now = self._pictures_in.newest_at, self.clock()
        wanted = self.pictures.next_at
        viewers_want = self._pictures_in.viewers_wait_from(now)
        if viewers_want is not None:
            wanted = min(wanted, viewers_want)
        if not self.is_running or newest_at <= self._read_at or newest_at < wanted - 1e-3:
            self._due_from = None
            return None
        # From the first one on: newer ones take its place before it is read, and of many sessions the longest waiting must be next.
        if self._due_from is None:
            self._due_from = newest_at
        return now - self._due_from

    def read_picture(self) -> None:
        """Decode what came, and read the newest picture when it is due, in the caller's thread. One thread at a time."""
        newest_at = self._pictures_in.newest_at
        try:
            picture = self._pictures_in.decode()
        except ProctorError as error:
            self._read_at, self._due_from = newest_at, None
            self.take_readings(self.pictures.unreadable(newest_at, error.message))
            return
        if picture is None:
            self._read_at, self._due_from = newest_at, None
            return
        self._read_at, self._due_from = picture.at, None
        if picture.at >= self.pictures.next_at - 1e-3:
            self.take_readings(self.pictures.read(picture, self.session_id))
        if self._pictures_in.makes_jpegs:
            self._tell("update", self, {})

    def read_sound(self, *, finish: bool = False) -> None:
        """Read the sound that waits, in the caller's thread."""
        for reading in self.sound.read(self.session_id, finish=finish):
            self.take_audio(reading)

    def take_readings(self, readings: PictureReadings) -> None:
        """Take what one picture gave."""
        with self._lock:
            self._gaze = readings.gaze
            self._checks.add(readings.gaze)
            if readings.persons is not None:
                self._persons = readings.persons
                self._checks.add(readings.persons)
        if readings.problem and readings.problem not in self._problems:
            self._problems.add(readings.problem)
            log.warning("%s", readings.problem, extra={"session_id": self.session_id})
        if self._notices.take_picture(readings.gaze, readings.persons):
            self._tell("notices", self, {"codes": self._notices.codes})
        if self._notices.covered:
            self.device_state("camera", "covered")
        elif readings.frozen:
            self.device_state("camera", "frozen")
        elif self._devices.get("camera", {}).get("state") in {"frozen", "covered"}:
            self.device_state("camera", "ok")
        self._score(lambda: self._scorer.take_picture(readings.gaze, readings.persons))

    def take_audio(self, reading: AudioReading) -> None:
        """Take what was heard."""
        with self._lock:
            self._audio = reading
            self._checks.add(reading)
        if self._notices.take_sound(reading):
            self._tell("notices", self, {"codes": self._notices.codes})
        self._score(lambda: self._scorer.take_sound(reading))

    # Breaks and messages

    @property
    def on_break(self) -> bool:
        """Is a break on? Nothing that is seen, heard or done in it counts, and no media are kept."""
        return self._breaks.current is not None

    def break_seconds_left(self) -> float | None:
        """Seconds until the break that is on ends by itself; None where somebody ends it."""
        current = self._breaks.current
        return None if current is None or current.limit is None else max(0.0, round(current.limit - self.clock(), 1))

    def breaks(self) -> list[dict[str, Any]]:
        """Every break so far, as stored."""
        return self._breaks.documents()

    def breaks_left(self) -> int:
        """How many breaks the student may still take."""
        allowed = self.accommodation.breaks_allowed if self.accommodation else 0
        return max(0, allowed - self._breaks.taken(STUDENT))

    def begin_break(self, by: str, reason: str = "") -> None:
        """Begin a break that lasts until somebody ends it. Raise `Conflict` while one is on."""
        self._begin_break(by, reason, None)

    def end_break(self) -> None:
        """End the break that is on. Raise `Conflict` when none is."""
        self._finish_break(self.clock())

    def student_break(self, *, on: bool) -> None:
        """The student takes a break, while any are left, or comes back. Raise `Conflict`."""
        current = self._breaks.current
        if not on:
            if current is not None and current.by != STUDENT:
                raise Conflict("The proctor has paused the exam, and ends the pause.")
            self.end_break()
            return
        if self.accommodation is None or not self.breaks_left():
            raise Conflict("No break is left. Write to the proctor, or ask before the exam.")
        self._begin_break(STUDENT, "", self.accommodation.break_minutes * 60)

    def _begin_break(self, by: str, reason: str, lasting: float | None) -> None:
        def begin() -> list[IntervalResult]:
            if not self.is_running:
                raise Conflict("The session has ended.")
            now = self.clock()
            # Nothing that came in already may lie in the break: live it may have counted, and a replay would leave it out.
            at = max(now, min(self._media_until + 1e-3, now + MEDIA_AHEAD_S))
            self._breaks.begin(at, by, reason, None if lasting is None else at + lasting)
            return self._scorer.set_breaks(self._breaks.breaks)

        self._score(begin)
        self._break_changed()

    def _finish_break(self, at: float) -> None:
        def finish() -> list[IntervalResult]:
            self._breaks.finish(at)
            self._last_in = dict.fromkeys(self._last_in, at)  # devices that were not asked for anything aren't lost
            return self._scorer.set_breaks(self._breaks.breaks)

        self._score(finish)
        self._break_changed()

    def _break_changed(self) -> None:
        self._storage.write("sessions", self.session_id, {"breaks": self.breaks()})
        newest = self._breaks.breaks[-1]
        log.info("break %s by %s", "begins" if newest.end is None else "is over, begun", newest.by, extra={"session_id": self.session_id})
        self._tell("break_changed", self, self._break_message(newest))

    def _break_message(self, newest: Break) -> dict[str, Any]:
        on = newest.end is None
        left = self.break_seconds_left()
        return {"session_id": self.session_id, "on": on, "start": newest.start, "by": newest.by, "reason": newest.reason, "seconds_left": left}

    def send_message(self, text: str, level: Level, by: str) -> tuple[Message, Any]:
        """Keep words for the student, whose link delivers them; return them and the ticket of their record. Raise `TooMany`."""
        message = self.messages.add(text, level, by, round(self.clock(), 2))
        ticket = self._store_messages()
        self._tell("message_sent", self, {"session_id": self.session_id, **message.to_dict()})
        return message, ticket

    def message_delivered(self, message_id: str) -> None:
        """The student's page was sent a message."""
        self.messages.delivered(message_id)
        self._store_messages()

    def message_read(self, message_id: str) -> None:
        """The student has read a message. Raise `InvalidInput` for one that was not sent."""
        self.messages.read(message_id)
        self._store_messages()
        self._tell("message_read", self, {"session_id": self.session_id, "id": message_id})

    def _store_messages(self) -> Any:
        return self._storage.write("sessions", self.session_id, {"messages": self.messages.documents()})

    # Scoring

    def _score(self, take: Callable[[], list[IntervalResult]]) -> None:
        """Let the scorer take something, store what changed and tell of flags raised."""
        raised: list[IntervalResult] = []
        with self._lock:
            changed = take()
            if not changed:
                return
            for result in changed:
                if result.flagged and result.index not in self._flagged:
                    self._flagged.add(result.index)
                    self._clips[result.index] = Clip("pending")
                    self._clips_due.add(result.index)
                    raised.append(result)
                elif not result.flagged:
                    self._flagged.discard(result.index)
            self._store_check(self.clock(), final=False)
        for result in changed:
            self._store_interval(result)
        self._store_totals()
        for result in raised:
            log.info("interval %d is flagged: %d points", result.index, result.score, extra={"session_id": self.session_id})
            self._tell("interval_flagged", self, self._flag_message(result))
        self._tell("update", self, {})

    def _flag_message(self, result: IntervalResult) -> dict[str, Any]:
        return {
            "session_id": self.session_id,
            "user_id": self.user_id,
            "exam_id": self.exam_id,
            "interval": result.index,
            "video_id": self.interval_id(result.index),
            "score": result.score,
            "flagged_intervals": self._scorer.flagged(),
            "violations": [violation_document(violation) for violation in result.violations],
            "timestamp": self.wall(result.flagged_at if result.flagged_at is not None else result.end),
        }

    def interval_id(self, index: int) -> str:
        """The id of an interval's record, which is also its clip's."""
        return f"{self.session_id}-{index}"

    def interval_document(self, result: IntervalResult) -> dict[str, Any]:
        """An interval as it is stored and answered, without its review."""
        ended = result.end if self._ended_at is None else min(result.end, self._ended_at)
        return {
            "session_id": self.session_id,
            "user_id": self.user_id,
            "exam_id": self.exam_id,
            "index": result.index,
            "start": result.start,
            "end": ended,
            "started_at": self.wall(result.start),
            "ended_at": self.wall(ended),
            "score": result.score,
            "flagged": result.flagged,
            "flagged_at": self.wall(result.flagged_at) if result.flagged_at is not None else None,
            "closed": result.closed,
            "revision": result.revision,
            "violations": [violation_document(violation) for violation in result.violations],
            "clip": self._clips.get(result.index, Clip("none")).to_dict(),
        }

    def _store_interval(self, result: IntervalResult) -> Any:
        with self._lock:  # what its clip has become is in the record: a clip that gets ready just now must not be written over
            return self._storage.write("intervals", self.interval_id(result.index), self.interval_document(result))

    def _store_totals(self, **more: Any) -> Any:
        with self._lock:
            totals = {"total_score": self._scorer.total(), "flagged_intervals": self._scorer.flagged()}
        return self._storage.write("sessions", self.session_id, totals | more)

    def _store_check(self, at: float, *, final: bool) -> None:
        """Store the check so far; a `final` one ends here and the next begins."""
        number, start = self._checks.number, self._checks.start
        record = self._checks.take(at) if final else self._checks.peek(at)
        document = record | {"session_id": self.session_id, "started_at": self.wall(start)}
        self._storage.write("checks", f"{self.session_id}-{number}", document)

    # The clock

    def tick(self) -> None:
        """Do what the time asks for: close checks and intervals, cut clips, notice devices that went silent."""
        if not self.is_running or not self.begun:
            return
        now = self.clock()
        if self._breaks.is_over(now):
            with contextlib.suppress(Conflict):  # somebody has just ended it
                self.end_break()
        with self._lock:
            while now >= self._checks.start + self._settings.check_interval:
                self._store_check(self._checks.start + self._settings.check_interval, final=True)
        self._close_intervals(now - self._settings.interval_settle_s)
        self._cut_clips(now)
        self._notice_silence(now)

    def _close_intervals(self, until: float) -> None:
        closed = []
        with self._lock:
            while (self._closed + 1) * self._rules.interval_duration <= until:
                closed.append(self._scorer.close(self._closed))
                self._closed += 1
        for result in closed:
            self._store_interval(result)
        if closed:
            self._store_totals(intervals=self._closed, baseline=self.pictures.baseline())
            self._tell("update", self, {})

    def _cut_clips(self, until: float) -> None:
        with self._lock:
            due = [index for index in self._clips_due if (index + 1) * self._rules.interval_duration + self._clip_after <= until]
            self._clips_due.difference_update(due)
        for index in sorted(due):
            self._cut_clip(index)

    def _cut_clip(self, index: int) -> None:
        result = self._scorer.interval(index)
        start = max(0.0, result.start - self._settings.clip_preroll_s)
        end = result.end + self._settings.clip_postroll_s
        frames, sounds = self._ring.cut(start, end)
        start = min([start] + [frame.at for frame in frames[:1]])  # H.264 begins at its key
        job = ClipJob(
            self.session_id,
            self.user_id,
            index,
            self.wall(result.start),
            result.score,
            start,
            end,
            frames,
            sounds,
            [[violation.kind, violation.start, violation.end] for violation in result.violations],
        )
        if stills := len(self.screen.between(start, end)):
            self._storage.write("intervals", self.interval_id(index), {"stills": stills})
        self._recorder.submit(job, lambda clip: self._clip_done(index, clip))

    def _clip_done(self, index: int, clip: Clip) -> None:
        video_id = self.interval_id(index)
        with self._lock:
            self._clips[index] = clip
            self._storage.write("intervals", video_id, {"clip": clip.to_dict()})
        message = {"session_id": self.session_id, "interval": index, "video_id": video_id, "url": f"/api/video/{video_id}"}
        self._tell("clip_ready", self, message | {"duration": clip.duration, "clip": clip.to_dict()})

    def _notice_silence(self, now: float) -> None:
        """A device that has sent and sends no more is lost, whatever its source says. In a break none is asked."""
        if self.on_break:
            return
        for device, last in list(self._last_in.items()):
            if now - last > self._settings.device_silent_s and self._devices.get(device, {}).get("state") in {"ok", "frozen", "covered"}:
                self.device_state("camera" if device == "camera" else "microphone", "lost", "nothing_comes")

    # End and beginning

    def end(self, state: str, why: End) -> tuple[dict[str, Any], Any]:
        """End the exam: read what waits, close every interval, queue its clips. Return the summary and the ticket of its record."""
        self.read_picture()
        self.read_sound(finish=True)
        return self.end_at(self.clock(), state, why)

    def end_at(self, now: float, state: str, why: End) -> tuple[dict[str, Any], Any]:
        """End the exam as of `now` on its clock, with what has been read."""
        if self.on_break:
            self._finish_break(now)
        with self._lock:
            self.is_running = False
            self._ended_at = now
            self._store_check(now, final=True)
            last = max(math.ceil(now / self._rules.interval_duration), self._closed)
            results = [self._scorer.close(index) for index in range(self._closed, last)]
            self._closed = last
            due = sorted(self._clips_due)
            self._clips_due.clear()
        for result in results:
            self._store_interval(result)
        for index in due:
            self._cut_clip(index)
        ended_at = self.wall(now) if self.begun else utc_now()
        ticket = self._store_totals(
            state=state, **why.to_dict(), ended_at=ended_at, ended_after_s=now, intervals=self._closed, baseline=self.pictures.baseline()
        )
        summary = {"session_id": self.session_id, "total_score": self._scorer.total(), "flagged_intervals": self._scorer.flagged()}
        log.info("session ended (%s): %d points, %d flagged", why.reason, *list(summary.values())[1:], extra={"session_id": self.session_id})
        self._tell("session_ended", self, summary | {"reason": why.reason, "code": why.code, "note": why.note, "state": state})
        return summary, ticket

    def close(self) -> None:
        """Free the detectors, and the student's voice with them. The monitor calls it when no worker holds the session."""
        self.pictures.close()
        self.sound.close()

    def take_up(
        self,
        rules: Rules,
        checks: Iterable[Mapping[str, Any]],
        intervals: Iterable[Mapping[str, Any]],
        acts: Iterable[Mapping[str, Any]],
        *,
        breaks: Iterable[Mapping[str, Any]] = (),
        messages: Iterable[Mapping[str, Any]] = (),
    ) -> None:
        """Take up what was stored before the server stopped: the readings are replayed, so that the scores are the same."""
        self.messages = MessageBook(messages)
        with self._lock:
            self._rules, self.rules = rules, rules.to_dict()
            self._scorer = Scorer(rules)
            self._breaks = BreakBook(breaks)
            self._scorer.set_breaks(self._breaks.breaks)
            for check in checks:
                gaze, persons, audio, _ = unpack(check["readings"])
                replay(self._scorer, gaze, persons, audio, [])
                self._checks.number = check["number"] + 1
                self._checks.start = check["end"]
            stored = [ScreenAct(act["_id"].partition(":")[2], act["at"], act["kind"], act["detail"]) for act in acts]
            self._acts = {act.id: act for act in stored}
            self._scorer.take_acts(stored)
            for interval in intervals:
                index = interval["index"]
                self._scorer.restore(index, closed=interval["closed"], revision=interval["revision"])
                self._clips[index] = Clip(**interval["clip"])
                if interval["closed"]:
                    self._closed = max(self._closed, index + 1)
                if self._clips[index].state == "pending":
                    self._clips_due.add(index)
            self._flagged = {result.index for result in self._scorer.results(self.clock()) if result.flagged}

    def checkpoint(self) -> None:
        """Store what was read so far and cut the clips that are due, before the server stops and the ring is gone; the session goes on afterwards."""
        with self._lock:
            self._store_check(self.clock(), final=True)
            due = sorted(self._clips_due)
            self._clips_due.clear()
        for index in due:
            self._cut_clip(index)

    # What others see

    def newest_frame(self) -> Frame | None:
        """The newest picture; none while a break is on."""
        return None if self.on_break else self._pictures_in.jpeg()

    def watch(self, fps: float) -> None:
        """Somebody watches at `fps` pictures a second: for the next seconds they are decoded for that too."""
        self._pictures_in.watch(fps, self.clock())

    def status(self) -> dict[str, Any]:
        """The session as it stands, for proctors."""
        now = self.clock()
        still = self.screen.newest()
        with self._lock:
            index = self._rules.index(now)
            current = self._scorer.interval(index)
            recent = [self._scorer.interval(number) for number in range(max(0, index - RECENT_INTERVALS + 1), index + 1)]
            gone = {name for name, device in self._devices.items() if device["state"] in GONE}
            blind, deaf = bool(gone & {"camera", "connection"}), bool(gone & {"microphone", "connection"})
            read = readings_document(
                None if blind else self._gaze,
                None if blind else self._persons,
                None if deaf else self._audio,
                unread="lost" if blind else "starting",
            )
            return {
                "session_id": self.session_id,
                "user_id": self.user_id,
                "exam_id": self.exam_id,
                "source": self.source,
                "station": self.station,
                "started_at": self.started_at,
                "elapsed_s": round(now, 2),
                "is_running": self.is_running,
                "begun": self.begun,
                "interval_index": index,
                "interval_score": current.score,
                "total_score": self._scorer.total(),
                "flagged_intervals": self._scorer.flagged(),
                "flag_threshold": self._rules.flag_threshold,
                **read,
                "violations": [violation_document(violation) for violation in current.violations],
                "devices": {name: dict(value) for name, value in self._devices.items()},
                "rates": self._checks.rates(now),
                "baseline": self.pictures.baseline(),
                "accommodation": self.accommodation.to_dict() if self.accommodation else None,
                "recent": [{"index": result.index, "score": result.score, "flagged": result.flagged} for result in recent],
                "notices": self._notices.codes,
                "on_break": self.on_break,
                "break": self._break_message(self._breaks.breaks[-1]) if self.on_break else None,
                "messages_waiting": len(self.messages.waiting()),
                "screen_at": round(still.at, 2) if still else None,
            }

    def intervals(self) -> list[dict[str, Any]]:
        """Every interval so far, as stored."""
        with self._lock:
            return [self.interval_document(result) for result in self._scorer.results(self.clock())]
