"""Exams whose server or student was away: they go on in the same session, whatever the clocks say, or are opened again by a proctor."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from flask.testing import FlaskClient

from basics.readings import ScreenAct
from basics.times import WALL_DOUBT_S, utc_now
from records.conclusions import Person
from sessions.attendance import LINK_LIFE_S
from sessions.session import ExamSession
from tests.helpers.fixtures_web import Clock
from tests.helpers.sessions import UNKNOWN, create, live, stop_server
from tests.helpers.web import error_of
from web.parts import Parts

HOUR = 3600.0
SAT_S = 100.5  # an exam lasts so long already when its server goes


class Wall:
    """The time of day: as the machine's, `ahead` seconds later. It stands as the sessions' clock does."""

    def __init__(self, clock: Clock) -> None:
        self.ahead = 0.0
        self._clock, self._began = clock, utc_now()

    def now(self) -> object:
        return self._began + timedelta(seconds=self._clock.ahead + self.ahead)


@pytest.fixture
def wall(monkeypatch: pytest.MonkeyPatch, clock: Clock) -> Wall:
    """Nobody may set this machine's clock for a test."""
    clock.stand()
    wall = Wall(clock)
    for module in ("resume", "monitor", "clock"):
        monkeypatch.setattr(f"sessions.{module}.utc_now", wall.now)
    return wall


@pytest.fixture
def sits(client: FlaskClient, parts: Parts, student: str, clock: Clock) -> Callable[[], ExamSession]:
    """Begins an exam in which its student copies something."""

    def begin() -> ExamSession:
        session = live(parts, create(client, student, source="browser"))
        session.begin()
        parts.monitor.student_connected(session.session_id, True)
        clock.ahead += SAT_S
        assert all(ticket.wait(10) for ticket in session.take_acts([ScreenAct("copied-it", 50.0, "copy")]))
        session.tick()
        session.checkpoint()
        return session

    return begin


def restart(parts: Parts, session: ExamSession) -> ExamSession | None:
    """The server's next run, as far as it has this session."""
    assert parts.database.flush(10)
    stop_server(parts)
    parts.monitor.attendance.forget(session.session_id)
    parts.monitor.resume()
    return parts.monitor.get(session.session_id)


@pytest.mark.parametrize("away", [10.0, 140.0, 0.9 * HOUR])
def test_an_exam_goes_on_after_an_outage_and_what_was_not_seen_is_unknown(
    parts: Parts, clock: Clock, wall: Wall, sits: Callable[[], ExamSession], away: float
) -> None:
    before = sits()
    clock.ahead += away
    again = restart(parts, before)
    assert again is not None
    assert again.clock() == pytest.approx(SAT_S + away, abs=1)
    assert again.status().total_score == before.status().total_score == 5
    assert parts.database.flush(10)
    unseen = [check["unknown"] for check in parts.database.checks(before.session_id) if check["start"] >= SAT_S + 1]
    assert len(unseen) >= int(away / 10) - 1
    assert all(reasons == {"server_away": 1} for reasons in unseen)
    parts.monitor.student_connected(again.session_id, True)
    clock.ahead += 2 * HOUR
    parts.monitor.end_abandoned()
    assert parts.monitor.get(again.session_id) is again


def test_who_does_not_come_back_is_waited_for_as_long_as_anybody_whichever_side_was_away(
    parts: Parts, clock: Clock, wall: Wall, sits: Callable[[], ExamSession]
) -> None:
    before = sits()
    clock.ahead += 600
    assert restart(parts, before) is not None
    for seconds, waits in ((parts.settings.abandoned_s - 660, True), (120, False)):
        clock.ahead += seconds
        parts.monitor.end_abandoned()
        assert (parts.monitor.get(before.session_id) is not None) is waits
    assert parts.database.flush(10)
    stored = parts.database.session(before.session_id)
    assert (stored["state"], stored["end_code"]) == ("interrupted", "restart")


@pytest.mark.parametrize("boots", [False, True])
@pytest.mark.parametrize("wrong_by", [-20 * 365 * 24 * HOUR, -HOUR, HOUR])
def test_a_wrong_clock_at_a_restart_closes_no_exam(
    parts: Parts, clock: Clock, wall: Wall, sits: Callable[[], ExamSession], monkeypatch: pytest.MonkeyPatch, wrong_by: float, boots: bool
) -> None:
    before = sits()
    clock.ahead += 10
    wall.ahead += wrong_by
    if boots:  # the machine starts before the time server has answered
        monkeypatch.setattr("sessions.clock_mark.boot_id", lambda: "another")
    again = restart(parts, before)
    assert again is not None
    if not boots:
        assert again.clock() == pytest.approx(SAT_S + 10, abs=1), "where the monotonic clock runs on, the wall's is not asked"
    assert again.clock() >= SAT_S
    parts.monitor.end_abandoned()
    assert parts.monitor.get(before.session_id) is again
    parts.monitor.student_connected(again.session_id, True)
    now = again.clock()
    clock.ahead += 200
    wall.ahead -= wrong_by  # now it has
    again.tick()
    parts.monitor.end_abandoned()
    assert again.clock() == pytest.approx(now + 200, abs=1)
    assert parts.monitor.get(before.session_id) is again


