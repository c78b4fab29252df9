"""Where the person watched looks: one picture in, one `GazeReading` out, with the state of that one person.

Head pose and irises come from the landmarks of MediaPipe FaceMesh and are added up to one gaze angle against the camera's ray
to the face; the lids say closed or lowered. Left and right are the student's own: the right side of an unmirrored picture is `left`.
A picture that is too poor to tell is `unknown` with a reason, never a guess.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import cv2
import numpy as np

import thresholds
from errors import DetectorError
from face_finder import FaceFinder, Outline, Picture, Points, landmarks_in, start_face_mesh
from readings import Box, Direction, GazeReading

Reason = Literal["", "dark", "blurred", "small", "hidden"]

# Landmark numbers of FaceMesh (vertices of its canonical face; 468 and 473 are the irises' centres).
# Pairs left and right of the nose that don't move with the mouth: the sum of their directions is the head's sideways axis.
_SIDE_PAIRS = ((33, 263), (133, 362), (127, 356), (234, 454), (46, 276), (105, 334), (98, 327), (162, 389), (21, 251))
_FOREHEAD = (151, 9, 8, 10, 109, 338)
_UNDER_NOSE = (2, 164, 97, 326, 94)
_BRIDGE = 168
# Each eye's corners from the picture's left to its right, upper lid, lower lid, iris, and the sign of its outward side.
_EYES = (
    (33, 133, (159, 158, 160), (145, 153, 144), 468, -1.0),
    (362, 263, (386, 385, 387), (374, 380, 373), 473, 1.0),
)

# From eye widths to degrees. An eyeball of 12 mm radius in an opening of 30 mm gives 143° an eye width for small angles; FaceMesh draws
# irises towards the middle, so it takes more: of 60..300 the gap between the development set's focused pictures and looks to the side is
# widest at 160. Vertically the lids follow the gaze and are measured better than the iris, so both carry it.
_IRIS_X_DEG = 160.0
_IRIS_Y_DEG = 120.0
_LID_DEG = 140.0
# Both irises rest outward of the middle of the eye's corners (the inner one ends in the caruncle): medians of focused people, in eye widths.
_IRIS_OUTWARD = 0.04
# Where iris and upper lid are, in eye widths above the corners' line, when head and eyes look straight at the camera (focused people).
_IRIS_REST = -0.062
_LID_REST = -0.174
# How much less opening it takes to be open for each degree the head is bowed, because lids follow the gaze.
_SHUT_PER_DEG = 0.01
_SHUT_FROM_DEG = 4.0

# Pictures without a face (development set: empty rooms, and persons blurred and darkened on purpose).
_DARK_PICTURE = 40.0  # 95th percentile of luminance; lit rooms have 141 and more, at 20 % light 28..50
_FLAT_PICTURE = 25.0  # 99th less 1st percentile of luminance; bare walls have 100 and more, a covered lens next to none
_SOFT_EDGES = 0.2  # curvature over slope of the steepest 2 %, at 160x120: 0.47 and more as recorded, 0.09..0.25 when faces were lost to blur
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
# Who looks up is still looking up so soon after unless it is this much more aside: a look to the ceiling's corner does not flicker.
_UP_S = 0.6
_UP_ASIDE = 1.25
_LOOK_EVERY = 1.0  # s between two looks with the full-range finder (3 ms) while it finds nobody either
_OUTLINE_SURE = 0.7  # confidence of a face without landmarks from which its turn is believed


@dataclass(frozen=True, slots=True)
class _Rest:
    """A person's rest: gaze and pitch in degrees, eye opening in eye widths. The defaults are the medians of focused people."""

    gaze_x: float = 0.0
    gaze_y: float = 0.0
    pitch: float = -7.0
    eye_open: float = 0.26


