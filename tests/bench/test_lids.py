"""Lowered lids and closed eyes told apart by time, on clips made of labelled pictures."""

from __future__ import annotations

import csv
import shutil
from pathlib import Path

import pytest

from bench.harness.pictures import labels
from bench.lids import Clip, clips_of, main, table
from settings.settings import load_settings

# MediaPipe 0.10.21 calls a part of protobuf 4 that is to go: not ours to mend.
pytestmark = pytest.mark.filterwarnings("ignore:SymbolDatabase.GetPrototype:UserWarning")

TAKEN = {"focused_xhy-0_01.jpg", "focused_xhy-0_02.jpg", "down_xhy-0_02.jpg", "focused_lp-d6_01.jpg", "closed_lp-d6_01.jpg"}


def test_who_reads_under_lids_looks_down_and_who_closes_eyes_does_not(shared_data: Path, tmp_path: Path) -> None:
    """Both read as closed in every picture; the reader's head is lower than at rest."""
    for task in ("gaze", "fairness"):
        rows = [row for row in labels(shared_data, task) if Path(row["file"]).name in TAKEN]
        (tmp_path / task).mkdir()
        for row in rows:
            shutil.copy(shared_data / row["file"], tmp_path / row["file"])
        with (tmp_path / task / "labels.csv").open("w", newline="") as lines:
            writer = csv.DictWriter(lines, list(labels(shared_data, task)[0]))
            writer.writeheader()
            writer.writerows(rows)
    found = {(clip.label, clip.single, clip.told) for clip in clips_of(tmp_path, load_settings(_env_file=None))}
    assert found == {("down", "closed", "looking away"), ("closed", "closed", "eyes closed")}


def test_the_table_names_what_was_told_otherwise() -> None:
    clips = [Clip("a.jpg", "a", "down", "looking away", "closed"), Clip("b.jpg", "b", "closed", "looking away", "closed")]
    lines = table(clips)
    assert any("down: looking away" in line and "1 of 1" in line for line in lines)
    assert lines[-1].strip() == "b.jpg (closed) → looking away"


def test_a_folder_without_labels_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--data", str(tmp_path)]) == 1
    assert "labels.csv" in capsys.readouterr().err
