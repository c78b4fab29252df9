"""The REST calls as a script meets them: on a real monitor and a real mongod."""

from __future__ import annotations

import hashlib
import os
import socket
import time
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from prometheus_client.parser import text_string_to_metric_families

from basics.readings import ScreenAct
from database import Database
from sessions.ends import End
from sessions.monitor import LINK_LIFE_S
from sessions.session import ExamSession
from settings.settings import load_settings
from tests.helpers.web import API_TOKEN, PASSWORD, MakeApp, error_of, local_client
from web.access.signing import STUDENT_TOKEN_MAX_AGE
from web.parts import Parts, parts_of
from web.student.video import student_video

UNKNOWN = "0123456789abcdef0123456789abcdef"
JSON = {"Content-Type": "application/json"}


def create(client: FlaskClient, user_id: str, exam_id: str | None = "exam001", **more: Any) -> dict[str, Any]:
    answer = client.post("/api/session/create", json={"user_id": user_id, "exam_id": exam_id, **more})
    assert answer.status_code == 200, answer.data
    content: dict[str, Any] = answer.get_json()
    return content


def live(parts: Parts, created: dict[str, Any]) -> ExamSession:
    session = parts.monitor.get(created["session_id"])
    assert session is not None
    return session


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


def test_the_same_name_written_in_two_ways_is_one_student(client: FlaskClient, student: str) -> None:
    composed, decomposed = f"{student}-Zo\u00eb", f"{student}-Zoe\u0308"
    assert create(client, decomposed)["user_id"] == composed
    error_of(client.post("/api/session/create", json={"user_id": composed, "exam_id": "exam001"}), 409)


def test_ids_of_any_script_are_taken(client: FlaskClient) -> None:
    for good in ["a", "0", "x" * 128, "李雷", "محمد", "अनिल_कुमार", "o.k@uni-x.edu", "-", "_", "a..b", "e\u0301" * 128]:
        answer = client.post("/api/session/create", json={"user_id": good})
        assert answer.status_code == 200, answer.data
        assert client.post("/api/session/end", json={"user_id": good}).status_code == 200


BAD_IDS: list[tuple[object, str]] = [
    ("", "is empty"),
    ("x" * 129, "has 129 characters"),
    ("x" * 10_000, "has 10000 characters"),
    ("../../etc/passwd", "'/' (U+002F) at position 3"),
    ("a/b", "'/' (U+002F) at position 2"),
    ("a\\b", "(U+005C)"),
    ("a b", "a space (U+0020) at position 2"),
    ("a\x00b", "(U+0000) at position 2"),
    ("a\nb", "(U+000A)"),
    ("a\u202eb", "(U+202E)"),
    ("\ud800", "(U+D800)"),
    ("😀", "(U+1F600)"),
    ("<script>", "'<' (U+003C) at position 1"),
    ("$ne", "'$' (U+0024)"),
    (".hidden", "begins with a dot"),
    (123, "must be a text, not a number"),
    (True, "must be a text, not true or false"),
    ({"$ne": ""}, "must be a text, not an object"),
    (["a"], "must be a text, not a list"),
]


@pytest.mark.parametrize("path", ["/api/session/create", "/api/session/end", "/api/student/start"])
def test_ids_that_cannot_be_used_are_refused_by_name(client: FlaskClient, parts: Parts, path: str) -> None:
    for bad, says in BAD_IDS:
        for field in ("user_id", "exam_id"):
            error = error_of(client.post(path, json={"user_id": "fine", "exam_id": "fine"} | {field: bad}), 422)
            assert error["field"] == field
            assert error["message"].startswith(f"{field} ")
            assert says in error["message"]
    assert parts.monitor.active() == []


