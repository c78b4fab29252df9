"""A flag that one proctor has seen is seen for all: the server knows it, over its restart too."""

from __future__ import annotations

from typing import Any

import pytest
from flask.testing import FlaskClient

from sessions.ends import End
from sessions.session import ExamSession
from tests.helpers.sessions import UNKNOWN, create, leave_tab, live, stop_server
from tests.helpers.web import error_of
from web.parts import Parts
from web.proctor.messages import status_message


@pytest.fixture
def session(client: FlaskClient, parts: Parts) -> ExamSession:
    """A session that has begun, with a flag in its first interval."""
    session = live(parts, create(client, "student123", source="browser"))
    session.begin()
    leave_tab(session, 0.1, 0.2, 0.3)
    return session


def unseen(client: FlaskClient) -> Any:
    return client.get("/api/sessions/active").get_json()["sessions"][0]["unseen"]


def see(client: FlaskClient, session: ExamSession, **body: Any) -> int:
    answer = client.post(f"/api/session/{session.session_id}/seen", json=body)
    assert answer.status_code == 200, answer.data
    left: int = answer.get_json()["unseen"]
    return left


def test_a_flag_keeps_its_reason_and_time_until_somebody_has_seen_it(client: FlaskClient, session: ExamSession) -> None:
    told = unseen(client)
    assert (told["intervals"], told["score"]) == ([0], 12)
    assert told["at"] == pytest.approx(0.3, abs=0.1)
    assert [one["text"] for one in told["violations"]] == ["Left the exam's tab or window three times (+12)"]
    assert status_message(session)["unseen"]["violations"] == told["violations"], "pages are told in the same words"
    assert client.get(f"/api/session/{session.session_id}/details").get_json()["session"]["unseen"] == told
    assert see(client, session, intervals=[7]) == 1, "another's was seen"
    assert see(client, session, intervals=[0], by="Ada") == 0
    assert unseen(client) is None


def test_who_saw_a_flag_first_is_in_the_audit(client: FlaskClient, parts: Parts, session: ExamSession) -> None:
    see(client, session, intervals=[0], by="Ada")
    see(client, session, intervals=[0], by="Grace")
    assert parts.database.flush(10)
    noted = [entry for entry in parts.database.audit_entries() if entry["what"] == "flags: seen"]
    assert [(one["who"], one["intervals"]) for one in noted] == [("Ada", [0])]


def test_what_was_seen_stays_so_when_the_server_restarts(client: FlaskClient, parts: Parts, session: ExamSession) -> None:
    assert see(client, session) == 0
    assert parts.database.flush(10)
    stop_server(parts)
    parts.monitor.resume()
    again = parts.monitor.get(session.session_id)
    assert again is not None
    assert again is not session
    assert again.summary().flagged_intervals == 1
    assert again.status().unseen is None


@pytest.mark.parametrize(("when", "left"), [("before", None), ("after", None), ("never", [0])])
def test_a_reopened_exam_has_nothing_unseen_that_was_seen_before_its_end_or_after(
    client: FlaskClient, parts: Parts, session: ExamSession, when: str, left: list[int] | None
) -> None:
    if when == "before":
        assert see(client, session, intervals=[0]) == 0
    parts.monitor.end_session(session.session_id, End("away"), "interrupted")
    assert parts.database.flush(10)
    if when == "after":
        assert see(client, session, intervals=[0, 9]) == 0, "its tile stays until somebody has looked"
        assert parts.database.flush(10)
    assert client.post(f"/api/session/{session.session_id}/reopen", json={}).status_code == 200
    told = unseen(client)
    assert (told and told["intervals"]) == left


def test_who_decides_about_a_flag_has_seen_it(client: FlaskClient, parts: Parts, session: ExamSession) -> None:
    assert parts.database.flush(10)
    answer = client.post(f"/api/review/{session.session_id}-0", json={"decision": "confirmed", "by": "Ada"})
    assert answer.status_code == 200, answer.data
    assert unseen(client) is None


def test_an_ended_sessions_flags_can_be_called_seen_and_odd_values_are_refused(client: FlaskClient, session: ExamSession) -> None:
    path = f"/api/session/{session.session_id}/seen"
    for odd in ({"intervals": [-1]}, {"intervals": ["x"]}, {"intervals": list(range(2000))}, {"intervals": 3}):
        assert error_of(client.post(path, json=odd), 422)["field"].startswith("intervals")
    assert client.post(f"/api/session/{session.session_id}/end", json={}).status_code == 200
    assert see(client, session, intervals=[0]) == 0
    assert error_of(client.post(f"/api/session/{UNKNOWN}/seen", json={}), 404)["code"] == "not_found"
