"""What is known of the student's voice and microphone over gaps in the sound: it stays, and is reckoned by time."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from audiodetector import AudioDetector
from basics.readings import SAMPLE_RATE, Sound
from detectors.sound_models import AudioModels
from detectors.voices import Unit, VoiceTracker
from settings.sound import VoiceLimits


@pytest.fixture
def detector(tmp_path: Path) -> AudioDetector:
    """Without models of voices, which are told here what they would find."""
    detector = AudioDetector(AudioModels(tmp_path))
    detector._tracker._student = np.zeros(2, np.float32)
    return detector


def noise(seconds: float, rms: float = 30.0) -> npt.NDArray[np.int16]:
    return np.random.default_rng(1).normal(0, rms, int(seconds * SAMPLE_RATE)).astype(np.int16)


def said(second: int, voice: tuple[float, float] = (1.0, 0.0)) -> Unit:
    """Two seconds of a voice, from this one of its run on."""
    return Unit(((second * SAMPLE_RATE, (second + 2) * SAMPLE_RATE),), 2.0, np.array(voice, np.float32))


def test_a_voice_that_was_heard_for_long_is_as_sure_after_a_gap(detector: AudioDetector) -> None:
    """Positions of samples begin anew with each run of sound; when the voice was heard does not."""
    sure = []
    for start, goes_on in ((0.0, True), (40.0, False), (500.0, True), (530.0, True)):
        detector.take(Sound(start, noise(3.0)))
        detector._tracker._take(said(0))
        sure.append(detector._tracker._is_student_sure)
        if not goes_on:  # how long it is until the next sound nobody knows, and it counts for nothing
            detector.finish()
    assert sure == [False, False, False, True], "heard for 2, 42, 45 and 75 s"


def test_what_is_the_students_voice_after_all_was_so_from_its_first_word_before_a_gap_on() -> None:
    tracker = VoiceTracker(None, None, VoiceLimits())
    tracker._student = np.zeros(2, np.float32)
    tracker._take(said(0))
    tracker._refuse(said(100, (0.0, 1.0)))
    tracker.lost(200 * SAMPLE_RATE)
    tracker._refuse(said(1, (0.0, 1.0)))
    assert tracker._student.tolist() == [0.0, 1.0]
    assert tracker._own_until - tracker._own_from == 103 * SAMPLE_RATE


def test_of_what_was_cut_off_only_the_looks_that_hear_it_are_lenient(detector: AudioDetector) -> None:
    """One bump against the microphone says nothing of two voices a minute later."""
    bump = np.clip(noise(2.0, rms=20_000.0), -8000, 8000).astype(np.int16)
    detector.take(Sound(0.0, np.concatenate([bump, noise(6.0)])))
    found = []
    for second in (0, 4):
        detector._heard(second * SAMPLE_RATE, (second + 2) * SAMPLE_RATE)
        found.append(detector._tracker.cut_off)
    assert found == [True, False]
