"""Pages whose clocks sleep, step, lie or are another tab's: nothing lands in a wrong interval, nothing is lost, and the server's clock decides."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import bson
import pytest

from tests.helpers.exam import Page, PlainExam
from tests.helpers.sent_media import PICTURE
from web.student.act_times import RESENT_S
from web.student.arrivals import FUTURE_S, TRUSTED_AGAIN_S
from web.student.conversation import CLOCK_EVERY_S
from web.student.page_clock import PageClocks

HOUR_MS = 3_600_000.0


def live(page: Page, seconds: float, *, fps: float = 10, moves: float = 1.0) -> None:
    """The page sends pictures as long, and answers its clock at once; by the pictures' times only `moves` seconds pass in each."""
    began = page.now
    for step in range(round(seconds * fps)):
        for said in page.turn(1 / fps):
            if said["type"] == "clock":
                page.answer(said)
        page.send("picture", "jpeg", PICTURE, at=began + (page.now - began) * moves, sequence=step)


def times(page: Page) -> dict[str, float]:
    return {act.id: round(act.at, 1) for act in page.exam.acts}


class Student:
    """Pages of one student, whose connections come and go."""

    def __init__(self) -> None:
        self.exam, self.stored = PlainExam(), list[dict[str, Any]]()
        self.clocks = PageClocks(store=self._store)

    def _store(self, clocks: list[dict[str, Any]]) -> None:
        self.stored = bson.decode(bson.encode({"clocks": clocks}))["clocks"]

    def server_starts_anew(self) -> None:
        self.clocks = PageClocks(self.stored, self._store)

    def page(self, now: float, away_since: float, *, ahead_ms: float = 1e12, name: str | None = None) -> Page:
        page = Page(self.exam, now=now, clocks=self.clocks, away_since=away_since)
        page.ahead_ms, page.name = ahead_ms, name
        return page.come_in()


# Clocks that stand still, are set, or are another's


@pytest.mark.parametrize("asked", [True, False])
def test_a_laptop_that_slept_over_its_connection_is_told_the_right_times_soon_after_waking(asked: bool) -> None:
    page = Page(now=10).come_in()
    live(page, CLOCK_EVERY_S - 1 if asked else 1)
    slept_at = page.now
    waiting = [said for said in page.turn(2) if said["type"] == "clock"]  # nobody answers
    page.now = slept_at + 20
    page.ahead_ms -= 20_000
    for said in waiting:
        page.answer(said)
    live(page, 2)
    woken = [frame.at for frame in page.exam.frames if frame.at > slept_at + 5]
    assert len(woken) >= 15, "pictures are lost for a moment only"
    assert woken == pytest.approx([page.now - number / 10 for number in reversed(range(len(woken)))], abs=0.2)
    page.act("after-waking")
    assert times(page)["after-waking"] == pytest.approx(page.now, abs=0.2)
    assert not page.exam.unknown


@pytest.mark.parametrize("restart", [False, True])
def test_what_was_done_off_line_before_a_sleep_is_told_by_what_the_clock_was_worth_then(restart: bool) -> None:
    student = Student()
    before = student.page(10, 0.0)
    live(before, 5)
    done = before.ms() + 2000
    if restart:
        student.server_starts_anew()
    after = student.page(60, 15.0, ahead_ms=1e12 - 40_000)  # slept for 40 s of the 45
    after.act("before-the-sleep", page_ms=done)
    after.act("just-now")
    assert times(after) == {"before-the-sleep": pytest.approx(17, abs=0.2), "just-now": pytest.approx(60, abs=0.2)}


@pytest.mark.parametrize("restart", [False, True])
def test_what_was_done_off_line_after_a_sleep_is_told_by_the_clock_that_runs_since(restart: bool) -> None:
    student = Student()
    live(student.page(10, 0.0, name="before"), 5)
    if restart:
        student.server_starts_anew()
    after = student.page(60, 15.0, ahead_ms=1e12 - 40_000, name="since")
    after.act("before-the-sleep", page_ms=1e12 + 17_000, by="before")
    after.act("after-it", page_ms=after.ms(58), by="since")
    assert times(after) == {"before-the-sleep": pytest.approx(17, abs=0.2), "after-it": pytest.approx(58, abs=0.2)}


