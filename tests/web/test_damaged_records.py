"""A record that was damaged in the database: a student starts all the same, lists show the others, and a person reads what can't be read."""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest
from flask.testing import FlaskClient

from basics.identifiers import key_of
from basics.times import utc_now
from records.rosters import row_id_of
from scoring.accommodations import document_id_of
from tests.helpers.evidence import store_exam
from tests.helpers.web import MakeApp, local_client
from web.parts import Parts, parts_of

EXAM = "exam-damaged"
KEY = key_of(EXAM)


def damage(parts: Parts, collection: str, document_id: str, **fields: Any) -> None:
    assert parts.database.flush(10)
    with parts.database.reading():
        assert parts.database.collection(collection).update_one({"_id": document_id}, {"$set": fields}).matched_count == 1


def create(client: FlaskClient, user_id: str) -> Any:
    return client.post("/api/session/create", json={"user_id": user_id, "exam_id": EXAM, "source": "browser"})


OF_ACCOMMODATION: list[dict[str, Any]] = [
    {"points": "x"},
    {"points": {"speech": "x", "no_such_kind": 1, "gaze_distracted": 0}},
    {"points": {"speech": -3}},
    {"reading_aloud": "yes"},
    {"breaks_allowed": "x"},
    {"break_minutes": None},
    {"extra_percent": "x"},
    {"extra_min": float("inf")},
    {"note": 5},
    {"set_by": ["x"]},
    {"at": "x"},
    {"user_id": 5},
    {"exam_id": 5},
]


@pytest.mark.parametrize("fields", OF_ACCOMMODATION, ids=str)
def test_a_damaged_accommodation_keeps_no_student_from_starting_and_says_what_of_it_is_left_out(
    client: FlaskClient, parts: Parts, student: str, fields: dict[str, Any]
) -> None:
    wanted = {"points": {"gaze_distracted": 0, "speech": 1}, "breaks_allowed": 2, "extra_min": 10, "set_by": "Ada"}
    set_ = client.post("/api/accommodations", json={"user_id": student, "exam_id": EXAM, **wanted}).get_json()["accommodation"]
    assert set_["unreadable"] == []
    damage(parts, "accommodations", document_id_of(student, EXAM), **fields)
    created = create(client, student)
    assert created.status_code == 200, created.data
    session = parts.monitor.get(created.get_json()["session_id"])
    assert session is not None
    assert session.accommodation is not None
    if "breaks_allowed" not in fields:
        assert session.accommodation.breaks_allowed == 2, "what can be read holds"
    if "points" in fields:
        assert session.accommodation.points.get("gaze_distracted") == (0 if "gaze_distracted" in fields["points"] else None)
    token = parts.access.make_student_token(session.session_id)
    assert client.get("/api/student/session", headers={"Authorization": f"Bearer {token}"}).status_code == 200
    listed = client.get("/api/accommodations").get_json()["accommodations"]
    (line,) = [one for one in listed if one["id"] == document_id_of(student, EXAM)]
    assert line["unreadable"] == list(fields), "its page says so"
    again = client.post("/api/accommodations", json={"user_id": student, "exam_id": EXAM, **wanted})
    assert again.get_json()["accommodation"]["unreadable"] == [], "setting it anew mends it"


def define(client: FlaskClient) -> None:
    assert client.post("/api/exams", json={"exam_id": EXAM, "title": "Algebra", "by": "Ada", "length_min": 60}).status_code == 200
    assert client.post(f"/api/exams/{KEY}/state", json={"state": "open", "by": "Ada"}).status_code == 200


OF_EXAM: list[dict[str, Any]] = [
    {"opens": "x"},
    {"closes": 5},
    {"limits": {"gaze_min_s": "x"}},
    {"points": {"speech": "x"}},
    {"allowed": "x"},
    {"state": "x"},
    {"revision": "x"},
    {"changed_at": "x"},
    {"made_by": 5},
    {"deleting": "x"},
    {"title": 5},
    {"preset": "x"},
    {"proctors": "x"},
    {"time_zone": "Nowhere/Land"},
]


@pytest.mark.parametrize("fields", OF_EXAM, ids=str)
def test_a_damaged_exam_can_be_begun_is_listed_and_is_mended_by_saving_it(
    client: FlaskClient, parts: Parts, student: str, fields: dict[str, Any]
) -> None:
    define(client)
    damage(parts, "exams", KEY, **fields)
    created = create(client, student)
    assert created.status_code == 200, created.data
    session = parts.monitor.get(created.get_json()["session_id"])
    assert session is not None
    assert session.limit.exam is not None
    assert session.limit.exam.definition.length_min == 60, "what can be read holds"
    assert KEY in [one["exam_key"] for one in client.get("/api/exams").get_json()["exams"]]
    shown = client.get(f"/api/exams/{KEY}").get_json()["exam"]
    assert any(next(iter(fields)) in note for note in shown["notes"])
    body = {"exam_id": EXAM, "title": "Algebra", "by": "Ada", "length_min": 60, "revision": shown["revision"]}
    assert client.put(f"/api/exams/{KEY}", json=body).status_code == 200
    assert client.post(f"/api/exams/{KEY}/state", json={"state": "closed", "by": "Ada"}).status_code == 200


