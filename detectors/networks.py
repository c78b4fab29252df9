"""The networks behind `PersonsModel`: YOLO in ONNX Runtime, LiteRT or ultralytics' own, or faces alone. Picture in, detections out, no rules."""

from __future__ import annotations

import os
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol

import cv2
import numpy as np
import numpy.typing as npt

from basics.errors import DetectorError
from basics.readings import Box
from basics.texts import _
from detectors.face_backends import open_face_models
from detectors.face_models import FaceModels
from detectors.providers import CPU, Together, not_used, providers_for
from settings.models import DetectorDevice
from settings.persons import PersonsLimits

Backend = Literal["onnx", "ultralytics", "facemesh"]
Image = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]

# COCO's numbers of the classes that are used
PERSON, BOTTLE, WINE_GLASS, CUP, TV, LAPTOP, CELL_PHONE, BOOK = 0, 39, 40, 41, 62, 63, 67, 73
CLASSES = (PERSON, BOTTLE, WINE_GLASS, CUP, TV, LAPTOP, CELL_PHONE, BOOK)
COCO_CLASSES = 80
STRIDE = 32  # the sides of YOLOv8's input are multiples of its coarsest grid
PADDING_GREY = 114  # the grey around pictures that YOLOv8 was trained with
WIDE, TALL = 1.6, 1.0  # width over height from which a picture gets the wide input, and below which the tall one


@dataclass(frozen=True, slots=True)
class Detection:
    """One detected object of the COCO class `kind`."""

    kind: int
    box: Box


class Finder(Protocol):
    """A backend, safe to call from several threads at once. `sees_objects`: it tells phones and screens, not only persons."""

    sees_objects: bool

    def find(self, image: Image, side: int, least: float) -> list[Detection]:
        """Detect in BGR `image` with `side` pixels along the network input's longer side and confidences from `least` up.

        Boxes are in pixels of `image`, inside it, most confident first within a class. Raises `DetectorError` when the network fails.
        """

    def close(self) -> None:
        """Free the network."""


def make_finder(
    model_path: Path | None, backend: Backend, limits: PersonsLimits, faces: FaceModels | None = None, device: DetectorDevice = "cpu"
) -> Finder:
    """Load the backend's network; `faces` are the models of `facemesh`, `device` runs those of ONNX Runtime.

    Raises `DetectorError` that says what is missing and how to mend it.
    """
    if backend == "facemesh":
        return FaceFinder(faces)
    if backend not in ("onnx", "ultralytics"):
        raise DetectorError(
            _("DETECTOR_BACKEND=%(backend)s is not known; use onnx, ultralytics or facemesh", backend=repr(backend)), field="detector_backend"
        )
    if model_path is None or not model_path.is_file():
        raise DetectorError(
            _("no YOLOv8n model at %(path)s; run ./setup.sh, or set DETECTOR_BACKEND=facemesh to count faces only", path=model_path),
            field="models_dir",
        )
    return OnnxFinder(model_path, limits, device) if backend == "onnx" else UltralyticsFinder(model_path, limits)


def make_second(path: Path, limits: PersonsLimits, device: DetectorDevice = "cpu") -> Finder:
    """Load the network that is asked for a second opinion, a .tflite or .onnx file. Raises `DetectorError` as `make_finder` does."""
    from detectors.runtime import is_lite

    return LiteFinder(path, limits) if is_lite(path) else OnnxFinder(path, limits, device)


