"""Handing out pictures: a viewer whose line takes less than it asked for sees all of its sessions, each less often."""

from __future__ import annotations

import threading
import time
from collections import Counter
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from flask import Flask
from socketio.packet import ACK, Packet

from sessions.ends import End
from sessions.events import Events, FrameCame, KeyWanted, NoticesChanged, SessionEnded, SessionStarted
from sessions.score_book import Summary
from sessions.session import ExamSession
from tests.helpers.web import settings_for
from web.access.callers import NOBODY as OUT
from web.access.who_may import LOCAL, Access
from web.proctor.live import STUCK_BACKLOG, Live
from web.proctor.viewers import Viewer, Watch

NOBODY: dict[str, Any] = {"sessions": lambda _: None, "audit": lambda _: None, "async_mode": "threading", "fps": 10}
SESSIONS = [f"{number:032x}" for number in range(30)]
ROOM = 10  # pictures that the line takes in each round


class Narrow(Live):
    """A viewer's line that takes ten pictures in a round, and then no more: the round trip of a slow network can't be made here."""

    room = 0

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self.sent: Counter[str] = Counter()

    def _send_session(self, session_id: str, watches: dict[str, Watch], now: float) -> None:
        for watch in watches.values():
            if self.room:
                self.room -= 1
                watch.sent_at = now
                self.sent[session_id] += 1


def test_a_narrow_line_starves_no_session(tmp_path: Path) -> None:
    settings = settings_for(tmp_path)
    live = Narrow(Flask("live"), Access(settings), Events(), **NOBODY)
    live._watchers = {session_id: {"viewer": Watch("binary", 0.0)} for session_id in SESSIONS}
    for _ in range(30):
        live.room = ROOM
        live._dirty = set(SESSIONS)
        live._hand_out_pictures()
    assert [live.sent[session_id] for session_id in SESSIONS] == [10] * len(SESSIONS)


def test_a_picture_between_two_of_a_tile_wakes_nobody(tmp_path: Path) -> None:
    events = Events()
    live = Live(Flask("live"), Access(settings_for(tmp_path)), events, **NOBODY)
    session = cast(ExamSession, SimpleNamespace(session_id=SESSIONS[0]))
    watch = Watch("binary", 3600.0, sent_at=time.monotonic())
    live._watchers = {SESSIONS[0]: {"viewer": watch}}
    events.publish(FrameCame(session))
    assert not live._wake.is_set()
    assert live._dirty == {SESSIONS[0]}, "whoever hands out next knows that there is something new"
    watch.step = 0.0
    events.publish(FrameCame(session))
    assert live._wake.is_set()


def test_what_the_pages_hear_of_a_session_has_its_violations_in_words(tmp_path: Path) -> None:
    events = Events()
    live = Live(Flask("live"), Access(settings_for(tmp_path)), events, **NOBODY)
    violation = {"kind": "no_face", "points": 9, "start": 5, "end": 9}
    status = SimpleNamespace(to_dict=lambda: {"violations": [violation], "unseen": None})
    session = SimpleNamespace(session_id=SESSIONS[0], exam_id=None, status=lambda: status)
    events.publish(SessionStarted(cast(ExamSession, session)))
    ((event, payload, _),) = live._messages
    assert (event, payload["violations"]) == ("session_started", [violation | {"text": "Nobody in view for 4 s (+9)"}])


def test_an_answer_never_stands_between_an_event_and_its_picture(tmp_path: Path) -> None:
    live = Live(Flask("live"), Access(settings_for(tmp_path)), Events(), **NOBODY)
    server = live.socketio.server
    viewer = server.manager.connect("line", "/")
    sent: list[Any] = []
    answer = threading.Thread(target=lambda: server._send_packet("line", Packet(ACK, data=[{"ok": True}], namespace="/", id=7)))

    def send_packet(line: str, packet: Any) -> None:
        sent.append(packet.data)
        if len(sent) == 1:
            answer.start()
            answer.join(0.3)  # with nothing to stop it, it would be out by now

    server.eio.send_packet = send_packet
    server.eio.send = lambda line, data: sent.append(data)
    live._emit("monitoring_update", {"frame": b"\xff\xd8"}, viewer)
    answer.join()
    assert [type(data) for data in sent] == [str, bytes, str]
    assert sent[2].startswith("37[")


