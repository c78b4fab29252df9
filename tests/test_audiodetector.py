"""`AudioDetector` on real sound with the real models: speech, several voices, what is unknown, and time."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import soundfile

from audiodetector import AudioDetector, level_dbfs
from basics.readings import SAMPLE_RATE, AudioReading, Sound
from detectors.sound_models import AudioModels
from detectors.voices import Unit, VoiceTracker
from settings.sound import SoundLimits, VoiceLimits

Samples = npt.NDArray[np.int16]
QUIET: Samples = np.random.default_rng(7).normal(0, 6, 60 * SAMPLE_RATE).astype(np.int16)  # a minute of an empty room
CHUNK = 3200  # samples


@pytest.fixture(scope="module")
def models(models_dir: Path) -> AudioModels:
    return AudioModels(models_dir)


@pytest.fixture(scope="module")
def without_voices(tmp_path_factory: pytest.TempPathFactory) -> AudioModels:
    return AudioModels(tmp_path_factory.mktemp("no-models"))


def read(path: Path) -> Samples:
    return np.asarray(soundfile.read(path, dtype="int16")[0], dtype=np.int16)


def noise(seconds: float, rms: float = 30.0, seed: int = 1) -> Samples:
    """A quiet room: white noise at about -61 dBFS."""
    return np.random.default_rng(seed).normal(0, rms, int(seconds * SAMPLE_RATE)).astype(np.int16)


def feed(detector: AudioDetector, samples: Samples, start: float = 0.0, chunk: int = CHUNK) -> list[AudioReading]:
    readings: list[AudioReading] = []
    for first in range(0, len(samples), chunk):
        readings += detector.take(Sound(start + first / SAMPLE_RATE, samples[first : first + chunk]))
    return readings


def hear(models: AudioModels, samples: Samples, start: float = 0.0, chunk: int = CHUNK) -> list[AudioReading]:
    detector = AudioDetector(models)
    return feed(detector, samples, start, chunk) + detector.finish()


def speech(readings: Iterable[AudioReading]) -> list[tuple[float, float]]:
    return sorted(stretch for reading in readings for stretch in reading.speech)


def multiple(readings: Iterable[AudioReading]) -> list[tuple[float, float]]:
    return sorted(stretch for reading in readings for stretch in reading.multiple)


def inside(stretches: Sequence[tuple[float, float]], start: float, end: float) -> float:
    """Seconds of the stretches that lie in [start, end)."""
    return sum(max(0.0, min(b, end) - max(a, start)) for a, b in stretches)


def joined(stretches: Iterable[tuple[float, float]]) -> list[tuple[float, float]]:
    out: list[tuple[float, float]] = []
    for a, b in stretches:
        if out and a - out[-1][1] < 1e-3:
            out[-1] = (out[-1][0], b)
        else:
            out.append((a, b))
    return [(round(a, 3), round(b, 3)) for a, b in out]


# ---- speech ----


def test_speech_is_found_where_it_is(models: AudioModels, shared_data: Path) -> None:
    readings = hear(models, read(shared_data / "audio" / "one-read-02.flac"))
    found = speech(readings)
    assert found[0][0] == pytest.approx(0.68, abs=0.3)
    assert found[-1][1] == pytest.approx(5.93, abs=0.3)
    assert multiple(readings) == []
    assert max(reading.voices or 0 for reading in readings) == 1


@pytest.mark.parametrize("name", ["noise-keyboard-03", "noise-mechanical-keyboard-01", "noise-dog-02", "noise-jazz-guitar-06", "noise-quietroom-0"])
def test_noise_is_not_speech_and_not_unknown(models: AudioModels, shared_data: Path, name: str) -> None:
    readings = hear(models, read(shared_data / "audio" / f"{name}.flac"))
    assert speech(readings) == []
    assert multiple(readings) == []
    assert {(reading.voices, reading.reason) for reading in readings} == {(0, "")}


def test_readings_cover_the_sound_without_holes_about_once_a_second(models: AudioModels) -> None:
    readings = hear(models, noise(5.5), start=12.25)
    assert readings[0].at == 12.25
    for before, after in itertools.pairwise(readings):
        assert after.at == pytest.approx(before.at + before.duration)
    assert readings[-1].at + readings[-1].duration == pytest.approx(17.75)
    assert all(0 < reading.duration <= 1.0001 for reading in readings)


def test_news_never_overlap_and_lie_before_their_reading_ends(models: AudioModels, shared_data: Path) -> None:
    readings = hear(models, read(shared_data / "scenarios" / "exam-a" / "audio.flac")[120 * SAMPLE_RATE : 145 * SAMPLE_RATE])
    for kind in (speech, multiple):
        stretches = kind(readings)
        assert stretches
        assert all(after[0] >= before[1] - 1e-6 for before, after in itertools.pairwise(stretches))
    for reading in readings:
        for start, end in (*reading.speech, *reading.multiple):
            assert start < end <= reading.at + reading.duration + 1e-6
            assert start > reading.at - 12


def test_level_is_the_root_mean_square() -> None:
    assert level_dbfs(np.full(1600, 16384, np.int16)) == pytest.approx(-6.02, abs=0.01)
    assert level_dbfs(np.zeros(1600, np.int16)) == -120.0


# ---- voices ----


@pytest.mark.parametrize("name", ["two-answer-04", "two-quiet-05", "two-answer-09", "ami-trn07-two1"])
def test_a_second_voice_is_told_apart_without_knowing_the_student(models: AudioModels, shared_data: Path, name: str) -> None:
    readings = hear(models, read(shared_data / "audio" / f"{name}.flac"))
    assert inside(multiple(readings), 0, 60) > 1
    assert any("several" in one.numbers for one in readings if one.multiple)
    assert max(reading.voices or 0 for reading in readings) >= 2


def test_multiple_begins_where_the_second_voice_begins(models: AudioModels, shared_data: Path) -> None:
    student, other = read(shared_data / "audio" / "one-read-05.flac"), read(shared_data / "audio" / "one-other-03.flac")[: 5 * SAMPLE_RATE]
    begins = len(student) / SAMPLE_RATE + 0.2
    found = multiple(hear(models, np.concatenate([student, other, noise(2)])))
    assert found[0][0] == pytest.approx(begins, abs=0.6)


def test_a_stranger_alone_counts_once_the_student_is_known(models: AudioModels, shared_data: Path) -> None:
    detector = AudioDetector(models)
    feed(detector, read(shared_data / "audio" / "enrol" / "2033.flac"))
    feed(detector, QUIET, start=60.0)
    feed(detector, read(shared_data / "audio" / "one-read-07.flac"), start=120.0)
    stranger = read(shared_data / "audio" / "one-other-02.flac")
    readings = feed(detector, stranger, start=140.0) + detector.finish()
    assert inside(multiple(readings), 140, 160) > 4
    assert {("stranger" in one.numbers, "several" in one.numbers) for one in readings if one.multiple} == {(True, False)}
    assert multiple(hear(models, stranger)) == []


@pytest.mark.parametrize(("own_apart_s", "counts"), [(60.0, False), (0.0, True)])
def test_instructions_at_the_start_do_not_make_the_student_a_stranger(
    models: AudioModels, shared_data: Path, own_apart_s: float, counts: bool
) -> None:
    """Another voice is heard first, for as long as takes it for the student's; then the student speaks alone, and becomes the student."""
    detector = AudioDetector(models, SoundLimits(own_voice_apart_s=own_apart_s))
    instructions = read(shared_data / "audio" / "enrol" / "1998.flac")[: 14 * SAMPLE_RATE]
    own = read(shared_data / "audio" / "enrol" / "2033.flac")
    feed(detector, instructions)
    said = [feed(detector, own, start=30.0 + turn * len(own) / SAMPLE_RATE) for turn in range(3)]
    assert bool(multiple(said[0] + said[1])) is counts
    assert multiple(said[2] + detector.finish()) == []


