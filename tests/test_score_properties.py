"""What holds of any readings: order, unknown, replay, sums."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from basics.readings import AudioReading, GazeReading, PersonsReading, ScreenAct
from basics.signals import VIOLATION_KINDS
from score import Scorer, replay
from scoring.check_records import CheckCollector, unpack
from tests.helpers.scoring import RULES, Picture, acts, footage, scored, sounds


@given(footage(), sounds(), acts, st.randoms(use_true_random=False))
def test_order_of_arrival_does_not_matter(made: list[Picture], heard: list[AudioReading], done: list[ScreenAct], order: random.Random) -> None:
    straight = Scorer(RULES)
    for gaze, persons in made:
        straight.take_picture(gaze, persons)
    for reading in heard:
        straight.take_sound(reading)
    straight.take_acts(done)

    mixed = Scorer(RULES)
    ways = ["picture"] * len(made) + ["sound"] * len(heard) + ["act"] * len(done)
    order.shuffle(ways)
    waiting_pictures, waiting_sounds, waiting_acts = iter(made), iter(heard), iter(order.sample(done, len(done)))
    for way in ways:
        if way == "picture":
            mixed.take_picture(*next(waiting_pictures))
        elif way == "sound":
            mixed.take_sound(next(waiting_sounds))
        else:
            mixed.take_acts([next(waiting_acts)])
    assert mixed.results(90) == straight.results(90)


@given(footage(), st.data())
def test_unknown_never_adds_points(made: list[Picture], data: st.DataObject) -> None:
    """Pictures that can't be read, put in anywhere between the others, never raise a score."""
    more: list[Picture] = []
    for gaze, persons in made:
        more.append((gaze, persons))
        if data.draw(st.booleans()):
            at = gaze.at + 0.1
            look = PersonsReading(at, None, None, "dark") if data.draw(st.booleans()) else None
            more.append((GazeReading(at, "unknown", "dark"), look))
    plain, with_unknown = scored(made).results(130), scored(more).results(130)
    assert all(more.score <= less.score for less, more in zip(plain, with_unknown, strict=True))


@given(footage(), sounds(), acts)
def test_replay_of_stored_checks_gives_the_same_result(made: list[Picture], heard: list[AudioReading], done: list[ScreenAct]) -> None:
    live, collector = Scorer(RULES), CheckCollector()
    for gaze, persons in made:
        live.take_picture(gaze, persons)
        collector.add(gaze)
        if persons:
            collector.add(persons)
    for reading in heard:
        live.take_sound(reading)
        collector.add(reading)
    live.take_acts(done)
    collector.add_acts(done)
    again = Scorer(RULES)
    replay(again, *unpack(collector.take(90.0)["readings"]))
    assert [(result.score, result.flagged_at) for result in again.results(90)] == [(r.score, r.flagged_at) for r in live.results(90)]


@given(footage(), sounds(), acts)
def test_the_total_is_the_sum_of_the_intervals_and_a_score_the_sum_of_its_violations(
    made: list[Picture], heard: list[AudioReading], done: list[ScreenAct]
) -> None:
    scorer = scored(made)
    for reading in heard:
        scorer.take_sound(reading)
    scorer.take_acts(done)
    results = scorer.results(130)
    assert scorer.total() == sum(result.score for result in results)
    assert scorer.flagged() == sum(result.flagged for result in results)
    for result in results:
        assert result.score == sum(violation.points for violation in result.violations)
        assert result.flagged == (result.score >= RULES.flag_threshold)
        assert {violation.kind for violation in result.violations} <= set(VIOLATION_KINDS)
