"""The unit for systemd: known keys and values only, and so little allowed that an intruder gains little."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from tests.helpers.deployed import DEPLOY, program

UNIT = DEPLOY / "systemd" / "proctor.service"
EXPOSURE = 3.0  # of 10; a unit without any restriction has 9.6


@pytest.fixture
def unit(tmp_path: Path) -> Path:
    """The unit, with a program and a folder that this machine has."""
    text = UNIT.read_text(encoding="utf-8")
    assert "\nExecStart=/opt/proctor/venv/bin/python app.py\n" in text
    path = tmp_path / UNIT.name
    path.write_text(text.replace("/opt/proctor/venv/bin/python", "/bin/true").replace("file:///opt/proctor", "file:///"), encoding="utf-8")
    return path


def analyzed(*arguments: str) -> str:
    found = subprocess.run([program("systemd-analyze"), *arguments], capture_output=True, text=True, check=False, timeout=60)
    return found.stdout + found.stderr


def test_systemd_knows_every_word_of_it(unit: Path) -> None:
    assert unit.name not in analyzed("verify", str(unit))


def test_a_word_that_systemd_does_not_know_is_told(unit: Path) -> None:
    unit.write_text(unit.read_text(encoding="utf-8").replace("ProtectHome=yes", "ProtectHom=yes"), encoding="utf-8")
    assert "ProtectHom" in analyzed("verify", str(unit))


def test_it_may_little(unit: Path) -> None:
    said = analyzed("security", "--offline=true", str(unit))
    found = re.search(r"Overall exposure level for \S+: ([\d.]+)", said)
    assert found, said
    assert float(found[1]) < EXPOSURE, said
