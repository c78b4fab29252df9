"""Every number of the rules is a rule that can be changed, and that is kept with the session."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from basics.readings import AudioReading, GazeReading, PersonsReading, ScreenAct
from score import Scorer
from scoring.rules import Rules
from settings.settings import load_settings
from tests.helpers.scoring import RULES, Picture, between, kinds, one, pictures, scored


def test_rules_survive_storage() -> None:
    rules = Rules.from_settings(load_settings(_env_file=None))
    assert Rules.from_dict(rules.to_dict()) == rules
    assert Rules.from_dict({"points": {"speech": 3}}).points["no_face"] == 0


def test_rules_that_a_stored_session_does_not_name_are_the_settings_defaults() -> None:
    """Sessions of older versions name fewer: what was in force then were the numbers that are defaults now."""
    rules = Rules.from_settings(load_settings(_env_file=None))
    older = {name: value for name, value in rules.to_dict().items() if name in ("points", "interval_duration", "flag_threshold")}
    assert Rules.from_dict(older) == rules


def test_every_rule_is_a_setting_that_reaches_the_rules() -> None:
    usual = Rules.from_settings(load_settings(_env_file=None)).to_dict()
    for name, value in usual.items():
        if name not in {"points", "looking_down_counts"}:  # the second is an exam's to say
            changed = Rules.from_settings(load_settings(_env_file=None, **{name: value + 1}))
            assert {key for key, other in changed.to_dict().items() if other != usual[key]} == {name}


def test_how_long_looking_back_ends_a_stretch_is_a_rule() -> None:
    made = pictures(lambda at: "left" if 5 <= at < 8 and at not in (6.5, 6.75, 7.0) else "focused", one, 0, 30)
    assert kinds(scored(made)) == []
    assert kinds(scored(made, replace(RULES, gaze_gap_s=1.0))) == ["gaze_distracted"]


def test_how_long_a_look_away_survives_what_cant_be_read_is_a_rule() -> None:
    made = pictures(lambda at: "unknown" if 6.5 <= at < 10.5 else "left" if 5 <= at < 12 else "focused", one, 0, 30)
    assert kinds(scored(made)) == []
    assert kinds(scored(made, replace(RULES, unknown_max_s=5.0))) == ["gaze_distracted"]


def test_how_long_two_persons_survive_what_cant_be_seen_is_a_rule() -> None:
    """Two looks running, with three between them that could not tell."""
    made = pictures(lambda at: "focused", lambda at: None if 6 <= at < 12 else 2 if at in (4, 12) else 1, 0, 30)
    assert kinds(scored(made)) == []
    assert kinds(scored(made, replace(RULES, unknown_max_s=9.0))) == ["multiple_faces"]


def test_how_long_one_picture_speaks_is_a_rule() -> None:
    """A picture each second and a half: two of them are 1.5 s, or 1 s of which something was seen."""
    made: list[Picture] = [(GazeReading(at, "left" if at in (4.5, 6.0, 7.5) else "focused"), None) for at in (0.0, 1.5, 3.0, 4.5, 6.0, 7.5, 9.0)]
    rules = replace(RULES, gaze_min_s=2.5)
    assert kinds(scored(made, rules)) == []
    assert kinds(scored(made, replace(rules, credit_max_s=2.0))) == ["gaze_distracted"]


def seen(counts: Sequence[int | None], rules: Rules, *, phone: bool = False) -> list[str]:
    """What counts after looks every two seconds that showed so many persons each, and in `phone` a phone wherever there are two."""
    scorer = Scorer(rules)
    for number, count in enumerate(counts):
        looked = PersonsReading(2.0 * number, 1 if phone and count else count, count == 2 if phone else False)
        scorer.take_picture(None if count is None else GazeReading(2.0 * number, "focused"), looked)
    return kinds(scorer)


@pytest.mark.parametrize("phone", [False, True])
def test_how_many_looks_must_agree_is_a_rule(phone: bool) -> None:
    kind = "prohibited_object" if phone else "multiple_faces"
    assert [seen([1, 2, 2, 1], replace(RULES, looks_min=least), phone=phone) for least in (2, 3)] == [[kind], []]
    assert seen([1, 2, 1], replace(RULES, looks_min=1, persons_min_s=0.0), phone=phone) == [kind]


def test_how_many_looks_must_agree_on_nobody_is_a_rule() -> None:
    made = pictures(between(4, 9, "none"), lambda at: 0 if 4 <= at < 9 else 1, 0, 20)
    assert [kinds(scored(made, replace(RULES, looks_min=least))) for least in (2, 4)] == [["no_face"], []]


def test_how_many_looks_without_it_end_a_run_is_a_rule() -> None:
    """A run that goes on is one stretch; what ended and came again is another."""

    def stretches(looks_end: int) -> int:
        scorer = Scorer(replace(RULES, looks_end=looks_end))
        for number, count in enumerate([2, 2, 1, 2, 2]):
            scorer.take_picture(None, PersonsReading(2.0 * number, count, False))
        (many,) = scorer.interval(0).violations
        return len(many.evidence["stretches"])

    assert [stretches(2), stretches(1)] == [1, 2]


def test_for_how_many_looks_the_last_one_speaks_is_a_rule() -> None:
    """Whom two looks did not find, and of whom no look could tell since, is gone for so long only."""
    gone = [(GazeReading(step / 4, "none"), PersonsReading(step / 4, 0, False) if step in (0, 8) else None) for step in range(80)]

    def seconds(looks: int) -> float:
        (nobody,) = scored(gone, replace(RULES, looks_speak_for=looks)).interval(0).violations
        return float(nobody.evidence["stretches"][0][1])

    assert [seconds(3), seconds(5)] == [8.0, 12.0]


def test_how_close_events_of_one_act_come_is_a_rule() -> None:
    acts = [ScreenAct("copy", 5.0, "copy"), ScreenAct("clipboard", 7.0, "clipboard_changed")]
    counted = []
    for together in (1.0, 2.5):
        scorer = Scorer(replace(RULES, act_together_s=together))
        scorer.take_acts(acts)
        counted.append(scorer.interval(0).violations[0].occurrences)
    assert counted == [2, 1]


def test_for_how_long_the_focus_must_be_away_is_a_rule() -> None:
    acts = [ScreenAct("blur", 5.0, "window_blur", "elsewhere"), ScreenAct("focus", 7.0, "window_focus")]
    counted = []
    for least in (1.0, 3.0):
        scorer = Scorer(replace(RULES, blur_min_s=least))
        scorer.take_acts(acts)
        counted.append(len(scorer.interval(0).violations))
    assert counted == [1, 0]


def test_how_far_apart_turns_of_one_conversation_are_is_a_rule() -> None:
    """Turns of 1.2 s, four seconds apart, over the end of an interval: neither has two seconds alone."""

    def heard(rules: Rules) -> list[str]:
        scorer = Scorer(rules)
        for at in (28.0, 32.0):
            scorer.take_sound(AudioReading(at, 2.0, multiple=((at, at + 1.2),), voices=2))
        return kinds(scorer, 1)

    assert heard(RULES) == ["multiple_voices"]
    assert heard(replace(RULES, voices_gap_s=2.5)) == []


@pytest.mark.parametrize(("apart", "found"), [(3.04, ["no_face"]), (5.9, ["no_face"]), (6.1, [])])
def test_an_empty_chair_is_one_in_pictures_as_far_apart_as_looks_may_be(apart: float, found: list[str]) -> None:
    """The slowest step of a page sends one each three seconds and a little: absence never began anew with each of them."""
    made: list[Picture] = [(GazeReading(at, "none"), PersonsReading(at, 0, False)) for at in (number * apart for number in range(5))]
    assert kinds(scored(made)) == found


def test_an_unknown_picture_amid_an_absence_bears_no_longer_silence_than_it_did() -> None:
    made: list[Picture] = [(GazeReading(at, "none"), PersonsReading(at, 0, False)) for at in (0.0, 1.0, 2.0)]
    made += [(GazeReading(4.0, "unknown"), None), *((GazeReading(at, "none"), PersonsReading(at, 0, False)) for at in (6.0, 7.0))]
    assert kinds(scored(made)) == []
