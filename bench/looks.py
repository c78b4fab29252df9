"""What looks for persons and phones cost, and what other limits would spare and change.

venv/bin/python -m bench.looks --data DIR [--data DIR …] [--limit NAME=VALUE …] [--exam NAME …] [--clips]

Every look is taken under the usual limits and under those with `--limit`, on the same answers of the networks: each is asked once, and counts for
either way that asks it with the time that it took then. Looked at are the exams, as often as the server does where something moves, and the labelled
pictures of persons/ and phone/, with `--clips` those of phone/ as ten seconds of it, too. No label decides anything.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from basics.errors import ProctorError
from basics.readings import GazeReading, PersonsReading
from bench.harness.footage import scenarios
from bench.harness.pictures import Image, rows_of
from bench.harness.remembered import key_of
from bench.phone_clips import ten_seconds
from detectors.networks import Detection, Finder
from face_detector import PersonsModel
from gaze_direction import GazeDetector
from sessions.models import Models
from settings.settings import Settings, load_settings

Answers = dict[Any, tuple[list[Detection], float]]


class Asked:
    """Stands for a network: its answers are kept in `answers` with the ms they took, and those of one look counted."""

    def __init__(self, network: Finder, answers: Answers) -> None:
        self.sees_objects = network.sees_objects
        self._network = network
        self._answers = answers
        self.spent = 0.0  # ms of the look
        self.sides: list[int] = []

    def find(self, image: Image, side: int, least: float) -> list[Detection]:
        """As the network does."""
        key = id(self._network), key_of(image), side, least
        if key not in self._answers:
            begun = time.thread_time()
            found = self._network.find(image, side, least)
            self._answers[key] = found, (time.thread_time() - begun) * 1000
        found, ms = self._answers[key]
        self.spent += ms
        self.sides.append(side)
        return found

    def close(self) -> None:
        """The network is another's."""


class Way:
    """One set of limits. `ms` and `asked` are of all looks so far: what the networks took, and how often which input was asked for."""

    def __init__(self, model: PersonsModel, limits: Settings, answers: Answers) -> None:
        self._networks: list[Asked] = []
        self._model = model.under(limits, lambda network: self._through(network, answers))

    def _through(self, network: Finder, answers: Answers) -> Asked:
        self._networks.append(Asked(network, answers))
        return self._networks[-1]

    def look(self, image: Image, at: float, gaze: GazeReading) -> tuple[PersonsReading, float, list[int]]:
        """What is told of a picture, what the networks took (ms), and at which sizes they were asked."""
        for network in self._networks:
            network.spent, network.sides = 0.0, []
        reading = self._model.look(image, at, gaze)
        return reading, sum(network.spent for network in self._networks), [side for network in self._networks for side in network.sides]


@dataclass
class Compared:
    """The looks of one exam or folder. `ms` and `sides` have the usual way first."""

    name: str
    looks: int = 0
    doubtful: int = 0  # those that asked more than once, by the usual way
    ms: list[float] = field(default_factory=lambda: [0.0, 0.0])
    sides: list[Counter[int]] = field(default_factory=lambda: [Counter(), Counter()])
    changed: list[str] = field(default_factory=list)

    def take(self, ways: list[Way], what: str, image: Image, at: float, gaze: GazeReading) -> None:
        """One look, both ways."""
        told = []
        for number, way in enumerate(ways):
            reading, ms, sides = way.look(image, at, gaze)
            self.ms[number] += ms
            self.sides[number].update(sides)
            self.doubtful += number == 0 and len(sides) > 1
            told.append((reading.count, reading.phone))
        self.looks += 1
        if told[0] != told[-1]:
            self.changed.append(f"{what}: {told[0][0]} persons, phone {told[0][1]}; now {told[-1][0]}, {told[-1][1]}")

    def table(self) -> list[str]:
        """The looks in words."""
        usual, other = (ms / max(1, self.looks) for ms in self.ms)
        asked = ["  asked at " + ", ".join(f"{side}: {count}" for side, count in sorted(sides.items())) for sides in self.sides]
        first = f"{self.name}: {self.looks} looks, {self.doubtful} in doubt, {usual:.1f} ms a look; {other:.1f} under the other limits"
        return [first, *dict.fromkeys(asked), *(f"  {one}" for one in self.changed)]