@dataclass(frozen=True, slots=True)
class _Face:
    """What one face's landmarks say. Degrees: yaw and gaze_x grow to the student's left, pitch and gaze_y downwards; roll clockwise.

    `iris_x`, `iris_y`, `lid` are places in the eye, in eye widths from the middle of its corners in the head's own frame; `eye_open` the
    lids' distance in eye widths; `eye_width` in pixels; `box` x1, y1, x2, y2 in pixels.
    """

    yaw: float
    pitch: float
    roll: float
    iris_x: float
    iris_y: float
    lid: float
    eye_open: float
    eye_width: float
    box: tuple[float, float, float, float]

    @property
    def gaze_x(self) -> float:
        """Head and eyes added up, degrees to the student's left of the camera."""
        return self.yaw + _IRIS_X_DEG * self.iris_x

    @property
    def gaze_y(self) -> float:
        """Head and eyes added up, degrees below the place where focused people look."""
        return self.pitch + _IRIS_Y_DEG * (self.iris_y - _IRIS_REST) + _LID_DEG * (self.lid - _LID_REST)


class GazeDetector:
    """Read one person's gaze, picture after picture. Not thread-safe: one call at a time.

    `still=True` is for single pictures of anybody: each is read by itself, with no track and no baseline. A `finder` may be shared by all
    detectors (45 MB); without one each makes its own when it first misses a face.
    """

    def __init__(
        self,
        *,
        still: bool = False,
        finder: FaceFinder | None = None,
        side_deg: float = thresholds.GAZE_SIDE_DEG,
        down_deg: float = thresholds.GAZE_DOWN_DEG,
        turned_deg: float = thresholds.GAZE_TURNED_DEG,
        shut: float = thresholds.EYES_SHUT,
        min_eye_px: float = thresholds.EYE_MIN_PX,
        dark_level: float = thresholds.FACE_DARK_LEVEL,
        sharp_share: float = thresholds.FACE_SHARPNESS,
        stretch_below: float = 110.0,  # 95th percentile of luminance under which contrast is stretched before the face is looked for
        max_side: int = 960,  # a larger picture is made smaller first: the model sees the face at 192x192 in any case
        min_confidence: float = thresholds.FACE_CONFIDENCE,
        rest_side_deg: float = thresholds.GAZE_REST_SIDE_DEG,
        rest_down_deg: float = thresholds.GAZE_REST_DOWN_DEG,
        rest_up_deg: float = thresholds.GAZE_REST_UP_DEG,
        rest_window: int = 240,  # readings the rest is the median of: two minutes at one each half second
        rest_prior: int = 40,  # the population's rest weighs as much as so many readings: the first moments alone can't set it
        rest_step: float = 0.5,  # seconds between two readings the rest learns from
    ) -> None:
        self._still = still
        self._side_deg = side_deg
        self._down_deg = down_deg
        self._turned_deg = turned_deg
        self._shut = shut
        self._min_eye_px = min_eye_px
        self._dark_level = dark_level
        self._sharp_share = sharp_share
        self._stretch_below = stretch_below
        self._max_side = max_side
        self._confidence = min_confidence
        self._rest_bounds = (rest_side_deg, rest_down_deg, rest_up_deg)
        self._rest_prior = rest_prior
        self._rest_step = rest_step
        self._seen: deque[tuple[float, float, float, float]] = deque(maxlen=rest_window)
        self._learnt_at = -math.inf
        self._up_at = -math.inf
        self._rest = _Rest()
        self._mesh = start_face_mesh(still, min_confidence)
        self._finder = finder
        self._own_finder: FaceFinder | None = None
        self._looked_at = -math.inf
        self._look_again = False

    def read(self, image: Picture, at: float) -> GazeReading:
        """Read one picture, uint8 of shape [h, w, 3] in BGR order, taken at `at` (s). Raises DetectorError if it is none or the model fails."""
        if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8 or min(image.shape[:2]) < 16:
            raise DetectorError(f"Gaze needs pictures of uint8 [h, w, 3], at least 16 pixels a side, got {image.dtype} {image.shape}.")
        height, width = image.shape[:2]
        small = _shrink(image, self._max_side)
        low, bright, high = (float(level) for level in np.percentile(small[::8, ::8, 1], (1, 95, 99)))  # green is close to luminance
        shown = _stretch(small, low, high) if bright < self._stretch_below else small
        rgb = np.asarray(cv2.cvtColor(shown, cv2.COLOR_BGR2RGB), dtype=np.uint8)
        try:
            points = landmarks_in(self._mesh, rgb)
            outline: Outline | None = None
            if points is None:
                points, outline = self._second_look(rgb, at)
        except DetectorError:
            raise
        except Exception as error:  # MediaPipe raises whatever its C++ side names
            raise DetectorError(f"MediaPipe failed on a picture of {width}x{height}: {error}. It will be tried with the next one.") from error
        scale = width / small.shape[1]
        blank = GazeReading(at, "unknown", width=width, height=height)
        if points is None:
            return self._without_landmarks(blank, small, outline, scale)
        return self._with_landmarks(blank, image, _measure(points * scale))

    def baseline(self) -> dict[str, float]:
        """The person's rest as learnt so far, for display: degrees, eye widths, and the share of it that is the person's own (0..1)."""
        return {
            "gaze_x_deg": round(self._rest.gaze_x, 2),
            "gaze_y_deg": round(self._rest.gaze_y, 2),
            "pitch_deg": round(self._rest.pitch, 2),
            "eye_open": round(self._rest.eye_open, 3),
            "learnt": round(len(self._seen) / (len(self._seen) + self._rest_prior), 2),
        }

    def reset(self) -> None:
        """Forget the person, track and rest: the next picture is the first of another one."""
        self._mesh.reset()
        self._seen.clear()
        self._learnt_at = self._looked_at = self._up_at = -math.inf
        self._look_again = False
        self._rest = _Rest()

    def close(self) -> None:
        """Give the models back. The detector can't read after it."""
        self._mesh.close()
        if self._own_finder is not None:
            self._own_finder.close()

    def _second_look(self, rgb: Picture, at: float) -> tuple[Points | None, Outline | None]:
        """Look for a small, noisy or turned face; not in every picture while there is none."""
        if not self._still and not self._look_again and 0 <= at - self._looked_at < _LOOK_EVERY:
            return None, None
        if self._finder is None:
            self._finder = self._own_finder = FaceFinder(self._confidence)
        points, outline = self._finder.look(rgb)
        self._looked_at = at
        self._look_again = points is not None or outline is not None
        return points, outline

    def _without_landmarks(self, blank: GazeReading, image: Picture, outline: Outline | None, scale: float) -> GazeReading:
        poor = _poor(image)
        if outline is None:
            return replace(blank, direction="unknown" if poor else "none", reason=poor)
        x1, y1, x2, y2 = (value * scale for value in outline.box)
        seen = replace(blank, box=Box(x1, y1, x2, y2, outline.confidence), numbers={"yaw_deg": round(outline.yaw, 1)})
        if x2 - x1 < 6 * self._min_eye_px:  # a face is about six eyes wide
            return replace(seen, reason="small")
        if not poor and outline.confidence >= _OUTLINE_SURE and abs(outline.yaw) >= 1.3 * self._turned_deg:
            return replace(seen, direction="left" if outline.yaw > 0 else "right")
        return replace(seen, reason=poor or "hidden")

    def _with_landmarks(self, blank: GazeReading, image: Picture, face: _Face) -> GazeReading:
        level, sharp = _quality(image, face.box)
        reason: Reason = ""
        if level < self._dark_level:
            reason = "dark"
        elif sharp < self._sharp_share:
            reason = "blurred"
        elif face.eye_width < self._min_eye_px:
            reason = "small"
        numbers = {
            "yaw_deg": face.yaw,
            "pitch_deg": face.pitch,
            "roll_deg": face.roll,
            "iris_x": face.iris_x,
            "iris_y": face.iris_y,
            "eye_open": face.eye_open,
            "gaze_x_deg": face.gaze_x - self._rest.gaze_x,
            "gaze_y_deg": face.gaze_y - self._rest.gaze_y,
            "level": level,
            "sharpness": sharp,
        }
        direction: Direction = "unknown" if reason else self._judge(face, blank.at)
        if not reason and not self._still:
            self._learn(face, blank.at)
        box = Box(*face.box, confidence=1.0)
        return replace(blank, direction=direction, reason=reason, box=box, numbers={name: round(value, 3) for name, value in numbers.items()})

    def _judge(self, face: _Face, at: float) -> Direction:
        rest = self._rest
        turned = face.yaw / self._turned_deg
        side = (face.gaze_x - rest.gaze_x) / self._side_deg
        down = (face.gaze_y - rest.gaze_y) / self._down_deg
        if abs(turned) >= 1:
            return "left" if turned > 0 else "right"
        bowed = max(0.0, face.pitch - rest.pitch - _SHUT_FROM_DEG)
        if face.eye_open * _Rest().eye_open / rest.eye_open < self._shut - _SHUT_PER_DEG * bowed:
            return "closed"
        if max(abs(side), down) < 1:
            return "focused"
        # Who thinks looks up, and the rules know no such looking away: a look that is more up than aside is none of left and right.
        aside = 1.0 if at - self._up_at > _UP_S else _UP_ASIDE
        if -down * aside > abs(side):
            self._up_at = -math.inf if self._still else at
            return "focused"
        if down > abs(side):
            return "down"
        return "left" if side > 0 else "right"

    def _learn(self, face: _Face, at: float) -> None:
        """Let the rest follow the person: the median of what may be rest at all, mixed with the population's, within bounds."""
        # Only what counts as focused for anybody may become the rest: who looks away from the very start does not teach it that.
        near = abs(face.gaze_x) < self._side_deg and abs(face.gaze_y) < self._down_deg and abs(face.yaw) < self._turned_deg
        if at - self._learnt_at < self._rest_step or not near or face.eye_open < 1.2 * self._shut:
            return
        self._learnt_at = at
        self._seen.append((face.gaze_x, face.gaze_y, face.pitch, face.eye_open))
        own = len(self._seen) / (len(self._seen) + self._rest_prior)
        usual = _Rest()
        x, y, pitch, eye_open = own * np.median(np.array(self._seen), axis=0) + (1 - own) * np.array(
            [usual.gaze_x, usual.gaze_y, usual.pitch, usual.eye_open]
        )
        side, below, above = self._rest_bounds
        self._rest = _Rest(float(np.clip(x, -side, side)), float(np.clip(y, -above, below)), float(pitch), float(np.clip(eye_open, 0.2, 0.35)))


