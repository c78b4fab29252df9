"""Sessions that go from server to server: two of them in one process, each with a spool and beats of its own, on one real database."""

from __future__ import annotations

import socket
from datetime import timedelta
from typing import Any

import pytest

from basics.errors import Conflict, StorageError
from basics.times import utc_now
from cluster.membership import DEAD_S
from sessions.ends import End
from sessions.events import SessionMoved
from sessions.reaping import LOOK_S, Reaper
from sessions.student_links import end_links
from sessions.taking import Moved, refuses
from tests.helpers.town import Town, acts
from tests.helpers.waiting import free_port, until
from tests.helpers.web import local_client
from web.integrations.snippet.asking import stands_of
from web.student.entry import ComeAgain, Elsewhere, may_enter


def test_a_session_follows_its_page_from_a_living_server_with_all_that_was_read(town: Town) -> None:
    a, b = town.house("a"), town.house("b")
    town.pass_time(1, a, b)
    session = a.begin("ann")
    acts(session, "one", "two")
    told: list[str] = []
    a.events.subscribe(SessionMoved, lambda event: told.append(event.session.session_id))
    with pytest.raises(Elsewhere):
        may_enter(b.parts, session.session_id)
    town.pass_time(1, a, b)  # a hears that it is asked
    until(lambda: a.owner(session.session_id)[0] is None)
    found = may_enter(b.parts, session.session_id)
    assert found is not None
    moved, _budget = found
    assert told == [session.session_id]
    assert not a.has(session.session_id)
    assert b.owner(session.session_id) == ("b", 2)
    assert b.database.session(session.session_id)["on"] == ["a", "b"], "both may have files of it"
    assert moved.summary() == session.summary()
    assert moved.identity == session.identity, "its route, too"
    acts(moved, "two", "three")
    assert b.monitor.end_session(session.session_id, End("student")).total_score == 3 * session.rules["points"]["copy_paste"]
    assert [act["_id"].partition(":")[2] for act in b.database.acts(session.session_id)] == ["one", "two", "three"]
    assert b.monitor.metrics()["sessions_taken_total"] == a.monitor.metrics()["sessions_let_go_total"] == 1
    assert may_enter(a.parts, session.session_id) is None, "it is over, wherever it was"


def test_a_page_that_asks_to_begin_brings_its_exam_here(town: Town) -> None:
    a, b = town.house("a"), town.house("b")
    town.pass_time(1, a, b)
    session = a.monitor.create("ann", "exam", "browser", nonce="the-browser's")
    assert a.database.flush(10)
    page, bearer = local_client(b.app), {"Authorization": f"Bearer {a.parts.access.make_student_token(session.session_id)}"}
    assert page.post("/api/student/admission", headers=bearer).status_code == 503, "it asks again"
    town.pass_time(1, a, b)
    until(lambda: a.owner(session.session_id)[0] is None)
    assert page.post("/api/student/admission", headers=bearer).get_json()["position"] == 0
    assert b.has(session.session_id)


def test_a_session_whose_server_is_dead_is_taken_at_once_and_once_that_is_known(town: Town) -> None:
    a, b = town.house("a"), town.house("b")
    town.pass_time(1, a, b)
    session = a.begin("ann")
    acts(session, "one")
    town.pass_time(DEAD_S - 1, b)
    with pytest.raises(Elsewhere):
        may_enter(b.parts, session.session_id)
    town.pass_time(2, b)
    assert may_enter(b.parts, session.session_id) is not None
    assert b.owner(session.session_id) == ("b", 2)

    # It was not dead: it lets go without an end, and what it writes still is fenced.
    acts(session, "late")
    session._book.store_totals()
    a.membership.turn()
    until(lambda: not a.has(session.session_id))
    assert a.database.flush(10)
    assert a.database.health()["fenced"] >= 1
    assert (a.database.health()["rejected"], a.membership.name) == (0, "a#2")
    assert b.database.session(session.session_id)["state"] == "running"
    assert b.owner(session.session_id) == ("b", 2)


def test_who_was_taken_for_dead_keeps_what_nobody_took_and_its_students_notice_nothing(town: Town) -> None:
    a, b = town.house("a"), town.house("b")
    town.pass_time(1, a, b)
    kept, taken = a.begin("ann"), a.begin("bob")
    town.pass_time(DEAD_S + 1, b)
    assert may_enter(b.parts, taken.session_id) is not None
    a.membership.turn()
    until(lambda: not a.has(taken.session_id))
    until(lambda: a.owner(kept.session_id) == ("a#2", 1))
    assert a.monitor.get(kept.session_id) is kept
    town.pass_time(1, a, b)
    with pytest.raises(Elsewhere):
        may_enter(b.parts, kept.session_id)


