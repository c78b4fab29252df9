"""How errors are told: JSON in one form for calls, a small page for people, nothing of the inside."""

from __future__ import annotations

import pytest
from flask import Flask
from flask.testing import FlaskClient

from sessions.session import ExamSession
from tests.helpers.web import error_of
from web.parts import parts_of


def test_calls_that_do_not_exist_answer_in_the_form_of_errors(client: FlaskClient) -> None:
    assert "/api/openapi.json" in error_of(client.get("/api/nowhere"), 404)["message"]
    wrong = client.get("/api/session/create")
    assert error_of(wrong, 405)["code"] == "method_not_allowed"
    assert "POST" in wrong.headers["Allow"]
    error_of(client.delete("/api/sessions/active"), 405)


def test_people_get_a_page_for_an_error(client: FlaskClient) -> None:
    answer = client.get("/nowhere", headers={"Accept": "text/html"})
    assert (answer.status_code, answer.mimetype) == (404, "text/html")
    page = answer.get_data(as_text=True)
    assert 'href="/portal"' in page, "a student's door"
    assert 'href="/"' in page, "a proctor's"
    assert "openapi" not in page, "what is for scripts says nothing to people"
    wrong = client.get("/logout", headers={"Accept": "text/html"})
    assert wrong.status_code == 405
    assert "POST" not in wrong.get_data(as_text=True)
    assert client.get("/portal/?lang=de").status_code == 200, "an address that was typed, or copied by a mail program"
    script = client.get("/nowhere", headers={"Accept": "application/json"})
    assert error_of(script, 404)["code"] == "not_found"
    attack = client.get("/<script>alert(1)</script>", headers={"Accept": "text/html"})
    assert "<script>alert" not in attack.get_data(as_text=True)


def test_a_fault_of_the_server_shows_nothing_of_its_inside_and_is_counted_by_page_in_the_log(
    app: Flask, client: FlaskClient, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken() -> list[ExamSession]:
        raise RuntimeError("a detail of the inside")

    monkeypatch.setattr(parts_of(app).monitor, "active", broken)
    answer = client.get("/api/sessions/active")
    assert error_of(answer, 500)["code"] == "internal"
    assert b"inside" not in answer.data
    (line,) = [record for record in caplog.records if record.name == "web.calls.errors"]
    assert str(vars(line)["counted_as"]).startswith("page ")
    monkeypatch.undo()
    assert client.get("/api/sessions/active").status_code == 200