def test_what_is_the_students_alone_does_not_pass_the_dashboards(tmp_path: Path) -> None:
    events = Events()
    live = Live(Flask("live"), Access(settings_for(tmp_path)), events, **NOBODY)
    session = cast(ExamSession, SimpleNamespace(session_id=SESSIONS[0], exam_id="exam"))
    events.publish(KeyWanted(session))
    events.publish(NoticesChanged(session, ("dark",)))
    assert not live._messages


def test_a_session_that_has_ended_leaves_nothing_with_who_watched_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    events = Events()
    live = Live(Flask("live"), Access(settings_for(tmp_path)), events, **NOBODY)
    viewer = live.socketio.server.manager.connect("line", "/")
    for session_id in SESSIONS:
        live._viewers.setdefault(viewer, Viewer()).watches[session_id] = watch = Watch("binary", 1.0)
        live._watchers[session_id] = {viewer: watch}
        live.socketio.server.manager.basic_enter_room(viewer, "/", f"session:{session_id}")
        summary = SimpleNamespace(to_dict=lambda session_id=session_id: {"session_id": session_id})
        session = cast(ExamSession, SimpleNamespace(session_id=session_id, exam_id=None))
        events.publish(SessionEnded(session, cast(Summary, summary), End("student"), "ended"))
    live._pump_once()
    assert (live._watchers, live._viewers[viewer].watches) == ({}, {})
    rooms = live.socketio.server.manager.rooms["/"]
    assert f"session:{SESSIONS[0]}" in rooms, "what is told of its last clip comes later"
    monkeypatch.setattr("web.proctor.live.ROOM_KEPT_S", -1.0)
    live._pump_once()
    assert not [room for room in rooms if str(room).startswith("session:")]


def test_who_is_logged_out_is_told_hears_nothing_more_and_is_hung_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("web.proctor.live.LOGINS_LOOK_S", 0.0)
    live = Live(Flask("live"), Access(settings_for(tmp_path)), Events(), **NOBODY)
    server = live.socketio.server
    told: list[tuple[str, str]] = []
    monkeypatch.setattr(live, "_emit", lambda event, payload, to: told.append((event, to)))
    gone: list[str] = []
    monkeypatch.setattr(live._connections, "hang_up", gone.append)
    viewers = [server.manager.connect(line, "/") for line in ("in", "out")]
    logged_in = dict.fromkeys(viewers, LOCAL)
    for viewer in viewers:
        live._viewers[viewer] = Viewer({SESSIONS[0]: Watch("binary", 1.0)}, partial(logged_in.__getitem__, viewer))
        live._watchers.setdefault(SESSIONS[0], {})[viewer] = live._viewers[viewer].watches[SESSIONS[0]]
        server.manager.basic_enter_room(viewer, "/", "exams")
    live._end_logged_out()
    assert told == []
    logged_in[viewers[1]] = OUT
    live._end_logged_out()
    assert told == [("signed_out", viewers[1])]
    assert list(live._watchers[SESSIONS[0]]) == [viewers[0]]
    assert server.rooms(viewers[0]) != [viewers[0]]
    assert server.rooms(viewers[1]) == [viewers[1]]
    assert gone == []
    live._end_logged_out()
    assert gone == ["out"]
    assert list(live._viewers) == [viewers[0]]


def test_who_watches_no_session_and_reads_nothing_is_let_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("web.proctor.live.LOGINS_LOOK_S", 0.0)
    live = Live(Flask("live"), Access(settings_for(tmp_path)), Events(), **NOBODY)
    live._viewers[live.socketio.server.manager.connect("line", "/")] = Viewer()
    waiting, gone = [STUCK_BACKLOG], list[str]()
    monkeypatch.setattr(live, "_backlog", lambda _sid: waiting[-1])
    monkeypatch.setattr(live._connections, "hang_up", gone.append)
    live._end_logged_out()
    assert not gone
    waiting.append(STUCK_BACKLOG + 1)
    live._end_logged_out()
    assert (gone, live._viewers) == (["line"], {})
