"""Sessions as a script creates and ends them, and the lists of them: on a real monitor and a real mongod."""

from __future__ import annotations

import gc
import tracemalloc
from datetime import datetime, timedelta

from flask.testing import FlaskClient

from sessions.ends import End
from tests.helpers.sessions import UNKNOWN, create, leave_tab, live, stop_server, store_interval
from tests.helpers.web import MakeApp, error_of, local_client
from web.parts import Parts, parts_of

JSON = {"Content-Type": "application/json"}


# Create and end


def test_published_create_line_starts_a_session_that_is_stored(client: FlaskClient, parts: Parts, student: str) -> None:
    answer = client.post("/api/session/create", data=f'{{"user_id": "{student}", "exam_id": "exam001"}}', headers=JSON)
    assert answer.status_code == 200
    created = answer.get_json()
    assert created == {"success": True, "session_id": created["session_id"], "user_id": student, "exam_id": "exam001"}
    assert parts.database.session(created["session_id"])["state"] == "running"
    assert live(parts, created).source == "local"


def test_a_browser_session_comes_with_its_students_link(client: FlaskClient, parts: Parts, student: str) -> None:
    created = create(client, student, source="browser")
    address, _, token = created["portal_url"].partition("#t=")
    assert address == "http://localhost/portal"
    assert parts.access.read_student_token(token) == created["session_id"]


def test_public_url_is_the_address_that_students_get(make_app: MakeApp, student: str) -> None:
    client = local_client(make_app(public_url="https://proctor.example.org/", default_source="browser"))
    assert create(client, student)["portal_url"].startswith("https://proctor.example.org/portal#t=")


def test_one_running_session_for_each_student_and_exam(client: FlaskClient, student: str) -> None:
    first = create(client, student)
    error = error_of(client.post("/api/session/create", json={"user_id": student, "exam_id": "exam001"}), 409)
    assert error["session_id"] == first["session_id"]
    assert create(client, student, "exam002")["session_id"] != first["session_id"]
    assert create(client, student, None)["exam_id"] is None


def test_exam_may_be_left_out(client: FlaskClient, student: str) -> None:
    answer = client.post("/api/session/create", json={"user_id": student})
    assert answer.status_code == 200
    assert answer.get_json()["exam_id"] is None


def test_the_limit_of_sessions_is_told(make_app: MakeApp, student: str) -> None:
    client = local_client(make_app(max_sessions=1))
    create(client, student, "one")
    assert "MAX_SESSIONS" in error_of(client.post("/api/session/create", json={"user_id": student, "exam_id": "two"}), 429)["message"]


def test_links_that_wait_for_their_students_take_no_exams_place(make_app: MakeApp, student: str) -> None:
    """Links for a hundred students are made the day before; places are taken by those who come."""
    app = make_app(max_sessions=1)
    client = local_client(app)
    waiting = [create(client, student, f"exam-{number}", source="browser") for number in range(3)]
    monitor = parts_of(app).monitor
    second = monitor.get(waiting[1]["session_id"])
    assert second is not None
    assert monitor.admission.ask(second).position == 0
    assert client.get("/api/health").get_json()["parts"]["sessions"]["active"] == 0
    begun = monitor.get(waiting[0]["session_id"])
    assert begun is not None
    begun.begin()
    assert monitor.admission.ask(second).position == 1
    assert "MAX_SESSIONS" in error_of(client.post("/api/session/create", json={"user_id": student, "exam_id": "late"}), 429)["message"]


def test_more_links_than_could_ever_be_used_are_refused(make_app: MakeApp, student: str) -> None:
    client = local_client(make_app(max_sessions=1))
    for number in range(10):
        create(client, student, f"exam-{number}", source="browser")
    wanted = {"user_id": student, "exam_id": "one-more", "source": "browser"}
    assert "links wait" in error_of(client.post("/api/session/create", json=wanted), 429)["message"]


def test_ending_gives_the_score_and_ending_twice_is_a_conflict(client: FlaskClient, parts: Parts, student: str) -> None:
    created = create(client, student)
    leave_tab(live(parts, created), 0.001, 0.002, 0.003)
    answer = client.post("/api/session/end", json={"user_id": student, "exam_id": "exam001"})
    assert answer.status_code == 200
    assert answer.get_json() == {"success": True, "session_id": created["session_id"], "total_score": 12, "flagged_intervals": 1}
    stored = parts.database.session(created["session_id"])
    assert (stored["state"], stored["total_score"], stored["flagged_intervals"]) == ("ended", 12, 1)
    error = error_of(client.post("/api/session/end", json={"user_id": student, "exam_id": "exam001"}), 409)
    assert error["session_id"] == created["session_id"]


def test_ending_what_never_was_is_not_found(client: FlaskClient, student: str) -> None:
    assert student in error_of(client.post("/api/session/end", json={"user_id": student, "exam_id": "exam001"}), 404)["message"]


# Lists


def test_active_sessions_are_listed_with_their_scores(client: FlaskClient, parts: Parts, student: str) -> None:
    assert client.get("/api/sessions/active").get_json() == {"sessions": [], "count": 0, "note": "", "alone": True}
    created = create(client, student)
    leave_tab(live(parts, created), 0.001, 0.002)
    create(client, student, "exam002")
    answer = client.get("/api/sessions/active").get_json()
    assert answer["count"] == 2
    first = answer["sessions"][0]
    published = {
        "user_id": student,
        "exam_id": "exam001",
        "session_id": created["session_id"],
        "interval_score": 8,
        "total_score": 8,
        "is_running": True,
    }
    assert published.items() <= first.items()
    assert first["violations"][0]["text"] == "Left the exam's tab or window twice (+8)"
    assert datetime.fromisoformat(first["started_at"].replace("Z", "+00:00")).utcoffset() == timedelta(0)
    client.post("/api/session/end", json={"user_id": student, "exam_id": "exam001"})
    assert [session["exam_id"] for session in client.get("/api/sessions/active").get_json()["sessions"]] == ["exam002"]


