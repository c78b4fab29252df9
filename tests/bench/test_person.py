"""What a bench writes of a person's way: acts counted, waits summed, and those that a person notices named."""

from __future__ import annotations

from bench.harness.person import Way


def test_a_way_sums_its_steps_and_names_what_was_slow() -> None:
    way = Way()
    with way.step("log in") as step:
        step.clicks, step.keys = 2, 9
        step.waits += [("the page", 0.25)]
    with way.step("import") as step:
        step.clicks = 1
        step.waits += [("the preview", 1.5), ("the list", 0.5)]
    lines = way.table().splitlines()
    assert lines[1].split()[:5] == ["log", "in", "2", "9", "0.25"]
    assert lines[3].split()[:5] == ["in", "all", "3", "9", "2.25"]
    assert lines[4:] == ["slow: import: the preview: 1.50 s"]
    assert way.steps[1].as_json()["waits"] == [{"for": "the preview", "s": 1.5}, {"for": "the list", "s": 0.5}]


def test_a_way_that_has_not_begun_has_a_table() -> None:
    assert Way().table().splitlines()[-1].split()[:4] == ["in", "all", "0", "0"]
