"""Who is told of what: each listener alone, whatever another does."""

from __future__ import annotations

import logging
from types import SimpleNamespace
from typing import Any, cast

import pytest

from sessions.ends import End
from sessions.events import Events, KeyWanted, NoticesChanged, SessionEnded, SessionEvent, Updated
from sessions.score_book import Summary
from sessions.session import ExamSession
from web.links import Links

SESSION = cast(ExamSession, SimpleNamespace(session_id="session", exam_id="exam"))


class Page:
    """A student's connection that keeps what it is told."""

    def __init__(self) -> None:
        self.session = SESSION
        self.attempt = None
        self.said: list[dict[str, Any]] = []

    def say(self, message: dict[str, Any]) -> None:
        self.said.append(message)

    def close(self) -> None: ...


def test_each_listener_hears_its_kind_in_the_order_of_subscribing() -> None:
    events: Events = Events()
    heard: list[tuple[str, SessionEvent]] = []
    events.subscribe(Updated, lambda event: heard.append(("first", event)))
    events.subscribe(Updated, lambda event: heard.append(("second", event)))
    events.subscribe(KeyWanted, lambda event: heard.append(("key", event)))
    event = Updated(SESSION)
    events.publish(event)
    assert heard == [("first", event), ("second", event)]


def test_a_listener_that_fails_is_logged_and_keeps_nothing_from_the_others(caplog: pytest.LogCaptureFixture) -> None:
    events: Events = Events()
    heard: list[SessionEvent] = []

    def fail(event: Updated) -> None:
        raise OSError("no room")

    events.subscribe(Updated, fail)
    events.subscribe(Updated, heard.append)
    with caplog.at_level(logging.ERROR):
        events.publish(Updated(SESSION))
    assert heard == [Updated(SESSION)]
    assert "Updated" in caplog.text
    assert "no room" in caplog.text


def test_a_listener_may_subscribe_while_it_is_told() -> None:
    events: Events = Events()
    heard: list[SessionEvent] = []
    events.subscribe(Updated, lambda _: events.subscribe(Updated, heard.append))
    events.publish(Updated(SESSION))
    assert heard == []
    events.publish(Updated(SESSION))
    assert heard == [Updated(SESSION)]


def test_a_student_is_told_what_is_the_students_and_nothing_else() -> None:
    events, page = Events(), Page()
    links = Links(events)
    with links.place("session"):
        links.enter(page, lambda there: None)
    events.publish(KeyWanted(SESSION))
    events.publish(NoticesChanged(SESSION, ("dark",)))
    events.publish(Updated(SESSION))
    events.publish(SessionEnded(SESSION, Summary("session", 10, 1), End("proctor", "all done"), "ended"))
    assert page.said == [
        {"type": "key"},
        {"type": "quality", "notices": ["dark"]},
        {"type": "ended", "reason": "ended by the proctor: all done", "code": "proctor", "note": "all done"},
    ]
