"""What a page is told when it comes, waits and comes back, and what its messages lead to: the link's state, without a server."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from basics.errors import Conflict, InvalidInput, NotFound, StorageError, TooMany
from tests.helpers.exam import VIDEO, Page, PlainExam
from tests.helpers.sent_media import PICTURE
from web.student.arrivals import FUTURE_S
from web.student.conversation import CLOCK_EVERY_S, CLOCK_KEPT_S, CLOCK_TRIPS, DEAD_S, PROBLEMS_TOLD, RECEIVED_S, WAITING_MAX
from web.student.pace import SLOWER_AFTER_S


def types(messages: list[dict[str, Any]]) -> list[str]:
    return [message["type"] for message in messages]


# The clock


def test_a_page_is_welcomed_after_three_round_trips_and_not_before() -> None:
    page = Page(now=7.04, notices=["too_dark"])
    answers = [page.answer_clock() for _ in range(CLOCK_TRIPS)]
    assert answers[:-1] == [[], []]
    welcome, quality = answers[-1]
    assert welcome == {"type": "welcome", "session_id": "plain-exam", "video": VIDEO, "elapsed_s": 7.0}
    assert quality == {"type": "quality", "notices": ["too_dark"]}
    assert [message["id"] for message in page.of_type("clock")] == [1, 2, 3]
    assert all(message["server_ms"] == 7040 for message in page.of_type("clock"))


def test_a_page_that_does_not_answer_is_asked_once_a_second_and_stays_outside() -> None:
    page = Page()
    assert types(page.wait(5)) == ["clock", "pause", "clock", "clock", "clock", "clock"]
    assert not page.of_type("welcome")


def test_a_page_inside_is_asked_for_its_clock_every_ten_seconds() -> None:
    page = Page().come_in()
    assert types(page.wait(CLOCK_EVERY_S - 0.5)) == ["received"]
    assert types(page.wait(1)) == ["clock"]
    page.say("clock", id=CLOCK_TRIPS + 1, page_ms=page.ms())
    assert types(page.wait(CLOCK_EVERY_S)) == ["received", "clock"]
    assert len(page.of_type("welcome")) == 1


@pytest.mark.parametrize(
    "answer",
    [{}, {"id": 99}, {"id": "1"}, {"id": [1]}, {"id": 1, "page_ms": True}, {"id": 1, "page_ms": "now"}, {"id": 1, "page_ms": None}, {"id": None}],
)
def test_an_answer_that_answers_no_clock_is_refused_and_the_page_stays_outside(answer: dict[str, Any]) -> None:
    page = Page()
    page.turn()
    (error,) = page.say("clock", **{"page_ms": page.ms(), **answer})
    assert error["code"] == "invalid"
    assert "must repeat the id" in error["message"]
    page.act("abcdefgh")
    assert not page.exam.acts, "its time can't be told yet"


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1" + "0" * 400, "1" * 5000])
def test_a_time_that_no_clock_shows_is_refused(number: str) -> None:
    page = Page()
    page.turn()
    (error,) = page.hand_in('{"type": "clock", "id": 1, "page_ms": ' + number + "}")
    assert error["code"] == "invalid"
    page = Page().come_in()
    (error,) = page.hand_in('{"type": "acts", "acts": [{"id": "abcdefgh", "kind": "copy", "page_ms": ' + number + "}]}")
    assert (error["code"], page.exam.acts) == ("invalid", [])


def test_an_answer_counts_once() -> None:
    page = Page()
    page.answer_clock()
    assert [message["code"] for message in page.say("clock", id=1, page_ms=page.ms())] == ["invalid"]


def test_an_answer_that_comes_too_late_tells_nothing() -> None:
    page = Page()
    page.turn()
    page.wait(CLOCK_KEPT_S + 1)
    assert [message["code"] for message in page.say("clock", id=1, page_ms=page.ms())] == ["invalid"]
    assert types(page.say("clock", id=page.of_type("clock")[-1]["id"], page_ms=page.ms())) == ["welcome", "quality"]


# Media


def test_media_before_the_welcome_are_dropped_without_a_word_and_counted() -> None:
    page = Page()
    assert page.send("picture", "jpeg", PICTURE) == []
    assert page.send("sound", "opus", b"no opus") == []
    assert not page.exam.frames
    assert [message["count"] for message in page.turn() if message["type"] == "received"] == [2]


def test_the_times_of_media_are_told_on_the_exam_s_clock_and_none_lies_in_the_future() -> None:
    page = Page(now=100).come_in()
    for at in (99.7, 100 + FUTURE_S / 2, 5000):
        page.send("picture", "jpeg", PICTURE, at=at)
    assert [frame.at for frame in page.exam.frames] == pytest.approx([99.7, 100 + FUTURE_S / 2, 100 + FUTURE_S], abs=1e-3)


def test_what_is_wrong_with_media_is_answered_and_the_link_goes_on() -> None:
    page = Page().come_in()
    (error,) = page.hand_in(b"short")
    assert (error["type"], error["code"]) == ("error", "invalid")
    assert page.hand_in(b"\x09" * 64)[0]["code"] == "unsupported"
    assert page.send("sound", "opus", b"no opus")[0]["code"] == "invalid"
    page.send("picture", "jpeg", PICTURE)
    assert len(page.exam.frames) == 1
    assert page.talk.over is None


# Acts


def test_acts_are_taken_from_the_first_round_trip_on() -> None:
    page = Page()
    (error,) = page.act("abcdefgh")
    assert "after the first clock message" in error["message"]
    page.answer_clock()
    assert page.act("abcdefgh") == []
    assert [(act.id, act.at, act.kind) for act in page.exam.acts] == [("abcdefgh", 0.0, "copy")]


def test_acts_are_acknowledged_when_they_are_safe_and_not_before() -> None:
    page = Page().come_in()
    page.exam.safe = None
    page.act("waiting-1", "waiting-2")
    page.act("refused-1")
    page.wait(3)
    assert not page.of_type("acts")
    page.exam.receipts[1].safe = True
    page.exam.receipts[2].safe = False  # never safe, so never acknowledged: the page keeps it
    page.exam.safe = True
    page.act("at-once-1")
    assert [message["ids"] for message in page.turn() if message["type"] == "acts"] == [["waiting-2", "at-once-1"]]
    page.exam.receipts[0].safe = True
    page.wait(1)
    assert [message["ids"] for message in page.of_type("acts")] == [["waiting-2", "at-once-1"], ["waiting-1"]]


def test_acts_beyond_the_limit_are_forgotten_by_the_page_and_noted_once(caplog: pytest.LogCaptureFixture) -> None:
    page = Page().come_in()
    page.exam.refuses = TooMany("more than 5000 screen acts in one session")
    with caplog.at_level(logging.WARNING):
        said = [page.act(f"more-00000{number}") for number in range(3)]
    assert [types(answers) for answers in said] == [["error", "acts"], ["acts"], ["acts"]]
    assert [message["ids"] for message in page.of_type("acts")] == [["more-000000"], ["more-000001"], ["more-000002"]]
    assert [message["code"] for message in page.of_type("error")] == ["too_many"], "told once, and the link goes on"
    assert len([record for record in caplog.records if "screen acts" in record.getMessage()]) == 1


def test_a_wrong_act_is_named_by_its_id_and_the_others_are_taken() -> None:
    page = Page().come_in()
    answers = page.say("acts", acts=[{"id": "of-no-kind", "kind": ["copy"], "page_ms": 1}, {"id": "abcdefgh", "kind": "copy", "page_ms": page.ms()}])
    assert [(message["code"], message["act_id"]) for message in answers] == [("invalid", "of-no-kind")]
    assert [act.id for act in page.exam.acts] == ["abcdefgh"]
    assert [message["ids"] for message in page.turn() if message["type"] == "acts"] == [["abcdefgh"]]


def test_acts_that_cannot_be_kept_are_not_acknowledged() -> None:
    page = Page().come_in()
    page.exam.refuses = StorageError("the disk is full")
    assert [message["code"] for message in page.act("abcdefgh")] == ["storage"]
    page.wait(1)
    assert not page.of_type("acts")


# Complaints


def test_each_thing_that_is_wrong_is_told_once_and_noted_once(caplog: pytest.LogCaptureFixture) -> None:
    page = Page()
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            page.say("nonsense")
            page.hand_in("no JSON")
    assert [message["message"] for message in page.of_type("error")] == [
        "messages of type 'nonsense' aren't known; known are clock, acts, device, page, break, call, uncall, read and end",
        "a text message is not JSON",
    ]
    assert len(caplog.records) == 2
    assert {vars(record)["session_id"] for record in caplog.records} == {"plain-exam"}


def test_a_client_is_told_no_more_than_twenty_errors_and_is_read_on() -> None:
    page = Page().come_in()
    for number in range(PROBLEMS_TOLD * 2):
        page.say(f"nonsense {number}")
    assert len(page.of_type("error")) == PROBLEMS_TOLD
    page.act("abcdefgh")
    assert len(page.exam.acts) == 1


def test_another_connection_is_told_again() -> None:
    exam = PlainExam()
    assert [len(Page(exam).say("nonsense")) for _ in range(2)] == [1, 1]


# What has arrived


def test_a_page_is_told_how_many_of_its_messages_have_arrived_a_few_times_a_second() -> None:
    page = Page().come_in()
    for number in range(40):
        page.act(f"{number:08}")
        page.turn(0.02)
    page.wait(1)
    told = [message["count"] for message in page.of_type("received")]
    assert told == sorted(set(told))
    assert (told[0], told[-1]) == (1, CLOCK_TRIPS + 40)
    assert len(told) <= 2 + 40 * 0.02 / RECEIVED_S


def test_every_message_counts_whatever_it_holds_and_silence_does_not() -> None:
    page = Page()
    for data in ("no JSON", b"short", '{"type": "nonsense"}', b""):
        page.hand_in(data)
    page.wait(2)
    assert [message["count"] for message in page.of_type("received")] == [4]


# Breaks and messages


def test_each_page_that_comes_is_told_once_whether_the_exam_is_paused() -> None:
    exam = PlainExam()
    page = Page(exam)
    page.wait(2)
    not_paused = {"type": "pause", "paused": False, "by": "", "reason": "", "seconds_left": None, "breaks_left": 2}
    assert page.of_type("pause") == [not_paused]
    exam.pause("Ada", "fire drill")
    page.wait(2)
    assert page.of_type("pause")[1:] == [{**not_paused, "paused": True, "by": "Ada", "reason": "fire drill"}]
    again = Page(exam)
    again.wait(2)
    assert [message["paused"] for message in again.of_type("pause")] == [True]
    exam.on_break = False  # while the page is offline: it still believes in the break
    back = Page(exam)
    back.wait(2)
    assert [(message["paused"], message["by"]) for message in back.of_type("pause")] == [(False, "Ada")]


def test_a_message_is_said_to_each_page_until_it_is_read() -> None:
    exam = PlainExam()
    first, second = exam.messages.add("Light, please", "message", "Ada", 3.0), exam.messages.add("Sit up", "warning", "Ada", 4.0)
    page = Page(exam)
    page.wait(2)
    words = [{"type": "message", "id": first.id, "text": "Light, please", "level": "message", "from": "Ada", "at": 3.0}]
    words += [{"type": "message", "id": second.id, "text": "Sit up", "level": "warning", "from": "Ada", "at": 4.0}]
    assert page.of_type("message") == words
    assert [(one["delivered"], one["read"]) for one in exam.messages.documents()] == [(True, False), (True, False)]
    again = Page(exam)
    again.wait(1)
    assert again.say("read", id=first.id) == []
    assert [one["code"] for one in again.say("read", id="no such message")] == ["invalid"]
    assert [one["id"] for one in again.of_type("message")] == [first.id, second.id]
    third = Page(exam)
    third.turn()
    assert [one["id"] for one in third.of_type("message")] == [second.id]


def test_a_page_is_told_for_what_picture_a_message_asks() -> None:
    exam = PlainExam()
    asking = exam.messages.add("Please take pictures of your room.", "message", "Ada", 3.0, "room")
    page = Page(exam)
    page.wait(2)
    assert [one["asks"] for one in page.of_type("message")] == ["room"]
    assert (exam.messages.asked(asking.id), exam.messages.asked("another")) == ("room", "")
    exam.messages.read(asking.id)
    assert exam.messages.asked(asking.id) == "", "what is answered is asked for no more"


def test_a_message_counts_as_delivered_only_when_it_was_sent() -> None:
    exam = PlainExam()
    exam.messages.add("Light, please", "message", "Ada", 3.0)
    for said in Page(exam).talk.due(0.0):
        if said["type"] == "message":
            break  # the line broke while it was sent
    assert len(exam.messages.waiting()) == 1


def test_a_break_is_asked_for_and_each_refusal_is_told() -> None:
    page = Page().come_in()
    assert page.say("break", on=True) == page.say("break", on=False) == []
    assert page.exam.asked_breaks == [True, False]
    page.exam.refuses = Conflict("No break is left.")
    refused = [{"type": "error", "code": "conflict", "message": "No break is left.", "about": "break"}]
    assert page.say("break", on=True) == page.say("break", on=True) == refused, "a person has pressed a button"
    assert [message["code"] for message in page.say("break", on=1)] == ["invalid"]


# Devices


def test_what_the_page_says_of_its_devices_reaches_the_exam() -> None:
    page = Page()
    page.say("device", device="microphone", state="denied", reason="NotAllowedError" * 100)
    page.say("device", device="screen", state="ended")
    assert page.exam.devices == [("microphone", "denied", ("NotAllowedError" * 100)[:200]), ("screen", "ended", "")]
    assert page.exam.told_frozen == []


def test_a_frozen_camera_is_shown_by_the_pictures_and_not_by_the_page_s_word() -> None:
    page = Page()
    page.say("device", device="camera", state="frozen")
    assert (page.exam.told_frozen, page.exam.devices) == ([True], [])
    page.say("device", device="camera", state="ok")
    assert (page.exam.told_frozen, page.exam.devices) == ([True, False], [("camera", "ok", "")])


def test_whether_a_camera_that_stands_still_gives_new_pictures_reaches_the_exam() -> None:
    page = Page()
    for gives in (True, False, None):
        page.say("device", device="camera", state="frozen", gives=gives)
        assert page.exam.gives_new is gives


@pytest.mark.parametrize(
    "device",
    [{}, {"device": "toaster", "state": "ok"}, {"device": "connection", "state": "ok"}, {"device": "camera", "state": ["ok"]}, {"device": {}}],
)
def test_an_unknown_device_or_state_is_refused(device: dict[str, Any]) -> None:
    page = Page()
    (error,) = page.say("device", **device)
    assert error["code"] == "invalid"
    assert "devices are camera, microphone, screen, states covered, denied" in error["message"]
    assert (page.exam.devices, page.exam.told_frozen) == ([], [])


# Pace


def test_a_page_is_asked_for_fewer_pictures_while_they_are_not_read_in_time_and_for_more_afterwards() -> None:
    page = Page().come_in()
    page.exam.behind = 2.0
    page.wait(SLOWER_AFTER_S + 2)
    assert page.of_type("slower") == [{"type": "slower", "fps": 5.0}]
    page.exam.behind = None
    page.wait(40)
    assert page.of_type("faster") == [{"type": "faster", "fps": 7.5}]


def test_a_page_that_is_not_inside_is_asked_for_no_pace() -> None:
    page = Page()
    page.exam.behind = 2.0
    page.wait(20)
    assert not page.of_type("slower")


# The end


def test_what_others_say_comes_after_what_is_due_in_their_order() -> None:
    page = Page()
    page.talk.say({"type": "key"})
    page.talk.say({"type": "quality", "notices": []})
    assert types(page.turn()) == ["clock", "pause", "key", "quality"]
    assert page.turn() == []


@pytest.mark.parametrize("last", ["ended", "replaced"])
def test_nothing_is_said_after_the_last_word(last: str) -> None:
    page = Page()
    for kind in ("key", last, "quality"):
        page.talk.say({"type": kind})
    assert types(page.turn()) == ["clock", "pause", "key", last]
    assert page.talk.over == last


def test_of_too_much_that_waits_the_newest_is_said() -> None:
    page = Page()
    page.turn()
    for number in range(WAITING_MAX + 50):
        page.talk.say({"type": "quality", "notices": [number]})
    assert [message["notices"] for message in page.turn()] == [[number] for number in range(50, WAITING_MAX + 50)]


def test_the_student_ends_the_exam() -> None:
    page = Page()
    assert page.say("end") == []
    assert page.exam.ended == 1
    page.exam.refuses = NotFound("it has ended already")
    assert [message["code"] for message in page.say("end")] == ["not_found"]
    assert page.talk.over is None, "the last word is said by whoever ends the exam"


def test_a_page_that_says_nothing_for_thirty_seconds_is_gone() -> None:
    page = Page(now=50).come_in()
    page.wait(DEAD_S)
    assert page.talk.over is None
    page.wait(1)
    assert page.talk.over == "silent"


@pytest.mark.parametrize("data", ["no JSON", b"short", '{"type": "device"}'])
def test_a_page_that_says_anything_is_there(data: str | bytes) -> None:
    page = Page().come_in()
    page.wait(DEAD_S - 1)
    page.hand_in(data)
    page.wait(DEAD_S)
    assert page.talk.over is None


def test_a_line_that_stood_still_is_not_taken_for_silence_when_something_comes() -> None:
    page = Page().come_in()
    page.turn(DEAD_S * 3)
    page.act("abcdefgh")
    page.wait(1)
    assert page.talk.over is None


def test_what_is_due_comes_in_its_order() -> None:
    exam = PlainExam()
    page = Page(exam).come_in()
    page.wait(CLOCK_EVERY_S - 1)
    exam.behind = 2.0
    page.act("abcdefgh")
    page.talk.say({"type": "key"})
    exam.messages.add("Light, please", "message", "Ada", 3.0)
    exam.pause("Ada")
    assert types(page.turn(CLOCK_EVERY_S)) == ["clock", "acts", "received", "message", "pause", "key"]


def test_an_error_s_details_are_said_with_it() -> None:
    page = Page()
    page.exam.refuses = InvalidInput("not so", act_id="abcdefgh")
    assert page.say("end") == [{"type": "error", "code": "invalid", "message": "not so", "act_id": "abcdefgh"}]


def test_the_page_is_told_how_much_time_is_left_once_and_again_when_the_end_is_another() -> None:
    page = Page()
    page.exam.ends = 600.0
    page.come_in()
    page.wait(5)
    (first,) = page.of_type("time")
    assert first["left_s"] == pytest.approx(600, abs=5)
    page.exam.ends = 1200.0
    page.wait(5)
    assert page.of_type("time")[1]["left_s"] == pytest.approx(1190, abs=10)
    page.exam.ends = None
    page.wait(5)
    assert [message["left_s"] for message in page.of_type("time")][2:] == [None]