def test_the_student_coming_back_is_no_stranger(models: AudioModels, shared_data: Path) -> None:
    detector = AudioDetector(models)
    feed(detector, read(shared_data / "audio" / "enrol" / "2033.flac"))
    readings = feed(detector, read(shared_data / "audio" / "one-noise-12.flac"), start=120.0) + detector.finish()
    assert inside(speech(readings), 120, 140) > 5
    assert multiple(readings) == []


def test_a_greeting_by_somebody_else_does_not_become_the_student(models: AudioModels, shared_data: Path) -> None:
    detector = AudioDetector(models)
    feed(detector, read(shared_data / "audio" / "one-other-03.flac")[: int(2.5 * SAMPLE_RATE)])
    feed(detector, read(shared_data / "audio" / "enrol" / "2033.flac"), start=30.0)
    feed(detector, QUIET, start=60.0)
    own = feed(detector, read(shared_data / "audio" / "one-read-07.flac"), start=120.0)
    stranger = feed(detector, read(shared_data / "audio" / "one-other-02.flac"), start=180.0) + detector.finish()
    assert [stretch for stretch in multiple(own) if stretch[0] >= 120] == []
    assert inside(multiple(stranger), 180, 200) > 4


def test_the_student_is_forgotten_with_the_detector(models: AudioModels, shared_data: Path) -> None:
    feed(AudioDetector(models), read(shared_data / "audio" / "enrol" / "2033.flac"))
    assert multiple(hear(models, read(shared_data / "audio" / "one-other-02.flac"))) == []


