"""A break: nothing in it counts, it never adds a point, and it is the same live, late and replayed."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from basics.errors import Conflict
from basics.readings import AudioReading, Direction, GazeReading, PersonsReading, ScreenAct
from score import Scorer, replay
from scoring.breaks import Break, BreakBook, covers, outside
from scoring.check_records import CheckCollector, unpack
from tests.helpers.scoring import RULES, Picture, acts, between, footage, one, pictures, sounds


@st.composite
def some_breaks(draw: st.DrawFn) -> list[Break]:
    """Up to three breaks of the first two minutes, the last one open or not."""
    edges = sorted(draw(st.lists(st.integers(0, 480), min_size=2, max_size=6, unique=True)))
    made = [Break(start / 4, end / 4, "student") for start, end in zip(edges[::2], edges[1::2], strict=False)]
    if len(edges) % 2:
        made.append(Break(edges[-1] / 4, None, "proctor"))
    return made


@st.composite
def away_across_a_boundary(draw: st.DrawFn) -> tuple[list[Picture], list[AudioReading], list[Break]]:
    """Mostly looking away, two persons and several voices, from 20 s to 40 s, with a break of a moment near the interval's end at 30 s."""
    made: list[Picture] = []
    heard: list[AudioReading] = []
    at = 20.0
    seen: st.SearchStrategy[Direction] = st.sampled_from(["left", "left", "none", "focused", "unknown"])
    runs = st.tuples(seen, st.sampled_from([2, 2, 1, 0, None]), st.integers(3, 30))
    for direction, count, length in draw(st.lists(runs, min_size=2, max_size=6)):
        for _ in range(length):
            look = PersonsReading(at, count, count == 2) if len(made) % 8 == 0 else None
            made.append((GazeReading(at, direction), look))
            at += 0.25
    for begin, length in draw(st.lists(st.tuples(st.integers(80, 160), st.integers(1, 24)), max_size=5)):
        if not heard or begin / 4 >= heard[-1].at + heard[-1].duration:
            heard.append(AudioReading(begin / 4, length / 4, multiple=((begin / 4, (begin + length) / 4),), voices=2))
    start = draw(st.integers(84, 124)) / 4
    return made, heard, [Break(start, start + draw(st.integers(1, 16)) / 4, "student")]


def fed(made: list[Picture], heard: list[AudioReading], done: list[ScreenAct], breaks: list[Break]) -> Scorer:
    scorer = Scorer(RULES)
    scorer.set_breaks(breaks)
    for gaze, persons in made:
        scorer.take_picture(gaze, persons)
    for reading in heard:
        scorer.take_sound(reading)
    scorer.take_acts(done)
    return scorer


def points(scorer: Scorer) -> list[dict[str, int]]:
    return [{violation.kind: violation.points for violation in result.violations} for result in scorer.results(150)]


@given(footage(), sounds(), acts, some_breaks())
def test_a_break_never_adds_points(made: list[Picture], heard: list[AudioReading], done: list[ScreenAct], breaks: list[Break]) -> None:
    """In no interval, and for no kind."""
    without, within = points(fed(made, heard, done, [])), points(fed(made, heard, done, breaks))
    for plain, paused in zip(without, within, strict=True):
        assert all(count <= plain.get(kind, 0) for kind, count in paused.items())


@settings(max_examples=300)
@given(away_across_a_boundary())
def test_a_break_carries_nothing_into_the_next_interval(case: tuple[list[Picture], list[AudioReading], list[Break]]) -> None:
    """What a break cuts off begins anew, and must not count later for that in an interval in which it would not have counted."""
    made, heard, breaks = case
    without, within = points(fed(made, heard, [], [])), points(fed(made, heard, [], breaks))
    for plain, paused in zip(without, within, strict=True):
        assert all(count <= plain.get(kind, 0) for kind, count in paused.items())


def test_looking_away_that_counted_before_the_break_does_not_count_again_after_it() -> None:
    """Away from 25 s to 31.75 s counts once. A break at 28.5 s makes two of it, of which the second reaches its 2 s in the next interval."""
    scorer = fed(pictures(between(25, 31.75, "left"), one, 20, 40), [], [], [Break(28.5, 28.6, "student")])
    assert points(scorer)[:2] == [{"gaze_distracted": 2}, {}]


def test_several_voices_that_a_break_cut_count_by_the_intervals_own_seconds() -> None:
    heard = [AudioReading(20, 5, multiple=((25.0, 28.0),), voices=2), AudioReading(28, 3, multiple=((28.5, 31.5),), voices=2)]
    scorer = fed([], heard, [], [Break(28.0, 28.5, "student")])
    assert points(scorer)[:2] == [{"multiple_voices": 10}, {}]


def test_voices_before_and_after_a_break_are_not_one_conversation() -> None:
    heard = [AudioReading(27, 3, multiple=((28.1, 29.4),), voices=2), AudioReading(30, 3, multiple=((29.8, 31.2),), voices=2)]
    assert points(fed([], heard, [], []))[1] == {"multiple_voices": 10}
    assert points(fed([], heard, [], [Break(29.4, 29.8, "student")]))[:2] == [{}, {}]


