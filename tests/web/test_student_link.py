"""The student's link without a network: what a page is told when it comes and comes back, and what its messages lead to."""

from __future__ import annotations

import contextlib
import json
import logging
import threading
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from simple_websocket import ConnectionClosed

from basics.readings import ScreenAct
from bench.harness.server import Server
from bench.harness.student import Footage, StudentClient
from sessions.score_book import MAX_ACTS
from sessions.session import ExamSession
from tests.helpers.waiting import until
from web.parts import Parts
from web.student.conversation import CLOCK_TRIPS
from web.student.link import StudentLink

CLOCK = [{"type": "clock", "id": number + 1, "page_ms": 1000.0} for number in range(CLOCK_TRIPS)]


class Line:
    """A page at the end of its line: it says what it is given, one thing after another, nothing where None is given, and is gone."""

    def __init__(self, says: list[dict[str, Any] | None]) -> None:
        self._says = deque([*CLOCK, *says])
        self.heard: list[dict[str, Any]] = []

    def send(self, text: str) -> None:
        self.heard.append(json.loads(text))

    def receive(self, timeout: float) -> str | None:
        if not self._says:
            raise ConnectionClosed
        said = self._says.popleft()
        if said is None:
            threading.Event().wait(timeout)
            return None
        return json.dumps(said)

    def of_type(self, kind: str) -> list[dict[str, Any]]:
        return [message for message in self.heard if message["type"] == kind]


Connect = Callable[..., Line]


@pytest.fixture
def session(client: FlaskClient, parts: Parts, student: str) -> ExamSession:
    created = client.post("/api/session/create", json={"user_id": student, "source": "browser"}).get_json()
    found = parts.monitor.get(created["session_id"])
    assert found is not None
    found.begin()
    return found


@pytest.fixture
def connect(parts: Parts, session: ExamSession) -> Connect:
    def connect(*says: dict[str, Any] | None) -> Line:
        line = Line(list(says))
        with contextlib.suppress(ConnectionClosed):
            StudentLink(line, session, parts).serve()
        return line

    return connect


def test_each_page_that_comes_is_told_once_whether_the_exam_is_paused(session: ExamSession, connect: Connect) -> None:
    (told,) = connect().of_type("pause")
    assert (told["paused"], told["by"], told["breaks_left"]) == (False, "", 0)
    session.begin_break("Ada", "fire drill")
    assert [one["paused"] for one in connect().of_type("pause")] == [True]
    session.end_break()  # while the page is offline: it still believes in the break
    (told,) = connect().of_type("pause")
    assert (told["paused"], told["by"]) == (False, "Ada")


def test_a_page_is_told_how_many_of_its_messages_have_arrived(connect: Connect) -> None:
    acts = [{"type": "acts", "acts": [{"id": str(number), "kind": "copy", "page_ms": 1000.0}]} for number in range(40)]
    counts = [message["count"] for message in connect(*acts, None, None).of_type("received")]
    assert counts == sorted(set(counts))
    assert (counts[0], counts[-1]) == (1, CLOCK_TRIPS + 40)
    assert len(counts) < 40  # not for each one


def test_a_message_is_said_to_each_page_until_it_is_read(parts: Parts, session: ExamSession, connect: Connect) -> None:
    first, _ = session.talk.send("Light, please", "message", "Ada")
    second, _ = session.talk.send("Sit up", "warning", "Ada")
    assert [one["text"] for one in connect().of_type("message")] == ["Light, please", "Sit up"]
    assert [(one["delivered"], one["read"]) for one in session.messages.documents()] == [(True, False), (True, False)]
    again = connect({"type": "read", "id": first.id}, {"type": "read", "id": "no such message"})
    assert [one["id"] for one in again.of_type("message")] == [first.id, second.id]
    assert [one["code"] for one in again.of_type("error")] == ["invalid"]
    assert [one["id"] for one in connect().of_type("message")] == [second.id]
    assert parts.database.flush(10)
    assert [one["read"] for one in parts.database.session(session.session_id)["messages"]] == [True, False]


def test_acts_beyond_the_limit_are_forgotten_by_the_page_and_noted_once(
    session: ExamSession, connect: Connect, caplog: pytest.LogCaptureFixture
) -> None:
    session.take_acts([ScreenAct(f"act-{number:06}", 0.001, "window_focus") for number in range(MAX_ACTS)])
    more = [{"type": "acts", "acts": [{"id": f"more-{number:06}", "kind": "copy", "page_ms": 1000.0}]} for number in range(3)]
    with caplog.at_level(logging.WARNING):
        line = connect(*more, {"type": "break", "on": True})
    assert [one["ids"] for one in line.of_type("acts")] == [["more-000000"], ["more-000001"], ["more-000002"]]
    assert [one["code"] for one in line.of_type("error")] == ["too_many", "conflict"], "told once, and the link goes on"
    assert len([record for record in caplog.records if "screen acts" in record.getMessage()]) == 1
    assert session.status().to_dict()["total_score"] == 0


def test_a_student_who_comes_when_all_places_are_taken_comes_in_when_one_is_free(tmp_path: Path, in_mongod: Callable[[], dict[str, str]]) -> None:
    with Server(tmp_path, in_mongod() | {"MAX_SESSIONS": "1"}) as server:
        created = [server.create(name, "full") for name in ("first", "second")]
        first, second = (StudentClient(f"{server.link_url}?token={one['token']}", Footage([], [], [], 3600.0)) for one in created)
        first.start()
        assert first.welcomed.wait(30)
        second.start()
        until(lambda: second.connections >= 3)  # it tries again twice a second
        assert not second.welcomed.is_set()
        assert not server.details(created[1]["session_id"])["session"].get("elapsed_s")
        first.finish()
        assert second.welcomed.wait(30)
        second.finish()
