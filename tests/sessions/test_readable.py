"""Damaged records of a session: it is taken up and shown without them."""

from __future__ import annotations

from typing import Any

from flask.testing import FlaskClient

from basics.readings import ScreenAct
from sessions.readable import BREAK, MESSAGE, readable
from tests.helpers.sessions import create, live, stop_server
from web.parts import Parts


def test_a_session_with_damaged_records_is_taken_up_and_shown_without_them(client: FlaskClient, parts: Parts, student: str) -> None:
    session = live(parts, create(client, student, source="browser"))
    session.begin()
    assert all(ticket.wait(10) for ticket in session.take_acts([ScreenAct("in-order", 0.0, "paste")]))
    session.checkpoint()
    session_id, score = session.session_id, session.status().total_score
    stop_server(parts)
    assert parts.database.flush(10)
    common: dict[str, Any] = {"session_id": session_id, "user_id": student}
    for name, collection, fields in (
        ("no-readings", "checks", {"number": 900, "start": 0.0, "end": 0.0, "not_stored": ["readings"]}),
        ("odd-readings", "checks", {"number": 901, "start": 0.0, "end": 0.0, "readings": {"gaze": 7}}),
        ("odd-end", "checks", {"number": 902, "start": 0.0, "end": "later", "readings": {}}),
        ("no-number", "checks", {"end": 1.0}),
        ("odd-at", "acts", {"at": "soon", "kind": "paste", "detail": ""}),
        ("no-kind", "acts", {"at": 0.0}),
        ("odd-index", "intervals", {"index": "first"}),
        ("no-clip", "intervals", {"index": 0}),
    ):
        parts.database.write(collection, f"{session_id}:{name}", common | fields)
    in_order = {"id": "a", "text": "Hello", "level": "message", "by": "proctor", "at": 0.0}
    break_ = {"start": 0.0, "end": 0.0, "by": "proctor", "of_a_later_version": True}
    parts.database.write(
        "sessions", session_id, {"breaks": [break_, {"start": "then"}, 7], "messages": [in_order, {"id": "b"}, {**in_order, "at": "soon"}]}
    )
    assert parts.database.flush(10)
    parts.monitor.resume()
    resumed = parts.monitor.get(session_id)
    assert resumed is not None
    assert resumed.status().total_score == score > 0
    assert [message.text for message in resumed.messages.waiting()] == ["Hello"]
    assert [one["by"] for one in resumed.breaks()] == ["proctor"]
    answer = client.get(f"/api/session/{session_id}/details").get_json()
    shown = {check["number"]: check for check in answer["checks"]}
    assert shown[900]["not_stored"] == ["readings"]
    assert 902 not in shown


def test_live_text_that_utf8_can_not_hold_stops_no_answer(client: FlaskClient, parts: Parts, student: str) -> None:
    session = live(parts, create(client, student, source="browser"))
    session.begin()
    assert all(ticket.wait(10) for ticket in session.take_acts([ScreenAct("odd-text", 0.0, "paste", "a\ud800b")]))
    session.device_state("camera", "lost", "a\ud800b")
    assert client.get("/api/sessions/active").get_json()["count"] == 1
    for path in ("/api/sessions", f"/api/session/{session.session_id}/details"):
        assert client.get(path).status_code == 200


def test_odd_breaks_and_messages_that_are_no_list_are_left_out() -> None:
    assert readable("text", MESSAGE, "s") == readable({"a": 1}, BREAK, "s") == readable(7, BREAK, "s") == []


def test_a_session_whose_rules_are_damaged_goes_on_by_what_of_them_can_be_read(client: FlaskClient, parts: Parts, student: str) -> None:
    session = live(parts, create(client, student, source="browser"))
    session.begin()
    session_id, rules = session.session_id, session.rules
    stop_server(parts)
    damaged = {**rules, "interval_duration": "x", "gaze_min_s": 4.0, "points": {**rules["points"], "speech": "x"}}
    assert parts.database.write("sessions", session_id, {"rules": damaged}).wait(10)
    parts.monitor.resume()
    resumed = parts.monitor.get(session_id)
    assert resumed is not None
    assert (resumed.rules["interval_duration"], resumed.rules["gaze_min_s"]) == (30, 4)
    assert resumed.rules["points"] == {**rules["points"], "speech": 0}, "what can't be told counts nothing"
