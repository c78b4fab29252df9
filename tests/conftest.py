"""Fixtures that several test modules share."""

from __future__ import annotations

from collections.abc import Generator, Iterator
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
    "tests.helpers.fixtures_s3",
    "tests.helpers.fixtures_web",
)

LONG = (  # modules that take longest, most of it real time: begun first, they run beside the others and not after them
    "test_exam.py",
    "web/test_server.py",
    "browser/test_trouble.py",
    "bench/test_floors_exams.py",
    "browser/test_portal.py",
    "bench/test_floors_sound.py",
)

# A slow machine is no failure, and the same examples run everywhere.
settings.register_profile("proctor", max_examples=60, deadline=None, derandomize=True, database=None)
settings.load_profile("proctor")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin the long modules first."""
    places = {ROOT / "tests" / name: place for place, name in enumerate(LONG)}
    items.sort(key=lambda item: places.get(item.path, len(LONG)))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Write out what was logged as every process can read it: hostile text may hold what UTF-8 can't, and a worker's report couldn't be sent."""
    report = yield
    report.sections = [(name, text.encode("utf-8", "backslashreplace").decode()) for name, text in report.sections]
    return report


@pytest.fixture(scope="session", autouse=True)
def _clips_at_full_priority() -> Iterator[None]:
    """In an exam clips may wait for everything else; a test waits for them, and beside other tests at full priority they would hardly be begun."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("media.recorder._lower_priority", lambda: None)
        yield


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The labelled development data beside the checkout; tests that need it are skipped where it isn't."""
    if not (SHARED / "data" / "scenarios").is_dir():
        pytest.skip("needs the labelled data in ../shared/data")
    return SHARED / "data"


@pytest.fixture(scope="session")
def more_data(shared_data: Path) -> Path:
    """The second set, of other people; its single pictures are as in `shared_data`."""
    if not (SHARED / "data2" / "persons").is_dir():
        pytest.skip("needs the labelled data in ../shared/data2")
    return SHARED / "data2"


@pytest.fixture(scope="session")
def models_dir() -> Path:
    """The folder with the finished ONNX models; skipped where set-up could not have them."""
    for folder in (ROOT / "models", SHARED / "models"):
        if (folder / "yolov8n.onnx").is_file():
            return folder
    pytest.skip("needs models/yolov8n.onnx (made by ./setup.sh)")