def test_an_exam_whose_server_was_away_for_hours_is_closed_and_its_student_not_waited_for(
    parts: Parts, clock: Clock, wall: Wall, sits: Callable[[], ExamSession]
) -> None:
    before = sits()
    clock.ahead += parts.settings.abandoned_s + WALL_DOUBT_S + 60
    assert restart(parts, before) is None
    assert parts.database.flush(10)
    stored = parts.database.session(before.session_id)
    assert (stored["state"], stored["end_code"]) == ("interrupted", "outage")
    assert stored["ended_after_s"] == pytest.approx(SAT_S, abs=1)


def test_a_proctor_reopens_an_exam_that_broke_off_and_it_goes_on_as_it_was(
    client: FlaskClient, parts: Parts, clock: Clock, wall: Wall, sits: Callable[[], ExamSession]
) -> None:
    before = sits()
    parts.monitor.student_connected(before.session_id, False)
    clock.ahead += parts.settings.abandoned_s + 60
    parts.monitor.end_abandoned()
    assert parts.monitor.get(before.session_id) is None
    assert parts.database.flush(10)
    clock.ahead += 300
    path = f"/api/session/{before.session_id}/reopen"
    assert parts.database.write("sessions", before.session_id, {"segment": "of-before"}).wait(10)
    ada = Person("Ada")
    made = parts.conclusions.conclude(before.session_id, "no_finding", person=ada, reason="", revision=0, four_eyes=False)
    assert error_of(client.post(path, json={}), 409)["reason"] == "concluded", "a conclusion is of what was there"
    parts.conclusions.withdraw(before.session_id, person=ada, reason="it goes on", revision=made.revision)
    answer = client.post(path, json={"by": "Ada"}).get_json()
    assert answer["session_id"] == before.session_id
    token = answer["portal_url"].partition("#t=")[2]
    seen = client.get("/api/student/session", headers={"Authorization": f"Bearer {token}"}).get_json()
    assert (seen["state"], seen["session_id"], seen["end_code"]) == ("running", before.session_id, "")
    again = parts.monitor.get(before.session_id)
    assert again is not None
    assert again.clock() == pytest.approx(SAT_S + parts.settings.abandoned_s + 360, abs=1)
    assert "runs already" in error_of(client.post(path, json={}), 409)["message"]
    waited = again.take_acts([ScreenAct("copied-it", 50.0, "copy"), ScreenAct("while-away", 200.0, "paste")])  # what the page could not deliver
    assert all(ticket.wait(10) for ticket in waited)
    assert again.status().total_score == 10
    parts.monitor.end_abandoned()
    assert parts.monitor.get(before.session_id) is again, "its student has time to come"
    assert parts.database.flush(10)
    stored = client.get(f"/api/session/{before.session_id}/details").get_json()["session"]
    assert (stored["state"], stored["ended_at"], stored["end_code"]) == ("running", None, None)
    assert parts.database.session(before.session_id)["segment"] is None, "its figures are counted again"
    assert {"page_away", "interrupted"} <= {reason for check in parts.database.checks(before.session_id) for reason in check["unknown"]}
    assert ("session: reopened", "Ada") in [(entry["what"], entry["who"]) for entry in parts.database.audit_entries(5)]


def test_an_exam_that_somebody_ended_is_not_reopened(client: FlaskClient, parts: Parts, clock: Clock, wall: Wall, student: str) -> None:
    def reopen(session_id: str, status: int) -> str:
        message: str = error_of(client.post(f"/api/session/{session_id}/reopen", json={}), status)["message"]
        return message

    ended = live(parts, create(client, student, source="browser"))
    assert client.post(f"/api/session/{ended.session_id}/end", json={}).status_code == 200
    assert parts.database.flush(10)
    assert "ended by the proctor" in reopen(ended.session_id, 409)
    assert reopen(UNKNOWN, 404)
    broken_off, newer = (live(parts, create(client, student, exam, source="browser")) for exam in ("exam002", "exam003"))
    broken_off.begin()
    clock.ahead += parts.settings.abandoned_s + 60
    parts.monitor.end_abandoned()
    assert parts.database.flush(10)
    again = create(client, student, "exam002", source="browser")
    assert "running session" in reopen(broken_off.session_id, 409)
    parts.monitor.end(student, "exam002")
    clock.ahead += LINK_LIFE_S + 60
    assert "more than a day ago" in reopen(broken_off.session_id, 409)
    assert again["session_id"] != newer.session_id
