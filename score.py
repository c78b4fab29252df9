"""The rules: readings and screen acts in, violations and interval results out.

Pure and deterministic: the same readings give the same result, live or replayed, at any speed. Pictures, sounds and acts are
three independent ways in; only within pictures and within sounds must readings come in the order of their time. Acts may come in any order.
Breaks are data too: nothing read or done in one counts, and none ever adds a point.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable
from typing import Any

from basics.readings import AudioReading, GazeReading, IntervalResult, PersonsReading, ScreenAct
from basics.signals import VIOLATION_KINDS, ViolationKind
from scoring.breaks import Break, covers, outside, touches
from scoring.documents import box_document, seen_document
from scoring.lids import Lids, Shut
from scoring.marks import Mark
from scoring.occurrences import Occurrence, occurrences
from scoring.rules import Rules
from scoring.stretches import Looks, Stretch
from scoring.tallies import EVIDENCE_STRETCHES, Tally, join
from scoring.weights import Reweighing, Weights

SEVERAL = 2  # voices
EVIDENCE_GAP_S = 0.5  # stretches of sound that are closer are listed as one; no point depends on it

AWAY = frozenset({"left", "right", "down"})


class Scorer:
    """The score of one session, interval by interval. Every method is a function of the readings so far; nothing here knows the time of day."""

    def __init__(self, rules: Rules) -> None:
        self.rules = rules
        self._weights = Weights(rules.points)
        self._intervals: dict[int, Tally] = {}
        self._away = AWAY if rules.looking_down_counts else AWAY - {"down"}
        self._gaze = Stretch(rules.gaze_gap_s, rules.unknown_max_s, rules.credit_max_s)
        self._look_silence = max(rules.unknown_max_s, rules.looks_speak_for * rules.face_interval_s)
        self._absent = Stretch(rules.gaze_gap_s, rules.unknown_max_s, rules.credit_max_s, self._look_silence)
        self._absent_looks = 0
        self._faceless_from: float | None = None  # the first of the newest pictures without a face
        self._lids = Lids(rules)
        self._many = Looks(rules.unknown_max_s, rules.looks_end)
        self._phone = Looks(rules.unknown_max_s, rules.looks_end)
        self._picture_interval = 0
        self._picture_at = -math.inf
        self._persons: PersonsReading | None = None
        self._acts: dict[str, ScreenAct] = {}
        self._occurrences: dict[int, list[Occurrence]] = {}
        self._voices_end = -math.inf
        self._voices_held = 0.0
        self._points: dict[int, int] = {}  # by interval, so that totals need no second look at the violations
        self._breaks: tuple[Break, ...] = ()
        self._marks: dict[int, list[Mark]] = {}
        self._cut = False  # a break ended in the interval of the newest picture
        self._voices_begin = -math.inf  # of the conversation that `_voices_end` ends

    # Points

    def set_weights(self, changes: Iterable[Reweighing]) -> list[IntervalResult]:
        """Say from when on other points hold, in order; return the intervals whose acts may count otherwise. It is told before what is read later."""
        self._weights, before = Weights(self.rules.points, changes), dict(self._points)
        for index, found in self._occurrences.items():
            self._count_acts(index, found)
        return [self.interval(index) for index in sorted(self._occurrences) if before.get(index) != self._points.get(index)]

    def _counts(self, kind: ViolationKind, stretch: Stretch | Looks, at: float) -> bool:
        """Has the kind points at `at`? What is seen while it is off ends its stretch, and counts for nothing later."""
        if self._weights.of(kind, at):
            return True
        stretch.end()
        return False

    # Breaks

    def set_breaks(self, breaks: Iterable[Break]) -> list[IntervalResult]:
        """Say which breaks there are, in order; return the intervals whose acts count otherwise now. A break is told before what is read in it."""
        self._breaks = tuple(breaks)
        return self._count_occurrences()

    # Marks

    def set_marks(self, marks: Iterable[Mark]) -> list[IntervalResult]:
        """Say which moments proctors marked, in order; return the intervals in which there are others now."""
        found: dict[int, list[Mark]] = {}
        for mark in sorted(marks, key=lambda mark: mark.at):
            found.setdefault(self.rules.index(mark.at), []).append(mark)
        changed = [index for index in sorted(found.keys() | self._marks.keys()) if found.get(index) != self._marks.get(index)]
        self._marks = found
        for index in changed:
            interval, here = self._interval(index), found.get(index, [])
            shown = [{"at": mark.at, "by": mark.by, "note": mark.note} for mark in here[:EVIDENCE_STRETCHES]]
            interval.counted["proctor_mark"] = [mark.at for mark in here]
            interval.stretches["proctor_mark"] = [(mark.at, mark.at) for mark in here]
            interval.evidence["proctor_mark"] = {"marks": shown}
            interval.revision += interval.closed
            self._settle(index)
        return [self.interval(index) for index in changed]

    # Pictures

    def take_picture(self, gaze: GazeReading | None, persons: PersonsReading | None = None) -> list[IntervalResult]:
        """Take what was read from one picture; return the intervals that changed. A picture older than the last is ignored."""
        at = gaze.at if gaze else persons.at if persons else -math.inf
        if at <= self._picture_at:
            return []
        before, self._picture_at = self._picture_at, at
        if covers(self._breaks, at):
            self._know(persons)
            return []
        index = self.rules.index(at)
        if index != self._picture_interval:
            self._begin_interval(index)
        if touches(self._breaks, before, at):
            for stretch in (self._gaze, self._absent, self._many, self._phone, self._lids):
                stretch.end()
            self._cut = True
        shown: set[int] = set()
        changed = persons is not None and self._look(persons, index)
        if gaze is not None:
            judged = self._lids.feed(gaze)
            shown = self._watch_lids(self._lids.shut, judged, before, at)
            changed |= self._look_away(gaze, judged, index)
        changed |= self._nobody(at, gaze, persons, index)
        return [self.interval(one) for one in sorted(shown | {index} if changed else shown)]

    def _begin_interval(self, index: int) -> None:
        """Begin the interval of the newest picture. What a break cut off in the one before must hold anew: it counts for nothing beyond."""
        self._picture_interval = index
        begin = index * self.rules.interval_duration
        for stretch in (self._gaze, self._absent):
            stretch.begin_interval(begin, anew=self._cut)
        for looks in (self._many, self._phone):
            looks.begin_interval(anew=self._cut)
        self._cut = False

    def _know(self, persons: PersonsReading | None) -> None:
        """Remember who is in view: it tells a turned head from an empty chair, and counts nothing by itself."""
        if persons is not None:
            self._persons = persons

    def _look(self, persons: PersonsReading, index: int) -> bool:
        self._know(persons)
        many = None if persons.count is None else persons.count >= 2
        self._many.feed(persons.at, many, self._look_silence)
        changed = False
        if self._counts("multiple_faces", self._many, persons.at) and many:
            changed = self._count_run(
                "multiple_faces",
                self._many,
                persons.at,
                self.rules.persons_min_s,
                {"persons": persons.count, "boxes": [box_document(box) for box in persons.persons], **seen_document(persons)},
                index,
            )
        self._phone.feed(persons.at, persons.phone, self._look_silence)
        if self._counts("prohibited_object", self._phone, persons.at) and persons.phone:
            evidence = {"object": "phone", "boxes": [box_document(box) for box in persons.phones], **seen_document(persons)}
            changed |= self._count_run("prohibited_object", self._phone, persons.at, 0.0, evidence, index)
        return changed

    def _count_run(self, kind: ViolationKind, looks: Looks, at: float, least: float, evidence: dict[str, Any], index: int) -> bool:
        if not looks.counted and (looks.run < self.rules.looks_min or at - looks.run_start < least):
            return False
        first = not looks.counted
        looks.counted = True
        start = at if looks.start is None else looks.start
        before = self._interval(index).evidence.get(kind, {})
        if before.get("persons", 0) > evidence.get("persons", 0):
            evidence = before
        return self._count(kind, index, at if first else None, start, at, evidence | {"looks": before.get("looks", self.rules.looks_min - 1) + 1})

    def _watch_lids(self, shut: Shut | None, judged: bool, before: float, at: float) -> set[int]:
        """Take eyes that look shut for longer than a blink; return the intervals in which they begin to be shown as closed."""
        if shut is None:
            return set()
        if shut.lowered:
            counting = list(self._weights.counting("gaze_distracted", shut.start, at)) if judged and "down" in self._away else []
            if counting and counting[-1][1] == at:
                begin = counting[-1][0]
                self._gaze.reach_back(begin, min(shut.seconds, at - begin), at)
            return set()
        shown = set()
        for index, start, end in self._parts(shut.start if judged else max(before, shut.start), shut.end):
            interval = self._interval(index)
            join(interval.eyes_closed, start, end)
            interval.revision += interval.closed
            shown.add(index)
        return shown if judged else set()

    def _look_away(self, gaze: GazeReading, judged: bool, index: int) -> bool:
        stretch, away = self._gaze, self._is_away(gaze)
        self._faceless_from = None if gaze.direction != "none" else gaze.at if self._faceless_from is None else self._faceless_from
        if away and self._faceless_from is not None:
            stretch.held_since(self._faceless_from, gaze.at)
        stretch.feed(gaze.at, away)
        if not self._counts("gaze_distracted", stretch, gaze.at) or stretch.start is None or stretch.last != gaze.at:
            return False
        start = self._qualified_start(stretch, self.rules.gaze_min_s)
        if start is None:
            return False
        before = self._interval(index).evidence.get("gaze_distracted", {})
        directions = Counter(before.get("directions", {}))
        shut = self._lids.shut if gaze.direction == "closed" else None  # here they are lowered
        direction = "turned away" if gaze.direction == "none" else "down" if shut else gaze.direction
        directions[direction] += shut.readings if shut and judged else 1
        evidence = before | {"directions": dict(directions)} | ({"lids": shut.to_dict()} if shut else {})
        if gaze.numbers and direction == directions.most_common(1)[0][0]:  # numbers of the direction that is named
            evidence["numbers"] = {name: round(value, 2) for name, value in gaze.numbers.items()}
        return self._count("gaze_distracted", index, gaze.at, start, gaze.at, evidence)

    def _is_away(self, gaze: GazeReading) -> bool | None:
        """Does this reading hold for looking away? Closed eyes do not, whether a blink or longer; lids lowered to something do."""
        if gaze.direction == "unknown":
            return None
        if gaze.direction == "closed":
            lowered = self._lids.shut is not None and self._lids.shut.lowered
            return "down" in self._away if lowered else None if self._lids.blinks else False
        if gaze.direction != "none":
            return gaze.direction in self._away
        # Without a face somebody may have turned away, or be cut by the picture's edge or lie on the desk: a head was seen turning, or nobody knows.
        # And whoever a look found may have left since: what lies between two looks is known at the second.
        present = self._present(gaze.at)
        looked = self._persons is not None and self._persons.at == gaze.at
        return None if present and (self._gaze.start is None or not looked) else present

    def _present(self, at: float) -> bool | None:
        """Was somebody in view at the last look? None when it could not tell, or is too long ago."""
        if self._persons is None or self._persons.count is None or at - self._persons.at > self._look_silence:
            return None
        return self._persons.count >= 1

    def _nobody(self, at: float, gaze: GazeReading | None, persons: PersonsReading | None, index: int) -> bool:
        """Nobody in view needs two signals that agree: a look that finds no person, and no face in the same and the following pictures."""
        face = None if gaze is None or gaze.direction == "unknown" else gaze.direction != "none"
        present = self._present(at)
        holds = False if face or present else None if face is None or present is None else True
        was = self._absent.start
        self._absent.feed(at, holds)
        if not self._counts("no_face", self._absent, at) or self._absent.start != was:
            self._absent_looks = 0
        if persons is not None and persons.count == 0 and holds:
            self._absent_looks += 1
        if not holds or self._absent.start is None or self._absent_looks < self.rules.looks_min or self._absent.last != at:
            return False
        start = self._qualified_start(self._absent, self.rules.absent_min_s)
        if start is None:
            return False
        return self._count("no_face", index, at, start, at, {"looks": self._absent_looks})

    def _qualified_start(self, stretch: Stretch, least: float) -> float | None:
        """Where the stretch begins, or None while it is too short to count."""
        if not stretch.lasts(least):
            return None
        stretch.counted = True
        return stretch.start

    # Sound

    def take_sound(self, reading: AudioReading) -> list[IntervalResult]:
        """Take what was heard; return the intervals that changed. Stretches may lie before the interval that is running."""
        changed: set[int] = set()
        for start, end in reading.speech:
            for index, begin, stop in self._split("speech", start, end):
                interval = self._interval(index)
                interval.speak(stop - begin, reading.sounds)
                interval.add_stretch("speech", begin, stop, EVIDENCE_GAP_S)
                enough = interval.speech_s >= self.rules.speech_min_s - 1e-6
                if enough and self._mark("speech", index, stop, interval.speech_evidence(reading.level_dbfs)):
                    changed.add(index)
        for start, end in reading.multiple:
            if start - self._voices_end > self.rules.voices_gap_s:
                self._voices_held, self._voices_begin = 0.0, start
            self._voices_end = end
            for index, begin, stop in self._split("multiple_voices", start, end):
                if self._converse(index, begin, stop, reading):
                    changed.add(index)
        return [self.interval(index) for index in sorted(changed)]

    def _converse(self, index: int, begin: float, stop: float, reading: AudioReading) -> bool:
        """Take a stretch of several voices within one interval. True when the result changed."""
        interval = self._interval(index)
        least = self.rules.voices_min_s - 1e-6
        reached_before = self._voices_held >= least
        if touches(self._breaks, self._voices_begin, begin):
            # What a break cut counts by the interval's own seconds alone: what was said before it is carried nowhere.
            self._voices_held = -math.inf
        self._voices_held += stop - begin
        interval.multiple_s += stop - begin
        known = reading.numbers.keys() & {"several", "stranger"}
        interval.voices = max(interval.voices, int(reading.numbers.get("several", 0)) if known else reading.voices or 0)
        interval.stranger |= "stranger" in known
        interval.add_stretch("multiple_voices", begin, stop, EVIDENCE_GAP_S)
        reached = not reached_before and self._voices_held >= least
        if not (reached or "multiple_voices" in interval.counted or interval.multiple_s >= least):
            return False
        numbers = {name: round(value, 3) for name, value in reading.numbers.items()}
        voices = interval.voices if interval.voices >= SEVERAL else None  # one is what is left of them a second later
        evidence = {"seconds": round(interval.multiple_s, 2), "voices": voices, "stranger": interval.stranger, "numbers": numbers}
        return self._mark("multiple_voices", index, stop, evidence)

    def _split(self, kind: ViolationKind, start: float, end: float) -> Iterable[tuple[int, float, float]]:
        """The parts of `[start, end)` by interval, without what lies in breaks, and without the time in which the kind is off."""
        for free, free_end in outside(self._breaks, max(0.0, start), end):
            for part, part_end in self._weights.counting(kind, free, free_end):
                yield from self._parts(part, part_end)

    def _parts(self, start: float, end: float) -> Iterable[tuple[int, float, float]]:
        """The parts of `[start, end)` by interval."""
        while start < end:
            index = self.rules.index(start + 1e-9)
            stop = min(end, (index + 1) * self.rules.interval_duration)
            yield index, start, stop
            start = stop

    # Acts

    def take_acts(self, acts: Iterable[ScreenAct]) -> list[IntervalResult]:
        """Take screen acts, in any order; return the intervals that changed. An act whose id is known is ignored."""
        new = {act.id: act for act in acts if act.id not in self._acts}
        if not new:
            return []
        self._acts |= new
        return self._count_occurrences()

    def _count_occurrences(self) -> list[IntervalResult]:
        found: dict[int, list[Occurrence]] = {}
        for occurrence in occurrences(self._acts.values(), self.rules.act_together_s, self.rules.blur_min_s):
            if covers(self._breaks, occurrence.at):
                continue
            found.setdefault(self.rules.index(occurrence.at), []).append(occurrence)
        changed = [index for index in sorted(found.keys() | self._occurrences.keys()) if found.get(index) != self._occurrences.get(index)]
        self._occurrences = found
        for index in changed:
            self._count_acts(index, found.get(index, []))
        return [self.interval(index) for index in changed]

    def _count_acts(self, index: int, found: list[Occurrence]) -> None:
        interval = self._interval(index)
        kinds: tuple[ViolationKind, ...] = ("tab_switch", "copy_paste")
        for kind in kinds:
            of_kind = [occurrence for occurrence in found if occurrence.kind == kind and self._weights.of(kind, occurrence.at)]
            times = [occurrence.at for occurrence in of_kind]
            shown = [{"at": round(occurrence.at, 2), "what": occurrence.detail or kind} for occurrence in of_kind[:EVIDENCE_STRETCHES]]
            if interval.counted.get(kind, []) == times and interval.evidence.get(kind, {}).get("acts", []) == shown:
                continue
            interval.counted[kind] = times
            interval.stretches[kind] = [(at, at) for at in times]
            interval.evidence[kind] = {"acts": shown}
            if interval.closed:
                interval.revision += 1
        self._settle(index)

    # Results

    def interval(self, index: int) -> IntervalResult:
        """Interval `index` as it stands."""
        interval = self._intervals.get(index) or Tally()
        # A mark is told whatever it counts; any other kind is counted only while it has points.
        start, end = index * self.rules.interval_duration, (index + 1) * self.rules.interval_duration
        violations = tuple(interval.violation(kind, self._weights, start, end) for kind in VIOLATION_KINDS if interval.counted.get(kind))
        flagged_at = interval.flagged_at(self._weights, self.rules.flag_threshold)
        return IntervalResult(
            index=index,
            start=start,
            end=end,
            score=sum(violation.points for violation in violations),
            flagged=flagged_at is not None,
            flagged_at=flagged_at,
            violations=violations,
            closed=interval.closed,
            revision=interval.revision,
            eyes_closed=tuple(interval.eyes_closed[:EVIDENCE_STRETCHES]),
        )

    def results(self, until: float) -> list[IntervalResult]:
        """Every interval that begins before `until`, and later ones that have something; none between."""
        begun = range(math.ceil(until / self.rules.interval_duration))
        return [self.interval(index) for index in sorted({*begun, *self._intervals})]

    def close(self, index: int) -> IntervalResult:
        """Close interval `index`: what still arrives for it raises its revision."""
        self._interval(index).closed = True
        return self.interval(index)

    def restore(self, index: int, *, closed: bool, revision: int) -> None:
        """Take up an interval's stored state again after its readings were replayed."""
        interval = self._interval(index)
        interval.closed, interval.revision = closed, revision

    @property
    def shut(self) -> Shut | None:
        """Eyes that have looked shut for longer than a blink, as of the newest picture."""
        return self._lids.shut

    def total(self) -> int:
        """The session's score: the sum of its intervals'."""
        return sum(self._points.values())

    def flagged(self) -> int:
        """How many intervals have a flag."""
        return sum(points >= self.rules.flag_threshold for points in self._points.values())

    def _interval(self, index: int) -> Tally:
        return self._intervals.setdefault(index, Tally())

    def _settle(self, index: int) -> None:
        counted = self._interval(index).counted
        self._points[index] = sum(self._weights.of(kind, at) for kind, times in counted.items() for at in times)

    def _count(self, kind: ViolationKind, index: int, at: float | None, start: float, end: float, evidence: dict[str, Any]) -> bool:
        """Count `kind` once in the interval, from `start` to `end` so far. True when the result changed by more than its length."""
        self._interval(index).add_stretch(kind, start, end)
        return self._mark(kind, index, end if at is None else at, evidence)

    def _mark(self, kind: ViolationKind, index: int, at: float, evidence: dict[str, Any]) -> bool:
        interval = self._interval(index)
        interval.evidence[kind] = evidence
        if interval.closed:
            interval.revision += 1
        if kind in interval.counted:
            return interval.closed
        interval.counted[kind] = [at]
        self._settle(index)
        return True


def replay(
    scorer: Scorer, gaze: Iterable[GazeReading], persons: Iterable[PersonsReading], audio: Iterable[AudioReading], acts: Iterable[ScreenAct]
) -> None:
    """Give stored readings to a scorer as they were given when they were new."""
    looks = {reading.at: reading for reading in persons}
    for reading in sorted(gaze, key=lambda reading: reading.at):
        scorer.take_picture(reading, looks.pop(reading.at, None))
    for sound in audio:
        scorer.take_sound(sound)
    scorer.take_acts(acts)
