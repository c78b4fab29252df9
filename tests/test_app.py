"""The app as a whole: its parts start in order, and every one of them ends, whatever another does."""

from __future__ import annotations

import contextlib
import logging
from pathlib import Path

import psutil
import pytest

from app import _is_for_a_command, close_app, create_app
from basics.errors import StorageError
from basics.folder_lock import FolderLock
from records.retention import Retention
from sessions.sources import Stations
from settings.settings import Settings
from tests.helpers.web import settings_for
from web.proctor.live import Live


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return settings_for(tmp_path, mongo_uri="embedded", flask_port=0, models_dir=tmp_path / "no-models")


def databases() -> list[psutil.Process]:
    return [process for process in psutil.Process().children(recursive=True) if _name(process) == "mongod"]


def _name(process: psutil.Process) -> str:
    """Its name; of one that has just ended none."""
    with contextlib.suppress(psutil.NoSuchProcess):
        return str(process.name())
    return ""


def assert_all_ended(settings: Settings, before: list[psutil.Process]) -> None:
    assert [process for process in databases() if process not in before] == []
    for folder, name in (("mongo", "server.lock"), ("spool", "spool.lock")):
        assert (settings.data_dir / folder / name).is_file()
        lock = FolderLock(settings.data_dir / folder, name)
        lock.acquire("end the other")
        lock.release()


def test_a_part_that_fails_to_end_keeps_no_other_back(settings: Settings, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    before = databases()

    def fail(self: object) -> None:
        raise RuntimeError("will not end")

    for part in (Live, Stations):
        monkeypatch.setattr(part, "stop" if part is Live else "close", fail)
    app = create_app(settings)
    assert len(databases()) == len(before) + 1
    with caplog.at_level(logging.ERROR):
        close_app(app)
    assert_all_ended(settings, before)
    assert caplog.text.count("RuntimeError: will not end") == 2


def test_a_part_that_fails_to_start_ends_those_before_it(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    before = databases()

    def fail(self: object) -> None:
        raise StorageError("no room to start")

    monkeypatch.setattr(Retention, "start", fail)
    with pytest.raises(StorageError, match="no room"):
        create_app(settings)
    assert_all_ended(settings, before)


@pytest.mark.parametrize(
    ("words", "command"),
    [
        (["--app", "app", "audit", "--what", "run"], True),
        (["--app", "app", "--help"], True),
        (["--app", "app", "run"], False),
        (["--app", "app", "run", "--host", "audit"], False),
    ],
)
def test_an_option_s_word_is_taken_for_no_command(monkeypatch: pytest.MonkeyPatch, words: list[str], command: bool) -> None:
    monkeypatch.setenv("FLASK_RUN_FROM_CLI", "true")
    monkeypatch.setattr("sys.argv", ["flask", *words])
    assert _is_for_a_command() is command
