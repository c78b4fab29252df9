"""Evidence is in the order of time, whatever the order in which it is told."""

from __future__ import annotations

import random
from collections.abc import Iterable
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from basics.readings import AudioReading, IntervalResult, ScreenAct
from basics.signals import SIGNALS
from score import Scorer
from scoring.marks import Mark
from scoring.tallies import join
from tests.helpers.scoring import RULES, Picture, acts, footage

seconds = st.floats(0, 95).map(lambda at: round(at, 2))
lengths = st.sampled_from([0.0, 0.1, 0.34, 0.8, 1.21, 3.0, 12.0, 40.0])
spans = st.tuples(seconds, lengths).map(lambda one: (one[0], one[0] + one[1]))


@st.composite
def heard(draw: st.DrawFn) -> list[AudioReading]:
    """Sound whose stretches lie anywhere, before and after what was told already; they may even overlap, which they should not."""
    made = []
    for second in range(draw(st.integers(0, 40))):
        speech = tuple(draw(st.lists(spans, max_size=2)))
        made.append(AudioReading(float(second), 1.0, speech, speech if draw(st.booleans()) else (), 2))
    return made


def assert_in_order(results: Iterable[IntervalResult]) -> None:
    for result in results:
        for violation in result.violations:
            assert result.start <= violation.start <= violation.end <= result.end, violation
            stretches = violation.evidence.get("stretches", [])
            assert all(start <= end for start, end in stretches), violation
            gaps = [later[0] - earlier[1] for earlier, later in pairwise(stretches)]
            assert all(gap >= 0 for gap in gaps), violation
            if stretches and not SIGNALS[violation.kind].each_time:
                assert (round(violation.start, 2), stretches[0][0]) == (stretches[0][0], round(violation.start, 2))
                assert len(stretches) == 20 or stretches[-1][1] == round(violation.end, 2)
        assert all(result.start <= start <= end <= result.end for start, end in result.eyes_closed)


@settings(max_examples=60)
@given(footage(), heard(), acts, st.lists(seconds, max_size=4), st.randoms(use_true_random=False))
def test_evidence_is_in_order_whatever_the_order_of_readings(
    made: list[Picture], sound: list[AudioReading], done: list[ScreenAct], marked: list[float], order: random.Random
) -> None:
    scorer = Scorer(RULES)
    calls: list[Picture | AudioReading | ScreenAct] = [*made, *sound, *done]
    order.shuffle(calls)
    for call in calls:
        if isinstance(call, tuple):
            changed = scorer.take_picture(*call)
        elif isinstance(call, AudioReading):
            changed = scorer.take_sound(call)
        else:
            changed = scorer.take_acts([call])
        assert_in_order(changed)
    scorer.set_marks([Mark(f"m{number}", at, "Ada") for number, at in enumerate(marked)])
    assert_in_order(scorer.results(130))


@given(st.lists(st.lists(spans, max_size=2), max_size=12), st.randoms(use_true_random=False))
def test_points_for_speech_do_not_depend_on_the_order_in_which_it_is_told(told: list[list[tuple[float, float]]], order: random.Random) -> None:
    readings = [AudioReading(float(second), 1.0, tuple(speech)) for second, speech in enumerate(told)]
    straight, mixed = Scorer(RULES), Scorer(RULES)
    for reading in readings:
        straight.take_sound(reading)
    for reading in order.sample(readings, len(readings)):
        mixed.take_sound(reading)
    assert [result.score for result in mixed.results(150)] == [result.score for result in straight.results(150)]
    assert [_shown(result) for result in mixed.results(150)] == [_shown(result) for result in straight.results(150)]


def _shown(result: IntervalResult) -> list[object]:
    return [(violation.kind, violation.start, violation.end, violation.evidence["stretches"]) for violation in result.violations]


def test_a_short_stretch_that_is_confirmed_late_is_put_where_it_was() -> None:
    scorer = Scorer(RULES)
    scorer.take_sound(AudioReading(205.0, 1.0, ((204.42, 205.63),)))
    scorer.take_sound(AudioReading(211.0, 1.0, ((200.84, 201.18),)))
    (found,) = scorer.interval(6).violations
    assert (found.start, found.end) == (200.84, 205.63)
    assert found.evidence["stretches"] == [[200.84, 201.18], [204.42, 205.63]]
    assert found.points == 3


@given(st.lists(spans, max_size=30), st.sampled_from([0.0, 0.5]), st.randoms(use_true_random=False))
def test_joined_stretches_cover_the_same_time_in_any_order(added: list[tuple[float, float]], gap: float, order: random.Random) -> None:
    first: list[tuple[float, float]] = []
    second: list[tuple[float, float]] = []
    for start, end in added:
        join(first, start, end, gap)
    for start, end in order.sample(added, len(added)):
        join(second, start, end, gap)
    assert first == second == sorted(first)
    assert all(later[0] - earlier[1] > gap for earlier, later in pairwise(first))
    assert all(any(start <= begin and end <= stop for start, stop in first) for begin, end in added)