BAD_BODIES: list[tuple[bytes, dict[str, str], int, str]] = [
    (b"", {}, 400, "body is missing"),
    (b"", JSON, 400, "isn't JSON"),
    (b"user_id=x", {"Content-Type": "application/x-www-form-urlencoded"}, 415, "-H 'Content-Type: application/json'"),
    (b'{"user_id": "x"}', {}, 415, "no Content-Type"),
    (b"{", JSON, 400, "isn't JSON"),
    (b"'{user_id: x}'", JSON, 400, "isn't JSON"),
    (b"\xff\xfe\xfd", JSON, 400, "isn't JSON"),
    (b"[" * 20_000, JSON, 400, "isn't JSON"),
    (b'{"user_id": NaN}', JSON, 400, "NaN"),
    (b'{"user_id": ' + b"9" * 5000 + b"}", JSON, 400, "isn't JSON"),
    (b"[]", JSON, 400, "must be a JSON object"),
    (b"null", JSON, 400, "must be a JSON object"),
    (b'"x"', JSON, 400, "must be a JSON object"),
    (b"{}", JSON, 422, "user_id is missing"),
    (b'{"user_id": null}', JSON, 422, "user_id must be a text, not null"),
    (b'{"user_id": "x", "source": "satellite"}', JSON, 422, "source is wrong"),
    (b'{"user_id": "x", "station": 5}', JSON, 422, "station is wrong"),
    (b'{"user_id": "x", "source": "browser", "station": "default"}', JSON, 422, "station is for source `local` only"),
    (b'{"user_id": "x", "station": "nowhere"}', JSON, 404, "nowhere"),
    (b'{"user_id": "' + b"x" * 70_000 + b'"}', JSON, 413, "MAX_BODY_KB"),
]


def test_bodies_that_cannot_be_used_get_a_clear_error(client: FlaskClient, parts: Parts) -> None:
    for body, headers, status, says in BAD_BODIES:
        error = error_of(client.post("/api/session/create", data=body, headers=headers), status)
        assert says in error["message"]
    assert parts.monitor.active() == []


def test_a_body_without_a_length_is_bounded_too(client: FlaskClient) -> None:
    def endless() -> Iterator[bytes]:
        for _ in range(100):
            yield b" " * 1024

    class Stream:
        def __init__(self) -> None:
            self.rest = endless()

        def read(self, _: int = -1) -> bytes:
            return next(self.rest, b"")

    chunked = {"wsgi.input": Stream(), "wsgi.input_terminated": True, "HTTP_TRANSFER_ENCODING": "chunked"}
    answer = client.post("/api/session/create", headers=JSON, environ_overrides=chunked)
    error_of(answer, 413)


def test_json_is_taken_with_a_charset_and_a_byte_order_mark(client: FlaskClient, student: str) -> None:
    body = b"\xef\xbb\xbf" + f'{{"user_id": "{student}", "a field of a later version": 1}}'.encode()
    answer = client.post("/api/session/create", data=body, headers={"Content-Type": "application/json; charset=utf-8"})
    assert answer.status_code == 200


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
    assert not monitor.is_full()
    assert client.get("/api/health").get_json()["parts"]["sessions"]["active"] == 0
    begun = monitor.get(waiting[0]["session_id"])
    assert begun is not None
    begun.begin()
    assert monitor.is_full()
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
    assert client.get("/api/sessions/active").get_json() == {"sessions": [], "count": 0}
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
    wrong = {"limit": ["0", "-1", "many", "99999"], "after": ["x", ""], "user_id": ["a/b", ""], "exam_id": [""]}
    for field, values in wrong.items():
        for value in values:
            assert error_of(client.get("/api/flagged/all", query_string={field: value}), 422)["field"] == field


def test_a_cursor_that_is_no_row_is_refused(client: FlaskClient, student: str) -> None:
    assert error_of(client.get(f"/api/flagged/all?after={UNKNOWN}-7"), 422)["field"] == "after"
    session_id = create(client, student)["session_id"]
    assert error_of(client.get(f"/api/session/{session_id}/details?checks_after={session_id}-7"), 422)["field"] == "checks_after"


# Details


