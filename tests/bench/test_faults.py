"""The table of faults counts what it says, and its quick rows show none."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from basics.paths import ROOT
from bench.faults.__main__ import ROWS
from bench.faults.comparison import FoundClip, Kept, Outcome, Promised, compare
from bench.faults.hooks import wrapped
from bench.faults.students import NumberedStudent
from bench.faults.table import lines
from bench.faults.watching import unwell, unwell_student
from bench.harness.drawn import drawn_footage
from bench.hostile.__main__ import CASES
from bench.hostile.pictures import bombs, empty_scans, large_jpeg

WHOLE = FoundClip("s-0", "ready", "", "")


def promised(**changed: Any) -> Promised:
    acts = {"a": "s", "b": "s"}
    return Promised(**{"acts_sent": acts, "acts": acts, "decisions_sent": {"d": "s-0"}, "decisions": {"d": "s-0"}, "put_out": ()} | changed)


def kept(**changed: Any) -> Kept:
    acts = [("s", "a", "act 1"), ("s", "b", "act 2")]
    return Kept(**{"acts": acts, "counted": {"s": 2}, "decisions": [("s-0", "d")], "clips": [WHOLE]} | changed)


def test_what_is_there_as_promised_is_no_fault() -> None:
    outcome = compare(promised(), kept())
    assert outcome.well
    assert (outcome.acknowledged, outcome.there, outcome.clips, outcome.clips_right) == (3, 3, 1, 1)


def test_what_was_not_acknowledged_may_be_there() -> None:
    outcome = compare(promised(acts={"a": "s"}, acts_sent={"a": "s"}), kept())
    assert outcome.well


@pytest.mark.parametrize(
    ("figure", "of_promised", "of_kept"),
    [
        ("lost", {}, {"acts": [("s", "a", "act 1")], "counted": {"s": 1}}),
        ("lost", {}, {"acts": [("s", "a", "act 1"), ("other", "b", "act 2")], "counted": {"s": 1, "other": 1}}),
        ("lost", {}, {"decisions": []}),
        ("doubled", {}, {"decisions": [("s-0", "d")] * 2}),
        ("doubled", {}, {"acts": [("s", "a", "act 1"), ("s", "b", "act 2"), ("s", "c", "act 2")], "counted": {"s": 3}}),
        ("undelivered", {"acts": {"a": "s"}}, {}),
        ("miscounted", {}, {"counted": {"s": 3}}),
        ("miscounted", {}, {"counted": {}}),
        ("put_out", {"put_out": ["the server was away"]}, {}),
    ],
)
def test_each_thing_that_is_wrong_is_counted_and_told(figure: str, of_promised: dict[str, Any], of_kept: dict[str, Any]) -> None:
    outcome = compare(promised(**of_promised), kept(**of_kept))
    assert getattr(outcome, figure) > 0
    assert len(outcome.faults) == 1


@pytest.mark.parametrize(
    ("clip", "right"),
    [
        (FoundClip("s-0", "pending", "", ""), 0),
        (FoundClip("s-0", "failed", "disk: full", ""), 0),
        (FoundClip("s-0", "ready", "", "there is no file"), 0),
        (FoundClip("s-0", "failed", "no picture was kept", "", unseen=True), 1),
        (FoundClip("s-0", "failed", "", "", unseen=True), 0),
        (FoundClip("s-0", "pending", "", "", unseen=True), 0),
    ],
)
def test_a_clip_is_right_where_it_plays_or_nothing_was_ever_sent_for_it(clip: FoundClip, right: int) -> None:
    outcome = compare(promised(), kept(clips=[clip]))
    assert outcome.clips_right == right
    assert outcome.well == bool(right)


def test_pictures_are_placed_on_the_sessions_clock_by_the_acts() -> None:
    student = NumberedStudent("", drawn_footage(1), session_id="s")
    student.sent_at = {"a": 1000.0, "b": 1002.0, "c": 1004.0}
    student.pictures_at = [1001.0, 1003.0, 1010.0]
    stored = {"a": 5.0, "b": 7.0, "c": 109.0}  # one that was dated wrongly moves nothing
    assert student.pictures_between(5.5, 8.5, stored) == 2
    assert student.pictures_between(9.0, 14.0, stored) == 0


def test_what_is_told_is_read_from_health_and_the_wall() -> None:
    parts = {"disk": {"state": "ok"}, "database": {"state": "away", "reason": "4 tries"}, "stations": {"a": {"state": "lost", "reason": ""}}}
    assert list(unwell(parts)) == ["database away: 0 tries", "stations a lost: "]
    status = {"devices": {"camera": {"state": "lost", "reason": "nothing_comes"}}, "gaze": "unknown", "gaze_reason": "error", "faces": 1}
    assert list(unwell_student(status)) == ["camera lost: nothing_comes", "gaze unknown: error"]


def test_a_part_does_what_its_file_says_while_it_is_there(tmp_path: Path) -> None:
    read = wrapped(lambda: "read", tmp_path / "gaze")
    assert read() == "read"
    (tmp_path / "gaze").write_text("raise")
    with pytest.raises(RuntimeError, match="broken gaze"):
        read()
    (tmp_path / "gaze").unlink()
    assert read() == "read"


def test_rows_and_cases_have_names_of_their_own() -> None:
    for names in ([row.name for row in ROWS], [case.name for case in CASES]):
        assert len(set(names)) == len(names)
    assert "left out: no root" in lines(Outcome("clips full", left_out="no root"))[0]


def test_hostile_pictures_weigh_little() -> None:
    jpeg = empty_scans()
    assert jpeg[:2] == b"\xff\xd8"
    assert len(jpeg) < 200_000
    assert {len(picture) < 100 for picture in bombs()} == {True}
    assert len(large_jpeg()) < 512_000


@pytest.fixture(scope="module")
def quick(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """The quick rows on real servers. The whole table is for a person to run."""
    figures = tmp_path_factory.mktemp("faults") / "figures.json"
    command = [sys.executable, "-m", "bench.faults", "--quick", "--seed", "18", "--json", str(figures)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=600)
    print(done.stdout)  # shown where a test failed
    assert figures.exists(), done.stdout + done.stderr
    rows: list[dict[str, Any]] = json.loads(figures.read_text())
    return rows


@pytest.mark.parametrize("name", [row.name for row in ROWS if row.quick])
def test_nothing_is_lost_by_a_quick_row(quick: list[dict[str, Any]], name: str) -> None:
    (row,) = [row for row in quick if row["name"] == name]
    assert row["acknowledged"] > 0
    assert {figure: row[figure] for figure in ("lost", "doubled", "undelivered", "miscounted", "put_out") if row[figure]} == {}, row
    assert row["served_s"], row
