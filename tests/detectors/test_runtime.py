"""ONNX Runtime and LiteRT keep to themselves: no identifier on this machine, no word to anybody, nothing on stderr."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

from basics.paths import ROOT
from detectors.model_files import find_models
from detectors.runtime import LiteModel, lite_missing, open_lite
from settings.models import ModelSettings

READ = "from detectors.runtime import open_model; from detectors.sound_models import silero_path; open_model(silero_path())"
needs_lite = pytest.mark.skipif(bool(lite_missing()), reason="needs LiteRT")


@pytest.fixture
def near(models_dir: Path) -> Path:
    path = find_models(ModelSettings(models_dir=models_dir)).face_near
    if path is None:
        pytest.skip("needs the model of near faces")
    return path


def test_a_model_that_is_read_leaves_no_identifier_behind(tmp_path: Path) -> None:
    """With its telemetry on it writes one as soon as a session is made, and looks its collector up."""
    environment = {name: value for name, value in os.environ.items() if name != "ORT_DISABLE_TELEMETRY"} | {"TMPDIR": str(tmp_path)}
    subprocess.run([sys.executable, "-c", READ], cwd=ROOT, env=environment, check=True, timeout=60)
    assert list(tmp_path.iterdir()) == []


@needs_lite
def test_litert_writes_nothing_and_what_others_write_meanwhile_comes_through(near: Path) -> None:
    code = (
        "import sys, os, pathlib; from detectors import runtime; made = runtime._interpreter_class();"
        "runtime._interpreter_class = lambda: os.write(2, b'of another thread\\n') and made; runtime.open_lite(pathlib.Path(sys.argv[1]), most=1)"
    )
    done = subprocess.run([sys.executable, "-c", code, str(near)], cwd=ROOT, check=True, timeout=60, capture_output=True)
    assert (done.stdout, done.stderr) == (b"", b"of another thread\n")


@needs_lite
def test_what_is_given_and_taken_in_place_is_the_same_and_a_failure_there_harms_nothing(near: Path) -> None:
    model = open_lite(near, most=1)
    (given,) = model.inputs
    picture = np.random.default_rng(1).random(given.shape, np.float32)
    alone = model(picture)

    def give(into: np.ndarray) -> None:
        into[:] = picture

    with pytest.raises(ZeroDivisionError):
        model.in_place(give, lambda *_made: 1 / 0)
    for _ in range(2):
        taken = model.in_place(give, lambda *made: [one.copy() for one in made])
        assert all(np.array_equal(one, other) for one, other in zip(taken, alone, strict=True))


@needs_lite
def test_a_lite_model_serves_threads_at_once_with_no_more_interpreters_than_allowed(near: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[object] = []
    make = LiteModel._make

    def counted(model: LiteModel) -> object:
        made.append(make(model))
        return made[-1]

    monkeypatch.setattr(LiteModel, "_make", counted)
    model = open_lite(near, most=3)
    (given,) = model.inputs
    pictures = [np.random.default_rng(seed).random(given.shape, np.float32) for seed in range(4)]
    alone = [model(picture) for picture in pictures]
    assert len(made) == 2, "those of the first calls that come at once are there from the start"
    wrong: list[int] = []
    start = threading.Barrier(4)

    def read(number: int) -> None:
        start.wait(60)
        for _ in range(20):
            for one, other in zip(model(pictures[number]), alone[number], strict=True):
                if not np.array_equal(one, other):
                    wrong.append(number)

    threads = [threading.Thread(target=read, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert wrong == []
    assert 2 <= len(made) <= 3


@needs_lite
def test_a_lite_model_goes_on_after_wrong_inputs(near: Path) -> None:
    model = open_lite(near, most=1)
    (given,) = model.inputs
    for wrong in (np.zeros((1, 5, 5, 3), np.float32), np.zeros(given.shape, np.uint8)):
        with pytest.raises(ValueError, match=r".+"):
            model(wrong)
    assert [output.shape for output in model(np.zeros(given.shape, np.float32))] == [output.shape for output in model.outputs]
