"""Pictures are read seldom while nothing happens, and the score is what it would have been."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from basics.readings import Box, Frame, GazeReading, PersonsReading
from bench.harness.footage import h264_frames, scenarios
from bench.session import compare, replay
from gaze_direction import GazeDetector
from media.pictures import Picture, PictureFeed
from sessions.analysis import PictureAnalyst
from sessions.models import Models
from sessions.pace import Pace
from sessions.picture_line import PictureLine
from settings.settings import Settings, load_settings
from tests.helpers.scenarios import part_of
from tests.helpers.sent_media import decoded_at

MAX = 1_000_000
FPS = 10


@pytest.fixture
def settings() -> Settings:
    return load_settings(_env_file=None, gaze_fps=4, gaze_calm_fps=1, face_interval_s=2, face_calm_interval_s=6)


def focused(at: float, gaze_x: float = 0.0, left: float = 200.0) -> GazeReading:
    return GazeReading(at, "focused", box=Box(left, 100, left + 120, 240, 1.0), width=640, height=480, numbers={"gaze_x_deg": gaze_x})


def picture(*, patch: int = 0, light: int = 0, seed: int = 0, width: int = 640, height: int = 480) -> Any:
    image = np.random.default_rng(1).integers(60, 180, (height, width, 3)).astype(np.int16)
    image += np.random.default_rng(seed).integers(-12, 13, image.shape).astype(np.int16) + light  # a camera's noise, and its light
    image[200 : 200 + patch, 300 : 300 + patch] = 250
    return np.clip(image, 0, 255).astype(np.uint8)


class Scripted:
    """A gaze detector that says of each time what a script says, and keeps the times it was asked for."""

    def __init__(self, away: tuple[float, float] = (1e9, 1e9)) -> None:
        self.away, self.asked = away, list[float]()

    def read(self, image: Any, at: float) -> GazeReading:
        self.asked.append(at)
        return GazeReading(at, "left", box=focused(at).box) if self.away[0] <= at < self.away[1] else focused(at)

    def close(self) -> None:
        """Nothing is held."""


def film(settings: Settings, detector: Scripted, seconds: float, wake: float = -1.0, key_s: float | None = None) -> list[GazeReading]:
    """What is told of so many seconds of pictures, ten a second, each read as soon as it is due; with a key every `key_s` they are of H.264."""
    analyst = PictureAnalyst(Models(), settings)
    analyst._gaze = detector  # type: ignore[assignment]
    line = PictureLine(PictureFeed(MAX, settings.gaze_fps, analyst.pace.span), analyst, "s")
    told = []
    images = ((number / FPS, picture(seed=number, width=160, height=128)) for number in range(round(seconds * FPS)))
    jpegs = (Frame(at, cv2.imencode(".jpg", image)[1].tobytes(), sequence=number) for number, (at, image) in enumerate(images))
    for number, frame in enumerate(jpegs if key_s is None else h264_frames(images, key_s=key_s)):
        at = number / FPS
        line.add(frame, at)
        if number == round(wake * FPS):
            analyst.pace.wake(at)
        if line.waits(at) is not None:
            told += [one.gaze for one in line.read()]
    analyst.close()
    return told


def test_who_sits_still_is_read_once_a_second_and_told_of_four_times(settings: Settings) -> None:
    detector = Scripted()
    told = film(settings, detector, 20)
    assert 19 <= len(detector.asked) <= 27
    assert np.diff(detector.asked[-10:]) == pytest.approx([1.0] * 9, abs=0.11)
    assert len(told) == pytest.approx(78, abs=3)
    assert [one.at for one in told] == sorted({one.at for one in told})
    assert {one.at for one in told if "left_out" not in one.numbers} == set(detector.asked)


@pytest.mark.parametrize(("begins", "key_s"), [(10.05, None), (10.35, None), (10.65, None), (10.85, None), (10.35, 1.0), (10.65, 2.0)])
def test_two_seconds_of_looking_away_are_found_from_their_first_picture_on(settings: Settings, begins: float, key_s: float | None) -> None:
    detector = Scripted((begins, begins + 2))
    told = film(settings, detector, 16, key_s=key_s)
    away = [one.at for one in told if one.direction == "left"]
    assert len(away) >= 7
    assert away[0] - begins < 0.3
    assert begins + 2 - away[-1] < 0.35
    assert [one.at for one in told] == sorted({one.at for one in told})
    assert [one.direction for one in told if one.at < begins] == ["focused"] * sum(one.at < begins for one in told)


@pytest.mark.parametrize(("key_s", "most"), [(1.0, 11), (2.0, 66)])
def test_of_who_sits_still_no_picture_of_h264_is_decoded_but_the_key_that_is_read(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, key_s: float, most: int
) -> None:
    decoded = decoded_at(monkeypatch)
    detector = Scripted()
    told = film(settings, detector, 20, key_s=key_s)
    assert sum(at >= 10 for at in decoded) <= most, "of 100"
    assert np.diff([at for at in detector.asked if at >= 10]) == pytest.approx([1.0] * 9, abs=0.01)
    assert len(told) == pytest.approx(78, abs=3)
    assert [one.at for one in told] == sorted({one.at for one in told})


def test_the_next_picture_of_h264_is_the_next_key_whenever_that_may_come(settings: Settings) -> None:
    pace = Pace(settings)
    for at, late, key_at, due in (
        (10.0, 0.0, 10.0, 10.95),
        (10.3, 0.0, 10.0, 10.95),
        (10.97, 0.0, 10.0, 11.95),  # read just before the key came
        (11.02, 0.0, 10.0, 11.95),
        (10.9, 0.0, 10.0, 11.15),  # never sooner than at the full rate
        (20.1, 0.6, 20.0, 20.5),
        (30.0, 0.0, None, 31.0),
    ):
        pace.rest(at, late, key_at)
        assert pace.next_at == pytest.approx(due)


def test_what_happens_wakes_at_once(settings: Settings) -> None:
    detector = Scripted()
    film(settings, detector, 16, wake=12.3)
    assert 12.3 in detector.asked
    assert sum(12.3 <= at < 13.3 for at in detector.asked) == 4
    assert sum(15 <= at < 16 for at in detector.asked) == 1


def test_the_same_rate_always_where_it_is_asked_for(settings: Settings) -> None:
    fixed = settings.model_copy(update={"gaze_calm_fps": 4.0, "face_calm_interval_s": 2.0})
    detector = Scripted()
    told = film(fixed, detector, 10)
    assert [one.at for one in told] == detector.asked
    assert len(told) == 40


def test_near_a_limit_or_moving_in_the_picture_every_picture_is_read(settings: Settings) -> None:
    pace = Pace(settings)
    assert not pace.is_calm(focused(0))  # nothing to compare it with
    assert pace.is_calm(focused(1))
    assert not pace.is_calm(focused(2, gaze_x=0.95 * settings.gaze_side_deg))
    assert pace.is_calm(focused(3))
    assert not pace.is_calm(focused(4, left=320.0))
    assert not pace.is_calm(GazeReading(5, "unknown", "dark"))


def test_a_look_is_repeated_only_of_one_person_before_whom_nothing_moves(settings: Settings) -> None:
    pace = Pace(settings)
    one = PersonsReading(0, 1, False)
    assert not pace.looks_the_same(picture(), 0, None)
    pace.looked(picture(), 0)
    assert pace.looks_the_same(picture(seed=5), 2, one)  # noise is no movement
    assert pace.looks_the_same(picture(light=30), 4, one)  # and neither is a lamp
    assert not pace.looks_the_same(picture(seed=5), 6, one)
    assert not pace.looks_the_same(picture(patch=100), 2, one)
    for other in (PersonsReading(0, 2, False), PersonsReading(0, 1, True), PersonsReading(0, None, None, "dark"), PersonsReading(0, 0, False)):
        assert not pace.looks_the_same(picture(seed=5), 2, other)


def test_who_stands_in_the_door_and_what_is_laid_down_move_and_the_student_who_sways_does_not(settings: Settings) -> None:
    """40 x 30 pixels of 640 x 480 are twelve cells: a third of the share from which the whole picture moves."""
    pace, one = Pace(settings), PersonsReading(0, 1, False, persons=(Box(200, 100, 440, 480, 0.9),), width=640, height=480)
    rooms = [picture(), np.asarray(100 + (picture().astype(np.int16) - 100) // 5, np.uint8)]  # the other is as dim as by a screen's light
    for room in rooms:
        pace.looked(room, 0)
        level = int(room.max())
        for left, top, same in ((40, 60, False), (560, 400, False), (300, 200, True), (188, 300, True)):
            shown = room.copy()
            shown[top : top + 30, left : left + 40] = level
            assert pace.looks_the_same(shown, 2, one) is same, (left, top)


def test_in_dim_light_a_hand_moves_as_much_as_in_daylight(settings: Settings) -> None:
    pace, one = Pace(settings), PersonsReading(0, 1, False, persons=(Box(0, 0, 640, 480, 0.9),), width=640, height=480)
    dim = np.full((480, 640, 3), 20, np.uint8)
    dim[200:, 200:440] = 40
    hand = dim.copy()
    hand[100:180, 300:380] = 38
    pace.looked(dim, 0)
    assert not pace.looks_the_same(hand, 2, one)
    assert pace.looks_the_same(np.clip(dim + np.random.default_rng(1).integers(-6, 7, dim.shape), 0, 255).astype(np.uint8), 2, one), "noise"


def test_under_load_a_calm_session_is_read_as_often_as_one_that_is_not(settings: Settings) -> None:
    """Whoever waits longest is next: with a second between two pictures of one that looks away a calm one isn't left for two."""
    pace = Pace(settings)
    pace.rest(10.0, late=0.0)
    assert pace.next_at == pytest.approx(11.0)
    pace.rest(20.0, late=0.5)
    assert pace.next_at == pytest.approx(20.5)
    pace.rest(30.0, late=5.0)
    assert pace.next_at == pytest.approx(30.25)


