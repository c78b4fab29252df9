"""Measure speech and voices on labelled sound, through `AudioDetector` as the server uses it.

`python -m bench.audio_task --data ../shared/data` prints tables with 95 % Wilson intervals and the files that went wrong.
"""

from __future__ import annotations

import argparse
import csv
import json
import math
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import soundfile

from audiodetector import AudioDetector, AudioModels
from readings import SAMPLE_RATE, AudioReading, Sound

EDGE_S = 0.3  # labels are good to about this
PAUSE_S = 0.5  # shorter pauses are part of speech
STEP_S = 0.1
CHUNK = SAMPLE_RATE // 5  # samples in one message of the portal page
GAP_S = 60.0  # between the student's own voice and the clip: the exam went on meanwhile

Span = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Heard:
    """What the detector said of one clip, in seconds of the clip."""

    speech: list[Span]
    multiple: list[Span]
    voices: int


@dataclass(frozen=True, slots=True)
class Row:
    """One labelled clip."""

    file: str
    kind: str
    speech: list[Span]
    voices: int
    enrol: str
    seconds: float
    plain: Heard
    enrolled: Heard | None

    @property
    def heard(self) -> Heard:
        """As the server would have heard it: the student's voice is known where the data has it."""
        return self.enrolled or self.plain

    @property
    def meeting(self) -> bool:
        return Path(self.file).name.startswith("ami-")


def run_audio(data: Path, models: Path) -> dict[str, Any]:
    """The figures of `data`/audio/labels.csv as JSON values."""
    rows = judge(data, AudioModels(models))
    precision, recall, *_ = _speech(rows)
    result: dict[str, Any] = {"n": len(rows), "speech": {"precision": round(precision, 4), "recall": round(recall, 4)}}
    result["voices"] = _shares(rows)
    meetings = [row for row in rows if row.meeting]
    result["meetings"] = {"n": len(meetings), **_shares(meetings)}
    return result


def judge(data: Path, models: AudioModels) -> list[Row]:
    """Let the detector hear every clip, with and without the student's own voice before it."""
    rows = []
    with (data / "audio" / "labels.csv").open(encoding="utf-8", newline="") as file:
        for entry in csv.DictReader(file):
            sound = read_sound(data / entry["file"])
            own = read_sound(data / entry["enrol"]) if entry["enrol"] else None
            rows.append(
                Row(
                    entry["file"],
                    entry["kind"],
                    [(float(start), float(end)) for start, end in json.loads(entry["speech_intervals"])],
                    int(entry["voices"]),
                    entry["enrol"],
                    len(sound) / SAMPLE_RATE,
                    hear(models, sound, None),
                    None if own is None else hear(models, sound, own),
                )
            )
    return rows


def read_sound(path: Path) -> npt.NDArray[np.int16]:
    """Samples of a 16 kHz mono file."""
    samples, rate = soundfile.read(path, dtype="int16")
    if rate != SAMPLE_RATE or samples.ndim != 1:
        raise ValueError(f"{path} has {rate} Hz and shape {samples.shape}; the bench reads {SAMPLE_RATE} Hz mono")
    return np.asarray(samples, dtype=np.int16)


def hear(models: AudioModels, sound: npt.NDArray[np.int16], own: npt.NDArray[np.int16] | None) -> Heard:
    """What is said of `sound`, after `own` (the student's first minutes) and a gap."""
    detector = AudioDetector(models)
    start = 0.0
    if own is not None:
        feed(detector, own, 0.0)
        start = len(own) / SAMPLE_RATE + GAP_S
    readings = feed(detector, sound, start) + detector.finish()
    readings = [reading for reading in readings if reading.at >= start - 1e-6]
    return Heard(
        [(a - start, b - start) for reading in readings for a, b in reading.speech],
        [(a - start, b - start) for reading in readings for a, b in reading.multiple],
        max((reading.voices or 0 for reading in readings), default=0),
    )


def feed(detector: AudioDetector, sound: npt.NDArray[np.int16], start: float) -> list[AudioReading]:
    """Give `sound` to the detector as the portal page would, its first sample at `start`."""
    readings: list[AudioReading] = []
    for first in range(0, len(sound), CHUNK):
        readings += detector.take(Sound(start + first / SAMPLE_RATE, sound[first : first + CHUNK]))
    return readings


