"""What a proctor does with a running session: pause, write, end; what the student may do on a break; and how sessions are found again."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from typing import Any

import numpy as np
import pymongo
import pytest
from flask.testing import FlaskClient

from basics.errors import Conflict, TooMany
from basics.readings import Frame, ScreenAct, Sound
from database import Database
from scoring.breaks import STUDENT
from sessions.messages import MESSAGES_MAX, MessageBook
from sessions.session import ExamSession
from tests.helpers.sessions import UNKNOWN, stop_server
from tests.helpers.web import error_of
from web.parts import Parts

Start = Callable[..., ExamSession]


@pytest.fixture
def start(client: FlaskClient, parts: Parts, student: str) -> Start:
    """Starts a browser session; keyword arguments are an accommodation's."""

    def make(source: str = "browser", **accommodation: Any) -> ExamSession:
        if accommodation:
            assert client.post("/api/accommodations", json={"user_id": student, **accommodation}).status_code == 200
        answer = client.post("/api/session/create", json={"user_id": student, "exam_id": "exam001", "source": source})
        session = parts.monitor.get(answer.get_json()["session_id"])
        assert session is not None
        session.begin()
        return session

    return make


def pause(client: FlaskClient, session: ExamSession, *, on: bool, **more: Any) -> dict[str, Any]:
    answer = client.post(f"/api/session/{session.session_id}/break", json={"on": on, **more})
    assert answer.status_code == 200, answer.data
    content: dict[str, Any] = answer.get_json()
    return content


# Breaks


def test_a_proctor_pauses_a_session_and_nothing_counts_until_it_goes_on(client: FlaskClient, parts: Parts, start: Start) -> None:
    session = start()
    paused = pause(client, session, on=True, reason="fire drill", by="Ada")
    assert paused["on_break"] is True
    (one,) = paused["breaks"]
    assert (one["by"], one["reason"], one["end"]) == ("Ada", "fire drill", None)
    assert session.status().to_dict()["on_break"] is True
    at = session.clock()
    session.take_acts([ScreenAct("left-the-tab", at, "tab_switch"), ScreenAct("copied", at, "copy")])
    assert session.status().to_dict()["total_score"] == 0
    assert error_of(client.post(f"/api/session/{session.session_id}/break", json={"on": True}), 409)["code"] == "conflict"
    done = pause(client, session, on=False, by="Ada")
    assert done["on_break"] is False
    assert done["breaks"][0]["end"] >= done["breaks"][0]["start"]
    after = session.clock() + 2
    session.take_acts([ScreenAct("left-again", after, "tab_switch")])
    assert session.status().to_dict()["total_score"] == 4
    assert error_of(client.post(f"/api/session/{session.session_id}/break", json={"on": False}), 409)
    assert parts.database.flush(10)
    assert parts.database.session(session.session_id)["breaks"][0]["by"] == "Ada"
    assert client.get(f"/api/session/{session.session_id}/details").get_json()["session"]["breaks"][0]["reason"] == "fire drill"
    assert [what for entry in parts.database.audit_entries() if (what := entry["what"]).startswith("break")] == ["break: ended", "break: begun"]


def test_media_of_a_break_are_not_kept(client: FlaskClient, start: Start) -> None:
    session = start()
    pause(client, session, on=True)
    at = session.clock() + 0.01
    session.take_frame(Frame(at, b"picture"))
    session.take_sound(Sound(at, np.zeros(1600, np.int16)))
    session.take_still(Frame(at, b"still"))
    assert session.newest_frame() is None
    assert session.sound.waiting == 0
    assert session.status().to_dict()["screen_at"] is None
    pause(client, session, on=False)
    assert session.newest_frame() is None
    session.take_frame(Frame(session.clock(), b"picture"))
    assert session.newest_frame() is not None


def test_a_picture_that_was_ahead_of_its_time_stays_before_the_break(start: Start) -> None:
    """Live it may have counted already; a replay must find it outside too."""
    session = start()
    ahead = session.clock() + 0.4
    session.take_frame(Frame(ahead, b"picture"))
    session.begin_break("Ada")
    assert session.breaks()[0]["start"] > ahead


