"""What people read of a violation."""

from __future__ import annotations

import re
from typing import Any

import pytest

from basics.signals import SIGNALS, VIOLATION_KINDS
from web.proctor.wording import duration, sentence, sentences


@pytest.mark.parametrize(
    ("violation", "text"),
    [
        ({"kind": "multiple_faces", "points": 10, "evidence": {"seconds": 12.0, "persons": 2}}, "Two people in view for 12 s (+10)"),
        ({"kind": "multiple_faces", "points": 10, "evidence": {"persons": 12}, "start": 3, "end": 5.5}, "12 people in view for 2.5 s (+10)"),
        ({"kind": "multiple_faces", "points": 10, "start": 3, "end": 5}, "More than one person in view for 2 s (+10)"),
        ({"kind": "no_face", "points": 9, "start": 30, "end": 95}, "Nobody in view for 1 min 5 s (+9)"),
        ({"kind": "gaze_distracted", "points": 2, "evidence": {"seconds": 4.26, "directions": {"left": 8, "down": 1}}}, "Looked left for 4.3 s (+2)"),
        ({"kind": "gaze_distracted", "points": 2, "evidence": {"seconds": 4, "directions": {"left": 4, "down": 4}}}, "Looked away for 4 s (+2)"),
        ({"kind": "gaze_distracted", "points": 2, "evidence": {"seconds": 4, "directions": {"turned away": 4}}}, "Turned away for 4 s (+2)"),
        ({"kind": "gaze_distracted", "points": 2, "start": 0, "end": 2}, "Looked away for 2 s (+2)"),
        ({"kind": "speech", "points": 3, "start": 0, "end": 29, "evidence": {"seconds": 3.2}}, "Speech for 3.2 s (+3)"),
        ({"kind": "speech", "points": 3, "evidence": {"seconds": 3.2, "as": "loudspeaker"}}, "A voice from a loudspeaker for 3.2 s (+3)"),
        ({"kind": "speech", "points": 3, "evidence": {"seconds": 3.2, "as": "whisper"}}, "Whispering for 3.2 s (+3)"),
        ({"kind": "multiple_voices", "points": 10, "evidence": {"seconds": 6, "voices": 2}}, "Two voices for 6 s (+10)"),
        ({"kind": "multiple_voices", "points": 10, "evidence": {"seconds": 6, "stranger": True}}, "A voice that is not the student's for 6 s (+10)"),
        (
            {"kind": "multiple_voices", "points": 10, "evidence": {"seconds": 6, "voices": 1}},  # as older versions stored it
            "A voice that is not the student's, or several at once for 6 s (+10)",
        ),
        ({"kind": "tab_switch", "points": 4, "start": 5, "end": 5, "occurrences": 1}, "Left the exam's tab or window once (+4)"),
        ({"kind": "tab_switch", "points": 12, "start": 5, "end": 25, "occurrences": 3}, "Left the exam's tab or window three times (+12)"),
        ({"kind": "copy_paste", "points": 60, "start": 5, "end": 25, "occurrences": 12}, "Copied or pasted 12 times (+60)"),
        ({"kind": "prohibited_object", "points": 10, "evidence": {"seconds": 2, "object": "phone"}}, "A phone in view for 2 s (+10)"),
        ({"kind": "something_later", "points": 1, "start": 0, "end": 3}, "Something later for 3 s (+1)"),
    ],
)
def test_a_violation_is_said_in_one_sentence(violation: dict[str, Any], text: str) -> None:
    assert sentence(violation) == text


def test_the_weightiest_reason_comes_first() -> None:
    found = sentences([{"kind": "speech", "points": 3, "start": 1, "end": 4}, {"kind": "no_face", "points": 9, "start": 5, "end": 9}])
    assert found == ["Nobody in view for 4 s (+9)", "Speech for 3 s (+3)"]


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.04, "0 s"), (1, "1 s"), (9.94, "9.9 s"), (9.96, "10 s"), (59.4, "59 s"), (59.6, "1 min"), (60, "1 min"), (125, "2 min 5 s")],
)
def test_durations_read_well(seconds: float, text: str) -> None:
    assert duration(seconds) == text


@pytest.mark.parametrize("kind", VIOLATION_KINDS)
def test_no_kind_accuses_or_shouts(kind: str) -> None:
    text = sentence({"kind": kind, "points": 5, "start": 0, "end": 5, "occurrences": 2}).lower()
    assert "_" not in text, "a person reads words, not names of kinds"
    assert not any(word in text for word in ("cheat", "suspicious", "offen", "violat", "!"))


def test_no_signal_accuses_or_raises_its_voice() -> None:
    for signal in SIGNALS.values():
        for text in (signal.name, signal.watched):
            assert not re.search(r"cheat|suspicious|offend|violat(e|or)\b|!", text, re.IGNORECASE), text
