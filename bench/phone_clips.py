"""Phones and what is held like one, for ten seconds each, by the rules: `python -m bench.phone_clips --data ../shared/data --data ../shared/data2`.

Made of the labelled single pictures of phone/: each moves, turns, comes nearer and goes away a little, as a camera sees who sits there.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

from bench.harness.figures import line
from bench.harness.pictures import Image, rows_of
from face_detector import PersonsModel
from gaze_direction import GazeDetector
from score import Scorer
from scoring.rules import Rules
from sessions.models import Models
from settings.settings import load_settings

LOOKS = 6  # every two seconds, in ten
JPEG_QUALITY = 70


def ten_seconds(image: Image, seed: int) -> Iterator[Image]:
    """What a camera gives of this picture every two seconds, sent as JPEG."""
    random = np.random.default_rng(seed)
    height, width = image.shape[:2]
    x = y = 0.0
    scale = 1.0
    for _ in range(LOOKS):
        x, y = np.clip(x + random.normal(0, 0.02), -0.05, 0.05), np.clip(y + random.normal(0, 0.015), -0.03, 0.03)
        scale = float(np.clip(scale * np.exp(random.normal(0, 0.04)), 0.88, 1.15))
        turn = cv2.getRotationMatrix2D((width / 2, height / 2), random.normal(0, 2), scale)
        turn[:, 2] += x * width, y * height
        moved = cv2.warpAffine(image, turn, (width, height), borderMode=cv2.BORDER_REFLECT)
        shown = np.clip(moved * np.exp(random.normal(0, 0.06)) + random.normal(0, 2.5, moved.shape), 0, 255).astype(np.uint8)
        sent = cv2.imdecode(cv2.imencode(".jpg", shown, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])[1], cv2.IMREAD_COLOR)
        yield np.asarray(sent, dtype=np.uint8)


def counts(model: PersonsModel, gaze: GazeDetector, rules: Rules, image: Image, seed: int) -> bool:
    """Whether ten seconds of this picture are a phone by the rules."""
    scorer = Scorer(rules)
    for number, shown in enumerate(ten_seconds(image, seed)):
        read = gaze.read(shown, 2.0 * number)
        scorer.take_picture(read, model.look(shown, 2.0 * number, read))
    return any(violation.kind == "prohibited_object" for interval in scorer.results(30.0) for violation in interval.violations)


def main(arguments: list[str]) -> int:
    """Print how many clips of each kind count, and each that is wrong."""
    parser = argparse.ArgumentParser(prog="python -m bench.phone_clips", description=__doc__)
    parser.add_argument("--data", type=Path, action="append", required=True, help="a folder of labelled data; may be given several times")
    options = parser.parse_args(arguments)
    settings = load_settings()
    models = Models()
    models.load(settings)
    if models.persons is None or not models.persons.sees_objects:
        print("No model sees phones; run ./setup.sh", file=sys.stderr)
        return 1
    rules = Rules.from_settings(settings)
    gaze = GazeDetector(settings, still=True, finder=models.faces, models=models.face_models)
    right: dict[str, list[bool]] = {"1": [], "0": []}
    for data in options.data:
        for seed, (row, image) in enumerate(rows_of(data, "phone")):
            counted = counts(models.persons, gaze, rules, image, seed)
            right[row["phone"]].append(counted == (row["phone"] == "1"))
            if not right[row["phone"]][-1]:
                print(f"  wrong, {data.name}/{row['file']}: {row['note']}")
    print(line("ten seconds of a phone that count", sum(right["1"]), len(right["1"])))
    print(line("ten seconds of none that don't", sum(right["0"]), len(right["0"])))
    gaze.close()
    models.close()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