def test_a_student_takes_the_breaks_that_are_allowed(start: Start) -> None:
    session = start(breaks_allowed=1, break_minutes=2)
    session.student_break(on=True)
    left = session.break_seconds_left()
    assert left is not None
    assert 110 < left <= 120
    assert session.breaks()[0]["by"] == STUDENT
    session.student_break(on=False)
    with pytest.raises(Conflict, match="No break is left"):
        session.student_break(on=True)


def test_a_student_without_an_allowance_takes_none_and_ends_no_proctors_pause(start: Start) -> None:
    session = start()
    with pytest.raises(Conflict, match="No break is left"):
        session.student_break(on=True)
    session.begin_break("Ada")
    with pytest.raises(Conflict, match="proctor has paused"):
        session.student_break(on=False)
    assert session.on_break


def test_a_students_break_ends_by_itself(client: FlaskClient, start: Start) -> None:
    session = start(breaks_allowed=1, break_minutes=0.001)
    session.student_break(on=True)
    limit = session.breaks()[0]["limit"]
    while session.clock() < limit:
        session.tick()
    session.tick()
    assert not session.on_break
    assert session.breaks()[0]["end"] == limit


def test_a_device_that_rested_in_a_break_is_not_lost(client: FlaskClient, start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    session = start()
    session.take_frame(Frame(session.clock(), b"picture"))
    began = session.clock()
    session.begin_break("Ada")
    monkeypatch.setattr(session, "clock", lambda: began + 60)
    session.tick()
    session.end_break()
    session.tick()
    assert session.status().to_dict()["devices"]["camera"]["state"] == "ok"


def test_an_exam_that_ends_in_a_break_ends_the_break(client: FlaskClient, parts: Parts, start: Start) -> None:
    session = start()
    pause(client, session, on=True)
    assert client.post(f"/api/session/{session.session_id}/end", json={}).status_code == 200
    assert parts.database.flush(10)
    stored = parts.database.session(session.session_id)
    assert stored["breaks"][0]["end"] is not None
    assert stored["breaks"][0]["end"] <= stored["ended_after_s"]


def test_breaks_and_scores_survive_the_servers_restart(client: FlaskClient, parts: Parts, start: Start) -> None:
    session = start(breaks_allowed=2, points={"speech": 0})
    session.student_break(on=True)
    session.student_break(on=False)
    session.take_acts([ScreenAct("before", 0.0001, "tab_switch")])
    session.begin_break("Ada", "fire drill")
    session.take_acts([ScreenAct("within", session.clock() + 500, "copy")])
    session.talk.send("All is well", "message", "Ada")
    session.checkpoint()
    before = session.status().to_dict()
    assert parts.database.flush(10)
    stop_server(parts)
    parts.monitor.resume()
    again = parts.monitor.get(session.session_id)
    assert again is not None
    assert again is not session
    assert again.breaks() == session.breaks()
    assert again.on_break
    assert again.breaks_left() == 1
    assert again.rules == session.rules
    assert again.accommodation is not None
    assert session.accommodation is not None
    assert again.accommodation.words() == session.accommodation.words()
    assert again.status().to_dict()["total_score"] == before["total_score"] == 4
    assert [message.text for message in again.messages.waiting()] == ["All is well"]
    again.end_break()
    assert again.status().to_dict()["total_score"] == 9  # its time lies after the break that has just ended


# Messages


def test_a_message_to_a_page_that_is_away_is_kept_and_said_so(client: FlaskClient, parts: Parts, start: Start) -> None:
    session = start()
    error = error_of(
        client.post(f"/api/session/{session.session_id}/message", json={"text": " Light, please ", "level": "warning", "by": "Ada"}), 409
    )
    assert "delivered" in error["message"]
    (waiting,) = session.messages.waiting()
    assert (waiting.id, waiting.text, waiting.level, waiting.by) == (error["message_id"], "Light, please", "warning", "Ada")
    assert parts.database.flush(10)
    assert parts.database.session(session.session_id)["messages"][0]["delivered"] is False
    session.message_delivered(waiting.id)
    assert session.messages.waiting() == []
    shown = client.get(f"/api/session/{session.session_id}/details").get_json()["session"]["messages"]
    assert [message["delivered"] for message in shown] == [True]


def test_a_station_has_no_page_to_write_to(client: FlaskClient, start: Start) -> None:
    session = start(source="local")
    error_of(client.post(f"/api/session/{session.session_id}/message", json={"text": "hello"}), 409)
    assert session.messages.documents() == []


def test_messages_are_bounded() -> None:
    book = MessageBook()
    for _ in range(MESSAGES_MAX):
        book.add("hello", "message", "Ada", 1.0)
    with pytest.raises(TooMany):
        book.add("one more", "message", "Ada", 2.0)


@pytest.mark.parametrize(
    ("call", "body", "field"),
    [
        ("message", {"text": ""}, "text"),
        ("message", {"text": "  "}, "text"),
        ("message", {"text": "x" * 501}, "text"),
        ("message", {"text": "hello", "level": "threat"}, "level"),
        ("message", {"text": "be\x07ll"}, "text"),
        ("break", {}, "on"),
        ("break", {"on": "perhaps"}, "on"),
        ("break", {"on": True, "by": "x" * 129}, "by"),
        ("break", {"on": True, "by": "student"}, "by"),
        ("end", {"reason": 7}, "reason"),
    ],
)
def test_what_cannot_be_used_is_refused_by_name(client: FlaskClient, start: Start, call: str, body: dict[str, Any], field: str) -> None:
    session = start()
    assert error_of(client.post(f"/api/session/{session.session_id}/{call}", json=body), 422)["field"] == field
    assert session.is_running
    assert not session.on_break


# End


def test_a_proctor_ends_a_session_with_a_reason(client: FlaskClient, parts: Parts, start: Start) -> None:
    session = start()
    session.take_acts([ScreenAct("left", 0.001, "tab_switch")])
    answer = client.post(f"/api/session/{session.session_id}/end", json={"reason": "time is up", "by": "Ada"})
    assert answer.get_json() == {"success": True, "session_id": session.session_id, "total_score": 4, "flagged_intervals": 0}
    assert parts.database.session(session.session_id)["end_reason"] == "ended by the proctor: time is up"
    error = error_of(client.post(f"/api/session/{session.session_id}/end", json={}), 409)
    assert error["session_id"] == session.session_id
    assert parts.database.flush(10)
    (entry,) = [entry for entry in parts.database.audit_entries() if entry["what"] == "session: ended"]
    assert (entry["who"], entry["reason"]) == ("Ada", "time is up")


@pytest.mark.parametrize("call", ["break", "message", "end"])
def test_sessions_that_never_were_are_not_found(client: FlaskClient, call: str) -> None:
    body = {"on": True, "text": "hello"}
    for session_id in (UNKNOWN, "x"):
        error_of(client.post(f"/api/session/{session_id}/{call}", json=body), 404)


# Finding sessions again

SEPTEMBER = datetime(2024, 9, 2, 8, tzinfo=timezone.utc)


def add_sessions(database: Database, *students: str, exam_id: str | None = "exam001", state: str = "ended", hours: int = 0) -> list[str]:
    """Stored sessions of these students, an hour apart."""
    ids = []
    for number, user_id in enumerate(students, hours):
        begun = SEPTEMBER + timedelta(hours=number)
        fields: dict[str, Any] = {
            "user_id": user_id,
            "exam_id": exam_id,
            "state": state,
            "started_at": begun,
            "total_score": number,
            "rules": {"points": {}},
        }
        ended = {"ended_at": begun + timedelta(minutes=50), "end_reason": "ended by the student", "flagged_intervals": 0}
        ids.append(f"{number:032x}")
        database.write("sessions", ids[-1], fields | (ended if state == "ended" else {}))
    assert database.flush(10)
    return ids


def found(client: FlaskClient, **query: Any) -> list[str]:
    answer = client.get("/api/sessions", query_string=query)
    assert answer.status_code == 200, answer.data
    return [line["user_id"] for line in answer.get_json()["sessions"]]


def test_sessions_are_listed_newest_first_whether_they_run_or_have_ended(client: FlaskClient, parts: Parts, start: Start) -> None:
    (ended,) = add_sessions(parts.database, "ann")
    running = start()
    running.take_acts([ScreenAct("left", 0.001, "tab_switch")])
    content = client.get("/api/sessions").get_json()
    assert (content["count"], content["next_after"]) == (2, None)
    first, second = content["sessions"]
    assert (first["session_id"], first["state"], first["is_running"], first["ended_at"]) == (running.session_id, "running", True, None)
    assert first["total_score"] == 4, "as it is now, not as it was stored last"
    assert second == {
        "session_id": ended,
        "unread": None,
        "user_id": "ann",
        "student_name": "",
        "exam_id": "exam001",
        "state": "ended",
        "is_running": False,
        "begun": True,
        "started_at": "2024-09-02T08:00:00.000Z",
        "ended_at": "2024-09-02T08:50:00.000Z",
        "end_reason": "ended by the student",
        "end_code": None,  # it was stored before there were any
        "end_note": None,
        "total_score": 0,
        "flagged_intervals": 0,
        "instance": None,
        "unreadable": [],
        "decisions": {},
        "seb": [],
    }


def test_a_session_whose_student_has_not_come_is_listed_as_not_begun(client: FlaskClient, student: str) -> None:
    client.post("/api/session/create", json={"user_id": student, "source": "browser"})
    (line,) = client.get("/api/sessions").get_json()["sessions"]
    assert (line["state"], line["begun"]) == ("running", False)


def test_sessions_are_found_by_exam_student_and_state(client: FlaskClient, parts: Parts) -> None:
    add_sessions(parts.database, "ann.lee", "Leeroy", "bob")
    add_sessions(parts.database, "ann.lee", exam_id="exam002", state="interrupted", hours=3)
    add_sessions(parts.database, "guest", exam_id=None, hours=4)
    assert found(client, exam_id="exam001") == ["bob", "Leeroy", "ann.lee"]
    assert found(client, user_id="ann.lee") == ["ann.lee", "ann.lee"]
    assert found(client, user_id="ann") == []
    assert found(client, search="LEE") == ["ann.lee", "Leeroy", "ann.lee"]
    assert found(client, search="n.l", exam_id="exam001") == ["ann.lee"]
    assert found(client, search="n_l") == []
    assert found(client, search=".*") == [], "it is a text, no pattern"
    assert found(client, search="lee", user_id="Leeroy") == ["Leeroy"]
    assert found(client, state="interrupted") == ["ann.lee"]
    assert found(client, without_exam="true") == ["guest"]
    assert found(client, search="") == ["guest", "ann.lee", "bob", "Leeroy", "ann.lee"]


def test_sessions_come_in_pages_also_where_they_started_at_once(client: FlaskClient, parts: Parts) -> None:
    add_sessions(parts.database, *(f"s{number}" for number in range(5)))
    for number in range(5, 8):
        parts.database.write("sessions", f"{number:032x}", {"user_id": f"s{number}", "exam_id": "e", "state": "ended", "started_at": SEPTEMBER})
    assert parts.database.flush(10)
    seen: list[str] = []
    after: str | None = ""
    while after is not None:
        content = client.get("/api/sessions", query_string={"limit": 3, "search": "S"} | ({"after": after} if after else {})).get_json()
        seen += [line["user_id"] for line in content["sessions"]]
        after = content["next_after"]
    assert seen == ["s4", "s3", "s2", "s1", "s7", "s6", "s5", "s0"]


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"exam_id": "a\\b"}, "exam_id"),
        ({"user_id": ""}, "user_id"),
        ({"state": "open"}, "state"),
        ({"limit": 0}, "limit"),
        ({"search": "x" * 129}, "search"),
        ({"search": "\x00"}, "search"),
        ({"after": "x"}, "after"),
        ({"after": UNKNOWN}, "after"),
        ({"exam_id": "exam001", "without_exam": "true"}, "without_exam"),
    ],
)
def test_a_list_of_sessions_that_cannot_be_is_refused_by_name(client: FlaskClient, query: dict[str, Any], field: str) -> None:
    assert error_of(client.get("/api/sessions", query_string=query), 422)["field"] == field


def test_sessions_are_found_by_indexes(client: FlaskClient, parts: Parts, mongo_uri: str, db_name: str) -> None:
    ids = add_sessions(parts.database, "ann", "bob", "cleo")
    with pymongo.MongoClient[dict[str, Any]](mongo_uri) as mongo:
        stored = mongo[db_name]
        stored.command("profile", 2)
        for query in ({}, {"exam_id": "exam001"}, {"without_exam": "true"}, {"search": "b"}, {"state": "ended"}, {"user_id": "bob"}):
            found(client, **query)
            found(client, **query, after=ids[1])
        stored.command("profile", 0)
        seen = list(stored["system.profile"].find({"ns": f"{db_name}.sessions", "command.find": "sessions"}))
    assert len(seen) >= 12
    for query in seen:
        assert "COLLSCAN" not in query["planSummary"], query["command"]
