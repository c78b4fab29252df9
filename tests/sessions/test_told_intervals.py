"""Of which intervals other systems are told, when, and under which keys."""

from __future__ import annotations

from basics.readings import IntervalResult
from sessions.told_intervals import ToldIntervals
from storage.marks import marks_of


def result(score: int, *, flagged: bool = True, closed: bool = False, revision: int = 0) -> IntervalResult:
    return IntervalResult(7, 70.0, 80.0, score, flagged, 71.0 if flagged else None, (), closed, revision)


def told(intervals: ToldIntervals, *results: IntervalResult) -> list[tuple[str, int]]:
    return [(mark.key, mark.data["score"]) for one in results for mark in marks_of(intervals.mark(one))]


def test_a_flag_is_told_at_once_and_what_it_came_to_at_the_close() -> None:
    grown = [result(8, flagged=False), result(10), result(25), result(35, closed=True), result(35, closed=True, revision=1)]
    late = [result(40, closed=True, revision=2), result(5, flagged=False, closed=True, revision=3), result(12, closed=True, revision=4)]
    assert told(ToldIntervals(), *grown, *late) == [
        ("flagged_0", 10),
        ("revised_0_35", 35),
        ("revised_2_40", 40),
        ("revised_3_5", 5),
        ("flagged_4", 12),
    ]


def test_a_server_that_takes_over_tells_of_the_same_flag_under_the_same_key() -> None:
    assert told(ToldIntervals(), result(10)) == told(ToldIntervals(), result(10))
    back = [result(10), result(5, flagged=False), result(10), result(5, flagged=False)]
    assert [key for key, _score in told(ToldIntervals(), *back)] == ["flagged_0", "revised_0_5", "flagged_0_again_2", "revised_0_5_again_2"]
    taken = ToldIntervals()
    taken.take_up(7, 10, flagged=True, closed=False)
    assert told(taken, result(12), result(12, closed=True)) == [("revised_0_12", 12)]
    taken.take_up(7, 12, flagged=True, closed=True)
    assert told(taken, result(12, closed=True, revision=1)) == []