def lowered_to_phone(gaze: GazeReading, phones: Sequence[Box]) -> GazeReading:
    """The same reading, `down` instead of `closed` where one of `phones` lies below the eyes: lids that look shut are lowered to it.

    Of somebody who reads a phone at a level head the camera sees no pupil, and the landmarks of the lids are those of closed eyes; what
    is in the hands tells the two apart. Boxes are in pixels of the same view. `numbers` gets the phone's confidence as `phone`.
    """
    if gaze.direction != "closed" or gaze.box is None:
        return gaze
    eyes = gaze.box.y1 + 0.4 * gaze.box.height  # of FaceMesh's box, which reaches from the hairline to the chin
    phone = max((box.confidence for box in phones if (box.y1 + box.y2) / 2 > eyes), default=0.0)
    return replace(gaze, direction="down", numbers=dict(gaze.numbers) | {"phone": round(phone, 3)}) if phone else gaze


def _shrink(image: Picture, max_side: int) -> Picture:
    scale = max_side / max(image.shape[:2])
    if scale >= 1:
        return image
    return np.asarray(cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), dtype=np.uint8)


def _stretch(image: Picture, low: float, high: float) -> Picture:
    """Spread the levels from low to high of a dark or flat picture over the range, the same for all colours."""
    gain = 230.0 / max(high - low, 8.0)
    return np.asarray(cv2.convertScaleAbs(cv2.subtract(image, (low, low, low, 0)), alpha=gain), dtype=np.uint8)


