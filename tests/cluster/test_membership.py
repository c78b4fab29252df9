"""Who is there and who lives, on one real database; the observers' clock is moved by hand."""

from __future__ import annotations

import re
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from app import _open_database
from basics.errors import ConfigError, StorageError
from basics.times import utc_now
from cluster.membership import COLLECTION, DEAD_S, REFUSED_S, Membership
from cluster.shared_key import SharedKey
from database import Database
from tests.helpers.waiting import until
from tests.helpers.web import settings_for


class Room:
    """Servers on one database, whose beats the test makes, and one clock."""

    def __init__(self, database: Database, folder: Path) -> None:
        self.database = database
        self.now = 100.0
        self._folder = folder

    def server(self, name: str = "", folder: str = "", database: Any = None, **settings: Any) -> Membership:
        """One that has begun to beat, in a folder of its own; its thread does not run."""
        data = self._folder / (folder or name or "plain")
        made = Membership(database or self.database, settings_for(data, instance_name=name, **settings), data, clock=lambda: self.now)
        made.turn()
        return made

    def pass_time(self, seconds: float, *beating: Membership) -> None:
        """Let these beat each second."""
        for _ in range(round(seconds)):
            self.now += 1
            for one in beating:
                one.turn()

    def row(self, name: str) -> dict[str, Any]:
        found = self.database.collection(COLLECTION).find_one({"_id": name})
        assert found is not None
        return found


@pytest.fixture
def room(database: Database, tmp_path: Path) -> Room:
    return Room(database, tmp_path)


def names(server: Membership, **which: Any) -> list[str]:
    return [one.name for one in server.others() if all(getattr(one, key) == value for key, value in which.items())]


def test_servers_see_each_other_with_their_addresses_and_what_they_tell(room: Room) -> None:
    first, second = room.server("a", instance_url="http://127.0.0.1:5001/"), room.server("b")
    first.tell(capacity=12)
    first.drain()
    room.pass_time(1, first, second)
    (seen,) = second.others()
    assert (seen.name, seen.url, seen.state, seen.lives, seen.facts["capacity"]) == ("a", "http://127.0.0.1:5001", "draining", True, 12)
    assert (second.owner_url("a"), second.owner_url("b"), second.owner_url("nobody")) == ("http://127.0.0.1:5001", None, None)
    assert first.owner_url("a") == "http://127.0.0.1:5001"
    assert second.database_ahead_s is not None
    assert abs(second.database_ahead_s) < 5
    room.pass_time(3, second)
    (still,) = [figure for figure in second.figures() if figure.name == "instance_still_seconds"]
    assert (still.value, still.labels) == (3, {"other": "a"})


def test_a_beat_that_stands_still_is_declared_dead_by_whoever_needs_it_and_a_living_one_never(room: Room) -> None:
    still, watcher = room.server("still"), room.server("watcher")
    room.pass_time(3, still, watcher)
    assert not watcher.declare_dead("still"), "it beats"
    room.pass_time(DEAD_S, watcher)
    (seen,) = watcher.others()
    assert seen.still_s == pytest.approx(DEAD_S, abs=1.1)
    still.turn()  # in the last moment
    assert not watcher.declare_dead("still")
    assert not watcher.is_gone("still")
    room.pass_time(REFUSED_S + 1, watcher)
    assert watcher.declare_dead("still")
    assert watcher.is_gone("still")
    assert watcher.is_gone("never was there")
    assert not watcher.is_gone("watcher")


