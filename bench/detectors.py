"""How well each detector does on labelled footage, by group of people, and what it costs: the product's own detectors, as the server uses them.

venv/bin/python -m bench.detectors --data DIR [--data DIR …] [--task gaze|persons|phone|fairness|audio|scenarios|honest|cost|held-out]
    [--json FILE] [--html FILE] [--markdown]

DIR is laid out as the README of the labelled data says; of several each is measured, then all together, then on people whom no limit was chosen
on (`bench.held_out`). No label decides anything. Single pictures have no past: what needs a person's own rest is measured on the scenarios.
Every share has its 95 % Wilson interval beside it in the table; the JSON holds shares of 0..1. `--html`: every wrong picture with its numbers.
"""

from __future__ import annotations

import argparse
import copy
import json
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2

from audiodetector import AudioDetector
from basics.errors import DetectorError, InvalidInput, ProctorError
from bench import audio_task, gaze_task, held_out, persons_task, wrong_page
from bench.cost import costs, costs_table
from bench.harness import people
from bench.harness.figures import line, upper_bound, upper_rate
from bench.harness.folds import markdown
from bench.harness.footage import Scenario, scenarios
from bench.harness.remembered import Remembered
from bench.session import compare, replay
from face_detector import PersonsModel
from sessions.models import Models
from settings.settings import Settings, load_settings

TASKS = ("gaze", "persons", "phone", "fairness", "audio", "scenarios", "honest", "cost")
HELD_OUT = "held-out"
TOGETHER = "together"


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
    _rows: dict[str, list[Any]] = field(default_factory=dict)
    _asked: dict[str, Remembered] = field(default_factory=dict)  # networks whose answers are kept, the same for all sets

    def load(self) -> None:
        """Load the models; what is missing is in `models.notes`."""
        cv2.setNumThreads(1)
        self.models.load(self.settings)

    def close(self) -> None:
        """Free the models."""
        self.models.close()

    @property
    def name(self) -> str:
        """What the set is called."""
        return self.data.resolve().name

    def run(self, task: str) -> Result:
        """Run one of `TASKS`. Raise `InvalidInput` where the data are missing, `DetectorError` where the model is."""
        return self.result(task, self.rows(task))

    def rows(self, task: str) -> list[Any]:
        """What was read for a task, file by file or exam by exam, read once. Raise as `run` does."""
        if task not in self._rows:
            readers: dict[str, Callable[[], list[Any]]] = {
                "gaze": lambda: gaze_task.judge(self.data, "gaze", self.settings, self.models),
                "fairness": lambda: gaze_task.judge(self.data, "fairness", self.settings, self.models),
                "persons": lambda: self._looks("persons", "count"),
                "phone": lambda: self._looks("phone", "phone"),
                "audio": lambda: audio_task.judge(self.data, self.hearing(self.settings), every=self.every_clip),
                "scenarios": self.exams,
                "honest": self.exams,
                "cost": lambda: [costs(self.data, self.settings, self.models)],
            }
            self._rows[task] = readers[task]()
        return self._rows[task]

    def result(self, task: str, rows: Sequence[Any]) -> Result:
        """The figures and the table of rows, of this set or of several."""
        if task == "persons":
            return Result(persons_task.persons_figures(rows), persons_task.persons_table(rows, self.persons_model()))
        if task == "phone":
            model = self.persons_model()
            return Result(persons_task.phone_figures(rows, model), persons_task.phone_table(rows, model))
        if task == "cost":
            return Result(dict(rows[0]), costs_table(rows[0]))
        parts: dict[str, tuple[Callable[[Any], dict[str, Any]], Callable[[Any], list[str]]]] = {
            "gaze": (gaze_task.gaze_figures, gaze_task.gaze_table),
            "fairness": (gaze_task.fairness_figures, gaze_task.fairness_table),
            "audio": (audio_task.audio_figures, audio_task.audio_table),
            "scenarios": (scenario_figures, scenario_table),
            "honest": (honest_figures, honest_table),
        }
        figures, table = parts[task]
        return Result(figures(rows), table(rows))

    def has(self, task: str) -> bool:
        """Whether a task was run, or is: its footage is there."""
        try:
            return bool(self.rows(task))
        except InvalidInput:
            return False

    def outcomes(self, task: str) -> list[people.Outcome]:
        """Every file of a task of `people.TASKS`, with whose it is and whether it was read rightly."""
        return people.outcomes(self.data, task, self.rows(task))

    def _looks(self, task: str, column: str) -> list[persons_task.Look]:
        return persons_task.looks(self.data, task, column, self.settings, self.judging(self.settings), self.models.faces)

    def persons_model(self) -> PersonsModel:
        """The model that counts persons. Raise `DetectorError` without one."""
        if self.models.persons is None:
            raise DetectorError("No model counts persons; run ./setup.sh.")
        return self.models.persons

    def judging(self, limits: Settings) -> PersonsModel:
        """That model under other limits. Its network is asked once of each picture and size."""
        return self.persons_model().under(limits, lambda finder: self._asked.setdefault(f"finder {id(finder)}", Remembered(finder, "find")))

    def hearing(self, limits: Settings) -> Callable[[], AudioDetector]:
        """What makes a detector of sound under other limits. Its networks are asked once of the same sound. Raise `DetectorError` without them."""
        models = self.models.audio
        if models is None:
            raise DetectorError("No sound model is there; run ./setup.sh.")
        asked: Any = copy.copy(models)
        for name, methods in {"vad": ("run",), "speaker": ("features", "embed"), "overlap": ("probabilities",)}.items():
            model = getattr(models, name)
            setattr(asked, name, model and self._asked.setdefault(name, Remembered(model, *methods)))
        return lambda: AudioDetector(asked, limits)

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
    bound, most = upper_bound(flags, n), upper_rate(sum(exam.false_violations() for exam in exams), figures["hours"])
    return [
        f"Honest students ({figures['hours']:.3f} hours of honest stretches, in them {n} whole intervals)",
        line("false flags", flags, n, digits=2),
        f"  the rate of false flags is under {100 * bound:.2f} % of intervals (one-sided 95 %; the goal of 0.02 % needs about 15,000 without one)",
        f"  false violations: {figures['false_violations_per_hour']:.1f} an hour, by the same bound under {most:.1f}",
    ]


