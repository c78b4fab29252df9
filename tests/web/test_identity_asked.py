"""A proctor asks for a picture in mid-exam: what breaks off, two at once, and a student who says what is not so."""

from __future__ import annotations

import contextlib
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient

from records.identity import Request, Whose
from records.verification import verify
from tests.helpers.identity import ADA, Student
from tests.helpers.web import error_of
from web.parts import Parts


@pytest.fixture
def taking(client: FlaskClient, parts: Parts, student: str) -> Student:
    return Student(client, parts, student, room_view=True)


def test_an_answer_to_a_request_that_a_killed_server_did_not_note_is_shown(taking: Student, monkeypatch: pytest.MonkeyPatch) -> None:
    taking.begin()
    with monkeypatch.context() as patch:
        patch.setattr(taking.parts.identity, "ask", lambda *_args, **_more: None)  # the message is stored, and the server dies
        assert taking.ask("room").status_code == 200
    (message,) = taking.session.messages.unread()
    assert taking.say("/request", request=message.id, answer="declined", words="No").status_code == 200
    (one,) = taking.shown()["asked"]
    assert (one["what"], one["by"], one["answer"], one["words"]) == ("room", ADA, "declined", "No")
    assert len(taking.listed()["sessions"]) == 1


def test_an_answer_that_comes_while_the_request_is_stored_stays(taking: Student, monkeypatch: pytest.MonkeyPatch) -> None:
    taking.begin()
    ask = taking.parts.identity.ask

    def slow(whose: Whose, request: Request) -> None:
        assert taking.say("/request", request=request.id, answer="declined", words="No").status_code == 200
        ask(whose, request)

    monkeypatch.setattr(taking.parts.identity, "ask", slow)
    assert taking.ask("room").status_code == 200
    assert [(one["answer"], one["words"]) for one in taking.shown()["asked"]] == [("declined", "No")]


def test_two_proctors_who_ask_at_once_ask_once(taking: Student, monkeypatch: pytest.MonkeyPatch) -> None:
    taking.begin()
    both, find = threading.Barrier(2), taking.parts.identity.of_session

    def meet(session_id: str) -> Any:
        with contextlib.suppress(threading.BrokenBarrierError):
            both.wait(1)
        return find(session_id)

    monkeypatch.setattr(taking.parts.identity, "of_session", meet)
    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(lambda _: taking.ask("room").status_code, range(2)))
    assert (sorted(answers), len(taking.session.messages.unread())) == ([200, 409], 1)


def test_nobody_says_that_a_picture_was_given_which_never_came(taking: Student) -> None:
    taking.begin()
    request = taking.ask("room").get_json()["session"]["asked"][0]["id"]
    assert error_of(taking.say("/request", request=request, answer="given"), 409)["reason"] == "no_picture"
    assert taking.shown()["asked"][0]["answer"] == ""
    assert taking.say("/request", request=request, answer="declined").status_code == 200


def test_a_request_is_not_put_away_by_having_been_read(taking: Student) -> None:
    taking.begin()
    request = taking.ask("room").get_json()["session"]["asked"][0]["id"]
    taking.session.message_read(request)  # as a page of a student's own making says
    assert error_of(taking.ask("room"), 409)["reason"] == "asked"
    assert taking.send("room", request=request).status_code == 200


DAMAGES: list[dict[str, Any]] = [
    {"pictures": "x"},
    {"pictures": {"face-1": 5}},
    {"pictures": {"face-1": {"kind": "x"}}},
    {"asked": "x"},
    {"asked": {"a": {"what": "x", "by": 1, "at": 1}}},
    {"decision": "x"},
    {"decision": {"decision": "maybe"}},
    {"history": "x"},
    {"revision": "x"},
    {"said": "x"},
    {"pictures_deleted_at": "x"},
]


@pytest.mark.parametrize("damage", DAMAGES, ids=str)
def test_a_damaged_record_is_shown_as_far_as_it_can_be_and_hides_no_others(
    client: FlaskClient, parts: Parts, taking: Student, damage: dict[str, Any]
) -> None:
    assert taking.send("face").status_code == 200
    assert parts.database.flush(10)
    with parts.database.reading():
        parts.database.collection("identity").update_one({"_id": taking.session_id}, {"$set": damage})
    assert taking.shown()["session_id"] == taking.session_id
    (line,) = taking.listed()["sessions"]
    assert line["stands"] == "open"
    assert taking.decide().status_code in (200, 409, 503), "never a 500"
    assert client.get(f"/api/session/{taking.session_id}/identity/face-0000000000000000").status_code == 404


def test_what_is_decided_is_in_the_audit_and_verifies(parts: Parts, taking: Student, stored: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    assert taking.decide("queried", text="  The card is blurred. ").status_code == 200
    assert taking.decide("accepted", revision=1).status_code == 200
    assert parts.database.flush(10)
    monkeypatch.setattr("records.verification_decisions.YOUNG", timedelta(0))
    verified = verify(stored, parts.settings.clips_dir)
    assert (verified.findings, verified.decisions) == ([], 2)
    stored.identity.update_one({"_id": taking.session_id}, {"$set": {"history.0.text": "It was fine."}})
    assert [one.kind for one in verify(stored, parts.settings.clips_dir).findings] == ["identity"]
