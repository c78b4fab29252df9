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

from basics.errors import DetectorError
from basics.readings import Box, Direction, GazeReading
from detectors.faces import FaceFinder, Outline, Picture, Points, landmarks_in, start_face_mesh
from settings import thresholds

Reason = Literal["", "dark", "blurred", "small", "hidden", "aside"]

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

# How FaceMesh draws the eyes of focused people; with another landmark model they would be measured anew, they are no one's choice.
# Both irises rest outward of the middle of the eye's corners (the inner one ends in the caruncle): medians of focused people, in eye widths.
_IRIS_OUTWARD = 0.04
# Where iris and upper lid are, in eye widths above the corners' line, when head and eyes look straight at the camera (focused people).
_IRIS_REST = -0.062
_LID_REST = -0.174
_FACE_EYES = 6  # a face is about six eyes wide

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


@dataclass(frozen=True, slots=True)
class _Weights:
    """Degrees of gaze for each eye width that the iris is aside, that it is down, and that the upper lid is down."""

    iris_side: float
    iris_down: float
    lid: float


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
    lids' distance in eye widths; `eyes` the middle x, y and the width of each in pixels; `box` x1, y1, x2, y2 in pixels. `gaze_x` and
    `gaze_y` are head and eyes added up, to the student's left of the camera and below the place where focused people look.
    """

    gaze_x: float
    gaze_y: float
    yaw: float
    pitch: float
    roll: float
    iris_x: float
    iris_y: float
    lid: float
    eye_open: float
    eyes: tuple[tuple[float, float, float], ...]
    box: tuple[float, float, float, float]


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
        eye_contrast: float = thresholds.EYE_CONTRAST,
        stretch_below: float = thresholds.FACE_STRETCH_LEVEL,
        max_side: int = 960,  # a larger picture is made smaller first: the model sees the face at 192x192 in any case
        min_confidence: float = thresholds.FACE_CONFIDENCE,
        rest_side_deg: float = thresholds.GAZE_REST_SIDE_DEG,
        rest_down_deg: float = thresholds.GAZE_REST_DOWN_DEG,
        rest_up_deg: float = thresholds.GAZE_REST_UP_DEG,
        rest_window: int = thresholds.GAZE_REST_WINDOW,
        rest_prior: int = thresholds.GAZE_REST_PRIOR,
        rest_step: float = thresholds.GAZE_REST_STEP_S,
        rest_open: float = thresholds.GAZE_REST_OPEN,
        rest_lids: tuple[float, float] = (thresholds.EYES_REST_LEAST, thresholds.EYES_REST_MOST),
        aside_s: float = thresholds.GAZE_ASIDE_S,
        iris_side_deg: float = thresholds.GAZE_IRIS_SIDE_DEG,
        iris_down_deg: float = thresholds.GAZE_IRIS_DOWN_DEG,
        lid_deg: float = thresholds.GAZE_LID_DEG,
        shut_per_deg: float = thresholds.EYES_SHUT_PER_DEG,
        shut_from_deg: float = thresholds.EYES_SHUT_FROM_DEG,
        up_s: float = thresholds.GAZE_UP_S,
        up_aside: float = thresholds.GAZE_UP_ASIDE,
        look_every: float = thresholds.FACE_SECOND_LOOK_S,
        outline_sure: float = thresholds.FACE_OUTLINE_CONFIDENCE,
        outline_turn: float = thresholds.FACE_OUTLINE_TURN,
        dark_picture: float = thresholds.PICTURE_DARK_LEVEL,
        flat_picture: float = thresholds.PICTURE_FLAT_RANGE,
        soft_edges: float = thresholds.PICTURE_SHARPNESS,
    ) -> None:
        self._still = still
        self._side_deg = side_deg
        self._down_deg = down_deg
        self._turned_deg = turned_deg
        self._shut = shut
        self._min_eye_px = min_eye_px
        self._dark_level = dark_level
        self._sharp_share = sharp_share
        self._eye_contrast = eye_contrast
        self._stretch_below = stretch_below
        self._max_side = max_side
        self._confidence = min_confidence
        self._rest_bounds = (rest_side_deg, rest_down_deg, rest_up_deg)
        self._rest_prior = rest_prior
        self._rest_step = rest_step
        self._rest_open = rest_open
        self._rest_lids = rest_lids
        self._aside_least = math.ceil(aside_s / rest_step)
        self._weights = _Weights(iris_side_deg, iris_down_deg, lid_deg)
        self._shut_per_deg = shut_per_deg
        self._shut_from_deg = shut_from_deg
        self._up_s = up_s
        self._up_aside = up_aside
        self._look_every = look_every
        self._outline_sure = outline_sure
        self._outline_turn = outline_turn
        self._poor_below = (dark_picture, flat_picture, soft_edges)
        self._seen: deque[tuple[float, float, float]] = deque(maxlen=rest_window)
        self._open: deque[float] = deque(maxlen=rest_window)
        self._aside: deque[tuple[float, float]] = deque(maxlen=max(rest_window, self._aside_least))
        self._aside_at = -math.inf
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
        return self._with_landmarks(blank, image, _measure(points * scale, self._weights))

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
        for kept in (self._seen, self._open, self._aside):
            kept.clear()
        self._learnt_at = self._looked_at = self._up_at = self._aside_at = -math.inf
        self._look_again = False
        self._rest = _Rest()

    def close(self) -> None:
        """Give the models back. The detector can't read after it."""
        self._mesh.close()
        if self._own_finder is not None:
            self._own_finder.close()

    def _second_look(self, rgb: Picture, at: float) -> tuple[Points | None, Outline | None]:
        """Look for a small, noisy or turned face; not in every picture while there is none."""
        if not self._still and not self._look_again and 0 <= at - self._looked_at < self._look_every:
            return None, None
        if self._finder is None:
            self._finder = self._own_finder = FaceFinder(self._confidence)
        points, outline = self._finder.look(rgb)
        self._looked_at = at
        self._look_again = points is not None or outline is not None
        return points, outline

    def _without_landmarks(self, blank: GazeReading, image: Picture, outline: Outline | None, scale: float) -> GazeReading:
        poor = _poor(image, *self._poor_below)
        if outline is None:
            return replace(blank, direction="unknown" if poor else "none", reason=poor)
        x1, y1, x2, y2 = (value * scale for value in outline.box)
        seen = replace(blank, box=Box(x1, y1, x2, y2, outline.confidence), numbers={"yaw_deg": round(outline.yaw, 1)})
        if x2 - x1 < _FACE_EYES * self._min_eye_px:
            return replace(seen, reason="small")
        if not poor and outline.confidence >= self._outline_sure and abs(outline.yaw) >= self._outline_turn * self._turned_deg:
            if self._is_usual(outline.yaw, 0.0, blank.at):
                return replace(seen, reason="aside")
            return replace(seen, direction="left" if outline.yaw > 0 else "right")
        return replace(seen, reason=poor or "hidden")

    def _with_landmarks(self, blank: GazeReading, image: Picture, face: _Face) -> GazeReading:
        level, deviation, sharp = _quality(image, face.box)
        contrast = max(_contrast(image, eye) for eye in face.eyes) / max(deviation, 1.0)
        reason: Reason = ""
        if level < self._dark_level:
            reason = "dark"
        elif sharp < self._sharp_share:
            reason = "blurred"
        elif max(width for _, _, width in face.eyes) < self._min_eye_px:
            reason = "small"
        elif contrast < self._eye_contrast and abs(face.yaw) < self._turned_deg:  # where a head is turned is seen without the eyes
            reason = "hidden"
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
            "eye_contrast": contrast,
        }
        direction: Direction = "unknown" if reason else self._judge(face, blank.at)
        if not reason and not self._still:
            self._learn(face, blank.at)
        if direction in ("left", "right", "down") and self._is_usual(face.gaze_x, face.gaze_y, blank.at):
            direction, reason = "unknown", "aside"
        box = Box(*face.box, confidence=1.0)
        return replace(blank, direction=direction, reason=reason, box=box, numbers={name: round(value, 3) for name, value in numbers.items()})

    def _judge(self, face: _Face, at: float) -> Direction:
        rest, usual = self._rest, _Rest()
        turned = face.yaw / self._turned_deg
        # A rest excuses and never accuses: who has looked to one side for minutes may look to the other as far as anybody.
        side = min((face.gaze_x - rest.gaze_x) / self._side_deg, (face.gaze_x - usual.gaze_x) / self._side_deg, key=abs)
        below = (face.gaze_y - rest.gaze_y) / self._down_deg
        down = min(below, (face.gaze_y - usual.gaze_y) / self._down_deg)
        if abs(turned) >= 1:
            return "left" if turned > 0 else "right"
        bowed = max(0.0, face.pitch - rest.pitch - self._shut_from_deg)
        if face.eye_open * _Rest().eye_open / rest.eye_open < self._shut - self._shut_per_deg * bowed:
            return "closed"
        if max(abs(side), down) < 1:
            return "focused"
        # Who thinks looks up, and the rules know no such looking away: a look that is more up than aside is none of left and right.
        aside = 1.0 if at - self._up_at > self._up_s else self._up_aside
        if -below * aside > abs(side):
            self._up_at = -math.inf if self._still else at
            return "focused"
        if down > abs(side):
            return "down"
        return "left" if side > 0 else "right"

    def _learn(self, face: _Face, at: float) -> None:
        """Let the rest follow the person: the median of what may be rest at all, mixed with the population's, within bounds."""
        # Only what counts as focused for anybody may become the rest: who looks away from the very start does not teach it that.
        near = abs(face.gaze_x) < self._side_deg and abs(face.gaze_y) < self._down_deg and abs(face.yaw) < self._turned_deg
        if at - self._learnt_at < self._rest_step or not near or face.eye_open < self._shut:
            return
        self._learnt_at = at
        self._seen.append((face.gaze_x, face.gaze_y, face.pitch))
        if face.eye_open >= self._rest_open * self._shut:  # nearly shut lids say where the eyes look, not how far they open
            self._open.append(face.eye_open)
        own, own_open = (len(kept) / (len(kept) + self._rest_prior) for kept in (self._seen, self._open))
        usual = _Rest()
        x, y, pitch = own * np.median(np.array(self._seen), axis=0) + (1 - own) * np.array([usual.gaze_x, usual.gaze_y, usual.pitch])
        eye_open = own_open * float(np.median(self._open)) + (1 - own_open) * usual.eye_open if self._open else usual.eye_open
        side, below, above = self._rest_bounds
        self._rest = _Rest(float(np.clip(x, -side, side)), float(np.clip(y, -above, below)), float(pitch), float(np.clip(eye_open, *self._rest_lids)))

    def _is_usual(self, gaze_x: float, gaze_y: float, at: float) -> bool:
        """Is a look aside this person's only one so far? Of who never looked at the camera's screen nobody knows where the screen stands.

        Whoever was at rest for `rest_prior` readings has shown where it is, and is never excused by this.
        """
        if self._still or len(self._seen) >= self._rest_prior:
            return False
        if at - self._aside_at >= self._rest_step:
            # on the beat, for readings come a little late, and a minute of them is to be a minute
            self._aside_at = at if at - self._aside_at >= 2 * self._rest_step else self._aside_at + self._rest_step
            self._aside.append((gaze_x, gaze_y))
        if len(self._aside) < self._aside_least:
            return False
        x, y = np.median(np.array(self._aside), axis=0)
        return bool(abs(gaze_x - x) < self._side_deg and abs(gaze_y - y) < self._down_deg)


