"""A server that is to end: no exam begins there, those that run go to another, and who waits for it knows when it may end."""

from __future__ import annotations

from pathlib import Path

import pytest

from basics.errors import NotFound, StorageError
from cluster.drain_note import ASKED, TOLD, DrainedEnd, Told, ask, take_back, tell, told
from commands.drain import drain, end
from sessions import taking
from sessions.draining import LEAD_S, Draining
from sessions.ends import End
from tests.helpers.town import House, Town, acts
from tests.helpers.waiting import until
from tests.helpers.web import error_of, local_client
from web.student.entry import ComeAgain, Elsewhere, may_enter


def draining(of: House, town: Town) -> Draining:
    of.settings.data_dir.mkdir(exist_ok=True, parents=True)
    return Draining(of.monitor, of.membership, of.settings.data_dir, clock=lambda: town.now)


def test_where_there_is_no_other_exams_run_to_their_end_and_none_begins(town: Town) -> None:
    a = town.house("a")
    part, data = draining(a, town), a.settings.data_dir
    client = local_client(a.app)
    running, waiting = a.begin("ann"), a.monitor.create("bob", "exam", "browser")
    part.look()
    assert client.get("/api/ready").get_json() == {"ready": True, "instance": "a"}
    ask(data)
    town.pass_time(LEAD_S + 1, a)
    part.look()
    town.pass_time(LEAD_S + 1, a)
    part.look()
    assert told(data) == Told(1, LEAD_S + 1)
    refused = client.post("/api/student/start", json={"user_id": "late", "exam_id": "exam"})
    assert "about to end" in error_of(refused, 503)["message"]
    assert refused.headers["Retry-After"] == "30"
    with pytest.raises(ComeAgain) as caught:
        may_enter(a.parts, waiting.session_id)
    assert not isinstance(caught.value, Elsewhere)
    assert may_enter(a.parts, running.session_id) is not None
    assert error_of(client.get("/api/ready"), 503)["message"]
    health = client.get("/api/health")
    assert (health.status_code, health.get_json()["parts"]["instances"]["is"]) == (200, "draining")
    a.monitor.end_session(running.session_id, End("student"))
    part.look()
    assert told(data) == Told(0, LEAD_S + 1)
    take_back(data)
    part.look()
    assert told(data) is None
    assert client.get("/api/ready").status_code == 200
    assert may_enter(a.parts, waiting.session_id) is not None


def test_a_server_that_has_just_started_is_not_ready_yet(town: Town) -> None:
    a = town.house("a")
    a.monitor.resumed.clear()
    answer = local_client(a.app).get("/api/ready")
    assert "just started" in error_of(answer, 503)["message"]
    assert answer.headers["Retry-After"] == "1"


def test_exams_go_to_another_once_who_is_in_front_had_time_to_notice(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    a, b = town.house("a"), town.house("b")
    town.pass_time(1, a, b)
    part, data = draining(a, town), a.settings.data_dir
    session, stray, waiting = a.begin("ann"), a.begin("bob"), a.monitor.create("eve", "exam", "browser")
    acts(session, "one")
    ask(data)
    part.look()
    assert a.has(session.session_id)
    with pytest.raises(Elsewhere):
        may_enter(a.parts, waiting.session_id)
    refused = local_client(a.app).post("/api/student/start", json={"user_id": "late", "exam_id": "exam"})
    assert ("Another takes them" in error_of(refused, 503)["message"], refused.headers["Retry-After"]) == (True, "3")
    assert error_of(local_client(a.app).get("/api/ready"), 503)
    town.pass_time(LEAD_S, a, b)
    part.look()
    until(lambda: a.owner(session.session_id)[0] is None and a.owner(stray.session_id)[0] is None)
    with pytest.raises(Elsewhere):
        may_enter(a.parts, session.session_id)
    found = may_enter(b.parts, session.session_id)
    assert found is not None
    assert found[0].summary() == session.summary()

    # The way in front leads one back here, and nowhere else: its exam goes on here to its end.
    with pytest.raises(Elsewhere):
        may_enter(a.parts, stray.session_id)
    monkeypatch.setattr(taking, "SENT_ON_S", 0.0)
    assert may_enter(a.parts, stray.session_id) is not None
    town.pass_time(1, a, b)
    part.look()
    assert a.has(stray.session_id)
    assert told(data) == Told(1, LEAD_S + 1)


def test_no_exam_goes_to_another_while_the_database_has_not_got_all_of_it(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    a, b = town.house("a"), town.house("b")
    town.pass_time(1, a, b)
    part = draining(a, town)
    session = a.begin("ann")
    ask(a.settings.data_dir)
    part.look()
    town.pass_time(LEAD_S, a, b)
    for state, spooled in (("away", 0), ("ok", 3)):
        with monkeypatch.context() as patched:
            patched.setattr(a.database, "health", lambda state=state, spooled=spooled: {"state": state, "spooled": spooled})
            part.look()
        assert a.has(session.session_id)
        assert told(a.settings.data_dir) == Told(1, LEAD_S), "it is waited for"
    part.look()
    until(lambda: a.owner(session.session_id)[0] is None)


def test_exams_stay_where_the_other_drains_too(town: Town) -> None:
    a, b = town.house("a"), town.house("b")
    b.membership.drain()
    town.pass_time(1, a, b)
    town.pass_time(1, b, a)
    part = draining(a, town)
    session = a.begin("ann")
    ask(a.settings.data_dir)
    part.look()
    town.pass_time(LEAD_S, a, b)
    part.look()
    assert a.has(session.session_id)
    assert may_enter(a.parts, session.session_id) is not None


def test_what_was_asked_of_an_earlier_run_is_over(town: Town) -> None:
    a = town.house("a")
    part, data = draining(a, town), a.settings.data_dir
    ask(data)
    tell(data, Told(3, 1.0))
    part.start()
    part.stop()
    assert (told(data), (data / ASKED).exists(), a.membership.state) == (None, False, "up")


def test_who_ends_the_server_waits_for_it_and_not_for_ever(tmp_path: Path) -> None:
    now = 0.0
    over = DrainedEnd(tmp_path, 100, lambda: now)
    assert not over.is_over()
    over.begin()
    assert over.begun
    assert not over.is_over(), "nobody has said anything yet"
    tell(tmp_path, Told(2, 5.0))
    assert not over.is_over()
    tell(tmp_path, Told(2, 100.0))
    assert over.is_over(), "it drained before"
    tell(tmp_path, Told(0, 5.0))
    assert over.is_over()
    (tmp_path / TOLD).write_text("{damaged")
    assert not over.is_over()
    now = 100.0
    assert over.is_over()
    nowhere = DrainedEnd(tmp_path / "gone", 100, lambda: now)
    nowhere.begin()
    assert nowhere.is_over()


def test_the_command_says_that_no_server_answers(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="No server answers"):
        drain(tmp_path, 10, print, noticed_s=0)
    assert not (tmp_path / ASKED).exists()
    with pytest.raises(StorageError, match="can't be used"):
        drain(tmp_path / "nowhere", 10, print)
    said: list[str] = []
    end(tmp_path, said.append)
    assert said == ["Nobody has asked this server to drain."]
    ask(tmp_path)
    tell(tmp_path, Told(1, 1.0))
    with pytest.raises(NotFound, match="the next start"):
        end(tmp_path, print, noticed_s=0)
