"""Persons and phones on labelled pictures and videos, through the product's own `PersonsModel` and `GazeDetector`.

python -m bench.persons_task --data ../shared/data --models ../shared/models
"""

from __future__ import annotations

import argparse
import csv
import json
import math
import statistics
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import av
import cv2
import numpy as np

from face_detector import PersonsModel
from gaze_direction import GazeDetector
from person_finders import Backend, Image
from readings import GazeReading, PersonsReading

MANY = 2  # counts from here up are one label: two or more


@dataclass(frozen=True, slots=True)
class Look:
    """One labelled picture and what the product read; `ms` is the cost of `PersonsModel.look` alone, in CPU time."""

    file: str
    label: int
    reading: PersonsReading
    ms: float

    @property
    def counted(self) -> int | None:
        """The count as labelled: 0, 1, 2 for two or more, None for unknown."""
        return None if self.reading.count is None else min(MANY, self.reading.count)


def looks(data: Path, table: str, column: str, model: PersonsModel) -> list[Look]:
    """Read every picture of `data/<table>/labels.csv`, each as the first one of a session."""
    with (data / table / "labels.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    results = []
    for row in rows:
        image = cv2.imread(str(data / row["file"]))
        if image is None:
            raise SystemExit(f"{data / row['file']} can't be read as a picture")
        detector = GazeDetector()
        gaze = detector.read(image, 0.0)
        detector.close()
        results.append(_look(row["file"], int(row[column]), model, image, gaze))
    return results


def run_persons(data: Path, models: Path, backend: Backend = "onnx") -> dict[str, float]:
    """0, 1 or more persons right; `false_extra` of the pictures with fewer than two, `false_absent` of those with somebody.

    `accuracy` counts unknown as wrong; the four errors are numbers of pictures.
    """
    return persons_figures(looks(data, "persons", "count", _model(models, backend)))


def run_phone(data: Path, models: Path) -> dict[str, float]:
    """Precision and recall of pictures with a phone; unknown counts as no phone."""
    return phone_figures(looks(data, "phone", "phone", _model(models)))


def run_cost(data: Path, models: Path) -> dict[str, float]:
    """Median and mean CPU ms of a look into the scenarios' videos, every 2 s: mostly one student, as in an exam."""
    model = _model(models)
    times = [seen.look.ms for folder in sorted((data / "scenarios").iterdir()) for seen in watch(folder, model)]
    return {"n": len(times), "median_ms": statistics.median(times), "mean_ms": statistics.fmean(times)}


def persons_figures(results: list[Look]) -> dict[str, float]:
    """See `run_persons`."""
    return {
        "n": len(results),
        "accuracy": sum(look.counted == look.label for look in results) / max(1, len(results)),
        "false_extra": sum(look.counted == MANY and look.label < MANY for look in results),
        "missed_extra": sum(look.counted != MANY and look.label == MANY for look in results),
        "false_absent": sum(look.counted == 0 and look.label > 0 for look in results),
        "missed_absent": sum(look.counted != 0 and look.label == 0 for look in results),
    }


def phone_figures(results: list[Look]) -> dict[str, float]:
    """See `run_phone`."""
    said = [look for look in results if look.reading.phone]
    right, shown = sum(look.label == 1 for look in said), sum(look.label == 1 for look in results)
    return {"n": len(results), "precision": right / len(said) if said else 1.0, "recall": right / max(1, shown)}


@dataclass(frozen=True, slots=True)
class VideoLook:
    """One look into a scenario's video: `faces` and `phone` are what its timeline says (phone None where it doesn't say)."""

    faces: int
    phone: bool | None
    look: Look


def watch(scenario: Path, model: PersonsModel, every: float = 2.0, gaze_every: float = 0.2) -> Iterator[VideoLook]:
    """Look into a scenario's video every `every` seconds, with gaze read all along as the server does."""
    segments = json.loads((scenario / "expected.json").read_text(encoding="utf-8"))["segments"]
    detector, next_look, next_gaze = GazeDetector(), 0.0, 0.0
    with av.open(str(scenario / "video.mp4")) as video:
        for frame in video.decode(video=0):
            at = float(frame.time or 0.0)
            if at + 1e-6 < next_gaze:
                continue
            image = frame.to_ndarray(format="bgr24").astype(np.uint8, copy=False)
            gaze, next_gaze = detector.read(image, at), next_gaze + gaze_every
            if at + 1e-6 < next_look:
                continue
            next_look += every
            now = next((s for s in segments if s["t0"] <= at < s["t1"]), None)
            # A look within 0.3 s of a cut may show either side of it.
            if now is None or min(at - now["t0"], now["t1"] - at) < 0.3:
                continue
            phone = True if "phone" in now["note"] else None if now["gaze"] in ("down", "glance") else False
            yield VideoLook(int(now["faces"]), phone, _look(f"{scenario.name}@{at:.1f}", min(MANY, int(now["faces"])), model, image, gaze))
    detector.close()


def wilson(right: int, n: int, z: float = 1.96) -> tuple[float, float]:
    """Wilson's 95 % interval of a share."""
    if n == 0:
        return 0.0, 1.0
    share = right / n
    middle, spread = share + z * z / (2 * n), z * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    return (middle - spread) / (1 + z * z / n), (middle + spread) / (1 + z * z / n)


def _look(name: str, label: int, model: PersonsModel, image: Image, gaze: GazeReading) -> Look:
    begin = time.thread_time()
    reading = model.look(image, gaze.at, gaze)
    return Look(name, label, reading, (time.thread_time() - begin) * 1000)


def _model(models: Path, backend: Backend = "onnx") -> PersonsModel:
    return PersonsModel(models / "yolov8n.onnx", backend)


def _share(name: str, right: int, n: int) -> str:
    low, high = wilson(right, n)
    return f"  {name:<34}{right:>5} of {n:<5}{right / max(1, n):>7.1%}   ({low:.1%} to {high:.1%})"


def _cost(results: Iterable[Look]) -> str:
    times = [look.ms for look in results]
    return f"  CPU cost of a look: median {statistics.median(times):.1f} ms, mean {statistics.fmean(times):.1f}, greatest {max(times):.1f}"


def _wrong(look: Look) -> str:
    boxes = ", ".join(f"{box.confidence:.2f}" for box in look.reading.persons + look.reading.phones)
    return f"    {look.file}: {look.label}, read {look.reading.count} persons, phone {look.reading.phone} {look.reading.reason} [{boxes}]"


def main() -> None:
    """Print tables of shares with Wilson's intervals, and every wrong file."""
    cv2.setNumThreads(1)
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder with persons/, phone/, scenarios/")
    parser.add_argument("--models", type=Path, default=Path("models"), help="folder with yolov8n.onnx")
    parser.add_argument("--backend", choices=("onnx", "ultralytics", "facemesh"), default="onnx")
    parser.add_argument("--no-videos", action="store_true")
    given = parser.parse_args()
    model = _model(given.models, given.backend)

    persons = looks(given.data, "persons", "count", model)
    print(f"Persons ({model.backend})")
    print(_share("0, 1, more right", sum(p.counted == p.label for p in persons), len(persons)))
    few = [p for p in persons if p.label < MANY]
    print(_share("false 'more'", sum(p.counted == MANY for p in few), len(few)))
    for label, name in enumerate(("nobody", "one", "two or more")):
        kind = [p for p in persons if p.label == label]
        print(_share(f"  {name} right", sum(p.counted == label for p in kind), len(kind)))
    print(_cost(persons), *(_wrong(p) for p in persons if p.counted != p.label), sep="\n")

    phones = looks(given.data, "phone", "phone", model)
    said, shown = [p for p in phones if p.reading.phone], [p for p in phones if p.label]
    print("Phones")
    print(_share("precision", sum(p.label for p in said), len(said)))
    print(_share("recall", sum(p.label for p in said), len(shown)))
    print(_cost(phones), *(_wrong(p) for p in phones if bool(p.reading.phone) != bool(p.label)), sep="\n")

    for folder in () if given.no_videos else sorted((given.data / "scenarios").iterdir()):
        seen = list(watch(folder, model))
        wrong = [v.look.counted is not None and v.look.counted != v.look.label for v in seen]
        print(f"{folder.name}: a look every 2 s")
        print(_share("persons right", len(seen) - sum(wrong), len(seen)))
        print(f"  two wrong looks running: {sum(a and b for a, b in pairwise(wrong))}")
        for phone, name in ((True, "phone found while held"), (False, "phone said of none")):
            moments = [v for v in seen if v.phone is phone]
            print(_share(name, sum(bool(v.look.reading.phone) for v in moments), len(moments)))
        print(_cost(v.look for v in seen))
        print(
            *(_wrong(v.look) for v, bad in zip(seen, wrong, strict=True) if bad or (v.phone is not None and v.phone != bool(v.look.reading.phone))),
            sep="\n",
        )


if __name__ == "__main__":
    main()
