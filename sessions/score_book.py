"""What one session scores and stores: readings and acts go in, and intervals, checks and clips are kept as they change."""

from __future__ import annotations

import logging
import math
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from basics.errors import TooMany
from basics.readings import AudioReading, DeviceName, GazeReading, IntervalResult, PersonsReading, ScreenAct
from basics.texts import _
from media.clip import Clip
from media.clip_reasons import UNREADABLE
from records.figure_store import is_late, leaves
from score import Scorer, replay
from scoring.breaks import Break
from scoring.check_records import CheckCollector, unpack
from scoring.lids import Shut
from scoring.marks import Mark
from scoring.rules import Rules
from scoring.unread import Unread
from scoring.weights import Reweighing
from sessions.clock import SessionClock
from sessions.documents import Documents, interval_document
from sessions.due_clips import DueClips
from sessions.told_intervals import ToldIntervals
from sessions.within import act_within

log = logging.getLogger(__name__)

MAX_ACTS = 5000  # screen acts of one session; more are no student's


@dataclass(frozen=True, slots=True)
class Summary:
    """What a session came to."""

    session_id: str
    total_score: int
    flagged_intervals: int

    def to_dict(self) -> dict[str, Any]:
        """As it is answered."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Scored:
    """What the scorer made of something: whether any interval changed, and those that reached the threshold by it."""

    changed: bool
    raised: tuple[IntervalResult, ...] = ()


class ScoreBook:
    """The scorer of one session and its records. Safe between threads."""

    def __init__(self, rules: Rules, check_interval: float, clock: SessionClock, store: Documents, clips: DueClips, *, gaze_fps: float = 0.0) -> None:
        """`gaze_fps`: readings a second that are wanted."""
        self.rules = rules
        self.not_asked: frozenset[DeviceName] = frozenset()  # of what these could not tell nothing is said
        self._lock = threading.RLock()
        self._check_interval = check_interval
        self._clock = clock
        self._store = store
        self._clips = clips
        self._scorer = Scorer(rules)
        self._checks = CheckCollector(gaze_fps)
        self._unread = Unread()
        self._ended_at: float | None = None
        self._closed = 0  # intervals below this number are closed
        self._flagged: set[int] = set()
        self._kept: set[int] = set()  # those whose clip is kept: flagged, or marked by a proctor
        self._told = ToldIntervals()
        self._acts: dict[str, ScreenAct] = {}
        self._tickets: dict[str, Any] = {}  # of the acts that came in this run, by id

    # In

    def count_frame(self) -> None:
        """A picture came in, read or not."""
        with self._lock:
            self._checks.add_frame()

    def count_unseen(self, seconds: Mapping[str, float]) -> None:
        """So long there was nothing to read, by why."""
        with self._lock:
            self._checks.add_unseen(seconds)
            self._unread.take_unseen(seconds)

    def take_acts(self, acts: Sequence[ScreenAct]) -> tuple[list[Any], Scored]:
        """Keep and count screen acts; return one ticket for each, which says when it is stored. Raise `TooMany`."""
        now = self._clock.now()
        acts = [act_within(act, now) for act in acts]
        with self._lock:
            if self._ended_at is not None:  # they were under way: nothing is done after the end
                acts = [replace(act, at=min(act.at, self._ended_at)) for act in acts]
            new = [act for act in acts if act.id not in self._acts]
            if len(self._acts) + len(new) > MAX_ACTS:
                raise TooMany(_("more than %(max_acts)s screen acts in one session; end it and start another", max_acts=MAX_ACTS))
            self._acts |= {act.id: act for act in new}
            self._checks.add_acts(new)
        tickets = [self._store_act(act) for act in acts]
        return tickets, self._score(lambda: self._scorer.take_acts(new)) if new else Scored(False)

    def _store_act(self, act: ScreenAct) -> Any:
        """The ticket of an act's record. One that waits or is safe is not written again, however often the page sends the act."""
        with self._lock:
            ticket = self._tickets.get(act.id)
            if ticket is None or (ticket.done and not ticket.wait(0)):
                ticket = self._tickets[act.id] = self._store.act(act, self._clock.wall(act.at))
            return ticket

    def take_picture(self, gaze: GazeReading, persons: PersonsReading | None) -> Scored:
        """Keep and count what was read from one picture."""
        with self._lock:
            for reading in (gaze, persons):
                if reading is not None:
                    self._checks.add(reading)
                    if "camera" not in self.not_asked:
                        self._unread.take(reading)
        return self._score(lambda: self._scorer.take_picture(gaze, persons))

    def take_sound(self, reading: AudioReading) -> Scored:
        """Keep and count what was heard."""
        with self._lock:
            self._checks.add(reading)
            if "microphone" not in self.not_asked:
                self._unread.take(reading)
        return self._score(lambda: self._scorer.take_sound(reading))

    def change_breaks(self, change: Callable[[], Iterable[Break]]) -> Scored:
        """Let `change` change the breaks and say which there are then; what lies in them counts no more."""
        return self._score(lambda: self._scorer.set_breaks(change()))

    def change_weights(self, change: Callable[[], Iterable[Reweighing]]) -> Scored:
        """Let `change` change from when on which points hold, and say so; what was scored before stays as it was."""
        return self._score(lambda: self._scorer.set_weights(change()))

    def change_marks(self, marks: Iterable[Mark]) -> Scored:
        """Let these be the moments that proctors marked."""
        return self._score(lambda: self._scorer.set_marks(marks))

    def _score(self, take: Callable[[], list[IntervalResult]]) -> Scored:
        """Let the scorer take something, and store what changed by it."""
        raised: list[IntervalResult] = []
        wanted: list[int] = []
        with self._lock:
            changed = take()
            if not changed:
                return Scored(False)
            for result in changed:
                if not result.keeps_clip:
                    self._kept.discard(result.index)
                elif result.index not in self._kept:
                    self._kept.add(result.index)
                    wanted += self._wanted(result.index)
                if not result.flagged:
                    self._flagged.discard(result.index)
                elif result.index not in self._flagged:
                    self._flagged.add(result.index)
                    raised.append(result)
            self._store_check(self._clock.now(), final=False)
        for result in changed:
            self._store_interval(result)
        self._note_wanted(wanted)
        self.store_totals()
        return Scored(True, tuple(raised))

    def _wanted(self, index: int) -> list[int]:
        """Want a clip of an interval; empty where one is made already: that of before a break took its points, and another gave them back."""
        if self._clips.clip(index).state == "ready":
            return []
        self._clips.want(index)
        return [index]

    def _note_wanted(self, wanted: Iterable[int]) -> None:
        """Behind the intervals' own records."""
        for index in wanted:
            with self._lock:
                self._store.clip(index, self._clips.clip(index))

    # As time goes on

    def close_checks(self, now: float) -> None:
        """Store the checks that are over, each as long as they are to be."""
        with self._lock:
            while now >= self._checks.start + self._check_interval:
                self._store_check(self._checks.start + self._check_interval, final=True)

    def unknown_while(self, reason: str, lasts: bool) -> None:
        """From now on nothing can be told for this reason, or no longer for it; the checks say so."""
        with self._lock:
            self._checks.unknown_while(reason, lasts)

    def close_intervals(self, until: float, baseline: Callable[[], Mapping[str, float]]) -> bool:
        """Close the intervals that end by `until`. False when there is none."""
        closed = []
        with self._lock:
            while (self._closed + 1) * self.rules.interval_duration <= until:
                closed.append(self._scorer.close(self._closed))
                self._closed += 1
        for result in closed:
            self._store_interval(result)
        if closed:
            self.store_totals(intervals=self._closed, baseline=dict(baseline()))
        return bool(closed)

    def cut_clips(self, until: float | None, done: Callable[[int, Clip], None]) -> None:
        """Cut the clips that are due at `until`, or all that wait; `done` is told of each, later."""
        for index in self._clips.take_due(until):
            self._cut_clip(index, done)

    def save_clips(self, done: Callable[[int, Clip], None]) -> None:
        """Cut the clips that wait and are not on disk: the memory that they are in goes now."""
        for index in self._clips.take_unkept():
            self._cut_clip(index, done)

    def _cut_clip(self, index: int, done: Callable[[int, Clip], None]) -> None:
        def keep(clip: Clip) -> Any:
            with self._lock:
                self._clips.set(index, clip)
                ticket = self._store.clip(index, clip)
            done(index, clip)
            return ticket

        result = self._scorer.interval(index)
        if not result.keeps_clip:  # a break took its points: nothing is kept of what nobody need look at
            self._clips.leave(index)
            self._store.clip(index, self._clips.clip(index))
            done(index, self._clips.clip(index))
        elif stills := self._clips.cut(result, self._clock.started_at, keep):
            self._store.interval(index, {"stills": stills})

    def end(self, now: float) -> None:
        """Close everything as of `now`: nothing comes any more."""
        with self._lock:
            self._ended_at = now
            self._store_check(now, final=True)
            last = max(math.ceil(now / self.rules.interval_duration), self._closed)
            results = [self._scorer.close(index) for index in range(self._closed, last)]
            self._closed = last
        for result in results:
            self._store_interval(result)

    def checkpoint(self) -> None:
        """Store what was read so far; the session goes on afterwards."""
        with self._lock:
            self._store_check(self._clock.now(), final=True)

    def take_up(
        self,
        rules: Rules,
        checks: Iterable[Mapping[str, Any]],
        intervals: Iterable[Mapping[str, Any]],
        acts: Iterable[Mapping[str, Any]],
        breaks: Iterable[Break],
        marks: Iterable[Mark] = (),
        weights: Iterable[Reweighing] = (),
    ) -> None:
        """Take up what was stored before the server stopped: the readings are replayed, so that the scores are the same."""
        with self._lock:
            self.rules, self._scorer = rules, Scorer(rules)
            self._clips.interval_duration = rules.interval_duration
            self._scorer.set_breaks(breaks)
            self._scorer.set_weights(weights)
            unread: object = None  # its sums so far, in the newest check
            for check in checks:
                try:  # a record may be stored without its readings, or damaged: the others count
                    gaze, persons, audio, _ = unpack(check["readings"])
                    replay(self._scorer, gaze, persons, audio, [])
                except Exception:
                    log.exception("the readings of check %s can't be read; the session goes on without them", check["number"])
                self._checks.number, unread = check["number"] + 1, check.get("unread")
                self._checks.start = check["end"]
            if isinstance(unread, Mapping):
                self._unread.take_up(unread)
            stored = [ScreenAct(act["_id"].partition(":")[2], act["at"], act["kind"], act["detail"], act.get("told_by", "")) for act in acts]
            self._acts = {act.id: act for act in stored}
            self._scorer.take_acts(stored)
            self._scorer.set_marks(marks)
            for interval in intervals:
                index = interval["index"]
                self._scorer.restore(index, closed=interval["closed"], revision=interval["revision"])
                self._told.take_up(index, interval.get("score"), flagged=bool(interval.get("flagged")), closed=interval["closed"])
                self._clips.set(index, _clip_of(interval["clip"]))
                if interval["closed"]:
                    self._closed = max(self._closed, index + 1)
            kept = [result for result in self._scorer.results(self._clock.now()) if result.keeps_clip]
            self._kept = {result.index for result in kept}
            self._flagged = {result.index for result in kept if result.flagged}
            for result in kept:  # the server may have died between the record of what flagged it and its own
                if self._clips.clip(result.index).state == "none":
                    self._clips.want(result.index)
                    self._store_interval(result)
                    self._note_wanted([result.index])

    # Records

    def store_totals(self, **more: Any) -> Any:
        """Store the session's sums, and `more` fields of its document; return the ticket."""
        with self._lock:
            totals = {"total_score": self._scorer.total(), "flagged_intervals": self._scorer.flagged(), "unread": self._unread.document()}
            newest = self._scorer.interval(self.rules.index(self._clock.now() if self._ended_at is None else self._ended_at))
        return self._store.session(**totals, newest_interval={"index": newest.index, "score": newest.score}, **more)

    def _store_interval(self, result: IntervalResult) -> None:
        with self._lock:  # of its clip only that one isn't made yet: whichever server makes it says so itself
            document = self._document(result) | self._told.mark(result)
            self._store.interval(result.index, document, {"clip": document.pop("clip")})
            if (result.score or result.revision) and is_late(self._clock.now() - result.end):
                self._store.session(**leaves())  # after the interval: whoever counts it whole finds it as it is now

    def _store_check(self, at: float, *, final: bool) -> None:
        """Store the check so far; a `final` one ends here and the next begins."""
        number, start = self._checks.number, self._checks.start
        record = self._checks.take(at) if final else self._checks.peek(at)
        self._store.check(number, record | {"unread": self._unread.document()}, self._clock.wall(start))

    def _document(self, result: IntervalResult) -> dict[str, Any]:
        ended = result.end if self._ended_at is None else min(result.end, self._ended_at)
        return interval_document(
            self._store.identity,
            result,
            self._clips.clip(result.index),
            ended=ended,
            started_at=self._clock.wall(result.start),
            ended_at=self._clock.wall(ended),
            flagged_at=self._clock.wall(result.noted_at) if result.noted_at is not None else None,
        )

    # Out

    @property
    def closed(self) -> int:
        """How many intervals are closed."""
        return self._closed

    def summary(self) -> Summary:
        """What the session has come to."""
        with self._lock:
            return Summary(self._store.identity.session_id, self._scorer.total(), self._scorer.flagged())

    def flagged(self) -> frozenset[int]:
        """The numbers of the intervals that are flagged."""
        with self._lock:
            return frozenset(self._flagged)

    def interval(self, index: int) -> IntervalResult:
        """Interval `index` as it stands."""
        with self._lock:
            return self._scorer.interval(index)

    def standing(self, now: float, count: int) -> tuple[Summary, tuple[IntervalResult, ...]]:
        """What the session has come to, and the newest `count` intervals of it, oldest first; the last is the one that goes on at `now`."""
        with self._lock:
            index = self.rules.index(now)
            recent = tuple(self._scorer.interval(number) for number in range(max(0, index - count + 1), index + 1))
            return self.summary(), recent

    def shut(self) -> Shut | None:
        """Eyes that have looked shut for longer than a blink."""
        with self._lock:
            return self._scorer.shut

    def rates(self, now: float) -> dict[str, float]:
        """What was read a second, of late."""
        with self._lock:
            return self._checks.rates(now)

    def intervals(self) -> list[dict[str, Any]]:
        """Every interval so far, as stored."""
        with self._lock:
            return [self._document(result) for result in self._scorer.results(self._clock.now())]


def _clip_of(stored: Mapping[str, Any]) -> Clip:
    try:
        return Clip(**stored)
    except TypeError:
        return Clip("failed", reason=str(UNREADABLE))
