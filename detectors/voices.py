"""Telling voices apart: who speaks when within the last seconds, and whether it is the student's own voice.

Two signals are asked. The overlap model (pyannote segmentation 3.0) says which of up to three speakers is active in each frame of a
window; the speaker model (CAM++) turns a second or two of one speaker's speech into a direction of 192 numbers, alike for one voice.
The student's own voice is learnt from the first speech heard for long, lives only in this object and goes with it.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from basics.readings import SAMPLE_RATE
from detectors.sound_models import FRAME, HOP, Floats, OverlapModel, SpeakerModel
from settings.sound import VoiceLimits

Bools = npt.NDArray[np.bool_]
Span = tuple[int, int]  # samples: first, one past the last

FRAME_SPEAKERS = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 1, 0], [1, 0, 1], [0, 1, 1]], dtype=bool)  # the overlap model's 7 classes
ALONE = 4  # classes with one speaker or none come first
SAME_VOICE = 0.65  # the median cosine of one voice at 1.5 s (bench/NOTES.md), where there is no pair to measure it


@dataclass(frozen=True, slots=True)
class Unit:
    """One or two seconds of one speaker's speech: where it lies and its direction."""

    spans: tuple[Span, ...]
    seconds: float
    vector: Floats


@dataclass(frozen=True, slots=True)
class Look:
    """What one look at a window found.

    `voices`: voices told apart, None where it could not be told. `since`: sample at which the second voice begins, None with one voice.
    `until`: sample at which the other voice was last heard. `speech`: probability of speech per frame of the window, `start` its first sample.
    """

    voices: int | None
    since: int | None = None
    until: int = 0
    start: int = 0
    speech: Floats = field(default_factory=lambda: np.zeros(0, np.float32))
    numbers: dict[str, float] = field(default_factory=dict)


@dataclass(slots=True)
class _Scene:
    """One window while it is judged: per frame and speaker who is active and who is alone, the units of each speaker, the numbers to show."""

    sound: Floats
    start: int
    active: Bools
    solo: Bools
    loudspeaker: Floats  # per frame how much it sounds like a television or radio, 0..1
    units: list[list[Unit]] = field(default_factory=lambda: [[], [], []])
    numbers: dict[str, float] = field(default_factory=dict)