def test_details_show_a_running_session_as_it_stands(client: FlaskClient, parts: Parts, student: str) -> None:
    created = create(client, student)
    leave_tab(live(parts, created), 0.001, 0.002, 0.003)
    details = client.get(f"/api/session/{created['session_id']}/details").get_json()
    session = details["session"]
    assert (session["session_id"], session["user_id"], session["state"], session["is_running"]) == (created["session_id"], student, "running", True)
    assert (session["total_score"], session["interval_score"], session["flagged_intervals"], session["interval_index"]) == (12, 12, 1, 0)
    assert details["rules"]["points"]["tab_switch"] == 4
    assert details["rules"]["flag_threshold"] == 10
    (interval,) = details["intervals"]
    assert (interval["index"], interval["score"], interval["flagged"], interval["closed"]) == (0, 12, True, False)
    (violation,) = interval["violations"]
    assert (violation["kind"], violation["points"], violation["occurrences"]) == ("tab_switch", 12, 3)
    assert violation["text"] == "Left the exam's tab or window three times (+12)"
    assert len(violation["evidence"]["acts"]) == 3


def test_details_of_an_ended_session_hold_intervals_clips_reviews_and_checks(client: FlaskClient, parts: Parts, student: str) -> None:
    created = create(client, student)
    leave_tab(live(parts, created), 0.001, 0.002, 0.003)
    client.post("/api/session/end", json={"user_id": student, "exam_id": "exam001"})
    assert parts.database.flush(10)
    video_id = f"{created['session_id']}-0"
    parts.reviews.decide(video_id, "dismissed", by="Ada", reason="device", note="the invigilator asked for it")
    details = client.get(f"/api/session/{created['session_id']}/details").get_json()
    assert (details["session"]["state"], details["session"]["is_running"], details["session"]["total_score"]) == ("ended", False, 12)
    assert details["session"]["ended_at"] >= details["session"]["started_at"]
    (interval,) = details["intervals"]
    assert interval["video_id"] == video_id
    assert interval["closed"] is True
    assert interval["clip"]["state"] in ("pending", "failed")
    assert interval["review"]["decision"] == "dismissed"
    assert details["checks"][0]["acts"] == {"tab_switch": 3}
    assert details["checks"][0]["readings"] is None
    assert (details["next_after"], details["next_checks_after"]) == (None, None)
    with_readings = client.get(f"/api/session/{created['session_id']}/details?readings=true").get_json()
    assert len(with_readings["checks"][0]["readings"]["acts"]) == 3


def test_a_review_shows_while_the_session_still_runs(client: FlaskClient, parts: Parts, student: str) -> None:
    created = create(client, student)
    leave_tab(live(parts, created), 0.001, 0.002, 0.003)
    assert parts.database.flush(10)
    parts.reviews.decide(f"{created['session_id']}-0", "confirmed", by="Ada")
    (interval,) = client.get(f"/api/session/{created['session_id']}/details").get_json()["intervals"]
    assert (interval["closed"], interval["review"]["decision"]) == (False, "confirmed")


@pytest.mark.parametrize("running", [True, False])
def test_details_are_paged(client: FlaskClient, parts: Parts, student: str, running: bool) -> None:
    created = create(client, student)
    leave_tab(live(parts, created), 1, 31, 61, 91, 121)
    if not running:
        client.post("/api/session/end", json={"user_id": student, "exam_id": "exam001"})
    assert parts.database.flush(10)
    found: list[int] = []
    after: str | None = ""
    while after is not None:
        query: dict[str, Any] = {"limit": 2} | ({"after": after} if after else {})
        details = client.get(f"/api/session/{created['session_id']}/details", query_string=query).get_json()
        assert len(details["intervals"]) <= 2
        found += [interval["index"] for interval in details["intervals"]]
        after = details["next_after"]
    assert found == [0, 1, 2, 3, 4]


def test_checks_are_paged(client: FlaskClient, parts: Parts, student: str) -> None:
    session_id = create(client, student)["session_id"]
    for number in range(5):
        fields = {"session_id": session_id, "number": number, "start": 10.0 * number, "end": 10.0 * number + 10, "gaze": {"focused": 1.0}}
        assert parts.database.write("checks", f"{session_id}-{number}", fields).wait(10)
    first = client.get(f"/api/session/{session_id}/details?limit=3").get_json()
    assert [check["number"] for check in first["checks"]] == [0, 1, 2]
    second = client.get(f"/api/session/{session_id}/details?limit=3&checks_after={first['next_checks_after']}").get_json()
    assert [check["number"] for check in second["checks"]] == [3, 4]
    assert second["next_checks_after"] is None


