"""A moment that a proctor marks: the clip of its interval is kept at no points, and it goes the whole way that a flag goes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from flask.testing import FlaskClient

from basics.readings import Frame
from media.recorder import Recorder
from records.clip_sweep import ClipSweep
from records.retention import Retention
from sessions.ends import End
from sessions.events import MomentMarked
from sessions.marks import MARKS_MAX
from sessions.session import ExamSession
from tests.helpers.fixtures_web import Clock
from tests.helpers.sessions import create, leave_tab, live, stop_server, store_interval
from tests.helpers.waiting import until
from tests.helpers.web import MakeApp, error_of, local_client
from web.parts import Parts, parts_of

PICTURE = cv2.imencode(".jpg", np.full((120, 160, 3), 90, np.uint8))[1].tobytes()


@pytest.fixture
def recorder(parts: Parts) -> Iterator[Recorder]:
    """One that makes clips."""
    parts.monitor.recorder.start()
    yield parts.monitor.recorder
    parts.monitor.recorder.stop()


def begun(client: FlaskClient, parts: Parts, student: str) -> ExamSession:
    session = live(parts, create(client, student, source="browser"))
    session.begin()
    return session


def mark(client: FlaskClient, session: ExamSession, **body: Any) -> dict[str, Any]:
    answer = client.post(f"/api/session/{session.session_id}/mark", json=body)
    assert answer.status_code == 200, answer.data
    found: dict[str, Any] = answer.get_json()["mark"]
    return found


def stored_interval(parts: Parts, video_id: str) -> dict[str, Any]:
    assert parts.database.flush(10)
    return parts.database.interval(video_id)


def test_a_marked_moment_keeps_its_clip_and_is_reviewed_at_no_points(
    client: FlaskClient, parts: Parts, recorder: Recorder, student: str, clock: Clock
) -> None:
    session = begun(client, parts, student)
    for step in range(20):
        session.take_frame(Frame(session.clock() + step / 10, PICTURE, sequence=step))
    made = mark(client, session, note=" looks under the table ", by="Ada")
    assert (made["note"], made["by"], made["interval"], made["video_id"]) == ("looks under the table", "Ada", 0, session.interval_id(0))
    status = session.status().to_dict()
    assert (status["total_score"], status["flagged_intervals"]) == (0, 0)
    clock.ahead += 60
    session.tick()
    until(lambda: stored_interval(parts, made["video_id"])["clip"]["state"] == "ready", 30)
    interval = stored_interval(parts, made["video_id"])
    assert (interval["score"], interval["flagged"], interval["marked"]) == (0, False, True)
    with client.get(f"/api/video/{made['video_id']}") as clip:
        assert (clip.status_code, clip.mimetype) == (200, "video/mp4")
    (queued,) = client.get("/api/review/queue", query_string={"user_id": student}).get_json()["items"]
    assert (queued["video_id"], queued["marked"], queued["reasons"]) == (made["video_id"], True, ["Marked by Ada: looks under the table"])
    assert [kind for kind, _, _ in queued["clip"]["marks"]] == ["proctor_mark"]
    by_kind = client.get("/api/review/queue", query_string={"user_id": student, "kind": "proctor_mark", "search": student[:4], "rank": "newest"})
    assert by_kind.get_json()["left"] == 1
    details = client.get(f"/api/session/{session.session_id}/details").get_json()
    assert [(one["by"], one["note"]) for one in details["session"]["marks"]] == [("Ada", "looks under the table")]
    decided = client.post(f"/api/review/{made['video_id']}", json={"decision": "confirmed", "by": "Bob"}).get_json()
    assert (decided["review"]["state"], decided["left"] >= 0) == ("confirmed", True)
    assert client.get("/api/review/queue", query_string={"user_id": student}).get_json()["items"] == []
    assert "moment: marked" in {entry["what"] for entry in parts.database.audit_entries()}


def test_a_mark_survives_the_servers_restart_and_so_does_its_clip(client: FlaskClient, parts: Parts, student: str, clock: Clock) -> None:
    session = begun(client, parts, student)
    session.take_frame(Frame(session.clock(), PICTURE))
    made = mark(client, session, note="whispers", by="Ada")
    session.checkpoint()
    assert parts.database.flush(10)
    stop_server(parts)
    parts.monitor.resume()
    again = parts.monitor.get(session.session_id)
    assert again is not None
    assert again is not session
    assert again.marks.documents() == session.marks.documents()
    assert [violation["kind"] for violation in again.status().to_dict()["violations"]] == ["proctor_mark"]
    assert again.intervals()[0]["marked"]
    assert again.intervals()[0]["clip"]["state"] != "none"
    assert stored_interval(parts, made["video_id"])["marked"]


def test_a_mark_counts_what_the_exam_says_and_a_flag_by_it_is_told(make_app: MakeApp, student: str) -> None:
    app = make_app(points_proctor_mark=6)
    client, parts = local_client(app), parts_of(app)
    session = begun(client, parts, student)
    told: list[MomentMarked] = []
    parts.monitor._events.subscribe(MomentMarked, told.append)
    mark(client, session, by="Ada")
    assert (session.status().to_dict()["total_score"], session.summary().flagged_intervals) == (6, 0)
    mark(client, session, by="Bob", note="again")
    assert (session.status().to_dict()["total_score"], session.summary().flagged_intervals) == (12, 1)
    assert [(event.mark.by, event.index) for event in told] == [("Ada", 0), ("Bob", 0)]
    assert [one["text"] for one in client.get("/api/sessions/active").get_json()["sessions"][0]["violations"]] == [
        "Marked by Ada; by Bob: again (+12)"
    ]


def test_the_moment_is_the_one_that_was_seen_and_never_one_of_a_break(client: FlaskClient, parts: Parts, student: str, clock: Clock) -> None:
    clock.stand()
    session = begun(client, parts, student)
    clock.ahead += 100
    now = session.clock()
    assert mark(client, session, seconds_ago=12)["at"] == pytest.approx(now - 12, abs=0.1)
    assert mark(client, session, seconds_ago=600)["at"] == pytest.approx(now - 30, abs=0.1)  # of what is older the pictures may be gone
    session.begin_break("Ada")
    assert error_of(client.post(f"/api/session/{session.session_id}/mark", json={}), 409)["code"] == "conflict"
    clock.ahead += 20
    session.end_break()
    assert mark(client, session, seconds_ago=10)["at"] == pytest.approx(session.clock(), abs=0.1)
    session.end_at(session.clock(), "ended", End("proctor"))
    assert error_of(client.post(f"/api/session/{session.session_id}/mark", json={}), 409)


def test_before_the_student_has_come_there_is_nothing_to_mark(client: FlaskClient, parts: Parts, student: str) -> None:
    session = live(parts, create(client, student, source="browser"))
    assert error_of(client.post(f"/api/session/{session.session_id}/mark", json={}), 409)["code"] == "conflict"


@pytest.mark.parametrize(
    "body", [{"note": "x" * 501}, {"note": 3}, {"seconds_ago": -1}, {"seconds_ago": "now"}, {"seconds_ago": 601}, {"by": ""}, []]
)
def test_odd_marks_are_refused(client: FlaskClient, parts: Parts, student: str, body: object) -> None:
    session = begun(client, parts, student)
    assert client.post(f"/api/session/{session.session_id}/mark", json=body).status_code in (400, 422)
    assert session.marks.documents() == []


def test_marks_are_bounded(client: FlaskClient, parts: Parts, student: str) -> None:
    session = begun(client, parts, student)
    for number in range(MARKS_MAX):
        session.marks.add(f"{number}", "Ada")
    assert error_of(client.post(f"/api/session/{session.session_id}/mark", json={}), 429)
    (violation,) = session.status().to_dict()["violations"]
    assert (violation["occurrences"], len(violation["evidence"]["marks"])) == (MARKS_MAX, 20)


def test_a_break_takes_the_points_of_a_marked_interval_and_not_its_clip(client: FlaskClient, parts: Parts, student: str, clock: Clock) -> None:
    session = begun(client, parts, student)
    clock.ahead += 65
    session.take_frame(Frame(session.clock(), PICTURE))
    leave_tab(session, 80.0, 82.0, 84.0)
    key = mark(client, session)["video_id"]
    assert [one["kind"] for one in session.intervals()[2]["violations"]] == ["tab_switch", "proctor_mark"]
    session.begin_break("Ada")
    session.end_at(120.0, "ended", End("proctor"))
    interval = stored_interval(parts, key)
    assert (interval["score"], interval["flagged"], interval["marked"], interval["clip"]["state"]) == (0, False, True, "pending")
    assert parts.monitor.recorder.kept.has(key)


def test_a_marked_clip_is_deleted_with_its_session(
    client: FlaskClient, parts: Parts, recorder: Recorder, student: str, clock: Clock, tmp_path: Path
) -> None:
    settings = parts.settings
    session = begun(client, parts, student)
    session.take_frame(Frame(session.clock(), PICTURE))
    made = mark(client, session)
    clock.ahead += 60
    session.tick()
    until(lambda: stored_interval(parts, made["video_id"])["clip"]["state"] == "ready", 30)
    path = settings.clips_dir / stored_interval(parts, made["video_id"])["clip"]["path"]
    assert path.is_file()
    clips = ClipSweep(parts.database, settings.clips_dir, settings.temp_dir)
    retention = Retention(parts.database, settings.clips_dir, tmp_path, 1, clips=clips, recorder=recorder)
    assert retention.delete_session(session.session_id)
    assert not path.exists()
    with parts.database.reading():
        assert parts.database.collection("sessions").find_one({"_id": session.session_id}) is None


def test_marked_and_flagged_stand_in_one_order_from_page_to_page(client: FlaskClient, parts: Parts, student: str) -> None:
    session_id = "7" * 32
    for index, (score, marked) in enumerate([(10, False), (0, True), (14, False), (6, True), (12, True), (0, True)]):
        store_interval(parts.database, session_id, index, user_id=student, score=score, flagged=score >= 10, marked=marked)

    def pages(rank: str) -> list[int]:
        found: list[int] = []
        after = None
        while True:
            query = {"user_id": student, "rank": rank, "limit": 2, **({"after": after} if after else {})}
            answer = client.get("/api/review/queue", query_string=query).get_json()
            assert answer["left"] == 6
            found += [item["index"] for item in answer["items"]]
            after = answer["next_after"]
            if after is None:
                return found

    assert pages("score") == [2, 4, 0, 3, 5, 1]
    assert pages("newest") == [5, 4, 3, 2, 1, 0]
