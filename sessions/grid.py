"""A picture as a grid of mean grey levels, in which a camera's noise is averaged away: what it shows beside persons, and in what light. Pure."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from basics.readings import Box

Image = npt.NDArray[np.uint8]
Levels = npt.NDArray[np.float32]
Cells = npt.NDArray[np.bool_]

CELLS = (32, 24)
CELL_PX = 5
AROUND = 0.03  # of a person's box, that is left out with it
HEAD = (0.4, 0.2)  # of the box's height and width: so far down, and so wide on each side, is room beside a head
LEAST_CELLS = 24  # of the background; of less no room is known again
BURNT = 245
GAIN = (0.6, 1.6)  # by which a camera that adapts brightens or darkens a room when somebody leaves it
OFFSET = 20.0


def levels(image: Image) -> Levels:
    """Mean grey levels [24, 32] of green, which is close to luminance."""
    return np.asarray(cv2.resize(np.ascontiguousarray(image[:, :, 1]), CELLS, interpolation=cv2.INTER_AREA), np.float32)


def sharpness(image: Image, cells: Cells) -> float:
    """Grey levels of the second derivative at the sharpest twentieth of `cells`, in a thumbnail of five pixels a cell: a camera's noise is 1 to 2."""
    size = CELLS[0] * CELL_PX, CELLS[1] * CELL_PX
    small = cv2.resize(np.ascontiguousarray(image[:, :, 1]), size, interpolation=cv2.INTER_AREA).astype(np.float32)
    edges = np.abs(cv2.Laplacian(cv2.GaussianBlur(small, (3, 3), 0), cv2.CV_32F))
    return float(np.percentile(edges[np.kron(cells, np.ones((CELL_PX, CELL_PX), np.bool_))], 95)) if cells.any() else 0.0


def brightening(was: Levels, now: Levels) -> tuple[float, float]:
    """The gain and the offset that make most of `now` out of `was`, within what a camera does."""
    told = np.maximum(was, now) < BURNT
    if int(told.sum()) < LEAST_CELLS:
        return 1.0, 0.0
    was, now = was[told], now[told]
    apart = was - was.mean()
    gain = float(np.clip((apart * (now - now.mean())).sum() / max(float((apart**2).sum()), 1.0), *GAIN))
    return gain, float(np.clip(np.median(now - gain * was), -OFFSET, OFFSET))


def free_of(image: Image, persons: tuple[Box, ...]) -> Cells:
    """The cells in which no person is."""
    height, width = image.shape[:2]
    free = np.ones((CELLS[1], CELLS[0]), np.bool_)
    for box in persons:
        x, y = AROUND * box.width, AROUND * box.height
        head = HEAD[1] * box.width
        _leave_out(free, (box.x1 - x + head) / width, (box.y1 - y) / height, (box.x2 + x - head) / width, (box.y2 + y) / height)
        _leave_out(free, (box.x1 - x) / width, (box.y1 + HEAD[0] * box.height) / height, (box.x2 + x) / width, (box.y2 + y) / height)
    return free


def cells_of(image: Image, box: Box) -> Cells:
    """The cells that lie in a box; of one that holds fewer than four those that it touches."""
    height, width = image.shape[:2]
    columns, rows = np.array(CELLS) / (width, height)
    edges = np.array([box.x1 * columns, box.y1 * rows, box.x2 * columns, box.y2 * rows])
    x1, y1, x2, y2 = np.concatenate([np.ceil(edges[:2]), np.floor(edges[2:])]).clip(0).astype(int)
    if max(0, x2 - x1) * max(0, y2 - y1) < 4:
        x1, y1, x2, y2 = np.concatenate([np.floor(edges[:2]), np.ceil(edges[2:])]).clip(0).astype(int)
    inside = np.zeros((CELLS[1], CELLS[0]), np.bool_)
    inside[y1:y2, x1:x2] = True
    return inside


def _leave_out(free: Cells, x1: float, y1: float, x2: float, y2: float) -> None:
    """Leave out the cells of an area in shares of the picture."""
    rows, columns = free.shape
    free[max(0, int(y1 * rows)) : max(0, int(np.ceil(y2 * rows))), max(0, int(x1 * columns)) : max(0, int(np.ceil(x2 * columns)))] = False