def test_sessions_that_are_not_there_are_not_found(client: FlaskClient) -> None:
    for session_id in [UNKNOWN, "x", "0" * 10_000, "%00", "..%5c", UNKNOWN.upper(), "%2e%2e"]:
        assert error_of(client.get(f"/api/session/{session_id}/details"), 404)["code"] == "not_found"


# Clips


@pytest.fixture
def clip(parts: Parts) -> tuple[str, str, bytes]:
    """A clip that is ready: its id, its path, its bytes."""
    content = bytes(range(256)) * 40
    path = "student123/flagged_2024-10-05T14-30-00_score10.mp4"
    (parts.settings.clips_dir / "student123").mkdir(parents=True)
    (parts.settings.clips_dir / path).write_bytes(content)
    fields = {"state": "ready", "path": path, "sha256": hashlib.sha256(content).hexdigest(), "duration": 40.0, "size_bytes": len(content)}
    return store_interval(parts.database, UNKNOWN, 0, clip=fields), path, content


def test_a_clip_is_served_whole_and_in_ranges(client: FlaskClient, clip: tuple[str, str, bytes]) -> None:
    video_id, path, content = clip
    for url in (f"/api/video/{video_id}", f"/api/video/file/{path}"):
        whole = client.get(url, buffered=True)
        assert (whole.status_code, whole.mimetype, whole.data) == (200, "video/mp4", content)
        assert whole.headers["Accept-Ranges"] == "bytes"
        assert "private" in whole.headers["Cache-Control"]
        assert whole.headers["X-Content-Type-Options"] == "nosniff"
        part = client.get(url, headers={"Range": "bytes=100-199"}, buffered=True)
        assert (part.status_code, part.data) == (206, content[100:200])
        assert part.headers["Content-Range"] == f"bytes 100-199/{len(content)}"
        assert client.get(url, headers={"Range": "bytes=-10"}, buffered=True).data == content[-10:]
        beyond = client.get(url, headers={"Range": f"bytes={len(content)}-"}, buffered=True)
        error_of(beyond, 416)
        assert beyond.headers["Content-Range"] == f"bytes */{len(content)}"
        assert client.get(url, headers={"If-None-Match": whole.headers["ETag"]}, buffered=True).status_code == 304
        head = client.head(url, buffered=True)
        assert (head.status_code, head.data, head.headers["Content-Length"]) == (200, b"", str(len(content)))


def test_a_clips_etag_is_its_sum(client: FlaskClient, clip: tuple[str, str, bytes]) -> None:
    with client.get(f"/api/video/{clip[0]}") as answer:
        assert answer.headers["ETag"] == f'"{hashlib.sha256(clip[2]).hexdigest()}"'


def test_a_clip_that_is_not_there_yet_says_when_to_ask_again(client: FlaskClient, parts: Parts) -> None:
    answer = client.get(f"/api/video/{store_interval(parts.database, UNKNOWN, 0, clip={'state': 'pending'})}")
    assert error_of(answer, 404)["code"] == "not_ready"
    assert int(answer.headers["Retry-After"]) > 0


def test_a_clip_that_could_not_be_made_says_why(client: FlaskClient, parts: Parts) -> None:
    failed = store_interval(parts.database, UNKNOWN, 1, clip={"state": "failed", "reason": "the disk is full"})
    assert "the disk is full" in error_of(client.get(f"/api/video/{failed}"), 404)["message"]
    calm = store_interval(parts.database, UNKNOWN, 2, flagged=False)
    assert "not flagged" in error_of(client.get(f"/api/video/{calm}"), 404)["message"]
    gone = store_interval(parts.database, UNKNOWN, 3, clip={"state": "ready", "path": "student123/gone.mp4"})
    assert "student123/gone.mp4" in error_of(client.get(f"/api/video/{gone}"), 404)["message"]
    climbing = store_interval(parts.database, UNKNOWN, 4, clip={"state": "ready", "path": "../../outside.mp4"})
    error_of(client.get(f"/api/video/{climbing}"), 403)


