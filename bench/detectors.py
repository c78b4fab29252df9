"""How well each detector does on labelled footage, by group of people, and what it costs: the product's own detectors, as the server uses them.

venv/bin/python -m bench.detectors --data DIR [--task gaze|persons|phone|fairness|audio|scenarios|honest|cost] [--json FILE]

DIR is laid out as the README of the labelled data says. No label decides anything. Single pictures have no past: what needs a person's own
rest is measured on the scenarios. Every share has its 95 % Wilson interval beside it in the table; the JSON holds shares of 0..1.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2

from basics.errors import DetectorError, InvalidInput, ProctorError
from bench import audio_task, gaze_task, persons_task
from bench.cost import costs, costs_table
from bench.harness.figures import line, upper_bound
from bench.harness.footage import Scenario, scenarios
from bench.session import compare, replay
from sessions.models import Models
from settings.settings import Settings, load_settings

TASKS = ("gaze", "persons", "phone", "fairness", "audio", "scenarios", "honest", "cost")


@dataclass
class Result:
    """One task's figures, ready for JSON, and its table."""

    figures: dict[str, Any]
    table: list[str]


@dataclass
class Bench:
    """The tasks over one data folder, with the models loaded once and each exam replayed once."""

    data: Path
    settings: Settings = field(default_factory=lambda: load_settings(_env_file=None))
    models: Models = field(default_factory=Models)
    every_clip: int = 1  # of how many labelled clips of sound one is heard
    only_exams: frozenset[str] = frozenset()  # by name; empty: all
    _exams: list[ExamRows] | None = None

    def load(self) -> None:
        """Load the models; what is missing is in `models.notes`."""
        cv2.setNumThreads(1)
        self.models.load(self.settings)

    def close(self) -> None:
        """Free the models."""
        self.models.close()

    def run(self, task: str) -> Result:
        """Run one of `TASKS`. Raise `InvalidInput` where the data are missing, `DetectorError` where the model is."""
        tasks: dict[str, Callable[[], Result]] = {
            "gaze": self._gaze,
            "persons": self._persons,
            "phone": self._phone,
            "fairness": self._fairness,
            "audio": self._audio,
            "scenarios": self._scenarios,
            "honest": self._honest,
            "cost": self._cost,
        }
        return tasks[task]()

    def _gaze(self) -> Result:
        judged = gaze_task.judge(self.data, "gaze", self.settings, self.models)
        return Result(gaze_task.gaze_figures(judged), gaze_task.gaze_table(judged))

    def _fairness(self) -> Result:
        judged = gaze_task.judge(self.data, "fairness", self.settings, self.models)
        return Result(gaze_task.fairness_figures(judged), gaze_task.fairness_table(judged))

    def _persons(self) -> Result:
        model = self._persons_model()
        looks = persons_task.looks(self.data, "persons", "count", self.settings, model, self.models.faces)
        return Result(persons_task.persons_figures(looks), persons_task.persons_table(looks, model))

    def _phone(self) -> Result:
        model = self._persons_model()
        looks = persons_task.looks(self.data, "phone", "phone", self.settings, model, self.models.faces)
        return Result(persons_task.phone_figures(looks, model), persons_task.phone_table(looks, model))

    def _persons_model(self) -> Any:
        if self.models.persons is None:
            raise DetectorError("No model counts persons; run ./setup.sh.")
        return self.models.persons

    def _audio(self) -> Result:
        detector = self.models.audio_detector
        if detector() is None:
            raise DetectorError("No sound model is there; run ./setup.sh.")
        rows = audio_task.judge(self.data, detector, every=self.every_clip)  # type: ignore[arg-type]
        return Result(audio_task.audio_figures(rows), audio_task.audio_table(rows))

    def _scenarios(self) -> Result:
        return Result(scenario_figures(self.exams()), scenario_table(self.exams()))

    def _honest(self) -> Result:
        return Result(honest_figures(self.exams()), honest_table(self.exams()))

    def _cost(self) -> Result:
        figures = costs(self.data, self.settings, self.models)
        return Result(dict(figures), costs_table(figures))

    def exams(self) -> list[ExamRows]:
        """Every scenario, replayed once."""
        if self._exams is None:
            found = scenarios(self.data)
            if not found:
                raise InvalidInput(f"There is no {self.data}/scenarios/NAME/expected.json. Give the folder of the labelled data with --data.")
            chosen = [scenario for scenario in found if not self.only_exams or scenario.name in self.only_exams]
            self._exams = [replay_exam(scenario, self.settings, self.models) for scenario in chosen]
        return self._exams


@dataclass(frozen=True)
class ExamRows:
    """One exam's intervals: each with what is `expected` and what was `found` of it, as `bench.session.compare` gives them."""

    name: str
    rows: list[dict[str, Any]]
    honest_stretches: list[tuple[float, float]]  # when nothing is expected of pictures and sound

    @property
    def honest(self) -> list[dict[str, Any]]:
        """The whole intervals in which nothing is expected."""
        return [row for row in self.rows if not row["expected"]["violations"] and not row["expected"]["flagged"]]

    def false_violations(self) -> int:
        """Violations counted in an interval in which none is expected, or read from nothing but an honest stretch in any."""
        false = sum(len(row["found"]["violations"]) for row in self.honest)
        others = (row for row in self.rows if row not in self.honest)
        return false + sum(
            any(start <= begin and end <= stop for start, stop in self.honest_stretches)
            for row in others
            for _, begin, end in row["found"]["stretches"]
        )


