"""Labelled single pictures, as they are or changed by a function."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from basics.errors import InvalidInput

Image = npt.NDArray[np.uint8]  # [h, w, 3] BGR
Change = Callable[[Image], Image]


def labels(data: Path, task: str) -> list[dict[str, str]]:
    """The rows of `data`/`task`/labels.csv. Raise `InvalidInput` where there is none."""
    listing = data / task / "labels.csv"
    if not listing.is_file():
        raise InvalidInput(f"There is no {listing}. Give a folder laid out as the README of the labelled data says with --data.")
    with listing.open(newline="", encoding="utf-8") as lines:
        return list(csv.DictReader(lines))


def rows_of(data: Path, task: str, change: Change | None = None) -> Iterator[tuple[dict[str, str], Image]]:
    """Each row of `data`/`task`/labels.csv with its picture. Raise `InvalidInput` for a missing or broken one."""
    for number, row in enumerate(labels(data, task)):
        picture = picture_of(data / row["file"], f" (row {number + 2} of {task}/labels.csv)")
        yield row, picture if change is None else change(picture)


def picture_of(path: Path, where: str = "") -> Image:
    """One picture; `where` it is named, for the message. Raise `InvalidInput` for a missing or broken one."""
    image = cv2.imread(str(path))
    if image is None:
        raise InvalidInput(f"{path}{where} is missing or no picture.")
    return np.asarray(image, dtype=np.uint8)