@pytest.mark.parametrize("step_ms", [HOUR_MS, -HOUR_MS, 2000.0, -2000.0])
def test_a_clock_that_is_set_while_the_exam_runs_moves_nothing(step_ms: float) -> None:
    page = Page(now=30).come_in()
    live(page, 15)
    page.act("before-it")
    page.ahead_ms += step_ms
    live(page, CLOCK_EVERY_S + 2)
    page.act("after-it")
    assert times(page) == {"before-it": pytest.approx(45, abs=0.2), "after-it": pytest.approx(57, abs=0.2)}
    frames = [frame.at for frame in page.exam.frames]
    assert all(later - sooner < CLOCK_EVERY_S / 2 for sooner, later in pairwise(frames)), "nothing is lost for long"
    assert max(frames) == pytest.approx(page.now, abs=FUTURE_S)
    page.ahead_ms -= step_ms
    live(page, CLOCK_EVERY_S + 2 + TRUSTED_AGAIN_S)
    assert page.exam.frames[-1].at == pytest.approx(page.now, abs=0.2)
    assert not page.exam.unknown


@pytest.mark.parametrize("step_ms", [HOUR_MS, -HOUR_MS])
def test_a_clock_that_is_set_while_the_page_is_off_line_moves_none_of_what_it_kept(step_ms: float) -> None:
    student = Student()
    before = student.page(100, 0.0)
    live(before, 5)
    done = before.ms() + 7000
    after = student.page(300, 105.0, ahead_ms=1e12 + step_ms)
    after.act("kept-so-long", page_ms=done)
    after.act("just-now")
    assert times(after) == {"kept-so-long": pytest.approx(112, abs=0.2), "just-now": pytest.approx(300, abs=0.2)}


@pytest.mark.parametrize("name", ["\ud800", "a\x00b", "\u202egnp", "two\nlines", 5, ["x"]])
def test_a_clock_whose_name_could_not_be_stored_is_refused_with_a_reason(name: Any) -> None:
    stored: list[Any] = []
    page = Page(clocks=PageClocks(store=stored.append))
    page.name = name
    answers = page.answer_clock()
    assert [answer["code"] for answer in answers] == ["invalid"]
    assert "one line of plain text" in answers[0]["message"]
    page = Page(clocks=PageClocks(store=stored.append))
    page.name = "good"
    page.come_in()
    page.say("acts", page=name, acts=[{"id": "abcdefgh", "kind": "copy", "page_ms": page.ms()}])
    assert not page.exam.acts
    assert [clock["name"] for clock in stored[-1]] == ["good"]


def test_what_another_tab_kept_is_told_by_that_tab_s_clock() -> None:
    student = Student()
    first = student.page(50, 0.0, ahead_ms=5e11, name="first tab")
    noted = first.ms() + 4000
    second = student.page(80, 54.0, ahead_ms=9e12, name="second tab")
    second.act("in-the-first", page_ms=noted, by="first tab")
    second.act("in-the-second", page_ms=second.ms(79))
    assert times(second) == {"in-the-first": pytest.approx(54, abs=0.2), "in-the-second": pytest.approx(79, abs=0.2)}


# What a page can't make the server believe


@pytest.mark.parametrize(("claimed", "taken"), [(-1e6, 500.0), (100.0, 500.0), (490.0, 490.0), (1e9, 500.0)])
def test_an_act_of_now_can_be_dated_to_no_other_interval(claimed: float, taken: float) -> None:
    page = Page(now=400).come_in()
    live(page, 100, fps=2)
    page.act("dated-so", page_ms=page.ms(claimed))
    assert times(page)["dated-so"] == pytest.approx(taken, abs=0.2)


@pytest.mark.parametrize(("claimed", "taken"), [(50.0, 300.0), (180.0, 180.0), (250.0, 250.0), (400.0, 300.0)])
def test_an_act_that_was_kept_lies_where_nobody_was_heard(claimed: float, taken: float) -> None:
    page = Student().page(300, 200.0)
    page.act("kept-so-long", page_ms=page.ms(claimed))
    assert times(page)["kept-so-long"] == pytest.approx(taken, abs=0.2)
    live(page, RESENT_S + 1, fps=2)
    page.act("later-again", page_ms=page.ms(250.0))
    assert times(page)["later-again"] == pytest.approx(page.now, abs=0.2), "the outage is over"