def _quality(image: Picture, box: tuple[float, float, float, float]) -> tuple[float, float]:
    """Mean luminance of the face (0..255), and its sharpness at 64x64 pixels: the second derivative's variance as a share of the face's.

    It is the least of four directions, because a moving head blurs one of them only: the lids seem to close, and the irises to wander.
    """
    height, width = image.shape[:2]
    x1, y1 = max(0, int(box[0])), max(0, int(box[1]))
    x2, y2 = min(width, int(box[2]) + 1), min(height, int(box[3]) + 1)
    if x2 - x1 < 2 or y2 - y1 < 2:
        return 0.0, 0.0
    gray = cv2.cvtColor(cv2.resize(image[y1:y2, x1:x2], (64, 64), interpolation=cv2.INTER_AREA), cv2.COLOR_BGR2GRAY).astype(np.float32)
    bends = [float(cv2.filter2D(gray, cv2.CV_32F, kernel)[2:-2, 2:-2].var()) for kernel in _BENDS]
    return float(gray.mean()), min(bends) / max(float(gray.var()), 1.0)


def _poor(image: Picture) -> Reason:
    """Why a picture without a face can't be trusted to show nobody, or "" where it can."""
    thumb = cv2.cvtColor(cv2.resize(image, (160, 120), interpolation=cv2.INTER_AREA), cv2.COLOR_BGR2GRAY)
    low, bright, high = np.percentile(thumb, (1, 95, 99))
    if bright < _DARK_PICTURE:
        return "dark"
    if high - low < _FLAT_PICTURE:
        return "hidden"
    gray = thumb.astype(np.float32)
    slope = np.hypot(cv2.Sobel(gray, cv2.CV_32F, 1, 0), cv2.Sobel(gray, cv2.CV_32F, 0, 1)) / 4
    steep = slope >= np.quantile(slope, 0.98)
    sharp = float(np.abs(cv2.Laplacian(gray, cv2.CV_32F))[steep].mean() / max(float(slope[steep].mean()), 1e-3))
    return "blurred" if sharp < _SOFT_EDGES else ""


