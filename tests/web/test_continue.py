"""Who comes back after a closed tab learns that the exam runs, and nobody else does."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask

from tests.helpers.web import API_TOKEN, PASSWORD, MakeApp, error_of
from web.parts import Parts, parts_of

NONCE = "n" * 20


class Portal:
    """An open portal with a password, spoken to by strangers."""

    def __init__(self, app: Flask) -> None:
        self.parts: Parts = parts_of(app)
        self.parts.monitor.resumed.set()
        self._client = app.test_client()
        self._client.environ_base["REMOTE_ADDR"] = "192.0.2.7"

    def post(self, call: str, **body: Any) -> Any:
        return self._client.post(f"/api/student/{call}", json=body)


@pytest.fixture
def portal(make_app: MakeApp) -> Portal:
    return Portal(make_app(proctor_password=PASSWORD, api_token=API_TOKEN, portal_open=True))


def test_the_browser_that_started_an_exam_finds_it_and_starts_nothing(portal: Portal, student: str) -> None:
    who = {"user_id": student, "exam_id": "exam001"}
    error_of(portal.post("continue", **who, nonce=NONCE), 404)
    assert portal.parts.monitor.find(student, "exam001") is None
    started = portal.post("start", **who, nonce=NONCE).get_json()
    found = portal.post("continue", **who, nonce=NONCE)
    assert found.status_code == 200
    assert found.get_json()["session_id"] == started["session_id"]
    live = portal.parts.monitor.get(started["session_id"])
    assert live is not None
    live.begin()
    session = portal._client.get("/api/student/session", headers={"Authorization": f"Bearer {found.get_json()['token']}"}).get_json()
    assert session["started_at"] is not None
    assert session["ended_at"] is None


def test_a_stranger_is_answered_the_same_whether_it_runs_or_not(portal: Portal, student: str) -> None:
    who = {"user_id": student, "exam_id": "exam001"}
    unknown = portal.post("continue", **who, nonce="another-browsers-nonce")
    portal.post("start", **who, nonce=NONCE)
    for name in (student, student.title(), student.replace("e", "е")):  # the last is Cyrillic
        answer = portal.post("continue", user_id=name, exam_id="exam001", nonce="another-browsers-nonce")
        assert answer.status_code in {404, 422}
        assert answer.status_code == 422 or answer.get_json() == unknown.get_json()
    for nonce in ("", None, "short"):
        assert portal.post("continue", **who, nonce=nonce).status_code == 422


def test_while_the_server_takes_up_its_exams_nobody_is_told_that_there_is_none(portal: Portal, student: str) -> None:
    portal.parts.monitor.resumed.clear()
    assert portal.post("continue", user_id=student, nonce=NONCE).status_code == 503


def test_a_closed_portal_asks_for_the_link(make_app: MakeApp, student: str) -> None:
    closed = Portal(make_app(proctor_password=PASSWORD, api_token=API_TOKEN))
    error_of(closed.post("continue", user_id=student, nonce=NONCE), 403)
