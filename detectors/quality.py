"""Is a picture good enough to tell? The one judgement of what is too poor: of a face to be read, and of a picture that seems to show nobody. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np
import numpy.typing as npt

from detectors.landmarks import Face
from settings.gaze import GazeLimits
from settings.persons import PersonsLimits

Image = npt.NDArray[np.uint8]

BURNT = 250  # grey of 0..255 from which a pixel is at the sensor's end
SMALL = 160  # pixels of the longer side at which a picture's quality is judged; averages sensor noise away

# Second derivatives across, down and along both diagonals, of which a step is longer by the root of two.
_BENDS = tuple(
    np.array(kernel, np.float32)
    for kernel in (
        [[0, 0, 0], [1, -2, 1], [0, 0, 0]],
        [[0, 1, 0], [0, -2, 0], [0, 1, 0]],
        [[0.7, 0, 0], [0, -1.4, 0], [0, 0, 0.7]],
        [[0, 0, 0.7], [0, -1.4, 0], [0.7, 0, 0]],
    )
)


def levels_at(levels: Image, *percents: float) -> list[float]:
    """The levels below which so many of a hundred lie: `np.percentile` to the last digit, at a tenth of its cost, for there are 256 of them."""
    counts = np.bincount(levels.ravel(), minlength=256).cumsum()
    found = []
    for percent in percents:
        rank = (levels.size - 1) * (percent / 100)
        place, share = int(rank), rank % 1
        low, high = (int(level) for level in counts.searchsorted((place, min(place + 1, levels.size - 1)), "right"))
        found.append(low + (high - low) * share if share < 0.5 else high - (high - low) * (1 - share))
    return found


class PictureQuality:
    """What there is to see in one BGR picture, measured on one thumbnail of it.

    The detectors ask with limits of their own: a face is found in light in which a room can't yet be trusted to be empty.
    """

    def __init__(self, image: Image) -> None:
        scale = SMALL / max(image.shape[:2])
        size = max(8, round(image.shape[1] * scale)), max(8, round(image.shape[0] * scale))
        self._grey: Image = np.asarray(cv2.cvtColor(cv2.resize(image, size, interpolation=cv2.INTER_AREA), cv2.COLOR_BGR2GRAY), dtype=np.uint8)
        (self._bright,) = levels_at(self._grey, 95)

    def why_no_face(self, limits: GazeLimits) -> Literal["", "dark", "hidden", "blurred"]:
        """Why a face may be there that was not found; empty where the picture can be trusted to show none."""
        if self._bright < limits.picture_dark_level:
            return "dark"
        low, high = levels_at(self._grey, 1, 99)
        if high - low < limits.picture_flat_range:
            return "hidden"
        return "blurred" if self._sharpness() < limits.picture_sharpness else ""

    def why_nobody(self, limits: PersonsLimits) -> Literal["", "covered", "dark", "blurred"]:
        """Why somebody may be there who was not found; empty where the picture can be trusted to show nobody."""
        smooth = self._smooth()
        if _strongest_slope(smooth) < limits.room_flat_slope:
            return "covered"
        if self._bright < limits.room_dark_level or self._is_backlit(limits):
            return "dark"
        edge = float(np.percentile(np.abs(cv2.Laplacian(smooth, cv2.CV_32F)), 99.5))
        return "blurred" if edge < limits.room_blur_edge and edge < limits.room_blur_share * float(smooth.std()) else ""

    def why_blank(self, limits: PersonsLimits) -> Literal["", "covered", "dark"]:
        """`covered` or `dark` where there is nothing but a bare surface or darkness: of such a view any two pictures are alike."""
        if _strongest_slope(self._smooth()) < limits.room_flat_slope:
            return "covered"
        return "dark" if self._bright < limits.room_dark_level else ""

    def _smooth(self) -> npt.NDArray[np.float32]:
        return np.asarray(cv2.GaussianBlur(self._grey, (3, 3), 0), dtype=np.float32)

    def _sharpness(self) -> float:
        """Curvature over slope where the picture is steepest."""
        grey = self._grey.astype(np.float32)
        slope = np.hypot(cv2.Sobel(grey, cv2.CV_32F, 1, 0), cv2.Sobel(grey, cv2.CV_32F, 0, 1)) / 4
        steep = slope >= np.quantile(slope, 0.98)
        return float(np.abs(cv2.Laplacian(grey, cv2.CV_32F))[steep].mean() / max(float(slope[steep].mean()), 1e-3))

    def _is_backlit(self, limits: PersonsLimits) -> bool:
        """Whether a good part of the picture is burnt out and the rest is dark for that: a window behind, in front of which nobody is seen.

        Three quarters of the rest stay below twice the dark level: 145 and more in recorded rooms with windows, 75 and 95 where persons
        were lost.
        """
        burnt = self._grey >= BURNT
        light = cv2.dilate((burnt * np.uint8(255)).astype(np.uint8), np.ones((9, 9), np.uint8)) > 0  # glare around it is no light in front
        if burnt.mean() < limits.room_burnt_share or light.all():
            return False
        return bool(np.percentile(self._grey[~light], 75) < 2 * limits.room_dark_level)


def _strongest_slope(smooth: npt.NDArray[np.float32]) -> float:
    """In grey steps a pixel."""
    slope = np.hypot(cv2.Sobel(smooth, cv2.CV_32F, 1, 0), cv2.Sobel(smooth, cv2.CV_32F, 0, 1)) / 8
    return float(np.percentile(slope, 99))


@dataclass(frozen=True, slots=True)
class FaceQuality:
    """How well one face is seen: its mean grey 0..255, its fine detail and the better eye's contrast as shares of its own, an eye's pixels."""

    level: float
    sharpness: float
    eye_contrast: float
    eye_px: float

    @classmethod
    def of(cls, image: Image, face: Face) -> FaceQuality:
        """Measure `face` where it is in BGR `image`."""
        level, deviation, sharpness = _detail(image, face.box)
        contrast = max(_contrast(image, eye) for eye in face.eyes) / max(deviation, 1.0)
        return cls(level, sharpness, contrast, max(width for _, _, width in face.eyes))

    def why_unread(self, limits: GazeLimits, yaw: float) -> Literal["", "dark", "blurred", "small", "hidden"]:
        """Why its gaze can't be read; empty where it can. Where a head is turned is seen without the eyes."""
        if self.level < limits.face_dark_level:
            return "dark"
        if self.sharpness < limits.face_sharpness:
            return "blurred"
        if self.eye_px < limits.eye_min_px:
            return "small"
        return "hidden" if self.eye_contrast < limits.eye_contrast and abs(yaw) < limits.gaze_turned_deg else ""


