"""A folder with the three finished models, and one with none."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.helpers.model_folders import FILES


@pytest.fixture
def finished(models_dir: Path, tmp_path: Path) -> Path:
    """A folder with the three finished models."""
    folder = tmp_path / "finished"
    folder.mkdir()
    for file in FILES.values():
        if not (models_dir / file).is_file():
            pytest.skip(f"needs {file}")
        (folder / file).symlink_to(models_dir / file)
    return folder


@pytest.fixture
def nothing(tmp_path: Path) -> Path:
    folder = tmp_path / "nothing"
    folder.mkdir()
    return folder
