"""Which model files are there, from where, and whether they run. Only looks: never downloads, installs or writes."""

from __future__ import annotations

import hashlib
import importlib.metadata
import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from basics.paths import ROOT
from basics.texts import _, joined
from settings.models import GazeBackend, ModelSettings

SHARED_MODELS = ROOT.parent / "shared" / "models"
SUMS_FILE = "SHA256SUMS"  # beside the models: the sums of those that passed a trial run, in the form of sha256sum

Name = Literal["yolo", "second", "speaker", "overlap", "sounds", "mesh", "face_near", "face_far"]


@dataclass(frozen=True, slots=True)
class ModelFiles:
    """Usable model files; None where there is none. `notes` says, for people, what the server can't do without them."""

    yolo: Path | None
    second: Path | None
    speaker: Path | None
    overlap: Path | None
    sounds: Path | None
    mesh: Path | None
    face_near: Path | None
    face_far: Path | None
    notes: list[str]


@dataclass(frozen=True, slots=True)
class Model:
    """One model: its file's name, what it is for, what the server does without it, known sums, and a trial run that raises.

    Where `packaged` names a place in the package mediapipe, only the very file of that package will do: limits were measured with it.
    `made` is the file that set-up makes where nobody brings the other one, which is preferred.
    """

    name: Name
    file: str
    purpose: str
    without: str
    sums: frozenset[str]
    trial: Callable[[Path], None]
    packaged: str = ""
    made: str = ""

    @property
    def files(self) -> tuple[str, ...]:
        """The names of the files that will do, the preferred one first."""
        return (self.file, self.made) if self.made else (self.file,)


def _try_yolo(path: Path) -> None:
    (output,) = _session(path).run(None, {"images": np.zeros((1, 3, 320, 416), np.float32)})
    # 84 = 4 of a box + 80 classes; one anchor for each 8, 16 and 32 pixels
    _expect(output, (1, 84, 40 * 52 + 20 * 26 + 10 * 13))


