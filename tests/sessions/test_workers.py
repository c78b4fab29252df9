"""The threads that read: sound is read in rounds, all of a session's that has come since the last one in one go."""

from __future__ import annotations

import threading
from types import SimpleNamespace
from typing import Any, cast

import pytest

from sessions import workers
from sessions.events import Events, SoundCame
from sessions.session import ExamSession


def test_sound_that_comes_in_crumbs_is_read_in_rounds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers, "SOUND_EVERY_S", 3600.0)
    events, first, second = Events(), threading.Event(), threading.Event()

    def read_sound() -> None:
        (second if first.is_set() else first).set()

    session = cast(ExamSession, SimpleNamespace(session_id="one", read_sound=read_sound, picture_waits=lambda: None))
    sound: Any = None
    reading = workers.Workers(lambda: [session], events, 1)
    reading.start()
    events.publish(SoundCame(session, sound))
    assert first.wait(60)
    for _ in range(10):
        events.publish(SoundCame(session, sound))
    assert not second.wait(0.2), "nothing is read before the next round"
    reading.stop()
    assert not any(thread.is_alive() for thread in reading._threads), "the pause between two rounds keeps nobody who ends"
