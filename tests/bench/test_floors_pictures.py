"""Pictures of the labelled data where it is there, against floors a little under today's figures: a change that detects worse fails here."""

from __future__ import annotations

from typing import Any

import pytest

# MediaPipe 0.10.21 calls a part of protobuf 4 that is to go: not ours to mend.
pytestmark = pytest.mark.filterwarnings("ignore:SymbolDatabase.GetPrototype:UserWarning")


@pytest.mark.parametrize("measured", ["gaze"], indirect=True)
def test_gaze(measured: dict[str, Any]) -> None:
    gaze = measured
    assert set(gaze) == {"n", "accuracy", "false_distracted", "missed_distracted", "unknown", "by_label"}
    assert gaze["n"] >= 129
    assert gaze["accuracy"] >= 0.95
    assert gaze["false_distracted"] <= 0.02
    assert gaze["missed_distracted"] <= 0.06
    assert gaze["unknown"] <= 0.02
    least = {"focused": 0.97, "left": 0.96, "right": 0.92, "down": 0.82, "closed": 0.96}
    for label, count in gaze["by_label"].items():
        assert count["right"] >= least[label] * count["n"], label


@pytest.mark.parametrize("measured_on_others", ["gaze"], indirect=True)
def test_gaze_of_the_second_set(measured_on_others: dict[str, Any]) -> None:
    gaze = measured_on_others
    assert gaze["n"] >= 132
    assert gaze["accuracy"] >= 0.95
    assert gaze["false_distracted"] <= 0.02
    assert gaze["missed_distracted"] <= 0.06
    assert gaze["unknown"] <= 0.02
    least = {"focused": 0.97, "left": 0.96, "right": 0.92, "down": 0.82, "closed": 0.96}
    for label, count in gaze["by_label"].items():
        assert count["right"] >= least[label] * count["n"], label


@pytest.mark.parametrize("measured_on_others", ["fairness"], indirect=True)
def test_groups_of_the_second_set_are_treated_alike(measured_on_others: dict[str, Any]) -> None:
    assert measured_on_others["face_gap_points"] <= 1
    for name, group in measured_on_others["groups"].items():
        assert group["face_found"] >= 0.99, name
        assert group["false_distracted"] <= 0.02, name


@pytest.mark.parametrize("measured", ["fairness"], indirect=True)
def test_groups_are_treated_alike(measured: dict[str, Any]) -> None:
    fairness = measured
    assert set(fairness) == {"groups", "face_gap_points", "distracted_ratio"}
    assert fairness["face_gap_points"] <= 1
    for name, group in fairness["groups"].items():
        assert group["face_found"] >= 0.99, name
        assert group["false_distracted"] <= 0.02, name
    assert 0.8 <= fairness["distracted_ratio"] <= 1.25


@pytest.mark.parametrize("measured", ["persons"], indirect=True)
def test_persons(measured: dict[str, Any]) -> None:
    persons = measured
    assert set(persons) == {"n", "accuracy", "false_extra", "missed_extra", "false_absent", "missed_absent"}
    assert persons["accuracy"] >= 0.98
    assert persons["false_extra"] <= 0.016
    assert persons["false_absent"] == 0
    assert persons["missed_extra"] <= 0.01


@pytest.mark.parametrize("measured_on_others", ["persons"], indirect=True)
def test_persons_of_the_second_set(measured_on_others: dict[str, Any]) -> None:
    persons = measured_on_others
    assert persons["accuracy"] >= 0.96
    assert persons["false_extra"] <= 0.02  # one: a reflection in a window
    assert persons["false_absent"] == 0
    assert persons["missed_extra"] <= 0.05


@pytest.mark.parametrize("measured", ["phone"], indirect=True)
def test_phones(measured: dict[str, Any]) -> None:
    phone = measured
    assert phone["precision"] >= 0.95
    assert phone["recall"] >= 0.74


@pytest.mark.parametrize("measured_on_others", ["phone"], indirect=True)
def test_phones_of_the_second_set(measured_on_others: dict[str, Any]) -> None:
    phone = measured_on_others
    assert phone["precision"] >= 0.90  # one network alone; with the second 1
    assert phone["recall"] >= 0.75
