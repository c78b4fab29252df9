"""The usual loop beside ours: its readings go through our rules, its sound and head are what the tutorials do, and what is missing is said."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from basics.errors import DetectorError
from basics.readings import SAMPLE_RATE
from basics.signals import VIOLATION_KINDS
from bench.harness.footage import scenarios
from bench.peers import __main__ as peers
from bench.peers import environment, loop
from scoring.rules import Rules

POINTS = dict.fromkeys(VIOLATION_KINDS, 10)


def readings(**changed: Any) -> dict[str, Any]:
    times = [number / 10 for number in range(300)]
    whole = {"gaze": [[at, "focused"] for at in times], "persons": [[at, 1, False, 640, 480] for at in times], "sound": []}
    return whole | changed


def kinds(found: dict[str, Any]) -> list[str]:
    (record,) = peers.records_of(found, Rules(POINTS), [], 30.0)
    return [one["kind"] for one in record["violations"]]


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({}, []),
        ({"gaze": [[number / 10, "left" if 100 <= number < 140 else "focused"] for number in range(300)]}, ["gaze_distracted"]),
        ({"gaze": [[number / 10, "left" if number % 10 == 0 else "focused"] for number in range(300)]}, []),
        ({"persons": [[number / 10, 2 if 100 <= number < 140 else 1, False, 640, 480] for number in range(300)]}, ["multiple_faces"]),
        ({"persons": [[number / 10, 1, 100 <= number < 140, 640, 480] for number in range(300)]}, ["prohibited_object"]),
        ({"sound": [[9.0, [[9.1, 10.0]], []], [10.0, [[10.0, 11.0]], []]]}, ["speech"]),
    ],
)
def test_the_loops_readings_are_judged_by_our_rules(changed: dict[str, Any], expected: list[str]) -> None:
    assert kinds(readings(**changed)) == expected


def side(right: int, false: int, cpu_s: float) -> dict[str, Any]:
    expected = {"violations": ["speech"] * 4, "flagged": True}
    found = {"violations": ["speech"] * right + ["no_face"] * false, "flagged": False}
    return peers.Side("x", cpu_s, {"all": cpu_s}, 10.0, 40, 5, [{"index": 0, "expected": expected, "found": found}]).figures()


def test_cost_and_errors_are_compared_as_ratios() -> None:
    ours, theirs = side(3, 0, 0.4), side(2, 3, 8.0)
    assert (ours["cpu_ms_per_student_s"], ours["students_per_core"], ours["errors"], theirs["errors"]) == (40, 25, 1, 5)
    assert peers.comparison(ours, theirs) == {"cost": 20, "errors": 5}
    assert peers.comparison(side(4, 0, 0.4), theirs)["errors"] is None
    assert "its cost is 20 times ours, its errors: 5 times ours" in peers.table(ours, theirs)[-1]


@pytest.mark.parametrize(
    ("sound", "speech", "several"),
    [
        (lambda t: 0.3 * np.sin(2 * np.pi * 140 * t), True, False),
        (lambda t: 0.3 * np.sin(2 * np.pi * np.where(t % 1 < 0.5, 110, 260) * t), True, True),
        (lambda t: 0.001 * np.sin(2 * np.pi * 140 * t), False, False),
        (lambda t: 0.3 * np.random.default_rng(0).standard_normal(len(t)), False, False),
    ],
)
def test_the_loop_hears_energy_and_pitch(sound: Callable[[Any], Any], speech: bool, several: bool, tmp_path: Path) -> None:
    time = np.arange(4 * SAMPLE_RATE) / SAMPLE_RATE
    soundfile.write(tmp_path / "a.flac", sound(time).astype(np.float32), SAMPLE_RATE)
    heard, spent = loop.hear(str(tmp_path / "a.flac"), 3.0)
    assert [at for at, _, _ in heard] == [0, 1, 2]
    assert bool(sum(len(spans) for _, spans, _ in heard)) == speech
    assert bool(sum(len(spans) for _, _, spans in heard)) == several
    assert spent >= 0


def test_the_loop_imports_nothing_of_the_product() -> None:
    text = Path(loop.__file__).read_text()
    assert not [line for line in text.splitlines() if line.strip().startswith(("from b", "import b", "from detectors", "from settings"))]


def test_what_is_missing_is_said(shared_data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert peers.main(["--data", str(tmp_path)]) == 2
    assert "--data" in capsys.readouterr().err
    assert peers.main(["--data", str(shared_data), "--env", str(tmp_path / "none")]) == 2
    assert "leave --env out" in capsys.readouterr().err
    with pytest.raises(DetectorError, match="no weights"):
        environment.weights_in(tmp_path / "none.pt", tmp_path / "bin" / "python")


def test_a_loop_that_fails_says_its_last_words(shared_data: Path, tmp_path: Path) -> None:
    python = tmp_path / "python"
    python.write_text("#!/bin/sh\necho 'no torch here' >&2\nexit 3\n")
    python.chmod(0o755)
    exam = peers.InMemory.of(next(one for one in scenarios(shared_data) if one.name == "clean-a"), 1.0)
    with pytest.raises(DetectorError, match="no torch here"):
        peers.run_loop(peers.Side(), exam, python, tmp_path / "weights.pt")
    found = readings() | {"what": "a stand-in", "cpu_s": {"faces": 0.5, "yolo": 1.5}, "seconds": 1.0, "pictures": 10, "rss_mb": 1}
    (tmp_path / "found.json").write_text(json.dumps(found))
    python.write_text(f'#!/bin/sh\ncp "{tmp_path / "found.json"}" "$6"\n')  # -I loop VIDEO SOUND WEIGHTS OUT SECONDS
    side = peers.Side()
    peers.run_loop(side, exam, python, tmp_path / "weights.pt")
    assert (side.cpu_s, side.seconds, side.gaze, side.parts) == (2.0, 1.0, 300, {"faces": 0.5, "yolo": 1.5})
