"""Faces that FaceMesh's own finder misses: small, noisy and far turned ones, with the full-range finder. One for all sessions."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from detectors.face_backends import open_face_models
from detectors.face_models import FaceModels, FoundFace, Picture, Points
from settings.gaze import GazeLimits

# How the finder draws a face, fitted to FaceMesh's yaw of the same pictures: no limit, FACE_OUTLINE_TURN is.
_OUTLINE_DEG = 80.0  # degrees of yaw for each box width the nose is off the ears' middle: 27° at 0.35, 42° at 0.53
_MESH_PX = 256  # a crop is enlarged to so many pixels: the landmark model takes the face at 192x192


@dataclass(frozen=True, slots=True)
class Outline:
    """A face that was found without landmarks. `box` x1, y1, x2, y2 in pixels; `yaw` in degrees, roughly, to the student's left."""

    box: tuple[float, float, float, float]
    yaw: float
    confidence: float


class FaceFinder:
    """Find one face and its landmarks in single pictures. Thread-safe, and no picture leaves a trace in it: 3 ms, with landmarks 6."""

    def __init__(self, limits: GazeLimits | None = None, models: FaceModels | None = None) -> None:
        least = (limits or GazeLimits()).face_confidence
        self.models = models or open_face_models()
        self._faces, self._mesh = self.models.faces(), self.models.single(least)

    def look(self, image: Picture) -> tuple[Points | None, Outline | None]:
        """Look for the largest face in a picture, uint8 [h, w, 3] in BGR order: its landmarks [478, 3] in pixels, and its outline.

        Either may be None: landmarks of a noisy face come without an outline, a face turned to the side has an outline only.
        """
        outline = _largest(self._faces.find(image))
        if outline is None:  # noise hides faces from the finders, and a blur of a fraction of an eye gives them back
            return self._mesh.read(np.asarray(cv2.GaussianBlur(image, (0, 0), image.shape[1] / 320), dtype=np.uint8)), None
        return self._landmarks_near(image, outline), outline

    def confidence(self, image: Picture) -> float:
        """How surely there is a face in a picture, uint8 [h, w, 3] in BGR order: 0 where none is found."""
        found = _largest(self._faces.find(image))
        return found.confidence if found is not None else 0.0

    def close(self) -> None:
        """Give the models back."""
        self._faces.close()
        self._mesh.close()

    def _landmarks_near(self, image: Picture, outline: Outline) -> Points | None:
        # The mesh's own finder wants a face that fills a good part of the picture: crop twice the box and enlarge it.
        x1, y1, x2, y2 = outline.box
        reach = max(x2 - x1, y2 - y1)
        left, top = int(max(0, (x1 + x2) / 2 - reach)), int(max(0, (y1 + y2) / 2 - reach))
        crop = image[top : int(top + 2 * reach) + 1, left : int(left + 2 * reach) + 1]
        if min(crop.shape[:2]) < 16:
            return None
        zoom = max(1.0, _MESH_PX / crop.shape[1])
        points = self._mesh.read(np.asarray(cv2.resize(crop, None, fx=zoom, fy=zoom, interpolation=cv2.INTER_CUBIC), dtype=np.uint8))
        return None if points is None else points / zoom + np.array([left, top, 0.0])


def _largest(faces: list[FoundFace]) -> Outline | None:
    """The outline of the largest face."""
    outlines = []
    for face in faces:
        x1, _, x2, _ = face.box
        nose, right_ear, left_ear = (float(face.points[number, 0]) for number in (2, 4, 5))
        outlines.append(Outline(face.box, _OUTLINE_DEG * (nose - (right_ear + left_ear) / 2) / max(x2 - x1, 1e-6), face.confidence))
    return max(outlines, key=lambda outline: outline.box[2] - outline.box[0], default=None)
