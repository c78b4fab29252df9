"""The loop of the usual open proctoring programs, run by another Python than the product's: it imports nothing of it.

python -I loop.py VIDEO SOUND WEIGHTS OUT SECONDS, with VIDEO at 10 pictures a second and 16 kHz SOUND. Every picture goes through MediaPipe's
FaceMesh (head by solvePnP, irises by their place between the corners) and ultralytics' YOLOv8n on torch at 640; every tenth of a second of sound
through its energy and pitch. OUT is JSON: the readings, and the processor time of each part; reading the files is not in it.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import time
import types
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import soundfile

SURE = 0.5  # confidence of a person or a phone
PERSON, PHONE = 0, 67  # COCO's numbers
TURNED_DEG = 10.0  # of the head, beside or below the camera, as in the tutorials that such loops are made of
IRIS_LOW, IRIS_HIGH = 0.35, 0.65  # share of the way between the eye's corners
ENERGY = 0.01  # root mean square, of full scale
PITCH_HZ = (75.0, 400.0)
VOICED = 0.3  # autocorrelation at the pitch
SPREAD_HZ = 40.0  # of pitch within two seconds: several voices
STEP_S = 0.1
EYES = ((468, 33, 133), (473, 362, 263))  # iris, left and right corner in the picture
HEAD = (33, 263, 1, 61, 291, 199)  # FaceMesh's points of the outer eyes, nose, mouth and chin


def load_yolo(weights: str) -> tuple[Any, str]:
    """The model, called as its documentation says, and in words what runs."""
    import torch

    note = ""
    try:
        __import__("torchvision")
    except Exception as error:  # a build for other hardware than torch's
        for name in [name for name in sys.modules if name.split(".")[0] == "torchvision"]:
            del sys.modules[name]
        from ultralytics.utils.nms import TorchNMS

        stand_in: Any = types.ModuleType("torchvision")
        stand_in.ops = types.ModuleType("torchvision.ops")
        stand_in.ops.nms = TorchNMS.nms
        sys.modules |= {"torchvision": stand_in, "torchvision.ops": stand_in.ops}
        note = f"; torchvision can't be imported here ({str(error)[:60]}), so ultralytics' own suppression of doubles in place of torchvision's"
    import ultralytics

    model = ultralytics.YOLO(weights)
    model.predict(np.zeros((480, 640, 3), np.uint8), imgsz=640, verbose=False)
    return model, f"ultralytics {ultralytics.__version__} predict() on torch {torch.__version__}, {torch.get_num_threads()} threads{note}"


def head_turn(points: np.ndarray[Any, Any], width: int, height: int) -> tuple[float, float]:
    """Yaw and pitch in degrees, as the tutorials have them: six points by solvePnP, the depth as FaceMesh gives it."""
    camera = np.array([[width, 0, height / 2], [0, width, width / 2], [0, 0, 1]], np.float64)
    _, rotation, _ = cv2.solvePnP(points[list(HEAD)].astype(np.float64), points[list(HEAD), :2].astype(np.float64), camera, np.zeros((4, 1)))
    angles = cv2.RQDecomp3x3(cv2.Rodrigues(rotation)[0])[0]
    return float(angles[1] * 360), float(angles[0] * 360)


def direction(points: np.ndarray[Any, Any], width: int, height: int) -> str:
    """Where the student looks; left and right are the student's own."""
    yaw, pitch = head_turn(points, width, height)
    if abs(yaw) > TURNED_DEG:
        return "left" if yaw > 0 else "right"
    if pitch < -TURNED_DEG:
        return "down"
    shares = [
        (points[iris, 0] - points[low, 0]) / max(1e-6, points[high, 0] - points[low, 0]) for iris, low, high in ((468, 33, 133), (473, 362, 263))
    ]
    share = float(np.mean(shares))
    return "left" if share > IRIS_HIGH else "right" if share < IRIS_LOW else "focused"


def pitch_of(samples: np.ndarray[Any, Any], rate: int) -> float:
    """Hz, or 0 where nothing is voiced."""
    centred = samples - samples.mean()
    correlation = np.correlate(centred, centred, "full")[len(centred) - 1 :]
    low, high = int(rate / PITCH_HZ[1]), int(rate / PITCH_HZ[0])
    if correlation[0] <= 0 or len(correlation) <= high:
        return 0.0
    lag = low + int(correlation[low:high].argmax())
    return rate / lag if correlation[lag] > VOICED * correlation[0] else 0.0


def hear(path: str, seconds: float) -> tuple[list[list[Any]], float]:
    """A reading each second: `[at, spans of speech, spans of several voices]`, and the processor's seconds."""
    sound, rate = soundfile.read(path, dtype="float32")
    sound = sound[: int(seconds * rate)]
    begun = time.process_time()
    step = int(STEP_S * rate)
    readings: list[list[Any]] = []
    pitches: list[float] = []
    for number in range(len(sound) // step):
        part, at = sound[number * step : (number + 1) * step], number * STEP_S
        pitch = pitch_of(part, rate) if float(np.sqrt(np.mean(part**2))) > ENERGY else 0.0
        pitches.append(pitch)
        if number % 10 == 0:
            readings.append([at, [], []])
        voiced = [one for one in pitches[-20:] if one]
        if pitch:
            readings[-1][1].append([at, at + STEP_S])
            if len(voiced) >= 10 and float(np.std(voiced)) > SPREAD_HZ:
                readings[-1][2].append([at, at + STEP_S])
    return readings, time.process_time() - begun


def main() -> int:
    """Read, and write what was read."""
    video, sound, weights, out, limit = sys.argv[1:]
    seconds = float(limit)
    os.environ.setdefault("YOLO_OFFLINE", "true")
    os.environ.setdefault("YOLO_AUTOINSTALL", "false")
    os.environ.setdefault("GLOG_minloglevel", "2")
    model, what = load_yolo(weights)
    from mediapipe.python.solutions.face_mesh import FaceMesh

    mesh = FaceMesh(max_num_faces=1, refine_landmarks=True, min_detection_confidence=0.5, min_tracking_confidence=0.5)
    capture = cv2.VideoCapture(video)
    fps = capture.get(cv2.CAP_PROP_FPS) or 10.0
    gaze: list[list[Any]] = []
    persons: list[list[Any]] = []
    spent = {"faces": 0.0, "yolo": 0.0}
    number = 0
    while number / fps < seconds:
        there, image = capture.read()
        if not there:
            break
        at = number / fps
        number += 1
        height, width = image.shape[:2]
        begun = time.process_time()
        faces = mesh.process(cv2.cvtColor(image, cv2.COLOR_BGR2RGB)).multi_face_landmarks
        looks = "none"
        if faces:
            points = np.array([(point.x * width, point.y * height, point.z) for point in faces[0].landmark])
            looks = direction(points, width, height)
        gaze.append([at, looks])
        middle = time.process_time()
        boxes = model.predict(image, imgsz=640, verbose=False)[0].boxes
        kinds = [int(kind) for kind, sure in zip(boxes.cls.tolist(), boxes.conf.tolist(), strict=True) if sure >= SURE]
        persons.append([at, kinds.count(PERSON), PHONE in kinds, width, height])
        spent["faces"] += middle - begun
        spent["yolo"] += time.process_time() - middle
    heard, spent["sound"] = hear(sound, seconds)
    found = {
        "what": what,
        "seconds": number / fps,
        "pictures": number,
        "cpu_s": spent,
        "rss_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "gaze": gaze,
        "persons": persons,
        "sound": heard,
    }
    Path(out).write_text(json.dumps(found), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