class OnnxFinder:
    """YOLOv8 exported with free batch, height and width. One session of ONNX Runtime serves all sizes and threads.

    On a graphics card pictures of several sessions are looked at in one run. `note` says where the device asked for isn't used.
    """

    sees_objects = True
    note = ""

    def __init__(self, path: Path, limits: PersonsLimits, device: DetectorDevice = "cpu") -> None:
        # A session of its own for each size (add_free_dimension_override_by_name) is no faster, and takes 25 MB more each.
        try:
            session = self._open(path, device)
        except Exception as error:  # ONNX Runtime's own errors share no public base
            raise DetectorError(
                _("%(path)s is not a usable ONNX model (%(error)s); delete it and run ./setup.sh", path=path, error=str(error))
            ) from error
        inputs, outputs = [(i.name, i.shape) for i in session.get_inputs()], [o.shape for o in session.get_outputs()]
        if len(inputs) != 1 or len(outputs) != 1 or len(outputs[0]) != 3 or outputs[0][1] != 4 + COCO_CLASSES:
            raise DetectorError(
                _(
                    "%(path)s is not YOLOv8 for COCO (inputs %(inputs)s, outputs %(outputs)s); delete it and run ./setup.sh",
                    path=path,
                    inputs=str(inputs),
                    outputs=str(outputs),
                )
            )
        if any(isinstance(length, int) for length in inputs[0][1][2:]):
            raise DetectorError(
                _(
                    "%(path)s has a fixed input of %(size)s; export it with dynamic=True (delete it and run ./setup.sh)",
                    path=path,
                    size=str(inputs[0][1]),
                )
            )
        self._path = path
        self._limits = limits
        self._input = inputs[0][0]
        self._session = session
        self._run = self._run_batch if session.get_providers()[0] == CPU else Together(self._run_batch)

    def _open(self, path: Path, device: DetectorDevice) -> Any:
        """A session on the device, or on the processor with a note where the device can't be used."""
        from detectors.runtime import open_model

        providers, self.note = providers_for(device)
        try:
            session = open_model(path, providers=providers)
        except Exception as error:  # a card without memory, a driver that is too old: or the file itself, which the processor will say as well
            if len(providers) == 1:
                raise
            session = open_model(path)
            self.note = not_used(device, str(error).strip().splitlines()[0][:200])
        else:
            if len(providers) > 1 and session.get_providers()[0] == CPU and device != "auto":
                self.note = not_used(device, _("its libraries can't be loaded"))
        return session

    def _run_batch(self, tensor: Floats) -> Floats:
        return np.asarray(self._session.run(None, {self._input: tensor})[0])

    def find(self, image: Image, side: int, least: float) -> list[Detection]:
        """See `Finder`."""
        width, height = input_size(image.shape[1], image.shape[0], side)
        tensor, scale, left, top = letterbox(image, width, height)
        try:
            rows = self._run(tensor)[0].T
        except Exception as error:  # ONNX Runtime's own errors share no public base
            raise DetectorError(f"{self._path.name} failed on an input of {width} x {height}: {error}") from error
        return _detections(rows, least, self._limits, (scale, left, top), image)

    def close(self) -> None:
        """Nothing is held open beyond memory."""


class LiteFinder:
    """YOLO with a fixed input in LiteRT, safe for all threads: a second network, which errs elsewhere than the first."""

    sees_objects = True

    def __init__(self, path: Path, limits: PersonsLimits) -> None:
        from detectors.runtime import open_lite

        try:
            model = open_lite(path)
        except (ImportError, OSError, ValueError, RuntimeError) as error:
            raise DetectorError(
                _("%(path)s can't be run by LiteRT (%(error)s); delete it and run ./setup.sh", path=path, error=str(error))
            ) from error
        shapes = [tensor.shape for tensor in (*model.inputs, *model.outputs)]
        if [len(shape) for shape in shapes] != [4, 3] or shapes[0][:2] != (1, 3) or shapes[1][1] != 4 + COCO_CLASSES:
            raise DetectorError(_("%(path)s is not YOLO for COCO (%(shapes)s); delete it and run ./setup.sh", path=path, shapes=str(shapes)))
        self._path = path
        self._limits = limits
        self._model = model
        self._height, self._width = shapes[0][2:]
        # Exports with int8 weights give places as shares of the input, others in its pixels.
        largest = float(model(np.zeros(shapes[0], np.float32))[0][0, :4].max())
        self._unit = np.array([self._width, self._height] * 2, np.float32) if largest <= 2 else np.ones(4, np.float32)

    def find(self, image: Image, side: int, least: float) -> list[Detection]:
        """See `Finder`; the input's size is the file's, `side` is not used."""
        tensor, scale, left, top = letterbox(image, self._width, self._height)
        try:
            rows = self._model(tensor)[0][0].T.copy()
        except (ValueError, RuntimeError) as error:
            raise DetectorError(f"{self._path.name} failed on a picture of {image.shape[1]} x {image.shape[0]}: {error}") from error
        rows[:, :4] *= self._unit
        return _detections(rows, least, self._limits, (scale, left, top), image)

    def close(self) -> None:
        """Nothing is held open beyond memory."""