OF_ROW: list[dict[str, Any]] = [
    {"extra_percent": "x"},
    {"name": 5},
    {"email": 5},
    {"note": 5},
    {"preset": "x"},
    {"number": "x"},
    {"revoked": "x"},
    {"invited_at": "x"},
    {"mail": "x"},
]


@pytest.mark.parametrize("fields", OF_ROW, ids=str)
def test_a_damaged_row_of_a_list_hides_nobody_and_its_student_comes_in(client: FlaskClient, parts: Parts, fields: dict[str, Any]) -> None:
    define(client)
    roster = f"/api/exams/{KEY}/roster"
    assert client.post(roster, json={"text": "id,name\nada,Ada\nbob,Bob\ncarl,Carl", "by": "Ada"}).status_code == 200
    row_id = row_id_of(KEY, "ada")
    code = parts.rosters.keys.code(row_id, 1)
    damage(parts, "roster", row_id_of(KEY, "carl"), user_id=5)
    damage(parts, "roster", row_id, **fields)
    for path in (roster, f"{roster}.csv", "/api/rosters/not_come"):
        assert client.get(path).status_code == 200, path
    assert [one["user_id"] for one in client.get(roster).get_json()["students"]] == ["ada", "bob"]
    for row in (parts.rosters.entering(code=code), parts.rosters.entering(link=(row_id, 1))):
        assert row is not None
        assert row.user_id == "ada"
    assert parts.rosters.entering(link=(row_id, 2)) is None


def test_damaged_rehearsals_and_sessions_leave_the_list_of_students_readable(client: FlaskClient, parts: Parts) -> None:
    define(client)
    roster = f"/api/exams/{KEY}/roster"
    assert client.post(roster, json={"text": "id,name\nada,Ada", "by": "Ada"}).status_code == 200
    rehearsal = {"user_id": "ada", "exam_id": EXAM}
    damages: list[dict[str, Any]] = [{"at": "x", "results": "x"}, {"at": utc_now(), "results": "x"}]
    for number, fields in enumerate(damages):
        assert parts.database.write("rehearsals", f"{number:032}", {**rehearsal, **fields}).wait(10)
    assert parts.database.write("sessions", "0" * 32, {**rehearsal, "state": "ended", "started_at": "x"}).wait(10)
    assert parts.database.write("sessions", "1" * 32, {"user_id": 5, "exam_id": EXAM, "state": "ended"}).wait(10)
    assert [one["user_id"] for one in client.get(roster).get_json()["students"]] == ["ada"]


def test_the_latest_session_with_a_damaged_end_is_answered_and_breaks_nothing(make_app: MakeApp) -> None:
    app = make_app(portal_open=True)
    parts = parts_of(app)
    ended = {"user_id": "ada", "exam_id": EXAM, "state": "ended", "ended_at": "x", "started_at": utc_now()}
    assert parts.database.write("sessions", "2" * 32, ended).wait(10)
    assert local_client(app).post("/api/student/start", json={"user_id": "ada", "exam_id": EXAM}).status_code == 409


OF_SESSION: list[dict[str, Any]] = [
    {"state": 5},
    {"started_at": "x"},
    {"flagged_intervals": "x"},
    {"intervals": "x"},
    {"user_id": 5},
    {"unread": "x"},
    {"unread": {"gaze": {"of_s": "x", "unread_s": 1}}},
    {"exam": "x"},
    {"rules": "x"},
]


@pytest.mark.parametrize("fields", OF_SESSION, ids=str)
def test_a_damaged_session_hides_no_other_in_lists_figures_and_tables(client: FlaskClient, parts: Parts, fields: dict[str, Any]) -> None:
    define(client)
    store_exam(parts.database, parts.settings.clips_dir, "b" * 32, "ann", EXAM)
    store_exam(parts.database, parts.settings.clips_dir, "c" * 32, "bob", EXAM)
    damage(parts, "sessions", "b" * 32, **fields)
    for path in (
        *("/api/sessions", "/api/exams", "/api/analytics", "/api/analytics.csv?table=sessions", "/api/sessions/stats", "/api/flagged/all"),
        *(f"/api/exams/{KEY}/{name}" for name in ("results", "results.csv", "roster", "identity")),
    ):
        answer = client.get(path, buffered=True)
        assert answer.status_code == 200, (path, answer.data)
        if path in ("/api/sessions", f"/api/exams/{KEY}/results", "/api/analytics.csv?table=sessions"):
            assert b"bob" in answer.data, path


