"""Exams that somebody defines: made, changed by two people at once, opened and closed, and what their sessions take of them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from basics.errors import StorageError
from basics.readings import ScreenAct
from basics.times import utc_now
from records.exams import exam_key
from records.keep_times import KeepTimes
from settings.keeping import Kept
from tests.helpers.people import add_person, someone
from tests.helpers.sessions import live, stop_server
from tests.helpers.web import PASSWORD, MakeApp, error_of
from web.parts import Parts


def define(client: FlaskClient, exam_id: str, state: str = "open", **more: Any) -> str:
    """Make an exam, put it in a state, and return its key."""
    answer = client.post("/api/exams", json={"exam_id": exam_id, "title": "Algebra", **more})
    assert answer.status_code == 200, answer.data
    key: str = answer.get_json()["exam"]["exam_key"]
    if state != "draft":
        assert client.post(f"/api/exams/{key}/state", json={"state": state}).status_code == 200
    return key


def shown(client: FlaskClient, key: str) -> dict[str, Any]:
    answer: dict[str, Any] = client.get(f"/api/exams/{key}").get_json()["exam"]
    return answer


def changed(client: FlaskClient, key: str, **more: Any) -> Any:
    fields = {name: value for name, value in shown(client, key).items() if name in {"exam_id", "title", "revision", "points", "length_min"}}
    return client.put(f"/api/exams/{key}", json={**fields, **more})


def begun(client: FlaskClient, parts: Parts, user_id: str, exam_id: str) -> Any:
    made = client.post("/api/session/create", json={"user_id": user_id, "exam_id": exam_id, "source": "browser"}).get_json()
    session = live(parts, made)
    parts.monitor.maker.prepare(session)
    session.begin()
    return session


def test_an_exam_is_found_by_any_spelling_of_its_id_and_keeps_the_first(client: FlaskClient, parts: Parts, student: str) -> None:
    exam = f"lti:7/{student}"
    key = define(client, exam, time_zone="Europe/Berlin", opens="2020-01-02T09:00", course="MA 101")
    assert key == exam_key(exam.upper())
    assert shown(client, key)["opens"] == "2020-01-02T08:00:00.000Z"
    error = error_of(client.post("/api/exams", json={"exam_id": exam.upper(), "title": "Other"}), 409)
    assert (error["field"], error["exam_key"]) == ("exam_id", key)
    session = begun(client, parts, student, exam.upper())
    assert session.exam_id == exam
    lines = [line for line in client.get("/api/exams").get_json()["exams"] if line["exam_key"] == key]
    assert [(line["exam_id"], line["sessions"], line["state"], line["is_open"]) for line in lines] == [(exam, 1, "open", True)]
    found = client.get("/api/sessions", query_string={"exam_id": exam.upper()}).get_json()["sessions"]
    assert [one["session_id"] for one in found] == [session.session_id]


def test_the_second_of_two_editors_is_told_what_differs_and_loses_nothing(client: FlaskClient, student: str) -> None:
    key = define(client, f"e-{student}")
    first = shown(client, key)
    assert changed(client, key, title="Algebra 2", points={"speech": 5}, by="Ada").status_code == 200
    second = {"exam_id": first["exam_id"], "revision": first["revision"], "title": "Algebra", "length_min": 90, "by": "Kurt"}
    error = error_of(client.put(f"/api/exams/{key}", json=second), 409)
    assert (error["field"], error["changed_by"]) == ("revision", "Ada")
    assert error["differs"] == ["title", "length_min", "points"]
    assert client.put(f"/api/exams/{key}", json=second | {"revision": error["revision"]}).status_code == 200
    assert shown(client, key)["length_min"] == 90


def test_nobody_opens_what_somebody_else_has_changed_unseen(client: FlaskClient, student: str) -> None:
    key = define(client, f"seen-{student}", "draft")
    seen = shown(client, key)["revision"]
    assert changed(client, key, length_min=30, by="Ada").status_code == 200
    opening = {"state": "open", "by": "Kurt"}
    error = error_of(client.post(f"/api/exams/{key}/state", json={**opening, "revision": seen}), 409)
    assert (error["reason"], error["revision"], shown(client, key)["state"]) == ("meanwhile", seen + 1, "draft")
    assert "Ada" in error["message"]
    assert client.post(f"/api/exams/{key}/state", json={**opening, "revision": error["revision"]}).status_code == 200


def test_a_running_session_keeps_the_exam_that_it_began_with_over_a_restart(client: FlaskClient, parts: Parts, student: str) -> None:
    exam = f"r-{student}"
    key = define(client, exam, preset="strict", points={"speech": 7}, length_min=60, breaks_allowed=1, allowed={"notes_on_paper": True})
    session = begun(client, parts, student, exam)
    assert (session.rules["points"]["speech"], session.rules["looking_down_counts"], session.breaks_left()) == (7, False, 1)
    assert changed(client, key, points={"speech": 1}, length_min=10).get_json()["running"] == 1
    assert session.rules["points"]["speech"] == 7
    assert parts.database.flush(10)
    document = parts.database.session(session.session_id)
    assert (document["exam"]["exam_key"], document["exam"]["length_min"]) == (key, 60)
    assert document["ends_at"] == document["started_at"] + timedelta(minutes=60)
    stop_server(parts)
    parts.monitor.resume()
    again = parts.monitor.get(session.session_id)
    assert again is not None
    assert again is not session
    assert (again.limit.ends, again.rules["points"]["speech"], again.breaks_left()) == (3600, 7, 1)


def test_a_session_that_nobody_has_begun_takes_the_exam_as_it_is_when_its_student_comes(client: FlaskClient, parts: Parts, student: str) -> None:
    exam = f"w-{student}"
    key = define(client, exam, length_min=60)
    made = client.post("/api/session/create", json={"user_id": student, "exam_id": exam, "source": "browser"}).get_json()
    changed(client, key, points={"speech": 8}, length_min=30)
    session = live(parts, made)
    parts.monitor.maker.prepare(session)
    session.begin()
    assert (session.rules["points"]["speech"], session.limit.ends) == (8, 1800)


def test_a_session_keeps_to_the_days_with_which_it_began(client: FlaskClient, parts: Parts, student: str) -> None:
    exam = f"k-{student}"
    key = define(client, exam, keep_days={"clips_open": 40, "stills": 10, "records": 90})
    session = begun(client, parts, student, exam)
    assert changed(client, key, keep_days={"records": 1}).get_json()["running"] == 1, "said, and nothing of what runs is shortened"
    assert parts.database.flush(10)
    document = parts.database.session(session.session_id)
    assert document["exam"]["keep_days"] == {"clips_open": 40, "stills": 10, "records": 90}
    assert document["keep_days"] == parts.settings.keep_by_kind()
    times = KeepTimes({"records": 5, "identity": 5})
    kinds: tuple[Kept, ...] = ("records", "clips_open", "identity", "readings")
    assert [times.days(document, kind) for kind in kinds] == [90, 40, 30, 0]
    assert error_of(changed(client, key, keep_days={"records": 0}), 422)["field"].startswith("keep_days")
    assert error_of(changed(client, key, keep_days={"everything": 5}), 422)["field"].startswith("keep_days")


@pytest.mark.parametrize("state", ["draft", "early", "closed", "late"])
def test_nobody_begins_before_an_exam_opens_or_after_it_closes(client: FlaskClient, parts: Parts, student: str, state: str) -> None:
    exam, now = f"{state}-{student}", utc_now()
    hour = timedelta(hours=1)
    times = {"opens": (now + hour).isoformat()} if state == "early" else {"closes": (now + hour).isoformat()} if state == "late" else {}
    key = define(client, exam, "draft" if state == "draft" else "open", **times)
    if state == "closed":
        client.post(f"/api/exams/{key}/state", json={"state": "closed"})
    if state == "late":
        assert changed(client, key, closes=(now - hour).isoformat()).status_code == 200
    error = error_of(client.post("/api/student/start", json={"user_id": student, "exam_id": exam}), 409)
    assert error["reason"] == {"late": "closed"}.get(state, state)
    link = client.post("/api/session/create", json={"user_id": student, "exam_id": exam, "source": "browser"})
    assert link.status_code == (409 if state in {"closed", "late"} else 200), "a link may be made before"
    assert client.post("/api/session/create", json={"user_id": student, "exam_id": exam, "source": "local"}).status_code == 409


def test_an_exam_that_nobody_defined_takes_the_servers_own(client: FlaskClient, parts: Parts, student: str) -> None:
    session = begun(client, parts, student, f"none-{student}")
    assert session.limit.exam is None
    assert session.limit.left() is None
    assert parts.database.flush(10)
    assert parts.database.session(session.session_id)["exam"] is None


def test_a_session_ends_by_itself_when_its_time_is_over_and_says_why(client: FlaskClient, parts: Parts, student: str) -> None:
    exam = f"time-{student}"
    define(client, exam, length_min=1)
    client.post("/api/accommodations", json={"user_id": f"{student}-x", "exam_id": exam, "extra_min": 30})
    usual, longer = (begun(client, parts, name, exam) for name in (student, f"{student}-x"))
    for session in (usual, longer):
        session._time.start -= 61 + 300  # its clock alone: a minute and the time for what a page kept
    assert usual.take_acts([ScreenAct("late-act", 100.0, "copy")])[0].done, "acknowledged"
    parts.monitor.end_abandoned()
    assert parts.monitor.get(usual.session_id) is None
    assert parts.monitor.get(longer.session_id) is longer
    assert parts.database.flush(10)
    document = parts.database.session(usual.session_id)
    assert (document["state"], document["end_code"], document["ended_after_s"], document["total_score"]) == ("ended", "time", 60, 0)
    assert longer is not None
    assert longer.time_left() == pytest.approx(31 * 60 - 361, abs=30)


def test_a_link_that_nobody_used_ends_with_the_exam(client: FlaskClient, parts: Parts, student: str) -> None:
    exam = f"unused-{student}"
    key = define(client, exam)
    made = client.post("/api/session/create", json={"user_id": student, "exam_id": exam, "source": "browser"}).get_json()
    parts.monitor.end_abandoned()
    assert live(parts, made)
    client.post(f"/api/exams/{key}/state", json={"state": "closed"})
    parts.monitor.end_abandoned()
    assert parts.monitor.get(made["session_id"]) is None
    assert parts.database.flush(10)
    assert parts.database.session(made["session_id"])["end_code"] == "closed"


def test_a_student_is_told_of_the_exam_and_the_page_is_made_for_it(client: FlaskClient, parts: Parts, student: str) -> None:
    exam, opens = f"told-{student}", (utc_now() + timedelta(hours=1)).isoformat()
    more: dict[str, Any] = {"opens": opens, "address": "http://127.0.0.1:9/exam", "opens_in": "frame", "screen_capture": "optional", "length_min": 60}
    key = define(client, exam, allowed={"speaking_aloud": True}, help_contact="Room 7", **more)
    made = client.post("/api/session/create", json={"user_id": student, "exam_id": exam.upper(), "source": "browser"}).get_json()
    assert f"/portal?exam={key}#t=" in made["portal_url"]
    token = parts.access.make_student_token(made["session_id"])
    shown = client.get("/api/student/session", headers={"Authorization": f"Bearer {token}"}).get_json()
    assert (shown["exam_url"], shown["screen_capture"], shown["time_left_s"]) == (more["address"], "optional", None)
    told = shown["exam"]
    assert (told["title"], told["length_s"], told["may_begin"], told["refused"], told["help_contact"]) == ("Algebra", 3600, False, "early", "Room 7")
    assert "speech" not in shown["rules"]["watched"]
    by_id = client.post("/api/student/exam", json={"exam_id": exam}).get_json()["exam"]
    assert (by_id["exam_key"], by_id["refused"]) == (key, "early")
    assert client.post("/api/student/exam", json={"exam_id": f"no-{exam}"}).get_json()["exam"] is None
    page = client.get(f"/portal?exam={key}")
    assert "frame-src 'self' http://127.0.0.1:9;" in page.headers["Content-Security-Policy"]
    assert 'data-screen-capture="optional"' in page.text
    assert more["address"] not in page.text, "it is its students' to know"
    assert 'data-screen-capture="off"' in client.get("/portal?exam=nonsense").text


def test_all_sessions_of_an_exam_end_by_one_call(client: FlaskClient, parts: Parts, student: str) -> None:
    exam = f"all-{student}"
    key = define(client, exam)
    sessions = [begun(client, parts, f"{student}-{number}", exam) for number in range(2)]
    client.post("/api/session/create", json={"user_id": f"{student}-w", "exam_id": exam, "source": "browser"})
    other = begun(client, parts, f"{student}-o", f"{exam}-2")
    answer = client.post(f"/api/exams/{key}/end", json={"reason": "fire drill", "by": "Ada"})
    assert answer.get_json() == {"success": True, "ended": 3, "not_begun": 1, "closed": False}
    assert [parts.monitor.get(session.session_id) for session in sessions] == [None, None]
    assert parts.monitor.get(other.session_id) is other
    assert parts.database.flush(10)
    assert parts.database.session(sessions[0].session_id)["end_note"] == "fire drill"


def test_nobody_begins_an_exam_that_was_ended_for_all_and_closed(client: FlaskClient, parts: Parts, student: str) -> None:
    exam = f"over-{student}"
    key = define(client, exam)
    begun(client, parts, student, exam)
    assert client.post(f"/api/exams/{key}/end", json={"close": True}).get_json()["closed"]
    assert shown(client, key)["state"] == "closed"
    assert error_of(client.post("/api/student/start", json={"user_id": f"{student}-late", "exam_id": exam}), 409)["reason"] == "closed"
    assert client.post(f"/api/exams/{key}/end", json={"close": True}).get_json() == {"success": True, "ended": 0, "not_begun": 0, "closed": True}


def test_an_exam_ends_for_all_while_the_database_is_away(client: FlaskClient, parts: Parts, student: str, monkeypatch: pytest.MonkeyPatch) -> None:
    exam = f"away-{student}"
    key = define(client, exam)
    session = begun(client, parts, student, exam.upper())

    def away() -> None:
        raise StorageError("The database is away")

    with monkeypatch.context() as patched:
        patched.setattr(parts.database, "reading", away)
        answer = client.post(f"/api/exams/{key}/end", json={"close": True}).get_json()
        assert answer == {"success": True, "ended": 1, "not_begun": 0, "closed": False}
        error_of(client.post(f"/api/exams/{'0' * 32}/end", json={}), 503)
    assert parts.monitor.get(session.session_id) is None


def test_an_exam_is_deleted_with_everything_of_it_once_nobody_takes_it(
    client: FlaskClient, parts: Parts, student: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    exam = f"del-{student}"
    key = define(client, exam)
    sessions = [begun(client, parts, f"{student}-{number}", exam) for number in range(3)]
    client.post("/api/accommodations", json={"user_id": student, "exam_id": exam, "extra_percent": 25})
    body = {"title": "Algebra", "by": "Ada"}
    monkeypatch.setattr("records.exam_removal.BATCH", 2)

    class Remover:
        def forget_clips(self, _session_id: str) -> bool:
            return True

        def delete_session(self, session_id: str) -> bool:
            with parts.database.reading():
                parts.database.collection("sessions").delete_one({"_id": session_id})
            return True

    monkeypatch.setattr(parts, "retention", Remover())
    assert error_of(client.delete(f"/api/exams/{key}", json=body), 409)["running"] == 3
    assert error_of(client.delete(f"/api/exams/{key}", json=body | {"title": "algebra"}), 422)["field"] == "title"
    client.post(f"/api/exams/{key}/end", json={})
    assert parts.database.flush(10)
    assert client.delete(f"/api/exams/{key}", json=body).get_json() == {"success": True, "sessions": 2, "left": 1, "done": False}
    again = [client.post(f"/api/exams/{key}/state", json={"state": "closed"}), changed(client, key, title="Algebra 2")]
    assert [error_of(answer, 409)["reason"] for answer in again] == ["deleting", "deleting"], "by a page that was open meanwhile"
    assert error_of(client.post("/api/student/start", json={"user_id": student, "exam_id": exam}), 409)["reason"] == "closed"
    assert client.delete(f"/api/exams/{key}", json=body).get_json() == {"success": True, "sessions": 1, "left": 0, "done": True}
    error_of(client.get(f"/api/exams/{key}"), 404)
    assert parts.database.flush(10)
    with parts.database.reading():
        kept = {name: parts.database.collection(name).count_documents({"exam_id": exam}) for name in ("sessions", "accommodations", "exams")}
        audited = parts.database.collection("audit").distinct("what", {"exam_id": exam})
    assert set(kept.values()) == {0}
    assert {"exam: made", "exam: open", "exam: ended", "sessions: deleted", "exam: deleted"} <= set(audited)
    assert sessions[0].is_running is False


def test_a_copy_has_its_own_id_and_no_times(client: FlaskClient, student: str) -> None:
    key = define(client, f"one-{student}", closes="2999-01-01T00:00:00Z", points={"speech": 7})
    answer = client.post(f"/api/exams/{key}/duplicate", json={"exam_id": f"two-{student}", "title": "Resit"}).get_json()["exam"]
    assert (answer["title"], answer["state"], answer["closes"], answer["points"]) == ("Resit", "draft", None, {"speech": 7})
    error_of(client.post(f"/api/exams/{key}/duplicate", json={"exam_id": f"ONE-{student}"}), 409)


def test_presets_are_shown_with_this_servers_numbers(client: FlaskClient) -> None:
    shown = client.get("/api/exams/presets").get_json()
    assert set(shown["presets"]) == {"standard", "open_book", "on_paper", "spoken", "strict"}
    assert shown["presets"]["open_book"]["points"]["copy_paste"] == 2
    assert shown["bounds"]["flag_threshold"] == [1, 1000]
    assert "Europe/Berlin" in shown["time_zones"]


@pytest.mark.parametrize("key", ["x", "0" * 32, "..", "a" * 10_000])
def test_what_is_no_exam_is_said(client: FlaskClient, key: str) -> None:
    assert client.get(f"/api/exams/{key}").status_code == 404


@pytest.mark.parametrize(("known", "notes"), [({}, 1), ({"opens": "2999-01-01T08:00:00Z"}, 0), ({"length_min": 60}, 0)])
def test_it_is_said_where_extra_time_in_per_cent_is_of_nothing(client: FlaskClient, student: str, known: dict[str, Any], notes: int) -> None:
    key = define(client, f"of-{student}", closes="2999-01-01T10:00:00Z", **known)
    assert len([note for note in shown(client, key)["notes"] if "per cent" in note]) == notes


@pytest.mark.parametrize(("closes", "told"), [("2030-03-31T04:00", "for 120 minutes"), ("2030-04-05T04:00", ""), ("2030-03-31T01:45", "")])
def test_how_long_it_is_open_is_said_where_the_clocks_change_in_it(client: FlaskClient, student: str, closes: str, told: str) -> None:
    key = define(client, f"clocks-{student}", "draft", time_zone="Europe/Berlin", opens="2030-03-31T01:00", closes=closes)
    assert [told in note for note in shown(client, key)["notes"]] == ([True] if told else [])


def test_people_whom_nobody_knows_are_named(client: FlaskClient, app: Flask) -> None:
    known = add_person(app, "pia", "proctor").id
    key = define(client, "names", proctors=[known, "nobody-here"])
    assert [note for note in shown(client, key)["notes"] if "nobody-here" in note]
    assert not [note for note in shown(client, key)["notes"] if known in note]


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"title": ""}, "title must not be empty."),
        ({"points": {"speech": 101}}, "points.speech is wrong: Input should be less than or equal to 100."),
        ({"allowed": {"phone": "perhaps"}}, "allowed.phone is wrong: "),
    ],
)
def test_a_wrong_field_is_named_down_to_its_part(client: FlaskClient, wrong: dict[str, Any], says: str) -> None:
    answer = client.post("/api/exams", json={"exam_id": "e", "title": "Exam", **wrong})
    assert answer.status_code == 422
    assert answer.get_json()["error"]["message"].startswith(says)
    assert answer.get_json()["error"]["field"] in wrong


def test_only_who_may_change_an_exam_sees_the_form(make_app: MakeApp) -> None:
    app = make_app(proctor_password=PASSWORD)
    ada, ben, eve = (someone(app, name, "teacher") for name in ("ada", "ben", "eve"))
    key = ada.post("/api/exams", exam_id="maths", title="Maths", proctors=[ben.account.id]).get_json()["exam"]["exam_key"]
    assert [one.get(f"/exams/{key}").status_code for one in (ada, ben, eve)] == [200, 403, 404]
    assert ben.post(f"/api/exams/{key}/end", close=True).status_code == 403, "who watches ends it for all, and closes nothing"
    assert [one.get("/exams/new").status_code for one in (ada, ben, eve)] == [200, 200, 200]
    assert ben.get(f"/exams/{'0' * 32}").status_code == 200, "its page says itself that there is none"
