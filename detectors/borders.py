"""The camera's picture inside a frame or border: of a virtual camera, a letter- or pillarbox, a window within a window.

A border never moves while the picture in it does, and where the two meet is a straight edge as long as the picture. Whatever the border looks like:
what stands still for as long as this lasts holds nobody. As soon as something moves in it, it is none.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

Image = npt.NDArray[np.uint8]
Levels = npt.NDArray[np.float32]

SIDE = 160  # pixels of the longer side at which borders are looked for
STILL = 10.0  # grey levels: H.264 and JPEG change a border by less, also beside somebody who moves
QUIET_SHARE = 0.02  # of a row or column that may change all the same
LEARN_S = 2.0  # of pictures, and at least so many of them, after which a border is looked for
LEARN_PICTURES = 6
AGAIN_S = 4.0
EVERY_S = 1.0  # one picture, once it is learnt
LEAST_SIDE = 0.5  # of the whole, that the picture inside has: a screen in the room behind is smaller
PLAIN_LEAST_SIDE = 0.28  # where all around it is of one colour, as no room is: 9:16 within 16:9 has 0.32, within 4:3 0.42
STEP = 5.0  # grey levels between a border and the picture in it
DRAWN = 0.85  # share of the picture's side along which there is such a step
EDGES_MAX = 4  # candidates a side, the innermost first
TAKEN_IN = 2  # pixels at `SIDE` that are left out beside the edge, with what is left of it
PLAIN = 4.0  # grey levels within which a border has one colour


@dataclass(frozen=True, slots=True)
class Area:
    """Where the camera's picture is, in pixels of the whole."""

    x1: int
    y1: int
    x2: int
    y2: int

    def cut(self, image: Image) -> Image:
        """The camera's picture, of which nothing is copied."""
        return image[self.y1 : self.y2, self.x1 : self.x2]


