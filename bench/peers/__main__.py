"""Runs the loop of the usual open programs and the product over the same exams in the same call, and compares cost and errors.

venv/bin/python -m bench.peers --data DIR [--exam NAME …] [--seconds S] [--env FOLDER] [--weights FILE] [--json FILE]

The usual loop reads every picture (FaceMesh, YOLOv8n by ultralytics on torch at 640) and hears energy and pitch; `loop.py` is all of it. Its readings
go through our rules, which ask for signs that last: by itself such a loop alarms at every picture. Cost is processor time, all threads of a process
added up: of the loop without reading files, of the product with decoding, scoring and clips, without network and dashboards (`bench.load` has those).
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from basics.errors import DetectorError, InvalidInput, ProctorError
from basics.readings import AudioReading, Frame, GazeReading, PersonsReading, ScreenAct, Sound
from bench.detectors import flag_counts, violation_counts
from bench.harness.figures import share
from bench.harness.footage import Scenario, scenarios
from bench.peers.environment import python_of, weights_in
from bench.session import compare, replay
from score import Scorer
from score import replay as score_readings
from scoring.documents import violation_document
from scoring.rules import Rules
from sessions.models import Models
from settings.settings import Settings, load_settings

LOOP = Path(__file__).with_name("loop.py")
LOOP_S = 4 * 3600.0
WARM_S = 3.0


@dataclass(frozen=True)
class InMemory:
    """The first seconds of an exam as they are sent, encoded before the clock runs."""

    scenario: Scenario
    duration: float
    _frames: list[Frame]
    _sounds: list[Sound]

    @classmethod
    def of(cls, scenario: Scenario, seconds: float) -> InMemory:
        """Take it from disk."""
        until = min(seconds, scenario.duration)
        frames = [frame for frame in scenario.frames() if frame.at < until]
        return cls(scenario, until, frames, [sound for sound in scenario.sounds() if sound.at < until])

    @property
    def name(self) -> str:
        return self.scenario.name

    @property
    def rules(self) -> Rules:
        return self.scenario.rules

    def frames(self) -> Iterator[Frame]:
        return iter(self._frames)

    def sounds(self) -> Iterator[Sound]:
        return iter(self._sounds)

    def acts(self) -> list[ScreenAct]:
        return [act for act in self.scenario.acts() if act.at < self.duration]


@dataclass
class Side:
    """What one of the two gave over all exams."""

    what: str = ""
    cpu_s: float = 0.0
    parts: dict[str, float] = field(default_factory=dict)
    seconds: float = 0.0
    gaze: int = 0
    persons: int = 0
    rows: list[dict[str, Any]] = field(default_factory=list)

    def figures(self) -> dict[str, Any]:
        """Counts; milliseconds of processor time a student-second; students that one core would carry at that."""
        right, found, expected = violation_counts(self.rows)
        flags = flag_counts(self.rows)
        ms = 1000 * self.cpu_s / max(self.seconds, 1e-9)
        return {
            "what": self.what,
            "seconds": round(self.seconds, 1),
            "cpu_ms_per_student_s": round(ms, 2),
            "cpu_ms_by_part": {name: round(1000 * spent / max(self.seconds, 1e-9), 2) for name, spent in self.parts.items()},
            "students_per_core": round(1000 / ms, 2) if ms else None,
            "gaze_readings": self.gaze,
            "persons_readings": self.persons,
            "intervals": len(self.rows),
            "violations_expected": expected,
            "violations_right": right,
            "violations_false": found - right,
            "flags_expected": flags[True, True] + flags[True, False],
            "flags_caught": flags[True, True],
            "flags_false": flags[False, True],
            "errors": expected - right + found - right,
        }


def run_ours(side: Side, exam: InMemory, settings: Settings, models: Models) -> None:
    """The product over one exam, in this process."""
    begun = time.process_time()
    with tempfile.TemporaryDirectory() as folder:
        replayed = replay(exam, settings, models, Path(folder))
    side.cpu_s += time.process_time() - begun
    side.seconds += exam.duration
    for check in replayed.checks:
        side.gaze += len(check["readings"]["gaze"])
        side.persons += len(check["readings"]["persons"])
    side.rows += _whole(compare(exam.scenario, replayed.intervals), exam)


def run_loop(side: Side, exam: InMemory, python: Path, weights: Path) -> None:
    """The usual loop over one exam, in a process of its own. Raise `DetectorError` with its last words where it fails."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "readings.json"
        files = [str(exam.scenario.folder / "video.mp4"), str(exam.scenario.folder / "audio.flac"), str(weights.resolve()), str(out)]
        environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
        environment |= {"YOLO_OFFLINE": "true", "YOLO_AUTOINSTALL": "false", "YOLO_CONFIG_DIR": folder}
        command = [str(python), "-I", str(LOOP), *files, str(exam.duration)]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=LOOP_S, stdin=subprocess.DEVNULL)
        if done.returncode or not out.is_file():
            said = [line for line in done.stderr.splitlines() if line.strip()]
            raise DetectorError(f"The usual loop failed on {exam.name}: {said[-1][:300] if said else 'no output'}")
        found = json.loads(out.read_text(encoding="utf-8"))
    side.what = found["what"]
    for name, spent in found["cpu_s"].items():
        side.parts[name] = side.parts.get(name, 0.0) + spent
        side.cpu_s += spent
    side.seconds += found["seconds"]
    side.gaze += len(found["gaze"])
    side.persons += len(found["persons"])
    side.rows += _whole(compare(exam.scenario, records_of(found, exam.rules, exam.acts(), exam.duration)), exam)


