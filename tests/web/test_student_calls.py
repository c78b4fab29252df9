"""A student calls the proctors: what the link takes, what the session keeps and tells, and when the call is over."""

from __future__ import annotations

from typing import Any

import pytest
from flask.testing import FlaskClient

from basics.errors import Conflict, TooMany
from sessions.events import CallChanged, MessageSent, SessionEvent
from sessions.messages import CALLS_MAX, MessageBook
from tests.helpers.exam import Page
from tests.helpers.sessions import create, live, stop_server
from web.parts import Parts
from web.proctor.messages import MESSAGES
from web.student.budget import CALLS_AT_ONCE
from web.student.said import MAX_CALL


def called(page: Page) -> list[Any]:
    return [message["call"] for message in page.of_type("call")]


# Over the link


def test_a_call_waits_until_it_is_answered_and_every_page_is_told() -> None:
    page = Page().come_in()
    page.turn()
    assert not called(page), "nobody calls"
    assert page.say("call", text="  My mouse is broken ") == []
    page.turn()
    assert called(page) == [{"at": 1.0, "text": "My mouse is broken"}]
    again = Page(page.exam).come_in()
    again.turn()
    assert called(again) == called(page), "a page that comes back"
    page.exam.messages.add("I come", "message", "Ada", 3.0)
    again.turn()
    assert called(again)[-1] is None
    assert [message["from"] for message in again.of_type("message")] == ["Ada"], "the student's own line is not said to the student"


def test_a_raised_hand_needs_no_words_and_can_be_taken_back() -> None:
    page = Page().come_in()
    page.say("call")
    page.turn()
    page.say("uncall")
    page.turn()
    assert called(page) == [{"at": 1.0, "text": ""}, None]


@pytest.mark.parametrize("text", ["x" * (MAX_CALL + 1), "two\nlines", "turned \u202e", "\ud800", 7, None, ["a"], {"text": "a"}])
def test_words_that_are_no_plain_line_are_refused_each_time_with_what_they_are_about(text: object) -> None:
    page = Page().come_in()
    for _ in range(2):
        (error,) = page.say("call", text=text)
        assert (error["code"], error["about"]) == ("invalid", "call")
        assert str(MAX_CALL) in error["message"]
    assert page.exam.messages.call is None


def test_calls_are_bounded_in_rate() -> None:
    page = Page().come_in()
    answers = [page.say("call", text=f"call {number}") for number in range(CALLS_AT_ONCE + 2)]
    assert [len(answer) for answer in answers] == [0] * CALLS_AT_ONCE + [1, 1]
    assert answers[-1][0]["code"] == TooMany.code
    page.wait(10)
    assert page.say("call", text="later") == []


# In the session


def test_the_students_lines_stand_among_the_messages_and_leave_room_for_the_proctors() -> None:
    book = MessageBook()
    book.add("Hello", "message", "Ada", 1.0)
    book.begin_call("", "anna", 2.0)
    assert book.begin_call("", "anna", 3.0) is None, "the hand is up already"
    book.begin_call("My mouse", "anna", 4.0)
    assert book.call is not None
    assert (book.call.at, book.call.text) == (2.0, "My mouse"), "it waits since it began"
    lines = [(line["from"], line["text"], line["by"]) for line in book.documents()]
    assert lines == [("proctor", "Hello", "Ada"), ("student", "", "anna"), ("student", "My mouse", "anna")]
    assert [message.text for message in book.waiting()] == ["Hello"]
    for number in range(CALLS_MAX - 2):
        book.begin_call(f"call {number}", "anna", 5.0)
    with pytest.raises(TooMany):
        book.begin_call("one more", "anna", 5.0)
    book.add("I come", "message", "Ada", 6.0)
    assert book.call is None


def test_messages_that_were_stored_before_students_could_call_are_the_proctors() -> None:
    old = {"id": "a", "text": "Hello", "level": "message", "by": "Ada", "at": 1.0, "delivered": True, "read": False}
    book = MessageBook([old])
    assert book.documents() == [old | {"from": "proctor"}]
    assert MessageBook(book.documents()).documents() == book.documents()


def test_a_call_is_shown_told_at_once_stored_and_outlives_the_server(client: FlaskClient, parts: Parts, student: str) -> None:
    session = live(parts, create(client, student, source="browser"))
    told: list[Any] = []

    def hear(event: SessionEvent) -> None:
        if event.session is session:
            told.append(MESSAGES[type(event)](event))

    for kind in (CallChanged, MessageSent):
        parts.monitor._events.subscribe(kind, hear)
    session.begin()
    session.student_call("My mouse is broken")
    session.student_call("My mouse is broken")
    call = session.status().to_dict()["call"]
    assert call["text"] == "My mouse is broken"
    assert [name for name, _ in told] == ["message_sent", "call_changed"]
    assert told[0][1]["from"] == "student"
    assert told[1][1]["call"] == call
    assert (told[1][1]["user_id"], told[1][1]["exam_id"]) == (student, "exam001")
    details = client.get(f"/api/session/{session.session_id}/details").get_json()["session"]
    assert [(line["from"], line["text"]) for line in details["messages"]] == [("student", "My mouse is broken")]
    session.checkpoint()
    assert parts.database.flush(10)
    stop_server(parts)
    parts.monitor.resume()
    again = parts.monitor.get(session.session_id)
    assert again is not None
    assert again.status().to_dict()["call"] == call
    again.talk.send("I come", "message", "Ada")
    assert again.status().call is None
    again.student_call("")
    again.student_call(None)
    assert again.status().call is None
    again.student_call("")
    assert client.post(f"/api/session/{session.session_id}/end", json={}).status_code == 200
    assert again.status().call is None
    with pytest.raises(Conflict):
        again.student_call("")
    assert parts.database.flush(10)
    assert parts.database.session(session.session_id)["call"] is None
