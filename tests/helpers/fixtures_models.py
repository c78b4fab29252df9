"""A folder with all finished models, and one with none."""

from __future__ import annotations

from pathlib import Path

import pytest

from detectors.model_files import MODELS, SHARED_MODELS, packaged


@pytest.fixture
def finished(models_dir: Path, tmp_path: Path) -> Path:
    """A folder with all finished models."""
    folder = tmp_path / "finished"
    folder.mkdir()
    for model in MODELS:
        source = next((path for path in (place / model.file for place in (models_dir, SHARED_MODELS, *packaged(model))) if path.is_file()), None)
        if source is None:
            pytest.skip(f"needs {model.file}")
        (folder / model.file).symlink_to(source)
    return folder


@pytest.fixture(scope="session")
def second_model(models_dir: Path) -> Path:
    """The second network's file; skipped where set-up could not have it."""
    for path in (folder / "yolo11n_int8.tflite" for folder in (models_dir, SHARED_MODELS)):
        if path.is_file():
            return path
    pytest.skip("needs models/yolo11n_int8.tflite (taken by ./setup.sh where ../shared/models has it)")


@pytest.fixture
def nothing(tmp_path: Path) -> Path:
    folder = tmp_path / "nothing"
    folder.mkdir()
    return folder
