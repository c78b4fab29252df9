"""Sounds beside speech: what is none, what is named, and what a voice from a loudspeaker is, with the real model."""

from __future__ import annotations

import copy
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import soundfile

from audiodetector import AudioDetector
from basics.readings import SAMPLE_RATE, SOUND_KINDS, AudioReading, Sound
from detectors.sound_models import SECOND, AudioModels, Floats, SoundModel
from detectors.sounds import KINDS, heard
from settings.sound import SoundLimits

Samples = npt.NDArray[np.int16]
LIMITS = SoundLimits()
SPEECH, COUGH, TELEVISION = 0, 42, 518


@pytest.fixture(scope="module")
def models(models_dir: Path) -> AudioModels:
    made = AudioModels(models_dir)
    if made.sounds is None:
        pytest.skip(f"needs yamnet.tflite in {models_dir}")
    return made


@pytest.fixture(scope="module")
def second_set(shared_data: Path) -> Path:
    """The clips with coughs and babies."""
    folder = shared_data.parent / "data2" / "audio"
    if not folder.is_dir():
        pytest.skip(f"needs {folder}")
    return folder


def read(path: Path) -> Samples:
    return np.asarray(soundfile.read(path, dtype="int16")[0], dtype=np.int16)


def hear(models: AudioModels, samples: Samples, limits: SoundLimits = LIMITS, chunk: int = 3200) -> list[AudioReading]:
    detector = AudioDetector(models, limits)
    readings: list[AudioReading] = []
    for first in range(0, len(samples), chunk):
        readings += detector.take(Sound(first / SAMPLE_RATE, samples[first : first + chunk]))
    return readings + detector.finish()


def spoken(readings: list[AudioReading], start: float = 0.0, end: float = 1e9) -> float:
    return sum(max(0.0, min(b, end) - max(a, start)) for reading in readings for a, b in reading.speech)


def scores(**known: float) -> Floats:
    made = np.zeros(521, np.float32)
    for name, score in known.items():
        made[{"speech": SPEECH, "cough": COUGH, "television": TELEVISION, "whisper": 12}[name]] = score
    return made


@pytest.mark.parametrize(
    ("known", "speech", "kinds"),
    [
        ({"speech": 0.95}, True, ()),
        ({"speech": 0.1, "cough": 0.9}, False, ("cough",)),
        ({"speech": 0.6, "cough": 0.9}, True, ("cough",)),  # somebody speaks beside it
        ({"speech": 0.1, "cough": 0.3}, True, ()),  # neither is plain: Silero is believed
        ({"speech": 0.01}, False, ()),  # nothing like speech, whatever it is
        ({"speech": 0.1, "whisper": 0.5}, True, ("whisper",)),
        ({"speech": 0.9, "television": 0.2}, True, ("loudspeaker",)),
    ],
    ids=str,
)
def test_speech_is_believed_unless_something_else_is_clearly_heard_instead(known: dict[str, float], speech: bool, kinds: tuple[str, ...]) -> None:
    cell = heard(scores(**known), LIMITS)
    assert (cell.speech, cell.kinds) == (speech, kinds)


def test_every_kind_has_places_within_the_models_output() -> None:
    assert set(KINDS) == set(SOUND_KINDS)
    assert all(0 <= place < 521 for places in KINDS.values() for place in places)


def test_the_model_tells_a_ringing_phones_two_tones_and_silence_from_speech(models: AudioModels) -> None:
    assert models.sounds is not None
    time = np.arange(SECOND) / SAMPLE_RATE
    ring = (0.3 * (np.sin(2 * np.pi * 440 * time) + np.sin(2 * np.pi * 480 * time))).astype(np.float32)
    for sound in (ring, np.zeros(SECOND, np.float32)):
        assert models.sounds.scores(sound)[list(KINDS["whisper"] + (SPEECH,))].max() < 0.1


# The other two clips with coughs hold somebody's words between them: 1.9 to 4.0 s and 5.6 to 6.7 s, 0.2 to 1.7 s
@pytest.mark.parametrize("name", ["cough-0", "baby-0", "baby-1", "baby-2"])
def test_coughs_and_babies_are_no_speech(models: AudioModels, second_set: Path, name: str) -> None:
    readings = hear(models, read(second_set / f"b2-noise-{name}.flac"))
    assert spoken(readings) == 0
    assert {"cough": "cough", "baby": "crying"}[name[:-2]] in {kind for reading in readings for kind in reading.sounds} or name == "baby-2"