def test_without_speaker_model_voices_are_unknown_and_speech_goes_on(without_voices: AudioModels, shared_data: Path) -> None:
    readings = hear(without_voices, read(shared_data / "audio" / "two-answer-04.flac"))
    assert inside(speech(readings), 0, 10) > 4
    assert multiple(readings) == []
    assert {reading.voices for reading in readings if reading.speech} == {None}
    assert not without_voices.tells_voices
    assert any("campplus" in note for note in without_voices.notes)


def test_a_whole_exam_has_speech_and_voices_in_the_expected_intervals(models: AudioModels, shared_data: Path) -> None:
    """The other exams are heard, and seen, in `tests/bench`."""
    folder = shared_data / "scenarios" / "exam-a"
    expected = json.loads((folder / "expected.json").read_text(encoding="utf-8"))
    readings = hear(models, read(folder / "audio.flac"))
    for interval in expected["intervals"]:
        kinds = {violation["type"] for violation in interval["violations"]}
        assert (inside(speech(readings), interval["t0"], interval["t1"]) >= 1) == ("speech" in kinds)
        assert (inside(multiple(readings), interval["t0"], interval["t1"]) >= 2) == ("multiple_voices" in kinds)


SPEAKS = "two-quiet-03"
MEETS = "meets"  # the student alone for half a minute, a stranger, and the student again over noise


@cache
def clip(data: Path, name: str) -> Samples:
    if name != MEETS:
        return read(data / "audio" / f"{name}.flac")
    own = read(data / "audio" / "enrol" / "2033.flac")[: 30 * SAMPLE_RATE]
    return np.concatenate([own, read(data / "audio" / "one-other-02.flac"), read(data / "audio" / "one-noise-12.flac")])


@pytest.fixture(scope="module")
def usual(models: AudioModels, shared_data: Path) -> dict[str, list[AudioReading]]:
    return {name: hear(models, clip(shared_data, name)) for name in (SPEAKS, MEETS)}


def hears_otherwise(models: AudioModels, limits: dict[str, Any], samples: Samples, usual: list[AudioReading]) -> bool:
    """Do these limits change any reading of `samples`? What comes after the first that is changed is not heard."""
    detector = AudioDetector(models, SoundLimits().model_copy(update=limits))
    readings: list[AudioReading] = []
    for first in range(0, len(samples), CHUNK):
        readings += detector.take(Sound(first / SAMPLE_RATE, samples[first : first + CHUNK]))
        if readings != usual[: len(readings)]:
            return True
    return readings + detector.finish() != usual


def test_the_same_limits_hear_the_same(models: AudioModels, shared_data: Path, usual: dict[str, list[AudioReading]]) -> None:
    assert not hears_otherwise(models, {}, clip(shared_data, SPEAKS), usual[SPEAKS])


@pytest.mark.parametrize(
    ("limits", "name"),
    [
        ({"speech_pad_s": 0.5}, SPEAKS),
        ({"speech_click_s": 3.0}, SPEAKS),
        ({"voices_look_speech_s": 1.0}, SPEAKS),
        ({"voices_look_pause_s": 3.0}, SPEAKS),
        ({"voices_look_apart_s": 10.0}, SPEAKS),
        ({"voices_follow_s": 0.0}, SPEAKS),
    ],
)
def test_every_limit_of_speech_changes_what_is_heard(
    models: AudioModels, shared_data: Path, usual: dict[str, list[AudioReading]], limits: dict[str, float], name: str
) -> None:
    assert hears_otherwise(models, limits, clip(shared_data, name), usual[name])


