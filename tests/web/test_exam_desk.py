"""What a proctor says to all students of an exam at once, and the words that an institution keeps ready."""

from __future__ import annotations

from pathlib import Path

import pytest
from flask.testing import FlaskClient

from basics.errors import ConfigError
from sessions.messages import MESSAGES_MAX
from sessions.session import ExamSession
from settings.settings import load_settings
from tests.helpers.pages import SESSION, make_app
from tests.helpers.web import error_of
from web.parts import Parts


def started(client: FlaskClient, parts: Parts, user_id: str, exam_id: str | None, source: str = "browser", *, begun: bool = True) -> ExamSession:
    answer = client.post("/api/session/create", json={"user_id": user_id, "source": source, **({"exam_id": exam_id} if exam_id else {})})
    session = parts.monitor.get(answer.get_json()["session_id"])
    assert session is not None
    if begun:
        session.begin()
    return session


def test_words_to_an_exam_reach_those_who_take_part_in_it_and_nobody_else(client: FlaskClient, parts: Parts, student: str) -> None:
    exam = f"exam-of-{student}"
    here = [started(client, parts, f"{student}-{number}", exam) for number in range(2)]
    station = started(client, parts, f"{student}-s", exam, "local")
    other = started(client, parts, f"{student}-o", f"{exam}-2")
    without = started(client, parts, f"{student}-n", None)
    waiting = started(client, parts, f"{student}-w", exam, begun=False)
    for _ in range(MESSAGES_MAX):
        here[1].talk.send("again", "message", "Ada")
    answer = client.post("/api/exam/message", json={"exam_id": exam, "text": " Ten minutes are left. ", "level": "warning", "by": "Ada"})
    assert answer.status_code == 200, answer.data
    missed = [
        {"session_id": here[1].session_id, "user_id": f"{student}-1", "reason": "limit"},
        {"session_id": station.session_id, "user_id": f"{student}-s", "reason": "no_page"},
    ]
    told = answer.get_json()
    assert sorted(told.pop("not_reached"), key=lambda one: one["user_id"]) == missed
    assert told == {"success": True, "sent": 1, "waiting": 1}
    (message,) = here[0].messages.documents()
    assert (message["text"], message["level"], message["by"]) == ("Ten minutes are left.", "warning", "Ada")
    assert [len(session.messages.documents()) for session in (other, without, waiting)] == [0, 0, 0]
    assert parts.database.flush(10)
    assert parts.database.session(here[0].session_id)["messages"][0]["text"] == "Ten minutes are left."
    assert "exam: warning" in {entry["what"] for entry in parts.database.audit_entries()}
    client.post("/api/exam/message", json={"text": "To those without an ID."})
    assert [one["text"] for one in without.messages.documents()] == ["To those without an ID."]


@pytest.mark.parametrize("body", [{"text": ""}, {"text": "x" * 501}, {"text": "hi", "level": "shout"}, {"text": "hi", "exam_id": 3.5}, {}, []])
def test_odd_words_are_refused(client: FlaskClient, body: object) -> None:
    assert client.post("/api/exam/message", json=body).status_code in (400, 422)


def test_an_exam_in_which_nobody_takes_part_is_not_found(client: FlaskClient, student: str) -> None:
    assert error_of(client.post("/api/exam/message", json={"exam_id": f"none-{student}", "text": "Hello"}), 404)["field"] == "exam_id"


def test_an_institutions_own_words_stand_before_the_ready_made_ones(tmp_path: Path) -> None:
    client = make_app(tmp_path, ready_made_messages="Bitte die Kamera drehen. | <Call 112> |").test_client()
    for path in ("/", f"/session/{SESSION}"):
        html = client.get(path).text
        assert (
            html.index("<option>Bitte die Kamera drehen.</option>")
            < html.index("<option>&lt;Call 112&gt;</option>")
            < html.index("Ten minutes are left.")
        )


def test_ready_made_words_are_bounded() -> None:
    for wrong in ("x" * 501, "|".join(["x"] * 31)):
        with pytest.raises(ConfigError, match="READY_MADE_MESSAGES"):
            load_settings(_env_file=None, ready_made_messages=wrong)
