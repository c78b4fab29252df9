"""How well `GazeDetector` reads labelled single pictures, and whether it treats all groups alike.

    python -m bench.gaze_task --data ../shared/data

Each picture is read by itself, with no track and no learnt rest: what a session would say of its first picture.
"""

from __future__ import annotations

import argparse
import csv
import json
import math
import statistics
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from errors import InvalidInput
from gaze_direction import GazeDetector
from readings import GazeReading

DISTRACTED = ("left", "right", "down")
JUDGED = ("focused", *DISTRACTED)  # the labels the standard speaks of; `closed` is counted beside them
LABELS = (*JUDGED, "closed")


@dataclass(frozen=True, slots=True)
class Judged:
    """One labelled picture as it was read. `cost_ms` is the wall time of the reading."""

    row: dict[str, str]
    reading: GazeReading
    cost_ms: float


def run_gaze(data: Path) -> dict[str, Any]:
    """Read the pictures of gaze/labels.csv under `data`; shares are 0..1.

    `n` and `accuracy` are of focused, left, right and down (an unknown is not right). `false_distracted` is the share of focused and
    closed pictures read as left, right or down; `missed_distracted` the share of left, right and down pictures read as focused, closed
    or none; `unknown` the share of unknowns in all pictures. `by_label` has `closed` too.
    """
    return _gaze_figures(list(_read_all(data, "gaze")))


def run_fairness(data: Path) -> dict[str, Any]:
    """Read the pictures of fairness/labels.csv under `data` (all of them focused).

    `face_gap_points` is the widest gap between groups of faces found, in percentage points; `distracted_ratio` the highest group's share of
    false distracted over the lowest's (1 where there is none at all; half a picture is added to each group where one has none).
    """
    return _fairness_figures(list(_read_all(data, "fairness")))


def wilson(right: int, n: int) -> tuple[float, float]:
    """The 95 % Wilson interval of `right` in `n`, as shares 0..1 (Wilson 1927)."""
    if n == 0:
        return 0.0, 1.0
    z = 1.96
    share = right / n
    middle = (share + z * z / (2 * n)) / (1 + z * z / n)
    reach = z * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    return max(0.0, middle - reach), min(1.0, middle + reach)


def _read_all(data: Path, task: str) -> Iterator[Judged]:
    listing = data / task / "labels.csv"
    if not listing.is_file():
        raise InvalidInput(f"There is no {listing}. Give the folder that holds gaze/ and fairness/ with --data.")
    detector = GazeDetector(still=True)
    try:
        with listing.open(newline="", encoding="utf-8") as lines:
            for number, row in enumerate(csv.DictReader(lines)):
                image = cv2.imread(str(data / row["file"]))
                if image is None:
                    raise InvalidInput(f"{data / row['file']} (row {number + 2} of {listing}) is missing or no picture.")
                picture = np.asarray(image, dtype=np.uint8)
                if number == 0:
                    detector.read(picture, 0.0)  # the first call loads the models
                started = time.perf_counter()
                reading = detector.read(picture, float(number))
                yield Judged(row, reading, (time.perf_counter() - started) * 1000)
    finally:
        detector.close()


def _gaze_figures(judged: list[Judged]) -> dict[str, Any]:
    by_label: dict[str, dict[str, int]] = {label: {"n": 0, "right": 0} for label in LABELS}
    seen: Counter[tuple[str, str]] = Counter()
    for one in judged:
        label, direction = one.row["label"], one.reading.direction
        seen[label, direction] += 1
        by_label[label]["n"] += 1
        by_label[label]["right"] += label == direction
    n = sum(by_label[label]["n"] for label in JUDGED)
    calm = sum(by_label[label]["n"] for label in ("focused", "closed"))
    away = sum(by_label[label]["n"] for label in DISTRACTED)
    false = sum(seen[label, direction] for label in ("focused", "closed") for direction in DISTRACTED)
    missed = sum(seen[label, direction] for label in DISTRACTED for direction in ("focused", "closed", "none"))
    unknown = sum(one.reading.direction == "unknown" for one in judged)
    return {
        "n": n,
        "accuracy": sum(by_label[label]["right"] for label in JUDGED) / max(n, 1),
        "false_distracted": false / max(calm, 1),
        "missed_distracted": missed / max(away, 1),
        "unknown": unknown / max(len(judged), 1),
        "by_label": by_label,
    }


