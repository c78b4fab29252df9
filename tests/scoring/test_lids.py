"""Eyes that look shut for longer than any blink: lowered to something, or closed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from basics.readings import Direction, GazeReading, PersonsReading
from score import Scorer, replay
from scoring.breaks import Break
from scoring.check_records import CheckCollector, unpack
from scoring.lids import Lids
from scoring.weights import Reweighing
from tests.helpers.scoring import RULES, kinds

LOWERED = {"bowed_deg": 8.0, "lids_open": 0.1}
CLOSED = {"bowed_deg": 1.0, "lids_open": 0.1}


def fed(scorer: Scorer, direction: Callable[[float], Direction], numbers: dict[str, float], end: float, begin: float = 0.0) -> Scorer:
    """Four readings a second; closed ones have `numbers`."""
    for step in range(round(begin * 4), round(end * 4)):
        at = step / 4
        way = direction(at)
        scorer.take_picture(GazeReading(at, way, numbers=numbers if way == "closed" else {}), PersonsReading(at, 1, False) if step % 8 == 0 else None)
    return scorer


def shut(begin: float, end: float, inside: Direction = "closed") -> Callable[[float], Direction]:
    return lambda at: inside if begin <= at < end else "focused"


def test_lids_lowered_for_five_seconds_look_down_from_when_they_were_lowered() -> None:
    scorer = fed(Scorer(RULES), shut(10, 16.25), LOWERED, 30)
    (found,) = scorer.interval(0).violations
    assert (found.kind, found.points, found.start, found.end) == ("gaze_distracted", 2, 10, 16)
    assert found.evidence["directions"] == {"down": 25}
    assert found.evidence["lids"] == {"from": 10, "seconds": 6, "bowed_deg": 8, "lids_open": 0.1, "looked_down": 0}
    assert scorer.interval(0).eyes_closed == ()


def test_closed_eyes_are_shown_and_have_no_points() -> None:
    scorer = fed(Scorer(RULES), shut(10, 22.25), CLOSED, 30)
    result = scorer.interval(0)
    assert (result.violations, result.score, result.eyes_closed) == ((), 0, ((10, 22),))


def test_closed_eyes_are_shown_in_each_interval_of_theirs() -> None:
    scorer = Scorer(RULES)
    told = []
    for step in range(4 * 40):
        at = step / 4
        told += [result.index for result in scorer.take_picture(GazeReading(at, "closed" if 27 <= at < 38 else "focused", numbers=CLOSED))]
    assert (scorer.interval(0).eyes_closed, scorer.interval(1).eyes_closed) == (((27, 30),), ((30, 37.75),))
    assert told == [0, 1], "told when they are judged"


@pytest.mark.parametrize("lasts", [0.5, 2.0, 4.75])
def test_shorter_closures_stay_closed_and_are_not_shown(lasts: float) -> None:
    result = fed(Scorer(RULES), shut(10, 10 + lasts), LOWERED, 30).interval(0)
    assert (result.violations, result.eyes_closed) == ((), ())


def test_for_how_long_is_a_rule_and_none_means_never() -> None:
    assert kinds(fed(Scorer(replace(RULES, eyes_closed_s=3)), shut(10, 14), LOWERED, 30)) == ["gaze_distracted"]
    assert kinds(fed(Scorer(replace(RULES, eyes_closed_s=0)), shut(2, 28), LOWERED, 30)) == []
    assert kinds(fed(Scorer(replace(RULES, eyes_lowered_deg=9)), shut(10, 16), LOWERED, 30)) == []


def test_of_whose_lids_rest_low_nothing_is_said() -> None:
    """Of them no rest with open lids is known, and readings have no numbers against it."""
    result = fed(Scorer(RULES), shut(0, 30), {"eye_open": 0.1}, 30).interval(0)
    assert (result.violations, result.eyes_closed) == ((), ())


def test_eyes_opened_between_begin_anew() -> None:
    result = fed(Scorer(RULES), lambda at: "closed" if 10 <= at < 14 or 15 <= at < 19 else "focused", LOWERED, 30).interval(0)
    assert result.violations == ()


def test_lids_seen_half_open_between_are_lowered() -> None:
    def reader(at: float) -> Direction:
        return ("down" if int(at * 2) % 2 else "closed") if 10 <= at < 17 else "focused"

    (found,) = fed(Scorer(RULES), reader, CLOSED, 30).interval(0).violations
    assert (found.start, found.evidence["directions"].keys()) == (10, {"down"})


def test_who_falls_asleep_does_not_look_down_when_the_head_sinks() -> None:
    scorer = fed(Scorer(RULES), shut(10, 60), CLOSED, 16)
    fed(scorer, shut(10, 60), {"bowed_deg": 30.0, "lids_open": 0.0}, 40, begin=16)
    assert kinds(scorer, 0) == kinds(scorer, 1) == []


def test_lids_that_stay_lowered_count_in_the_next_interval_too() -> None:
    scorer = fed(Scorer(RULES), shut(10, 50), LOWERED, 60)
    assert kinds(scorer, 0) == kinds(scorer, 1) == ["gaze_distracted"]
    assert scorer.interval(1).violations[0].start == 30


def test_where_paper_is_allowed_lowered_lids_are_as_they_should_be() -> None:
    result = fed(Scorer(replace(RULES, looking_down_counts=False)), shut(10, 20), LOWERED, 30).interval(0)
    assert (result.violations, result.eyes_closed) == ((), ())


def test_what_was_before_a_break_or_while_it_had_no_points_is_not_reached_back_for() -> None:
    paused = Scorer(RULES)
    paused.set_breaks([Break(12, 14, "student", "")])
    assert kinds(fed(paused, shut(10, 18), LOWERED, 30)) == []
    changed = Scorer(replace(RULES, points={**RULES.points, "gaze_distracted": 0}))
    changed.set_weights([Reweighing(13.5, {**RULES.points})])
    assert kinds(fed(changed, shut(10, 15.25), LOWERED, 15.25)) == []
    (found,) = fed(changed, shut(15.25, 16.25), LOWERED, 30, begin=15.25).interval(0).violations
    assert found.start == 13.5


directions: st.SearchStrategy[Direction] = st.sampled_from(["closed", "closed", "closed", "down", "focused", "unknown", "left", "none"])


@given(st.lists(st.tuples(directions, st.integers(1, 40), st.sampled_from([LOWERED, CLOSED, {}])), max_size=12))
def test_live_and_replayed_are_the_same(runs: list[tuple[Direction, int, dict[str, float]]]) -> None:
    live, collector, at = Scorer(RULES), CheckCollector(), 0.0
    for direction, length, numbers in runs:
        for _ in range(length):
            gaze = GazeReading(at, direction, numbers=numbers)
            live.take_picture(gaze)
            collector.add(gaze)
            at += 0.25
    again = Scorer(RULES)
    replay(again, *unpack(collector.take(200.0)["readings"]))
    assert again.results(200) == live.results(200)


def test_a_blink_is_one_until_it_lasts_too_long() -> None:
    lids = Lids(RULES)
    said = []
    for step in range(6):
        lids.feed(GazeReading(step / 4, "closed"))
        said.append(lids.blinks)
    assert said == [True, True, True, True, False, False]
