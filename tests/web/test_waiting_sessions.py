"""A session that its student has not begun: its clock stands, and it waits as long as its link is good."""

from __future__ import annotations

import time
from datetime import datetime, timedelta, timezone

import pytest
from flask.testing import FlaskClient

from sessions.monitor import LINK_LIFE_S
from tests.helpers.sessions import create, live, stop_server
from web.access.signing import STUDENT_TOKEN_MAX_AGE
from web.parts import Parts


def later(parts: Parts, monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    monkeypatch.setattr(parts.monitor, "_clock", lambda: time.monotonic() + seconds)
    parts.monitor._end_abandoned()


def test_the_clock_stands_until_the_student_comes(client: FlaskClient, parts: Parts, student: str, monkeypatch: pytest.MonkeyPatch) -> None:
    session = live(parts, create(client, student, source="browser"))
    created_at = session.started_at
    monkeypatch.setattr(session, "_clock", lambda: time.monotonic() + 7200)
    session.tick()
    assert (session.clock(), session.status()["begun"]) == (0.0, False)
    session.send_message("Welcome", "message", "Ada")
    session.begin()
    session.begin()
    assert 0 <= session.clock() < 5
    assert session.started_at > created_at
    assert parts.database.flush(10)
    stored = parts.database.session(session.session_id)
    assert (stored["begun"], abs(stored["started_at"] - session.started_at) < timedelta(milliseconds=1)) == (True, True)
    assert parts.database.checks(session.session_id) == []


def test_a_link_is_waited_for_as_long_as_it_is_good(client: FlaskClient, parts: Parts, student: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert LINK_LIFE_S == STUDENT_TOKEN_MAX_AGE
    unused, begun = (live(parts, create(client, student, exam, source="browser")) for exam in ("unused", "begun"))
    begun.begin()
    later(parts, monkeypatch, parts.settings.abandoned_s + 60)
    assert [one.exam_id for one in parts.monitor.active()] == ["unused"]
    parts.monitor.link_made(unused)
    later(parts, monkeypatch, LINK_LIFE_S + 60)
    assert parts.monitor.get(unused.session_id) is unused, "another link was made meanwhile"
    later(parts, monkeypatch, parts.settings.abandoned_s + LINK_LIFE_S + 120)
    assert parts.monitor.active() == []
    assert parts.database.flush(10)
    stored = parts.database.session(unused.session_id)
    assert stored["end_reason"].startswith("never begun")
    assert stored["end_code"] == "unused"
    assert stored["ended_at"] >= stored["started_at"]
    assert client.post("/api/student/start", json={"user_id": student, "exam_id": "unused"}).status_code == 200


def test_an_unused_link_survives_the_servers_restart(client: FlaskClient, parts: Parts, student: str, monkeypatch: pytest.MonkeyPatch) -> None:
    created = create(client, student, source="browser")
    hours_ago = datetime.now(timezone.utc) - timedelta(hours=5)
    parts.database.write("sessions", created["session_id"], {"started_at": hours_ago})
    assert parts.database.flush(10)
    stop_server(parts)
    parts.monitor.resume()
    session = live(parts, created)
    assert not session.begun
    later(parts, monkeypatch, 18 * 3600)
    assert parts.monitor.active() == [session]
    later(parts, monkeypatch, 20 * 3600)
    assert parts.monitor.active() == []
