"""What a check says could not be told."""

from __future__ import annotations

import pytest

from basics.readings import AudioReading, GazeReading
from scoring.check_records import CheckCollector, pack, unpack


@pytest.mark.parametrize(
    ("pictures", "readings", "missing"), [(100, 40, 0), (100, 20, 0), (100, 15, 25), (100, 0, 40), (20, 20, 0), (20, 5, 15), (0, 0, 0)]
)
def test_fewer_readings_than_the_pictures_allow_are_told_as_unknown(pictures: int, readings: int, missing: int) -> None:
    collector = CheckCollector(gaze_fps=4)
    for _ in range(pictures):
        collector.add_frame()
    for number in range(readings):
        collector.add(GazeReading(number / 10, "focused"))
    assert collector.take(10.0)["unknown"] == ({"few_readings": missing} if missing else {})


def test_a_check_says_for_what_nothing_could_be_told_while_it_lasted() -> None:
    collector = CheckCollector()
    collector.unknown_while("page_away", True)
    assert collector.peek(5.0)["unknown"] == collector.take(10.0)["unknown"] == {"page_away": 1}
    collector.unknown_while("page_away", False)
    assert collector.take(20.0)["unknown"] == {"page_away": 1}, "it lasted into this check"
    assert collector.take(30.0)["unknown"] == {}


def test_other_sounds_are_counted_and_kept_and_older_records_have_none() -> None:
    collector = CheckCollector()
    heard = [AudioReading(0.0, 1.0, sounds=("cough", "music")), AudioReading(1.0, 1.0, sounds=("cough",)), AudioReading(2.0, 1.0)]
    for reading in heard:
        collector.add(reading)
    record = collector.take(3.0)
    assert record["sounds"] == {"cough": 2, "music": 1}
    assert unpack(record["readings"])[2] == heard
    older = pack([], [], heard, [])
    older["audio"] = [row[:8] for row in older["audio"]]
    assert [reading.sounds for reading in unpack(older)[2]] == [()] * 3
