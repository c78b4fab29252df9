"""Points that change while an exam runs: from a moment on, and never before it."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from basics.readings import AudioReading, GazeReading, IntervalResult, PersonsReading, ScreenAct
from score import Scorer, replay
from scoring.accommodations import Accommodation
from scoring.rules import Rules
from scoring.weights import Reweighing, Weights
from settings.settings import load_settings

RULES = Rules.from_settings(load_settings(_env_file=None))


def points(**other: int) -> Any:
    return {**RULES.points, **other}


def found(scorer: Scorer, index: int = 0) -> dict[str, int]:
    return {violation.kind: violation.points for violation in scorer.interval(index).violations}


def speak(scorer: Scorer, *seconds: int, several: bool = False) -> None:
    for at in seconds:
        scorer.take_sound(AudioReading(at, 1, speech=((at, at + 1.0),), multiple=((at, at + 1.0),) if several else (), voices=2 if several else 1))


def look(scorer: Scorer, start: float, end: float, direction: Any = "left") -> None:
    for step in range(round(start * 4), round(end * 4)):
        scorer.take_picture(GazeReading(step / 4, direction), PersonsReading(step / 4, 1, False) if step % 8 == 0 else None)


def test_what_counted_before_stays_and_nothing_counts_from_then_on() -> None:
    scorer = Scorer(RULES)
    speak(scorer, *range(10))
    scorer.take_acts([ScreenAct("a", 5, "copy")])
    scorer.set_weights([Reweighing(12, points(speech=0, copy_paste=0))])
    speak(scorer, *range(12, 60))
    scorer.take_acts([ScreenAct("b", 20, "copy"), ScreenAct("late", 11, "copy")])
    assert found(scorer) == {"speech": RULES.points["speech"], "copy_paste": 2 * RULES.points["copy_paste"]}
    assert found(scorer, 1) == {}
    assert scorer.interval(0).score == scorer.total()


def test_points_of_a_moment_are_those_that_held_then_and_a_flag_is_told_from_them() -> None:
    scorer = Scorer(RULES)
    scorer.set_weights([Reweighing(10, points(tab_switch=1))])
    scorer.take_acts([ScreenAct("a", 5, "tab_switch"), ScreenAct("b", 10, "tab_switch"), ScreenAct("c", 20, "tab_switch")])
    assert found(scorer) == {"tab_switch": 4 + 4 + 1}
    assert not scorer.interval(0).flagged


def test_what_was_seen_while_a_signal_was_off_counts_nothing_when_it_is_on_again() -> None:
    off = Scorer(Accommodation("ann", points={"gaze_distracted": 0}, reading_aloud=True).apply(RULES))
    off.set_weights([Reweighing(10, points())])
    look(off, 0, 11.5)
    speak(off, *range(10), several=True)
    assert found(off) == {}
    look(off, 11.5, 14)
    speak(off, 10, 11)
    assert found(off) == {"gaze_distracted": 2, "speech": 3}
    assert off.interval(0).violations[0].start >= 10


def test_a_stretch_of_sound_over_the_change_counts_for_its_part_alone() -> None:
    scorer = Scorer(RULES)
    scorer.set_weights([Reweighing(10, points(speech=0))])
    scorer.take_sound(AudioReading(5, 10, speech=((9.5, 15.0),)))
    assert found(scorer) == {}
    scorer.take_sound(AudioReading(15, 10, speech=((8.0, 9.0),)))
    assert found(scorer) == {"speech": 3}
    assert scorer.interval(0).violations[0].evidence["seconds"] == 1.5


@pytest.mark.parametrize("kind", ["multiple_faces", "prohibited_object", "no_face"])
def test_signals_of_the_camera_end_with_their_points(kind: str) -> None:
    def see(scorer: Scorer, start: int, end: int) -> None:
        for at in range(start, end, 2):
            persons = PersonsReading(at, {"multiple_faces": 2, "no_face": 0}.get(kind, 1), kind == "prohibited_object")
            scorer.take_picture(GazeReading(at, "none" if kind == "no_face" else "focused"), persons)
            scorer.take_picture(GazeReading(at + 1, "none" if kind == "no_face" else "focused"), None)

    scorer = Scorer(RULES)
    scorer.set_weights([Reweighing(30, points(**{kind: 0})), Reweighing(60, points())])
    see(scorer, 0, 90)
    assert [kind in found(scorer, index) for index in range(3)] == [True, False, True]


@given(st.lists(st.tuples(st.floats(0, 60), st.sampled_from([0, 3, 9])), max_size=4), st.integers(0, 5))
def test_a_replay_gives_what_was_scored_live(changes: list[tuple[float, int]], seed: int) -> None:
    changes.sort()
    reweighings = [Reweighing(at, points(gaze_distracted=count, speech=count, copy_paste=count)) for at, count in changes]
    gaze = [GazeReading(step / 4, "left" if (step // 11 + seed) % 3 else "focused") for step in range(240)]
    persons = [PersonsReading(step / 4, 1, False) for step in range(0, 240, 8)]
    audio = [AudioReading(at, 1, speech=((at + 0.2, at + 0.9),) if (at + seed) % 3 else ()) for at in range(60)]
    acts = [ScreenAct(f"act-{at}", at, "copy") for at in range(3, 60, 7)]
    live, stored = Scorer(RULES), Scorer(RULES)
    for second in range(61):
        live.set_weights([one for one in reweighings if one.at <= second])
        replay(live, gaze[4 * (second - 1) : 4 * second] if second else [], persons, audio[second - 1 : second] if second else [], [])
        live.take_acts([act for act in acts if second - 1 <= act.at < second])
    stored.set_weights(reweighings)
    replay(stored, gaze, persons, audio, acts)

    def scores(scorer: Scorer) -> list[IntervalResult]:
        return [scorer.interval(index) for index in range(2)]

    assert [(one.score, one.flagged_at) for one in scores(live)] == [(one.score, one.flagged_at) for one in scores(stored)]


def test_the_parts_in_which_a_kind_counts() -> None:
    weights = Weights({"speech": 0}, [Reweighing(10, {"speech": 3}), Reweighing(20, {"speech": 0}), Reweighing(20, {"speech": 2})])
    assert list(weights.counting("speech", 0, 30)) == [(10, 20), (20, 30)]
    assert list(weights.counting("speech", 12, 15)) == [(12, 15)]
    assert list(weights.counting("speech", 5, 10)) == []
    assert [weights.of("speech", at) for at in (10, 10.1, 20, 20.1)] == [0, 3, 3, 2]