class Border:
    """Of one camera. Takes pictures in the order of their times."""

    def __init__(self) -> None:
        self.area: Area | None = None
        self._size = (0, 0)
        self._begin(0.0)

    def _begin(self, at: float) -> None:
        self.area = None
        self._low: Levels | None = None
        self._high: Levels | None = None
        self._count = 0
        self._taken_at = at
        self._look_at = at + LEARN_S

    def take(self, image: Image, at: float) -> Area | None:
        """Take a picture, uint8 [h, w, 3] BGR. Return where the camera's picture is in it; None where it has no border."""
        if self._size == image.shape[:2] and self._count >= LEARN_PICTURES and 0 <= at - self._taken_at < EVERY_S:
            return self.area
        small = _small(image)
        before, self._size = self._size, (image.shape[0], image.shape[1])
        if self._low is None or self._high is None or self._low.shape != small.shape:
            self._begin(at)
            self._low, self._high = small.copy(), small.copy()
            self.area = border_of(image)  # one of a single colour is seen at once
        elif before != self._size:  # of the same shape: the same picture, as long as its border stands still
            self.area = self.area and _scaled(self.area, before, image)
        np.minimum(self._low, small, out=self._low)
        np.maximum(self._high, small, out=self._high)
        self._count += 1
        self._taken_at = at
        if self.area is not None:
            if self._moves_outside(self.area, image):
                self._begin(at)
        elif at >= self._look_at and self._count >= LEARN_PICTURES:
            self.area = _found(small, _moves(self._low, self._high), image)
            self._look_at = at + AGAIN_S
        return self.area

    def _moves_outside(self, area: Area, image: Image) -> bool:
        assert self._low is not None
        assert self._high is not None
        moves = _moves(self._low, self._high)
        rows, columns = moves.shape
        height, width = image.shape[:2]
        inside = np.zeros_like(moves)
        grown = TAKEN_IN + 1  # what is left of the edge moves with the picture
        inside[
            max(0, area.y1 * rows // height - grown) : area.y2 * rows // height + 1 + grown,
            max(0, area.x1 * columns // width - grown) : area.x2 * columns // width + 1 + grown,
        ] = True
        outside = ~inside
        return bool(outside.any() and moves[outside].mean() > QUIET_SHARE)


def border_of(image: Image) -> Area | None:
    """Where the camera's picture is in a single picture with a border of one colour; None where there is no such border."""
    small = _small(image)
    level = np.concatenate([small[:2].reshape(-1, 3), small[-2:].reshape(-1, 3)])
    upright = np.concatenate([small[:, :2].reshape(-1, 3), small[:, -2:].reshape(-1, 3)])
    for edge in (np.concatenate([level, upright]), level, upright):  # all around, above and below, or beside
        colour = np.median(edge, axis=0)
        plain = float(np.percentile(np.abs(edge - colour).max(axis=1), 98)) <= PLAIN
        if plain and (area := _found(small, np.abs(small - colour).max(axis=2) > PLAIN, image, PLAIN_LEAST_SIDE)) is not None:
            return area
    return None


def _scaled(area: Area, size: tuple[int, int], image: Image) -> Area:
    """The area of a picture of this size, height and width, in one of another."""
    down, across = image.shape[0] / size[0], image.shape[1] / size[1]
    return Area(round(area.x1 * across), round(area.y1 * down), round(area.x2 * across), round(area.y2 * down))


def _moves(low: Levels, high: Levels) -> npt.NDArray[np.bool_]:
    return np.asarray((high - low).max(axis=2) > STILL)


def _small(image: Image) -> Levels:
    height, width = image.shape[:2]
    scale = SIDE / max(height, width)
    size = max(16, round(width * scale)), max(16, round(height * scale))
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.float32)


def _found(small: Levels, moves: npt.NDArray[np.bool_], image: Image, least_side: float = LEAST_SIDE) -> Area | None:
    """The rectangle in which everything moves, out to where its edges are drawn."""
    rows, columns = small.shape[:2]
    busy_rows = np.flatnonzero(moves.mean(axis=1) > QUIET_SHARE)
    busy_columns = np.flatnonzero(moves.mean(axis=0) > QUIET_SHARE)
    if not len(busy_rows) or not len(busy_columns):
        return None
    top, bottom, left, right = int(busy_rows[0]), int(busy_rows[-1]) + 1, int(busy_columns[0]), int(busy_columns[-1]) + 1
    down = np.abs(np.diff(small, axis=0)).max(axis=2) >= STEP  # [row - 1]: a step between a row and the one before it
    across = np.abs(np.diff(small, axis=1)).max(axis=2) >= STEP
    down, across = _widened(down, 0), _widened(across, 1)
    tops = [*_edges(down[:, left:right], range(min(top + 1, rows - 1), 0, -1)), 0]
    bottoms = [*_edges(down[:, left:right], range(max(bottom - 1, 1), rows)), rows]
    lefts = [*_edges(across[top:bottom].T, range(min(left + 1, columns - 1), 0, -1)), 0]
    rights = [*_edges(across[top:bottom].T, range(max(right - 1, 1), columns)), columns]
    best: tuple[int, int, int, int] | None = None
    for y1, y2, x1, x2 in itertools.product(tops, bottoms, lefts, rights):
        level, upright = (y1 > 0) + (y2 < rows), (x1 > 0) + (x2 < columns)
        # All around, above and below, or beside: nobody frames a picture on one side, and a door and a table's edge are no frame.
        if level == 1 or upright == 1 or level + upright == 0 or y2 - y1 < least_side * rows or x2 - x1 < least_side * columns:
            continue
        sides = [down[edge - 1, x1:x2].mean() for edge in (y1, y2) if 0 < edge < rows]
        sides += [across[y1:y2, edge - 1].mean() for edge in (x1, x2) if 0 < edge < columns]
        # More sides that are drawn are a surer border, and of several edges one inside the other the innermost is the picture's.
        if min(sides) >= DRAWN and (best is None or _drawn(y1, y2, x1, x2, rows, columns) > _drawn(*best, rows, columns)):
            best = y1, y2, x1, x2
    if best is None:
        return None
    y1, y2, x1, x2 = best
    height, width = image.shape[:2]
    y1, x1 = (edge + TAKEN_IN if edge else 0 for edge in (y1, x1))
    y2, x2 = y2 - TAKEN_IN if y2 < rows else rows, x2 - TAKEN_IN if x2 < columns else columns
    return Area(round(x1 * width / columns), round(y1 * height / rows), round(x2 * width / columns), round(y2 * height / rows))


def _widened(steps: npt.NDArray[np.bool_], axis: int) -> npt.NDArray[np.bool_]:
    """Steps with those beside them across the edge: an edge between two pixels is in either."""
    wide = steps.copy()
    if axis == 0:
        wide[1:] |= steps[:-1]
        wide[:-1] |= steps[1:]
    else:
        wide[:, 1:] |= steps[:, :-1]
        wide[:, :-1] |= steps[:, 1:]
    return wide


def _edges(steps: npt.NDArray[np.bool_], places: range) -> list[int]:
    """Of the places outwards from what moves those at which a step is drawn along it, the innermost first."""
    return [place for place in places if steps[place - 1].mean() >= DRAWN][:EDGES_MAX]


def _drawn(y1: int, y2: int, x1: int, x2: int, rows: int, columns: int) -> tuple[int, int]:
    return (y1 > 0) + (y2 < rows) + (x1 > 0) + (x2 < columns), -(y2 - y1) * (x2 - x1)