@pytest.mark.filterwarnings("ignore:SymbolDatabase.GetPrototype:UserWarning")
def test_an_exam_gives_the_same_violations_as_at_the_full_rate(shared_data: Path, models_dir: Path, tmp_path: Path) -> None:
    whole = next(one for one in scenarios(shared_data) if one.name == "exam-a")
    exam = part_of(whole, 30, 60, tmp_path)
    found, asked = [], []
    for calm in (4.0, 1.0):
        settings = load_settings(_env_file=None, models_dir=models_dir, gaze_calm_fps=calm, face_calm_interval_s=2 if calm == 4 else 6)
        models = Models()
        models.load(settings)
        with pytest.MonkeyPatch.context() as patch:
            times: list[float] = []
            read = GazeDetector.read
            patch.setattr(GazeDetector, "read", lambda self, image, at, read=read, times=times: times.append(at) or read(self, image, at))
            rows = compare(exam, replay(exam, settings, models, tmp_path).intervals)
        models.close()
        found.append(rows[0]["found"])
        asked.append(len(times))
    assert found[0]["violations"] == found[1]["violations"] == ["gaze_distracted"]
    for (kind, start, end), (kind_again, start_again, end_again) in zip(found[0]["stretches"], found[1]["stretches"], strict=True):
        assert (kind, start, end) == (kind_again, pytest.approx(start_again, abs=0.3), pytest.approx(end_again, abs=0.3))
    assert asked[1] < 0.95 * asked[0]


