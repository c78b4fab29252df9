"""Who sees an accommodation's note: whoever may set accommodations in that exam, and nobody else, wherever it might stand."""

from __future__ import annotations

import json

import pytest
from flask import Flask

from sessions.session import ExamSession
from tests.helpers.people import browser_of, someone
from tests.helpers.sessions import create, live
from tests.helpers.web import API_TOKEN, PASSWORD, MakeApp, error_of
from web.parts import parts_of
from web.proctor.messages import ready_for_json, status_message

NOTE = "a stutter since the operation"


@pytest.fixture
def app(make_app: MakeApp) -> Flask:
    return make_app(proctor_password=PASSWORD, api_token=API_TOKEN)


def sit(app: Flask, user_id: str) -> ExamSession:
    """An exam of a student with an accommodation and its note, changed once while it ran."""
    script = browser_of(app)
    script.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {API_TOKEN}"
    body = {
        "user_id": user_id,
        "exam_id": "exam001",
        "points": {"gaze_distracted": 0, "no_face": 4},
        "extra_percent": 25,
        "note": NOTE,
        "set_by": "Ada",
    }
    assert script.post("/api/accommodations", json=body).status_code == 200
    session = live(parts_of(app), create(script, user_id, source="browser"))
    parts_of(app).monitor.maker.prepare(session)
    session.begin()
    assert script.post("/api/accommodations", json={**body, "breaks_allowed": 1}).get_json()["running"] == 1
    assert parts_of(app).database.flush(10)
    return session


def test_a_proctor_sees_what_it_changes_and_no_note(app: Flask, student: str) -> None:
    session, proctor = sit(app, student), someone(app, "pia", "proctor")
    details = proctor.get(f"/api/session/{session.session_id}/details")
    shown = details.get_json()["session"]
    assert (shown["accommodation"]["points"]["gaze_distracted"], shown["accommodation"]["extra_percent"]) == (0, 25)
    assert [held["by"] for held in shown["accommodations"]] == ["Ada", "Ada"]
    assert shown["accommodation_note"] is None
    others = [
        proctor.get(path).text for path in ("/api/sessions/active", "/api/sessions", f"/api/session/{session.session_id}/details?readings=true")
    ]
    live_message = json.dumps(ready_for_json(status_message(session)), default=str)
    assert all(NOTE not in text for text in (details.text, live_message, *others))
    assert proctor.get("/api/accommodations").status_code == 403


def test_whoever_may_set_it_reads_the_note_on_the_sessions_page_too(app: Flask, student: str) -> None:
    session, teacher = sit(app, student), someone(app, "tess", "teacher")
    details = teacher.get(f"/api/session/{session.session_id}/details").get_json()["session"]
    assert details["accommodation_note"] == NOTE
    (listed,) = teacher.get(f"/api/accommodations?user_id={student}").get_json()["accommodations"]
    assert listed["note"] == NOTE


def test_no_note_is_kept_with_the_session_and_the_student_sees_neither_it_nor_points(app: Flask, student: str) -> None:
    session, parts = sit(app, student), parts_of(app)
    stored = parts.database.session(session.session_id)
    assert NOTE not in str(stored)
    assert "note" not in stored["accommodation"]
    token = parts.access.make_student_token(session.session_id)
    own = browser_of(app).get("/api/student/session", headers={"Authorization": f"Bearer {token}"})
    assert NOTE not in own.text
    assert "points" not in own.get_json()["accommodation"]
    assert "points" not in json.dumps(session.different())


def test_an_older_record_with_a_note_is_answered_and_packed_without_it_for_others(app: Flask, student: str) -> None:
    session, parts = sit(app, student), parts_of(app)
    parts.monitor.end(student, "exam001")
    older = {**parts.database.session(session.session_id)["accommodation"], "note": NOTE}
    assert parts.database.write("sessions", session.session_id, {"accommodation": older}).wait(10)
    proctor = someone(app, "pip", "proctor")
    assert NOTE not in proctor.get(f"/api/session/{session.session_id}/details").text
    made = parts.people.tokens.add("a script", frozenset({"sessions"}), by="a test")
    script = browser_of(app)
    script.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {made[1]}"
    error_of(script.get(f"/api/session/{session.session_id}/package"), 403)


def test_the_note_of_one_for_every_exam_is_for_those_who_may_set_it_there(app: Flask, student: str) -> None:
    parts, script = parts_of(app), browser_of(app)
    script.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {API_TOKEN}"
    assert script.post("/api/accommodations", json={"user_id": student, "reading_aloud": True, "note": NOTE}).status_code == 200
    session = live(parts, create(script, student, source="browser"))
    made = parts.people.tokens.add("one exam's", frozenset({"exams"}), exams=frozenset({"exam001"}), by="a test")
    limited = browser_of(app)
    limited.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {made[1]}"
    assert limited.get(f"/api/accommodations?user_id={student}").get_json()["accommodations"] == []
    details = limited.get(f"/api/session/{session.session_id}/details")
    assert (details.status_code, NOTE in details.text) == (200, False), "what its list doesn't show, a session's page doesn't either"
    assert script.get(f"/api/session/{session.session_id}/details").get_json()["session"]["accommodation_note"] == NOTE
    teacher, officer = someone(app, "tess", "teacher"), someone(app, "otto", "officer")
    assert teacher.get(f"/api/accommodations?user_id={student}").get_json()["accommodations"] == [], (
        "nobody has defined the exam: it is a teacher's too"
    )
    details = teacher.get(f"/api/session/{session.session_id}/details")
    assert (details.status_code, NOTE in details.text) == (200, False)
    assert [one["note"] for one in officer.get("/api/accommodations").get_json()["accommodations"]] == [NOTE]
