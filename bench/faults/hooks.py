"""Detectors that raise or are slow, in a server that a bench has started: the product itself has no hook for it.

`environment` gives the server's process a `sitecustomize` of the bench's own, which wraps the methods that are named as their modules are loaded.
While a method's file is there, the method does what stands in it: `raise` or `sleep SECONDS`.
"""

from __future__ import annotations

import functools
import importlib.abc
import importlib.machinery
import os
import select
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

FOLDER = "BENCH_FAULTS_FOLDER"
METHODS = {  # the name of the file: module, class, method
    "gaze": ("gaze_direction", "GazeDetector", "read"),
    "persons": ("face_detector", "PersonsModel", "look"),
    "sound": ("audiodetector", "AudioDetector", "take"),
    "encoder": ("media.recorder", "", "encode"),
}


def environment(folder: Path, root: Path) -> dict[str, str]:
    """What a server must be started with, so that its detectors do what the files in `folder` say."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "sitecustomize.py").write_text("import bench.faults.hooks\n\nbench.faults.hooks.install()\n")
    return {FOLDER: str(folder), "PYTHONPATH": f"{folder}{os.pathsep}{root}"}


def install() -> None:
    """Wrap the methods as soon as their modules are loaded. Called in the server's process, before it loads anything."""
    if "faketime" in os.environ.get("LD_PRELOAD", ""):
        time.sleep = _sleep  # type: ignore[assignment]
    folder = os.environ.get(FOLDER)
    if folder:
        sys.meta_path.insert(0, _Finder(Path(folder)))


def _sleep(seconds: float) -> None:
    # libfaketime 0.9.10 lets no `time.sleep` of Python 3.11 pass (EINVAL): it takes its monotonic time for the wall's.
    select.select([], [], [], seconds)


class _Finder(importlib.abc.MetaPathFinder):
    """Finds the modules to be wrapped as Python itself does, and wraps them once they are loaded."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._wanted = {module: (name, owner, method) for name, (module, owner, method) in METHODS.items()}

    def find_spec(self, fullname: str, path: Any = None, target: ModuleType | None = None) -> importlib.machinery.ModuleSpec | None:
        if fullname not in self._wanted:
            return None
        name, owner, method = self._wanted.pop(fullname)
        spec = importlib.machinery.PathFinder.find_spec(fullname, path)
        if spec is None or spec.loader is None:
            return None
        load = spec.loader.exec_module

        def load_and_wrap(module: ModuleType) -> None:
            load(module)
            holder: Any = getattr(module, owner) if owner else module
            setattr(holder, method, wrapped(getattr(holder, method), self._folder / name))

        spec.loader.exec_module = load_and_wrap  # type: ignore[method-assign]
        return spec


def wrapped(function: Callable[..., Any], file: Path) -> Callable[..., Any]:
    """`function`, which first does what stands in `file`, while it is there."""

    @functools.wraps(function)
    def whole(*arguments: Any, **named: Any) -> Any:
        obey(file)
        return function(*arguments, **named)

    return whole


def obey(file: Path) -> None:
    """Do what stands in `file`: nothing where there is none."""
    try:
        word, _, value = file.read_text().partition(" ")
    except FileNotFoundError:
        return
    if word == "raise":
        raise RuntimeError(f"the bench has broken {file.name}")
    time.sleep(float(value))