def test_coughs_are_cut_out_between_words(models: AudioModels, second_set: Path) -> None:
    readings = hear(models, read(second_set / "b2-noise-cough-1.flac"))
    assert spoken(readings, 0, 1.7) + spoken(readings, 7.3, 10) == 0
    assert any("cough" in reading.sounds for reading in readings)


def test_without_the_model_coughs_are_taken_for_speech(models: AudioModels, second_set: Path) -> None:
    """So the test before sees what it does."""
    without = copy.copy(models)
    without.sounds = None
    readings = hear(without, read(second_set / "b2-noise-cough-1.flac"))
    assert spoken(readings, 0, 1.7) > 0.5
    assert {reading.sounds for reading in readings} == {()}


def test_a_cough_in_a_students_sentence_takes_nothing_of_the_sentence(models: AudioModels, shared_data: Path, second_set: Path) -> None:
    own = read(shared_data / "audio" / "one-read-05.flac")
    cough = read(second_set / "b2-noise-cough-0.flac")[SAMPLE_RATE : int(2.2 * SAMPLE_RATE)]
    before, after = spoken(hear(models, own)), spoken(hear(models, np.concatenate([own, cough])))
    assert after == pytest.approx(before, abs=0.6)


def test_sounds_are_named_where_no_speech_is_heard(models: AudioModels, shared_data: Path) -> None:
    clips = {path.name.split("-")[1]: path for path in sorted((shared_data / "audio").glob("noise-*.flac"))}
    found = {name: {kind for reading in hear(models, read(clips[name])) for kind in reading.sounds} for name in ("jazz", "dog")}
    assert "music" in found["jazz"]
    assert "animal" in found["dog"]


def test_what_is_heard_does_not_hang_on_the_size_of_chunks(models: AudioModels, second_set: Path) -> None:
    sound = read(second_set / "b2-noise-cough-1.flac")
    usual = hear(models, sound)
    assert [hear(models, sound, chunk=chunk) for chunk in (160, 50_000)] == [usual, usual]


class Television(SoundModel):
    """Stands in for YAMNet where no recording of a television is at hand: plain speech, and a television from `since` on."""

    def __init__(self, since: int) -> None:
        self._asked, self._since = 0, since

    def scores(self, sound: Floats) -> Floats:
        self._asked += 1
        return scores(speech=0.9, television=0.3 if self._asked > self._since else 0.0)


@pytest.mark.parametrize(("television", "several"), [(True, False), (False, True)])
def test_a_voice_from_a_television_is_speech_and_no_second_voice(models: AudioModels, shared_data: Path, television: bool, several: bool) -> None:
    student, other = read(shared_data / "audio" / "one-read-05.flac"), read(shared_data / "audio" / "one-other-03.flac")[: 5 * SAMPLE_RATE]
    room = copy.copy(models)
    begins = len(student) / SAMPLE_RATE
    room.sounds = Television(int(begins / 0.48) if television else 10_000)
    readings = hear(room, np.concatenate([student, other]))
    assert spoken(readings, begins) > 3
    assert any(reading.multiple for reading in readings) is several
    assert any("loudspeaker" in reading.sounds for reading in readings) is television


@pytest.mark.parametrize(
    "limits",
    [
        {"sound_kind_threshold": 0.9999},
        {"sound_speech_beside": 0.0},
        {"sound_speech_least": 0.6},
        {"sound_loud_dbfs": 0.0, "speech_end_threshold": 0.45},
    ],
    ids=str,
)
def test_every_limit_of_sounds_changes_what_is_heard(models: AudioModels, second_set: Path, limits: dict[str, float]) -> None:
    sound = read(second_set / "b2-noise-cough-1.flac")
    assert hear(models, sound, LIMITS.model_copy(update=limits)) != hear(models, sound)


def test_a_broken_model_is_said_and_speech_goes_on(tmp_path: Path, shared_data: Path) -> None:
    (tmp_path / "yamnet.tflite").write_bytes(b"no model")
    models = AudioModels(tmp_path)
    assert models.sounds is None
    assert any("yamnet.tflite" in note for note in models.notes)
    assert spoken(hear(models, read(shared_data / "audio" / "one-read-05.flac"))) > 2