@pytest.mark.parametrize(
    ("limits", "name"),
    [
        ({"voice_unit_s": 3.0}, SPEAKS),
        ({"voice_unit_least_s": 1.4}, SPEAKS),
        ({"voice_unit_sound_s": 1.4}, SPEAKS),
        ({"voice_unit_share": 0.3}, SPEAKS),
        ({"voice_turn_s": 5.0}, SPEAKS),
        ({"together_edge_s": 3.0}, SPEAKS),
        ({"voice_change_short_s": 5.0, "voice_change_sure_s": 9.0}, SPEAKS),
        ({"voice_change_threshold": 0.7, "voice_change_contrast": 0.0}, MEETS),
        ({"together_probability": 0.9}, SPEAKS),
        ({"voices_together_threshold": 0.15}, SPEAKS),
        ({"loudspeaker_threshold": 0.0}, SPEAKS),
        ({"voice_change_contrast": 0.6}, MEETS),
        ({"stranger_s": 20.0}, MEETS),
        ({"own_voice_most_s": 8.0}, MEETS),
    ],
)
def test_every_limit_of_voices_changes_what_is_told(
    models: AudioModels, shared_data: Path, usual: dict[str, list[AudioReading]], limits: dict[str, Any], name: str
) -> None:
    assert hears_otherwise(models, limits, clip(shared_data, name), usual[name])


@pytest.mark.parametrize(
    ("limits", "two"),
    [({}, False), ({"voices_short_less": 0.0}, True), ({"voices_short_s": 0.1, "voices_sure_s": 0.2}, True), ({"voices_threshold": 0.7}, True)],
    ids=str,
)
def test_how_unlike_short_speech_must_be_is_a_limit(limits: dict[str, Any], two: bool) -> None:
    """Two speakers with a likeness of .43, one of whom speaks for .8 s."""
    some, others = (Unit(((0, 1),), seconds, np.array(vector, np.float32)) for seconds, vector in ((3.0, [1.0, 0.0]), (0.8, [0.43, 0.9028])))
    assert VoiceTracker(None, None, VoiceLimits().model_copy(update=limits))._two([some], [others], False, {}) is two


@pytest.mark.parametrize(("known_s", "more", "two"), [(0.0, 0.05, True), (0.0, 0.0, False), (9.0, 0.05, False)])
def test_two_who_answer_one_another_need_differ_less_where_no_voice_is_known(known_s: float, more: float, two: bool) -> None:
    """Two speakers with a likeness of .48, as in an exam in which nobody spoke before. A known voice is the surer way to tell a stranger."""
    some, others = (Unit(((0, 1),), 3.0, np.array(vector, np.float32)) for vector in ([1.0, 0.0], [0.48, 0.8773]))
    tracker = VoiceTracker(None, None, VoiceLimits(voices_unknown_more=more))
    tracker._student_s = known_s
    assert tracker._two([some], [others], False, {}) is two


def test_how_soon_speech_is_told_that_nothing_confirms_is_a_limit(without_voices: AudioModels, shared_data: Path) -> None:
    """A reading tells speech as soon as it is sure of it; without the second model that is after a time of it alone."""

    def told(sure_s: float) -> float:
        readings = feed(AudioDetector(without_voices, SoundLimits(speech_sure_s=sure_s)), clip(shared_data, "one-read-05"))
        return next(reading.at for reading in readings if reading.speech)

    assert told(0.3) < told(30.0)


def test_what_is_a_gap_is_a_limit(without_voices: AudioModels) -> None:
    def reasons(gap_s: float) -> set[str]:
        detector = AudioDetector(without_voices, SoundLimits(sound_gap_s=gap_s))
        return {reading.reason for reading in feed(detector, noise(2.0)) + feed(detector, noise(2.0), start=3.0) + detector.finish()}

    assert (reasons(0.3), reasons(2.0)) == ({"", "lost"}, {""})


def test_how_long_sound_must_be_faint_is_a_limit(without_voices: AudioModels) -> None:
    sound = np.random.default_rng(5).choice(np.array([0, 0, 0, 1], np.int16), 15 * SAMPLE_RATE)

    def first(faint_s: float) -> float:
        return next(
            reading.at for reading in feed(AudioDetector(without_voices, SoundLimits(sound_faint_s=faint_s)), sound) if reading.reason == "faint"
        )

    assert (first(3.0), first(10.0)) == pytest.approx((2.0, 9.0))


# ---- time ----


def test_chunk_size_does_not_change_what_is_heard(models: AudioModels, shared_data: Path) -> None:
    sound = read(shared_data / "audio" / "two-quiet-03.flac")
    fine, coarse, odd = (hear(models, sound, chunk=chunk) for chunk in (1600, 16000, 12345))
    assert joined(speech(fine)) == joined(speech(coarse)) == joined(speech(odd))
    assert joined(multiple(fine)) == joined(multiple(coarse)) == joined(multiple(odd))
    assert multiple(fine)