def records_of(found: Mapping[str, Any], rules: Rules, acts: Sequence[ScreenAct], until: float) -> list[dict[str, Any]]:
    """The loop's readings, judged by our rules: records of intervals as a session has them."""
    scorer = Scorer(rules)
    gaze = [GazeReading(at, looks) for at, looks in found["gaze"]]
    persons = [PersonsReading(at, count, phone, width=width, height=height) for at, count, phone, width, height in found["persons"]]
    audio = [AudioReading(at, 1.0, tuple(map(tuple, speech)), tuple(map(tuple, several)), voices=None) for at, speech, several in found["sound"]]
    score_readings(scorer, gaze, persons, audio, acts)
    return [
        {
            "index": result.index,
            "flagged": result.flagged,
            "score": result.score,
            "violations": [violation_document(violation) for violation in result.violations],
        }
        for result in scorer.results(until)
    ]


def _whole(rows: list[dict[str, Any]], exam: InMemory) -> list[dict[str, Any]]:
    """The intervals that lie within what was played."""
    return [row for row in rows if (row["index"] + 1) * exam.rules.interval_duration <= exam.duration + 1e-6]


def comparison(ours: Mapping[str, Any], theirs: Mapping[str, Any]) -> dict[str, float | None]:
    """How many times our cost and our errors theirs are; None where we have no error to divide by."""
    return {
        "cost": round(theirs["cpu_ms_per_student_s"] / ours["cpu_ms_per_student_s"], 1) if ours["cpu_ms_per_student_s"] else None,
        "errors": round(theirs["errors"] / ours["errors"], 1) if ours["errors"] else None,
    }


def table(ours: Mapping[str, Any], theirs: Mapping[str, Any]) -> list[str]:
    """The two beside each other."""
    lines = [f"the usual loop: FaceMesh, {theirs['what']}", f"{'':34}{'ours':>34}{'the usual loop':>34}"]
    plain = ("cpu_ms_per_student_s", "students_per_core", "gaze_readings", "persons_readings", "violations_false", "flags_false", "errors")
    shares = (("violations_right", "violations_expected"), ("flags_caught", "flags_expected"))
    rows = [(name, str(ours[name]), str(theirs[name])) for name in plain]
    rows += [(name, share(ours[name], ours[of]), share(theirs[name], theirs[of])) for name, of in shares]
    lines += [f"{name.replace('_', ' '):34}{own:>34}{other:>34}" for name, own, other in rows]
    parts = ", ".join(f"{name} {ms:g} ms" for name, ms in theirs["cpu_ms_by_part"].items())
    ratios = comparison(ours, theirs)
    errors = "we made none" if ratios["errors"] is None else f"{ratios['errors']:g} times ours"
    return [*lines, f"a student-second of the loop: {parts}", f"its cost is {ratios['cost']:g} times ours, its errors: {errors}"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the comparison; the exit status is 2 where one of the two can't be run."""
    parser = argparse.ArgumentParser(prog="python -m bench.peers", description="Compare with the loop of the usual open programs.")
    parser.add_argument("--data", type=Path, required=True, help="folder with scenarios/")
    parser.add_argument("--exam", nargs="+", help="only these scenarios")
    parser.add_argument("--seconds", type=float, default=float("inf"), help="only the first seconds of each")
    parser.add_argument("--env", type=Path, help="a Python environment with what bench/peers/requirements.txt says; without, one is made and kept")
    parser.add_argument("--weights", type=Path, help="YOLOv8n's weights for torch")
    parser.add_argument("--json", type=Path, help="write the figures here")
    given = parser.parse_args(arguments)
    settings, models = load_settings(_env_file=None), Models()
    ours, theirs = Side("the product"), Side()
    try:
        chosen = [one for one in scenarios(given.data) if not given.exam or one.name in given.exam]
        if not chosen:
            raise InvalidInput(
                f"There is no {given.data}/scenarios/NAME/expected.json with these names. Give the folder of the labelled data with --data."
            )
        python = python_of(given.env)
        weights = weights_in(given.weights, python)
        models.load(settings)
        run_ours(Side(), InMemory.of(chosen[0], WARM_S), settings, models)  # the loop's models have read a picture, too, before its clock runs
        for scenario in chosen:
            exam = InMemory.of(scenario, given.seconds)
            run_ours(ours, exam, settings, models)
            run_loop(theirs, exam, python, weights)
            print(f"{exam.name}: {exam.duration:.0f} s read by both", flush=True)
    except ProctorError as error:
        print(error.message, file=sys.stderr)
        return 2
    finally:
        models.close()
    found = {"ours": ours.figures(), "theirs": theirs.figures()}
    print("\n".join(["", *table(found["ours"], found["theirs"])]))
    if given.json:
        given.json.write_text(json.dumps(found | {"ratios": comparison(found["ours"], found["theirs"])}, indent=1) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