def exams(data: Path, settings: Settings, models: Models, only: list[str]) -> Iterator[tuple[str, str, Image, float, GazeReading]]:
    """Each look of the exams: the exam, which look, picture, time, and the gaze read of it."""
    for scenario in scenarios(data):
        if only and scenario.name not in only:
            continue
        detector = GazeDetector(settings, finder=models.faces, models=models.face_models)
        next_gaze = next_look = 0.0
        for frame in scenario.frames():
            if frame.at < next_gaze:
                continue
            next_gaze = frame.at + 1 / settings.gaze_fps - 1e-6
            image = np.asarray(cv2.imdecode(np.frombuffer(frame.data, np.uint8), cv2.IMREAD_COLOR), np.uint8)
            gaze = detector.read(image, frame.at)
            if frame.at >= next_look:
                next_look = frame.at + settings.face_interval_s - 1e-6
                yield scenario.name, f"{frame.at:.1f} s", image, frame.at, gaze
        detector.close()


def labelled(data: Path, settings: Settings, models: Models, clips: bool) -> Iterator[tuple[str, str, Image, float, GazeReading]]:
    """Each labelled picture of persons/ and phone/, as `exams` gives them."""
    detector = GazeDetector(settings, still=True, finder=models.faces, models=models.face_models)
    for task in ("persons", "phone"):
        for number, (row, image) in enumerate(rows_of(data, task)):
            yield f"{data.name}/{task}", row["file"], image, float(number), detector.read(image, float(number))
            if clips and task == "phone":
                for second, shown in enumerate(ten_seconds(image, number)):
                    name = f"{data.name}/phone, ten seconds of {'one' if row['phone'] == '1' else 'none'}"
                    yield name, f"{row['file']} {2 * second} s", shown, 2.0 * second, detector.read(shown, 2.0 * second)
    detector.close()


def main(arguments: list[str]) -> int:
    """Print what the looks of each exam and folder cost either way, and each of which something else is told."""
    parser = argparse.ArgumentParser(prog="python -m bench.looks", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, action="append", required=True, help="a folder of labelled data; may be given several times")
    parser.add_argument("--limit", action="append", default=[], metavar="NAME=VALUE", help="a limit of the other way")
    parser.add_argument("--exam", action="append", default=[], help="only this exam, and no labelled pictures; may be given several times")
    parser.add_argument("--clips", action="store_true", help="ten seconds of each picture of phone/, too")
    options = parser.parse_args(arguments)
    cv2.setNumThreads(1)
    settings = load_settings(_env_file=None)
    other = load_settings(_env_file=None, **{name.lower(): value for name, value in (one.split("=", 1) for one in options.limit)})
    models = Models()
    models.load(settings)
    if models.persons is None or not models.persons.sees_objects:
        print("No model sees persons and phones; run ./setup.sh", file=sys.stderr)
        return 1
    answers: Answers = {}
    ways = [Way(models.persons, limits, answers) for limits in (settings, other)]
    compared: dict[str, Compared] = {}
    try:
        for data in options.data:
            sources = [exams(data, settings, models, options.exam)] if (data / "scenarios").is_dir() else []
            sources += [] if options.exam else [labelled(data.resolve(), settings, models, options.clips)]
            for source in sources:
                for name, what, image, at, gaze in source:
                    compared.setdefault(name, Compared(name)).take(ways, what, image, at, gaze)
                    answers.clear()
    except ProctorError as error:
        print(error.message, file=sys.stderr)
        return 1
    finally:
        models.close()
    for one in compared.values():
        print("\n".join(one.table()))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
