"""Finished models are found and checked, and broken ones are named."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from basics.paths import ROOT
from detectors.model_files import MODELS, find_models, unusable
from detectors.runtime import onnxruntime
from tests.helpers.model_folders import FILES, NOWHERE, settings


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
    assert [getattr(files, name) for name in FILES] == [finished / file for file in FILES.values()]
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
    assert len(files.notes) == len(NOWHERE)


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


@pytest.mark.parametrize(
    ("name", "other"),
    [
        ("yolo", "overlap"),
        ("second", "face_far"),
        ("speaker", "yolo"),
        ("overlap", "speaker"),
        ("sounds", "face_near"),
        ("mesh", "face_near"),
        ("face_near", "face_far"),
        ("face_far", "mesh"),
    ],
)
def test_another_model_under_a_models_name_is_refused(finished: Path, tmp_path: Path, name: str, other: str) -> None:
    model = next(model for model in MODELS if model.name == name)
    wrong = tmp_path / model.file
    shutil.copyfile(finished / FILES[other], wrong)
    assert unusable(model, wrong)
    assert unusable(model, finished / model.file, known=False) == ""


def test_a_face_model_of_another_release_is_refused_with_its_sum(finished: Path, tmp_path: Path) -> None:
    """It would run, and draw faces that no limit was measured on."""
    model = next(model for model in MODELS if model.name == "face_near")
    own = tmp_path / model.file
    own.write_bytes((finished / model.file).read_bytes() + bytes(4))
    model.trial(own)
    assert hashlib.sha256(own.read_bytes()).hexdigest() in unusable(model, own)
    files = find_models(settings(tmp_path), finished)
    assert files.face_near == finished / model.file
    assert any(str(own) in note and "mediapipe 0.10.21" in note for note in files.notes)


@pytest.mark.parametrize("name", ["mesh", "face_near", "face_far"])
def test_a_face_model_cut_short_fails_its_trial(finished: Path, tmp_path: Path, name: str) -> None:
    model = next(model for model in MODELS if model.name == name)
    whole = (finished / model.file).read_bytes()
    for length in (0, 3, 100, len(whole) // 2):
        (tmp_path / model.file).write_bytes(whole[:length])
        with pytest.raises((ValueError, RuntimeError)):
            model.trial(tmp_path / model.file)


@pytest.mark.skipif(len(NOWHERE) == len(MODELS), reason="needs the package mediapipe")
def test_the_package_lends_its_face_models_without_being_loaded(nothing: Path) -> None:
    code = (
        "import sys, pathlib; from detectors.model_files import find_models; from settings.models import ModelSettings;"
        "nothing = pathlib.Path(sys.argv[1]);"
        "files = find_models(ModelSettings(models_dir=nothing), nothing); assert files.mesh and files.face_near and files.face_far;"
        "assert 'mediapipe' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code, str(nothing)], cwd=ROOT, check=True, timeout=60)


def test_the_second_network_may_be_the_one_that_set_up_makes(finished: Path, tmp_path: Path) -> None:
    """YOLOv8n stands in for the export of YOLO11n: both have the same form."""
    own = tmp_path / "yolo11n.onnx"
    shutil.copyfile(finished / FILES["yolo"], own)
    assert find_models(settings(tmp_path), tmp_path / "nowhere").second == own
    (tmp_path / FILES["second"]).symlink_to(finished / FILES["second"])
    assert find_models(settings(tmp_path), tmp_path / "nowhere").second == tmp_path / FILES["second"]


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