def costs(data: Path, models: AudioModels) -> dict[str, float]:
    """ms of one thread per second of sound for speech, and ms more per second of speech for voices, on the read and answered clips."""
    without = AudioModels.__new__(AudioModels)
    without.vad, without.speaker, without.overlap, without.notes = models.vad, None, None, []
    spent = {"vad": 0.0, "all": 0.0}
    seconds = speech = 0.0
    for path in sorted((data / "audio").glob("two-answer-*.flac")) + sorted((data / "audio").glob("one-noise-*.flac")):
        sound = read_sound(path)
        seconds += len(sound) / SAMPLE_RATE
        for name, which in (("vad", without), ("all", models)):
            detector = AudioDetector(which)
            begun = time.thread_time()
            readings = feed(detector, sound, 0.0) + detector.finish()
            spent[name] += time.thread_time() - begun
        speech += sum(b - a for reading in readings for a, b in reading.speech)
    return {"vad_ms_per_s": spent["vad"] / seconds * 1000, "voices_ms_per_s_of_speech": (spent["all"] - spent["vad"]) / max(speech, 0.1) * 1000}


def close_pauses(spans: Iterable[Span], pause: float = PAUSE_S) -> list[Span]:
    """`spans` in order, with shorter pauses than `pause` closed."""
    out: list[Span] = []
    for start, end in sorted(spans):
        if out and start - out[-1][1] < pause:
            out[-1] = (out[-1][0], max(out[-1][1], end))
        else:
            out.append((start, end))
    return out


def wilson(hits: int, total: int) -> tuple[float, float]:
    """The 95 % Wilson interval of a share."""
    if not total:
        return 0.0, 1.0
    z = 1.96
    share = hits / total
    middle = (share + z * z / (2 * total)) / (1 + z * z / total)
    half = z * math.sqrt(share * (1 - share) / total + z * z / (4 * total * total)) / (1 + z * z / total)
    return max(0.0, middle - half), min(1.0, middle + half)


def _steps(row: Row) -> tuple[int, int, int]:
    """Tenths of a second that are rightly speech, wrongly speech, missed."""
    truth, said = close_pauses(row.speech), close_pauses(row.heard.speech)
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


def _speech(rows: Sequence[Row]) -> tuple[float, float, int, int, int]:
    counts = np.array([_steps(row) for row in rows]).reshape(-1, 3).sum(axis=0)
    right, wrong, missed = (int(count) for count in counts)
    return right / max(1, right + wrong), right / max(1, right + missed), right, wrong, missed


def _shares(rows: Sequence[Row]) -> dict[str, float]:
    several = [row for row in rows if row.voices >= 2]
    others = [row for row in rows if row.voices < 2]
    return {
        "recall": round(sum(bool(row.heard.multiple) for row in several) / max(1, len(several)), 4),
        "false_alarm": round(sum(bool(row.heard.multiple) for row in others) / max(1, len(others)), 4),
    }


def _line(name: str, hits: int, total: int) -> str:
    low, high = wilson(hits, total)
    return f"  {name:<34} {hits:>5} of {total:<5} {hits / max(1, total):6.3f}   [{low:.3f}, {high:.3f}]"


def _print(rows: Sequence[Row], spent: dict[str, float]) -> None:
    for name, part in (("all", rows), ("meetings", [r for r in rows if r.meeting]), ("the rest", [r for r in rows if not r.meeting])):
        _, _, right, wrong, missed = _speech(part)
        print(f"Speech, {name}, tenths of a second")
        print(_line("precision", right, right + wrong))
        print(_line("recall", right, right + missed))
    for name, part in (("all", rows), ("meetings", [r for r in rows if r.meeting])):
        for state in ("enrolled where given", "not enrolled"):
            heard = [(row, row.heard if state.startswith("enrolled") else row.plain) for row in part]
            print(f"Several voices, {name}, {state}")
            several = [h for row, h in heard if row.voices >= 2]
            others = [h for row, h in heard if row.voices < 2]
            print(_line("recall", sum(bool(h.multiple) for h in several), len(several)))
            print(_line("recall, 2 s of it", sum(sum(b - a for a, b in h.multiple) >= 2 for h in several), len(several)))
            print(_line("false alarms", sum(bool(h.multiple) for h in others), len(others)))
    print("Wrong files")
    for row in rows:
        _, wrong, missed = _steps(row)
        if wrong + missed > 5:
            print(f"  {row.file}: {wrong / 10:.1f} s of speech too much, {missed / 10:.1f} s missed")
        for state, said in (("enrolled", row.enrolled), ("not enrolled", row.plain)):
            if said is not None and bool(said.multiple) != (row.voices >= 2):
                print(f"  {row.file} ({row.kind}): {'several voices missed' if row.voices >= 2 else 'several voices said of one'}, {state}")
    print(
        f"Cost, one thread: {spent['vad_ms_per_s']:.1f} ms per second of sound, {spent['voices_ms_per_s_of_speech']:.1f} ms more per second of speech"
    )


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--models", type=Path, default=Path("models"))
    given = parser.parse_args()
    models = AudioModels(given.models)
    for note in models.notes:
        print(note)
    _print(judge(given.data, models), costs(given.data, models))


if __name__ == "__main__":
    main()
