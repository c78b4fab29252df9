"""What a session makes of devices that say they are well and give nothing, and of a reading that fails: told, unknown, and no points."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from basics.readings import Frame, Sound
from basics.times import utc_now
from bench.session import FootageClock, Memory
from media.recorder import Recorder
from scoring.rules import Rules
from sessions.events import DeviceChanged, Event, Events, NoticesChanged, SessionEvent
from sessions.failures import OVER_S, Failures
from sessions.health import analysis_health
from sessions.identity import Identity
from sessions.models import Models
from sessions.session import ExamSession
from settings.settings import load_settings

ROOM = np.tile(np.array([3, -3], np.int16), 1600)
PICTURE = cv2.imencode(".jpg", np.full((48, 64, 3), 99, np.uint8))[1].tobytes()


class Exam:
    """A session on a clock that the test moves, its records in memory, what it tells in a list; no clip is made."""

    def __init__(self, folder: Path) -> None:
        self.settings = load_settings(_env_file=None, screen_capture="required")
        self.clock, self.memory, self.events = FootageClock(), Memory(), Events()
        self.recorder = Recorder(folder / "clips", folder / "temp")
        self.told: list[SessionEvent] = []
        for kind in SessionEvent.__subclasses__():
            self.events.subscribe(kind, self.told.append)
        self.session = self.make()

    def make(self) -> ExamSession:
        return ExamSession(
            Identity("session", "student", "exam", "browser"),
            rules=Rules.from_settings(self.settings),
            settings=self.settings,
            models=Models(),
            storage=self.memory,
            recorder=self.recorder,
            events=self.events,
            clock=self.clock,
            started_at=utc_now(),
            start=0.0,
        )

    def at(self, seconds: float) -> None:
        self.clock.now = seconds
        self.session.tick()

    def heard(self, kind: type[Event]) -> list[Event]:
        return [event for event in self.told if isinstance(event, kind)]


@pytest.fixture
def exam(tmp_path: Path) -> Exam:
    return Exam(tmp_path)


def come(exam: Exam) -> None:
    """The student's page connects and says that all is well."""
    exam.session.device_state("connection", "ok")
    for device in ("camera", "microphone", "screen"):
        exam.session.device_state(device, "ok")


def run(exam: Exam, seconds: float, *, camera: bool = True, sound: Any = ROOM, screen: bool = True, page: bool = True) -> None:
    """Let time pass in which the page sends so much."""
    for _ in range(round(seconds * 5)):
        exam.at(round(exam.clock.now + 0.2, 1))
        now = exam.clock.now
        if camera:
            exam.session.take_frame(Frame(now, now.hex().encode()))
        if sound is not None:
            exam.session.take_sound(Sound(now, sound))
        if screen and round(now * 5) % 25 == 0:
            exam.session.take_still(Frame(now, b"a still"))
        if page and round(now * 5) % 25 == 0:
            exam.session.page_says(False, "Webcam")


def state(exam: Exam, device: str) -> tuple[str, str]:
    found = exam.session.status().to_dict()["devices"][device]
    return found["state"], found["reason"]


def check(exam: Exam, number: int) -> dict[str, Any]:
    found: dict[str, Any] = exam.memory.documents["checks"][f"session-{number}"]
    return found


@pytest.mark.parametrize("sound", [None, np.zeros(3200, np.int16)])
def test_sound_that_is_not_there_is_lost_within_ten_seconds_and_unknown(exam: Exam, sound: Any) -> None:
    come(exam)
    run(exam, 10, sound=sound)
    assert state(exam, "microphone") == ("lost", "nothing_comes")
    assert exam.session.status().to_dict()["sound_reason"] == "lost"
    assert "mic_nothing" in exam.heard(NoticesChanged)[-1].codes
    run(exam, 12, sound=sound)
    assert check(exam, 1)["unknown"]["sound: lost"] == pytest.approx(10, abs=0.5)
    exam.session.device_state("microphone", "ok")  # its page believes so
    run(exam, 0.4, sound=sound)
    assert state(exam, "microphone") == ("lost", "nothing_comes")
    run(exam, 0.4)
    assert state(exam, "microphone") == ("ok", "")
    assert "mic_nothing" not in exam.heard(NoticesChanged)[-1].codes
    assert exam.session.status().total_score == 0


