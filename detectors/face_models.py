"""What reads faces, as gaze sees it: landmarks of one face, and the faces of a picture. LiteRT runs the models, or MediaPipe's graph does."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from settings.models import GazeBackend

# From what confidence the full-range model's faces are ones: MediaPipe's graph for it takes this, whatever it is asked for, and so all limits
# that its faces meet were found with it. Between 0.3 and this lie mugs, posters and patterned shirts.
FAR_CONFIDENCE = 0.6

Picture = npt.NDArray[np.uint8]
Points = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class FoundFace:
    """A face without landmarks. `box` x1, y1, x2, y2 in pixels; `points` [6, 2] in pixels: right and left eye, nose, mouth, right and left ear."""

    box: tuple[float, float, float, float]
    points: Points
    confidence: float


class FaceMesh(Protocol):
    """Landmarks of one face, in BGR pictures uint8 [h, w, 3]."""

    def read(self, image: Picture) -> Points | None:
        """Landmarks [478, 3] in pixels of the picture (z too, growing away from the camera), or None where there is no face."""

    def reset(self) -> None:
        """Forget the face that was followed."""

    def close(self) -> None:
        """Give back what is held. It can't read after it."""


class Faces(Protocol):
    """All faces of BGR pictures, small and turned ones too, the surest first. Safe to call from several threads at once."""

    def find(self, image: Picture) -> list[FoundFace]:
        """Find them in one picture."""

    def close(self) -> None:
        """Give back what is held. It can't find after it."""


class FaceModels(Protocol):
    """Makes them, for all sessions. `least` is the confidence (0 to 1) from which a face is one. DetectorError where one can't be made."""

    backend: GazeBackend

    def follow(self, least: float) -> FaceMesh:
        """For one person, picture after picture; one call at a time."""

    def single(self, least: float) -> FaceMesh:
        """For pictures that have nothing to do with each other. Safe to call from several threads at once."""

    def faces(self) -> Faces:
        """For finding faces only, from a confidence of FAR_CONFIDENCE up."""
