"""Live sound: heard by those who ask for it, told by a session only then, and bounded for a listener that is slow."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from basics.errors import InvalidInput
from basics.readings import Sound
from web.proctor.sound import BACKLOG_MAX, LISTENED_MAX, WAITING_MAX, LiveSound

SESSIONS = [f"{number:032x}" for number in range(LISTENED_MAX + 1)]


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


def test_those_who_listen_hear_it_as_little_endian_pcm() -> None:
    sound, hearing = LiveSound(), Hearing()
    sound.join(SESSIONS[0], "a")
    sound.join(SESSIONS[0], "b")
    sound.put(SESSIONS[0], stretch(1.25, 513))
    sound.put(SESSIONS[1], stretch(1.25))
    sound.hand_out(hearing.send, hearing.backlog)
    assert sorted(sid for sid, _ in hearing.heard) == ["a", "b"]
    message = hearing.heard[0][1]
    assert (message["session_id"], message["at"], message["pcm"][:4], len(message["pcm"])) == (SESSIONS[0], 1.25, b"\x01\x02\x01\x02", 3200)


def test_sound_is_kept_only_while_somebody_listens() -> None:
    sound, hearing = LiveSound(), Hearing()
    assert not sound.put(SESSIONS[0], stretch(0.0))
    sound.join(SESSIONS[0], "a")
    sound.join(SESSIONS[0], "b")
    sound.leave(SESSIONS[0], "a")
    assert sound.put(SESSIONS[0], stretch(0.1))
    sound.forget("b")
    assert not sound.put(SESSIONS[0], stretch(0.2))
    sound.hand_out(hearing.send, hearing.backlog)
    assert hearing.heard == []


def test_a_slow_listener_misses_stretches_and_nobody_waits() -> None:
    sound, hearing = LiveSound(), Hearing()
    sound.join(SESSIONS[0], "a")
    hearing.waiting = BACKLOG_MAX + 1
    for number in range(WAITING_MAX + 50):
        sound.put(SESSIONS[0], stretch(number / 10))
    sound.hand_out(hearing.send, hearing.backlog)
    assert hearing.heard == []
    hearing.waiting = 0
    for number in range(WAITING_MAX + 50):
        sound.put(SESSIONS[0], stretch(number / 10))
    sound.hand_out(hearing.send, hearing.backlog)
    assert len(hearing.heard) == WAITING_MAX
    assert hearing.heard[-1][1]["at"] == (WAITING_MAX + 49) / 10


def test_one_dashboard_hears_a_few_sessions() -> None:
    sound = LiveSound()
    for session_id in SESSIONS[:-1]:
        sound.join(session_id, "a")
    with pytest.raises(InvalidInput, match="at most"):
        sound.join(SESSIONS[-1], "a")
    sound.join(SESSIONS[0], "a")
    sound.join(SESSIONS[-1], "b")
    sound.ended(SESSIONS[0])
    assert not sound.put(SESSIONS[0], stretch(0.0))
    sound.join(SESSIONS[-1], "a")
