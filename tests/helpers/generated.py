"""A client that openapi-python-client makes of the server's own description. All of it lies in a folder apart from the tests' packages."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

GENERATOR = "openapi-python-client==0.29.1"
INSTALL_S, GENERATE_S = 540, 300
NO_HOOKS = "post_hooks: []\n"  # what is read by a program need not be formatted


def alone(packages: Sequence[Path], *arguments: str) -> list[str]:
    """A command of this Python that knows its own library and these packages, and nothing of the tests' environment."""
    begin = f"import runpy, sys; sys.path[:0] = {[str(one) for one in packages]!r}; sys.argv = sys.argv[1:]; "
    how = "runpy.run_path(sys.argv[0], run_name='__main__')" if arguments[0].endswith(".py") else "runpy.run_module(sys.argv[0], run_name='__main__')"
    return [sys.executable, "-I", "-S", "-X", "utf8", "-c", begin + how, *arguments]


def generator(cache: Path) -> Path:
    """The generator's packages, which are installed once. Skips the test where they can't be had."""

    def install(folder: Path) -> None:
        pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "install", "--quiet", "--retries", "1", "--no-compile"]
        try:
            done = subprocess.run([*pip, "--target", str(folder), GENERATOR], capture_output=True, text=True, check=False, timeout=INSTALL_S)
        except subprocess.TimeoutExpired:
            pytest.skip(f"{GENERATOR} could not be installed within {INSTALL_S} s: PyPI is slow or away")
        if done.returncode:
            pytest.skip(f"{GENERATOR} can't be had from PyPI here: {done.stderr.strip()[-300:]}")

    return _once(cache / f"{GENERATOR}-{sys.version_info.major}.{sys.version_info.minor}", install)


def client_of(document: bytes, config: str, packages: Path, cache: Path) -> Path:
    """The folder of the client's package, made once of each document. Raise `AssertionError` with what the generator says where it warns."""

    def generate(folder: Path) -> None:
        (folder / "openapi.json").write_bytes(document)
        (folder / "client.yaml").write_text(config + NO_HOOKS, "utf-8")
        options = ("--path", "openapi.json", "--config", "client.yaml", "--meta", "none", "--fail-on-warning")
        command = alone([packages], "openapi_python_client", "generate", *options)
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=GENERATE_S, encoding="utf-8")
        assert done.returncode == 0, f"{done.stdout[-6000:]}\n{done.stderr[-6000:]}"

    digest = hashlib.sha256(b"\n".join((document, config.encode(), GENERATOR.encode()))).hexdigest()[:24]
    return _once(cache / f"client-{digest}", generate)


def _once(folder: Path, make: Callable[[Path], None]) -> Path:
    """`folder` with what is made in it; one that was begun and not finished is never there, and what was made before of another goes."""
    if not folder.exists():
        for old in folder.parent.glob(f"{folder.name.partition('-')[0]}-*"):
            shutil.rmtree(old, ignore_errors=True)
        with tempfile.TemporaryDirectory(dir=folder.parent, ignore_cleanup_errors=True) as begun:
            made = Path(begun) / "made"
            made.mkdir()
            make(made)
            if not folder.exists():
                os.rename(made, folder)
    return folder