def test_a_gap_is_lost_sound_and_time_goes_on_after_it(models: AudioModels, shared_data: Path) -> None:
    detector = AudioDetector(models)
    readings = feed(detector, noise(2.0)) + feed(detector, read(shared_data / "audio" / "one-read-05.flac"), start=9.0) + detector.finish()
    lost = [reading for reading in readings if reading.reason == "lost"]
    assert [(round(reading.at, 3), round(reading.duration, 3), reading.voices) for reading in lost] == [(2.0, 7.0, None)]
    assert speech(readings)[0][0] == pytest.approx(9.2, abs=0.3)


def test_jitter_of_a_browser_is_no_gap_and_does_not_move_the_sound(models: AudioModels, shared_data: Path) -> None:
    sound = read(shared_data / "audio" / "one-read-05.flac")
    jitter = np.random.default_rng(3).uniform(-0.12, 0.12, len(sound) // 3200 + 1)
    jitter[0] = 0
    detector = AudioDetector(models)
    readings: list[AudioReading] = []
    for index, first in enumerate(range(0, len(sound), 3200)):
        readings += detector.take(Sound(first / SAMPLE_RATE + float(jitter[index]), sound[first : first + 3200]))
    readings += detector.finish()
    assert "lost" not in {reading.reason for reading in readings}
    for got, want in zip(joined(speech(readings)), joined(speech(hear(models, sound))), strict=True):
        assert got == pytest.approx(want, abs=0.05)


def test_a_clock_that_runs_a_little_slower_is_followed(without_voices: AudioModels) -> None:
    detector = AudioDetector(without_voices)
    readings: list[AudioReading] = []
    for index in range(120):  # 0.1 % fast: after two minutes the sound ends 0.12 s late
        readings += detector.take(Sound(index * 1.001, noise(1.0, seed=index)))
    assert readings[-1].at + readings[-1].duration == pytest.approx(120 * 1.001, abs=0.02)
    assert {reading.reason for reading in readings} == {""}


def test_sound_from_before_what_was_heard_is_dropped(without_voices: AudioModels) -> None:
    detector = AudioDetector(without_voices)
    feed(detector, noise(3.0))
    again = feed(detector, noise(3.0, seed=2), chunk=16000)
    onwards = feed(detector, noise(2.0), start=3.0) + detector.finish()
    assert again == []
    assert onwards[-1].at + onwards[-1].duration == pytest.approx(5.0, abs=0.01)


# ---- what is unknown ----


def test_exact_zeros_for_long_are_a_dead_microphone(without_voices: AudioModels) -> None:
    readings = hear(without_voices, np.concatenate([noise(3), np.zeros(15 * SAMPLE_RATE, np.int16), noise(3)]))
    reasons = [(round(reading.at), reading.reason, reading.voices) for reading in readings]
    assert [row for row in reasons if row[1]] == [(at, "silent", None) for at in range(13, 18)]


def test_a_dead_microphone_with_an_offset_is_dead_too(without_voices: AudioModels) -> None:
    readings = hear(without_voices, np.concatenate([noise(3), np.full(15 * SAMPLE_RATE, 900, np.int16)]))
    assert [round(reading.at) for reading in readings if reading.reason == "silent"] == list(range(13, 18))


def test_sound_of_one_bit_for_long_is_faint(without_voices: AudioModels) -> None:
    sound = np.random.default_rng(5).choice(np.array([0, 0, 0, 1], np.int16), 15 * SAMPLE_RATE)
    readings = hear(without_voices, sound)
    assert readings[-1].reason == "faint"
    assert readings[-1].voices is None
    assert readings[2].reason == ""


def test_clipped_speech_is_unknown(models: AudioModels, shared_data: Path) -> None:
    sound = np.clip(read(shared_data / "audio" / "two-answer-04.flac").astype(np.int32) * 40, -32768, 32767).astype(np.int16)
    readings = hear(models, sound)
    clipped = [reading for reading in readings if reading.reason == "clipped"]
    assert len(clipped) >= 5
    assert all(reading.voices is None for reading in clipped)
    for reading in clipped:
        assert inside(speech(readings), reading.at, reading.at + reading.duration) == pytest.approx(0, abs=1e-6)
        assert inside(multiple(readings), reading.at, reading.at + reading.duration) == pytest.approx(0, abs=1e-6)


def test_memory_does_not_grow_with_the_exam(without_voices: AudioModels, shared_data: Path) -> None:
    detector = AudioDetector(without_voices)
    sound = read(shared_data / "audio" / "one-read-05.flac")
    sizes = []
    for turn in range(12):
        feed(detector, sound, start=turn * len(sound) / SAMPLE_RATE, chunk=16000)
        sizes.append((len(detector._kept), len(detector._stretches)))
    assert max(size for size, _ in sizes) < 16 * SAMPLE_RATE
    assert max(count for _, count in sizes) < 12
