"""Whole exams of the labelled data, against floors a little under today's figures: one with every kind of violation, and a clean one."""

from __future__ import annotations

from typing import Any

import pytest

# MediaPipe 0.10.21 calls a part of protobuf 4 that is to go: not ours to mend.
pytestmark = pytest.mark.filterwarnings("ignore:SymbolDatabase.GetPrototype:UserWarning")


@pytest.mark.parametrize("measured", ["scenarios"], indirect=True)
def test_whole_exams(measured: dict[str, Any]) -> None:
    exams = measured
    assert exams["flags_missed"] == 0
    assert exams["false_flags"] == 0
    assert exams["violations"]["precision"] >= 0.94
    assert exams["violations"]["recall"] >= 0.94


@pytest.mark.parametrize("measured", ["honest"], indirect=True)
def test_honest_students_get_no_flag(measured: dict[str, Any]) -> None:
    honest = measured
    assert set(honest) == {"hours", "intervals", "false_flags", "false_violations_per_hour"}
    assert honest["intervals"] >= 5
    assert honest["false_flags"] == 0
    assert honest["false_violations_per_hour"] == 0
