"""Whether LiteRT reads every face as MediaPipe's graph does, and what each takes. Needs the package mediapipe.

venv/bin/python -m bench.backends --data DIR [--data DIR …] [--only pictures|exams|cost] [--way NAME …] [--every N] [--students N]

Pictures and every frame of the exams are read by both, as they are and made worse; the readings that differ are named with their numbers.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import cv2
import numpy as np
import psutil

from basics.errors import ProctorError
from basics.paths import ROOT
from basics.readings import GazeReading
from bench.changes import DEGRADATIONS
from bench.harness.footage import pictures, scenarios
from bench.harness.pictures import Change, Image, rows_of
from detectors.face_backends import open_face_models
from detectors.face_models import FaceModels
from detectors.faces import FaceFinder
from gaze_direction import GazeDetector
from settings.models import GazeBackend, ModelSettings

BACKENDS: tuple[GazeBackend, GazeBackend] = ("litert", "mediapipe")
TASKS = ("gaze", "fairness", "persons", "phone")
SHOWN = 20  # differing readings that are named
WARM_UP, MEASURED = 10, 200  # pictures of a video
STARTED_PICTURES = 5  # that each of many students is read before memory is looked at
MEGABYTE = 1e6


def tiny(image: Image) -> Image:
    """As a camera of 160×120 gives it."""
    scale = min(1.0, 160 / image.shape[1], 120 / image.shape[0])
    return np.asarray(cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), np.uint8)


def noisy(image: Image) -> Image:
    """A sensor at its limit: noise of 20 grey steps."""
    return np.asarray(np.clip(image + np.random.default_rng(4).normal(0, 20, image.shape), 0, 255), np.uint8)


WAYS: dict[str, Change | None] = {way.name: way.picture for way in DEGRADATIONS if not (way.sound or way.fps)} | {"160×120": tiny, "noise": noisy}


@dataclass(slots=True)
class Compared:
    """Readings of both of the same pictures: how many, how many directions and reasons are the same, degrees between the two gazes."""

    n: int = 0
    same: int = 0
    degrees: list[float] = field(default_factory=list)
    differing: list[str] = field(default_factory=list)

    def add(self, name: str, one: GazeReading, other: GazeReading) -> None:
        self.n += 1
        if (one.direction, one.reason) == (other.direction, other.reason):
            self.same += 1
        else:
            self.differing.append(f"    {name}: {BACKENDS[0]} {_said(one)}, {BACKENDS[1]} {_said(other)}")
        if "gaze_x_deg" in one.numbers and "gaze_x_deg" in other.numbers:
            self.degrees.append(max(abs(one.numbers[axis] - other.numbers[axis]) for axis in ("gaze_x_deg", "gaze_y_deg")))

    def line(self, name: str) -> str:
        middle, most = np.percentile(self.degrees, (50, 95)) if self.degrees else (0.0, 0.0)
        return f"  {name:<36}{self.same} of {self.n} the same; gaze apart by {middle:.2f}° at the median, {most:.2f}° at the 95th percentile"


def compare_pictures(data: Sequence[Path], change: Change | None) -> Compared:
    """Every labelled picture by itself."""
    compared = Compared()
    one, other = (_detector(backend, still=True) for backend in BACKENDS)
    with closing(one), closing(other):
        for folder in data:
            for task in TASKS:
                for row, picture in rows_of(folder, task, change):
                    compared.add(f"{folder.name}/{row['file']}", one.read(picture, 0.0), other.read(picture, 0.0))
    return compared


def compare_exams(data: Sequence[Path], change: Change | None, every: int) -> tuple[Compared, Compared]:
    """Every so many frames of the exams, each exam's student followed; and the graph with itself, one pixel of each picture a grey step off.

    Where a face is followed, rounding goes on from picture to picture: what such a pixel does to the graph is more than anybody can promise.
    """
    compared, control = Compared(), Compared()
    for scenario in (one for folder in data for one in scenarios(folder)):
        ours, graph, nudged = (_detector(backend, still=False) for backend in (*BACKENDS, BACKENDS[1]))
        with closing(ours), closing(graph), closing(nudged):
            for number, (at, image) in enumerate(pictures(scenario.folder / "video.mp4")):
                if number % every:
                    continue
                picture = change(image) if change else image
                reading = graph.read(picture, at)
                compared.add(f"{scenario.name} {at:.1f} s", ours.read(picture, at), reading)
                picture = picture.copy()
                picture[picture.shape[0] // 2, picture.shape[1] // 2] ^= 1
                control.add(f"{scenario.name} {at:.1f} s", nudged.read(picture, at), reading)
    return compared, control


def cost(video: Path) -> dict[str, float]:
    """CPU ms (all threads of the process) of a reading of one student who is followed, by each, picture by picture in turn."""
    images = [(at, image) for _, (at, image) in zip(range(WARM_UP + MEASURED), pictures(video), strict=False)]
    spent = dict.fromkeys(BACKENDS, 0.0)
    detectors = {backend: _detector(backend, still=False) for backend in BACKENDS}
    for number, (at, image) in enumerate(images):
        for backend in BACKENDS:
            begun = time.process_time()
            detectors[backend].read(image, at)
            if number >= WARM_UP:
                spent[backend] += time.process_time() - begun
    for detector in detectors.values():
        detector.close()
    return {backend: 1000 * seconds / max(1, len(images) - WARM_UP) for backend, seconds in spent.items()}


def weigh(backend: GazeBackend, video: Path, students: int) -> dict[str, float]:
    """MB and threads of this process for one student, and for so many more."""
    images = [(at, image) for _, (at, image) in zip(range(STARTED_PICTURES), pictures(video), strict=False)]
    me = psutil.Process()
    start = time.perf_counter()
    models = open_face_models(ModelSettings(gaze_backend=backend))
    finder = FaceFinder(models=models)
    kept: list[GazeDetector] = []
    held: list[tuple[int, int]] = []
    for _ in range(1 + students):
        kept.append(GazeDetector(finder=finder, models=models))
        for at, image in images:
            kept[-1].read(image, at)
        if not held:
            started = time.perf_counter() - start
            held.append((me.memory_info().rss, me.num_threads()))
    held.append((me.memory_info().rss, me.num_threads()))
    (first, threads), (all_of_them, all_threads) = held
    return {"start_s": started, "first_mb": first / MEGABYTE, "more_mb": (all_of_them - first) / MEGABYTE, "more_threads": all_threads - threads}


def _weighed(backend: GazeBackend, video: Path, students: int) -> dict[str, float]:
    command = [sys.executable, "-m", "bench.backends", "--weigh", backend, "--data", str(video), "--students", str(students)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return dict(json.loads(done.stdout.splitlines()[-1]))


def _detector(backend: GazeBackend, *, still: bool) -> GazeDetector:
    return GazeDetector(still=still, models=_models(backend))


@cache
def _models(backend: GazeBackend) -> FaceModels:
    return open_face_models(ModelSettings(gaze_backend=backend))


def _said(reading: GazeReading) -> str:
    numbers = {name: reading.numbers[name] for name in ("gaze_x_deg", "gaze_y_deg", "yaw_deg", "eye_open") if name in reading.numbers}
    return f"{reading.direction} {reading.reason} {numbers}"


def _lines(arguments: argparse.Namespace) -> Iterator[str]:
    ways = {name: WAYS[name] for name in arguments.way or WAYS}
    if arguments.only in (None, "pictures"):
        yield "Labelled pictures, each by itself"
        for name, change in ways.items():
            compared = compare_pictures(arguments.data, change)
            yield from (compared.line(name), *compared.differing[:SHOWN])
    if arguments.only in (None, "exams"):
        yield f"Exams, one frame in {arguments.every}"
        for name, change in ways.items():
            compared, control = compare_exams(arguments.data, change, arguments.every)
            yield from (compared.line(name), *compared.differing[:SHOWN], control.line(f"{name}, graph nudged"))
    if arguments.only in (None, "cost"):
        video = next(one.folder / "video.mp4" for folder in arguments.data for one in scenarios(folder))
        yield f"Cost in {video.parent.name}"
        spent = cost(video)
        yield f"  CPU, one reading: {spent['litert']:.2f} against {spent['mediapipe']:.2f} ms: {spent['litert'] / spent['mediapipe']:.2f} of it"
        for backend in BACKENDS:
            held = _weighed(backend, video, arguments.students)
            yield (
                f"  {backend}: the first student {held['first_mb']:.0f} MB, read after {held['start_s']:.2f} s; "
                f"{arguments.students} more take {held['more_mb']:.0f} MB and {held['more_threads']:.0f} threads"
            )


def main() -> int:
    """Print the tables; the exit status is 2 where the data or the package mediapipe are missing."""
    parser = argparse.ArgumentParser(prog="python -m bench.backends", description="Compare LiteRT's readings with those of MediaPipe's graph.")
    parser.add_argument("--data", type=Path, action="append", required=True, help="folder of labelled data; may be given more than once")
    parser.add_argument("--only", choices=("pictures", "exams", "cost"), help="only this part")
    parser.add_argument("--way", choices=WAYS, action="append", help="only this change of the pictures; may be given more than once")
    parser.add_argument("--every", type=int, default=1, help="read one frame of the exams in so many")
    parser.add_argument("--students", type=int, default=60, help="more students whose memory is measured")
    parser.add_argument("--weigh", choices=BACKENDS, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    try:
        if arguments.weigh:
            print(json.dumps(weigh(arguments.weigh, arguments.data[0], arguments.students)))
            return 0
        for line in _lines(arguments):
            print(line, flush=True)
    except ProctorError as error:
        print(error.message, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