@pytest.mark.parametrize(
    ("collection", "key", "fields", "path"),
    [
        ("sessions", "b" * 32, {"total_score": "x", "end_reason": {"a": 1}}, "/api/analytics.csv?table=sessions"),
        ("sessions", "b" * 32, {"user_id": 5}, "/api/analytics.csv?table=sessions"),
        ("sessions", "b" * 32, {"unread": {"gaze": {"of_s": "x"}}}, "/api/analytics.csv?table=sessions"),
        ("intervals", f"{'b' * 32}-1", {"score": "x", "review": {"state": 5, "by": "ben"}}, "/api/analytics.csv?table=intervals"),
        ("sessions", "b" * 32, {"total_score": "x"}, f"/api/exams/{KEY}/results.csv"),
        ("roster", row_id_of(KEY, "ann"), {"extra_min": "x", "number": 0}, f"/api/exams/{KEY}/roster.csv"),
    ],
)
def test_a_table_names_what_of_a_row_was_damaged_and_has_nothing_of_it(
    client: FlaskClient, parts: Parts, collection: str, key: str, fields: dict[str, Any], path: str
) -> None:
    define(client)
    assert client.post(f"/api/exams/{KEY}/roster", json={"text": "id,name\nann,Ann\nbob,Bob", "by": "Ada"}).status_code == 200
    store_exam(parts.database, parts.settings.clips_dir, "b" * 32, "ann", EXAM)
    store_exam(parts.database, parts.settings.clips_dir, "c" * 32, "bob", EXAM)
    damage(parts, collection, key, **fields)
    rows = list(csv.DictReader(io.StringIO(client.get(path).data.decode("utf-8-sig"), newline="")))
    (damaged,) = [row for row in rows if row["unreadable"]]
    assert sorted(damaged["unreadable"].split("; ")) == sorted(fields)
    assert {"x", "5"}.isdisjoint(damaged.values())
    assert not any("{" in cell for cell in damaged.values())
    assert len(rows) == (6 if "intervals" in path else 2)


OF_ITS_PAGE = ("conclusion", "absences", "student-side")
OF_DETAILS: list[tuple[dict[str, Any], list[str]]] = [
    *((fields, list(fields)) for fields in OF_SESSION if "exam" not in fields),
    ({"messages": [{"id": "m", "text": "Hello", "level": "info", "by": "ben", "at": 4.0}, {"text": 5}]}, ["messages"]),
    ({"breaks": "x", "marks": [5], "connections": [{"at": "x"}], "doubts": [{"code": 5}]}, ["breaks", "connections", "doubts", "marks"]),
    ({"accommodation": {"user_id": "ann", "points": "x", "extra_min": 5}}, ["accommodation"]),
    ({"accommodations": [{"at_s": "x"}]}, ["accommodations"]),
    ({"checks_before": {"at": "x", "results": "x"}}, ["checks_before"]),
    ({"rules": {"interval_duration": "x", "flag_threshold": 10, "points": {"phone": 10}}}, ["rules"]),
    ({"exam_id": 5, "devices": "x", "end_code": "x"}, ["devices", "end_code", "exam_id"]),
]


@pytest.mark.parametrize(("fields", "unreadable"), OF_DETAILS, ids=str)
def test_the_details_of_a_damaged_session_show_what_can_be_read_and_name_the_rest(
    client: FlaskClient, parts: Parts, fields: dict[str, Any], unreadable: list[str]
) -> None:
    session_id = "b" * 32
    store_exam(parts.database, parts.settings.clips_dir, session_id, "ann", EXAM)
    violation = {"kind": "speech", "start": 31.0, "end": 43.0, "points": 10}
    with parts.database.reading():
        parts.database.collection("intervals").update_many({"session_id": session_id}, {"$set": {"closed": True, "violations": [violation]}})
        parts.database.collection("checks").update_many({"session_id": session_id}, {"$set": {"start": 0.0, "end": 1.0, "readings": {}}})
    assert client.get(f"/api/session/{session_id}/details").get_json()["unreadable"] == {"fields": [], "records": []}
    damage(parts, "sessions", session_id, **fields)
    damage(parts, "intervals", f"{session_id}-2", score="x")
    answer = client.get(f"/api/session/{session_id}/details")
    assert answer.status_code == 200, answer.data
    shown = answer.get_json()
    assert shown["unreadable"] == {"fields": unreadable, "records": [f"{session_id}-2"]}
    assert [interval["index"] for interval in shown["intervals"]] == [0, 1]
    assert shown["intervals"][1]["violations"][0]["text"]
    if "messages" in fields:
        assert [one["text"] for one in shown["session"]["messages"]] == ["Hello"]
    if "user_id" not in fields:
        assert shown["session"]["user_id"] == "ann"
    for path in (*(f"/api/session/{session_id}/{name}" for name in OF_ITS_PAGE), f"/session/{session_id}", f"/session/{session_id}/report"):
        assert client.get(path, buffered=True).status_code in (200, 404), path
