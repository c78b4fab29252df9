"""A student's page starts an exam, finds it again, and reads what it must know of it."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from types import SimpleNamespace
from typing import Any

import pytest
from flask.testing import FlaskClient

from sessions.ends import End
from settings.settings import load_settings
from tests.helpers.sessions import UNKNOWN, create, live, stop_server
from tests.helpers.web import MakeApp, error_of, local_client
from web.parts import Parts, parts_of
from web.student.video import student_video


def test_a_student_starts_an_exam_by_id_and_reads_its_own_session(client: FlaskClient, student: str) -> None:
    answer = client.post("/api/student/start", json={"user_id": student, "exam_id": "exam001"})
    assert answer.status_code == 200
    started = answer.get_json()
    assert started["portal_url"].endswith(f"/portal#t={started['token']}")
    bearer = {"Authorization": f"Bearer {started['token']}"}
    own = client.get("/api/student/session", headers=bearer).get_json()
    assert {
        "session_id": started["session_id"],
        "user_id": student,
        "exam_id": "exam001",
        "state": "running",
        "interval_s": 30,
    }.items() <= own.items()
    assert {"fps": 10, "width": 640, "height": 480, "quality": 0.6, "still_s": 1.5}.items() <= own["video"].items()
    assert "tab_switch" in own["rules"]["watched"]
    assert "points" not in own["rules"], "students are told nothing about scores"
    client.post("/api/session/end", json={"user_id": student, "exam_id": "exam001"})
    assert client.get("/api/student/session", headers=bearer).get_json()["state"] == "ended"


def test_a_students_page_is_told_what_pictures_to_send_and_when_its_camera_stands_still() -> None:
    video = student_video(load_settings(_env_file=None, video_fps=5, video_codec="jpeg", page_still_s=4))
    assert (video.fps, video.codecs, video.still_s) == (5, ["jpeg"], 4)


def test_a_student_cannot_take_over_a_running_exam(client: FlaskClient, student: str) -> None:
    created = create(client, student, source="browser")
    answer = client.post("/api/student/start", json={"user_id": student, "exam_id": "exam001"})
    assert "already running" in error_of(answer, 409)["message"]
    assert created["session_id"].encode() not in answer.data
    assert b"token" not in answer.data


def test_the_page_that_started_an_exam_gets_its_token_again(client: FlaskClient, parts: Parts, student: str) -> None:
    body = {"user_id": student, "exam_id": "exam001", "nonce": "a-secret-of-this-page"}
    first = client.post("/api/student/start", json=body).get_json()
    again = client.post("/api/student/start", json=body).get_json()
    assert again["session_id"] == first["session_id"]
    assert client.get("/api/student/session", headers={"Authorization": f"Bearer {again['token']}"}).status_code == 200
    for other in ({"nonce": "a-secret-of-another"}, {"nonce": None}):
        error_of(client.post("/api/student/start", json=body | other), 409)
    assert parts.database.flush(10)
    stop_server(parts)
    parts.monitor.resume()
    assert client.post("/api/student/start", json=body).get_json()["session_id"] == first["session_id"]


@pytest.mark.parametrize("nonce", ["short", "x" * 65, "with space in the middle", 7])
def test_a_pages_secret_that_is_none_is_refused_by_name(client: FlaskClient, student: str, nonce: Any) -> None:
    assert error_of(client.post("/api/student/start", json={"user_id": student, "nonce": nonce}), 422)["field"] == "nonce"


def test_who_ended_an_exam_starts_it_again_by_a_proctors_link_only(make_app: MakeApp, student: str) -> None:
    client = local_client(make_app(keep_days=30))
    body = {"user_id": student, "exam_id": "exam001"}
    database = parts_of(client.application).database
    started = client.post("/api/student/start", json=body).get_json()
    live(parts_of(client.application), started).begin()
    client.post("/api/session/end", json=body)
    assert database.flush(10)
    error = error_of(client.post("/api/student/start", json=body), 409)
    assert error["state"] == "ended"
    assert "link" in error["message"]
    assert client.post("/api/student/start", json=body | {"exam_id": "exam002"}).status_code == 200
    assert client.post("/api/session/create", json=body | {"source": "browser"}).status_code == 200
    client.post("/api/session/end", json=body)
    for session in (started["session_id"], database.latest_session(student, "exam001")["_id"]):  # type: ignore[index]
        database.write("sessions", session, {"ended_at": datetime.now(timezone.utc) - timedelta(days=31)})
    assert database.flush(10)
    assert client.post("/api/student/start", json=body).status_code == 200


@pytest.mark.parametrize("exam_id", [None, "exam001"])
def test_an_exam_without_an_id_or_one_that_was_interrupted_is_started_again_by_the_student(
    client: FlaskClient, parts: Parts, student: str, exam_id: str | None
) -> None:
    body = {"user_id": student} | ({"exam_id": exam_id} if exam_id else {})
    started = client.post("/api/student/start", json=body).get_json()
    live(parts, started).begin()
    if exam_id is None:
        client.post("/api/session/end", json=body)
    else:
        parts.monitor.end_session(started["session_id"], End("away"), "interrupted")
    assert parts.database.flush(10)
    assert client.post("/api/student/start", json=body).status_code == 200


def test_a_proctor_lets_a_student_into_the_running_exam_again(client: FlaskClient, parts: Parts, student: str) -> None:
    created = create(client, student, source="browser")
    made = client.post(f"/api/session/{created['session_id']}/link", json={"by": "Ada"}).get_json()
    token = made["portal_url"].partition("/portal#t=")[2]
    own = client.get("/api/student/session", headers={"Authorization": f"Bearer {token}"}).get_json()
    assert own["session_id"] == made["session_id"] == created["session_id"]
    assert parts.database.flush(10)
    noted = parts.database.audit_entries(limit=1)[0]
    assert (noted["what"], noted["who"], noted["session_id"]) == ("link: made", "Ada", created["session_id"])
    client.post("/api/session/end", json={"user_id": student, "exam_id": "exam001"})
    error_of(client.post(f"/api/session/{created['session_id']}/link", json={}), 409)
    error_of(client.post(f"/api/session/{UNKNOWN}/link", json={}), 404)
    station = create(client, student, "exam002", source="local")
    assert "station" in error_of(client.post(f"/api/session/{station['session_id']}/link", json={}), 409)["message"]


def test_a_new_link_ends_those_before(client: FlaskClient, parts: Parts, student: str) -> None:
    started = client.post("/api/student/start", json={"user_id": student, "exam_id": "exam001", "nonce": "n" * 20}).get_json()

    def status(token: str) -> int:
        return client.get("/api/student/session", headers={"Authorization": f"Bearer {token}"}).status_code

    tokens = [started["token"]]
    for _ in range(2):
        made = client.post(f"/api/session/{started['session_id']}/link", json={}).get_json()
        tokens.append(made["portal_url"].partition("/portal#t=")[2])
    assert [status(token) for token in tokens] == [401, 401, 200]
    again = client.post("/api/student/start", json={"user_id": student, "exam_id": "exam001", "nonce": "n" * 20})
    assert error_of(again, 409)["code"] == "conflict"  # nor does the browser that started it get the new one
    assert parts.database.flush(10)
    assert parts.database.session(started["session_id"])["link_number"] == 2


def test_a_page_reads_why_its_exam_ended_and_whether_one_is_connected(client: FlaskClient, parts: Parts, student: str) -> None:
    created = create(client, student, source="browser")
    bearer = {"Authorization": f"Bearer {created['portal_url'].partition('#t=')[2]}"}
    own = client.get("/api/student/session", headers=bearer).get_json()
    assert (own["begun"], own["connected"], own["end_reason"], own["elapsed_s"]) == (False, False, "", 0)
    with parts.links.place(created["session_id"]):
        parts.links.enter(SimpleNamespace(session=live(parts, created)), lambda there: None)
    assert client.get("/api/student/session", headers=bearer).get_json()["connected"]
    client.post(f"/api/session/{created['session_id']}/end", json={"reason": "the fire alarm rang"})
    assert parts.database.flush(10)
    own = client.get("/api/student/session", headers=bearer).get_json()
    assert (own["state"], own["end_reason"]) == ("ended", "ended by the proctor: the fire alarm rang")
    assert (own["end_code"], own["end_note"]) == ("proctor", "the fire alarm rang")
    assert client.get(f"/api/session/{created['session_id']}/details").get_json()["session"]["end_code"] == "proctor"


def test_after_a_restart_a_page_is_told_to_come_again_until_the_sessions_are_taken_up(client: FlaskClient, parts: Parts) -> None:
    bearer = {"Authorization": f"Bearer {parts.access.make_student_token(UNKNOWN)}"}  # its record may still lie in the spool
    assert not parts.monitor.resumed.is_set()
    answer = client.get("/api/student/session", headers=bearer)
    assert error_of(answer, 503)["code"] == "storage"
    assert int(answer.headers["Retry-After"]) > 0
    parts.monitor.resumed.set()
    error_of(client.get("/api/student/session", headers=bearer), 404)


def test_after_a_restart_no_second_session_is_started_for_one_that_is_taken_up(client: FlaskClient, parts: Parts, student: str) -> None:
    started = client.post("/api/student/start", json={"user_id": student}).get_json()
    assert parts.database.flush(10)
    stop_server(parts)
    for answer in (
        client.post("/api/student/start", json={"user_id": student}),
        client.get("/api/student/session", headers={"Authorization": f"Bearer {started['token']}"}),
    ):
        assert error_of(answer, 503)["code"] == "storage"


def test_a_closed_portal_starts_nothing(make_app: MakeApp, student: str) -> None:
    client = local_client(make_app(portal_open=False))
    assert "link" in error_of(client.post("/api/student/start", json={"user_id": student}), 403)["message"]
    assert client.get("/api/sessions/active").get_json()["count"] == 0


def test_a_student_without_a_token_reads_no_session(client: FlaskClient) -> None:
    assert error_of(client.get("/api/student/session"), 401)["field"] == "token"
    assert error_of(client.get("/api/student/session?token=x"), 401)["field"] == "token"
