"""The rules as tables of cases."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from basics.readings import AudioReading, Direction, GazeReading, PersonsReading, ScreenAct, SoundKind
from score import Scorer
from tests.helpers.scoring import RULES, between, kinds, one, pictures, scored


@pytest.mark.parametrize(
    ("direction", "seconds", "expected"),
    [
        ("left", 2.5, ["gaze_distracted"]),
        ("right", 2.5, ["gaze_distracted"]),
        ("down", 2.5, ["gaze_distracted"]),
        ("left", 1.5, []),
        ("closed", 10.0, []),
        ("unknown", 10.0, []),
        ("focused", 10.0, []),
    ],
)
def test_looking_away_counts_when_it_lasts(direction: Direction, seconds: float, expected: list[str]) -> None:
    made = pictures(between(5, 5 + seconds, direction), one, 0, 30)
    assert kinds(scored(made)) == expected


def test_the_numbers_of_looking_away_are_those_of_the_direction_that_is_named() -> None:
    made = [GazeReading(at / 4, "down", numbers={"gaze_y_deg": 18.0, "gaze_x_deg": 1.0}) for at in range(24)]
    made += [GazeReading(6.0, "right", numbers={"gaze_y_deg": 5.0, "gaze_x_deg": -14.7})]
    (violation,) = scored([(gaze, None) for gaze in made]).interval(0).violations
    assert violation.evidence["directions"]["right"] == 1
    assert violation.evidence["numbers"] == {"gaze_y_deg": 18.0, "gaze_x_deg": 1.0}


def test_a_turned_head_counts_as_looking_away_while_a_person_is_in_view() -> None:
    turns = pictures(lambda at: "left" if 4 <= at < 4.5 else "none" if 4.5 <= at < 9 else "focused", one, 0, 30)
    assert kinds(scored(turns)) == ["gaze_distracted"]


def test_a_face_that_is_out_of_view_is_no_turned_head() -> None:
    """A head that the picture's edge cuts, or that lies on the desk: nobody saw it turn."""
    assert kinds(scored(pictures(between(4, 9, "none"), one, 0, 30))) == []
    assert kinds(scored(pictures(between(4, 9, "none", "unknown"), one, 0, 30))) == []


@pytest.mark.parametrize(("turns", "loses"), [(8.5, 10.25), (10.0, 11.5)], ids=["seen-turning", "seen-going"])
def test_who_turns_to_leave_is_gone_and_not_looking_away(turns: float, loses: float) -> None:
    """The last look found somebody, who may have left since: a picture without a face is known by the look after it."""
    made = pictures(lambda at: "left" if turns <= at < loses else "none" if at >= loses else "focused", lambda at: int(at <= turns + 2), 0, 20)
    assert kinds(scored(made)) == ["no_face"]


def test_who_was_in_view_says_nothing_once_a_look_could_not_tell() -> None:
    turns = pictures(lambda at: "left" if 4 <= at < 4.5 else "none" if at >= 4.5 else "focused", lambda at: 1 if at < 5 else None, 0, 12)
    assert kinds(scored(turns)) == []


def test_one_glance_in_three_pictures_is_no_long_look() -> None:
    assert kinds(scored(pictures(lambda at: "left" if round(at * 4) % 3 == 0 else "focused", one, 0, 30))) == []


@pytest.mark.parametrize("between_s", [[], [(102.0, None)], [(102.0, 1)]])
def test_looks_from_before_a_long_silence_are_forgotten(between_s: list[tuple[float, int | None]]) -> None:
    """After a lost connection one look of two persons is one look, whatever was seen minutes ago."""
    scorer = Scorer(RULES)
    for at, count in [(100.0, 2), *between_s, (700.0, 2)]:
        scorer.take_picture(None, PersonsReading(at, count, None if count is None else count == 2))
    assert [kinds(scorer, RULES.index(at)) for at in (100, 700)] == [[], []]
    scorer.take_picture(None, PersonsReading(702.0, 2, True))
    (many, phone) = scorer.interval(RULES.index(702)).violations
    assert {many.kind, phone.kind} == {"multiple_faces", "prohibited_object"}
    assert min(many.start, phone.start) >= 700


def test_no_face_and_nobody_seen_counts_as_nobody_and_not_as_looking_away() -> None:
    made = pictures(between(4, 10, "none"), lambda at: 0 if 4 <= at < 10 else 1, 0, 30)
    assert kinds(scored(made)) == ["no_face"]


def test_nobody_needs_both_signals() -> None:
    """A person detector that misses the person is contradicted by the face that is read."""
    assert kinds(scored(pictures(lambda at: "focused", lambda at: 0, 0, 30))) == []


def test_nobody_is_never_told_from_pictures_that_show_nothing() -> None:
    assert kinds(scored(pictures(lambda at: "unknown", lambda at: 0, 0, 30))) == []
    assert kinds(scored(pictures(lambda at: "none", lambda at: None, 0, 30))) == []


def test_nobody_for_less_than_three_seconds_does_not_count() -> None:
    made = pictures(between(4, 6.5, "none"), lambda at: 0 if 4 <= at < 6.5 else 1, 0, 30)
    assert kinds(scored(made)) == []