def test_pictures_that_never_come_are_lost_and_unknown(exam: Exam) -> None:
    come(exam)
    run(exam, 22, camera=False)
    assert state(exam, "camera") == ("lost", "nothing_comes")
    status = exam.session.status().to_dict()
    assert (status["gaze"], status["gaze_reason"], status["faces"], status["faces_reason"]) == ("unknown", "lost", None, "lost")
    assert status["unwatched"] == {"since_s": pytest.approx(5.0, abs=1.5), "reason": "camera_lost"}
    gaze = check(exam, 1)["unread"]["gaze"]
    assert gaze == {"of_s": gaze["unread_s"], "unread_s": pytest.approx(15, abs=1), "reasons": {"lost": gaze["unread_s"]}}, "the sums so far"
    assert check(exam, 1)["unknown"] == {"lost": pytest.approx(10, abs=0.5), "persons: lost": pytest.approx(10, abs=0.5), "sound: not_read": 10.0}


def test_a_page_that_never_spoke_of_its_devices_is_held_to_them_all_the_same(exam: Exam) -> None:
    exam.session.device_state("connection", "ok")
    run(exam, 6, camera=False, sound=None)
    assert (state(exam, "camera"), state(exam, "microphone")) == (("lost", "nothing_comes"),) * 2


def test_what_the_page_said_of_a_device_holds_until_it_says_otherwise(exam: Exam) -> None:
    come(exam)
    run(exam, 2)
    exam.session.device_state("microphone", "lost", "device_ended")
    run(exam, 12)
    assert state(exam, "microphone") == ("lost", "device_ended")
    exam.session.device_state("microphone", "ok")
    run(exam, 2)
    assert state(exam, "microphone") == ("ok", "")


def test_a_screen_that_must_be_shared_and_is_not_seen_for_a_minute_is_lost_whatever_the_page_says(exam: Exam) -> None:
    come(exam)
    run(exam, 59, screen=False)
    assert state(exam, "screen") == ("ok", "")
    run(exam, 2, screen=False)
    assert state(exam, "screen") == ("lost", "nothing_comes")
    assert "screen_unshown" in [one.code for one in exam.session.status().doubts]
    run(exam, 5)
    assert state(exam, "screen") == ("ok", "")
    stored = exam.memory.documents["sessions"]["session"]["doubts"]
    assert [(one["code"], one["end"] is None) for one in stored if one["code"] == "screen_unshown"] == [("screen_unshown", False)]


def test_a_page_that_is_away_is_not_asked_for_its_devices_one_by_one(exam: Exam) -> None:
    come(exam)
    run(exam, 2)
    exam.session.device_state("connection", "lost", "page_away")
    run(exam, 20, camera=False, sound=None, screen=False, page=False)
    assert exam.session.status().doubts == ()
    assert exam.session.status().to_dict()["unwatched"] == {"since_s": pytest.approx(2, abs=0.5), "reason": "connection"}
    exam.session.begin_break("Ada")
    exam.at(exam.clock.now + 0.2)
    assert exam.session.status().unwatched is None, "in a break nobody watches"
    exam.session.end_break()
    assert not [event for event in exam.heard(NoticesChanged) if event.codes]
    exam.session.device_state("connection", "ok")
    run(exam, 1)
    assert {state(exam, device) for device in ("camera", "microphone")} == {("ok", "")}


def test_the_cameras_name_and_the_pages_addresses_are_stored(exam: Exam) -> None:
    exam.session.watch_over.came_from("10.0.0.1", "Firefox")
    come(exam)
    exam.session.page_says(False, "OBS Virtual Camera")
    run(exam, 1)
    exam.session.watch_over.came_from("10.0.0.2", "Firefox")
    run(exam, 1)
    stored = exam.memory.documents["sessions"]["session"]
    assert stored["devices"]["camera"]["label"] == "OBS Virtual Camera"
    assert exam.session.pictures._camera_name == "OBS Virtual Camera", "which tells its pictures from another's"
    assert [one["address"] for one in stored["connections"]] == ["10.0.0.1", "10.0.0.2"]
    assert {one["code"] for one in stored["doubts"] if one["end"] is None} == {"virtual_camera", "moved"}
    later = exam.make()
    later.watch_over.take_up(stored, [], 0.0)
    later.watch_over.came_from("10.0.0.2", "Firefox")
    later.tick()
    assert [one.code for one in later.status().doubts] == ["virtual_camera"]


