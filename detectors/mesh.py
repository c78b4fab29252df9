"""Faces read by FaceMesh's own models in LiteRT, without MediaPipe's graph: find a face, draw its 478 landmarks, follow it.

What MediaPipe's graph does around the models is done here as it does it (Apache-2.0; tables of the eyes from its refinement of landmarks):
a face is found once, then a turned square around the landmarks of the last picture is where the next one's are drawn, as long as the model
says that a face is there. Landmarks are the graph's within a thousandth of an eye's width, but for the lips, which are drawn once and not anew.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from detectors.face_models import FAR_CONFIDENCE, FaceMesh, Faces, FoundFace, Picture, Points
from detectors.mesh_file import heads_part, mesh_part
from detectors.runtime import open_lite
from settings.models import GazeBackend

Floats = npt.NDArray[np.float32]

MESH_SIDE = 192  # pixels of the mesh model's picture
MAP_SIDE, CROP_SIDE = 48, 16  # cells of the feature map, and of an eye's crop of it
MESH_POINTS, ALL_POINTS = 468, 478
NEAR_SIDE, FAR_SIDE = 128, 192  # pixels of the finders' pictures
NEAR_ANCHORS, FAR_ANCHORS = ((16, 2), (8, 6)), ((48, 1),)  # cells along a side, anchors in each
ROOM = 1.5  # of a square around a face or an eye, against the box of its points
SAME_FACE = 0.3  # intersection over union from which two boxes are one face
TURN = (33, 263)  # the outer corners of the eyes: along them a square is turned

# What each head that is asked draws anew, in the file's own order: landmarks of either eye (the rim of the lids first)
_RIGHT = (
    33, 7, 163, 144, 145, 153, 154, 155, 133, 246, 161, 160, 159, 158, 157, 173, 130, 25, 110, 24, 23, 22, 26, 112, 243, 247, 30, 29, 27, 28,
    56, 190, 226, 31, 228, 229, 230, 231, 232, 233, 244, 113, 225, 224, 223, 222, 221, 189, 35, 124, 46, 53, 52, 65, 143, 111, 117, 118, 119,
    120, 121, 128, 245, 156, 70, 63, 105, 66, 107, 55, 193,
)  # fmt: skip
_LEFT = (
    263, 249, 390, 373, 374, 380, 381, 382, 362, 466, 388, 387, 386, 385, 384, 398, 359, 255, 339, 254, 253, 252, 256, 341, 463, 467, 260, 259,
    257, 258, 286, 414, 446, 261, 448, 449, 450, 451, 452, 453, 464, 342, 445, 444, 443, 442, 441, 413, 265, 353, 276, 283, 282, 295, 372, 340,
    346, 347, 348, 349, 350, 357, 465, 383, 300, 293, 334, 296, 336, 285, 417,
)  # fmt: skip
_RIM = 16
_CONTOURS = tuple(np.array(contour) for contour in (_RIGHT, _LEFT))
_CORNERS = ((33, 133), (362, 263))  # of each: along them its crop is turned
_IRISES = (slice(468, 473), slice(473, 478))  # of the right and left eye
_CELLS = np.stack(np.meshgrid(np.arange(CROP_SIDE) + 0.5, np.arange(CROP_SIDE) + 0.5), axis=-1).reshape(-1, 2)


@dataclass(frozen=True, slots=True)
class _Square:
    """A turned square of a picture: middle and side in pixels, or in shares of the picture's width; the angle in radians, clockwise."""

    x: float
    y: float
    side: float
    angle: float

    def scaled(self, factor: float) -> _Square:
        return _Square(self.x * factor, self.y * factor, self.side * factor, self.angle)

    def to_picture(self, cells: int) -> Points:
        """The matrix [2, 3] from a crop of so many cells a side to the picture."""
        step = self.side / cells
        cos, sin = math.cos(self.angle) * step, math.sin(self.angle) * step
        half = cells / 2
        return np.array([[cos, -sin, self.x - (cos - sin) * half], [sin, cos, self.y - (sin + cos) * half]])


