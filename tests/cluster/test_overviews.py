"""Lists and counts of what runs are the same on every server of a database."""

from __future__ import annotations

from typing import Any

import pytest
from flask import g, request

from basics.errors import StorageError
from scoring.exam import ExamDefinition
from sessions.changes import CHANGES_MAX
from tests.helpers.callers import token
from tests.helpers.town import House, Town, acts
from tests.helpers.web import local_client
from web.access.who_may import LOCAL
from web.proctor.viewers import Viewer


def got(house: House, path: str) -> Any:
    answer = local_client(house.app).get(path)
    assert answer.status_code == 200, answer.text
    return answer.get_json()


def _away() -> Any:
    raise StorageError("away")


def test_lists_and_counts_show_what_runs_at_every_server(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    a, b = town.house("a"), town.house("b")
    town.pass_time(1, a, b)
    exam = a.parts.exams.set_state(a.parts.exams.make(ExamDefinition(exam_id="exam", title="Exam"), "teacher").key, "open", by="teacher")
    there, here = a.begin("ann"), b.begin("ben")
    acts(there, "one", "two")
    assert a.database.flush(10)
    points = there.summary().total_score
    assert points > 0
    shown = {one["user_id"]: one for one in got(b, "/api/sessions/active")["sessions"]}
    assert {name: one["instance"] for name, one in shown.items()} == {"ann": "a", "ben": None}
    ann = shown["ann"]
    assert (ann["interval_score"], ann["total_score"], ann["interval_index"], ann["begun"], ann["is_running"]) == (points, points, 0, True, True)
    assert {one["user_id"]: one["instance"] for one in got(a, "/api/sessions/active")["sessions"]} == {"ann": None, "ben": "b"}
    assert [got(house, "/api/sessions/stats")["active_sessions"] for house in (a, b)] == [2, 2]
    lines = {one["user_id"]: (one["is_running"], one["instance"]) for one in got(b, "/api/sessions")["sessions"]}
    assert lines == {"ann": (True, "a"), "ben": (True, None)}
    assert got(b, f"/api/session/{there.session_id}/details")["session"]["instance"] == "a"
    assert [got(house, f"/api/exams/{exam.key}")["running"] for house in (a, b)] == [2, 2]
    refused = local_client(b.app).delete(f"/api/exams/{exam.key}", json={"title": "Exam"})
    assert (refused.status_code, refused.get_json()["error"]["running"]) == (409, 2)
    written = local_client(b.app).post("/api/exam/message", json={"exam_id": "exam", "text": "Ten minutes."}).get_json()
    assert (written["sent"], [(one["user_id"], one["reason"]) for one in written["not_reached"]]) == (1, [("ann", "elsewhere")])

    monkeypatch.setattr(b.database, "reading", _away)
    in_outage = got(b, "/api/sessions/active")
    assert [one["session_id"] for one in in_outage["sessions"]] == [here.session_id]
    assert "other servers" in in_outage["note"]


def test_packages_of_every_server_are_known_by_one_key(town: Town) -> None:
    keys = [local_client(town.house(name).app).get("/api/packages/key").get_json()["fingerprint"] for name in ("a", "b")]
    assert keys[0] == keys[1]


def test_a_session_on_its_way_is_listed_and_one_server_alone_asks_nothing(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    a = town.house("a")
    session = a.begin("ann")
    with monkeypatch.context() as patch:
        patch.setattr(a.database, "reading", _away)
        assert (got(a, "/api/sessions/active")["count"], a.monitor.elsewhere.running()) == (1, [])
    b = town.house("b")
    town.pass_time(1, a, b)
    a.monitor.taking.give_up(session.session_id)
    assert a.database.flush(10)
    for house in (a, b):
        (shown,) = got(house, "/api/sessions/active")["sessions"]
        assert (shown["user_id"], shown["instance"]) == ("ann", "")


def test_whom_an_accommodation_touches_and_who_can_take_no_more_is_told_by_every_server(town: Town) -> None:
    a, b = town.house("a"), town.house("b")
    town.pass_time(1, a, b)
    key = a.parts.exams.make(ExamDefinition(exam_id="exam", title="Exam"), "teacher").key
    a.parts.exams.set_state(key, "open", by="teacher")
    session, client = b.begin("ann"), local_client(a.app)
    b.monitor.create("ann", "another", "browser")  # a link that nobody has used
    assert b.database.flush(10)

    def given(percent: int, user_id: str = "ANN") -> Any:
        return client.post("/api/accommodations", json={"user_id": user_id, "exam_id": "exam", "extra_percent": percent})

    assert (given(25).get_json()["running"], given(25, "ben").get_json()["running"]) == (1, 0)
    b.monitor.taking_effect.bring(session)
    assert b.database.flush(10)
    assert given(25).get_json()["running"] == 0, "it is so already"
    assert client.post("/api/accommodations", json={"user_id": "ann"}).get_json()["running"] == 0, "the one for this exam goes before"
    held = client.get("/api/accommodations?user_id=ann&exam_id=exam").get_json()["accommodations"]
    assert client.delete(f"/api/accommodations/{held[0]['id']}").get_json()["running"] == 1

    with a.database.reading():
        full = [one.to_dict() for one in session.changes.history[:1]] * (CHANGES_MAX + 1)
        a.database.collection("sessions").update_one({"_id": session.session_id}, {"$set": {"accommodations": full}})
    assert given(50).status_code == 429
    refused = client.post(f"/api/exams/{key}/roster", json={"text": "id,extra time\nann,50%\n"})
    assert (refused.status_code, [one["line"] for one in refused.get_json()["error"]["faults"]]) == (422, [2])


def test_who_joins_a_session_at_the_wrong_server_is_told_at_which_it_is(town: Town) -> None:
    a, b = town.house("a"), town.house("b")
    town.pass_time(1, a, b)
    session = b.begin("ann")
    wall = a.share()
    wall.where = a.monitor.elsewhere.where
    viewer = wall._viewers["page"] = Viewer()

    def joined(session_id: Any) -> Any:
        with a.app.test_request_context():
            g.language, request.sid = "en", "page"  # type: ignore[attr-defined]
            return wall._answer(wall._join_session, {"session_id": session_id, "frames": "nothing"})

    assert joined(session.session_id)["error"]["instance"] == "b"
    assert [got(house, "/api/ready")["instance"] for house in (a, b)] == ["a", "b"], "so a key is found that leads there"
    for unknown in ("0" * 32, "x", 7, None, "$where"):
        assert "instance" not in joined(unknown)["error"]
    viewer.who = token("sessions", only=["another exam"])
    assert "instance" not in joined(session.session_id)["error"], "nor is whoever may not see the exam"
    viewer.who = LOCAL
    b.monitor.taking.give_up(session.session_id)
    assert b.database.flush(10)
    assert joined(session.session_id)["error"]["instance"] == "", "it is on its way"
    assert a.monitor.taking.bring(session.session_id) is not None
    assert "frames" in joined(session.session_id)["error"]["message"], "it is here"