def test_stats_count_sessions_and_flags(client: FlaskClient, parts: Parts, student: str) -> None:
    assert client.get("/api/sessions/stats").get_json() == {"total_sessions": 0, "active_sessions": 0, "flagged_intervals": 0, "high_risk": 0}
    leave_tab(live(parts, create(client, student)), *(30 * index + part for index in range(3) for part in (0.1, 0.2, 0.3)))
    create(client, student, "exam002")
    assert parts.database.flush(10)
    client.post("/api/session/end", json={"user_id": student, "exam_id": "exam002"})
    assert parts.database.flush(10)
    assert client.get("/api/sessions/stats").get_json() == {"total_sessions": 2, "active_sessions": 1, "flagged_intervals": 3, "high_risk": 1}


def test_flagged_intervals_come_newest_first_with_their_reasons(client: FlaskClient, parts: Parts) -> None:
    ready = {"state": "ready", "path": "student123/a.mp4", "sha256": "0" * 64, "duration": 40.0, "marks": [["multiple_faces", 5.0, 17.0]]}
    older = store_interval(parts.database, UNKNOWN, 1, clip=ready)
    newer = store_interval(parts.database, UNKNOWN, 2, clip={"state": "pending"})
    answer = client.get("/api/flagged/all").get_json()
    assert answer["count"] == 2
    assert [one["video_id"] for one in answer["flagged"]] == [newer, older]
    first, second = answer["flagged"]
    assert (first["url"], second["url"]) == (None, f"/api/video/{older}")
    assert second["reasons"] == ["Two people in view for 12 s (+10)"]
    assert second["clip"]["marks"] == [["multiple_faces", 5.0, 17.0]]
    assert (second["session_id"], second["user_id"], second["exam_id"], second["index"]) == (UNKNOWN, "student123", "exam001", 1)
    assert second["flagged_at"] == "2024-10-05T14:30:42.000Z"


def test_flagged_intervals_are_paged_and_filtered(client: FlaskClient, parts: Parts) -> None:
    ids = [store_interval(parts.database, UNKNOWN, index, user_id=f"s{index % 2}", exam_id=f"e{index % 3}") for index in range(5)]
    found: list[str] = []
    after: str | None = None
    for _ in range(3):
        answer = client.get("/api/flagged/all", query_string={"limit": 2} | ({"after": after} if after else {})).get_json()
        found += [one["video_id"] for one in answer["flagged"]]
        after = answer["next_after"]
    assert found == ids[::-1]
    assert after is None
    of_student = client.get("/api/flagged/all?user_id=s1").get_json()
    assert [one["index"] for one in of_student["flagged"]] == [3, 1]
    assert [one["index"] for one in client.get("/api/flagged/all?exam_id=e0&user_id=s1").get_json()["flagged"]] == [3]
    assert client.get("/api/flagged/all?user_id=nobody").get_json() == {"flagged": [], "count": 0, "next_after": None}


def test_wrong_queries_are_refused_by_name(client: FlaskClient) -> None:
    wrong = {"limit": ["0", "-1", "many", "99999"], "after": ["x", ""], "user_id": ["a\\b", ""], "exam_id": [""]}
    for field, values in wrong.items():
        for value in values:
            assert error_of(client.get("/api/flagged/all", query_string={field: value}), 422)["field"] == field


def test_a_cursor_that_is_no_row_is_refused(client: FlaskClient, student: str) -> None:
    assert error_of(client.get(f"/api/flagged/all?after={UNKNOWN}-7"), 422)["field"] == "after"
    session_id = create(client, student)["session_id"]
    assert error_of(client.get(f"/api/session/{session_id}/details?checks_after={session_id}-7"), 422)["field"] == "checks_after"


def test_whom_somebody_let_in_waits_for_nobody_and_who_comes_by_the_list_does(make_app: MakeApp, student: str) -> None:
    app = make_app(capacity=1)
    client, monitor = local_client(app), parts_of(app).monitor
    create(client, student, "running")  # a station's
    made = monitor.get(create(client, student, "made", source="browser")["session_id"])
    assert made is not None
    listed = [monitor.create(f"{student}-{number}", "listed", "browser") for number in range(3)]
    client.post("/api/accommodations", json={"user_id": listed[1].user_id, "exam_id": "listed", "breaks_allowed": 2, "set_by": "Ada"})
    monitor.link_made(listed[2])
    assert [monitor.admission.ask(one).position for one in (made, *listed)] == [0, 1, 0, 0]
    made.begin()
    assert monitor.admission.ask(made).position == 0
    stop_server(parts_of(app))
    monitor.resume()
    again = [monitor.get(one.session_id) for one in (made, *listed)]
    assert [monitor.admission.ask(one).position for one in again if one is not None] == [0, 1, 0, 0]
    monitor.end_session(made.session_id, End("away"), "interrupted")
    assert monitor.admission.ask(monitor.reopen(made.session_id)).position == 0


def test_an_exam_that_waits_for_its_student_takes_little_memory(client: FlaskClient) -> None:
    create(client, "first", source="browser")  # makes what all share
    gc.collect()
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        for number in range(20):
            create(client, f"waits-{number}", source="browser")
        gc.collect()
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert (after - before) / 20 < 100_000  # a class that comes in an hour, and links that nobody ever follows