def test_clips_that_are_not_there_are_not_found(client: FlaskClient) -> None:
    for video_id in [f"{UNKNOWN}-9", UNKNOWN, "x", "0" * 5000, "%00", f"{UNKNOWN}--1"]:
        error_of(client.get(f"/api/video/{video_id}"), 404)


OUTSIDE = [
    "../secret.mp4",
    "..%2fsecret.mp4",
    "student123/../../secret.mp4",
    "%2e%2e/%2e%2e/secret.mp4",
    "link/secret.mp4",
    "linked.mp4",
    "/etc/passwd",
    "%2fetc%2fpasswd",
    "student123/%00.mp4",
    "student123/notes.txt",
    "student123",
    ".",
    "x" * 5000 + ".mp4",
    "..%5csecret.mp4",
]


def test_nothing_outside_the_folder_of_clips_is_served(client: FlaskClient, parts: Parts, clip: tuple[str, str, bytes]) -> None:
    clips = parts.settings.clips_dir
    (clips.parent / "secret.mp4").write_bytes(b"secret")
    (clips / "student123" / "notes.txt").write_bytes(b"secret")
    os.symlink(clips.parent, clips / "link")
    os.symlink(clips.parent / "secret.mp4", clips / "linked.mp4")
    for path in OUTSIDE:
        answer = client.get(f"/api/video/file/{path}", follow_redirects=True, buffered=True)
        assert answer.status_code in (403, 404), path
        assert b"secret" not in answer.data.replace(b"secret.mp4", b"")
        error_of(answer, answer.status_code)


# Students


def test_a_student_starts_an_exam_by_id_and_reads_its_own_session(client: FlaskClient, student: str) -> None:
    answer = client.post("/api/student/start", json={"user_id": student, "exam_id": "exam001"})
    assert answer.status_code == 200
    started = answer.get_json()
    assert started["portal_url"].endswith(f"/portal#t={started['token']}")
    bearer = {"Authorization": f"Bearer {started['token']}"}
    own = client.get("/api/student/session", headers=bearer).get_json()
    assert {
        "session_id": started["session_id"],
        "user_id": student,
        "exam_id": "exam001",
        "state": "running",
        "interval_s": 30,
    }.items() <= own.items()
    assert {"fps": 10, "width": 640, "height": 480, "quality": 0.6, "still_s": 1.5}.items() <= own["video"].items()
    assert "tab_switch" in own["rules"]["watched"]
    assert "points" not in own["rules"], "students are told nothing about scores"
    client.post("/api/session/end", json={"user_id": student, "exam_id": "exam001"})
    assert client.get("/api/student/session", headers=bearer).get_json()["state"] == "ended"


def test_a_students_page_is_told_what_pictures_to_send_and_when_its_camera_stands_still() -> None:
    video = student_video(load_settings(_env_file=None, video_fps=5, video_codec="jpeg", page_still_s=4))
    assert (video.fps, video.codecs, video.still_s) == (5, ["jpeg"], 4)


def test_a_student_cannot_take_over_a_running_exam(client: FlaskClient, student: str) -> None:
    created = create(client, student, source="browser")
    answer = client.post("/api/student/start", json={"user_id": student, "exam_id": "exam001"})
    assert "already running" in error_of(answer, 409)["message"]
    assert created["session_id"].encode() not in answer.data
    assert b"token" not in answer.data


def test_the_page_that_started_an_exam_gets_its_token_again(client: FlaskClient, parts: Parts, student: str) -> None:
    body = {"user_id": student, "exam_id": "exam001", "nonce": "a-secret-of-this-page"}
    first = client.post("/api/student/start", json=body).get_json()
    again = client.post("/api/student/start", json=body).get_json()
    assert again["session_id"] == first["session_id"]
    assert client.get("/api/student/session", headers={"Authorization": f"Bearer {again['token']}"}).status_code == 200
    for other in ({"nonce": "a-secret-of-another"}, {"nonce": None}):
        error_of(client.post("/api/student/start", json=body | other), 409)
    assert parts.database.flush(10)
    parts.monitor._sessions.clear()  # as if the server had stopped
    parts.monitor._nonces.clear()
    parts.monitor.resume()
    assert client.post("/api/student/start", json=body).get_json()["session_id"] == first["session_id"]


