"""One exam's clock, records and flags, without a server around it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from basics.errors import TooMany
from basics.readings import AudioReading, Frame, GazeReading, PersonsReading, ScreenAct, Sound
from basics.times import utc_now
from bench.session import FootageClock, Memory
from media.recorder import Recorder
from scoring.rules import Rules
from sessions.analysis import PictureReadings
from sessions.ends import End
from sessions.events import ClipDone, DeviceChanged, Event, Events, IntervalFlagged, NoticesChanged, SessionEvent
from sessions.identity import Identity
from sessions.models import Models
from sessions.score_book import MAX_ACTS, Summary
from sessions.session import PROBLEMS_KEPT, ExamSession
from settings.settings import load_settings

WAIT_S = 60.0


class Exam:
    """A session on a clock that the test moves, its records in memory, its messages in a list."""

    def __init__(self, folder: Path, **settings: Any) -> None:
        self.settings = load_settings(_env_file=None, interval_duration=30, check_interval=10, clip_preroll_s=1, clip_postroll_s=1, **settings)
        self.clock, self.memory = FootageClock(), Memory()
        self.recorder = Recorder(folder / "clips", folder / "temp")
        self.recorder.start()
        self.told: list[SessionEvent] = []
        self.clip_made = threading.Event()
        self.events = Events()
        for kind in SessionEvent.__subclasses__():
            self.events.subscribe(kind, self.told.append)
        self.events.subscribe(ClipDone, lambda _: self.clip_made.set())
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

    def interval(self, index: int) -> dict[str, Any]:
        return self.memory.documents["intervals"][f"session-{index}"]

    def film(self, start: float, end: float) -> None:
        """Pictures and sound come in; nobody reads them."""
        for step in range(round(start * 5), round(end * 5)):
            image = np.full((48, 64, 3), step % 200, np.uint8)
            self.at(step / 5)
            self.session.take_frame(Frame(step / 5, cv2.imencode(".jpg", image)[1].tobytes()))
            self.session.take_sound(Sound(step / 5, np.zeros(3200, np.int16)))


@pytest.fixture
def exam(tmp_path: Path) -> Iterator[Exam]:
    made = Exam(tmp_path)
    yield made
    made.recorder.stop()


def act(number: int, at: float, kind: str = "copy") -> ScreenAct:
    return ScreenAct(f"act-{number:05}", at, kind)  # type: ignore[arg-type]


def test_a_flag_is_told_and_stored_in_the_moment(exam: Exam) -> None:
    exam.at(4)
    exam.session.take_acts([act(1, 4)])
    assert not exam.heard(IntervalFlagged)
    exam.session.take_acts([act(2, 4.5)])
    (flag,) = exam.heard(IntervalFlagged)
    assert (flag.result.index, flag.result.score, flag.flagged_intervals) == (0, 10, 1)
    assert (exam.interval(0)["flagged"], exam.interval(0)["closed"]) == (True, False)
    exam.session.take_acts([act(3, 5)])
    assert len(exam.heard(IntervalFlagged)) == 1


def test_an_interval_closes_when_its_sound_is_settled(exam: Exam) -> None:
    exam.at(30 + 6.9)
    assert "intervals" not in exam.memory.documents
    exam.at(30 + 7)
    assert exam.interval(0)["closed"]
    assert exam.memory.documents["sessions"]["session"]["intervals"] == 1


@pytest.mark.parametrize(("settle", "cut_at"), [({}, 8.0), ({"interval_settle_s": 2}, 3.0), ({"interval_settle_s": 2, "clip_settle_s": 4}, 6.0)])
def test_how_long_an_interval_and_its_clip_settle_are_settings(tmp_path: Path, settle: dict[str, float], cut_at: float) -> None:
    exam = Exam(tmp_path, **settle)
    exam.film(0, 30)
    exam.session.take_acts([act(1, 20), act(2, 21)])
    exam.at(30 + exam.settings.interval_settle_s - 0.1)
    assert not exam.interval(0)["closed"]
    exam.at(30 + cut_at - 0.1)
    assert (exam.interval(0)["closed"], exam.clip_made.wait(1)) == (True, False)
    exam.at(30 + cut_at)
    assert exam.clip_made.wait(WAIT_S)
    exam.recorder.stop()


def test_checks_follow_one_another_without_a_gap(exam: Exam) -> None:
    for second in range(36):
        exam.at(second)
        exam.session.take_readings(PictureReadings(second, GazeReading(second, "focused"), PersonsReading(second, 1, False)))
        exam.session.take_audio(AudioReading(second, 1.0, speech=((second, second + 0.5),), voices=1))
    checks = [exam.memory.documents["checks"][f"session-{number}"] for number in range(3)]
    assert [(check["start"], check["end"]) for check in checks] == [(0, 10), (10, 20), (20, 30)]
    assert checks[1]["gaze"] == {"focused": 1.0}
    assert checks[1]["persons"] == {"least": 1, "greatest": 1}
    assert checks[1]["speech_s"] == 5.0
    assert len(checks[1]["readings"]["gaze"]) == 10


def test_a_late_act_flags_an_interval_that_has_closed(exam: Exam) -> None:
    exam.film(0, 45)
    exam.session.take_acts([act(1, 20), act(2, 21)])
    assert (exam.interval(0)["flagged"], exam.interval(0)["revision"] > 0) == (True, True)
    exam.at(46)
    assert exam.clip_made.wait(WAIT_S)
    assert exam.interval(0)["clip"]["state"] == "ready"


def test_a_late_act_takes_its_session_out_of_the_figures_that_are_kept(exam: Exam) -> None:
    exam.film(0, 60)
    exam.session.take_acts([act(1, 40)])
    assert "late_at" not in exam.memory.documents["sessions"]["session"]
    exam.film(60, 80)
    exam.session.take_acts([act(2, 5)])
    stored = exam.memory.documents["sessions"]["session"]
    assert (stored["segment"], "late_at" in stored) == (None, True)


def test_a_flag_raised_too_late_has_no_clip_and_says_why(exam: Exam) -> None:
    exam.film(0, 2)
    exam.film(200, 202)
    exam.session.take_acts([act(1, 20), act(2, 21)])
    exam.at(203)
    assert exam.clip_made.wait(WAIT_S)
    assert exam.interval(0)["clip"]["state"] == "failed"
    assert exam.interval(0)["clip"]["reason"]


def test_a_clip_has_the_final_score_in_its_name(exam: Exam) -> None:
    exam.film(0, 10)
    exam.session.take_acts([act(1, 4), act(2, 5)])
    exam.film(10, 20)
    exam.session.take_acts([act(3, 15)])
    exam.film(20, 45)
    assert exam.clip_made.wait(WAIT_S)
    assert exam.interval(0)["clip"]["path"].endswith("_score15.mp4")
    assert exam.interval(0)["clip"]["duration"] == pytest.approx(31, abs=0.5)


def test_the_end_closes_what_is_open_and_counts_it(exam: Exam) -> None:
    exam.film(0, 12)
    exam.session.take_acts([act(1, 4), act(2, 5)])
    summary, _ = exam.session.end("ended", End("call"))
    assert summary == Summary("session", 10, 1)
    assert exam.interval(0)["closed"]
    assert exam.interval(0)["end"] == pytest.approx(11.8)
    assert exam.memory.documents["sessions"]["session"]["state"] == "ended"
    assert exam.clip_made.wait(WAIT_S)
    exam.session.take_frame(Frame(13, b"late"))
    assert exam.session.newest_frame() is not None
    assert exam.session.newest_frame().at < 13  # type: ignore[union-attr]


def test_a_source_that_falls_silent_is_lost_and_found_again(exam: Exam) -> None:
    exam.film(0, 2)
    exam.at(1.9 + exam.settings.device_silent_s - 0.2)
    assert exam.session.status().to_dict()["devices"]["camera"]["state"] == "ok"
    exam.at(2 + exam.settings.device_silent_s)
    states = [(event.device, event.state) for event in exam.heard(DeviceChanged)]
    assert states == [("camera", "ok"), ("microphone", "ok"), ("camera", "lost"), ("microphone", "lost")]
    exam.film(8, 9)
    assert exam.session.status().to_dict()["devices"]["camera"]["state"] == "ok"


def test_acts_have_a_limit(exam: Exam) -> None:
    with pytest.raises(TooMany):
        exam.session.take_acts([act(number, 1, "fullscreen_left") for number in range(MAX_ACTS + 1)])


def test_a_poor_picture_is_a_notice_when_it_lasts(exam: Exam) -> None:
    for step in range(30):
        exam.session.take_readings(PictureReadings(step / 4, GazeReading(step / 4, "unknown", "dark")))
    assert [event.codes for event in exam.heard(NoticesChanged)] == [("dark",)]
    exam.session.take_readings(PictureReadings(8, GazeReading(8, "focused")))
    assert exam.heard(NoticesChanged)[-1].codes == ()
    assert exam.session.status().to_dict()["total_score"] == 0


def test_a_page_that_sends_ever_other_broken_pictures_fills_neither_memory_nor_log(exam: Exam, caplog: pytest.LogCaptureFixture) -> None:
    for number in range(100):
        gaze = GazeReading(number / 10, "unknown", "unreadable")
        exam.session.take_readings(PictureReadings(gaze.at, gaze, problem=f"the picture ({number} bytes) is not a JPEG"))
    told = [record for record in caplog.records if "is not a JPEG" in record.getMessage()]
    assert len(told) == len(exam.session._problems) == PROBLEMS_KEPT


def test_a_cause_is_told_rather_than_what_comes_of_it(exam: Exam) -> None:
    """A shut cover is dark to the gaze and stands still after a while; against the light the room can't be told, and nobody is found."""
    for step in range(60):
        at = step / 4
        look = PersonsReading(at, None, None, "covered" if at < 2 else "frozen") if step % 8 == 0 else None
        exam.session.take_readings(PictureReadings(at, GazeReading(at, "unknown", "dark" if at < 2 else "frozen"), look, frozen=at > 10))
    assert [event.codes for event in exam.heard(NoticesChanged)] == [("covered",)]
    assert exam.session.status().to_dict()["devices"]["camera"]["state"] == "covered"
    for step in range(60, 120):
        at = step / 4
        look = PersonsReading(at, None, None, "dark") if step % 8 == 0 else None
        exam.session.take_readings(PictureReadings(at, GazeReading(at, "none"), look))
    assert exam.heard(NoticesChanged)[-1].codes == ("dark",)
    assert exam.session.status().to_dict()["devices"]["camera"]["state"] == "ok"
    assert exam.session.status().to_dict()["faces_reason"] == "dark"