class VoiceTracker:
    """The voices of one session. Not thread-safe. Positions are samples since the sound began, anew after each gap: what lies before it is negative.

    Cosines are means over pairs of units. Read speech of 15 people, 1.5 s each: one voice .53 to .85 (5 % lie below), two voices .1 to .46
    (5 % above); means over several units lie further apart (bench/NOTES.md). The limits stand inside the gap.
    """

    def __init__(
        self,
        speaker: SpeakerModel | None,
        overlap: OverlapModel | None,
        limits: VoiceLimits | None = None,
    ) -> None:
        self._speaker = speaker
        self._overlap = overlap
        self._limits = limits or VoiceLimits()
        self._units: deque[Unit] = deque(maxlen=32)  # a window holds about a dozen
        self._new: list[Unit] = []  # those of the present look
        self._talk_until = -1  # where another voice was last heard: while it is in the window, less of the student's voice is enough to go by
        self._student = np.zeros(192, np.float32)  # the mean of its units' directions, not made of length 1: a product is a mean cosine
        self._student_s = 0.0
        self.cut_off = False  # some of the present window is cut off, and a voice that is louder or quieter is unlike itself
        self._own_from = self._own_until = 0  # where it was heard first and last
        self._refused: list[Unit] = []  # speech since, that was not this voice

    @property
    def _is_student_sure(self) -> bool:
        """Whether it was heard at times so far apart that it is no invigilator's who said how the exam goes."""
        return self._own_until - self._own_from >= int(self._limits.own_voice_apart_s * SAMPLE_RATE)

    def lost(self, samples: int) -> None:
        """Sound is missing: what was heard just before no longer belongs to what comes, whose first sample lies `samples` after the first so far."""
        self._units.clear()
        self._talk_until = -1
        self._own_from, self._own_until = self._own_from - samples, self._own_until - samples
        self._refused = [replace(unit, spans=tuple((first - samples, last - samples) for first, last in unit.spans)) for unit in self._refused]

    def look(self, sound: Floats, start: int, fresh: int, heard: Bools, loudspeaker: Floats | None = None) -> Look:
        """Judge the window `sound` (float32, -1..1), whose first sample is `start`; samples from `fresh` on were not judged before.

        `heard` says per frame of `FRAME` samples where the speech detector heard speech, `loudspeaker` how much it sounds like a television, 0..1.
        """
        if self._overlap is None:
            return Look(None, start=start)
        probabilities = self._overlap.probabilities(sound)
        speech = (1 - probabilities[:, 0]).astype(np.float32)
        if self._speaker is None:
            return Look(None, start=start, speech=speech)
        frames = len(probabilities)
        active = FRAME_SPEAKERS[self._classes(probabilities)] & _fit(heard, frames)[:, None]
        solo = active & (active.sum(axis=1) == 1)[:, None]
        self._embed_fresh(sound, start, fresh, solo)
        broadcast = np.zeros(frames, np.float32)
        if loudspeaker is not None:
            broadcast[: len(loudspeaker)] = loudspeaker[:frames]
        found = self._judge(_Scene(sound, start, active, solo, broadcast))
        return Look(found.voices, found.since, found.until, start, speech, found.numbers)

    def _classes(self, probabilities: Floats) -> npt.NDArray[np.intp]:
        """The class of each frame. Two at once may share their probability among three pairs, and a quiet second voice has little of it."""
        pairs = probabilities[:, ALONE:]
        two = pairs.sum(axis=1) >= self._limits.together_probability
        return np.asarray(np.where(two, ALONE + pairs.argmax(axis=1), probabilities.argmax(axis=1)), np.intp)

    def _embed_fresh(self, sound: Floats, start: int, fresh: int, solo: Bools) -> None:
        """Take units from the part of the window that is new, a speaker at a time."""
        assert self._speaker is not None
        self._new = []
        first = max(0, (fresh - start) // FRAME)
        new = solo.copy()
        new[:first] = False
        if not new.any():
            return
        for speaker in range(solo.shape[1]):
            rows = np.flatnonzero(new[:, speaker])
            seconds = len(rows) * FRAME / SAMPLE_RATE
            if not seconds:
                continue
            if seconds < self._limits.voice_unit_least_s:  # a short answer: take what the same speaker said just before with it
                older = np.flatnonzero(solo[:first, speaker])
                rows = np.concatenate([older[len(older) - int((self._limits.voice_unit_s / 2 - seconds) * SAMPLE_RATE / FRAME) :], rows])
                seconds = len(rows) * FRAME / SAMPLE_RATE
                if seconds < self._limits.voice_unit_least_s:
                    continue
            for part in np.array_split(rows, max(1, round(seconds / self._limits.voice_unit_s))):
                self._new.append(self._unit(sound, start, part))
        self._units.extend(self._new)

    def _unit_of(self, scene: _Scene, speaker: int) -> list[Unit]:
        """A unit of the last speech of one speaker alone, if there is enough of it."""
        rows = np.flatnonzero(scene.solo[:, speaker])[-int(self._limits.voice_unit_s * SAMPLE_RATE / FRAME) :]
        return [self._unit(scene.sound, scene.start, rows)] if len(rows) * FRAME >= self._limits.voice_unit_least_s * SAMPLE_RATE else []

    def _unit(self, sound: Floats, start: int, rows: npt.NDArray[np.intp]) -> Unit:
        assert self._speaker is not None
        first, last = int(rows[0]) * FRAME, (int(rows[-1]) + 1) * FRAME
        features = self._speaker.features(sound[first : last + HOP])
        mels = np.unique(np.concatenate([rows * FRAME - first, rows * FRAME - first + HOP]) // HOP)
        vector = self._speaker.embed(features[mels[mels < len(features)]])
        breaks = np.flatnonzero(np.diff(rows) > 1) + 1
        spans = tuple((start + int(run[0]) * FRAME, start + (int(run[-1]) + 1) * FRAME) for run in np.split(rows, breaks))
        return Unit(spans, len(rows) * FRAME / SAMPLE_RATE, vector)

    def _judge(self, scene: _Scene) -> Look:
        for unit in self._units:
            share = _shares(unit, scene.solo, scene.start)
            if share.max() >= self._limits.voice_unit_share:
                scene.units[int(share.argmax())].append(unit)
        present = [s for s in range(3) if _seconds(scene.active[:, s]) >= self._limits.voice_turn_s]
        broadcast = {s: float(scene.loudspeaker[scene.active[:, s]].mean()) for s in present}
        present = [s for s in present if broadcast[s] < self._limits.loudspeaker_threshold]  # the others are nobody in the room
        if len(present) < len(broadcast):
            scene.numbers["loudspeaker"] = round(max(broadcast.values()), 3)
        present.sort(key=lambda s: int(np.flatnonzero(scene.active[:, s])[0]))
        known = self._student_s >= (self._limits.stranger_s if self._talk_until >= scene.start else self._limits.own_voice_s)
        likeness = {s: _likeness(scene.units[s], self._student) for s in present if scene.units[s]} if known else {}
        scene.numbers["together_s"] = round(_seconds(scene.active.sum(axis=1) > 1), 2)
        if likeness:
            scene.numbers["own"] = round(min(likeness.values()), 3)

        others = [self._other(scene, a, b, likeness) for i, a in enumerate(present) for b in present[i + 1 :]]
        for s in present:
            units = self._sound(scene.units[s])
            others.append(self._changed(units, scene.numbers, known=known))
        found = [span for span in others if span is not None]
        strangers = [span for s in present for span in (self._strangers(self._sound(scene.units[s])) if known else [])]
        if found or self._is_student_sure:
            found += strangers
        if found:
            self._talk_until = max(last for _, last in found)
            alone = len(present) == 1
            if alone:
                self._reconsider(scene.units[present[0]])
            several = not alone or len(found) > len(strangers)
            scene.numbers |= {"several": max(2, len(present))} if several else {"stranger": 1}  # which of the two it is
            return Look(max(2, len(present)), min(first for first, _ in found), self._talk_until, numbers=scene.numbers)
        if len(present) == 1:
            self._learn(scene.units[present[0]])
        return Look(1 if present else 0, numbers=scene.numbers)

    def _other(self, scene: _Scene, a: int, b: int, likeness: dict[int, float]) -> Span | None:
        """Where the other of two speakers of the overlap model begins and ends, if they are two voices; `a` begins first."""
        both = scene.active[:, a] & scene.active[:, b]
        both[-int(self._limits.together_edge_s * SAMPLE_RATE / FRAME) :] = False
        at_once = _seconds(both) >= self._limits.together_s
        for s in (a, b) if at_once else ():  # worth a direction of its own where none was taken yet
            scene.units[s] = scene.units[s] or self._unit_of(scene, s)
        both_own = min(likeness.get(a, 0.0), likeness.get(b, 0.0)) >= self._limits.own_voice_threshold
        if both_own or not self._two(scene.units[a], scene.units[b], at_once, scene.numbers):
            return None
        other = a if likeness.get(a, 1.0) < likeness.get(b, 1.0) else b
        rows = np.flatnonzero(scene.active[:, other])
        return scene.start + int(rows[0]) * FRAME, scene.start + (int(rows[-1]) + 1) * FRAME

    def _two(self, some: list[Unit], others: list[Unit], at_once: bool, numbers: dict[str, float]) -> bool:
        """Whether two speakers of the overlap model are two voices: their directions differ, or they talk at once and one is never alone."""
        if not some or not others:
            return at_once
        cosine = _between(some, others)
        least = min(sum(unit.seconds for unit in some), sum(unit.seconds for unit in others))
        numbers["apart"], numbers["apart_s"] = round(cosine, 3), round(least, 2)
        limits = self._limits
        # Of short speech the direction is less sure: it must be further apart.
        if at_once:
            return cosine < limits.voices_together_threshold
        low, high = limits.voices_threshold - limits.voices_short_less, limits.voices_threshold
        if self._student_s < limits.own_voice_s and not self.cut_off:
            high += limits.voices_unknown_more
        return cosine < float(np.interp(least, (limits.voices_short_s, limits.voices_sure_s), (low, high)))

    def _changed(self, units: list[Unit], numbers: dict[str, float], *, known: bool) -> Span | None:
        """Where a new voice begins and ends within what the overlap model took for one speaker."""
        limits = self._limits
        seconds = limits.voice_change_short_s, limits.voice_change_sure_s
        likeness = limits.voice_change_threshold - limits.voice_change_less, limits.voice_change_threshold
        best, at = 0.0, 0
        for k in range(1, len(units)):
            before, after = units[:k], units[k:]
            least = min(sum(u.seconds for u in before), sum(u.seconds for u in after))
            if least < limits.voice_change_short_s:
                continue
            cosine = _between(before, after)
            contrast = _within(before, after) - cosine
            if contrast > best:
                best = contrast
                numbers["split"], numbers["contrast"] = round(cosine, 3), round(contrast, 3)
                at = k if cosine < float(np.interp(least, seconds, likeness)) and contrast >= limits.voice_change_contrast else 0
        if not at or (known and min(_likeness(units[:at], self._student), _likeness(units[at:], self._student)) >= limits.own_voice_threshold):
            return None
        return units[at].spans[0][0], units[-1].spans[-1][1]

    def _strangers(self, units: list[Unit]) -> list[Span]:
        """Where units that follow one another are not the student's voice for long enough."""
        found: list[Span] = []
        run: list[Unit] = []
        for unit in [*units, None]:
            if unit is not None and float(unit.vector @ self._student) < self._limits.stranger_threshold:
                run.append(unit)
                continue
            if sum(u.seconds for u in run) >= self._limits.stranger_s and _likeness(run, self._student) < self._limits.stranger_threshold:
                found.append((run[0].spans[0][0], run[-1].spans[-1][1]))
            run = []
        return found

    def _learn(self, units: list[Unit]) -> None:
        """Let new speech of one voice alone make or refine the student's baseline. A false start is given up for what is heard longer."""
        for unit in self._fresh(units):
            if self._student_s and float(unit.vector @ self._student) < self._limits.own_voice_threshold:
                self._refuse(unit)
            else:
                self._refused.clear()
                self._take(unit)

    def _reconsider(self, units: list[Unit]) -> None:
        """A voice that is heard alone and is not the student's may be the student's after all."""
        for unit in self._fresh(units):
            if float(unit.vector @ self._student) < self._limits.stranger_threshold:
                self._refuse(unit)

    def _refuse(self, unit: Unit) -> None:
        """Speech that is not the voice known so far. More of it than of that voice, with none of that between, is the student's own."""
        self._refused.append(unit)
        if sum(one.seconds for one in self._refused) <= self._student_s:
            return
        self._student_s, refused = 0.0, self._refused
        self._refused = []
        for one in refused:
            self._take(one)

    def _take(self, unit: Unit) -> None:
        if not self._student_s:
            self._own_from = unit.spans[0][0]
        self._own_until = unit.spans[-1][1]
        self._student_s = min(self._student_s + unit.seconds, self._limits.own_voice_most_s)
        self._student = self._student + (unit.vector - self._student) * np.float32(unit.seconds / self._student_s)

    def _fresh(self, units: list[Unit]) -> list[Unit]:
        return [unit for unit in self._sound(units) if any(unit is new for new in self._new)]

    def _sound(self, units: list[Unit]) -> list[Unit]:
        return [unit for unit in units if unit.seconds >= self._limits.voice_unit_sound_s]


def _seconds(frames: Bools) -> float:
    return float(np.count_nonzero(frames)) * FRAME / SAMPLE_RATE


def _fit(heard: Bools, frames: int) -> Bools:
    """`heard` cut or padded (with its last value) to `frames`."""
    if len(heard) >= frames:
        return heard[:frames]
    return np.pad(heard, (0, frames - len(heard)), mode="edge" if len(heard) else "constant")


def _shares(unit: Unit, solo: Bools, start: int) -> npt.NDArray[np.float64]:
    """How much of the unit each speaker of this window speaks alone, `[3]`, 0..1."""
    total = np.zeros(solo.shape[1])
    length = 0
    for first, last in unit.spans:
        length += (last - first) // FRAME
        low, high = (first - start) // FRAME, (last - start) // FRAME
        total += solo[max(0, low) : max(0, high)].sum(axis=0)
    return total / max(1, length)


def _sum(units: list[Unit]) -> tuple[Floats, float]:
    weights = np.array([unit.seconds for unit in units], np.float32)
    return (np.stack([unit.vector for unit in units]) * weights[:, None]).sum(axis=0), float(weights.sum())


def _between(some: list[Unit], others: list[Unit]) -> float:
    """The mean cosine between units of two groups, weighted by length. Means of groups would grow alike with the groups' size."""
    (a, a_s), (b, b_s) = _sum(some), _sum(others)
    return float(a @ b) / (a_s * b_s)


def _within(*groups: list[Unit]) -> float:
    """The mean cosine between different units of the same group, 1 pair or more; `SAME_VOICE` where there is none."""
    cosines = [float(a.vector @ b.vector) for group in groups for i, a in enumerate(group) for b in group[:i]]
    return float(np.mean(cosines)) if cosines else SAME_VOICE


def _likeness(units: list[Unit], voice: Floats) -> float:
    """The mean cosine of units with a voice."""
    total, seconds = _sum(units)
    return float(total @ voice) / max(seconds, 1e-9)
