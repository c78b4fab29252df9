"""Looks to the side of people with masks over their faces, drawn on labelled pictures: is any read as one to the opposite side?

venv/bin/python -m bench.masks --data DIR [--data DIR]

Few labelled people wear masks. A drawn one hides the same landmarks; how real ones look by themselves it does not show.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from basics.errors import ProctorError
from bench.harness.figures import line
from bench.harness.pictures import Image, rows_of
from detectors.faces import FaceFinder
from gaze_direction import GazeDetector
from settings.settings import Settings, load_settings

COLOURS = {"white": (225, 225, 222), "blue": (200, 180, 130), "black": (38, 36, 36)}  # BGR
SWAPPED = {"left": "right", "right": "left"}

# Where a mask has its edges: over the cheeks and the nose's bridge, and along the jaw. Landmark numbers of FaceMesh.
_TOP = (227, 116, 117, 118, 100, 126, 198, 197, 419, 355, 329, 347, 346, 345, 447)
_JAW = (454, 323, 361, 288, 397, 365, 379, 378, 400, 377, 152, 148, 176, 149, 150, 136, 172, 58, 132, 93, 234)
_TIP, _BRIDGE, _CHIN, _SIDES = 1, 197, 152, (234, 454)
_CHEEKS = (117, 346, 36, 266)


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the figures."""
    parser = argparse.ArgumentParser(prog="python -m bench.masks", description="Measure looks to the side of masked people.")
    parser.add_argument("--data", type=Path, action="append", required=True, help="a folder laid out as its README says; may be given again")
    options = parser.parse_args(arguments)
    try:
        read = [one for data in options.data for one in read_masked(data, load_settings())]
    except ProctorError as error:
        print(error, file=sys.stderr)
        return 1
    print("\n".join(table(read)))
    return 0


def read_masked(data: Path, settings: Settings) -> Iterator[tuple[str, str, str]]:
    """Each look to the left or right with each mask on: its file with the mask's colour, its label, and what was read."""
    with closing(FaceFinder(settings)) as finder, closing(GazeDetector(settings, still=True, finder=finder)) as detector:
        for row, picture in rows_of(data, "gaze"):
            if row["label"] not in SWAPPED or "mask=yes" in row["group"]:
                continue
            points, _ = finder.look(picture)
            if points is None:
                continue
            for name, colour in COLOURS.items():
                yield f"{row['file']} ({name})", row["label"], str(detector.read(masked(picture, points, colour), 0.0).direction)


def masked(image: Image, points: npt.NDArray[np.float64], colour: tuple[int, int, int]) -> Image:
    """The picture with a mask over the lower half of the face and the nose, in the light of the picture."""
    flat = points[:468, :2]
    middle, sides = flat.mean(axis=0), flat[list(_SIDES)]
    tip = flat[_TIP] + 0.12 * (flat[_TIP] - sides.mean(axis=0))
    edge = np.array([*flat[list(_TOP)], *(middle + 1.08 * (flat[list(_JAW)] - middle))], np.int32)
    nose = cv2.convexHull(np.array([flat[_BRIDGE], tip, flat[_CHIN] + tip - flat[_TIP], *flat[list(_CHEEKS)]], np.int32))
    covered = np.zeros(image.shape[:2], np.uint8)
    for part in (edge, nose):
        cv2.fillPoly(covered, [part], 255)
    blur = max(1.0, float(np.linalg.norm(sides[1] - sides[0])) / 8)
    light = cv2.GaussianBlur(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), (0, 0), blur).astype(np.float32)[..., None] / 140
    return np.where(covered[..., None] > 0, np.clip(np.array(colour, np.float32) * light, 0, 255), image).astype(np.uint8)


def table(read: Sequence[tuple[str, str, str]]) -> list[str]:
    """How many are right, unknown and of the opposite side, and what the others are read as."""
    n = len(read)
    lines = ["Looks to the side with a drawn mask", line("right", sum(label == said for _, label, said in read), n)]
    lines += [line("unknown", sum(said == "unknown" for *_, said in read), n)]
    lines += [line("the opposite side", sum(SWAPPED[label] == said for _, label, said in read), n)]
    others = Counter(said for _, label, said in read if said not in SWAPPED and said != "unknown")
    lines += [f"  {said}: {count}" for said, count in sorted(others.items())]
    return lines + [f"  {file} → {said}" for file, label, said in read if SWAPPED[label] == said]


if __name__ == "__main__":
    sys.exit(main())
