"""What a killed server leaves is known again by its start, whatever the wall clock does meanwhile, and nobody else is ended for it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from basics.paths import ROOT
from web import leftovers
from web.leftovers import NAME, end_leftovers, note_worker


@pytest.fixture
def left(tmp_path: Path) -> Iterator[psutil.Process]:
    """A process that is noted as a worker whose master is gone."""
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    worker = psutil.Process(child.pid)
    entries = {"worker": leftovers._sign(worker), "master": leftovers._sign(worker) | {"begun": 1}}
    (tmp_path / NAME).write_text(json.dumps(entries))
    yield worker
    child.kill()
    child.communicate()


def test_after_a_step_of_the_wall_clock_what_was_left_is_still_known(left: psutil.Process, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if sys.platform == "linux":
        real = psutil.Process.create_time
        monkeypatch.setattr(psutil.Process, "create_time", lambda process: real(process) + 3600)
    end_leftovers(tmp_path)
    assert not left.is_running()


@pytest.mark.skipif(sys.platform != "linux", reason="tells no start of the machine")
def test_after_another_start_of_the_machine_it_is_another_process(left: psutil.Process, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    another = tmp_path / "boot_id"
    another.write_text("another\n")
    monkeypatch.setattr(leftovers, "BOOT_ID", another)
    end_leftovers(tmp_path)
    assert left.is_running()


def test_what_an_older_version_wrote_is_understood(left: psutil.Process, tmp_path: Path) -> None:
    begun = {"pid": left.pid, "begun": left.create_time()}
    (tmp_path / NAME).write_text(json.dumps({"worker": begun, "master": begun | {"begun": 1}}))
    end_leftovers(tmp_path)
    assert not left.is_running()


@pytest.mark.parametrize("error", [psutil.AccessDenied(1), PermissionError(13, "/proc"), RuntimeError("no boot time")])
def test_where_nothing_is_told_of_processes_the_worker_begins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    note_worker(tmp_path)

    def refuse(*_: Any) -> None:
        raise error

    monkeypatch.setattr(psutil, "Process", refuse)
    note_worker(tmp_path)
    end_leftovers(tmp_path)


def test_the_file_that_names_the_processes_is_no_order_to_end_another(tmp_path: Path) -> None:
    reused = {"worker": {"pid": os.getppid(), "begun": 1}, "master": {"pid": 1, "begun": 1}}
    for entries in (json.dumps(reused), "[]", "{", '{"worker": 7}'):
        (tmp_path / NAME).write_text(entries)
        end_leftovers(tmp_path)
    assert ROOT.exists()
