"""Live sound: heard by those who ask for it, told by a session only then, and bounded for a listener that is slow."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from flask.testing import FlaskClient

from basics.errors import InvalidInput
from basics.readings import Sound
from sessions.session import ExamSession
from web.parts import Parts
from web.proctor.sound import BACKLOG_MAX, LISTENED_MAX, WAITING_MAX, LiveSound

Start = Callable[[], ExamSession]


@pytest.fixture
def start(client: FlaskClient, parts: Parts, student: str) -> Start:
    """Starts sessions."""
    count = iter(range(100))

    def make() -> ExamSession:
        body = {"user_id": student, "exam_id": f"exam{next(count)}", "source": "browser"}
        session = parts.monitor.get(client.post("/api/session/create", json=body).get_json()["session_id"])
        assert session is not None
        return session

    return make


def stretch(at: float, value: int = 7) -> Sound:
    return Sound(at, np.full(1600, value, np.int16))


class Hearing:
    """Who got what."""

    def __init__(self) -> None:
        self.heard: list[tuple[str, dict[str, Any]]] = []
        self.waiting = 0

    def send(self, sid: str, message: dict[str, Any]) -> None:
        self.heard.append((sid, message))

    def backlog(self, sid: str) -> int:
        return self.waiting


def test_those_who_listen_hear_it_as_little_endian_pcm(start: Start) -> None:
    sound, hearing, session = LiveSound(), Hearing(), start()
    sound.join(session, "a")
    sound.join(session, "b")
    sound.put(session.session_id, stretch(1.25, 513))
    sound.put(start().session_id, stretch(1.25))
    sound.hand_out(hearing.send, hearing.backlog)
    assert sorted(sid for sid, _ in hearing.heard) == ["a", "b"]
    message = hearing.heard[0][1]
    assert (message["session_id"], message["at"], message["pcm"][:4], len(message["pcm"])) == (session.session_id, 1.25, b"\x01\x02\x01\x02", 3200)


def test_a_session_tells_its_sound_only_while_somebody_listens(start: Start) -> None:
    sound, session = LiveSound(), start()
    told: list[dict[str, Any]] = []
    session._tell = lambda event, _, payload: told.append(payload) if event == "sound" else None
    session.take_sound(stretch(0.0))
    assert told == [{}]
    sound.join(session, "a")
    sound.join(session, "b")
    sound.leave(session.session_id, "a")
    session.take_sound(stretch(0.1))
    assert told[1]["sound"].at == 0.1
    sound.forget("b")
    session.take_sound(stretch(0.2))
    assert told[2] == {}
    assert not session.listened


def test_a_slow_listener_misses_stretches_and_nobody_waits(start: Start) -> None:
    sound, hearing, session = LiveSound(), Hearing(), start()
    sound.join(session, "a")
    hearing.waiting = BACKLOG_MAX + 1
    for number in range(WAITING_MAX + 50):
        sound.put(session.session_id, stretch(number / 10))
    sound.hand_out(hearing.send, hearing.backlog)
    assert hearing.heard == []
    hearing.waiting = 0
    for number in range(WAITING_MAX + 50):
        sound.put(session.session_id, stretch(number / 10))
    sound.hand_out(hearing.send, hearing.backlog)
    assert len(hearing.heard) == WAITING_MAX
    assert hearing.heard[-1][1]["at"] == (WAITING_MAX + 49) / 10


def test_one_dashboard_hears_a_few_sessions(start: Start) -> None:
    sound = LiveSound()
    sessions = [start() for _ in range(LISTENED_MAX + 1)]
    for session in sessions[:-1]:
        sound.join(session, "a")
    with pytest.raises(InvalidInput, match="at most"):
        sound.join(sessions[-1], "a")
    sound.join(sessions[0], "a")
    sound.join(sessions[-1], "b")
    sound.ended(sessions[0].session_id)
    assert not sessions[0].listened
    sound.join(sessions[-1], "a")