def _detail(image: Image, box: tuple[float, float, float, float]) -> tuple[float, float, float]:
    """Mean luminance of the face (0..255), its standard deviation, and its sharpness at 64x64 pixels: the second derivative's variance as
    a share of the face's.

    Sharpness is the least of four directions, because a moving head blurs one of them only: the lids seem to close, and the irises to wander.
    """
    height, width = image.shape[:2]
    x1, y1 = max(0, int(box[0])), max(0, int(box[1]))
    x2, y2 = min(width, int(box[2]) + 1), min(height, int(box[3]) + 1)
    if x2 - x1 < 2 or y2 - y1 < 2:
        return 0.0, 0.0, 0.0
    gray = cv2.cvtColor(cv2.resize(image[y1:y2, x1:x2], (64, 64), interpolation=cv2.INTER_AREA), cv2.COLOR_BGR2GRAY).astype(np.float32)
    bends = [float(cv2.filter2D(gray, cv2.CV_32F, kernel)[2:-2, 2:-2].var()) for kernel in _BENDS]
    return float(gray.mean()), float(gray.std()), min(bends) / max(float(gray.var()), 1.0)


def _contrast(image: Image, eye: tuple[float, float, float]) -> float:
    """From the darkest to the brightest grey of an eye, lids and lashes with it. Landmarks are drawn on a hand or dark glasses, too."""
    x, y, width = eye
    height, wide = image.shape[:2]
    x1, x2 = max(0, round(x - width / 2)), min(wide, round(x + width / 2) + 1)
    y1, y2 = max(0, round(y - 0.3 * width)), min(height, round(y + 0.3 * width) + 1)
    if x2 - x1 < 2 or y2 - y1 < 2:
        return 0.0
    gray = cv2.cvtColor(cv2.resize(image[y1:y2, x1:x2], (32, 20), interpolation=cv2.INTER_AREA), cv2.COLOR_BGR2GRAY)
    low, high = levels_at(np.asarray(cv2.GaussianBlur(gray, (3, 3), 0), np.uint8), 2, 98)
    return high - low