def lowered_to_phone(gaze: GazeReading, phones: Sequence[Box], eyes_in_box: float) -> GazeReading:
    """The same reading, `down` instead of `closed` where one of `phones` lies below the eyes: lids that look shut are lowered to it.

    Of somebody who reads a phone at a level head the camera sees no pupil, and the landmarks of the lids are those of closed eyes; what
    is in the hands tells the two apart. Boxes are in pixels of the same view; the eyes are `eyes_in_box` of the face's height down it.
    `numbers` gets the phone's confidence as `phone`.
    """
    if gaze.direction != "closed" or gaze.box is None:
        return gaze
    eyes = gaze.box.y1 + eyes_in_box * gaze.box.height
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


def _quality(image: Picture, box: tuple[float, float, float, float]) -> tuple[float, float, float]:
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


def _contrast(image: Picture, eye: tuple[float, float, float]) -> float:
    """From the darkest to the brightest grey of an eye, lids and lashes with it. Landmarks are drawn on a hand or dark glasses, too."""
    x, y, width = eye
    height, wide = image.shape[:2]
    x1, x2 = max(0, round(x - width / 2)), min(wide, round(x + width / 2) + 1)
    y1, y2 = max(0, round(y - 0.3 * width)), min(height, round(y + 0.3 * width) + 1)
    if x2 - x1 < 2 or y2 - y1 < 2:
        return 0.0
    gray = cv2.cvtColor(cv2.resize(image[y1:y2, x1:x2], (32, 20), interpolation=cv2.INTER_AREA), cv2.COLOR_BGR2GRAY)
    low, high = np.percentile(cv2.GaussianBlur(gray, (3, 3), 0), (2, 98))
    return float(high - low)