@pytest.mark.parametrize("nonce", ["short", "x" * 65, "with space in the middle", 7])
def test_a_pages_secret_that_is_none_is_refused_by_name(client: FlaskClient, student: str, nonce: Any) -> None:
    assert error_of(client.post("/api/student/start", json={"user_id": student, "nonce": nonce}), 422)["field"] == "nonce"


def test_who_ended_an_exam_starts_it_again_by_a_proctors_link_only(make_app: MakeApp, student: str) -> None:
    client = local_client(make_app(keep_days=30))
    body = {"user_id": student, "exam_id": "exam001"}
    database = parts_of(client.application).database
    started = client.post("/api/student/start", json=body).get_json()
    parts_of(client.application).monitor._sessions[started["session_id"]].begin()
    client.post("/api/session/end", json=body)
    assert database.flush(10)
    error = error_of(client.post("/api/student/start", json=body), 409)
    assert error["state"] == "ended"
    assert "link" in error["message"]
    assert client.post("/api/student/start", json=body | {"exam_id": "exam002"}).status_code == 200
    assert client.post("/api/session/create", json=body | {"source": "browser"}).status_code == 200
    client.post("/api/session/end", json=body)
    for session in (started["session_id"], database.latest_session(student, "exam001")["_id"]):  # type: ignore[index]
        database.write("sessions", session, {"ended_at": datetime.now(timezone.utc) - timedelta(days=31)})
    assert database.flush(10)
    assert client.post("/api/student/start", json=body).status_code == 200


@pytest.mark.parametrize("exam_id", [None, "exam001"])
def test_an_exam_without_an_id_or_one_that_was_interrupted_is_started_again_by_the_student(
    client: FlaskClient, parts: Parts, student: str, exam_id: str | None
) -> None:
    body = {"user_id": student} | ({"exam_id": exam_id} if exam_id else {})
    started = client.post("/api/student/start", json=body).get_json()
    parts.monitor._sessions[started["session_id"]].begin()
    if exam_id is None:
        client.post("/api/session/end", json=body)
    else:
        parts.monitor.end_session(started["session_id"], End("away"), "interrupted")
    assert parts.database.flush(10)
    assert client.post("/api/student/start", json=body).status_code == 200


def test_a_proctor_lets_a_student_into_the_running_exam_again(client: FlaskClient, parts: Parts, student: str) -> None:
    created = create(client, student, source="browser")
    made = client.post(f"/api/session/{created['session_id']}/link", json={"by": "Ada"}).get_json()
    token = made["portal_url"].partition("/portal#t=")[2]
    own = client.get("/api/student/session", headers={"Authorization": f"Bearer {token}"}).get_json()
    assert own["session_id"] == made["session_id"] == created["session_id"]
    assert parts.database.flush(10)
    noted = parts.database.audit_entries(limit=1)[0]
    assert (noted["what"], noted["who"], noted["session_id"]) == ("link: made", "Ada", created["session_id"])
    client.post("/api/session/end", json={"user_id": student, "exam_id": "exam001"})
    error_of(client.post(f"/api/session/{created['session_id']}/link", json={}), 409)
    error_of(client.post(f"/api/session/{UNKNOWN}/link", json={}), 404)
    station = create(client, student, "exam002", source="local")
    assert "station" in error_of(client.post(f"/api/session/{station['session_id']}/link", json={}), 409)["message"]


def test_a_page_reads_why_its_exam_ended_and_whether_one_is_connected(client: FlaskClient, parts: Parts, student: str) -> None:
    created = create(client, student, source="browser")
    bearer = {"Authorization": f"Bearer {created['portal_url'].partition('#t=')[2]}"}
    own = client.get("/api/student/session", headers=bearer).get_json()
    assert (own["begun"], own["connected"], own["end_reason"], own["elapsed_s"]) == (False, False, "", 0)
    parts.links.enter(SimpleNamespace(session=live(parts, created)))
    assert client.get("/api/student/session", headers=bearer).get_json()["connected"]
    client.post(f"/api/session/{created['session_id']}/end", json={"reason": "the fire alarm rang"})
    assert parts.database.flush(10)
    own = client.get("/api/student/session", headers=bearer).get_json()
    assert (own["state"], own["end_reason"]) == ("ended", "ended by the proctor: the fire alarm rang")
    assert (own["end_code"], own["end_note"]) == ("proctor", "the fire alarm rang")
    assert client.get(f"/api/session/{created['session_id']}/details").get_json()["session"]["end_code"] == "proctor"