def _unit(vector: Points) -> Points:
    return np.asarray(vector / max(float(np.linalg.norm(vector)), 1e-9))


def _measure(points: Points) -> _Face:
    """Head pose and eyes from landmarks [478, 3] in pixels.

    The head's axes come from the landmarks' own depth, without a camera model: so the pose is against the ray to the face, not against
    the picture's middle, and somebody sitting at the side of the picture who looks at the camera reads as looking at it.
    """
    side = _unit(np.sum([points[b] - points[a] for a, b in _SIDE_PAIRS], axis=0))
    fall = points[list(_UNDER_NOSE)].mean(axis=0) - points[list(_FOREHEAD)].mean(axis=0)
    fall = _unit(fall - side * (fall @ side))
    inwards = np.cross(side, fall)
    head = (points - points[_BRIDGE]) @ np.stack([side, fall, inwards]).T  # the head's own frame: turn, nod and tilt undone
    eyes = np.array([_measure_eye(head, points, *eye) for eye in _EYES])
    # Of a turned head the nearer eye is the wider one, and the better seen.
    iris_x, iris_y, lid, eye_open = (eyes[:, 4] / max(float(eyes[:, 4].sum()), 1e-9)) @ eyes[:, :4]
    (x1, y1), (x2, y2) = points[:, :2].min(axis=0), points[:, :2].max(axis=0)
    return _Face(
        yaw=math.degrees(math.atan2(-inwards[0], inwards[2])),
        pitch=math.degrees(math.asin(max(-1.0, min(1.0, -inwards[1])))),
        roll=math.degrees(math.atan2(side[1], side[0])),
        iris_x=float(iris_x),
        iris_y=float(iris_y),
        lid=float(lid),
        eye_open=float(eye_open),
        eye_width=float(eyes[:, 4].max()),
        box=(float(x1), float(y1), float(x2), float(y2)),
    )


def _measure_eye(
    head: Points, points: Points, first: int, second: int, upper: tuple[int, ...], lower: tuple[int, ...], iris: int, outward: float
) -> tuple[float, float, float, float, float]:
    """One eye's iris_x, iris_y, upper lid and opening in eye widths along and across its corners' line, and its width in pixels."""
    span = head[second] - head[first]
    width = max(float(np.linalg.norm(span)), 1e-9)
    middle = (head[first] + head[second]) / 2
    along = _unit(span[:2])
    across = np.array([-along[1], along[0]])
    pupil = (head[iris] - middle)[:2]
    lid = float((head[list(upper)].mean(axis=0) - middle)[:2] @ across)
    under = float((head[list(lower)].mean(axis=0) - middle)[:2] @ across)
    pixels = float(np.linalg.norm((points[second] - points[first])[:2]))
    return float(pupil @ along) / width - outward * _IRIS_OUTWARD, float(pupil @ across) / width, lid / width, (under - lid) / width, pixels
