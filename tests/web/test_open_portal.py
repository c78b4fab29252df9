"""What somebody gets who knows a student's ID and nothing else."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from flask import Flask

from basics.errors import ConfigError
from commands import registry
from tests.helpers.web import API_TOKEN, PASSWORD, MakeApp, error_of, settings_for
from web.parts import Parts, parts_of

BEARER = {"Authorization": f"Bearer {API_TOKEN}"}


class Portal:
    """A server with a password, spoken to by a script with the token and by a stranger."""

    def __init__(self, app: Flask) -> None:
        self.parts: Parts = parts_of(app)
        self.parts.monitor.resumed.set()  # as some seconds after its start
        self._client = app.test_client()
        self._client.environ_base["REMOTE_ADDR"] = "192.0.2.7"

    def start(self, user_id: str, exam_id: str | None = "exam001", nonce: str = "n" * 20) -> Any:
        return self._client.post("/api/student/start", json={"user_id": user_id, "exam_id": exam_id, "nonce": nonce})

    def script(self, path: str, **body: Any) -> Any:
        return self._client.post(path, json=body, headers=BEARER)


@pytest.fixture
def portal(make_app: MakeApp) -> Portal:
    return Portal(make_app(proctor_password=PASSWORD, api_token=API_TOKEN, portal_open=True))


def test_with_a_password_nobody_starts_by_an_id_unless_that_is_set(make_app: MakeApp, student: str) -> None:
    closed = Portal(make_app(proctor_password=PASSWORD, api_token=API_TOKEN))
    unknown = closed.start(student).get_json()
    closed.script("/api/session/create", user_id=student, exam_id="exam001", source="browser")
    answer = closed.start(student)
    assert answer.status_code == 403
    assert answer.get_json() == unknown


def test_whatever_is_in_the_way_is_told_in_the_same_words(portal: Portal, student: str) -> None:
    names = {way: f"{student}-{way}" for way in ("runs", "ended", "different")}
    portal.script("/api/session/create", user_id=names["runs"], exam_id="exam001", source="browser")
    started = portal.start(names["ended"]).get_json()
    live = portal.parts.monitor.get(started["session_id"])
    assert live is not None
    live.begin()
    portal.script("/api/session/end", user_id=names["ended"], exam_id="exam001")
    portal.script("/api/accommodations", user_id=names["different"], reading_aloud=True, breaks_allowed=2)
    assert portal.parts.database.flush(10)
    answers = [portal.start(name, nonce="another-browsers-nonce") for name in names.values()]
    assert [answer.status_code for answer in answers] == [409] * 3
    errors = [answer.get_json()["error"] for answer in answers]
    assert errors == [errors[0]] * 3
    assert set(errors[0]) == {"code", "message", "field"}


@pytest.mark.parametrize(
    ("user", "exam"), [(str.upper, str), (str.title, str), (lambda text: text + ".", str), (str, str.upper), (str, lambda text: text + ".")]
)
def test_an_exam_that_has_ended_is_not_started_by_another_spelling(portal: Portal, student: str, user: Any, exam: Any) -> None:
    started = portal.start(student, "math").get_json()
    live = portal.parts.monitor.get(started["session_id"])
    assert live is not None
    live.begin()
    assert portal.script("/api/session/end", user_id=user(student), exam_id=exam("math")).get_json()["session_id"] == started["session_id"]
    assert portal.parts.database.flush(10)
    assert portal.start(user(student), exam("math")).status_code == 409


def test_another_spelling_is_the_same_student_and_a_look_alike_is_nobody(portal: Portal, student: str) -> None:
    portal.script("/api/accommodations", user_id=student.title(), reading_aloud=True)
    assert portal.parts.database.flush(10)
    made = portal.script("/api/session/create", user_id=student, source="browser").get_json()
    assert made["user_id"] == student.title()
    live = portal.parts.monitor.get(made["session_id"])
    assert live is not None
    assert live.accommodation is not None
    assert error_of(portal.script("/api/session/create", user_id=student.upper(), source="browser"), 409)["session_id"] == made["session_id"]
    latin, cyrillic = "cope", "соре"
    assert portal.script("/api/session/create", user_id=latin, source="browser").status_code == 200
    assert portal.parts.database.flush(10)
    alike = error_of(portal.script("/api/session/create", user_id=cyrillic, source="browser"), 409)
    assert "other letters" in alike["message"]
    assert "two scripts" in error_of(portal.script("/api/session/create", user_id=student.replace("e", "е"), source="browser"), 422)["message"]


def test_exams_started_by_ids_leave_room_for_those_with_a_link(make_app: MakeApp, student: str) -> None:
    portal = Portal(make_app(proctor_password=PASSWORD, api_token=API_TOKEN, portal_open=True, max_sessions=1))
    monitor = portal.parts.monitor
    fakes = [portal.start(f"{student}-fake-{number}").get_json() for number in range(10)]
    assert portal.start(f"{student}-one-more").status_code == 429
    linked = portal.script("/api/session/create", user_id=student, source="browser")
    assert linked.status_code == 200
    fake = monitor.get(fakes[0]["session_id"])
    assert fake is not None
    fake.begin()

    def position(session_id: str) -> int:
        session = monitor.get(session_id)
        assert session is not None
        return monitor.admission.ask(session).position

    assert position(fakes[1]["session_id"]) == 1
    assert position(linked.get_json()["session_id"]) == 0
    portal.script(f"/api/session/{fakes[1]['session_id']}/link")
    assert position(fakes[1]["session_id"]) == 0  # whom a proctor gave a link is no stranger


@pytest.mark.parametrize("wrong", ["sha256:", "sha256:" + "z" * 64, "SHA256:" + "a" * 64, "short"])
def test_a_token_that_no_script_could_bring_is_refused_at_the_start(tmp_path: Path, wrong: str) -> None:
    with pytest.raises(ConfigError, match="API_TOKEN"):
        settings_for(tmp_path, proctor_password=PASSWORD, api_token=wrong)


def test_the_command_makes_a_token_and_what_the_server_keeps_of_it() -> None:
    shown = CliRunner().invoke(registry.command_app().cli, ["token"]).output
    token, fingerprint = shown.partition("nowhere else:")[2].split()[0], shown.partition("API_TOKEN=sha256:")[2].split()[0]
    assert hashlib.sha256(token.encode()).hexdigest() == fingerprint
