"""The parts of cameras and microphones that need no device: pace, size, rate, times."""

from __future__ import annotations

from itertools import pairwise

import cv2
import numpy as np
import pytest

from devices.camera import Pace, encode
from devices.microphone import Resampler, SampleClock
from devices.reader import StartLine, shown


@pytest.mark.parametrize(("fps", "camera_fps"), [(10, 30), (10, 25), (10, 10), (7.5, 30), (10, 12)])
def test_pace_keeps_the_rate_whatever_the_camera_has_and_however_it_jitters(fps: float, camera_fps: float) -> None:
    chance = np.random.default_rng(3)
    pace = Pace(fps)
    times = [number / camera_fps + chance.uniform(-0.15, 0.15) / camera_fps for number in range(round(60 * camera_fps))]
    taken = [at for at in times if pace.due(at)]
    assert len(taken) / 60 == pytest.approx(min(fps, camera_fps), rel=0.02)


def test_pace_does_not_catch_up_after_a_pause() -> None:
    pace = Pace(10)
    assert [at for at in (0.0, 0.1, 9.0, 9.01, 9.02, 9.03, 9.1, 9.13) if pace.due(at)] == [0.0, 0.1, 9.0, 9.03, 9.13]


@pytest.mark.parametrize(
    ("size", "expected"),
    [((1920, 1080), (640, 360)), ((480, 640), (360, 480)), ((320, 240), (320, 240)), ((640, 480), (640, 480)), ((5000, 2), (640, 1))],
)
def test_pictures_are_made_smaller_only_and_keep_their_aspect_ratio(size: tuple[int, int], expected: tuple[int, int]) -> None:
    picture = np.asarray(cv2.imdecode(np.frombuffer(encode(np.zeros((size[1], size[0], 3), np.uint8)), np.uint8), cv2.IMREAD_COLOR))
    assert (picture.shape[1], picture.shape[0]) == expected


def test_resampling_in_chunks_is_the_same_as_at_once() -> None:
    samples = np.rint(10_000 * np.sin(np.arange(44_100) / 7)).astype(np.int16)
    whole, parts = Resampler(44_100), Resampler(44_100)
    at_once = np.concatenate([whole.take(samples), whole.finish()])
    in_chunks = np.concatenate([*(parts.take(chunk) for chunk in np.array_split(samples, 37)), parts.take(samples[:0]), parts.finish()])
    assert len(at_once) == pytest.approx(16_000, abs=16)
    assert np.array_equal(at_once, in_chunks)


CHUNK = 1600


def test_time_and_count_of_samples_agree_although_arrivals_jitter() -> None:
    times, chance = SampleClock(), np.random.default_rng(4)
    stamps = [times.stamp(100 + number / 10 + float(chance.uniform(0, 0.09)), CHUNK) for number in range(600)]
    assert max(abs(later - earlier - 0.1) for earlier, later in pairwise(stamps)) <= 0.00101
    assert stamps[-1] == pytest.approx(100 + 59.9, abs=0.05)


def test_a_stall_of_the_machine_is_not_taken_for_lost_sound() -> None:
    times = SampleClock()
    stamps = [times.stamp(max(number / 10, 2.5) if 18 <= number < 25 else number / 10, CHUNK) for number in range(60)]
    assert stamps == pytest.approx([number / 10 for number in range(60)])


def test_lost_samples_make_a_gap_of_their_length() -> None:
    times = SampleClock()
    stamps = [times.stamp(number / 10 + (1.3 if number >= 20 else 0), CHUNK) for number in range(60)]
    assert stamps[:20] == pytest.approx([number / 10 for number in range(20)])
    assert stamps[-1] == pytest.approx(5.9 + 1.3)
    assert sum(later - earlier > 0.2 for earlier, later in pairwise(stamps)) == 1


def test_a_slow_drift_of_the_sound_card_is_followed() -> None:
    times = SampleClock()
    stamps = [times.stamp(number / 10 * 1.0002, CHUNK) for number in range(36_000)]  # an hour, 200 ppm
    assert stamps[-1] == pytest.approx(3599.9 * 1.0002, abs=0.05)


def test_start_line_gives_every_file_the_same_zero_after_the_last_has_come() -> None:
    now = [5.0]
    line = StartLine(2, lambda: now[0])
    line.arrive()
    now[0] = 7.0
    line.arrive()
    now[0] = 9.0
    assert (line.zero(), line.zero()) == (7.0, 7.0)


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ("rtsp://user:pass@cam.local:554/live?token=1", "rtsp://cam.local:554/live"),
        ("http://cam/stream", "http://cam/stream"),
        ("0", "0"),
        ("exam.mp4", "exam.mp4"),
        ("rtsp://user:p[ss@cam/live", "rtsp://…"),
    ],
)
def test_addresses_are_shown_without_their_secrets(spec: str, expected: str) -> None:
    assert shown(spec) == expected
