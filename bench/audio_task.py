"""Speech and voices on labelled sound, through `AudioDetector` as the server uses it. `python -m bench.detectors` runs it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from audiodetector import AudioDetector
from basics.readings import SAMPLE_RATE, AudioReading, Sound
from bench.harness.figures import line
from bench.harness.footage import read_sound
from bench.harness.pictures import labels

EDGE_S = 0.3  # labels are good to about this
PAUSE_S = 0.5  # shorter pauses are part of speech
STEP_S = 0.1
SCORES_S = 2.0  # of several voices, from which they score (VOICES_MIN_S)
CHUNK = SAMPLE_RATE // 5  # samples in one message of the portal page
GAP_S = 60.0  # between the student's own voice and the clip: the exam went on meanwhile

Span = tuple[float, float]
Samples = npt.NDArray[np.int16]
SoundChange = Callable[[Samples], Samples]


@dataclass(frozen=True, slots=True)
class Row:
    """One labelled clip, and what the detector said of it, in seconds of the clip."""

    file: str
    kind: str
    speech: list[Span]
    voices: int
    seconds: float
    said: list[Span]
    multiple: list[Span]

    @property
    def meeting(self) -> bool:
        return Path(self.file).name.startswith("ami-")


def judge(data: Path, make: Callable[[], AudioDetector], change: SoundChange | None = None, *, enrol: bool = True, every: int = 1) -> list[Row]:
    """Let a new detector hear each clip of `data`/audio/labels.csv, after the student's own voice where there is one (unless not `enrol`).

    `every`: of how many clips one is heard, in the order of the file, which goes by kind.
    """
    rows = []
    for entry in labels(data, "audio")[::every]:
        sound = read_sound(data / entry["file"])
        own = read_sound(data / entry["enrol"]) if entry["enrol"] and enrol else None
        if change is not None:
            sound, own = change(sound), None if own is None else change(own)
        said, multiple = hear(make(), sound, own)
        truth = [(float(start), float(end)) for start, end in json.loads(entry["speech_intervals"])]
        rows.append(Row(entry["file"], entry["kind"], truth, int(entry["voices"]), len(sound) / SAMPLE_RATE, said, multiple))
    return rows


def hear(detector: AudioDetector, sound: Samples, own: Samples | None) -> tuple[list[Span], list[Span]]:
    """The stretches of speech and of several voices that are said of `sound`, after `own` (the student's first minutes) and a gap."""
    start = 0.0
    if own is not None:
        feed(detector, own, 0.0)
        start = len(own) / SAMPLE_RATE + GAP_S
    readings = [reading for reading in feed(detector, sound, start) + detector.finish() if reading.at >= start - 1e-6]
    speech = [(a - start, b - start) for reading in readings for a, b in reading.speech]
    return speech, [(a - start, b - start) for reading in readings for a, b in reading.multiple]


def feed(detector: AudioDetector, sound: Samples, start: float) -> list[AudioReading]:
    """Give `sound` to the detector as the portal page would, its first sample at `start`."""
    readings: list[AudioReading] = []
    for first in range(0, len(sound), CHUNK):
        readings += detector.take(Sound(start + first / SAMPLE_RATE, sound[first : first + CHUNK]))
    return readings


def audio_figures(rows: Sequence[Row]) -> dict[str, Any]:
    """Shares 0..1: speech per tenth of a second, several voices per clip, and the same of the meetings alone."""
    speech = {name: right / max(1, n) for name, (right, n) in speech_counts(rows).items()}
    meetings = [row for row in rows if row.meeting]
    return {"n": len(rows), "speech": speech, "voices": _shares(rows), "meetings": {"n": len(meetings), **_shares(meetings)}}


def speech_counts(rows: Sequence[Row]) -> dict[str, tuple[int, int]]:
    """Precision and recall of speech as tenths of a second: how many of how many."""
    right, wrong, missed = (sum(counts) for counts in zip(*[_steps(row) for row in rows], strict=True)) if rows else (0, 0, 0)
    return {"precision": (right, right + wrong), "recall": (right, right + missed)}


def voices_counts(rows: Sequence[Row]) -> dict[str, tuple[int, int]]:
    """Clips with several voices that were found, others in which some were said, and those found for long enough to score."""
    several = [row for row in rows if row.voices >= 2]
    others = [row for row in rows if row.voices < 2]
    return {
        "recall": (sum(bool(row.multiple) for row in several), len(several)),
        "false_alarm": (sum(bool(row.multiple) for row in others), len(others)),
        "recall_scoring": (sum(_seconds(row.multiple) >= SCORES_S for row in several), len(several)),
        "false_alarm_scoring": (sum(_seconds(row.multiple) >= SCORES_S for row in others), len(others)),
    }


def audio_table(rows: Sequence[Row]) -> list[str]:
    """The figures with their intervals, and the files that went wrong."""
    lines = []
    meetings, rest = [row for row in rows if row.meeting], [row for row in rows if not row.meeting]
    for name, part in (("all", rows), ("meetings", meetings), ("the rest", rest)):
        if part:
            lines.append(f"Speech, {name} ({len(part)} clips), tenths of a second (not independent: the intervals are too narrow)")
            lines += [line(measure, *count) for measure, count in speech_counts(part).items()]
    names = {"recall_scoring": "recall, 2 s of it", "false_alarm": "false alarms", "false_alarm_scoring": "false alarms, 2 s of it"}
    for name, part in (("all", rows), ("meetings", meetings)):
        if part:
            lines.append(f"Several voices, {name}")
            lines += [line(names.get(measure, measure), *count) for measure, count in voices_counts(part).items()]
    for row in rows:
        _, wrong, missed = _steps(row)
        if wrong + missed > 5:
            lines.append(f"  wrong, {row.file}: {wrong / 10:.1f} s of speech too much, {missed / 10:.1f} s missed")
        if bool(row.multiple) != (row.voices >= 2):
            lines.append(f"  wrong, {row.file} ({row.kind}): {'several voices missed' if row.voices >= 2 else 'several voices said of one'}")
    return lines


def close_pauses(spans: Iterable[Span], pause: float = PAUSE_S) -> list[Span]:
    """`spans` in order, with shorter pauses than `pause` closed."""
    out: list[Span] = []
    for start, end in sorted(spans):
        if out and start - out[-1][1] < pause:
            out[-1] = (out[-1][0], max(out[-1][1], end))
        else:
            out.append((start, end))
    return out


def slips(row: Row) -> int:
    """Tenths of a second that were wrongly speech, or missed."""
    _, wrong, missed = _steps(row)
    return wrong + missed


def _steps(row: Row) -> tuple[int, int, int]:
    """Tenths of a second that are rightly speech, wrongly speech, missed."""
    truth, said = close_pauses(row.speech), close_pauses(row.said)
    right = wrong = missed = 0
    for step in range(int(row.seconds / STEP_S)):
        moment = (step + 0.5) * STEP_S
        if any(abs(moment - edge) < EDGE_S for span in truth for edge in span):
            continue
        is_speech = any(start <= moment < end for start, end in truth)
        called = any(start <= moment < end for start, end in said)
        right += is_speech and called
        wrong += called and not is_speech
        missed += is_speech and not called
    return right, wrong, missed


def _shares(rows: Sequence[Row]) -> dict[str, float]:
    counts = voices_counts(rows)
    return {name: counts[name][0] / max(1, counts[name][1]) for name in ("recall", "false_alarm")}


def _seconds(spans: Iterable[Span]) -> float:
    return sum(end - start for start, end in spans)
