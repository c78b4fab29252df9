"""Sessions as scripts and students make them: what tests of calls start with."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

from flask.testing import FlaskClient

from basics.readings import ScreenAct
from database import Database
from sessions.session import ExamSession
from web.parts import Parts

UNKNOWN = "0123456789abcdef0123456789abcdef"  # a session's id that no session has


def create(client: FlaskClient, user_id: str, exam_id: str | None = "exam001", **more: Any) -> dict[str, Any]:
    """What a script is answered that starts a session."""
    answer = client.post("/api/session/create", json={"user_id": user_id, "exam_id": exam_id, **more})
    assert answer.status_code == 200, answer.data
    content: dict[str, Any] = answer.get_json()
    return content


def live(parts: Parts, created: dict[str, Any]) -> ExamSession:
    """The session itself, of what its creation was answered."""
    session = parts.monitor.get(created["session_id"])
    assert session is not None
    return session


def stop_server(parts: Parts) -> None:
    """Leave the monitor as a stop leaves it: what ran is in the database alone, until the next start takes it up."""
    with parts.monitor._lock:
        parts.monitor._sessions.clear()
        parts.monitor.attendance._nonces.clear()


def leave_tab(session: ExamSession, *times: float) -> None:
    """The student leaves the exam's tab at these times; three in an interval raise a flag."""
    for ticket in session.take_acts([ScreenAct(f"act-{at}", at, "tab_switch") for at in times]):
        assert ticket.wait(10)


def store_interval(database: Database, session_id: str, index: int, **more: Any) -> str:
    """A flagged interval, stored as the monitor does it."""
    began = datetime(2024, 10, 5, 14, 30, tzinfo=timezone.utc) + timedelta(seconds=30 * index)
    video_id = f"{session_id}-{index}"
    fields: dict[str, Any] = {
        "session_id": session_id,
        "user_id": "student123",
        "exam_id": "exam001",
        "index": index,
        "start": 30.0 * index,
        "end": 30.0 * index + 30,
        "started_at": began,
        "ended_at": began + timedelta(seconds=30),
        "score": 10,
        "flagged": True,
        "flagged_at": began + timedelta(seconds=12),
        "closed": True,
        "revision": 0,
        "violations": [
            {"kind": "multiple_faces", "start": 30.0 * index, "end": 30.0 * index + 12, "points": 10, "occurrences": 1, "evidence": {"persons": 2}}
        ],
        "clip": {"state": "none"},
    }
    assert database.write("intervals", video_id, fields | more).wait(10)
    return video_id
