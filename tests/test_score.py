"""The rules as tables of cases and as properties."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from basics.readings import AudioReading, Box, Direction, GazeReading, PersonsReading, ScreenAct
from basics.signals import VIOLATION_KINDS
from score import Scorer, replay
from scoring.check_records import CheckCollector, unpack
from scoring.rules import Rules
from settings.settings import load_settings

RULES = Rules(
    points={
        "gaze_distracted": 2,
        "no_face": 9,
        "multiple_faces": 10,
        "speech": 3,
        "multiple_voices": 10,
        "tab_switch": 4,
        "copy_paste": 5,
        "prohibited_object": 10,
    }
)
Picture = tuple[GazeReading, PersonsReading | None]


def pictures(
    directions: Callable[[float], Direction], counts: Callable[[float], int | None], start: float, end: float, *, phone: bool = False
) -> list[Picture]:
    """Four pictures a second, a look for persons every two seconds."""
    made = []
    for step in range(round(start * 4), round(end * 4)):
        at = step / 4
        look = PersonsReading(at, counts(at), phone, persons=(Box(0, 0, 9, 9, 0.9),)) if step % 8 == 0 else None
        made.append((GazeReading(at, directions(at)), look))
    return made


def scored(made: Sequence[Picture], rules: Rules = RULES) -> Scorer:
    scorer = Scorer(rules)
    for gaze, persons in made:
        scorer.take_picture(gaze, persons)
    return scorer


def kinds(scorer: Scorer, index: int = 0) -> list[str]:
    return [violation.kind for violation in scorer.interval(index).violations]


def between(start: float, end: float, inside: Direction, outside: Direction = "focused") -> Callable[[float], Direction]:
    return lambda at: inside if start <= at < end else outside


def one(at: float) -> int:
    return 1


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
    assert scorer.interval(1).violations[0].start == 29


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


@pytest.mark.parametrize(("multiple", "expected"), [((5.0, 6.5), []), ((5.0, 7.0), ["multiple_voices"])])
def test_several_voices_need_enough_speech(multiple: tuple[float, float], expected: list[str]) -> None:
    scorer = Scorer(RULES)
    scorer.take_sound(AudioReading(5, 3, multiple=(multiple,), voices=2))
    assert kinds(scorer) == expected


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
        if name != "points":
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
    """Who turned away while a person was in view, and whom no look could tell of since, is turned away for so long only."""
    turned = [(GazeReading(step / 4, "left" if step < 4 else "none"), PersonsReading(0.0, 1, False) if step == 0 else None) for step in range(80)]

    def seconds(looks: int) -> float:
        (away,) = scored(turned, replace(RULES, looks_speak_for=looks)).interval(0).violations
        return float(away.evidence["stretches"][0][1])

    assert [seconds(3), seconds(5)] == [6.0, 10.0]


def test_how_close_events_of_one_act_come_is_a_rule() -> None:
    acts = [ScreenAct("copy", 5.0, "copy"), ScreenAct("clipboard", 7.0, "clipboard_changed")]
    counted = []
    for together in (1.0, 2.5):
        scorer = Scorer(replace(RULES, act_together_s=together))
        scorer.take_acts(acts)
        counted.append(scorer.interval(0).violations[0].occurrences)
    assert counted == [2, 1]


def test_how_far_apart_turns_of_one_conversation_are_is_a_rule() -> None:
    """Turns of 1.2 s, four seconds apart, over the end of an interval: neither has two seconds alone."""

    def heard(rules: Rules) -> list[str]:
        scorer = Scorer(rules)
        for at in (28.0, 32.0):
            scorer.take_sound(AudioReading(at, 2.0, multiple=((at, at + 1.2),), voices=2))
        return kinds(scorer, 1)

    assert heard(RULES) == ["multiple_voices"]
    assert heard(replace(RULES, voices_gap_s=2.5)) == []


# Properties

directions: st.SearchStrategy[Direction] = st.sampled_from(["focused", "left", "right", "down", "closed", "none", "unknown"])
looks = st.sampled_from([None, 0, 1, 2])


@st.composite
def footage(draw: st.DrawFn) -> list[Picture]:
    """Pictures four times a second, in runs so that stretches come about."""
    made: list[Picture] = []
    at = 0.0
    for direction, count, length in draw(st.lists(st.tuples(directions, looks, st.integers(1, 24)), max_size=20)):
        for _ in range(length):
            look = PersonsReading(at, count, draw(st.booleans())) if len(made) % 8 == 0 else None
            made.append((GazeReading(at, direction), look))
            at += 0.25
    return made


@st.composite
def sounds(draw: st.DrawFn) -> list[AudioReading]:
    made = []
    for second in range(draw(st.integers(0, 80))):
        spoken = draw(st.booleans())
        several = spoken and draw(st.booleans())
        stretch = ((second + 0.1, second + 0.9),)
        made.append(AudioReading(second, 1.0, stretch if spoken else (), stretch if several else (), 2 if several else int(spoken)))
    return made


acts = st.lists(
    st.builds(
        ScreenAct,
        id=st.uuids().map(str),
        at=st.floats(0, 90).map(lambda at: round(at, 2)),
        kind=st.sampled_from(["copy", "paste", "tab_hidden", "tab_visible", "window_blur", "window_focus", "tab_switch"]),
    ),
    max_size=12,
)


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