def test_after_a_restart_a_page_is_told_to_come_again_until_the_sessions_are_taken_up(client: FlaskClient, parts: Parts) -> None:
    bearer = {"Authorization": f"Bearer {parts.access.make_student_token(UNKNOWN)}"}  # its record may still lie in the spool
    assert not parts.monitor.resumed.is_set()
    answer = client.get("/api/student/session", headers=bearer)
    assert error_of(answer, 503)["code"] == "storage"
    assert int(answer.headers["Retry-After"]) > 0
    parts.monitor.resumed.set()
    error_of(client.get("/api/student/session", headers=bearer), 404)


def test_after_a_restart_no_second_session_is_started_for_one_that_is_taken_up(client: FlaskClient, parts: Parts, student: str) -> None:
    started = client.post("/api/student/start", json={"user_id": student}).get_json()
    assert parts.database.flush(10)
    parts.monitor._sessions.clear()  # as if the server had stopped
    for answer in (
        client.post("/api/student/start", json={"user_id": student}),
        client.get("/api/student/session", headers={"Authorization": f"Bearer {started['token']}"}),
    ):
        assert error_of(answer, 503)["code"] == "storage"


# A session that its student has not begun


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
    parts.monitor._sessions.clear()  # as if the server had stopped
    parts.monitor.resume()
    session = live(parts, created)
    assert not session.begun
    later(parts, monkeypatch, 18 * 3600)
    assert parts.monitor.active() == [session]
    later(parts, monkeypatch, 20 * 3600)
    assert parts.monitor.active() == []


def test_a_closed_portal_starts_nothing(make_app: MakeApp, student: str) -> None:
    client = local_client(make_app(portal_open=False))
    assert "link" in error_of(client.post("/api/student/start", json={"user_id": student}), 403)["message"]
    assert client.get("/api/sessions/active").get_json()["count"] == 0


def test_a_student_without_a_token_reads_no_session(client: FlaskClient) -> None:
    assert error_of(client.get("/api/student/session"), 401)["field"] == "token"
    assert error_of(client.get("/api/student/session?token=x"), 401)["field"] == "token"


# When the database is away