def test_sound_that_cannot_be_told_is_a_notice_beside_the_pictures(exam: Exam) -> None:
    for second in range(8):
        exam.session.take_audio(AudioReading(second, 1.0, voices=None, reason="faint"))
        exam.session.take_readings(PictureReadings(second, GazeReading(second, "unknown", "dark")))
    assert sorted(exam.session.status().to_dict()["notices"]) == ["dark", "mic_faint"]
    assert exam.session.status().to_dict()["sound_reason"] == "faint"
    exam.session.take_audio(AudioReading(8, 1.0))
    assert exam.session.status().to_dict()["notices"] == ["dark"]
    assert exam.session.status().to_dict()["total_score"] == 0


@pytest.mark.parametrize(("bowed_deg", "lowered", "points"), [(1.0, False, 0), (9.0, True, 2)])
def test_eyes_that_look_shut_for_long_are_shown_with_their_seconds(exam: Exam, bowed_deg: float, lowered: bool, points: int) -> None:
    numbers = {"bowed_deg": bowed_deg, "lids_open": 0.1}
    for step in range(29):
        at = step / 4
        exam.session.take_readings(PictureReadings(at, GazeReading(at, "closed" if at >= 1 else "focused", numbers=numbers)))
        status = exam.session.status().to_dict()
        assert status["eyes_shut_s"] == (pytest.approx(at - 1, abs=0.06) if at >= 6 else None)
        assert status["eyes_lowered"] == (lowered and at >= 6)
    (stored,) = exam.session.intervals()
    assert (stored["score"], stored["eyes_closed"]) == (points, [] if lowered else [[1, 7]])
    exam.session.take_readings(PictureReadings(7.5, GazeReading(7.5, "focused")))
    assert exam.session.status().to_dict()["eyes_shut_s"] is None