def _poor(image: Picture, dark: float, flat: float, soft: float) -> Reason:
    """Why a picture without a face can't be trusted to show nobody, or "" where it can: the limits are the settings PICTURE_…"""
    thumb = cv2.cvtColor(cv2.resize(image, (160, 120), interpolation=cv2.INTER_AREA), cv2.COLOR_BGR2GRAY)
    low, bright, high = np.percentile(thumb, (1, 95, 99))
    if bright < dark:
        return "dark"
    if high - low < flat:
        return "hidden"
    gray = thumb.astype(np.float32)
    slope = np.hypot(cv2.Sobel(gray, cv2.CV_32F, 1, 0), cv2.Sobel(gray, cv2.CV_32F, 0, 1)) / 4
    steep = slope >= np.quantile(slope, 0.98)
    sharp = float(np.abs(cv2.Laplacian(gray, cv2.CV_32F))[steep].mean() / max(float(slope[steep].mean()), 1e-3))
    return "blurred" if sharp < soft else ""


def _unit(vector: Points) -> Points:
    return np.asarray(vector / max(float(np.linalg.norm(vector)), 1e-9))


def _measure(points: Points, weights: _Weights) -> _Face:
    """Head pose and eyes from landmarks [478, 3] in pixels, and the gaze that they add up to.

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
    iris_x, iris_y, lid, eye_open = (float(value) for value in (eyes[:, 4] / max(float(eyes[:, 4].sum()), 1e-9)) @ eyes[:, :4])
    yaw = math.degrees(math.atan2(-inwards[0], inwards[2]))
    pitch = math.degrees(math.asin(max(-1.0, min(1.0, -inwards[1]))))
    (x1, y1), (x2, y2) = points[:, :2].min(axis=0), points[:, :2].max(axis=0)
    return _Face(
        gaze_x=yaw + weights.iris_side * iris_x,
        gaze_y=pitch + weights.iris_down * (iris_y - _IRIS_REST) + weights.lid * (lid - _LID_REST),
        yaw=yaw,
        pitch=pitch,
        roll=math.degrees(math.atan2(side[1], side[0])),
        iris_x=iris_x,
        iris_y=iris_y,
        lid=lid,
        eye_open=eye_open,
        eyes=tuple((*_middle(points[first], points[second]), float(width)) for (first, second, *_), width in zip(_EYES, eyes[:, 4], strict=True)),
        box=(float(x1), float(y1), float(x2), float(y2)),
    )


def _middle(first: Points, second: Points) -> tuple[float, float]:
    return float(first[0] + second[0]) / 2, float(first[1] + second[1]) / 2


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