class UltralyticsFinder:
    """Ultralytics' own YOLO, for those who have it installed. It isn't safe for threads, so one call runs at a time."""

    sees_objects = True

    def __init__(self, path: Path, limits: PersonsLimits) -> None:
        os.environ.setdefault("YOLO_OFFLINE", "true")
        os.environ.setdefault("YOLO_AUTOINSTALL", "false")
        try:
            from ultralytics import YOLO
        except ImportError as error:
            raise DetectorError(
                _(
                    "DETECTOR_BACKEND=ultralytics needs the package ultralytics (%(error)s); pip install ultralytics, or set DETECTOR_BACKEND=onnx",
                    error=str(error),
                ),
                field="detector_backend",
            ) from error
        self._lock = threading.Lock()
        self._model = YOLO(str(path), task="detect")
        self._limits = limits

    def find(self, image: Image, side: int, least: float) -> list[Detection]:
        """See `Finder`."""
        width, height = input_size(image.shape[1], image.shape[0], side)
        with self._lock:
            try:
                found = self._model.predict(
                    image, imgsz=(height, width), conf=least, iou=self._limits.box_overlap, classes=list(CLASSES), verbose=False
                )
                boxes = found[0].boxes
                rows = list(zip(boxes.xyxy.tolist(), boxes.conf.tolist(), boxes.cls.tolist(), strict=True))
            except Exception as error:  # whatever torch raises
                raise DetectorError(f"ultralytics failed on an input of {width} x {height}: {error}") from error
        return [Detection(int(kind), _inside(corners, confidence, image)) for corners, confidence, kind in rows]

    def close(self) -> None:
        """Nothing is held open."""


class FaceFinder:
    """Faces by MediaPipe's full-range model: doesn't see persons from behind, nor phones (4 ms)."""

    sees_objects = False

    def __init__(self, models: FaceModels | None = None) -> None:
        self._faces = (models or open_face_models()).faces()

    def find(self, image: Image, side: int, least: float) -> list[Detection]:
        """See `Finder`; the model's input size is its own, `side` is not used."""
        try:
            faces = self._faces.find(image)
        except (RuntimeError, ValueError) as error:
            raise DetectorError(f"the model of faces failed on a picture of {image.shape[1]} x {image.shape[0]}: {error}") from error
        return [Detection(PERSON, _inside(face.box, face.confidence, image)) for face in faces if face.confidence >= least]

    def close(self) -> None:
        """Give the model back."""
        self._faces.close()


def input_size(width: int, height: int, side: int) -> tuple[int, int]:
    """The network's input for a picture of `width` x `height`: one of three shapes, the ones that were measured.

    640 x 480 at 320 gives 320 x 256, 1280 x 720 gives 320 x 192, 480 x 640 gives 256 x 320.
    """
    if width / height >= WIDE:
        return side, _round_up(side * 0.5625)
    if width / height >= TALL:
        return side, _round_up(side * 0.75)
    return _round_up(side * 0.75), side


def letterbox(image: Image, width: int, height: int) -> tuple[Floats, float, int, int]:
    """Fit `image` into `width` x `height` on grey. Returns float32 [1, 3, height, width] RGB 0..1, the scale, left and top margins."""
    scale = min(width / image.shape[1], height / image.shape[0])
    inner = max(1, round(image.shape[1] * scale)), max(1, round(image.shape[0] * scale))
    left, top = (width - inner[0]) // 2, (height - inner[1]) // 2
    canvas = np.full((height, width, 3), PADDING_GREY, np.uint8)
    # Averaging keeps small phones that skipping pixels would lose.
    canvas[top : top + inner[1], left : left + inner[0]] = cv2.resize(image, inner, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
    tensor: Floats = cv2.dnn.blobFromImage(canvas, 1 / 255, swapRB=True)
    return tensor, scale, left, top


def _detections(rows: Floats, least: float, limits: PersonsLimits, placed: tuple[float, int, int], image: Image) -> list[Detection]:
    """YOLOv8's rows [anchors, 84] (centre, size, 80 scores) to detections; `placed` is the scale and margins of the letterbox."""
    scale, left, top = placed
    found = []
    for kind in CLASSES:
        kept = rows[:, 4 + kind] >= least
        if not kept.any():
            continue
        sizes, confidences = rows[kept, 2:4] / scale, rows[kept, 4 + kind]
        corners = (rows[kept, :2] - (left, top)) / scale - sizes / 2
        chosen = np.asarray(cv2.dnn.NMSBoxes(np.hstack([corners, sizes]).tolist(), confidences.tolist(), 0.0, limits.box_overlap), dtype=int).ravel()
        found += [Detection(kind, _inside((*corners[i], *(corners[i] + sizes[i])), confidences[i], image)) for i in chosen]
    return found


def _inside(corners: Any, confidence: float, image: Image) -> Box:
    height, width = image.shape[:2]
    x1, x2 = (min(max(0.0, float(x)), float(width)) for x in (corners[0], corners[2]))
    y1, y2 = (min(max(0.0, float(y)), float(height)) for y in (corners[1], corners[3]))
    return Box(x1, y1, x2, y2, min(1.0, float(confidence)))


def _round_up(length: float) -> int:
    return int(np.ceil(length / STRIDE)) * STRIDE
