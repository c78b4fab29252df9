"""What is said of the disks: the room, how long it lasts, and what to do."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path
from types import SimpleNamespace

import pytest

from storage.disks import Disks


class Machine:
    """A clock and a disk whose room the test says: no test may fill one."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.free = 50 << 30
        self.flags = 0
        self.inodes = 1000

    def usage(self, _: Path) -> SimpleNamespace:
        return SimpleNamespace(free=self.free)

    def statvfs(self, _: Path) -> SimpleNamespace:
        return SimpleNamespace(f_flag=self.flags, f_files=5000, f_favail=self.inodes)


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Machine:
    made = Machine()
    monkeypatch.setattr(shutil, "disk_usage", made.usage)
    monkeypatch.setattr(os, "statvfs", made.statvfs)
    return made


@pytest.fixture
def disks(machine: Machine, tmp_path: Path) -> Disks:
    return Disks({"clips": tmp_path / "made later" / "clips"}, min_free_mb=256, clock=lambda: machine.now)


def test_room_that_shrinks_is_told_in_hours(disks: Disks, machine: Machine) -> None:
    assert disks.look()["clips"] == {"state": "ok", "free_mb": 50 << 10, "hours": None}
    machine.now += 1800
    machine.free -= 5 << 30
    assert disks.look()["clips"] == {"state": "ok", "free_mb": 45 << 10, "hours": 4.5}
    machine.now += 1
    machine.free -= 20 << 30
    state = disks.look()["clips"]
    assert state["state"] == "low"
    assert "hours" in state["reason"]


def test_room_that_grows_again_lasts_for_ever(disks: Disks, machine: Machine) -> None:
    disks.look()
    machine.now += 600
    machine.free += 1
    assert disks.look()["clips"]["hours"] is None


@pytest.mark.parametrize(
    ("change", "state", "said"),
    [
        ({"free": 800 << 20}, "low", "800 MB"),
        ({"free": 255 << 20}, "full", "make room now"),
        ({"flags": 1}, "full", "only be read"),
        ({"inodes": 0}, "full", "inodes"),
    ],
)
def test_what_is_wrong_is_told_with_what_to_do(disks: Disks, machine: Machine, change: dict[str, int], state: str, said: str) -> None:
    for name, value in change.items():
        setattr(machine, name, value)
    found = disks.look()["clips"]
    assert found["state"] == state
    assert said in found["reason"]


def test_a_disk_that_does_not_answer_is_told(disks: Disks, monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(_: Path) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(shutil, "disk_usage", gone)
    assert disks.look()["clips"]["state"] == "error"


def test_a_disk_that_takes_nothing_and_does_not_say_so_is_told(
    disks: Disks, machine: Machine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert not disks.probe(), "a folder that is still to be made takes all"
    (tmp_path / "made later" / "clips").mkdir(parents=True)
    assert not disks.probe()
    assert disks.look()["clips"]["state"] == "ok"

    def aborted(**_: object) -> None:
        raise OSError(30, "Read-only file system")

    with monkeypatch.context() as broken:
        broken.setattr(tempfile, "TemporaryFile", aborted)
        assert disks.probe()
        state = disks.look()["clips"]
        assert (state["state"], "Read-only file system" in state["reason"]) == ("error", True)
        assert not disks.probe()
    assert disks.probe()
    assert disks.look()["clips"]["state"] == "ok"
    assert not list((tmp_path / "made later" / "clips").iterdir())
