"""A session that its student has not begun: its clock stands, and it waits as long as its link is good."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest
from flask.testing import FlaskClient

from sessions.attendance import LINK_LIFE_S
from tests.helpers.fixtures_web import Clock
from tests.helpers.sessions import create, live, stop_server
from web.access.signing import STUDENT_TOKEN_MAX_AGE
from web.parts import Parts


def later(parts: Parts, clock: Clock, seconds: float) -> None:
    clock.ahead = seconds
    parts.monitor.end_abandoned()


def test_the_clock_stands_until_the_student_comes(client: FlaskClient, parts: Parts, student: str, clock: Clock) -> None:
    clock.stand()
    session = live(parts, create(client, student, source="browser"))
    created_at = session.started_at
    clock.ahead = 7200
    session.tick()
    assert (session.clock(), session.status().to_dict()["begun"]) == (0.0, False)
    session.talk.send("Welcome", "message", "Ada")
    session.begin()
    clock.ahead += 3
    session.begin()
    assert session.clock() == pytest.approx(3)
    assert session.started_at > created_at
    assert parts.database.flush(10)
    stored = parts.database.session(session.session_id)
    assert (stored["begun"], abs(stored["started_at"] - session.started_at) < timedelta(milliseconds=1)) == (True, True)
    assert parts.database.checks(session.session_id) == []


def test_a_link_is_waited_for_as_long_as_it_is_good(client: FlaskClient, parts: Parts, student: str, clock: Clock) -> None:
    assert LINK_LIFE_S == STUDENT_TOKEN_MAX_AGE
    unused, begun = (live(parts, create(client, student, exam, source="browser")) for exam in ("unused", "begun"))
    begun.begin()
    later(parts, clock, parts.settings.abandoned_s + 60)
    assert [one.exam_id for one in parts.monitor.active()] == ["unused"]
    parts.monitor.link_made(unused)
    later(parts, clock, LINK_LIFE_S + 60)
    assert parts.monitor.get(unused.session_id) is unused, "another link was made meanwhile"
    later(parts, clock, parts.settings.abandoned_s + LINK_LIFE_S + 120)
    assert parts.monitor.active() == []
    assert parts.database.flush(10)
    stored = parts.database.session(unused.session_id)
    assert stored["end_reason"].startswith("never begun")
    assert stored["end_code"] == "unused"
    assert stored["ended_at"] >= stored["started_at"]
    assert client.post("/api/student/start", json={"user_id": student, "exam_id": "unused"}).status_code == 200


def test_an_unused_link_survives_the_servers_restart(client: FlaskClient, parts: Parts, student: str, clock: Clock) -> None:
    created = create(client, student, source="browser")
    hours_ago = datetime.now(timezone.utc) - timedelta(hours=5)
    parts.database.write("sessions", created["session_id"], {"started_at": hours_ago, "clock": {"boot": "an earlier one", "start": 0.0}})
    assert parts.database.flush(10)
    stop_server(parts)
    parts.monitor.resume()
    session = live(parts, created)
    assert not session.begun
    later(parts, clock, 18 * 3600)
    assert parts.monitor.active() == [session]
    later(parts, clock, 20 * 3600)
    assert parts.monitor.active() == []