def _fairness_figures(judged: list[Judged]) -> dict[str, Any]:
    groups: dict[str, dict[str, int]] = defaultdict(lambda: {"n": 0, "face_found": 0, "false_distracted": 0})
    for one in judged:
        group = groups[one.row["group"]]
        group["n"] += 1
        group["face_found"] += one.reading.box is not None
        group["false_distracted"] += one.reading.direction in DISTRACTED
    found = [group["face_found"] / group["n"] for group in groups.values()] or [0.0]
    counts = [group["false_distracted"] for group in groups.values()]
    half = 0.5 if any(counts) and not all(counts) else 0.0
    shares = [(group["false_distracted"] + half) / (group["n"] + 2 * half) for group in groups.values()]
    return {
        "groups": dict(groups),
        "face_gap_points": 100 * (max(found) - min(found)),
        "distracted_ratio": max(shares) / min(shares) if any(counts) else 1.0,
    }


def _confusion(judged: list[Judged]) -> str:
    columns = [*LABELS, "none", "unknown"]
    seen = Counter((one.row["label"], str(one.reading.direction)) for one in judged)
    lines = ["label \\ read" + "".join(f"{column:>9}" for column in columns)]
    lines += [f"{label:12}" + "".join(f"{seen[label, column]:9}" for column in columns) for label in LABELS]
    return "\n".join(lines)


def _wrong(judged: list[Judged]) -> str:
    """The pictures read wrongly, by person."""
    people: dict[str, list[str]] = defaultdict(list)
    for one in judged:
        if one.reading.direction != one.row["label"]:
            people[one.row["subject"]].append(f"{Path(one.row['file']).stem} → {one.reading.direction} {one.reading.reason}".rstrip())
    return "\n".join(f"  {subject}: " + ", ".join(files) for subject, files in sorted(people.items()))


def _share(right: int, n: int) -> str:
    low, high = wilson(right, n)
    return f"{right}/{n} = {100 * right / max(n, 1):.1f} % ({100 * low:.1f}..{100 * high:.1f})"


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure the gaze detector on labelled single pictures.")
    parser.add_argument("--data", type=Path, default=Path("../shared/data"), help="folder with gaze/ and fairness/")
    parser.add_argument("--json", action="store_true", help="print the figures as JSON only")
    options = parser.parse_args()
    cv2.setNumThreads(1)
    gaze, fairness = list(_read_all(options.data, "gaze")), list(_read_all(options.data, "fairness"))
    figures, fair = _gaze_figures(gaze), _fairness_figures(fairness)
    cost_ms = statistics.median(one.cost_ms for one in gaze + fairness)
    if options.json:
        print(json.dumps({"gaze": figures, "fairness": fair, "cost_ms": round(cost_ms, 2)}))
        return
    by_label = figures["by_label"]
    print("gaze, right (95 % Wilson interval)")
    print("  all four    " + _share(sum(by_label[label]["right"] for label in JUDGED), figures["n"]))
    for label in LABELS:
        print(f"  {label:12}" + _share(by_label[label]["right"], by_label[label]["n"]))
    calm = by_label["focused"]["n"] + by_label["closed"]["n"]
    away = sum(by_label[label]["n"] for label in DISTRACTED)
    print("  false distracted  " + _share(round(figures["false_distracted"] * calm), calm))
    print("  missed distracted " + _share(round(figures["missed_distracted"] * away), away))
    print("  unknown           " + _share(round(figures["unknown"] * len(gaze)), len(gaze)))
    print(_confusion(gaze))
    print("wrong, by person\n" + _wrong(gaze))
    print("fairness, focused pictures")
    for name, group in sorted(fair["groups"].items()):
        found, false = _share(group["face_found"], group["n"]), _share(group["false_distracted"], group["n"])
        print(f"  {name:7} face found {found}  false distracted {false}")
    print(f"  widest gap of faces found {fair['face_gap_points']:.1f} points, ratio of false distracted {fair['distracted_ratio']:.2f}")
    print(f"median cost {cost_ms:.1f} ms a picture, face found anew in each")


if __name__ == "__main__":
    main()