def test_the_last_reading_is_not_shown_as_of_now_once_the_device_is_gone(exam: Exam) -> None:
    exam.session.take_readings(PictureReadings(1, GazeReading(1, "left"), PersonsReading(1, 1, False)))
    exam.session.take_audio(AudioReading(0, 1.0, voices=1, level_dbfs=-30))
    assert (exam.session.status().to_dict()["gaze"], exam.session.status().to_dict()["faces"], exam.session.status().to_dict()["voices"]) == (
        "left",
        1,
        1,
    )
    exam.session.device_state("camera", "lost", "unplugged")
    status = exam.session.status().to_dict()
    assert (status["gaze"], status["gaze_reason"], status["faces"], status["voices"]) == ("unknown", "lost", None, 1)
    exam.session.device_state("microphone", "lost", "unplugged")
    assert exam.session.status().to_dict()["voices"] is None


@pytest.mark.parametrize(("after_s", "told"), [(2, 1), (9, 0)])
def test_when_a_poor_picture_is_told_is_a_setting(tmp_path: Path, after_s: float, told: int) -> None:
    exam = Exam(tmp_path, notice_after_s=after_s)
    try:
        for step in range(20):
            exam.session.take_readings(PictureReadings(step / 4, GazeReading(step / 4, "unknown", "dark")))
        assert len(exam.heard(NoticesChanged)) == told
    finally:
        exam.recorder.stop()


