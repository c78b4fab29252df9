"""Notices pictures that come again and again, as a loop of a recording gives them. For a person to look at: it is no proof, and counts nothing.

Two ways: the same bytes, which no camera gives twice, and the same movement, which nobody makes twice to the pixel. The second finds a loop that was
encoded anew: where somebody moves, a picture of the loop is far nearer to the one a whole loop ago than to its own neighbour.
"""

from __future__ import annotations

import zlib
from collections import Counter, deque

import cv2
import numpy as np
import numpy.typing as npt

BYTES_KEPT = 6000  # ten minutes at ten pictures a second; 24 KB
APART = 10  # pictures between two that are the same: nearer ones are a camera that stands still
BYTES_LOOKED_AT = 60
SHARE = 0.8  # of the pictures that are looked at

IMAGES_KEPT = 480  # two minutes at four readings a second
FINE = 4  # every 4th pixel in each direction
ROUGH = 8  # every 8th cell
CELLS = (16, 12)  # of a picture's fingerprint: a cell's mean lets neither noise nor an encoder through
MOVES = 1.2  # grey levels between neighbours, of 255, in the mean: somebody moves
SAME = 0.3  # of the way to its neighbour: nearer is the same moment again
APART_S = 1.5
LAG_S = 0.1
MOVING_LEAST = 12  # moving pictures from which a loop is told
MOVING_LOOKED_AT = 40
FORGET_S = 120.0


class RepeatedBytes:
    """The same bytes again. One thread at a time."""

    def __init__(self) -> None:
        self._kept = np.zeros(0, np.uint32)  # its places are made with the first picture: most sessions wait long for it, some for ever
        self._count = 0
        self._last = 0
        self._repeats: deque[bool] = deque(maxlen=BYTES_LOOKED_AT)

    def take(self, data: bytes) -> bool:
        """Take one picture's bytes. True while most of them came before."""
        mark = zlib.crc32(data)
        if not self._count:
            self._kept = np.zeros(BYTES_KEPT, np.uint32)
        if mark != self._last:
            self._last = mark
            place = self._count % BYTES_KEPT
            newest = (place - 1 - np.flatnonzero(self._kept[: min(self._count, BYTES_KEPT)] == mark)) % BYTES_KEPT
            self._repeats.append(bool((newest >= APART).any()))
            self._kept[place] = mark
            self._count += 1
        return len(self._repeats) == BYTES_LOOKED_AT and sum(self._repeats) >= SHARE * BYTES_LOOKED_AT


class RepeatedImages:
    """The same movement again. One thread at a time."""

    def __init__(self) -> None:
        self._make_places(0)
        self._count = 0
        self._lags: deque[tuple[float, frozenset[int]]] = deque(maxlen=MOVING_LOOKED_AT)

    def _make_places(self, count: int) -> None:
        self._marks = np.zeros((count, CELLS[0] * CELLS[1]), np.uint8)
        self._rough = np.zeros((count, CELLS[0] * CELLS[1] // ROUGH), np.uint8)  # enough to tell most pictures apart
        self._ats = np.zeros(count)

    def take(self, image: npt.NDArray[np.uint8], at: float) -> float | None:
        """Take one picture of `at` seconds. Return the loop's length while there is one."""
        if not self._count:
            self._make_places(IMAGES_KEPT)  # with the first picture, as above
        green = np.ascontiguousarray(image[::FINE, ::FINE, 1])
        mark = cv2.resize(green, CELLS, interpolation=cv2.INTER_AREA).astype(np.float32).ravel()
        moved = float(np.abs(mark - self._marks[(self._count - 1) % IMAGES_KEPT]).mean()) if self._count else 0.0
        if moved > MOVES:
            old = self._ats[: self._count] < at - APART_S
            near = np.flatnonzero(old & (np.abs(self._rough[: self._count] - mark[::ROUGH]).mean(axis=1) < 2 * SAME * moved))
            near = near[np.abs(self._marks[near] - mark).mean(axis=1) < SAME * moved]
            lags = at - self._ats[near]
            self._lags.append((at, frozenset(np.round(lags / LAG_S).astype(int).tolist())))
        place = self._count % IMAGES_KEPT
        self._marks[place], self._rough[place], self._ats[place] = mark, mark[::ROUGH], at
        self._count += 1
        while self._lags and at - self._lags[0][0] > FORGET_S:
            self._lags.popleft()
        return self._length()

    def _length(self) -> float | None:
        if len(self._lags) < MOVING_LEAST:
            return None
        votes: Counter[int] = Counter()
        for _, lags in self._lags:
            votes.update({lag + step for lag in lags for step in (-1, 0, 1)})
        most = [lag for lag, count in votes.items() if count >= SHARE * len(self._lags)]
        return round((min(most) + 1) * LAG_S, 1) if most else None  # the first of three neighbours