@dataclass
class Sets:
    """Several labelled sets, measured one by one and together, by models loaded once."""

    benches: list[Bench]

    @classmethod
    def of(cls, folders: Sequence[Path], settings: Settings | None = None) -> Sets:
        """Raise `InvalidInput` for folders of the same name, or none: figures could not be told apart."""
        if len({folder.resolve().name for folder in folders}) < max(1, len(folders)):
            raise InvalidInput(f"The sets need names of their own; given were {', '.join(map(str, folders))}.")
        models, chosen, asked = Models(), settings or load_settings(_env_file=None), dict[str, Remembered]()
        return cls([Bench(folder, chosen, models, _asked=asked) for folder in folders])

    def run(self, task: str) -> Iterator[tuple[str, Result]]:
        """A task over each set that has footage for it, by the set's name, and then over all `TOGETHER`. Raise as `Bench.run` where none has."""
        found: list[tuple[Bench, list[Any]]] = []
        missing: list[InvalidInput] = []
        for bench in self.benches:
            try:
                found.append((bench, bench.rows(task)))
            except InvalidInput as error:
                missing.append(error)
                continue
            result = bench.result(task, bench.rows(task))
            yield bench.name, Result(result.figures, result.table + self._people(task, [bench]))
        if not found:
            raise missing[0]
        if len(found) > 1 and task != "cost":
            result = found[0][0].result(task, [row for _, rows in found for row in rows])
            table = [words for words in result.table if not words.startswith("  wrong, ")]  # told of each set already
            yield TOGETHER, Result(result.figures, table + self._people(task, [bench for bench, _ in found]))

    def outcomes(self, tasks: Sequence[str]) -> list[tuple[str, people.Outcome]]:
        """Every file that was read for `tasks`, with its set's name."""
        return [(bench.name, one) for bench in self.benches for task in tasks if bench.has(task) for one in bench.outcomes(task)]

    def _people(self, task: str, benches: Sequence[Bench]) -> list[str]:
        return [people.people_line([one for bench in benches for one in bench.outcomes(task)])] if task in people.TASKS else []


def measure(sets: Sets, tasks: Sequence[str]) -> dict[str, Any]:
    """Run the tasks and print their tables; the figures by task, of several sets by set and task."""
    by_set: dict[str, dict[str, Any]] = {}
    for task in tasks:
        if task == HELD_OUT:
            continue
        for name, result in sets.run(task):
            by_set.setdefault(name, {})["cost_ms" if task == "cost" else task] = result.figures
            print("\n" + (f"{name}: " if len(sets.benches) > 1 else "") + "\n".join(result.table), flush=True)
    figures: dict[str, Any] = next(iter(by_set.values()), {}) if len(sets.benches) == 1 else dict(by_set)
    if HELD_OUT in tasks:
        figures["held_out"] = held_out.run(sets.benches)
    return figures


def main() -> int:
    """Print the tables; the exit status is 2 where the data are missing."""
    parser = argparse.ArgumentParser(prog="python -m bench.detectors", description="Measure the detectors on labelled footage.")
    parser.add_argument(
        "--data", type=Path, required=True, action="append", help="folder with gaze/, persons/, phone/, fairness/, audio/, scenarios/; several times"
    )
    parser.add_argument("--task", choices=(*TASKS, HELD_OUT), help="run only this one; without, held-out is run where there are several sets")
    parser.add_argument("--json", type=Path, help="write the figures here")
    parser.add_argument("--markdown", action="store_true", help="print the held-out figures as a table for a document, too")
    parser.add_argument("--html", type=Path, help="write every wrong picture and its numbers here, outside any repository")
    arguments = parser.parse_args()
    tasks = (arguments.task,) if arguments.task else TASKS + ((HELD_OUT,) if len(arguments.data) > 1 else ())
    sets: Sets | None = None
    try:
        if arguments.html:
            wrong_page.refuse_inside_repository(arguments.html)
        sets = Sets.of(arguments.data)
        sets.benches[0].load()
        for note in sets.benches[0].models.notes:
            print(f"note: {note}")
        figures = measure(sets, tasks)
        if arguments.markdown and "held_out" in figures:
            print("\n" + "\n".join(markdown(figures["held_out"])))
        if arguments.html:
            shown = [task for task in people.TASKS if task in tasks or arguments.task == HELD_OUT]
            print(f"\n{wrong_page.write(arguments.html, sets.outcomes(shown))} wrong files are shown in {arguments.html}; it shows people: delete it")
    except ProctorError as error:
        print(error.message, file=sys.stderr)
        return 2
    finally:
        if sets is not None:
            sets.benches[0].close()
    if arguments.json:
        arguments.json.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
