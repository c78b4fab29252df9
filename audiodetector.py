"""What is heard: sound in, `AudioReading` out. Speech by Silero with hysteresis, several voices by `voices.VoiceTracker`, other sounds by `sounds`.

No clock and no thread of its own: time comes with the sound, and the same sound gives the same readings whatever the size of its chunks.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from basics.readings import SAMPLE_RATE, AudioReading, Sound
from detectors.sound_models import BLOCK, FRAME, PAST, SECOND, AudioModels, SpeechModel
from detectors.sounds import NOTHING_KNOWN, Heard, heard, kinds_in
from detectors.voices import Look, VoiceTracker
from settings.sound import SoundLimits

BLOCKS_AT_ONCE = 64  # 2 s of sound in one call bound its memory; a browser sends 0.1 to 0.5 s
READING = SAMPLE_RATE  # samples in one reading: one second
WINDOW_S = 10.0  # what the overlap model was trained on
CELL_BLOCKS = 15  # 0.48 s, of which it is asked what it is
CELL = CELL_BLOCKS * BLOCK
AROUND = (SECOND - CELL) // 2  # samples on either side of a cell that are judged with it
OFFSET = 300  # |mean| in steps of 16 bits from which a microphone's offset is taken off; speech has less over OFFSET_BLOCKS
OFFSET_BLOCKS = 64  # 2 s, over which it is measured
DRIFT = 0.002  # seconds a second by which the time of samples may follow the source's clock
FOLLOW_S = 0.01  # most that one reading's time is stretched to follow the source's clock
FLAT_LEAST = 1200  # steps of 16 bits between highest and lowest, under which many samples share a value anyway
FULL_SCALE = 32_600  # |sample| from here is taken as cut off (int16 ends at 32767; resampling rounds the edge a little)

Seconds = tuple[float, float]


@dataclass(slots=True)
class _Stretch:
    """One stretch of speech in the making; positions in samples."""

    start: int
    end: int  # of the last block that was speech
    voiced: int = 0  # samples that were speech
    told: int = 0  # up to where it went out
    sure: bool = False
    closed: bool = False


class AudioDetector:
    """The sound of one session. Not thread-safe. `take` any amount of sound, `finish` at its end; both answer with the readings due.

    A reading covers about a second. Silero's speech is told once the overlap model agrees, at the next look: after VOICES_LOOK_SPEECH_S of it or
    soon after it ends, and from then on as it comes. `multiple` lies up to `WINDOW_S` before the reading that brings it.
    """

    def __init__(self, models: AudioModels, limits: SoundLimits | None = None) -> None:
        self._models = models
        self._limits = limits or SoundLimits()
        self._tracker = VoiceTracker(models.speaker, models.overlap, self._limits)

        self._started = False
        self._marks: deque[tuple[int, float]] = deque(maxlen=32)  # positions where readings ended, and their time on the session's clock
        self._lead = 0.0  # seconds by which the source's clock is ahead of the samples, to be followed in the next reading
        self._levels: deque[float] = deque(maxlen=max(1, round(self._limits.sound_faint_s * SAMPLE_RATE / READING)))  # dBFS of the last seconds
        self._begin_run()

    def _begin_run(self) -> None:
        """Forget what depends on sound being continuous. The student's voice stays known."""
        self._kept: npt.NDArray[np.int16] = np.zeros(0, np.int16)  # the newest samples, at least WINDOW_S of them
        self._kept_from = 0  # position of the first of them
        self._taken = 0  # samples of this run so far
        self._blocks = 0  # blocks read by Silero
        self._offset = 0.0  # the mean of late
        self._measured = 0  # blocks
        self._offsets: deque[int] = deque(maxlen=round((WINDOW_S + 6) * SAMPLE_RATE / BLOCK))  # to be taken off each of the newest blocks
        self._waiting: list[float] = []  # Silero's probabilities of the blocks whose cell was not judged yet
        self._cells: deque[tuple[int, Heard]] = deque(maxlen=64)  # what was heard of late, by position
        self._untold: list[Heard] = []
        self._speech = SpeechModel(self._models.vad)
        self._readings = 0  # readings of this run so far
        self._still = 0  # equal samples at the end: zeros, or what a dead input with an offset gives
        self._newest = 0  # sample
        self._stretches: deque[_Stretch] = deque()  # those that still can matter, oldest first
        self._fresh = 0  # samples of speech that no look has judged
        self._looked = 0  # position up to which voices were judged
        self._voices: int | None = 0
        self._voices_until = 0  # the last speech that `_voices` rests on
        self._bad: deque[tuple[int, int]] = deque(maxlen=16)  # stretches that can't be judged (clipped)
        self._talk = (0, 0)  # the newest stretch in which several voices talk
        self._told_apart: dict[str, float] = {}  # what they are: `several`, or a `stranger` alone
        self._news_multiple: list[tuple[int, int]] = []
        self._told_multiple: deque[tuple[int, int]] = deque(maxlen=64)  # a window has room for fewer stretches
        self._numbers: dict[str, float] = {}
        self._peak = 0.0  # greatest probability of speech in the present second

    # ---- sound in ----

    def take(self, sound: Sound) -> list[AudioReading]:
        """Hear the next stretch of sound. Sound from before what was already heard is dropped; a gap is answered with a reading `lost`."""
        samples: npt.NDArray[np.int16] = np.asarray(sound.samples, dtype=np.int16).reshape(-1)
        if not len(samples):
            return []
        readings: list[AudioReading] = []
        at = sound.at
        if not self._started:
            self._start(at)
        late = at - (self._end_of(self._taken) + self._lead)
        if late > self._limits.sound_gap_s:
            readings += self._end_run()
            ended = self._marks[-1][1]
            readings.append(AudioReading(ended, at - ended, voices=None, reason="lost"))
            self._tracker.lost(self._taken + _samples(at - ended))
            self._begin_run()
            self._start(at)
        elif late < -self._limits.sound_gap_s:
            samples = samples[math.ceil(-late * SAMPLE_RATE) :]
        else:
            most = DRIFT * len(samples) / SAMPLE_RATE
            self._lead += max(-most, min(most, late))
        return readings + self._hear(samples)

    def finish(self) -> list[AudioReading]:
        """Judge what is left and answer with the last readings. The detector may take sound again, as a new run."""
        readings = self._end_run()
        self._tracker.lost(self._taken)
        self._begin_run()
        self._started = False
        return readings

    def _start(self, at: float) -> None:
        """Begin a run of sound whose first sample is at `at`."""
        self._started = True
        self._lead = 0.0
        self._marks.clear()
        self._marks.append((0, at))

    def _end_of(self, position: int) -> float:
        """The time of a position after the last reading, by the count of samples."""
        marked, at = self._marks[-1]
        return at + (position - marked) / SAMPLE_RATE

    def _time(self, position: int) -> float:
        """The time of a position up to the end of the last reading. It never changes once told."""
        positions, times = zip(*self._marks, strict=True)
        return float(np.interp(position, positions, times))

    def _hear(self, samples: npt.NDArray[np.int16]) -> list[AudioReading]:
        self._kept = np.concatenate([self._kept, samples])
        self._taken += len(samples)
        readings: list[AudioReading] = []
        while whole := min(self._taken // BLOCK - self._blocks, BLOCKS_AT_ONCE):
            for probability in self._speech.read(self._next_blocks(whole)):
                self._take_block(probability)
                if self._blocks * BLOCK >= (self._readings + 1) * READING:
                    readings.append(self._reading((self._readings + 1) * READING))
        surplus = self._blocks * BLOCK - int(WINDOW_S * SAMPLE_RATE) - 2 * READING - self._kept_from
        if surplus > READING:
            self._kept = self._kept[surplus:].copy()
            self._kept_from += surplus
        return readings

    def _end_run(self) -> list[AudioReading]:
        """What is left of this run: judge the last speech, tell the last part of a second."""
        if not self._taken:
            return []
        while self._waiting:
            self._judge_cell()
        if self._stretches and not self._stretches[-1].closed:
            self._stretches[-1].closed = True
        if self._fresh:
            self._look()
        if self._taken <= self._readings * READING and not self._pending():
            return []
        return [self._reading(self._taken)]

    def _pending(self) -> bool:
        return bool(self._news_multiple) or any(s.sure and s.end > s.told for s in self._stretches)

    def _sound(self, start: int, end: int) -> npt.NDArray[np.int16]:
        return self._kept[max(0, start - self._kept_from) : max(0, end - self._kept_from)]

    def _scaled(self, start: int, end: int) -> npt.NDArray[np.float32]:
        """The sound as networks read it: -1..1, without a cheap microphone's offset."""
        samples = self._sound(start, end).astype(np.float32)
        if any(self._offsets):
            blocks = np.arange(max(start, self._kept_from), end)[: len(samples)] // BLOCK - (self._measured - len(self._offsets))
            samples -= np.array(self._offsets, np.float32)[np.clip(blocks, 0, len(self._offsets) - 1)]
        return samples / np.float32(32768)

    def _measure(self, count: int) -> None:
        """Follow the offset through the next blocks."""
        start = self._measured * BLOCK
        for mean in self._sound(start, start + count * BLOCK).reshape(count, BLOCK).mean(axis=1):
            self._measured += 1
            self._offset += (float(mean) - self._offset) / min(self._measured, OFFSET_BLOCKS)
            self._offsets.append(round(self._offset) if abs(self._offset) >= OFFSET else 0)

    # ---- speech ----

    def _next_blocks(self, count: int) -> npt.NDArray[np.float32]:
        """The next blocks as Silero reads them, each with the last samples of the one before in front; zeros before the first."""
        self._measure(count)
        start = self._blocks * BLOCK
        sound = np.zeros(PAST + count * BLOCK, np.float32)
        known = self._scaled(start - PAST, start + count * BLOCK)
        sound[len(sound) - len(known) :] = known
        return np.ascontiguousarray(np.lib.stride_tricks.sliding_window_view(sound, PAST + BLOCK)[::BLOCK])

    @property
    def _now(self) -> int:
        """The position up to which speech was followed."""
        return (self._blocks - len(self._waiting)) * BLOCK

    def _take_block(self, probability: float) -> None:
        self._blocks += 1
        self._peak = max(self._peak, probability)
        self._waiting.append(probability)
        if self._models.sounds is None:
            self._follow(1)
        elif self._blocks * BLOCK >= self._now + CELL + AROUND:
            self._judge_cell()

    def _judge_cell(self) -> None:
        """Ask what the next cell is, and follow its speech. What is no speech is as if Silero had heard none."""
        assert self._models.sounds is not None
        start, count = self._now, min(CELL_BLOCKS, len(self._waiting))
        end = start + count * BLOCK
        cell = NOTHING_KNOWN
        hears = max(self._waiting[:count]) >= self._limits.speech_end_threshold
        if hears or level_dbfs(self._sound(start, end)) >= self._limits.sound_loud_dbfs:
            sound = np.zeros(SECOND, np.float32)
            first = start - AROUND
            known = self._scaled(max(0, first), min(first + SECOND, self._blocks * BLOCK))
            sound[max(0, -first) :][: len(known)] = known
            cell = heard(self._models.sounds.scores(sound), self._limits)
            self._untold.append(cell)
        self._cells.append((start, cell))
        if not cell.speech:
            self._waiting[:count] = [0.0] * count
        self._follow(count)

    def _follow(self, count: int) -> None:
        for _ in range(count):
            start = self._now
            self._follow_block(start, start + BLOCK, self._waiting.pop(0))

    def _follow_block(self, start: int, end: int, probability: float) -> None:
        self._follow_speech(start, end, probability)
        limits = self._limits
        pause = _samples(limits.voices_look_pause_s)
        last = self._stretches[-1].end if self._stretches else -pause
        over = self._fresh and end - last >= pause and end - self._looked >= _samples(limits.voices_look_apart_s)
        if self._fresh >= _samples(limits.voices_look_speech_s) or over:
            self._look()

    def _follow_speech(self, start: int, end: int, probability: float) -> None:
        limits = self._limits
        current = self._stretches[-1] if self._stretches and not self._stretches[-1].closed else None
        if current is not None and start - current.end >= _samples(limits.speech_pause_s):
            current.closed = True
            if current.voiced < _samples(limits.speech_click_s):
                self._stretches.pop()
                self._fresh = max(0, self._fresh - current.voiced)
            current = None
        in_word = current is not None and current.end == start
        if probability < (limits.speech_end_threshold if in_word else limits.speech_threshold):
            return
        if current is None:
            current = _Stretch(max(0, start - _samples(limits.speech_pad_s)), end)
            self._stretches.append(current)
        current.end = end
        current.voiced += BLOCK
        self._fresh += BLOCK
        if self._models.overlap is None and current.voiced >= _samples(limits.speech_sure_s):
            current.sure = True

    # ---- voices ----

    def _look(self) -> None:
        """Ask which voices spoke in the last seconds, and confirm short utterances."""
        now = self._now
        start = max(0, self._kept_from, now - int(WINDOW_S * SAMPLE_RATE))
        sound = self._scaled(start, now)
        fresh, self._looked, self._fresh = self._looked, now, 0
        if len(sound) < SAMPLE_RATE:
            sound = np.pad(sound, (0, SAMPLE_RATE - len(sound)))
        look = self._tracker.look(sound, start, fresh, self._heard(start, now), self._loudspeaker(start, now))
        self._confirm(look)
        self._voices = look.voices
        if self._stretches:
            self._voices_until = self._stretches[-1].end
        self._numbers = dict(look.numbers)
        if look.since is not None:
            self._told_apart = {name: look.numbers[name] for name in ("several", "stranger") if name in look.numbers}
            until = look.until + _samples(self._limits.voices_follow_s)
            self._talk = (look.since, until) if look.since > self._talk[1] else (self._talk[0], max(self._talk[1], until))
        begin, end = self._talk
        self._news_multiple += [(max(s.start, begin), min(s.end, end)) for s in self._stretches if s.sure and s.end > begin and s.start < end]

    def _heard(self, start: int, end: int) -> npt.NDArray[np.bool_]:
        self._tracker.cut_off = False
        heard = np.zeros((end - start) // FRAME + 1, dtype=bool)
        pad = _samples(self._limits.speech_pad_s)
        for stretch in self._stretches:
            heard[max(0, (stretch.start - start) // FRAME) : max(0, (stretch.end + pad - start) // FRAME + 1)] = True
        for second in range(start - start % READING, end, READING):
            first, last = max(start, second), min(end, second + READING)
            if flat_share(self._sound(first, last)) >= self._limits.sound_flat_share:
                heard[(first - start) // FRAME : (last - start) // FRAME] = False
                self._tracker.cut_off = True
        return heard

    def _loudspeaker(self, start: int, end: int) -> npt.NDArray[np.float32]:
        share = np.zeros((end - start) // FRAME + 1, dtype=np.float32)
        for at, cell in self._cells:
            if at + CELL > start:
                share[max(0, (at - start) // FRAME) : max(0, (at + CELL - start) // FRAME)] = cell.loudspeaker
        return share

    def _confirm(self, look: Look) -> None:
        least = _samples(self._limits.speech_click_s)
        for stretch in self._stretches:
            if stretch.sure:
                continue
            speech = look.speech[max(0, (stretch.start - look.start) // FRAME) : max(0, (stretch.end - look.start) // FRAME)]
            stretch.sure = stretch.voiced >= least and (not len(speech) or float(speech.mean()) >= self._limits.speech_confirm)

    # ---- readings out ----

    def _reading(self, end: int) -> AudioReading:
        start = self._readings * READING
        self._readings += 1
        at = self._marks[-1][1]
        follow = max(-FOLLOW_S, min(FOLLOW_S, self._lead))
        self._lead -= follow
        if end > self._marks[-1][0]:
            self._marks.append((end, self._end_of(end) + follow))
        samples = self._sound(start, end)
        level = level_dbfs(samples, float(samples.mean()) if len(samples) else 0.0)  # a cheap input's offset is no sound
        reason = self._quality(samples, level)
        if reason:
            self._bad.append((start, end))
        speech: list[Seconds] = []
        for stretch in self._stretches:
            if stretch.sure and stretch.end > stretch.told:
                until = min(stretch.end, end)
                speech += self._news(max(stretch.start, stretch.told), until)
                stretch.told = until
        multiple: list[Seconds] = []
        for first, last in self._news_multiple:
            for news in _without((first, min(last, end)), sorted(self._told_multiple)):
                multiple += self._news(*news)
                self._told_multiple.append(news)
        self._news_multiple = [(end, last) for _, last in self._news_multiple if last > end]
        reading = AudioReading(
            at=at,
            duration=self._marks[-1][1] - at,
            speech=tuple(speech),
            multiple=tuple(multiple),
            voices=None if reason else self._voices_now(start, end),
            reason=reason,
            level_dbfs=round(level, 1),
            numbers={"speech": round(self._peak, 3), **self._numbers, **(self._told_apart if multiple else {})},
            sounds=kinds_in(self._untold),
        )
        self._peak, self._numbers, self._untold = 0.0, {}, []
        horizon = end - int(WINDOW_S * SAMPLE_RATE)
        while self._stretches and self._stretches[0].closed and self._stretches[0].end < horizon:
            self._stretches.popleft()
        return reading

    def _voices_now(self, start: int, end: int) -> int | None:
        """Voices told apart of late: those of the last look while its talk goes on, at least one while somebody speaks, else none."""
        speaks = any(s.sure and s.end > start and s.start < end for s in self._stretches)
        if not self._models.tells_voices:
            return None if speaks else 0
        if end - self._voices_until >= _samples(self._limits.voices_follow_s) or self._voices is None:
            return 1 if speaks else 0
        return max(1 if speaks else 0, self._voices)

    def _quality(self, samples: npt.NDArray[np.int16], level: float) -> str:
        """Why this second can't be judged, or nothing."""
        if not len(samples):
            return ""
        changes = np.flatnonzero(np.diff(samples, prepend=np.int16(self._newest)))
        self._still = len(samples) - int(changes[-1]) - 1 if len(changes) else self._still + len(samples)
        self._newest = int(samples[-1])
        self._levels.append(level)
        if self._still > _samples(self._limits.sound_silent_s):
            return "silent"
        if len(self._levels) == self._levels.maxlen and max(self._levels) < self._limits.sound_faint_dbfs and self._still < len(samples):
            return "faint"
        if float((np.abs(samples.astype(np.int32)) >= FULL_SCALE).mean()) >= self._limits.sound_clipped_share:
            return "clipped"
        return ""

    def _news(self, first: int, last: int) -> list[Seconds]:
        """The part of `[first, last)` that can be judged, in seconds of the session."""
        return [(self._time(a), self._time(b)) for a, b in _without((first, last), self._bad)]


def level_dbfs(samples: npt.NDArray[np.int16], offset: float = 0.0) -> float:
    """Root mean square about `offset` in dB below full scale, -120 for nothing."""
    if not len(samples):
        return -120.0
    power = float(np.mean((samples.astype(np.float64) - offset) ** 2)) / 32768.0**2
    return max(-120.0, 10 * math.log10(power)) if power > 0 else -120.0


def flat_share(samples: npt.NDArray[np.int16]) -> float:
    """Share of samples at the highest or lowest value: what an overdriven input cuts off, at whatever height."""
    if not len(samples):
        return 0.0
    low, high = int(samples.min()), int(samples.max())
    edge = (high - low) // 1000
    return float(((samples >= high - edge) | (samples <= low + edge)).mean()) if high - low >= FLAT_LEAST else 0.0


def _samples(seconds: float) -> int:
    return int(seconds * SAMPLE_RATE)


def _without(span: tuple[int, int], holes: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """`span` without the `holes`, which are in order."""
    out: list[tuple[int, int]] = []
    first, last = span
    for low, high in holes:
        if high <= first or low >= last:
            continue
        if low > first:
            out.append((first, low))
        first = max(first, high)
    if last > first:
        out.append((first, last))
    return out