def test_time_in_which_the_database_is_away_or_the_observer_stands_still_counts_for_nobody(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    away = [False]
    original = Database.reading

    def reading(self: Database) -> Any:
        if away[0]:
            raise StorageError("away")
        return original(self)

    monkeypatch.setattr(Database, "reading", reading)
    other, watcher = room.server("other"), room.server("watcher")
    room.pass_time(1, other, watcher)
    away[0] = True
    monkeypatch.setattr(watcher, "_looked_at", None)  # as its thread does at each failure
    room.now += 30
    away[0] = False
    room.pass_time(1, watcher)
    assert watcher.others()[0].still_s == 0, "what passed in the outage is not counted"
    room.now += 3600  # the watcher itself was stopped
    watcher.turn()
    assert watcher.others()[0].still_s <= REFUSED_S


def test_a_database_that_answers_after_ten_seconds_kills_nobody(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    a, b = room.server("a"), room.server("b")
    room.pass_time(2, a, b)
    reading = room.database.reading

    def slowly() -> Any:
        room.now += 10
        return reading()

    monkeypatch.setattr(room.database, "reading", slowly)
    for _ in range(4):
        a.turn()
        b.turn()
        b.turn()  # it looks twice before the other beats again
        assert all(one.still_s < DEAD_S for one in (*a.others(), *b.others()))
    assert (a.name, b.name) == ("a", "b")


def test_a_database_that_fails_stops_no_beats(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    beats = Membership(room.database, settings_for(Path("unused"), instance_name="beats"), room._folder / "beats", beat_s=0.02)
    beats.start()
    try:
        until(lambda: room.row("beats")["beat"] > 2)
        monkeypatch.setattr(beats, "_beat", lambda: (_ for _ in ()).throw(StorageError("away")))
        until(lambda: beats._looked_at is None)
        monkeypatch.undo()
        before = room.row("beats")["beat"]
        until(lambda: room.row("beats")["beat"] > before)
    finally:
        beats.stop()
    assert room.database.collection(COLLECTION).find_one({"_id": "beats"}) is None, "who ends well is gone at once"


def test_who_was_declared_dead_goes_on_under_another_name_and_says_so(room: Room) -> None:
    stopped, watcher = room.server("stopped"), room.server("watcher")
    told: list[tuple[str, str]] = []
    stopped.on_lost(lambda old, new: told.append((old, new)))
    room.pass_time(DEAD_S + 1, watcher)
    assert watcher.declare_dead("stopped")
    stopped.turn()
    assert told == [("stopped", "stopped#2")]
    assert (stopped.name, room.row("stopped")["state"]) == ("stopped#2", "dead")
    health = stopped.health()
    assert health["state"] == "degraded"
    assert "stopped#2" in str(health["reason"])
    room.pass_time(2, stopped, watcher)
    assert {one.name: one.state for one in watcher.others()} == {"stopped": "dead", "stopped#2": "up"}
    assert told == [("stopped", "stopped#2")]


def test_the_next_start_has_its_own_name_again_and_its_earlier_self_is_dead(room: Room) -> None:
    stopped, watcher = room.server("stopped"), room.server("watcher")
    room.pass_time(DEAD_S + 1, watcher)
    watcher.declare_dead("stopped")
    stopped.turn()
    again = room.server("stopped")
    assert again.name == "stopped"
    assert room.row("stopped#2")["state"] == "dead"


def test_a_row_that_is_gone_is_made_again(room: Room) -> None:
    """As where a backup was restored."""
    server = room.server("restored")
    told: list[tuple[str, str]] = []
    server.on_lost(lambda old, new: told.append((old, new)))
    room.database.collection(COLLECTION).delete_many({})
    room.pass_time(1, server)
    assert told == [("restored", "restored")], "others may have taken what it had"
    assert room.row("restored")["state"] == "up"


def test_two_servers_of_one_name_are_refused_while_the_first_lives(room: Room, tmp_path: Path) -> None:
    first = Membership(room.database, settings_for(tmp_path, instance_name="twin"), tmp_path / "one", beat_s=0.05)
    first.start()
    try:
        second = Membership(room.database, settings_for(tmp_path, instance_name="twin"), tmp_path / "two")
        with pytest.raises(ConfigError, match="INSTANCE_NAME='twin': another server that lives has this name"):
            second.start()
        assert first.name == "twin"
    finally:
        first.stop()


def test_two_servers_of_one_data_dir_are_refused_whatever_their_names_while_the_first_lives(
    room: Room, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As where a machine was copied, or the folder lies where locks don't reach."""
    first = Membership(room.database, settings_for(tmp_path, instance_name="first"), tmp_path / "one", beat_s=0.05)
    first.start()
    try:
        with pytest.raises(ConfigError, match=r"DATA_DIR: another server that lives, first \(on .*Give each its own"):
            Membership(room.database, settings_for(tmp_path, instance_name="second"), tmp_path / "one").start()
    finally:
        monkeypatch.setattr(first, "_registered", False)  # it dies: nobody is told
        first.stop()
    monkeypatch.setattr("cluster.membership.NAMESAKE_S", 0.3)
    renamed = Membership(room.database, settings_for(tmp_path, instance_name="second"), tmp_path / "one", beat_s=0.05)
    renamed.start()
    assert renamed.name == "second", "it was given another name"
    renamed.stop()


def test_a_name_whose_server_died_is_taken_and_the_server_that_wakes_up_is_another(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    hung = room.server("pod-0", folder="first-node")
    monkeypatch.setattr("cluster.membership.NAMESAKE_S", 0.0)  # its beat does not move
    moved = room.server("pod-0", folder="second-node")
    assert moved.name == "pod-0"
    hung.turn()
    assert hung.name == "pod-0#2"
    moved.turn()
    assert moved.name == "pod-0"


def test_a_server_with_another_key_is_refused_beside_one_that_lives_and_not_after_it(
    room: Room, mongo_uri: str, db_name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def with_key(name: str, key: str, *, chosen: bool = True) -> Membership:
        shared = SharedKey(room.database, key, chosen=chosen)
        return Membership(room.database, settings_for(tmp_path, instance_name=name), tmp_path / name, key=shared, beat_s=0.05)

    first, same = with_key("first", "a" * 32), with_key("same", "a" * 32)
    first.start()
    try:
        same.start()
        assert same.health()["state"] == "ok"
        same.stop()
        with pytest.raises(ConfigError, match=r"SECRET_KEY is another than that of the server first \(on .*Set the same SECRET_KEY at all"):
            with_key("second", "b" * 32).start()
        with pytest.raises(ConfigError, match=r"SECRET_KEY is not set, so that this server made a key of its own .*not that of the server first"):
            with_key("third", "c" * 43, chosen=False).start()
        settings = settings_for(tmp_path / "fourth", mongo_uri=mongo_uri, db_name=db_name, secret_key="d" * 32)
        with ExitStack() as closing, pytest.raises(ConfigError, match="SECRET_KEY is another"):
            _open_database(closing, settings, "d" * 32)
        assert [row["_id"] for row in room.database.collection(COLLECTION).find()] == ["first"]
        assert "a" * 32 not in str([*room.database.collection(COLLECTION).find(), *room.database.collection("server").find()])
    finally:
        monkeypatch.setattr(first, "_registered", False)  # it dies: nobody is told
        first.stop()
    monkeypatch.setattr("cluster.membership.NAMESAKE_S", 0.3)
    changed, beside = with_key("second", "b" * 32), with_key("beside", "b" * 32)
    changed.start()
    beside.start()
    try:
        until(lambda: {one.name for one in changed.others()} == {"beside", "first"})
        assert (changed.registered, changed.health()["state"]) == (True, "ok")
        room.database.collection(COLLECTION).update_one({"_id": "beside"}, {"$set": {"key": "of another"}})  # as when both came at once
        until(lambda: "SECRET_KEY is another than that of beside" in changed.health()["reason"])
        assert changed.health()["state"] == "degraded"
        beside.stop()
        until(lambda: changed.health()["state"] == "ok")
    finally:
        beside.stop()
        changed.stop()


@pytest.mark.parametrize(("ahead_s", "said"), [(3600, ["later"]), (-3600, ["earlier"]), (5, [])])
def test_a_clock_that_is_off_is_told_by_how_much(room: Room, monkeypatch: pytest.MonkeyPatch, ahead_s: float, said: list[str]) -> None:
    monkeypatch.setattr("cluster.membership.utc_now", lambda: utc_now() + timedelta(seconds=ahead_s))
    health = room.server("a").health()
    assert health["state"] == ("degraded" if said else "ok")
    told = re.findall(r"here it is (\d+) s (later|earlier)", str(health["reason"]))
    assert [way for _seconds, way in told] == said
    assert all(int(seconds) == pytest.approx(abs(ahead_s), abs=5) for seconds, _way in told), "half the time of a question is the doubt"
    assert health["database_ahead_s"] == pytest.approx(-ahead_s, abs=5)


def test_each_server_tells_by_how_much_its_clock_and_the_databases_differ(room: Room) -> None:
    one, other = room.server("a"), room.server("b")
    other.database_ahead_s = -3600.0
    other.turn()
    one.turn()
    assert [row["database_ahead_s"] for row in one.health()["others"]] == [-3600.0]
    assert {figure.name: figure.value for figure in one.figures()} == {"database_ahead_seconds": one.database_ahead_s, "instance_still_seconds": 0.0}


def test_without_a_name_the_machine_s_is_taken_and_kept_with_data_dir(room: Room, tmp_path: Path) -> None:
    first = room.server(folder="data")
    again = Membership(room.database, settings_for(tmp_path), tmp_path / "data")
    other = room.server(folder="other data")
    assert first.name == again.name
    assert first.name != other.name
    assert len((tmp_path / "data" / "instance").read_text().strip()) == 32


def test_sessions_are_asked_of_their_owner_who_hears_of_each_once(room: Room) -> None:
    owner, asker = room.server("owner"), room.server("asker")
    heard: list[list[str]] = []
    owner.on_asked(lambda sessions: heard.append(list(sessions)))
    asker.ask_for("one", "owner")
    asker.ask_for("one", "owner")
    asker.ask_for("two", "owner")
    room.pass_time(2, owner)
    assert heard == [["one", "two"]]


def test_a_listener_that_fails_keeps_no_other_from_hearing(room: Room) -> None:
    server = room.server("a")
    came: list[str] = []
    server.on_change(lambda: 1 / 0)
    server.on_change(lambda: came.append("changed"))
    room.server("b")
    room.pass_time(2, server)
    assert came == ["changed"]
    assert names(server) == ["b"]


@pytest.mark.parametrize("wrong", ["ftp://host", "http://", "http://host:70000", "http://host/path", "host:5000"])
def test_an_address_that_no_server_can_have_is_refused(tmp_path: Path, wrong: str) -> None:
    with pytest.raises(ConfigError, match="INSTANCE_URL"):
        settings_for(tmp_path, instance_url=wrong)


@pytest.mark.parametrize("wrong", ["a b", "-a", "a#2", "x" * 64])
def test_a_name_that_no_server_can_have_is_refused(tmp_path: Path, wrong: str) -> None:
    with pytest.raises(ConfigError, match="INSTANCE_NAME"):
        settings_for(tmp_path, instance_name=wrong)