def test_two_glances_do_not_add_up() -> None:
    made = pictures(lambda at: "left" if 5 <= at < 6.5 or 8 <= at < 9.5 else "focused", one, 0, 30)
    assert kinds(scored(made)) == []


def test_a_gap_within_tolerance_does_not_end_a_stretch() -> None:
    made = pictures(lambda at: "left" if 5 <= at < 8 and at not in (6.0, 6.25) else "focused", one, 0, 30)
    assert kinds(scored(made)) == ["gaze_distracted"]


def test_looking_back_for_longer_than_the_tolerance_ends_a_stretch() -> None:
    """Three pictures at four a second are 0.75 s: what was read until the next picture counts."""
    made = pictures(lambda at: "left" if 5 <= at < 8 and at not in (6.5, 6.75, 7.0) else "focused", one, 0, 30)
    assert kinds(scored(made)) == []


@pytest.mark.parametrize(("blink_max_s", "expected"), [(1.5, ["gaze_distracted"]), (0.4, [])])
def test_how_long_a_blink_lasts_is_a_rule(blink_max_s: float, expected: list[str]) -> None:
    """Eyes closed for 1.25 s between two looks aside of 1.5 s each: a blink is no looking back."""
    made = pictures(lambda at: "closed" if 6.5 <= at < 7.75 else "left" if 5 <= at < 9.25 else "focused", one, 0, 30)
    assert kinds(scored(made, replace(RULES, blink_max_s=blink_max_s))) == expected


def test_a_blink_in_a_look_away_does_not_end_it() -> None:
    made = pictures(lambda at: "closed" if at == 6.0 else "down" if 5 <= at < 8 else "focused", one, 0, 30)
    assert kinds(scored(made)) == ["gaze_distracted"]


def test_unknown_time_is_not_held_against_the_student() -> None:
    """Away for 1 s, unknown for 2 s, away for 0.5 s: only 1.5 s were seen."""
    made = pictures(lambda at: "left" if 5 <= at < 6 or 8 <= at < 8.75 else "unknown" if 6 <= at < 8 else "focused", one, 0, 30)
    assert kinds(scored(made)) == []


def test_unknown_for_longer_than_three_seconds_ends_a_stretch() -> None:
    made = pictures(lambda at: "left" if 5 <= at < 6.5 or 10 <= at < 11.5 else "unknown" if 6.5 <= at < 10 else "focused", one, 0, 30)
    assert kinds(scored(made)) == []


def test_a_lost_camera_ends_a_stretch() -> None:
    made = pictures(lambda at: "left", one, 0, 1.5) + pictures(lambda at: "left", one, 20, 21.5)
    assert kinds(scored(made)) == []


def test_it_counts_in_the_interval_in_which_it_reaches_its_least_duration() -> None:
    scorer = scored(pictures(between(29, 31.5, "left"), one, 0, 60))
    assert kinds(scorer, 0) == []
    assert kinds(scorer, 1) == ["gaze_distracted"]
    found = scorer.interval(1).violations[0]
    assert (found.start, found.evidence["stretches"], found.evidence["seconds"]) == (30, [[30, 31.25]], 2.25), "what of it lies in this interval"


def test_it_counts_again_in_each_later_interval_in_which_it_goes_on_for_that_long() -> None:
    scorer = scored(pictures(between(25, 61, "left"), one, 0, 90))
    assert [kinds(scorer, index) for index in range(3)] == [["gaze_distracted"], ["gaze_distracted"], []]


def test_two_persons_in_two_looks_running_count_once() -> None:
    scorer = scored(pictures(lambda at: "focused", lambda at: 2 if 10 <= at < 20 else 1, 0, 30))
    assert kinds(scorer) == ["multiple_faces"]
    assert scorer.interval(0).score == 10
    assert scorer.interval(0).violations[0].evidence["persons"] == 2


def test_one_look_with_two_persons_does_not_count() -> None:
    assert kinds(scored(pictures(lambda at: "focused", lambda at: 2 if at in (4, 12, 20) else 1, 0, 30))) == []


def test_two_looks_closer_than_the_least_distance_do_not_count() -> None:
    scorer = Scorer(RULES)
    for at in (1.0, 1.4, 1.8):
        scorer.take_picture(None, PersonsReading(at, 2, False))
    assert kinds(scorer) == []
    scorer.take_picture(None, PersonsReading(2.0, 2, False))
    assert kinds(scorer) == ["multiple_faces"]


def test_two_looks_across_a_boundary_count_in_the_later_interval() -> None:
    scorer = scored(pictures(lambda at: "focused", lambda at: 2 if at in (28, 30) else 1, 0, 60))
    assert (kinds(scorer, 0), kinds(scorer, 1)) == ([], ["multiple_faces"])


def test_a_phone_in_two_looks_counts_and_zero_points_turn_it_off() -> None:
    made = pictures(lambda at: "focused", one, 0, 10, phone=True)
    assert kinds(scored(made)) == ["prohibited_object"]
    off = replace(RULES, points={**RULES.points, "prohibited_object": 0})
    assert kinds(scored(made, off)) == []