def test_of_a_session_of_a_servers_earlier_run_nobody_says_that_it_is_watched(town: Town) -> None:
    a, b = town.house("a"), town.house("b")
    session = a.begin("ann")
    a.monitor.student_connected(session.session_id, True)
    assert a.database.flush(10)
    town.pass_time(1, a, b)

    def state() -> str:
        with b.app.app_context():
            return stands_of("ann", "exam").state

    assert state() == "watched"
    instances = a.database.collection("instances")
    instances.update_one({"_id": "a"}, {"$set": {"run": "the next"}})  # it was killed, and has just started anew
    b.membership.turn()
    assert state() == "offline"
    a.database.collection("sessions").update_one({"_id": session.session_id}, {"$unset": {"owner_run": ""}})
    assert state() == "watched", "where an older version took it, its name alone tells"


def test_a_refused_address_tells_a_dead_server_sooner(town: Town) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        assert not refuses(f"http://127.0.0.1:{listening.getsockname()[1]}")
    assert refuses(f"http://127.0.0.1:{free_port()}")
    assert not refuses("")
    a, b = town.house("a"), town.house("b")
    a.membership.url = f"http://127.0.0.1:{free_port()}"
    town.pass_time(1, a, b)
    session = a.begin("ann")
    town.pass_time(1, b)
    with pytest.raises(Elsewhere):  # a beat may be late
        may_enter(b.parts, session.session_id)
    town.pass_time(2, b)
    assert may_enter(b.parts, session.session_id) is not None


def test_a_start_takes_its_own_and_those_of_the_dead_and_leaves_those_of_the_living(town: Town) -> None:
    a, b = town.house("a"), town.house("b")
    mine, living = a.begin("ann"), b.begin("bob")
    a.close()  # leaves its session running
    town.houses.remove(a)
    c = town.house("c")
    assert c.has(mine.session_id), "its server is gone"
    assert not c.has(living.session_id)
    assert b.has(living.session_id)
    a = town.house("a")
    assert not a.has(mine.session_id)
    assert c.owner(mine.session_id) == ("c", 2)


def test_a_session_of_an_older_version_is_taken_as_ever(town: Town) -> None:
    a = town.house("a")
    session = a.begin("ann")
    with a.database.reading():
        a.database.collection("sessions").update_one({"_id": session.session_id}, {"$unset": {"owner": 1, "epoch": 1}})
    b = town.house("b")
    assert b.owner(session.session_id) == ("b", 1)


def test_a_station_s_session_goes_to_no_other_machine(town: Town) -> None:
    a = town.house("a")
    session = a.monitor.create("ann", "exam", "local")
    a.close()
    town.houses.remove(a)
    b = town.house("b")
    assert not b.has(session.session_id)
    assert town.house("a").has(session.session_id)