@given(footage(), sounds(), acts, some_breaks())
def test_what_is_read_or_done_in_a_break_changes_nothing(
    made: list[Picture], heard: list[AudioReading], done: list[ScreenAct], breaks: list[Break]
) -> None:
    silent_made = [(gaze, persons) for gaze, persons in made if not covers(breaks, gaze.at)]
    silent_heard = [
        replace(
            reading,
            speech=tuple(part for start, end in reading.speech for part in outside(breaks, start, end)),
        )
        for reading in heard
    ]
    paused, silent = fed(made, heard, done, breaks), fed(silent_made, silent_heard, done, breaks)
    kinds = {"no_face", "gaze_distracted"}  # who was in view in a break may still tell a turned head from an empty chair
    assert [{kind: count for kind, count in interval.items() if kind not in kinds} for interval in points(paused)] == [
        {kind: count for kind, count in interval.items() if kind not in kinds} for interval in points(silent)
    ]
    for result in paused.results(150):
        for violation in result.violations:
            if violation.kind in ("tab_switch", "copy_paste"):
                assert not any(covers(breaks, act["at"]) for act in violation.evidence["acts"])


@given(footage(), sounds(), acts, some_breaks(), st.randoms(use_true_random=False))
def test_acts_that_arrive_late_count_as_if_they_had_come_in_time(
    made: list[Picture], heard: list[AudioReading], done: list[ScreenAct], breaks: list[Break], order: random.Random
) -> None:
    early, late = Scorer(RULES), fed(made, heard, [], breaks)
    early.take_acts(done)  # before anybody knew of a break
    early.set_breaks(breaks)
    for gaze, persons in made:
        early.take_picture(gaze, persons)
    for reading in heard:
        early.take_sound(reading)
    for act in order.sample(done, len(done)):
        late.take_acts([act])
    assert early.results(150) == late.results(150)


@given(footage(), sounds(), acts, some_breaks())
def test_a_replay_of_stored_checks_with_their_breaks_gives_the_same_result(
    made: list[Picture], heard: list[AudioReading], done: list[ScreenAct], breaks: list[Break]
) -> None:
    live, collector = fed(made, heard, done, breaks), CheckCollector()
    for gaze, persons in made:
        collector.add(gaze)
        if persons:
            collector.add(persons)
    for reading in heard:
        collector.add(reading)
    collector.add_acts(done)
    again = Scorer(RULES)
    again.set_breaks(BreakBook(BreakBook([one.to_dict() for one in breaks]).documents()).breaks)
    replay(again, *unpack(collector.take(150.0)["readings"]))
    assert points(again) == points(live)


def test_a_stretch_ends_where_the_break_begins() -> None:
    made = pictures(between(5, 20, "left"), one, 0, 30)
    scorer = Scorer(RULES)
    scorer.set_breaks([Break(6.5, 18.5, "student")])
    for gaze, persons in made:
        scorer.take_picture(gaze, persons)
    assert scorer.interval(0).violations == ()  # 1.5 s before it and 1.5 s after it


def test_looking_away_after_the_break_counts() -> None:
    scorer = fed(pictures(between(12, 15, "left"), one, 0, 30), [], [], [Break(2, 10, "student")])
    assert [violation.kind for violation in scorer.interval(0).violations] == ["gaze_distracted"]


def test_leaving_the_tab_in_a_break_counts_nothing_and_before_it_counts() -> None:
    done = [ScreenAct("before", 1, "tab_switch"), ScreenAct("within", 5, "tab_switch"), ScreenAct("copy", 6, "copy")]
    scorer = fed([], [], done, [Break(2, 10, "student")])
    assert scorer.total() == 4


def test_a_break_that_begins_late_takes_back_what_was_counted_in_it() -> None:
    scorer = Scorer(RULES)
    scorer.take_acts([ScreenAct("a", 5, "copy"), ScreenAct("b", 6, "paste")])
    assert scorer.flagged() == 1
    (result,) = scorer.set_breaks([Break(4, None, "proctor")])
    assert (result.score, result.flagged, scorer.total()) == (0, False, 0)


def test_speech_is_counted_up_to_the_break() -> None:
    scorer = fed([], [AudioReading(0, 5, speech=((0.0, 5.0),))], [], [Break(0.5, 4.0, "student")])
    (violation,) = scorer.interval(0).violations
    assert (violation.kind, violation.evidence["seconds"]) == ("speech", 1.5)


def test_two_persons_seen_before_and_after_a_break_are_no_two_looks_running() -> None:
    scorer = Scorer(RULES)
    scorer.set_breaks([Break(2, 8, "student")])
    for at in (1.0, 9.0):
        scorer.take_picture(GazeReading(at, "focused"), PersonsReading(at, 2, False))
    assert scorer.total() == 0


# The book


def test_a_break_ends_by_itself_at_its_limit() -> None:
    book = BreakBook()
    book.begin(10, "student", limit=70)
    assert (book.is_over(69.9), book.is_over(70)) == (False, True)
    book.finish(75)
    assert book.breaks == [Break(10, 70, "student", "", 70)]
    assert book.taken("student") == 1


def test_one_break_at_a_time() -> None:
    book = BreakBook()
    with pytest.raises(Conflict, match="No break"):
        book.finish(1)
    book.begin(1, "proctor")
    with pytest.raises(Conflict, match="already"):
        book.begin(2, "student")
    assert book.current is not None


@pytest.mark.parametrize(
    ("start", "end", "parts"),
    [(0, 1, [(0, 1)]), (0, 3, [(0, 2)]), (1, 7, [(1, 2), (4, 6)]), (2, 4, []), (3, 5, [(4, 5)]), (7, 9, [])],
)
def test_what_lies_outside(start: float, end: float, parts: list[tuple[float, float]]) -> None:
    assert list(outside([Break(2, 4, "a"), Break(6, None, "b")], start, end)) == parts
