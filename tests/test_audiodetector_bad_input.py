"""`AudioDetector` on what microphones and connections do to sound: no wrong violation comes of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt
import pytest
import soundfile

from audiodetector import AudioDetector
from basics.readings import SAMPLE_RATE, AudioReading, Sound
from detectors.sound_models import AudioModels
from devices.microphone import Resampler

Samples = npt.NDArray[np.int16]
CHUNK = 3200  # samples


@pytest.fixture(scope="module")
def models(models_dir: Path) -> AudioModels:
    return AudioModels(models_dir)


def read(path: Path) -> Samples:
    return np.asarray(soundfile.read(path, dtype="int16")[0], dtype=np.int16)


def feed(detector: AudioDetector, samples: Samples, start: float = 0.0) -> list[AudioReading]:
    readings: list[AudioReading] = []
    for first in range(0, len(samples), CHUNK):
        readings += detector.take(Sound(start + first / SAMPLE_RATE, samples[first : first + CHUNK]))
    return readings


def hear(models: AudioModels, samples: Samples) -> list[AudioReading]:
    detector = AudioDetector(models)
    return feed(detector, samples) + detector.finish()


def multiple(readings: list[AudioReading]) -> list[tuple[float, float]]:
    return [stretch for reading in readings for stretch in reading.multiple]


def spoken(readings: list[AudioReading], start: float, end: float) -> float:
    return sum(max(0.0, min(b, end) - max(a, start)) for reading in readings for a, b in reading.speech)


def at_rate(rate: int) -> Callable[[Samples], Samples]:
    """As a microphone of this rate hears it, and as it comes to us."""

    def heard(samples: Samples) -> Samples:
        frame = av.AudioFrame.from_ndarray(samples[None], format="s16", layout="mono")
        frame.sample_rate = SAMPLE_RATE
        there = av.AudioResampler(format="s16", layout="mono", rate=rate)
        pieces = [piece.to_ndarray()[0] for piece in there.resample(frame) + there.resample(None)]
        back = Resampler(rate)
        return np.concatenate([back.take(np.concatenate(pieces)), back.finish()])

    return heard


BAD: dict[str, Callable[[Samples], Samples]] = {
    "8 kHz": at_rate(8_000),
    "44.1 kHz": at_rate(44_100),
    "48 kHz": at_rate(48_000),
    "offset": lambda samples: np.clip(samples.astype(np.int32) + 13_000, -32_768, 32_767).astype(np.int16),
    "clipped": lambda samples: np.clip(samples.astype(np.int32) * 16, -32_768, 32_767).astype(np.int16),
    "cut off at half its height": lambda samples: np.clip(samples, -int(np.abs(samples).max() / 2), int(np.abs(samples).max() / 2)),
}


@pytest.mark.parametrize("how", BAD)
def test_bad_input_makes_no_second_voice_and_no_speech_of_noise(models: AudioModels, shared_data: Path, how: str) -> None:
    folder = shared_data / "audio"
    enrolled, alone = read(folder / "enrol" / "2033.flac")[: 10 * SAMPLE_RATE], read(folder / "one-read-07.flac")
    pause = np.random.default_rng(1).normal(0, 30, 2 * SAMPLE_RATE).astype(np.int16)
    quiet = read(sorted(folder.glob("noise-*keyboard*"))[0])[: 5 * SAMPLE_RATE]
    readings = hear(models, BAD[how](np.concatenate([enrolled, alone, pause, quiet])))
    typed = (len(enrolled) + len(alone)) / SAMPLE_RATE + 1
    assert multiple(readings) == []
    assert spoken(readings, typed, 60) == 0
    assert (spoken(readings, 0, typed) > 10) or {reading.reason for reading in readings} & {"clipped"}


def test_an_offset_changes_nothing_of_what_is_told(models: AudioModels, shared_data: Path) -> None:
    sound = read(shared_data / "audio" / "two-answer-04.flac")
    usual, moved = hear(models, sound), hear(models, BAD["offset"](sound))
    assert sum(b - a for a, b in multiple(moved)) == pytest.approx(sum(b - a for a, b in multiple(usual)), abs=1.0)
    assert [round(one.level_dbfs) for one in moved[1:]] == pytest.approx([round(one.level_dbfs) for one in usual[1:]], abs=1)


def test_many_gaps_are_lost_and_make_no_second_voice(models: AudioModels, shared_data: Path) -> None:
    own = read(shared_data / "audio" / "enrol" / "2033.flac")[: 12 * SAMPLE_RATE]
    detector = AudioDetector(models)
    readings: list[AudioReading] = []
    for number, first in enumerate(range(0, len(own), SAMPLE_RATE)):
        readings += feed(detector, own[first : first + SAMPLE_RATE], start=number * 1.6)
    readings += detector.finish()
    assert sum(reading.reason == "lost" for reading in readings) == 11
    assert multiple(readings) == []
