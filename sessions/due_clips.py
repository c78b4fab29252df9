"""The clips of one session's flagged intervals: what may still be needed for one, when it is cut, and what became of it."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import datetime, timedelta

from basics.readings import Frame, IntervalResult, Sound
from media.clip import Clip, ClipJob
from media.clip_reasons import ELSEWHERE, NOTHING_KEPT
from media.recorder import Done, Recorder, Ticket
from media.ring import KEY_EVERY_S, ClipRing
from media.screen_stills import ScreenStills
from sessions.identity import Identity
from settings.settings import Settings

LATE_S = 60.0  # the longest that media may have been under way: a narrow line holds them up
PROMPT_S = 2.0  # media that are no later than this are in before any clip is cut


class DueClips:
    """Which intervals wait for their clip. Safe between threads."""

    def __init__(self, identity: Identity, settings: Settings, interval_duration: float, recorder: Recorder) -> None:
        self._identity = identity
        self._settings = settings
        self._recorder = recorder
        # A clip is cut when its post-roll has come in and its interval's score is settled: its name says the score.
        self._after = max(settings.clip_postroll_s, settings.interval_settle_s) + settings.clip_settle_s
        keep_s = settings.clip_preroll_s + interval_duration + self._after + settings.clip_settle_s
        self._ring = ClipRing(keep_s + KEY_EVERY_S, settings.ring_max_mb << 20)
        self.screen = ScreenStills(keep_s)
        self._kept = recorder.kept
        self.interval_duration = interval_duration  # of the rules in force, which a session that is taken up brings
        self._until: dict[int, float] = {}  # of the flagged intervals: until when pictures and sound belong to their clip
        self._clips: dict[int, Clip] = {}
        self._due: set[int] = set()
        self._begun_on: dict[int, str] = {}  # of those that another server began to keep: its name
        self._late = self._late_before = 0.0  # for how long the newest picture was under way
        self._lock = threading.Lock()

    # What clips are made of

    def add_frame(self, frame: Frame, now: float) -> None:
        """Keep one picture, which came in `now`, for as long as a clip may need it."""
        self._late = min(LATE_S, now - frame.at)
        self._ring.late_s = max(self._ring.late_s, self._late if self._late > PROMPT_S else 0.0)
        self._ring.add_frame(frame)
        self._keep(frame)

    def add_sound(self, sound: Sound) -> None:
        """Keep a stretch of sound as long."""
        self._ring.add_sound(sound)
        self._keep(sound)

    def _keep(self, item: Frame | Sound) -> None:
        """Of a flagged interval it goes to the disk as well: the process may not live until the clip is cut."""
        if self._until:
            with self._lock:
                keys = [self._identity.interval_id(index) for index, until in self._until.items() if item.at < until]
            for key in keys:
                self._kept.add(key, [item])

    # Which are due

    def want(self, index: int) -> None:
        """Interval `index` is flagged: it will need a clip, and what there is of it already goes to the disk."""
        key = self._identity.interval_id(index)
        begun = self._kept.has(key)  # asked first: from the next line on what comes is kept, and only that
        self.set(index, Clip("pending", on=self._recorder.server))
        if not begun:
            start, until = self._span(index)
            frames, sounds = self._ring.cut(start, until)
            self._kept.add(key, sorted([*frames, *sounds], key=lambda item: item.at))

    def set(self, index: int, clip: Clip) -> None:
        """What became of a clip, or what was stored of it; one that is pending, or whose pictures are still kept, is due again."""
        with self._lock:
            again = clip.state == "pending" or (
                clip.state == "failed" and index not in self._clips and self._kept.has(self._identity.interval_id(index))
            )
            self._clips[index] = clip
            if clip.state == "pending" and self._recorder.is_others(clip.on):
                self._begun_on[index] = clip.on
            if again:
                self._due.add(index)
                self._until[index] = self._span(index)[1]

    def _span(self, index: int) -> tuple[float, float]:
        """From when to when a clip goes."""
        start = index * self.interval_duration
        return max(0.0, start - self._settings.clip_preroll_s), start + self.interval_duration + self._settings.clip_postroll_s

    def clip(self, index: int) -> Clip:
        """The clip of an interval as it stands."""
        return self._clips.get(index, Clip("none"))

    def take_unkept(self) -> list[int]:
        """The intervals that wait for their clip and are in memory alone; they are due no more."""
        with self._lock:
            due = [index for index in self._due if not self._kept.is_whole(self._identity.interval_id(index))]
            self._forget(due)
        return sorted(due)

    def _forget(self, due: list[int]) -> None:
        self._due.difference_update(due)
        for index in due:
            self._until.pop(index, None)

    def take_due(self, until: float | None) -> list[int]:
        """The intervals whose clips can be cut at `until` seconds (None: all that wait), in order; they are due no more.

        A clip waits for the media that are still under way on a narrow line.
        """
        with self._lock:
            late = self._late if self._late > PROMPT_S else 0.0
            if until is not None:
                until -= late
            self._ring.late_s, self._late_before = max(late, self._late_before), late  # what is due now is cut a moment later
            due = [index for index in self._due if until is None or (index + 1) * self.interval_duration + self._after <= until]
            self._forget(due)
        return sorted(due)

    def close(self) -> None:
        """Let go of pictures, sound and stills: what clips were cut has its own."""
        self._ring.clear()
        self.screen.clear()

    # Cutting

    def leave(self, index: int) -> None:
        """Interval `index` is flagged no more, and gets no clip."""
        self.set(index, Clip("none"))
        self._kept.drop(self._identity.interval_id(index))

    def cut(self, result: IntervalResult, started_at: datetime, done: Done) -> int:
        """Hand an interval's pictures and sound to the recorder, which calls `done` later; return how many stills of the screen lie in it."""
        start, end = self._span(result.index)
        key = self._identity.interval_id(result.index)
        kept = self._kept.is_whole(key)
        frames, sounds = ([], []) if kept else self._ring.cut(start, end)
        start = min([start] + [frame.at for frame in frames[:1]])  # H.264 begins at its key
        self._kept.seal(key)
        job = ClipJob(
            self._identity.session_id,
            self._identity.user_id,
            result.index,
            started_at + timedelta(seconds=result.start),
            result.score,
            start,
            end,
            frames,
            sounds,
            [[violation.kind, violation.start, violation.end] for violation in result.violations],
            kept,
            result.flagged,
        )
        other = self._begun_on.get(result.index, "")

        def told(clip: Clip) -> Ticket | None:
            if other and clip.reason == str(NOTHING_KEPT):
                clip = replace(clip, reason=str(ELSEWHERE) % {"server": other}, on=other)
            return done(clip)

        self._recorder.submit(job, told)
        return len(self.screen.between(start, end))