@pytest.mark.parametrize(("speech", "expected"), [([(3.0, 3.9)], []), ([(3.0, 4.0)], ["speech"]), ([(3.0, 3.6), (9.0, 9.5)], ["speech"])])
def test_speech_counts_by_its_seconds_in_the_interval(speech: list[tuple[float, float]], expected: list[str]) -> None:
    scorer = Scorer(RULES)
    for start, end in speech:
        scorer.take_sound(AudioReading(start, end - start, speech=((start, end),)))
    assert kinds(scorer) == expected


def test_speech_across_a_boundary_is_split() -> None:
    scorer = Scorer(RULES)
    scorer.take_sound(AudioReading(29, 2, speech=((29.4, 31.5),)))
    assert (kinds(scorer, 0), kinds(scorer, 1)) == ([], ["speech"])


@pytest.mark.parametrize(
    ("sounds", "known"),
    [
        ([(), ()], {}),
        ([("loudspeaker",), ("loudspeaker", "music")], {"as": "loudspeaker", "sounds": ["music", "loudspeaker"]}),
        ([(), ("whisper",)], {"as": "whisper", "sounds": ["whisper"]}),
        ([(), (), ("loudspeaker",)], {"sounds": ["loudspeaker"]}),  # most of it is the student's own
    ],
)
def test_speech_says_what_most_of_it_was_and_what_was_heard_with_it(sounds: list[tuple[SoundKind, ...]], known: dict[str, Any]) -> None:
    scorer = Scorer(RULES)
    for at, kinds_heard in enumerate(sounds):
        scorer.take_sound(AudioReading(at, 1.0, speech=((at, at + 1.0),), sounds=kinds_heard))
    (violation,) = scorer.interval(0).violations
    assert (violation.kind, violation.points) == ("speech", 3)
    assert {name: violation.evidence[name] for name in ("as", "sounds") if name in violation.evidence} == known


@pytest.mark.parametrize(("multiple", "expected"), [((5.0, 6.5), []), ((5.0, 7.0), ["multiple_voices"])])
def test_several_voices_need_enough_speech(multiple: tuple[float, float], expected: list[str]) -> None:
    scorer = Scorer(RULES)
    scorer.take_sound(AudioReading(5, 3, multiple=(multiple,), voices=2))
    assert kinds(scorer) == expected


@pytest.mark.parametrize(
    ("told", "voices", "stranger"),
    [
        (({"several": 2}, {}), 2, False),
        (({"stranger": 1}, {"stranger": 1}), None, True),
        (({"stranger": 1}, {"several": 3}), 3, True),
        (({}, {}), None, False),
    ],
)
def test_the_evidence_says_which_voices_were_heard(told: Any, voices: int | None, stranger: bool) -> None:
    scorer = Scorer(RULES)
    for at, numbers in zip((5.0, 6.5), told, strict=True):
        scorer.take_sound(AudioReading(at, 1.5, multiple=((at, at + 1.5),), voices=1, numbers=numbers))
    (found,) = scorer.interval(0).violations
    assert (found.evidence["voices"], found.evidence["stranger"]) == (voices, stranger)


def test_several_voices_across_a_boundary_count_where_they_reach_it() -> None:
    scorer = Scorer(RULES)
    scorer.take_sound(AudioReading(28, 3, multiple=((29.0, 30.0), (30.4, 31.6)), voices=2))
    assert (kinds(scorer, 0), kinds(scorer, 1)) == ([], ["multiple_voices"])


def test_each_act_counts() -> None:
    scorer = Scorer(RULES)
    scorer.take_acts([ScreenAct("a", 1, "copy"), ScreenAct("b", 5, "paste"), ScreenAct("c", 9, "tab_switch"), ScreenAct("d", 31, "tab_switch")])
    assert (scorer.interval(0).score, scorer.interval(1).score, scorer.total()) == (14, 4, 18)


def test_no_act_counts_twice() -> None:
    scorer = Scorer(RULES)
    for _ in range(3):
        scorer.take_acts([ScreenAct("a", 1, "copy")])
    assert scorer.total() == 5


def test_flag_is_raised_when_threshold_is_reached_mid_interval() -> None:
    scorer = Scorer(RULES)
    assert not scorer.take_acts([ScreenAct("a", 3, "copy")])[0].flagged
    (result,) = scorer.take_acts([ScreenAct("b", 7, "paste")])
    assert (result.flagged, result.flagged_at, result.score) == (True, 7, 10)
    (result,) = scorer.take_acts([ScreenAct("c", 9, "paste")])
    assert (result.flagged_at, result.score) == (7, 15)


def test_a_late_act_revises_a_closed_interval_and_raises_its_flag() -> None:
    scorer = Scorer(RULES)
    scorer.take_acts([ScreenAct("a", 3, "copy")])
    assert scorer.close(0).revision == 0
    (result,) = scorer.take_acts([ScreenAct("late", 5, "paste")])
    assert (result.closed, result.revision, result.flagged, result.flagged_at) == (True, 1, True, 5)
