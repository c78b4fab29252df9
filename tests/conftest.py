"""Fixtures that several test modules share."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import settings

ROOT = Path(__file__).resolve().parent.parent

SHARED = ROOT.parent / "shared"

pytest_plugins = (
    "tests.helpers.fixtures_browser",
    "tests.helpers.fixtures_fragile",
    "tests.helpers.fixtures_models",
    "tests.helpers.fixtures_mongod",
    "tests.helpers.fixtures_web",
)

# A slow machine is no failure, and the same examples run everywhere.
settings.register_profile("proctor", max_examples=60, deadline=None, derandomize=True, database=None)
settings.load_profile("proctor")


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The labelled development data beside the checkout; tests that need it are skipped where it isn't."""
    if not (SHARED / "data" / "scenarios").is_dir():
        pytest.skip("needs the labelled data in ../shared/data")
    return SHARED / "data"


@pytest.fixture(scope="session")
def models_dir() -> Path:
    """The folder with the finished ONNX models; skipped where set-up could not have them."""
    for folder in (ROOT / "models", SHARED / "models"):
        if (folder / "yolov8n.onnx").is_file():
            return folder
    pytest.skip("needs models/yolov8n.onnx (made by ./setup.sh)")