def test_a_reading_that_fails_somewhere_is_unknown_told_and_not_tried_for_ever(exam: Exam, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("the driver is gone")

    monkeypatch.setattr(exam.session.pictures, "read", broken)
    come(exam)
    for step in range(1, 12):
        exam.at(step)
        exam.session.take_frame(Frame(step, PICTURE))
        assert exam.session.picture_waits() is not None
        (readings,) = exam.session.read_picture()
        assert (readings.gaze.direction, readings.gaze.reason) == ("unknown", "error")
        assert exam.session.picture_waits() is None
    told = models_of(exam.session).health()
    assert (told["state"], told["failing"]["pictures"]["count"]) == ("degraded", 11)
    assert "the driver is gone" in told["reason"]
    assert exam.session.status().rates["gaze_fps"] == 0
    assert "detector_failed" in [one.code for one in exam.session.status().doubts]


def test_health_is_degraded_while_less_than_half_is_read(exam: Exam) -> None:
    come(exam)
    run(exam, 8)
    found = analysis_health([exam.session], exam.settings.gaze_fps, 2)
    assert (found["state"], found["behind"], found["gaze_fps_least"]) == ("degraded", 1, 0.0)
    assert "1 of 1 exams is read less than half as often as wanted" in found["reason"]
    assert found["in_full"] is None, "nobody knows what a reading takes here"
    assert analysis_health([], 4.0, 2, 50.0)["in_full"] == 12


def test_failures_are_counted_since_they_began_and_forgotten_when_they_are_over(caplog: pytest.LogCaptureFixture) -> None:
    now = [0.0]
    failures = Failures(lambda: now[0])
    assert failures.health()["state"] == "ok"
    for _ in range(5):
        failures.note("gaze", RuntimeError("gone"), "one")
    assert failures.health()["failing"]["gaze"]["count"] == 5
    assert len(caplog.records) == 1
    now[0] = OVER_S + 1
    assert failures.health() == {"state": "ok", "reason": "", "failing": {}}
    failures.note("gaze", RuntimeError("gone"), "one")
    assert failures.health()["failing"]["gaze"]["count"] == 1


def test_a_device_that_falls_silent_is_told_once(exam: Exam) -> None:
    come(exam)
    run(exam, 2)
    run(exam, 20, sound=None)
    assert [event.state for event in exam.heard(DeviceChanged) if event.device == "microphone"] == ["ok", "lost"]


def models_of(session: ExamSession) -> Failures:
    return session.sound.models.failures


def test_pages_that_take_each_others_place_bring_a_microphone_no_new_time_to_be_heard(exam: Exam) -> None:
    come(exam)
    for _ in range(5):
        run(exam, 3, sound=None)
        come(exam)  # another connection of the same student, before the first has gone
    assert exam.session.watch_over.devices()["microphone"]["state"] == "lost"


def test_a_microphone_said_to_be_off_and_on_again_is_given_time_once(exam: Exam) -> None:
    come(exam)
    for _ in range(5):
        run(exam, 3, sound=None)
        exam.session.device_state("microphone", "off")
        exam.session.device_state("microphone", "ok")
    run(exam, 1, sound=None)
    assert exam.session.watch_over.devices()["microphone"]["state"] == "lost"
    run(exam, 1)
    assert exam.session.watch_over.devices()["microphone"]["state"] == "ok"
    exam.session.device_state("microphone", "off")
    run(exam, 20, sound=None)
    exam.session.device_state("microphone", "ok")
    run(exam, 3, sound=None)
    assert exam.session.watch_over.devices()["microphone"]["state"] == "ok", "it has worked since, and is given time again"


def test_a_device_that_worked_is_known_to_have_after_a_restart_too(exam: Exam) -> None:
    come(exam)
    run(exam, 2, screen=False)
    exam.session.device_state("microphone", "denied", "the student said no")
    devices = exam.session.watch_over.devices()
    assert (devices["microphone"]["worked"], devices["camera"]["worked"], devices["screen"]["worked"]) == (True, True, False)
    later = exam.make()
    later.watch_over.take_up(exam.memory.documents["sessions"]["session"], [], 2.0)
    later.device_state("microphone", "denied")
    assert later.watch_over.devices()["microphone"]["worked"]
