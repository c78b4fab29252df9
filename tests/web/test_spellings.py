"""One ID in every call that takes one, however it is spelled; one that only looks like another is nobody's."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from flask import Flask
from flask.testing import FlaskClient

from sessions.session import ExamSession
from tests.helpers.web import API_TOKEN, PASSWORD, MakeApp, error_of
from web.parts import Parts, parts_of
from web.proctor.viewers import exam_room

Spell = Callable[[str], str]
OTHERS: list[Spell] = [str.upper, lambda text: f"{text}..", lambda text: text.replace("a", "\uff41")]
CYRILLIC = "соре"  # cope


def created(client: FlaskClient, parts: Parts, user_id: str, exam_id: str) -> ExamSession:
    answer = client.post("/api/session/create", json={"user_id": user_id, "exam_id": exam_id, "source": "browser"})
    session = parts.monitor.get(answer.get_json()["session_id"])
    assert session is not None
    session.begin()
    assert parts.database.flush(10)
    return session


@pytest.mark.parametrize("spelled", OTHERS)
def test_lists_find_a_student_and_an_exam_by_every_spelling(client: FlaskClient, parts: Parts, student: str, spelled: Spell) -> None:
    session = created(client, parts, student, f"exam-of-{student}")
    client.post("/api/accommodations", json={"user_id": student, "exam_id": session.exam_id, "reading_aloud": True})
    assert parts.database.flush(10)
    asked = {"user_id": spelled(student), "exam_id": spelled(session.exam_id or "")}
    for name, value in asked.items():
        found = client.get("/api/sessions", query_string={name: value}).get_json()["sessions"]
        assert [one["session_id"] for one in found] == [session.session_id], name
    assert client.get("/api/accommodations", query_string=asked).get_json()["count"] == 1
    noted = client.get("/api/audit", query_string=asked).get_json()["entries"]
    assert {entry["what"] for entry in noted} == {"session: created", "accommodation: set"}
    exam = {"exam_id": asked["exam_id"]}
    assert client.get("/api/analytics", query_string=exam).get_json()["sessions"] == 1
    assert session.session_id in client.get("/api/analytics.csv", query_string={**exam, "table": "sessions"}).text
    for path in ("/api/flagged/all", "/api/review/queue"):
        assert client.get(path, query_string=asked).status_code == 200


def test_words_to_an_exam_reach_it_by_every_spelling_and_a_look_alike_is_refused(client: FlaskClient, parts: Parts, student: str) -> None:
    session = created(client, parts, student, "cope")
    for spelled in OTHERS[:2]:
        assert client.post("/api/exam/message", json={"exam_id": spelled("cope"), "text": "Ten minutes are left."}).get_json()["sent"] == 1
    error_of(client.post("/api/exam/message", json={"exam_id": CYRILLIC, "text": "Ten minutes are left."}), 409)
    assert len(session.messages.documents()) == 2
    assert exam_room("COPE.") == exam_room("cope") != exam_room(CYRILLIC)


def test_a_look_alike_is_known_by_the_sessions_that_run_while_the_database_knows_of_none(
    client: FlaskClient, parts: Parts, student: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    running = created(client, parts, student, "math")
    monkeypatch.setattr("records.spellings._stored", lambda database, field, given: given)  # as where it is away
    again = {"user_id": student.upper(), "exam_id": "MATH", "source": "browser"}
    assert error_of(client.post("/api/session/create", json=again), 409)["session_id"] == running.session_id


def test_a_rehearsal_is_its_students_by_every_spelling_and_a_stranger_learns_nothing_by_one(make_app: MakeApp, student: str) -> None:
    app: Flask = make_app(proctor_password=PASSWORD, api_token=API_TOKEN, portal_open=True)
    client, database = app.test_client(), parts_of(app).database
    bearer = {"Authorization": f"Bearer {API_TOKEN}"}
    client.post("/api/session/create", json={"user_id": "cope", "exam_id": student, "source": "browser"}, headers=bearer)
    assert database.flush(10)
    results = {"results": [{"item": "camera", "state": "ready"}]}
    for user_id in ("COPE", CYRILLIC):
        assert client.post("/api/student/rehearsal", json={"user_id": user_id, "exam_id": student, **results}).get_json() == {"success": True}
    assert database.flush(10)
    stored = database.collection("rehearsals").find({"exam_id": student})
    assert {one["user_id"] for one in stored} == {"cope", CYRILLIC}
