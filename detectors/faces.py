"""Faces that FaceMesh's own finder misses: small, noisy and far turned ones, with MediaPipe's full-range finder. One for all sessions."""

from __future__ import annotations

import contextlib
import importlib
import os
import threading
import time
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from basics.errors import DetectorError
from settings.gaze import GazeLimits

os.environ.setdefault("GLOG_minloglevel", "2")  # MediaPipe's chatter on stderr; it reads this when its library is loaded
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

REMAKE_S = 5.0  # making it takes a tenth of a second, for which all wait

Picture = npt.NDArray[np.uint8]
Points = npt.NDArray[np.float64]

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

    def __init__(self, limits: GazeLimits | None = None) -> None:
        self._limits = limits or GazeLimits()
        self._lock = threading.Lock()
        self._made_at = -REMAKE_S
        self._make()

    def _make(self) -> None:
        self._made_at = time.monotonic()
        self._faces = _start("face_detection.FaceDetection", model_selection=1, min_detection_confidence=self._limits.face_confidence)
        self._mesh = start_face_mesh(True, self._limits.face_confidence)

    def look(self, rgb: Picture) -> tuple[Points | None, Outline | None]:
        """Look for the largest face in a picture, uint8 [h, w, 3] in RGB order: its landmarks [478, 3] in pixels, and its outline.

        Either may be None: landmarks of a noisy face come without an outline, a face turned to the side has an outline only.
        """
        with self._lock:
            try:
                return self._look(rgb)
            except Exception:  # a graph that failed once fails at every picture after it, and this one is everybody's
                if time.monotonic() - self._made_at > REMAKE_S:
                    self._free()
                    self._make()
                raise

    def confidence(self, rgb: Picture) -> float:
        """How surely there is a face in a picture, uint8 [h, w, 3] in RGB order: 0 where none is found."""
        with self._lock:
            found = _largest(self._faces.process(rgb).detections, rgb.shape[1], rgb.shape[0])
        return found.confidence if found is not None else 0.0

    def _look(self, rgb: Picture) -> tuple[Points | None, Outline | None]:
        outline = _largest(self._faces.process(rgb).detections, rgb.shape[1], rgb.shape[0])
        if outline is None:  # noise hides faces from the finders, and a blur of a fraction of an eye gives them back
            return landmarks_in(self._mesh, np.asarray(cv2.GaussianBlur(rgb, (0, 0), rgb.shape[1] / 320), dtype=np.uint8)), None
        return self._landmarks_near(rgb, outline), outline

    def close(self) -> None:
        """Give the models back."""
        with self._lock:
            self._free()

    def _free(self) -> None:
        for graph in (self._faces, self._mesh):
            with contextlib.suppress(Exception):  # one that failed says so again
                graph.close()

    def _landmarks_near(self, rgb: Picture, outline: Outline) -> Points | None:
        # The mesh's own finder wants a face that fills a good part of the picture: crop twice the box and enlarge it.
        x1, y1, x2, y2 = outline.box
        reach = max(x2 - x1, y2 - y1)
        left, top = int(max(0, (x1 + x2) / 2 - reach)), int(max(0, (y1 + y2) / 2 - reach))
        crop = rgb[top : int(top + 2 * reach) + 1, left : int(left + 2 * reach) + 1]
        if min(crop.shape[:2]) < 16:
            return None
        zoom = max(1.0, _MESH_PX / crop.shape[1])
        points = landmarks_in(self._mesh, np.asarray(cv2.resize(crop, None, fx=zoom, fy=zoom, interpolation=cv2.INTER_CUBIC), dtype=np.uint8))
        return None if points is None else points / zoom + np.array([left, top, 0.0])


def start_face_mesh(still: bool, min_confidence: float) -> Any:
    """Make a FaceMesh with irises for one face: following it from picture to picture, or for single ones. DetectorError if it can't be."""
    return _start(
        "face_mesh.FaceMesh",
        static_image_mode=still,
        max_num_faces=1,
        refine_landmarks=True,
        min_detection_confidence=min_confidence,
        min_tracking_confidence=min_confidence,
    )


def landmarks_in(mesh: Any, rgb: Picture) -> Points | None:
    """Landmarks [478, 3] in pixels of the picture (z too, growing away from the camera), or None where there is no face."""
    faces = mesh.process(rgb).multi_face_landmarks
    if not faces:
        return None
    height, width = rgb.shape[:2]
    return np.array([(point.x * width, point.y * height, point.z * width) for point in faces[0].landmark], dtype=np.float64)


def _start(name: str, **options: Any) -> Any:
    """Make one of MediaPipe's solutions, `module.Class`."""
    module, kind = name.split(".")
    try:
        return getattr(importlib.import_module(f"mediapipe.python.solutions.{module}"), kind)(**options)
    except Exception as error:  # MediaPipe raises whatever its C++ side names
        raise DetectorError(f"MediaPipe's {kind} can't be started: {error}. Install mediapipe==0.10.21 as requirements.txt says.") from error


def _largest(detections: Any, width: int, height: int) -> Outline | None:
    """The largest of MediaPipe's face detections, in pixels of a picture of this size."""
    outlines = []
    for detection in detections or ():
        place = detection.location_data
        area = place.relative_bounding_box
        nose, right_ear, left_ear = (place.relative_keypoints[number].x for number in (2, 4, 5))
        box = (area.xmin * width, area.ymin * height, (area.xmin + area.width) * width, (area.ymin + area.height) * height)
        yaw = _OUTLINE_DEG * (nose - (right_ear + left_ear) / 2) / max(area.width, 1e-6)
        outlines.append(Outline(box, yaw, float(detection.score[0])))
    return max(outlines, key=lambda outline: outline.box[2] - outline.box[0], default=None)
