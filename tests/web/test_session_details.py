"""What was found in one session, while it runs and afterwards, in pages."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

import pytest
from flask.testing import FlaskClient

from media.clip_reasons import OF_CONFIRMED
from tests.helpers.sessions import UNKNOWN, create, leave_tab, live
from tests.helpers.web import error_of
from web.parts import Parts


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


def test_what_went_by_its_time_is_said_in_the_session_and_in_its_clip(client: FlaskClient, parts: Parts, student: str) -> None:
    created = create(client, student)
    leave_tab(live(parts, created), 0.001, 0.002, 0.003)
    client.post("/api/session/end", json={"user_id": student, "exam_id": "exam001"})
    at = datetime(2026, 11, 1, 12, tzinfo=timezone.utc)
    assert parts.database.flush(10)
    parts.database.write("sessions", created["session_id"], {"gone.readings": {"at": at, "days": 30}})
    over = {"state": "deleted", "reason": str(OF_CONFIRMED) % {"days": 9}, "deleted_at": at}
    parts.database.write("intervals", f"{created['session_id']}-0", {"clip": over})
    assert parts.database.flush(10)
    details = client.get(f"/api/session/{created['session_id']}/details").get_json()
    assert details["session"]["gone"] == {"readings": {"at": "2026-11-01T12:00:00.000Z", "days": 30}}
    (interval,) = details["intervals"]
    assert (interval["clip"]["state"], interval["clip"]["url"], interval["clip"]["deleted_at"]) == ("deleted", None, "2026-11-01T12:00:00.000Z")
    assert interval["clip"]["reason"] == "it was kept as long as clips of confirmed flags are (days: 9)"
    assert interval["score"] == 12


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
