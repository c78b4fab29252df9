"""From the landmarks of one face to its measures: head pose, irises, lids, and the gaze that they add up to. Pure geometry."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from detectors.face_models import Points
from settings.gaze import GazeLimits

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


@dataclass(frozen=True, slots=True)
class Face:
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


def measure(points: Points, limits: GazeLimits) -> Face:
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
    return Face(
        gaze_x=yaw + limits.gaze_iris_side_deg * iris_x,
        gaze_y=pitch + limits.gaze_iris_down_deg * (iris_y - _IRIS_REST) + limits.gaze_lid_deg * (lid - _LID_REST),
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


def _unit(vector: Points) -> Points:
    return np.asarray(vector / max(float(np.linalg.norm(vector)), 1e-9))


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
