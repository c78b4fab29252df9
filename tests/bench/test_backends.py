"""The comparison of LiteRT with MediaPipe's graph counts what differs, and names it."""

from __future__ import annotations

from basics.readings import GazeReading
from bench.backends import Compared


def test_readings_that_differ_are_counted_and_named() -> None:
    compared = Compared()
    looks = GazeReading(0.0, "focused", numbers={"gaze_x_deg": 11.4, "gaze_y_deg": 0.0})
    compared.add("same", looks, looks)
    compared.add("other", looks, GazeReading(0.0, "left", numbers={"gaze_x_deg": 11.6, "gaze_y_deg": 0.1}))
    compared.add("no face", GazeReading(0.0, "unknown", "dark"), GazeReading(0.0, "unknown", "blurred"))
    assert "1 of 3 the same" in compared.line("exams")
    assert "0.10° at the median" in compared.line("exams")
    assert [line.split(":")[0].strip() for line in compared.differing] == ["other", "no face"]