def test_pictures_left_out_are_kept_for_a_second_a_beat_apart() -> None:
    feed = PictureFeed(MAX, 4, 1.0)
    data = cv2.imencode(".jpg", picture())[1].tobytes()
    for number in range(40):
        feed.add(Frame(number / FPS, data, sequence=number))
    decoded = feed.decode()
    assert isinstance(decoded, Picture)
    assert decoded.at == pytest.approx(3.9)
    left_out = feed.read(decoded.at)
    assert [one.at for one in left_out] == pytest.approx([2.9, 3.1, 3.3, 3.6], abs=0.11)
    assert left_out[0].picture().image.shape == (480, 640, 3)
    assert feed.read(4.0) == []


@pytest.mark.parametrize("late_s", [0.0, 0.05, 0.12, 0.2])
@pytest.mark.parametrize("uneven_s", [0.0, 0.02, 0.045])
def test_pictures_are_kept_at_the_same_rate_however_uneven_they_come_and_late_they_are_read(uneven_s: float, late_s: float) -> None:
    random = np.random.default_rng(1)
    feed = PictureFeed(MAX, 4, 1.0)
    data = cv2.imencode(".jpg", picture())[1].tobytes()
    told, due = 0, 0.0
    for number in range(601):
        at = number / FPS + float(random.uniform(-uneven_s, uneven_s))
        feed.add(Frame(at, data, sequence=number))
        if at >= due + late_s:
            feed.decode()
            told += len(feed.read(at)) + 1
            due = max(due + 1, at + 0.5)
    assert told / 60 == pytest.approx(4, abs=0.1)


def shared(calm: int, awake: int, capacity: int, settings: Settings) -> tuple[list[float], list[float]]:
    """Readings a second of sessions that are calm and that aren't, where so many pictures can be read a second and whoever waits longest is next."""
    paces = [Pace(settings) for _ in range(calm + awake)]
    offsets = [number * 0.037 % 0.1 for number in range(len(paces))]  # of their pictures, ten a second
    read = [0] * len(paces)
    now, begin, end = 0.0, 20.0, 60.0
    while now < end:
        dues = [math.ceil((pace.next_at - 1e-3 - offset) * FPS) / FPS + offset for pace, offset in zip(paces, offsets, strict=True)]
        due, chosen = min((due, number) for number, due in enumerate(dues))
        if due > now:
            now = due
            continue
        newest = math.floor((now - offsets[chosen]) * FPS) / FPS + offsets[chosen]
        paces[chosen].beat(newest)
        if chosen < calm:
            paces[chosen].rest(newest, now - due)
        read[chosen] += now >= begin
        now += 1 / capacity
    rates = [count / (end - begin) for count in read]
    return rates[:calm], rates[calm:]


@pytest.mark.parametrize(("calm", "awake", "capacity", "rate"), [(20, 10, 60, 3.75), (20, 10, 45, 2.5), (30, 30, 100, 2.33), (30, 30, 60, 1.0)])
def test_under_load_whoever_gives_a_reason_comes_first_and_nobody_falls_below_one_a_second(
    settings: Settings, calm: int, awake: int, capacity: int, rate: float
) -> None:
    quiet, others = shared(calm, awake, capacity, settings)
    assert others == pytest.approx([rate] * awake, abs=0.1)
    assert quiet == pytest.approx([1.0] * calm, abs=0.06)


def test_with_too_little_for_one_a_second_all_fall_alike(settings: Settings) -> None:
    quiet, others = shared(30, 30, 30, settings)
    assert quiet + others == pytest.approx([0.5] * 60, abs=0.06)