@pytest.mark.parametrize("moves", [0.0, 0.01, 0.2])
def test_pictures_whose_time_does_not_move_on_are_stamped_as_they_arrive_and_it_is_told(moves: float) -> None:
    page = Page(now=100).come_in()
    live(page, 30, moves=moves)
    frames = [frame.at for frame in page.exam.frames]
    assert max(frames) == pytest.approx(page.now, abs=0.2)
    assert sum(at > 106 for at in frames) > 200, "they are read at their rate"
    assert page.exam.unknown == {"page_time"}
    page.wait(0.5)
    live(page, 25)
    assert page.exam.unknown == set()
    assert page.exam.frames[-1].at == pytest.approx(page.now, abs=0.2)


def test_a_clock_that_stands_still_in_its_answers_too_is_not_believed() -> None:
    page = Page(now=100).come_in()
    for _ in range(600):
        page.ahead_ms -= 100  # it shows the same time again and again
        for said in page.turn(0.1):
            if said["type"] == "clock":
                page.answer(said)
        page.send("picture", "jpeg", PICTURE)
    assert page.exam.unknown == {"page_time"}
    frames = [frame.at for frame in page.exam.frames]
    assert max(later - sooner for sooner, later in pairwise(frames)) < 12
    assert sum(at > 130 for at in frames) > 200


def test_sound_whose_time_does_not_move_on_is_heard_all_the_same() -> None:
    page = Page(now=100).come_in()
    for _ in range(100):
        for said in page.turn(0.2):
            if said["type"] == "clock":
                page.answer(said)
        page.send("sound", "pcm16", bytes(6400), at=100.0)
    assert page.exam.sounds[-1].at == pytest.approx(page.now, abs=0.3)
    assert page.exam.unknown == {"page_time"}


def test_a_narrow_line_that_holds_everything_up_is_believed() -> None:
    page = Page(now=100).come_in()
    live(page, 5)
    taken = [page.now + number / 10 for number in range(400)]
    page.now += 40  # nothing came through
    for number, at in enumerate(taken):
        page.turn(0.005)
        page.send("picture", "jpeg", PICTURE, at=at, sequence=number)
    assert [frame.at for frame in page.exam.frames[-400:]] == pytest.approx(taken, abs=0.01)
    assert not page.exam.unknown


ODD: list[dict[str, Any]] = [
    {},
    {"name": "a"},
    {"name": "a", "runs": 7},
    {"name": "a", "runs": [[1, 2]]},
    {"name": "a", "runs": [["x", None, 0.1, 1.0]]},
]


@pytest.mark.parametrize("odd", ODD)
def test_a_stored_clock_that_can_not_be_read_is_left_out(odd: dict[str, Any]) -> None:
    clocks = PageClocks([odd, {"name": "b", "runs": [[0.0, None, 0.1, 5.0]]}])
    assert clocks.find("a") is None
    found = clocks.find("b")
    assert found is not None
    assert found.at(7000.0) == 2.0


def test_what_was_done_between_two_sleeps_is_told_by_the_time_of_day_between_their_clocks() -> None:
    student = Student()
    live(student.page(10, 0.0, name="before"), 5)
    after = student.page(2000, 15.0, ahead_ms=1e12 - 1_900_000, name="since")
    done = 1e12 - 60_000 + 500_000  # at 500 s, by a clock that the server never met: it stood still for a minute before
    said = {"id": "between-them", "kind": "copy", "page_ms": done}
    after.say("acts", page="between", shift_ms=-1_840_000, acts=[said])
    after.say("acts", page="between", shift_ms="soon", acts=[said | {"id": "odd-shift"}])
    assert times(after)["between-them"] == pytest.approx(500, abs=0.2)
    assert times(after)["odd-shift"] <= 2000


def test_a_page_that_comes_with_a_steady_time_is_not_blamed_for_the_one_before_it() -> None:
    student = Student()
    student.exam.unknown.add("page_time")
    student.page(10, 0.0)
    assert "page_time" not in student.exam.unknown
