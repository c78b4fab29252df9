"""What a dashboard hears and sees of exams: its own, and those alone; and what ends at once when a right is taken away in mid-exam."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from flask import Flask

from basics.errors import StorageError
from sessions.events import Events
from sessions.session import ExamSession
from tests.helpers.callers import FREE, OTHER, OWN, TwoExams, account, token
from tests.helpers.web import PASSWORD, settings_for
from web.access.callers import NOBODY, Caller
from web.access.who_may import Access
from web.proctor.live import Live
from web.proctor.viewers import Viewer

BY_GROUP = account(in_exams={OWN: frozenset({"proctor"})})
SESSIONS = {exam: SimpleNamespace(session_id=f"{number:032x}", exam_id=exam) for number, exam in enumerate((OWN, OTHER, FREE), 1)}


class Room(Live):
    """Dashboards without their network: what each is sent is noted."""

    def __init__(self, folder: Path) -> None:
        self.app = Flask("live")
        self.audited: list[dict[str, Any]] = []
        by_id = {session.session_id: session for session in SESSIONS.values()}
        get: Callable[[str], ExamSession | None] = lambda session_id: cast(Any, by_id.get(session_id))  # noqa: E731
        access = Access(settings_for(folder, proctor_password=PASSWORD))
        super().__init__(self.app, access, Events(), sessions=get, audit=self.audited.append, async_mode="threading", fps=10)
        self.told: list[tuple[str, str]] = []

    def _emit(self, event: str, payload: Any, to: str | list[str]) -> None:
        self.told += [(line, event) for _sid, line in self.socketio.server.manager.get_participants("/", to)]

    def _hand_out_pictures(self) -> None:
        """These sessions have none."""

    def enter(self, name: str, who: Callable[[], Caller], language: str = "en") -> str:
        sid: str = self.socketio.server.manager.connect(name, "/")
        self._viewers[sid] = viewer = Viewer(caller=who, language=language)
        viewer.look()
        return sid

    def ask(self, sid: str, event: str, **data: Any) -> dict[str, Any]:
        handle = {"join_session": self._join_session, "join_sound": self._join_sound, "join_exam": self._join_exam, "leave_exam": self._leave_exam}
        with self.app.test_request_context("/socket.io/", headers={"User-Agent": "a script"}):
            from flask import g, request

            g.language = "en"
            request.sid, request.namespace = sid, "/"  # type: ignore[attr-defined]
            return self._answer(handle[event], data)

    def tell(self, exam: str) -> set[str]:
        """Who hears of something in an exam."""
        self.told.clear()
        self.announce("flags_seen", {"session_id": SESSIONS[exam].session_id, "unseen": None}, exam)
        self._pump_once()
        lines = [line for line, event in self.told if event == "flags_seen"]
        assert len(lines) == len(set(lines)), "each hears it once"
        return set(lines)


@pytest.fixture
def room(tmp_path: Path) -> Room:
    return Room(tmp_path)


def test_who_may_see_some_exams_joins_and_hears_those_alone(room: Room) -> None:
    everybody: dict[str, Any] = {
        "admin": account("administrator"),
        "proctor": account("proctor"),
        "by group": account(in_exams={OWN: frozenset({"proctor"})}),
    }
    sids = {name: room.enter(name, partial(everybody.__getitem__, name), "de" if name == "proctor" else "en") for name in everybody}
    may = {"admin": {OWN, OTHER, FREE}, "proctor": {OWN, FREE}, "by group": {OWN}}
    for name, sid in sids.items():
        for exam, session in SESSIONS.items():
            for event in ("join_session", "join_sound"):
                answer = room.ask(sid, event, session_id=session.session_id)
                assert answer["ok"] is (exam in may[name]), (name, event, exam)
                assert exam in may[name] or answer["error"]["code"] == "not_found", "not even that it runs is told"
            assert room.ask(sid, "join_exam", exam_id=exam)["ok"] is (exam in may[name])
        assert room.ask(sid, "join_exam")["ok"]
    for exam in SESSIONS:
        assert room.tell(exam) == {name for name, exams in may.items() if exam in exams}, exam
    assert {entry["who"] for entry in room.audited} == {"Ada Byron"}
    assert room.ask(sids["proctor"], "leave_exam")["ok"]
    assert "proctor" in room.tell(OWN), "it still hears of the exam and the session that it joined"


def test_who_watches_and_listens_by_the_socket_alone_is_noted_with_token_and_browser(room: Room) -> None:
    sid, session_id = room.enter("line", lambda: token("read")), SESSIONS[OWN].session_id
    for event in ("join_session", "join_session", "join_sound"):
        assert room.ask(sid, event, session_id=session_id)["ok"]
    by = {"browser": "a script", "token": "a script"}
    watched, listened = {"who": "proctor", "what": "live: looked at"}, {"who": "a script", "what": "sound: listened", "session_id": session_id}
    assert [{name: value for name, value in entry.items() if name != "address"} for entry in room.audited] == [watched | by, listened | by]


def test_a_role_taken_away_in_mid_exam_ends_pictures_sound_and_events_at_once(room: Room) -> None:
    now = {"who": account("proctor")}
    sid = room.enter("proctor", lambda: now["who"])
    own, free = SESSIONS[OWN].session_id, SESSIONS[FREE].session_id
    for session_id in (own, free):
        room.ask(sid, "join_session", session_id=session_id)
        room.ask(sid, "join_sound", session_id=session_id)
    room.ask(sid, "join_exam")
    assert room.tell(OWN) == {"proctor"}
    now["who"] = account("proctor", exams=TwoExams(teachers=(), proctors=()))  # the exam names somebody else now
    room.look_again()
    room._pump_once()
    assert ("proctor", "rights_changed") in room.told
    assert set(room._watchers) == {free}
    assert set(room._sound._listeners) == {free}
    assert (room.tell(OWN), room.tell(FREE)) == (set(), {"proctor"})
    now["who"] = account("auditor")
    room.look_again()
    room._pump_once()
    assert ("proctor", "signed_out") in room.told
    assert (room._watchers, room._sound._listeners) == ({}, {})
    assert room.tell(FREE) == set()


def test_an_administrator_who_becomes_a_proctor_hears_of_others_exams_no_more(room: Room) -> None:
    now = {"who": account("administrator")}
    sid = room.enter("line", lambda: now["who"])
    room.ask(sid, "join_exam")
    assert room.tell(OTHER) == {"line"}
    now["who"] = account("proctor")
    room.look_again()
    room._pump_once()
    assert (room.tell(OTHER), room.tell(OWN)) == (set(), {"line"})


def test_a_login_that_ends_ends_its_dashboard_and_an_outage_does_not(room: Room) -> None:
    answers: list[Any] = [account("proctor")]

    def who() -> Caller:
        if isinstance(answers[-1], Exception):
            raise answers[-1]
        found: Caller = answers[-1]
        return found

    sid = room.enter("line", who)
    room.ask(sid, "join_exam")
    answers.append(StorageError("The database is away."))
    room.look_again()
    assert room.tell(OWN) == {"line"}
    answers.append(NOBODY)
    room.look_again()
    room._pump_once()
    assert ("line", "signed_out") in room.told
    assert room.tell(OWN) == set()