def _try_second(path: Path) -> None:
    from detectors.runtime import is_lite, open_lite

    if not is_lite(path):
        _try_yolo(path)
        return
    model = open_lite(path, most=1)
    (given,) = model.inputs
    (output,) = model(np.zeros(given.shape, np.float32))
    height, width = given.shape[2:]
    _expect(output, (1, 84, sum((height // step) * (width // step) for step in (8, 16, 32))))


def _try_speaker(path: Path) -> None:
    session = _session(path)
    random = np.random.default_rng(0)
    one, two = (session.run(None, {"feats": random.normal(size=(1, frames, 80)).astype(np.float32)})[0] for frames in (100, 150))
    _expect(one, (1, 192))
    if np.allclose(one, two):
        raise ValueError("gives the same numbers for different sounds")


def _try_overlap(path: Path) -> None:
    wave = np.random.default_rng(0).normal(scale=0.1, size=(1, 1, 32_000)).astype(np.float32)
    (output,) = _session(path).run(None, {"wav": wave})
    _expect(output, (1, output.shape[1], 7))
    if not np.allclose(np.exp(output).sum(axis=-1), 1, atol=1e-3):
        raise ValueError("its frames are not probabilities")


def _try_sounds(path: Path) -> None:
    from detectors.runtime import open_lite

    model = open_lite(path, most=1)
    (given,) = model.inputs
    tone = 0.5 * np.sin(np.arange(15_600, dtype=np.float32))
    of_silence, of_tone = (model(sound.reshape(given.shape))[0] for sound in (np.zeros(15_600, np.float32), tone))
    _expect(of_silence, (1, 521))
    _expect(of_tone, (1, 521))
    if of_silence.argmax() == of_tone.argmax() or min(of_silence.min(), of_tone.min()) < 0 or max(of_silence.max(), of_tone.max()) > 1:
        raise ValueError("its scores don't tell a tone from silence")


def _try_mesh(path: Path) -> None:
    from detectors.mesh_file import heads_part, mesh_part
    from detectors.runtime import open_lite

    content = path.read_bytes()
    mesh, score, features = open_lite(mesh_part(content), most=1)(np.zeros((1, 192, 192, 3), np.float32))
    _expect(mesh, (1, 1, 1, 3 * 468))
    _expect(score, (1, 1, 1, 1))
    _expect(features, (1, 48, 48, 32))
    crop = features[:, :16, :16].copy()
    for output, points in zip(open_lite(heads_part(content), most=1)(crop, crop), (71, 71, 5, 5), strict=True):
        _expect(output, (1, points, 2))


def _try_face_near(path: Path) -> None:
    _try_faces(path, 128, 2 * 16 * 16 + 6 * 8 * 8)


def _try_face_far(path: Path) -> None:
    _try_faces(path, 192, 48 * 48)


def _try_faces(path: Path, side: int, anchors: int) -> None:
    from detectors.runtime import open_lite

    places, scores = open_lite(path, most=1)(np.zeros((1, side, side, 3), np.float32))
    _expect(places, (1, anchors, 16))
    _expect(scores, (1, anchors, 1))


def _session(path: Path) -> Any:
    from detectors.runtime import FATAL, open_model

    return open_model(path, least_said=FATAL)


def _expect(output: Any, shape: tuple[int, ...]) -> None:
    if output.shape != shape:
        raise ValueError(f"its output has the shape {output.shape}, expected {shape}")
    if not np.isfinite(output).all():
        raise ValueError("its output is not finite")


MODELS: tuple[Model, ...] = (
    Model(
        "yolo",
        "yolov8n.onnx",
        "persons and phones (YOLOv8n)",
        _("faces are counted by MediaPipe, and phones aren't seen"),
        frozenset({"3975aece6270d11e82a484c740bf3fc83f98fd9bf5b3282d23ee91d760f1eec6"}),
        _try_yolo,
    ),
    Model(
        "second",
        "yolo11n_int8.tflite",
        "a second opinion on persons and phones (YOLO11n)",
        _("one network alone judges persons and phones, and finds fewer phones"),
        frozenset({"a4df84abd0de5c5ae1652a253accf165daaf0b2796956b238b8b87be25836b33"}),
        _try_second,
        made="yolo11n.onnx",
    ),
    Model(
        "speaker",
        "campplus_zh_en_192.onnx",
        "telling voices apart (CAM++)",
        _("voices aren't told apart; speech is still found"),
        frozenset({"f2e8b4b5bd1598b28422a02e9feccf0fcedb416c2a80e807f75c09d663ba39b0"}),
        _try_speaker,
    ),
    Model(
        "overlap",
        "pyannote_seg3.onnx",
        "two voices at once (pyannote segmentation)",
        _("two voices at the same moment aren't found; voices in turn still are"),
        frozenset({"686c389bab3610990b5880c9a307a4453aff4dfe953174088dbd2012608a1dda"}),
        _try_overlap,
    ),
    Model(
        "sounds",
        "yamnet.tflite",
        "telling coughs, music and other sounds from speech (YAMNet)",
        _("coughs, laughter, babies and the like may be taken for speech"),
        frozenset({"469be6a3421cbc52cf97e9f2f966cba984198e8e7af9854d68b3e3ebb1e04194"}),
        _try_sounds,
    ),
    Model(
        "mesh",
        "face_landmark_with_attention.tflite",
        "where students look (FaceMesh)",
        _("gaze can't be read"),
        frozenset({"e06a804e0144f9929eda782122916b35d60c697c3c9344013ca2bbe76a6ce2b4"}),
        _try_mesh,
        "modules/face_landmark",
    ),
    Model(
        "face_near",
        "face_detection_short_range.tflite",
        "finding faces at a desk (BlazeFace, short range)",
        _("gaze can't be read"),
        frozenset({"bbff11cebd1eb27a1e004cae0b0e63ec8c551cbf34a4451148b4908b8db3eca8"}),
        _try_face_near,
        "modules/face_detection",
    ),
    Model(
        "face_far",
        "face_detection_full_range_sparse.tflite",
        "finding small and turned faces (BlazeFace, full range)",
        _("gaze can't be read"),
        frozenset({"2c3728e6da56f21e21a320433396fb06d40d9088f2247c05e5635a688d45dfe1"}),
        _try_face_far,
        "modules/face_detection",
    ),
)


def find_models(settings: ModelSettings, shared: Path = SHARED_MODELS) -> ModelFiles:
    """The usable files in MODELS_DIR, `shared` or the package mediapipe, known by their sums or tried.

    Never raises for a missing or broken one: `notes` says so.
    """
    found: dict[str, Path | None] = {}
    backend, note = face_backend(settings)
    notes = [note] if note else []
    for model in MODELS:
        found[model.name], note = find_model(model, settings, shared)
        unused = {
            "yolo": settings.detector_backend != "onnx",
            "second": settings.detector_backend == "facemesh",
        }.get(model.name, bool(model.packaged) and backend != "litert")
        if note and not unused:
            notes.append(note)
    if settings.detector_backend == "facemesh":
        found["yolo"] = found["second"] = None
        notes.append(_("DETECTOR_BACKEND=facemesh: faces are counted by MediaPipe, and phones aren't seen"))
    elif settings.detector_backend == "ultralytics":
        found["yolo"] = torch_weights(settings, shared) or found["yolo"]
        if found["yolo"] is None:
            notes.append(_("No YOLOv8n weights for DETECTOR_BACKEND=ultralytics: faces are counted by MediaPipe. Set YOLO_WEIGHTS."))
    return ModelFiles(**found, notes=notes)


def face_backend(settings: ModelSettings) -> tuple[GazeBackend | None, str]:
    """What reads faces on this machine, and what people should know of it: MediaPipe where LiteRT isn't to be had, None where neither is."""
    from detectors.runtime import lite_missing

    installed = _has_graph()
    if settings.gaze_backend == "mediapipe":
        mend = _("GAZE_BACKEND=mediapipe needs the package mediapipe (Python 3.10 to 3.12): ./setup.sh --mediapipe, or set GAZE_BACKEND=litert")
        return ("mediapipe", "") if installed else (None, mend)
    missing = lite_missing()
    if not missing:
        return "litert", ""
    if installed:
        return "mediapipe", _("LiteRT can't be used (%(error)s): faces are read by MediaPipe's graph, which takes more memory.", error=missing)
    return None, _("Faces can't be read without the package ai-edge-litert (%(error)s): run ./setup.sh", error=missing)


def _has_graph() -> bool:
    """Whether the package mediapipe is there in a release with the graph. Releases from 1 on were seen calling their maker: they are not loaded."""
    try:
        return importlib.util.find_spec("mediapipe") is not None and importlib.metadata.version("mediapipe").startswith("0.")
    except importlib.metadata.PackageNotFoundError:
        return False


def find_model(model: Model, settings: ModelSettings, shared: Path = SHARED_MODELS) -> tuple[Path | None, str]:
    """The model's usable file, and what people should know of it."""
    return _find(model, (settings.models_dir, shared, *packaged(model)))


def packaged(model: Model) -> tuple[Path, ...]:
    """The folder of the package mediapipe that holds the model's file; none where it holds none or isn't installed. It is not loaded."""
    package = importlib.util.find_spec("mediapipe") if model.packaged else None
    folders = package.submodule_search_locations if package else None
    return tuple(Path(folder) / model.packaged for folder in folders or ())


def unusable(model: Model, path: Path, *, known: bool = True) -> str:
    """Why the file can't be used; empty if it can. A file whose sum is not `known` is tried in its runtime (about 0.1 s)."""
    given = sum_of(path)
    if model.packaged and given not in model.sums:
        return _("it is not the one of mediapipe 0.10.21: its SHA-256 is %(sum)s", sum=given)
    if known and given in model.sums | recorded_sums(path):
        return ""
    try:
        model.trial(path)
    except Exception as error:  # ONNX Runtime raises a dozen kinds of its own for a broken file
        return str(error).strip().splitlines()[0][:300] if str(error).strip() else type(error).__name__
    return ""


# Looking


def _find(model: Model, folders: tuple[Path, ...]) -> tuple[Path | None, str]:
    broken: list[str] = []
    for path in (folder / file for folder in folders for file in model.files):
        if not path.is_file():
            continue
        reason = unusable(model, path)
        if not reason:
            return path, joined(" ", broken)
        broken = [_("%(path)s can't be used (%(reason)s): delete it and run ./setup.sh.", path=path, reason=reason)]
    missing = _("No %(file)s: %(without)s. To make it, run ./setup.sh --models", file=model.file, without=model.without)
    return None, joined(" ", [*broken, missing])


def torch_weights(settings: ModelSettings, shared: Path) -> Path | None:
    """YOLOv8n's own weights: those that YOLO_WEIGHTS names, else in MODELS_DIR or `shared`."""
    named = [Path(settings.yolo_weights).expanduser()] if settings.yolo_weights else []
    return next((path for path in (*named, settings.models_dir / "yolov8n.pt", shared / "yolov8n.pt") if path.is_file()), None)


def sum_of(path: Path) -> str:
    """The file's SHA-256, as SHA256SUMS has it."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def recorded_sums(path: Path) -> frozenset[str]:
    """Sums recorded for this file's name beside it."""
    try:
        lines = (path.parent / SUMS_FILE).read_text(encoding="ascii").splitlines()
    except (OSError, UnicodeDecodeError):
        return frozenset()
    return frozenset(parts[0] for parts in (line.split() for line in lines) if len(parts) == 2 and parts[1] == path.name)