def test_what_was_stored_is_taken_up_with_the_same_scores(exam: Exam) -> None:
    for step in range(200):
        at = step / 4
        exam.at(at)
        look = PersonsReading(at, 2 if 35 < at < 45 else 1, False) if step % 8 == 0 else None
        exam.session.take_readings(PictureReadings(at, GazeReading(at, "left" if 5 < at < 9 else "focused"), look))
    exam.session.take_acts([act(1, 12), act(2, 13)])
    exam.session.checkpoint()
    before = exam.session.intervals()
    documents = exam.memory.documents
    again = exam.make()
    stored = [{"_id": key} | document for key, document in documents["acts"].items()]
    again.take_up(Rules.from_settings(exam.settings), documents["checks"].values(), documents["intervals"].values(), stored)
    after = again.intervals()
    assert [(one["score"], one["flagged"], one["closed"]) for one in after] == [(one["score"], one["flagged"], one["closed"]) for one in before]
    assert sum(one["score"] for one in after) == 22
    again.take_acts([act(1, 12)])
    assert again.status().to_dict()["total_score"] == 22


def test_who_waits_longest_is_told_by_the_first_unread_picture_not_by_the_newest(exam: Exam) -> None:
    """Pictures come ten times a second: their newest is always new, and by it the same few of many sessions would be read."""
    assert exam.session.picture_waits() is None
    waits = []
    for step in range(10):
        exam.film(step / 5, (step + 1) / 5)
        waits.append(exam.session.picture_waits())
    assert waits == pytest.approx([step / 5 for step in range(10)])
    exam.session.read_picture()
    assert exam.session.picture_waits() is None
    exam.film(2, 2.2)
    assert exam.session.picture_waits() == pytest.approx(0)


def test_asking_whether_a_picture_waits_changes_nothing(exam: Exam) -> None:
    """Viewers who went away long ago are forgotten when a picture comes, not when somebody asks."""
    exam.film(0, 0.4)
    exam.at(3)
    asked = [exam.session.picture_waits() for _ in range(3)]
    assert asked == [pytest.approx(3.0)] * 3
    exam.session.read_picture()
    assert [exam.session.picture_waits() for _ in range(3)] == [None] * 3


@pytest.mark.parametrize("caught_up", [False, True])
def test_a_clip_waits_for_pictures_that_are_long_under_way(exam: Exam, caught_up: bool) -> None:
    def come(step: int, late: float) -> None:
        exam.at(step / 5 + late)
        image = np.full((48, 64, 3), step % 200, np.uint8)
        exam.session.take_frame(Frame(step / 5, cv2.imencode(".jpg", image)[1].tobytes()))

    for step in range(32 * 5):
        come(step, 40.0)
        if step == 5:
            exam.session.take_acts([act(1, 20), act(2, 21)])
    if not caught_up:
        for step in range(32 * 5, 40 * 5):
            come(step, 40.0)
    else:  # the line is free again: what comes now was taken just now
        for step in range(72 * 5, 73 * 5):
            come(step, 0.0)
    exam.at(30 + 8 + 40.0)
    assert exam.clip_made.wait(WAIT_S)
    clip = exam.interval(0)["clip"]
    assert (clip["state"], clip["duration"]) == ("ready", pytest.approx(31, abs=0.5))