@pytest.fixture
def away(tmp_path: Path) -> Iterator[Database]:
    """A database nobody listens at; its URI has a password."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound and not listening: refuses, and nobody else gets the port
        uri = f"mongodb://operator:s3cret@127.0.0.1:{taken.getsockname()[1]}/?directConnection=true"
        made = Database(uri, "away", tmp_path / "away-spool", timeout_s=0.5, spool_max_mb=64)
        made.start()
        yield made
        made.stop(5)


@pytest.fixture
def app_away(make_app: MakeApp, away: Database) -> Flask:
    app: Flask = make_app(database=away)
    return app


def test_a_session_is_acknowledged_in_the_spool_and_reads_say_503(app_away: Flask, student: str) -> None:
    client = local_client(app_away)
    created = create(client, student)
    assert client.get("/api/sessions/active").get_json()["count"] == 1
    for path in ("/api/sessions/stats", "/api/flagged/all", f"/api/session/{created['session_id']}/details", f"/api/video/{UNKNOWN}-0"):
        answer = client.get(path)
        assert error_of(answer, 503)["code"] == "storage"
        assert int(answer.headers["Retry-After"]) > 0
    assert client.post("/api/session/end", json={"user_id": student, "exam_id": "exam001"}).status_code == 200


def test_health_says_that_the_database_is_away_and_keeps_its_password(app_away: Flask, student: str) -> None:
    client = local_client(app_away)
    error_of(client.get("/api/sessions/stats"), 503)
    answer = client.get("/api/health")
    assert answer.status_code == 200
    assert answer.get_json()["status"] == "degraded"
    database = answer.get_json()["parts"]["database"]
    assert database["reason"]
    assert b"s3cret" not in answer.data
    metrics = {family.name: family for family in text_string_to_metric_families(client.get("/metrics").get_data(as_text=True))}
    assert metrics["proctor_database_up"].samples[0].value == 0


# Health, figures, errors


def test_health_shows_each_part(client: FlaskClient, student: str) -> None:
    create(client, student)
    health = client.get("/api/health").get_json()
    assert {"database", "sessions", "analysis", "recorder", "models", "stations", "disk"} <= set(health["parts"])
    assert health["parts"]["database"]["state"] == "ok"
    assert health["parts"]["sessions"]["active"] == 1
    assert health["parts"]["analysis"]["gaze_fps_least"] is None  # it sends no pictures: nothing is read too seldom
    assert health["parts"]["disk"]["free_mb"] > 0
    assert health["uptime_s"] >= 0


def test_health_tells_strangers_only_whether_it_serves(make_app: MakeApp) -> None:
    client = local_client(make_app(proctor_password=PASSWORD, api_token=API_TOKEN))
    assert set(client.get("/api/health").get_json()) == {"status"}
    full = client.get("/api/health", headers={"Authorization": f"Bearer {API_TOKEN}"})
    assert "parts" in full.get_json()
    assert PASSWORD.encode() not in full.data
    assert API_TOKEN.encode() not in full.data


def test_metrics_are_prometheus_text_and_each_apps_own(make_app: MakeApp, student: str) -> None:
    app, other = make_app(), make_app(max_sessions=7)
    client = local_client(app)
    create(client, student)
    error_of(client.get("/api/nowhere"), 404)

    def figures(of: Flask) -> dict[str, float]:
        answer = local_client(of).get("/metrics")
        assert answer.mimetype == "text/plain"
        families = text_string_to_metric_families(answer.get_data(as_text=True))
        return {f"{sample.name}{sample.labels.get('endpoint', '')}": sample.value for family in families for sample in family.samples}

    mine = figures(app)
    assert mine["proctor_sessions_active"] == 1
    assert mine["proctor_sessions_created"] == 1
    assert mine["proctor_database_up"] == 1
    assert mine["proctor_sessions_stored"] == 1
    assert mine["proctor_http_requests_totalapi.create_session"] == 1
    assert mine["proctor_http_requests_totalnone"] == 1
    theirs = figures(other)
    assert theirs["proctor_sessions_active"] == 0
    assert "proctor_http_requests_totalapi.create_session" not in theirs


def test_calls_that_do_not_exist_answer_in_the_form_of_errors(client: FlaskClient) -> None:
    assert "/api/openapi.json" in error_of(client.get("/api/nowhere"), 404)["message"]
    wrong = client.get("/api/session/create")
    assert error_of(wrong, 405)["code"] == "method_not_allowed"
    assert "POST" in wrong.headers["Allow"]
    error_of(client.delete("/api/sessions/active"), 405)


def test_people_get_a_page_for_an_error(client: FlaskClient) -> None:
    answer = client.get("/nowhere", headers={"Accept": "text/html"})
    assert (answer.status_code, answer.mimetype) == (404, "text/html")
    assert "/nowhere" in answer.get_data(as_text=True)
    script = client.get("/nowhere", headers={"Accept": "application/json"})
    assert error_of(script, 404)["code"] == "not_found"
    attack = client.get("/<script>alert(1)</script>", headers={"Accept": "text/html"})
    assert "<script>alert" not in attack.get_data(as_text=True)


def test_a_fault_of_the_server_shows_nothing_of_its_inside(app: Flask, client: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> list[ExamSession]:
        raise RuntimeError("a detail of the inside")

    monkeypatch.setattr(parts_of(app).monitor, "active", broken)
    answer = client.get("/api/sessions/active")
    assert error_of(answer, 500)["code"] == "internal"
    assert b"inside" not in answer.data
    monkeypatch.undo()
    assert client.get("/api/sessions/active").status_code == 200
