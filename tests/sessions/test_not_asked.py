"""An exam in which no signal of the camera, or of the microphone, has points: it goes on without them, and nothing is made of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from basics.readings import AudioReading, GazeReading, PersonsReading, Sound
from basics.times import utc_now
from bench.session import FootageClock, Memory
from media.recorder import Recorder
from scoring.accommodations import Accommodation
from scoring.asked import SIGNALS_OF, not_asked
from scoring.rules import Rules
from sessions.analysis import PictureReadings
from sessions.device_states import NOT_ASKED
from sessions.events import Events
from sessions.identity import Identity
from sessions.models import Models
from sessions.session import ExamSession
from settings.settings import load_settings

SETTINGS = load_settings(_env_file=None)
RULES = Rules.from_settings(SETTINGS)
BLIND = Accommodation("student", points=dict.fromkeys(SIGNALS_OF["camera"], 0))
ALONE = replace(BLIND, reading_aloud=True)
Make = Callable[[Accommodation | None], tuple[ExamSession, FootageClock, Memory]]


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Make]:
    made: list[ExamSession] = []

    def session(accommodation: Accommodation | None) -> tuple[ExamSession, FootageClock, Memory]:
        clock, memory = FootageClock(), Memory()
        made.append(
            ExamSession(
                Identity("session", "student", "exam", "browser"),
                rules=accommodation.apply(RULES) if accommodation else RULES,
                settings=SETTINGS,
                models=Models(),
                storage=memory,
                recorder=Recorder(tmp_path / "clips", tmp_path / "temp"),
                events=Events(),
                clock=clock,
                started_at=utc_now(),
                start=0.0,
                accommodation=accommodation,
                usual=RULES.points,
            )
        )
        made[-1].device_state("connection", "ok")
        return made[-1], clock, memory

    yield session
    for one in made:
        one.close()


def pass_time(session: ExamSession, clock: FootageClock, seconds: float, *, sound: bool = True) -> None:
    end = clock.now + seconds
    while clock.now < end:
        clock.now += 0.5
        session.page_says(False, "", True)
        if sound:
            session.watch_over.sound_came(Sound(clock.now - 0.5, np.full(8000, 500, np.int16)))
            session.take_audio(AudioReading(clock.now - 0.5, 0.5))
        session.tick()


def unread(memory: Memory) -> Mapping[str, Any]:
    found: Mapping[str, Any] = memory.documents["sessions"]["session"]["unread"]
    return found


def test_only_devices_none_of_whose_signals_counts_are_not_asked_for() -> None:
    assert not_asked(RULES.points) == ()
    assert not_asked(BLIND.points_under(RULES.points)) == ("camera",)
    assert not_asked({**BLIND.points_under(RULES.points), "prohibited_object": 1}) == ()
    assert not_asked(ALONE.points_under(RULES.points)) == ("camera", "microphone")


@pytest.mark.parametrize("state", ["missing", "denied", "lost"])
def test_a_camera_that_is_not_there_is_no_trouble(make: Make, state: Any) -> None:
    session, clock, memory = make(BLIND)
    session.device_state("camera", state, "whatever")
    session.device_state("microphone", "ok")
    pass_time(session, clock, 40)
    status = session.status()
    assert (status.devices["camera"]["state"], status.devices["camera"]["reason"]) == ("off", NOT_ASKED)
    assert (status.unwatched, status.doubts, status.not_asked) == (None, (), ("camera",))
    assert not any(code.startswith("camera") for code in status.notices)
    session.checkpoint()
    assert (unread(memory)["gaze"]["unread_s"], unread(memory)["people"]["unread_s"]) == (0, 0)


def test_where_it_is_asked_for_it_is_missed(make: Make) -> None:
    session, clock, memory = make(None)
    session.device_state("camera", "missing", "missing")
    pass_time(session, clock, 40)
    status = session.status()
    assert (status.devices["camera"]["state"], status.not_asked) == ("missing", ())
    assert status.unwatched is not None
    session.checkpoint()
    assert unread(memory)["gaze"]["unread_s"] > 30


def test_nobody_waits_for_a_silent_page_that_need_send_nothing(make: Make) -> None:
    session, clock, _memory = make(ALONE)
    pass_time(session, clock, 60, sound=False)
    status = session.status()
    assert (status.unwatched, status.doubts, list(status.notices)) == (None, (), [])
    assert {name for name, device in status.devices.items() if device["state"] == "lost"} == set()


def test_a_line_that_is_lost_is_told_all_the_same(make: Make) -> None:
    session, clock, _memory = make(ALONE)
    session.device_state("connection", "lost", "page_away")
    pass_time(session, clock, 10, sound=False)
    status = session.status()
    assert status.unwatched is not None
    assert status.unwatched.reason == "connection"


def test_pictures_that_come_all_the_same_are_doubted_by_nobody(make: Make) -> None:
    session, clock, memory = make(BLIND)
    session.device_state("camera", "ok")
    for _ in range(80):
        pass_time(session, clock, 0.5)
        readings = GazeReading(clock.now, "unknown", "covered"), PersonsReading(clock.now, None, None, reason="covered")
        session.take_readings(PictureReadings(clock.now, *readings))
    status = session.status()
    assert status.devices["camera"]["state"] == "ok"
    assert (status.unwatched, status.doubts, list(status.notices)) == (None, (), [])
    session.checkpoint()
    assert unread(memory)["gaze"]["unread_s"] == 0


def test_an_accommodation_in_mid_exam_takes_the_trouble_away_and_brings_it_back(make: Make) -> None:
    session, clock, _memory = make(None)
    session.device_state("camera", "missing", "missing")
    pass_time(session, clock, 20)
    assert session.changes.apply(BLIND, "Ada")
    pass_time(session, clock, 5)
    assert session.status().devices["camera"]["reason"] == NOT_ASKED
    assert session.status().unwatched is None
    assert (session.different() or {})["not_asked"] == ["camera"]
    assert session.changes.apply(None, "Ada")
    assert session.status().devices["camera"]["state"] == "starting"
    session.device_state("camera", "missing", "missing")
    pass_time(session, clock, 5)
    assert session.status().unwatched is not None
