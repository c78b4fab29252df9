"""Which devices the student's page is told that it need not ask for: by the exam's rules, by an accommodation, and after a change."""

from __future__ import annotations

from typing import Any

from flask.testing import FlaskClient

from scoring.asked import SIGNALS_OF
from tests.helpers.sessions import create, live
from web.parts import Parts

NO_CAMERA = dict.fromkeys(SIGNALS_OF["camera"], 0)


def own(client: FlaskClient, parts: Parts, session_id: str) -> dict[str, Any]:
    token = parts.access.make_student_token(session_id)
    answer: dict[str, Any] = client.get("/api/student/session", headers={"Authorization": f"Bearer {token}"}).get_json()
    return answer


def test_an_exam_whose_rules_leave_the_camera_nothing_asks_for_none(client: FlaskClient, parts: Parts, student: str) -> None:
    exam = {"exam_id": f"e-{student}", "title": "E", "points": NO_CAMERA, "allowed": {"speaking_aloud": True}}
    made = client.post("/api/exams", json=exam)
    assert made.status_code == 200, made.data
    client.post(f"/api/exams/{made.get_json()['exam']['exam_key']}/state", json={"state": "open"})
    assert client.post("/api/student/exam", json={"exam_id": exam["exam_id"]}).get_json()["not_asked"] == ["camera"]
    assert client.post("/api/student/exam", json={"exam_id": "another"}).get_json()["not_asked"] == []
    session = create(client, student, f"e-{student}", source="browser")
    assert own(client, parts, session["session_id"])["not_asked"] == ["camera"]


def test_with_the_exams_rules_an_accommodation_leaves_neither(client: FlaskClient, parts: Parts, student: str) -> None:
    session = live(parts, create(client, student, source="browser"))
    assert own(client, parts, session.session_id)["not_asked"] == []
    client.post("/api/accommodations", json={"user_id": student, "points": NO_CAMERA})
    assert own(client, parts, session.session_id)["not_asked"] == ["camera"]
    parts.monitor.maker.prepare(session)
    session.begin()
    client.post("/api/accommodations", json={"user_id": student, "points": NO_CAMERA, "reading_aloud": True})
    assert own(client, parts, session.session_id)["not_asked"] == ["camera", "microphone"]
    (shown,) = [one for one in client.get("/api/sessions/active").get_json()["sessions"] if one["user_id"] == student]
    assert shown["not_asked"] == ["camera", "microphone"]
    client.post("/api/accommodations", json={"user_id": student, "points": {**NO_CAMERA, "no_face": 1}, "reading_aloud": True})
    assert own(client, parts, session.session_id)["not_asked"] == ["microphone"]
