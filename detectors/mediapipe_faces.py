"""Faces read by MediaPipe's graph, for those who have its package: the same models as `detectors.mesh` runs, and some 28 MB more a student."""

from __future__ import annotations

import contextlib
import importlib
import os
import threading
import time
from collections.abc import Callable
from typing import Any

import cv2
import numpy as np

from basics.errors import DetectorError
from detectors.face_models import FAR_CONFIDENCE, FaceMesh, Faces, FoundFace, Picture, Points
from settings.models import GazeBackend

os.environ.setdefault("GLOG_minloglevel", "2")  # MediaPipe's chatter on stderr; it reads this when its library is loaded
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

REMAKE_S = 5.0  # making a graph takes a tenth of a second, for which all wait


class MediaPipeFaces:
    """See `FaceModels`. Each mesh has a graph of its own, with two threads."""

    backend: GazeBackend = "mediapipe"

    def follow(self, least: float) -> FaceMesh:
        """See `FaceModels`."""
        return _Mesh(_start_mesh(False, least))

    def single(self, least: float) -> FaceMesh:
        """See `FaceModels`. One call runs at a time."""
        return _Mesh(_Shared(lambda: _start_mesh(True, least)))

    def faces(self) -> Faces:
        """See `FaceModels`. One call runs at a time."""
        return _Faces(_Shared(lambda: _start("face_detection.FaceDetection", model_selection=1, min_detection_confidence=FAR_CONFIDENCE)))


class _Mesh:
    def __init__(self, graph: Any) -> None:
        self._graph = graph

    def read(self, image: Picture) -> Points | None:
        faces = self._graph.process(_rgb(image)).multi_face_landmarks
        if not faces:
            return None
        height, width = image.shape[:2]
        return np.array([(point.x * width, point.y * height, point.z * width) for point in faces[0].landmark], dtype=np.float64)

    def reset(self) -> None:
        self._graph.reset()

    def close(self) -> None:
        self._graph.close()


class _Faces:
    def __init__(self, graph: _Shared) -> None:
        self._graph = graph

    def find(self, image: Picture) -> list[FoundFace]:
        height, width = image.shape[:2]
        found = []
        for detection in self._graph.process(_rgb(image)).detections or ():
            place = detection.location_data
            area = place.relative_bounding_box
            box = (area.xmin * width, area.ymin * height, (area.xmin + area.width) * width, (area.ymin + area.height) * height)
            points = np.array([(point.x * width, point.y * height) for point in place.relative_keypoints], dtype=np.float64)
            found.append(FoundFace(box, points, float(detection.score[0])))
        return sorted(found, key=lambda face: -face.confidence)

    def close(self) -> None:
        self._graph.close()


class _Shared:
    """A graph for single pictures of all sessions: one call at a time, and made anew after a failure."""

    def __init__(self, make: Callable[[], Any]) -> None:
        self._make = make
        self._lock = threading.Lock()
        self._made_at = time.monotonic()
        self._graph = make()

    def process(self, rgb: Picture) -> Any:
        with self._lock:
            try:
                return self._graph.process(rgb)
            except Exception:  # a graph that failed once fails at every picture after it, and this one is everybody's
                if time.monotonic() - self._made_at > REMAKE_S:
                    self._free()
                    self._made_at = time.monotonic()
                    self._graph = self._make()
                raise

    def reset(self) -> None:
        """Nothing is kept from picture to picture."""

    def close(self) -> None:
        with self._lock:
            self._free()

    def _free(self) -> None:
        with contextlib.suppress(Exception):  # one that failed says so again
            self._graph.close()


def _rgb(image: Picture) -> Picture:
    return np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2RGB), np.uint8)


def _start_mesh(still: bool, least: float) -> Any:
    return _start(
        "face_mesh.FaceMesh",
        static_image_mode=still,
        max_num_faces=1,
        refine_landmarks=True,
        min_detection_confidence=least,
        min_tracking_confidence=least,
    )


def _start(name: str, **options: Any) -> Any:
    """Make one of MediaPipe's solutions, `module.Class`."""
    module, kind = name.split(".")
    try:
        return getattr(importlib.import_module(f"mediapipe.python.solutions.{module}"), kind)(**options)
    except Exception as error:  # MediaPipe raises whatever its C++ side names
        raise DetectorError(
            f"MediaPipe's {kind} can't be started: {error}. Install mediapipe==0.10.21, or set GAZE_BACKEND=litert.", field="gaze_backend"
        ) from error