def test_what_has_just_ended_here_is_not_taken_up_again(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    a = town.house("a")
    session = a.begin("ann")
    before = a.database.session(session.session_id)
    a.monitor.end_session(session.session_id, End("proctor"))
    monkeypatch.setattr(a.database, "session", lambda _id: before)  # its end is on its way
    with pytest.raises(ComeAgain):
        may_enter(a.parts, session.session_id)
    assert not a.has(session.session_id)


def test_an_exam_that_runs_elsewhere_is_not_started_again_and_its_browser_finds_it(town: Town) -> None:
    a, b = town.house("a"), town.house("b")
    session = a.begin("ann")
    with pytest.raises(Conflict) as caught:
        b.monitor.create("ann", "exam", "browser", nonce="another")
    assert caught.value.details["session_id"] == session.session_id
    assert b.monitor.was_started_with(session.session_id, "the-browser's")
    assert not b.monitor.was_started_with(session.session_id, "another")
    assert b.monitor.owner_of(session.session_id) == "a"
    assert a.monitor.owner_of(session.session_id) == "a"


def test_a_session_that_is_not_known_yet_is_no_end_while_another_may_have_it(town: Town) -> None:
    a, b = town.house("a"), town.house("b")
    town.pass_time(1, a, b)
    with pytest.raises(Elsewhere):  # it may lie in the other's spool
        may_enter(a.parts, "f" * 32)
    town.pass_time(DEAD_S + 1, a)
    a.membership.declare_dead("b")
    town.pass_time(1, a)
    with pytest.raises(Elsewhere):  # b died with it, and stores it when it is back
        may_enter(a.parts, "f" * 32)
    assert a.database.write("deleted_sessions", "f" * 32, {"at": utc_now()}).wait(10)
    assert may_enter(a.parts, "f" * 32) is None, "that is no session any more, whoever lives"
    with a.database.reading():
        a.database.collection("instances").delete_one({"_id": "b"})  # it ended well, and left nothing
    town.pass_time(1, a)
    assert may_enter(a.parts, "e" * 32) is None


def test_two_pages_that_come_at_once_make_one_session(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    a = town.house("a")
    session = a.begin("ann")
    a.close()
    town.houses.remove(a)
    b = town.house("b")
    b.monitor.taking.give_up(session.session_id)
    assert b.database.flush(10)
    inside: list[Exception] = []
    original = b.monitor.ownership.take

    def take(document: Any) -> Any:
        with pytest.raises(Moved) as caught:
            b.monitor.taking.bring(session.session_id)
        inside.append(caught.value)
        return original(document)

    monkeypatch.setattr(b.monitor.ownership, "take", take)
    assert b.monitor.taking.bring(session.session_id) is b.monitor.get(session.session_id)
    assert len(inside) == 1


def test_a_session_without_server_and_student_is_closed_after_a_while_by_whoever_may(town: Town) -> None:
    a, b = town.house("a"), town.house("b")
    town.pass_time(1, a, b)
    session, other = a.begin("ann"), b.begin("bob")
    may = [False]
    reaper = Reaper(b.monitor.taking, b.database, b.membership, abandoned_s=60, may_reap=lambda: may[0], clock=lambda: town.now)
    for _ in range(5):
        town.pass_time(LOOK_S, b)
        reaper.look()
    assert b.membership.is_gone("a")
    assert b.database.session(session.session_id)["state"] == "running"
    may[0] = True
    reaper.look()
    assert b.database.flush(10)
    closed = b.database.session(session.session_id)
    assert (closed["state"], closed["end_code"], closed["owner"]) == ("interrupted", "outage", "b")
    assert b.database.session(other.session_id)["state"] == "running"


def test_a_session_that_could_not_be_read_when_it_was_taken_does_not_run_for_ever(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    a, b = town.house("a"), town.house("b")
    session = a.begin("ann")
    a.close()
    town.houses.remove(a)
    town.pass_time(1, b)

    def away(*_: object) -> None:
        raise StorageError("away")

    with monkeypatch.context() as patched:
        patched.setattr("sessions.taking.resumed_from", away)
        with pytest.raises(StorageError):
            b.monitor.taking.bring(session.session_id)
    assert b.owner(session.session_id)[0] == "b"
    live = b.begin("bob")
    reaper = Reaper(b.monitor.taking, b.database, b.membership, abandoned_s=60, may_reap=lambda: False, clock=lambda: town.now)
    for _ in range(2):
        reaper.look()
        town.pass_time(LOOK_S, b)
    assert b.database.session(session.session_id)["state"] == "running", "its page may come yet"
    reaper.look()
    assert b.database.flush(10)
    assert b.database.session(session.session_id)["state"] == "interrupted"
    assert b.database.session(live.session_id)["state"] == "running"


def test_a_clock_that_goes_an_hour_wrong_makes_no_session_older(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    a, b = town.house("a"), town.house("b")
    session = a.begin("ann")
    a.close()
    town.houses.remove(a)
    monkeypatch.setattr("sessions.clock_mark.boot_id", lambda: "another machine")
    a_started = b.database.session(session.session_id)["started_at"]
    an_hour_ago = a_started - timedelta(hours=1)
    with b.database.reading():  # as if a's clock had been an hour behind
        sessions = b.database.collection("sessions")
        sessions.update_one({"_id": session.session_id}, {"$set": {"started_at": an_hour_ago}, "$inc": {"wall_behind_s": 3600.0}})
    town.pass_time(1, b)
    taken = b.monitor.taking.bring(session.session_id)
    assert taken is not None
    assert taken.clock() < 600


def test_links_end_of_a_session_that_is_taken_up_in_the_moment_of_it(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    house = town.house("a")
    session = house.begin("ann")
    with monkeypatch.context() as patched:  # a moment before it was here
        patched.setattr(house.monitor, "active", list)
        patched.setattr(house.monitor, "is_live", lambda _session_id: False)
        end_links(house.monitor, house.database, "exam", ["ann"])
    assert session.watch_over.link_number == 1