class LiteFaces:
    """See `FaceModels`. One set of models serves all, and a student's state is the four numbers of a square."""

    backend: GazeBackend = "litert"

    def __init__(self, mesh: Path, near: Path, far: Path) -> None:
        content = mesh.read_bytes()
        self._mesh, self._heads = open_lite(mesh_part(content)), open_lite(heads_part(content))
        self._near = _Finder(near, NEAR_SIDE, NEAR_ANCHORS)
        self._far = _Finder(far, FAR_SIDE, FAR_ANCHORS)

    def follow(self, least: float) -> FaceMesh:
        """See `FaceModels`."""
        return _Mesh(self, least, follows=True)

    def single(self, least: float) -> FaceMesh:
        """See `FaceModels`."""
        return _Mesh(self, least, follows=False)

    def faces(self) -> Faces:
        """See `FaceModels`."""
        return _Faces(self._far)

    def square_of_face(self, image: Picture, least: float) -> _Square | None:
        """Around the surest face of a picture, of those that fill a good part of it."""
        found = self._near.find(image, least)
        return _around_face(found[0]) if found else None

    def square_of_lost(self, image: Picture, least: float, lost: _Square | None) -> _Square | None:
        """Around the face of a picture that is nearest to where one was lost, of those at least half its size; else around the largest."""
        found = [_around_face(face) for face in self._near.find(image, least)]
        alike = [one for one in found if lost is not None and one.side >= lost.side / 2]
        if lost is not None and alike:
            return min(alike, key=lambda one: math.hypot(one.x - lost.x, one.y - lost.y))
        return max(found, key=lambda one: one.side, default=None)

    def landmarks(self, image: Picture, square: _Square, least: float) -> Points | None:
        """Landmarks [478, 3] in pixels of the face in a square of the picture; None where the model says there is none."""
        to_picture = square.to_picture(MESH_SIDE)
        crop = _crop(image, to_picture, MESH_SIDE, cv2.BORDER_REPLICATE)
        return self._mesh.in_place(
            lambda given: np.multiply(crop, np.float32(1 / 255), out=given[0]), partial(self._draw, to_picture=to_picture, square=square, least=least)
        )

    def _draw(self, mesh: Floats, score: Floats, features: Floats, *, to_picture: Points, square: _Square, least: float) -> Points | None:
        if score.item() < _logit(least):
            return None
        drawn = np.zeros((ALL_POINTS, 3))
        drawn[:MESH_POINTS] = mesh.reshape(MESH_POINTS, 3)
        self._refine(drawn, features[0])
        return np.column_stack([drawn[:, :2] @ to_picture[:, :2].T + to_picture[:, 2], drawn[:, 2] * (square.side / MESH_SIDE)])

    def _refine(self, drawn: Points, features: Floats) -> None:
        """Draw eyes and irises anew from the feature map around each. Depths stay the mesh's, an iris' is the mean of its lids' rim.

        The lips stay the mesh's, too: no gaze rests on them.
        """
        matrices = [_around(drawn, contour, corners).to_picture(CROP_SIDE) for contour, corners in zip(_CONTOURS, _CORNERS, strict=True)]
        heads = self._heads(*_sample(features, matrices))
        for contour, iris, matrix, lids, points in zip(_CONTOURS, _IRISES, matrices, heads[:2], heads[2:], strict=True):
            drawn[contour, :2] = _placed(lids, matrix)
            drawn[iris, :2] = _placed(points, matrix)
            drawn[iris, 2] = drawn[contour[:_RIM], 2].mean()


