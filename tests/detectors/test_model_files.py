"""Finished models are found and checked, and broken ones are named."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

import pytest

from detectors.model_files import MODELS, find_models, unusable
from detectors.runtime import onnxruntime
from tests.helpers.model_folders import FILES, settings


def rewritten(source: Path, target: Path) -> Path:
    """The same model with other bytes, as somebody else's export would be."""
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
    options.optimized_model_filepath = str(target)
    options.log_severity_level = 4
    onnxruntime.InferenceSession(str(source), options, providers=["CPUExecutionProvider"])
    return target


def test_finished_files_are_taken_as_they_are_and_leave_nothing_to_say(finished: Path, nothing: Path) -> None:
    files = find_models(settings(finished), nothing)
    assert (files.yolo, files.speaker, files.overlap) == tuple(finished / file for file in FILES.values())
    assert files.notes == []


def test_models_dir_goes_before_the_shared_folder(finished: Path, tmp_path: Path) -> None:
    own = tmp_path / "own"
    own.mkdir()
    shutil.copyfile(finished / FILES["overlap"], own / FILES["overlap"])
    files = find_models(settings(own), finished)
    assert files.overlap == own / FILES["overlap"]
    assert files.yolo == finished / FILES["yolo"]


def test_without_any_model_the_notes_say_what_the_server_does_instead(nothing: Path) -> None:
    files = find_models(settings(nothing), nothing)
    assert (files.yolo, files.speaker, files.overlap) == (None, None, None)
    said = "\n".join(files.notes)
    assert "faces are counted by MediaPipe" in said
    assert "voices aren't told apart" in said
    assert len(files.notes) == len(MODELS)


def test_a_damaged_file_is_named_and_the_shared_one_is_used(finished: Path, tmp_path: Path) -> None:
    own = tmp_path / "own"
    own.mkdir()
    (own / FILES["yolo"]).write_bytes((finished / FILES["yolo"]).read_bytes()[:100_000])
    files = find_models(settings(own), finished)
    assert files.yolo == finished / FILES["yolo"]
    assert any(str(own / FILES["yolo"]) in note and "can't be used" in note for note in files.notes)


def test_an_export_of_ones_own_is_used_when_it_runs(finished: Path, tmp_path: Path) -> None:
    path = rewritten(finished / FILES["overlap"], tmp_path / FILES["overlap"])
    assert hashlib.sha256(path.read_bytes()).digest() != hashlib.sha256((finished / FILES["overlap"]).read_bytes()).digest()
    assert find_models(settings(tmp_path), finished).overlap == path


@pytest.mark.parametrize(("name", "other"), [("yolo", "overlap"), ("speaker", "yolo"), ("overlap", "speaker")])
def test_another_model_under_a_models_name_is_refused(finished: Path, tmp_path: Path, name: str, other: str) -> None:
    model = next(model for model in MODELS if model.name == name)
    wrong = tmp_path / model.file
    shutil.copyfile(finished / FILES[other], wrong)
    assert unusable(model, wrong)
    assert unusable(model, finished / model.file, known=False) == ""


def test_facemesh_needs_no_persons_model_and_says_so(finished: Path, nothing: Path) -> None:
    files = find_models(settings(finished, "facemesh"), nothing)
    assert files.yolo is None
    assert files.speaker is not None
    assert len(files.notes) == 1
    assert "phones aren't seen" in files.notes[0]


def test_ultralytics_gets_the_weights_that_are_named(finished: Path, nothing: Path, tmp_path: Path) -> None:
    weights = tmp_path / "mine.pt"
    weights.write_bytes(b"weights")
    assert find_models(settings(finished, "ultralytics", str(weights)), nothing).yolo == weights
    assert find_models(settings(finished, "ultralytics"), nothing).yolo == finished / FILES["yolo"]


def test_looking_for_models_writes_nothing(finished: Path, nothing: Path) -> None:
    find_models(settings(nothing), finished)
    find_models(settings(nothing), nothing)
    assert list(nothing.iterdir()) == []