def replay_exam(scenario: Scenario, settings: Settings, models: Models) -> ExamRows:
    """Run one exam through the product."""
    with tempfile.TemporaryDirectory() as folder:
        replayed = replay(scenario, settings, models, Path(folder))
    return ExamRows(scenario.name, compare(scenario, replayed.intervals), scenario.honest_stretches())


def violation_counts(rows: Sequence[dict[str, Any]]) -> tuple[int, int, int]:
    """Violations that are right, found, expected, occurrence by occurrence, each in its interval."""
    right = sum(sum((Counter(row["expected"]["violations"]) & Counter(row["found"]["violations"])).values()) for row in rows)
    return right, sum(len(row["found"]["violations"]) for row in rows), sum(len(row["expected"]["violations"]) for row in rows)


def flag_counts(rows: Sequence[dict[str, Any]]) -> Counter[tuple[bool, bool]]:
    """Intervals by (expected to be flagged, flagged)."""
    return Counter((row["expected"]["flagged"], row["found"]["flagged"]) for row in rows)


def scenario_figures(exams: Sequence[ExamRows]) -> dict[str, Any]:
    """Flags and violations over all exams."""
    rows = [row for exam in exams for row in exam.rows]
    right, found, expected = violation_counts(rows)
    flags = flag_counts(rows)
    return {
        "intervals": len(rows),
        "flags_caught": flags[True, True],
        "flags_missed": flags[True, False],
        "false_flags": flags[False, True],
        "violations": {"precision": right / found if found else 1.0, "recall": right / expected if expected else 1.0},
    }


def scenario_table(exams: Sequence[ExamRows]) -> list[str]:
    """The figures with their intervals, and the intervals in which something else was found than expected."""
    rows = [row for exam in exams for row in exam.rows]
    right, found, expected = violation_counts(rows)
    flags = flag_counts(rows)
    wanted, unwanted = flags[True, True] + flags[True, False], flags[False, True] + flags[False, False]
    lines = [
        f"Whole exams ({len(exams)} exams, {len(rows)} intervals)",
        line("flags caught", flags[True, True], wanted),
        line("false flags", flags[False, True], unwanted),
        line("violations, precision", right, found),
        line("violations, recall", right, expected),
    ]
    return lines + [
        f"  wrong, {exam.name} interval {row['index']}: expected {row['expected']}, found {row['found']}"
        for exam in exams
        for row in exam.rows
        if any(row["expected"][name] != row["found"][name] for name in ("violations", "flagged"))
    ]


def honest_figures(exams: Sequence[ExamRows]) -> dict[str, Any]:
    """False violations in the stretches in which nothing is expected, and false flags in the whole intervals of that kind.

    The clean exams are such stretches from end to end; of the others, what their exact timeline says.
    """
    hours = sum(stop - start for exam in exams for start, stop in exam.honest_stretches) / 3600
    rows = [row for exam in exams for row in exam.honest]
    violations = sum(exam.false_violations() for exam in exams)
    return {
        "hours": hours,
        "intervals": len(rows),
        "false_flags": sum(row["found"]["flagged"] for row in rows),
        "false_violations_per_hour": violations / hours if hours else 0.0,
    }


def honest_table(exams: Sequence[ExamRows]) -> list[str]:
    """The figures, and how high the rate may still be."""
    figures = honest_figures(exams)
    n, flags = figures["intervals"], figures["false_flags"]
    bound = upper_bound(flags, n)
    return [
        f"Honest students ({figures['hours']:.3f} hours of honest stretches, in them {n} whole intervals)",
        line("false flags", flags, n, digits=2),
        f"  the rate of false flags is under {100 * bound:.2f} % of intervals (one-sided 95 %; the goal of 0.02 % needs about 15,000 without one)",
        f"  false violations: {figures['false_violations_per_hour']:.1f} an hour",
    ]


def main() -> int:
    """Print the tables; the exit status is 2 where the data are missing."""
    parser = argparse.ArgumentParser(prog="python -m bench.detectors", description="Measure the detectors on labelled footage.")
    parser.add_argument("--data", type=Path, required=True, help="folder with gaze/, persons/, phone/, fairness/, audio/, scenarios/")
    parser.add_argument("--task", choices=TASKS, help="run only this one")
    parser.add_argument("--json", type=Path, help="write the figures here")
    arguments = parser.parse_args()
    bench = Bench(arguments.data)
    results: dict[str, Any] = {}
    try:
        bench.load()
        for note in bench.models.notes:
            print(f"note: {note}")
        for task in (arguments.task,) if arguments.task else TASKS:
            result = bench.run(task)
            results["cost_ms" if task == "cost" else task] = result.figures
            print("\n" + "\n".join(result.table), flush=True)
    except ProctorError as error:
        print(error.message, file=sys.stderr)
        return 2
    finally:
        bench.close()
    if arguments.json:
        arguments.json.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
