"""How well the detectors do on footage made worse by a script, and whether anything turns into a violation that wasn't one.

venv/bin/python -m bench.degrade --data DIR [--json FILE] [--only NAME …]

Single pictures and clips are read as in `bench.detectors`; then every scenario is replayed whole with its pictures or its sound made worse.
A violation is false when its kind is not expected in its interval.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from basics.errors import ProctorError
from basics.readings import SAMPLE_RATE, Frame, Sound
from bench import audio_task, gaze_task, persons_task
from bench.changes import DEGRADATIONS, Degradation
from bench.detectors import Bench, ExamRows, flag_counts, replay_exam, violation_counts
from bench.harness.figures import share
from bench.harness.footage import JPEG_QUALITY, SOUND_CHUNK_S, Scenario, read_sound, scenarios

SWAPPED = {"left": "right", "right": "left"}


@dataclass(frozen=True, slots=True)
class PoorScenario(Scenario):
    """A scenario whose pictures and sound are made worse."""

    degradation: Degradation = DEGRADATIONS[0]

    def frames(self, codec: str = "jpeg") -> Iterator[Frame]:
        """Its pictures, fewer and worse, always as JPEG."""
        way, due = self.degradation, 0.0
        for frame in Scenario.frames(self):
            if way.fps is not None:
                if frame.at < due - 1e-6:
                    continue
                due += 1 / way.fps
            yield frame if way.picture is None else Frame(frame.at, _worse(frame.data, way))

    def sounds(self) -> Iterator[Sound]:
        """Its sound, worse."""
        samples = read_sound(self.folder / "audio.flac")
        if self.degradation.sound is not None:
            samples = self.degradation.sound(samples)
        step = round(SOUND_CHUNK_S * SAMPLE_RATE)
        for begin in range(0, len(samples), step):
            yield Sound(begin / SAMPLE_RATE, samples[begin : begin + step])


def _worse(data: bytes, way: Degradation) -> bytes:
    assert way.picture is not None
    image = way.picture(np.asarray(cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR), np.uint8))
    return bytes(cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, way.jpeg or JPEG_QUALITY])[1].tobytes())


def measure(bench: Bench, way: Degradation) -> dict[str, Any]:
    """One degradation: counts as `[right, n]`, what it does not touch left out."""
    figures: dict[str, Any] = {}
    if way.picture is not None or way.name == DEGRADATIONS[0].name:
        figures |= _pictures(bench, way)
    if way.sound is not None or way.name == DEGRADATIONS[0].name:
        figures |= _sounds(bench, way)
    exams = [replay_exam(PoorScenario(one.folder, way), bench.settings, bench.models) for one in scenarios(bench.data)]
    return figures | _exams(exams)


def _pictures(bench: Bench, way: Degradation) -> dict[str, Any]:
    settings, finder = bench.settings, bench.models.faces
    label = (lambda name: SWAPPED.get(name, name)) if way.mirrored else str
    gaze = gaze_task.judge(bench.data, "gaze", settings, bench.models, way.picture, label)
    groups = gaze_task.judge(bench.data, "fairness", settings, bench.models, way.picture)
    figures: dict[str, Any] = {
        "gaze_right": gaze_task.right(gaze),
        "gaze_false_distracted": gaze_task.false_distracted(gaze),
        "gaze_unknown": gaze_task.unknown(gaze),
        "groups_false_distracted": gaze_task.false_distracted(groups),
    }
    model = bench.models.persons
    if model is not None:
        looks = persons_task.looks(bench.data, "persons", "count", settings, model, finder, way.picture)
        errors = persons_task.persons_errors(looks)
        figures |= {
            "persons_right": (sum(look.counted == look.label for look in looks), len(looks)),
            "persons_false_more": errors["false_extra"],
            "persons_false_absent": errors["false_absent"],
            "persons_unknown": (sum(look.counted is None for look in looks), len(looks)),
        }
        if model.sees_objects:
            phones = persons_task.phone_counts(persons_task.looks(bench.data, "phone", "phone", settings, model, finder, way.picture))
            figures |= {"phone_precision": phones["precision"], "phone_recall": phones["recall"]}
    return figures


def _sounds(bench: Bench, way: Degradation) -> dict[str, Any]:
    rows = audio_task.judge(bench.data, bench.models.audio_detector, way.sound)  # type: ignore[arg-type]
    speech, voices = audio_task.speech_counts(rows), audio_task.voices_counts(rows)
    return {
        "speech_precision": speech["precision"],
        "speech_recall": speech["recall"],
        "voices_recall": voices["recall"],
        "voices_false_alarm": voices["false_alarm"],
        "voices_false_alarm_scoring": voices["false_alarm_scoring"],
    }


def _exams(exams: Sequence[ExamRows]) -> dict[str, Any]:
    rows = [row for exam in exams for row in exam.rows]
    flags, (right, _, expected) = flag_counts(rows), violation_counts(rows)
    false = [
        f"{exam.name} {row['index']}: {kind}"
        for exam in exams
        for row in exam.rows
        for kind in (Counter(row["found"]["violations"]) - Counter(row["expected"]["violations"])).elements()
    ]
    return {
        "exam_violations_found": (right, expected),
        "exam_flags_caught": (flags[True, True], flags[True, True] + flags[True, False]),
        "exam_false_flags": (flags[False, True], flags[False, True] + flags[False, False]),
        "exam_false_violations": false,
    }


def table(results: dict[str, dict[str, Any]]) -> list[str]:
    """The figures by degradation, each with its 95 % interval."""
    lines = []
    for name, figures in results.items():
        lines.append(name)
        for measure_name, value in figures.items():
            shown = ", ".join(value) or "none" if measure_name == "exam_false_violations" else share(*value)
            lines.append(f"  {measure_name.replace('_', ' '):<30}{shown}")
    return lines


def main() -> int:
    """Print the figures by degradation; the exit status is 2 where the data are missing."""
    parser = argparse.ArgumentParser(prog="python -m bench.degrade", description="Measure the detectors on footage made worse.")
    parser.add_argument("--data", type=Path, required=True, help="folder with gaze/, persons/, phone/, fairness/, audio/, scenarios/")
    parser.add_argument("--only", nargs="+", choices=[way.name for way in DEGRADATIONS], help="only these degradations")
    parser.add_argument("--json", type=Path, help="write the counts here")
    arguments = parser.parse_args()
    bench, results = Bench(arguments.data), {}
    try:
        bench.load()
        for note in bench.models.notes:
            print(f"note: {note}")
        for way in DEGRADATIONS:
            if arguments.only is None or way.name in arguments.only:
                results[way.name] = measure(bench, way)
                print("\n".join(table({way.name: results[way.name]})), flush=True)
    except ProctorError as error:
        print(error.message, file=sys.stderr)
        return 2
    finally:
        bench.close()
    if arguments.json:
        arguments.json.write_text(json.dumps(results, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