class _Mesh:
    def __init__(self, models: LiteFaces, least: float, *, follows: bool) -> None:
        self._models: LiteFaces | None = models
        self._least = least
        self._follows = follows
        self._square: _Square | None = None  # in shares of the width: a student's next picture may be a smaller one
        self._lost: _Square | None = None  # where the last face was

    def read(self, image: Picture) -> Points | None:
        if self._models is None:
            raise RuntimeError("it is closed")
        width = image.shape[1]
        points = self._models.landmarks(image, square, self._least) if (square := self._where(self._models, image)) else None
        if self._follows:  # who is lost is looked for in the next picture
            self._square = None if points is None else _around_landmarks(points).scaled(1 / width)
            self._lost = self._square or self._lost
        return points

    def _where(self, models: LiteFaces, image: Picture) -> _Square | None:
        width = image.shape[1]
        if self._square:
            return self._square.scaled(width)
        if not self._follows:
            return models.square_of_face(image, self._least)
        return models.square_of_lost(image, self._least, self._lost and self._lost.scaled(width))

    def reset(self) -> None:
        self._square = self._lost = None

    def close(self) -> None:
        self._models = None


class _Faces:
    def __init__(self, finder: _Finder) -> None:
        self._finder = finder

    def find(self, image: Picture) -> list[FoundFace]:
        return self._finder.find(image, FAR_CONFIDENCE)

    def close(self) -> None:
        """Nothing is held open."""


class _Finder:
    """BlazeFace: boxes and six points at fixed places of a square picture (anchors), of which those of one face are made one."""

    def __init__(self, path: Path, side: int, anchors: tuple[tuple[int, int], ...]) -> None:
        self._net = open_lite(path)
        self._side = side
        self._anchors = np.concatenate([_anchors(cells, each) for cells, each in anchors])

    def find(self, image: Picture, least: float) -> list[FoundFace]:
        """Faces of a picture, the surest first."""
        height, width = image.shape[:2]
        longer = max(width, height)
        to_picture = _Square(width / 2, height / 2, longer, 0.0).to_picture(self._side)
        crop = _crop(image, to_picture, self._side, cv2.BORDER_CONSTANT)
        raw, scores = self._net((crop.astype(np.float32) * np.float32(2 / 255) - 1)[None])
        sure = np.flatnonzero(scores.ravel() >= _logit(least))
        confidences = 1 / (1 + np.exp(-scores.ravel()[sure].astype(np.float64).clip(-100, 100)))
        values = raw[0, sure].reshape(-1, 8, 2) / self._side  # middle, width and height, six points; against the anchor
        middles, sizes = values[:, 0] + self._anchors[sure], values[:, 1]
        points = values[:, 2:] + self._anchors[sure][:, None]
        places = np.concatenate([(middles - sizes / 2)[:, None], (middles + sizes / 2)[:, None], points], axis=1)
        places = (places - 0.5) * longer + np.array([width, height]) / 2
        return [FoundFace((*place[0], *place[1]), place[2:], confidence) for place, confidence in _merged(places, confidences)]


def _crop(image: Picture, to_picture: Points, side: int, border: int) -> Picture:
    """A square of a picture as the models take it, in RGB order."""
    # warpAffine is .06 ms faster and off by a thirty-second of a pixel here and there, which turns one direction in a thousand
    whole = np.vstack([to_picture, (0, 0, 1)])
    crop = cv2.warpPerspective(image, whole, (side, side), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP, borderMode=border)
    return np.asarray(cv2.cvtColor(crop, cv2.COLOR_BGR2RGB), np.uint8)


def _merged(places: Points, confidences: Points) -> list[tuple[Points, float]]:
    """One place [8, 2] for each face, the mean of those that overlap its surest one, and that one's confidence."""
    merged = []
    left = np.argsort(-confidences, kind="stable")
    while len(left):
        same = _overlaps(places[left[0]], places[left]) > SAME_FACE
        same[0] = True
        group = left[same]
        merged.append((np.average(places[group], axis=0, weights=confidences[group]), float(confidences[left[0]])))
        left = left[~same]
    return merged


