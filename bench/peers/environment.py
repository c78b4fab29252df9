"""The Python in which the usual loop runs: an environment of its own in a cache folder, made once, with what `requirements.txt` beside this pins."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from basics.errors import DetectorError
from basics.paths import ROOT
from detectors.model_files import SHARED_MODELS

REQUIREMENTS = Path(__file__).with_name("requirements.txt")
MEDIAPIPE = "mediapipe==0.10.21"  # asks for jax, which FaceMesh doesn't use
TORCH_INDEX = "https://download.pytorch.org/whl/cpu"  # PyPI's torch may bring several GB of CUDA; TORCH_INDEX= (empty) leaves it out
MAKE_S = 1800.0
FREE_BYTES = 4 << 30
PYTHONS = ((3, 10), (3, 12))  # those for which MediaPipe has wheels with FaceMesh inside
WEIGHTS = "yolov8n.pt"


def cache_folder() -> Path:
    """Where environments are kept: `$XDG_CACHE_HOME/exam-proctoring`, by default `~/.cache/exam-proctoring`."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "exam-proctoring"


def python_of(folder: Path | None) -> Path:
    """The Python of the environment in `folder`, which must be there; without one that of the cache folder, made where it isn't.

    Raise `DetectorError` that says what is missing.
    """
    if folder is not None:
        python = _python(folder)
        if not python.is_file():
            raise DetectorError(f"There is no Python at {python}. Give an environment with what {REQUIREMENTS} says, or leave --env out.")
        return python
    mark = hashlib.sha256(REQUIREMENTS.read_bytes() + MEDIAPIPE.encode()).hexdigest()[:12]
    home = cache_folder() / f"peers-{mark}"
    if not (home / "whole").is_file():
        _make(home)
    return _python(home)


def weights_in(given: Path | None, python: Path) -> Path:
    """YOLOv8n's weights for torch: those given, those of the models' folders, or ultralytics' download into the environment's folder."""
    if given is not None:
        if not given.is_file():
            raise DetectorError(f"There are no weights at {given}.")
        return given
    home = python.parent.parent
    for folder in (ROOT / "models", SHARED_MODELS, home):
        if (folder / WEIGHTS).is_file():
            return folder / WEIGHTS
    fetch = f"from ultralytics.utils.downloads import attempt_download_asset; attempt_download_asset({WEIGHTS!r})"
    _run([str(python), "-I", "-c", fetch], home)
    if not (home / WEIGHTS).is_file():
        raise DetectorError(f"ultralytics could not fetch {WEIGHTS}. Get it from its releases and give it with --weights.")
    return home / WEIGHTS


def _python(folder: Path) -> Path:
    return folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def _make(home: Path) -> None:
    if not PYTHONS[0] <= sys.version_info[:2] <= PYTHONS[1]:
        raise DetectorError(
            f"MediaPipe has no wheels for Python {sys.version_info[0]}.{sys.version_info[1]}. Give an environment of 3.10 to 3.12 with --env."
        )
    home.parent.mkdir(parents=True, exist_ok=True)
    if shutil.disk_usage(home.parent).free < FREE_BYTES:
        raise DetectorError(f"The environment needs {FREE_BYTES >> 30} GB of room in {home.parent}, for a while.")
    shutil.rmtree(home, ignore_errors=True)
    print(f"making {home} (2 to 10 minutes, once; delete it when you are done)", flush=True)
    _run([sys.executable, "-m", "venv", str(home)], home.parent)
    pip = [str(_python(home)), "-m", "pip", "--disable-pip-version-check", "install", "--quiet"]
    pins = [pin for line in REQUIREMENTS.read_text(encoding="utf-8").splitlines() if (pin := line.partition("#")[0].strip())]
    index = os.environ.get("TORCH_INDEX", TORCH_INDEX if sys.platform == "linux" else "")
    # Apart, for an index that doesn't answer is asked again and again for each package.
    extra = ["--retries", "1", "--extra-index-url", index] if index else []
    _run([*pip, *extra, *(pin for pin in pins if pin.startswith("torch"))], home)
    _run([*pip, *pins], home)
    _run([*pip, "--no-deps", MEDIAPIPE], home)
    (home / "whole").touch()


def _run(command: Sequence[str], folder: Path) -> None:
    """Run a step to its end. Raise `DetectorError` with its last words."""
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=MAKE_S, stdin=subprocess.DEVNULL)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise DetectorError(f"{command[0]} could not be run: {error}") from error
    if done.returncode:
        said = [line.strip() for line in (done.stdout + done.stderr).splitlines() if line.strip()]
        raise DetectorError(f"{' '.join(command[:4])} … failed: {said[-1][:300] if said else 'no output'}")
