"""What goes wrong at an exam's start and end costs no other exam anything, and leaves nothing that waits for ever."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from flask.testing import FlaskClient

from basics.errors import StorageError
from basics.readings import Frame, ScreenAct, Sound
from sessions.ends import End
from storage.writes import Ticket
from tests.helpers.fixtures_web import Clock
from tests.helpers.sessions import create, live, stop_server
from tests.helpers.waiting import until
from tests.helpers.web import MakeApp, local_client
from web.parts import Parts, parts_of


def raises() -> None:
    raise ValueError("the graph has errors")


def test_acts_that_were_under_way_at_the_end_count_in_it_and_their_clip_waits_for_nobody(
    client: FlaskClient, parts: Parts, student: str, clock: Clock
) -> None:
    session = live(parts, create(client, student, source="browser"))
    session.begin()
    clock.ahead = 40
    parts.monitor.end_session(session.session_id, End("proctor"))
    clock.ahead = 100
    assert all(ticket.wait(10) for ticket in session.take_acts([ScreenAct(f"late-{number}", 90.0, "tab_switch") for number in range(3)]))
    parts.monitor.recorder.start()
    try:
        interval = until(lambda: parts.database.flush(5) and _settled(parts, session.interval_id(1)))
    finally:
        parts.monitor.recorder.stop()
    assert interval["flagged"]
    assert all(violation["end"] <= 41 for violation in interval["violations"])
    assert [one["index"] for one in parts.database.intervals(session.session_id)] == [0, 1], "no interval begins after the end"


def _settled(parts: Parts, key: str) -> dict[str, Any] | None:
    interval = parts.database.interval(key)
    return interval if interval["clip"]["state"] in {"ready", "failed"} else None


def test_an_end_that_fails_in_part_is_an_end_and_stops_no_others(
    client: FlaskClient, parts: Parts, student: str, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken, sound = (live(parts, create(client, student, exam, source="browser")) for exam in ("broken", "sound"))
    for session in (broken, sound):
        session.begin()
        parts.monitor.student_connected(session.session_id, True)
        parts.monitor.student_connected(session.session_id, False)
    monkeypatch.setattr(broken, "end_at", lambda *_: raises())
    clock.ahead = parts.settings.abandoned_s + 60
    parts.monitor.end_abandoned()
    assert parts.monitor.active() == []
    assert parts.database.flush(10)
    assert {parts.database.session(one.session_id)["state"] for one in (broken, sound)} == {"interrupted"}


def test_whom_a_proctor_has_paused_nothing_ends_until_long_after_it(client: FlaskClient, parts: Parts, student: str, clock: Clock) -> None:
    session = live(parts, create(client, student, f"paused-{student}", source="browser"))
    session.begin()
    parts.monitor.student_connected(session.session_id, True)
    session.begin_break("Ada", "fire alarm")
    parts.monitor.student_connected(session.session_id, False)
    for ends in (session.end_break, lambda: None):
        clock.ahead += parts.settings.abandoned_s + 60
        parts.monitor.end_abandoned()
        assert session in parts.monitor.active()
        ends()
        clock.ahead -= 120
    clock.ahead += 240
    parts.monitor.end_abandoned()
    assert session not in parts.monitor.active()


def test_a_start_that_could_not_be_made_safe_does_not_come_alive_later(
    client: FlaskClient, parts: Parts, student: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Ticket, "wait", lambda *_: False)
    with pytest.raises(StorageError):
        parts.monitor.create(student, "refused", "browser")
    monkeypatch.undo()
    assert parts.monitor.active() == []
    assert parts.database.flush(10)
    assert parts.database.latest_session(student, "refused") is None


def test_a_session_whose_station_is_gone_and_those_after_it_are_taken_up(client: FlaskClient, parts: Parts, student: str) -> None:
    gone, other = (live(parts, create(client, student, exam, source="browser")) for exam in ("gone", "other"))
    for session in (gone, other):
        session.begin()
    assert parts.database.flush(10)
    stop_server(parts)
    parts.database.write("sessions", gone.session_id, {"source": "local", "station": "room-that-was"})
    assert parts.database.flush(10)
    parts.monitor.resume()
    assert {one.session_id for one in parts.monitor.active()} == {gone.session_id, other.session_id}
    resumed = parts.monitor.get(gone.session_id)
    assert resumed is not None
    camera = resumed.status().to_dict()["devices"]["camera"]
    assert (camera["state"], "room-that-was" in camera["reason"]) == ("missing", True)


def test_what_flagged_an_interval_just_before_a_kill_gives_it_its_clip_at_the_next_start(client: FlaskClient, parts: Parts, student: str) -> None:
    session = live(parts, create(client, student, source="browser"))
    session.begin()
    acts = [ScreenAct(f"act-{number}", 1.0, "tab_switch") for number in range(3)]
    assert all(ticket.wait(10) for ticket in session.take_acts(acts))
    assert parts.database.flush(10)
    stop_server(parts)
    parts.database.delete("intervals", session.interval_id(0))  # its own record was not written any more
    assert parts.database.flush(10)
    parts.monitor.resume()
    assert parts.database.flush(10)
    interval = parts.database.interval(session.interval_id(0))
    assert (interval["flagged"], interval["clip"]["state"]) == (True, "pending")


def test_the_ticker_outlives_whatever_it_meets(make_app: MakeApp, student: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    app = make_app()
    parts = parts_of(app)
    session = live(parts, create(local_client(app), student, source="browser"))
    session.begin()
    met: list[int] = []

    def fails() -> None:
        met.append(1)
        raises()

    monkeypatch.setattr(parts.monitor, "end_abandoned", fails)
    parts.monitor.start()
    until(lambda: len(met) >= 3)


def test_a_session_that_has_ended_keeps_no_pictures_and_no_sound(client: FlaskClient, parts: Parts, student: str) -> None:
    session = live(parts, create(client, student, source="browser"))
    session.begin()
    picture = cv2.imencode(".jpg", np.full((48, 64, 3), 99, np.uint8))[1].tobytes()
    session.take_frame(Frame(0.0, picture))
    session.take_still(Frame(0.0, picture))
    session.take_sound(Sound(0.0, np.ones(3200, np.int16)))
    assert None not in (session.newest_frame(), session.screen.newest())
    parts.monitor.end_session(session.session_id, End("proctor"))
    assert (session.newest_frame(), session.screen.newest()) == (None, None)
    assert session.sound.waiting == 0