def _overlaps(first: Points, places: Points) -> Points:
    """Intersection over union of the box of one place with those of others."""
    low, high = np.maximum(first[0], places[:, 0]), np.minimum(first[1], places[:, 1])
    common = (high - low).clip(0).prod(axis=1)
    return np.asarray(common / np.maximum((first[1] - first[0]).prod() + (places[:, 1] - places[:, 0]).prod(axis=1) - common, 1e-9))


def _anchors(cells: int, each: int) -> Points:
    """Middles of the anchors of a grid, row by row, in shares of the picture."""
    ticks = (np.arange(cells) + 0.5) / cells
    return np.repeat(np.stack(np.meshgrid(ticks, ticks), axis=-1).reshape(-1, 2), each, axis=0)


def _around_face(face: FoundFace) -> _Square:
    x1, y1, x2, y2 = face.box
    right, left = face.points[:2]
    return _Square((x1 + x2) / 2, (y1 + y2) / 2, ROOM * max(x2 - x1, y2 - y1), _angle(right, left))


def _around_landmarks(points: Points) -> _Square:
    flat = points[:, :2]
    low, high = flat.min(axis=0), flat.max(axis=0)
    x, y = (low + high) / 2
    return _Square(float(x), float(y), ROOM * float((high - low).max()), _angle(flat[TURN[0]], flat[TURN[1]]))


@dataclass(frozen=True, slots=True)
class _Rectangle:
    """A turned rectangle of the feature map: its middle, its width and height, in cells."""

    middle: Points
    size: Points
    turn: Points

    def to_picture(self, cells: int) -> Points:
        """The matrix [2, 3] from a crop of so many cells a side to the feature map."""
        matrix = self.turn * (self.size / cells)
        return np.column_stack([matrix, self.middle - matrix.sum(axis=1) * (cells / 2)])


def _around(drawn: Points, contour: npt.NDArray[Any], corners: tuple[int, int]) -> _Rectangle:
    """The box of the contour along the corners' line, with room."""
    angle = _angle(drawn[corners[0]], drawn[corners[1]])
    turn = np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    upright = drawn[contour, :2] * (MAP_SIDE / MESH_SIDE) @ turn
    low, high = upright.min(axis=0), upright.max(axis=0)
    return _Rectangle(turn @ ((low + high) / 2), ROOM * (high - low), turn)


def _placed(points: Floats, matrix: Points) -> Points:
    """What a head has drawn in its crop, in pixels of the mesh's picture."""
    return np.asarray(points.reshape(-1, 2) @ matrix[:, :2].T + matrix[:, 2] * (MESH_SIDE / MAP_SIDE))


def _sample(features: Floats, matrices: list[Points]) -> Floats:
    """Crops [n, 1, h, w, c] of a feature map [h, w, c], between its cells the mean of the four around; nought outside."""
    height, width, depth = features.shape
    at = np.concatenate([_CELLS @ matrix[:, :2].T + (matrix[:, 2] - 0.5) for matrix in matrices])
    most = (width - 1, height - 1)
    inside = ((at >= 0) & (at <= most)).all(axis=1)
    at = at.clip(0, most)
    left, top = at.astype(np.intp).T
    across, down = (at - np.floor(at)).astype(np.float32).T[:, :, None]
    first = top * width + left
    right, below = (left < width - 1).astype(np.intp), np.where(top < height - 1, width, 0)
    cells = features.reshape(-1, depth)
    upper, lower = cells[first], cells[first + below]
    upper += across * (cells[first + right] - upper)
    lower += across * (cells[first + below + right] - lower)
    upper += down * (lower - upper)
    upper[~inside] = 0
    return np.asarray(upper.reshape(len(matrices), 1, CROP_SIDE, CROP_SIDE, depth))


def _angle(first: Points, second: Points) -> float:
    return math.atan2(second[1] - first[1], second[0] - first[0])


def _logit(confidence: float) -> float:
    """The raw score that a confidence is made of."""
    return math.log(confidence / (1 - confidence))
