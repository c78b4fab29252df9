"""The check before the exam, its rehearsal, and what the page is told of screen and exam."""

from __future__ import annotations

from typing import Any

import pytest
from flask.testing import FlaskClient

from basics.errors import ConfigError
from settings.settings import load_settings
from tests.helpers.web import MakeApp, error_of, local_client
from web.access.headers import content_security_policy
from web.parts import Parts
from web.student.trials import CHECKS, TRIALS_WINDOW

RESULTS = [
    {"item": "camera", "state": "ready", "reason": "", "detail": "640×480"},
    {"item": "light", "state": "warning", "reason": "dark", "detail": "turn the lamp towards you"},
]


@pytest.fixture
def started(client: FlaskClient, student: str) -> dict[str, Any]:
    answer: dict[str, Any] = client.post("/api/student/start", json={"user_id": student, "exam_id": "exam001"}).get_json()
    return answer


def bearer(started: dict[str, Any]) -> dict[str, str]:
    return {"Authorization": f"Bearer {started['token']}"}


def details(client: FlaskClient, started: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = client.get(f"/api/session/{started['session_id']}/details").get_json()["session"]
    return found


def test_the_check_is_stored_with_the_session(client: FlaskClient, parts: Parts, started: dict[str, Any]) -> None:
    assert details(client, started)["checks_before"] is None
    for results in ([RESULTS[0]], RESULTS):
        answer = client.post("/api/student/check", json={"results": results, "user_agent": "Chromium"}, headers=bearer(started))
        assert answer.get_json() == {"success": True}
    stored = details(client, started)["checks_before"]
    assert (stored["results"], stored["user_agent"]) == (RESULTS, "Chromium")
    client.post("/api/session/end", json={"user_id": started["user_id"]})
    error_of(client.post("/api/student/check", json={"results": RESULTS}, headers=bearer(started)), 409)


def test_a_page_that_sends_its_check_again_and_again_is_told_when_to_come_again(client: FlaskClient, started: dict[str, Any]) -> None:
    answers = [client.post("/api/student/check", json={"results": RESULTS}, headers=bearer(started)) for _ in range(CHECKS + 1)]
    assert [answer.status_code for answer in answers] == [200] * CHECKS + [429]
    assert 0 < int(answers[-1].headers["Retry-After"]) <= TRIALS_WINDOW


def test_a_check_needs_the_students_token(client: FlaskClient) -> None:
    error_of(client.post("/api/student/check", json={"results": RESULTS}), 401)


def test_a_rehearsal_days_before_shows_in_the_sessions_details(client: FlaskClient, parts: Parts, student: str) -> None:
    answer = client.post("/api/student/rehearsal", json={"user_id": student, "exam_id": "exam001", "results": RESULTS})
    assert answer.get_json() == {"success": True}
    started = client.post("/api/student/start", json={"user_id": student, "exam_id": "exam001"}).get_json()
    assert details(client, started)["rehearsal"]["results"] == RESULTS
    other = client.post("/api/student/start", json={"user_id": student, "exam_id": "exam002"}).get_json()
    assert details(client, other)["rehearsal"] is None


def test_a_closed_portal_takes_no_rehearsal(make_app: MakeApp, student: str) -> None:
    client = local_client(make_app(portal_open=False))
    error_of(client.post("/api/student/rehearsal", json={"user_id": student, "results": RESULTS}), 403)


def test_who_has_a_link_rehearses_where_the_portal_is_closed(make_app: MakeApp, student: str) -> None:
    client = local_client(make_app(portal_open=False))
    created = client.post("/api/session/create", json={"user_id": student, "exam_id": "exam001", "source": "browser"}).get_json()
    bearer = {"Authorization": f"Bearer {created['portal_url'].partition('#t=')[2]}"}
    answer = client.post("/api/student/rehearsal", json={"user_id": "somebody-else", "results": RESULTS}, headers=bearer)
    assert answer.get_json() == {"success": True}
    assert details(client, created)["rehearsal"]["results"] == RESULTS, "it is of the link's student and exam"
    assert client.post("/api/student/speed", data=b"x", headers=bearer).status_code == 200
    assert client.get("/api/student/session", headers=bearer).get_json()["begun"] is False
    error_of(client.post("/api/student/rehearsal", json={"user_id": student, "results": RESULTS}, headers={"Authorization": "Bearer x"}), 401)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "results"),
        ({"results": []}, "results"),
        ({"results": [{"item": "soul", "state": "ready"}]}, "results"),
        ({"results": [{"item": "camera", "state": "perhaps"}]}, "results"),
        ({"results": [{"item": "camera", "state": "ready", "detail": "x" * 201}]}, "results"),
        ({"results": RESULTS * 11}, "results"),
        ({"results": RESULTS, "user_agent": "x" * 301}, "user_agent"),
    ],
)
def test_what_cannot_be_used_is_refused_by_name(client: FlaskClient, started: dict[str, Any], body: dict[str, Any], field: str) -> None:
    assert error_of(client.post("/api/student/check", json=body, headers=bearer(started)), 422)["field"] == field


def test_the_page_is_told_of_the_screen_and_may_frame_the_exam_alone(make_app: MakeApp, student: str) -> None:
    client = local_client(make_app(screen_capture="required", exam_url="https://exam.example.org:8443/start?course=1"))
    answer = client.post("/api/student/start", json={"user_id": student})
    own = client.get("/api/student/session", headers=bearer(answer.get_json())).get_json()
    assert (own["screen_capture"], own["exam_url"]) == ("required", "https://exam.example.org:8443/start?course=1")
    assert "frame-src 'self' https://exam.example.org:8443;" in answer.headers["Content-Security-Policy"]


def test_without_an_exams_address_no_other_site_is_framed() -> None:
    assert "frame-src 'self';" in content_security_policy("localhost")


@pytest.mark.parametrize("wrong", ["javascript:alert(1)", "exam.example.org", "https://", "https://a.b; script-src *", "https://a b/", "ftp://a"])
def test_an_exams_address_that_is_none_stops_the_start(wrong: str) -> None:
    with pytest.raises(ConfigError, match="EXAM_URL"):
        load_settings(_env_file=None, exam_url=wrong)
