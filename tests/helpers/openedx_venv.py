"""An environment of its own for Open edX's packages, so that they stay out of ours: made once, and kept in pytest's cache."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
import sysconfig
import venv
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

INSTALL_S = 540


def python_with(packages: tuple[str, ...], config: pytest.Config) -> Path:
    """The environment's Python, with these packages. Skips the test where they can't be had."""
    cache, name = config.cache.mkdir("openedx"), packages[0].partition("=")[0]
    kept = cache / f"{name}-{hashlib.sha256(' '.join((*packages, sys.version)).encode()).hexdigest()[:16]}"
    home, whole = kept / "venv", kept / "whole"  # of that name, by which tests and tools leave out what is not ours
    python = home / ("Scripts" if sys.platform == "win32" else "bin") / "python"
    if whole.exists() and python.exists():
        return python
    for old in cache.glob(f"{name}-*"):  # of another version, or begun and not finished
        shutil.rmtree(old, ignore_errors=True)
    venv.create(home, with_pip=False, symlinks=True)
    target = sysconfig.get_path("purelib", vars={"base": str(home)})  # by our own pip: to bring one along takes as long as half of the packages
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "install", "--quiet", "--retries", "1", "--no-compile", "--target", target]
    try:
        done = subprocess.run([*pip, *packages], capture_output=True, text=True, check=False, timeout=INSTALL_S)
    except subprocess.TimeoutExpired:
        pytest.skip(f"{packages[0]} could not be installed within {INSTALL_S} s: PyPI is slow or away")
    if done.returncode:
        pytest.skip(f"{packages[0]} can't be had from PyPI here: {done.stderr.strip()[-300:]}")
    whole.touch()
    return python


@contextmanager
def serving(python: Path, script: str, *arguments: str) -> Iterator[str]:
    """The address at which one of the helpers' scripts serves, which prints its port."""
    command = [str(python), "-I", str(Path(__file__).with_name(script)), *arguments]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        port = process.stdout.readline().strip()
        assert port, f"{script} ended"
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.communicate(timeout=30)
