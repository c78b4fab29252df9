"""The password of an exam elsewhere: shown to a student whose check has passed and whose exam has begun, as it is then, and to nobody else."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from basics.readings import GazeReading
from records.exam_passwords import ExamPassword, ExamPasswords
from sessions.analysis import PictureReadings
from sessions.ends import End
from tests.helpers.people import browser_of, someone
from tests.helpers.sessions import create, live
from tests.helpers.web import PASSWORD, MakeApp, error_of
from web.parts import Parts, parts_of
from web.student.ready import BY_CAMERA, has_passed

READY = {"item": "camera", "state": "ready"}
FACE = {"item": "face", "state": "warning"}
BAD = {"item": "camera", "state": "not_ready"}
NO_SOUND = {"item": "microphone", "state": "not_ready"}


def begun(client: FlaskClient, parts: Parts, user_id: str, exam_id: str) -> dict[str, str]:
    """The header of a student in an exam that has not begun, with which it begins."""
    made = create(client, user_id, exam_id, source="browser")
    return {"Authorization": f"Bearer {parts.access.make_student_token(made['session_id'])}", "session": made["session_id"]}


def begin(parts: Parts, header: dict[str, str]) -> None:
    session = live(parts, {"session_id": header["session"]})
    parts.monitor.maker.prepare(session)
    session.begin()


def test_it_is_shown_once_the_check_has_passed_and_the_exam_has_begun_and_as_it_is_then(
    client: FlaskClient, parts: Parts, student: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    exam = f"pw-{student}"
    key = client.post("/api/exams", json={"exam_id": exam, "title": "Algebra"}).get_json()["exam"]["exam_key"]
    client.post(f"/api/exams/{key}/state", json={"state": "open"})
    header = begun(client, parts, student, exam)

    def shown() -> Any:
        return client.get("/api/student/password", headers=header)

    def set_to(password: str, text: str = "") -> None:
        assert client.put(f"/api/exams/{key}/password", json={"password": password, "text": text}).status_code == 200

    set_to("correct-1 horse")
    assert error_of(shown(), 409)["reason"] == "not_begun"
    begin(parts, header)
    assert error_of(shown(), 409)["reason"] == "check"
    session = live(parts, {"session_id": header["session"]})
    for results, reason in (([BAD, FACE], "check"), ([NO_SOUND], "check"), ([READY], "check"), ([READY, FACE, NO_SOUND], "picture")):
        assert client.post("/api/student/check", json={"results": results}, headers=header).status_code == 200
        assert parts.database.flush(10)
        assert error_of(shown(), 409)["reason"] == reason, results
    session.device_state("connection", "ok")
    session.device_state("camera", "ok")
    session.take_readings(PictureReadings(session.clock(), GazeReading(session.clock(), "unknown", "error")))
    assert error_of(shown(), 409)["reason"] == "picture", "a picture that could not be looked at"
    session.take_readings(PictureReadings(session.clock(), GazeReading(session.clock(), "focused")))
    assert shown().get_json()["password"] == "correct-1 horse"
    set_to("battery-2 staple", "Type it in Moodle.")
    session.take_readings(PictureReadings(session.clock(), GazeReading(session.clock(), "focused")))
    assert {name: shown().get_json()[name] for name in ("password", "text")} == {"password": "battery-2 staple", "text": "Type it in Moodle."}
    set_to("")
    assert shown().get_json()["password"] == ""
    set_to("battery-2 staple")
    parts.monitor.end_session(header["session"], End("student"))
    assert error_of(shown(), 409)["reason"] == "over"
    assert parts.database.flush(10)
    acts = list(parts.database.collection("audit").find({"what": "exam: password shown", "session_id": header["session"]}))
    assert [act["user_id"] for act in acts] == [student], "once for a session"
    everything = [
        str(list(parts.database.collection("exam_passwords").find({"exam_key": key}))),
        client.get(f"/api/exams/{key}").text,
        client.get(f"/api/session/{header['session']}/details").text,
        str(list(parts.database.collection("audit").find({"exam_id": exam}))),
        str(list(parts.database.collection("sessions").find({"exam_id": exam}))),
        " ".join(record.getMessage() for record in caplog.records if not record.name.startswith("pymongo")),
        repr(parts.exam_passwords.of(key)),
    ]
    assert [text for text in everything if "staple" in text or "horse" in text] == []
    assert client.delete(f"/api/exams/{key}", json={"title": "Algebra"}).status_code in (200, 503)  # this server may delete none


def test_who_may_not_change_the_exam_sees_none_and_a_wrong_one_is_refused(make_app: MakeApp, student: str) -> None:
    app: Flask = make_app(proctor_password=PASSWORD)
    teacher, proctor = (someone(app, f"{role}-{student}@uni.example", role) for role in ("teacher", "proctor"))
    made = teacher.post("/api/exams", exam_id=f"pr-{student}", title="Algebra", proctors=[proctor.account.id]).get_json()
    path = f"/api/exams/{made['exam']['exam_key']}/password"
    assert teacher.client.put(path, json={"password": "a" * 201}).status_code == 422
    assert teacher.client.put(path, json={"password": "two\nlines"}).status_code == 422
    assert teacher.client.put(path, json={"password": "secret"}).get_json()["password"] == "secret"
    assert teacher.get(path).get_json()["password"] == "secret"
    assert [who.get(path).status_code for who in (proctor.client, browser_of(app))] == [403, 401]
    assert parts_of(app).exam_passwords.of(made["exam"]["exam_key"]).password == "secret"


@pytest.mark.parametrize(
    "check", [None, {}, {"results": []}, {"results": "x"}, {"results": [READY, FACE, BAD]}, {"results": [READY]}, {"results": [READY, FACE, 3]}]
)
def test_a_check_that_cant_be_read_or_lacks_something_has_not_passed(check: Any) -> None:
    assert not has_passed(check, BY_CAMERA)


def test_an_exam_that_asks_for_no_camera_needs_none_in_its_check() -> None:
    assert has_passed({"results": [NO_SOUND]}, frozenset())


def test_what_was_sealed_by_another_key_is_no_password(parts: Parts, student: str) -> None:
    parts.exam_passwords.set(student, ExamPassword("secret"), "a test")
    assert ExamPasswords(parts.database, "another key").of(student) == ExamPassword()
