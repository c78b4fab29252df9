"""Reading pictures and sound: what is refused before it is decoded, a frozen picture, and detectors that fail."""

from __future__ import annotations

import io
import logging
import weakref
from pathlib import Path
from typing import Any, cast

import cv2
import numpy as np
import pytest
from PIL import Image

from basics.errors import InvalidInput, TooLarge
from basics.readings import SAMPLE_RATE, Box, GazeReading, PersonsReading, Sound
from face_detector import PersonsModel
from gaze_direction import GazeDetector
from media.pictures import Picture, check_picture, decode_jpeg
from sessions.analysis import REMAKE_AFTER, WAITING_MAX, WAITING_MAX_S, PictureAnalyst, SoundAnalyst
from sessions.models import Models
from settings.settings import Settings, load_settings

PIXELS = 4_000_000


@pytest.fixture(scope="module")
def settings() -> Settings:
    return load_settings(_env_file=None, gaze_fps=4, face_interval_s=2, frozen_s=10)


def jpeg(width: int, height: int, seed: int | None = None) -> bytes:
    image = (
        np.random.default_rng(seed).integers(0, 255, (height, width, 3), np.uint8) if seed is not None else np.full((height, width, 3), 99, np.uint8)
    )
    return cv2.imencode(".jpg", image)[1].tobytes()


def picture(at: float, width: int, height: int, seed: int) -> Picture:
    return Picture(at, decode_jpeg(jpeg(width, height, seed), PIXELS))


def test_a_picture_is_measured_by_its_header() -> None:
    assert check_picture(jpeg(640, 480), PIXELS) == (640, 480)


def test_a_picture_too_large_is_refused_before_it_is_decoded() -> None:
    bomb = io.BytesIO()
    Image.new("L", (20_000, 20_000)).save(bomb, "JPEG", quality=1)
    with pytest.raises(TooLarge):
        check_picture(bomb.getvalue(), PIXELS)


@pytest.mark.parametrize("data", [b"", b"no picture", b"\xff\xd8", b"\x89PNG\r\n\x1a\n" + bytes(50), b"GIF89a" + bytes(50)])
def test_what_is_no_jpeg_is_refused(data: bytes) -> None:
    with pytest.raises(InvalidInput, match="JPEG"):
        check_picture(data, PIXELS)


def test_a_damaged_picture_is_unknown(settings: Settings) -> None:
    analyst = PictureAnalyst(Models(), settings)
    with pytest.raises(InvalidInput) as raised:
        decode_jpeg(jpeg(320, 240, 1)[:300], PIXELS)
    readings = analyst.unreadable(0, raised.value.message)
    assert readings.gaze.direction == "unknown"
    analyst.close()


@pytest.mark.filterwarnings("ignore:SymbolDatabase.GetPrototype:UserWarning")
def test_a_picture_in_which_no_pixel_changes_is_frozen_and_one_that_moves_again_is_not(settings: Settings) -> None:
    models = Models()
    analyst = PictureAnalyst(models, settings)
    frozen = [analyst.read(picture(at, 320, 240, 1), "s").frozen for at in range(12)]
    assert frozen == [False] * 10 + [True] * 2
    assert not analyst.read(picture(12, 320, 240, 2), "s").frozen
    analyst.close()
    models.close()


@pytest.mark.filterwarnings("ignore:SymbolDatabase.GetPrototype:UserWarning")
@pytest.mark.parametrize(
    ("level", "told", "reason"), [(2, False, "covered"), (2, True, "covered"), (150, False, "covered"), (None, False, "dark"), (None, True, "frozen")]
)
def test_a_covered_lens_and_a_dark_room_are_not_frozen_for_being_all_alike(settings: Settings, level: int | None, told: bool, reason: str) -> None:
    image = np.full((240, 320, 3), level or 0, np.uint8)
    if level is None:  # a dark room in which something can be made out
        image[60:180, 80:240] = 50
    models = Models()
    analyst = PictureAnalyst(models, settings)
    analyst.view.told_frozen = told
    last = [analyst.read(Picture(float(at), image), "s") for at in range(14)][-1]
    assert (last.gaze.direction, last.gaze.reason, last.frozen) == ("unknown", reason, reason == "frozen")
    analyst.close()
    models.close()


@pytest.mark.filterwarnings("ignore:SymbolDatabase.GetPrototype:UserWarning")
def test_the_same_picture_again_is_no_new_evidence(shared_data: Path, models_dir: Path, settings: Settings) -> None:
    models = Models()
    models.load(settings.model_copy(update={"models_dir": models_dir}))
    analyst = PictureAnalyst(models, settings)
    away = np.asarray(cv2.imread(str(shared_data / "gaze" / "left_lp-d0_01.jpg")), np.uint8)
    read = [analyst.read(Picture(number / 4, away), "s") for number in range(17)]
    known = [one.at for one in read if one.gaze.direction != "unknown"]
    assert max(known) < settings.still_s
    assert {one.gaze.reason for one in read if one.at >= settings.still_s} == {"frozen"}
    looks = [one.persons for one in read if one.persons is not None]
    assert [(look.count, look.phone, look.reason) for look in looks[1:]] == [(None, None, "frozen")] * 2
    assert looks[0].count is not None
    assert not read[-1].frozen  # to be called frozen the camera must stand still for longer
    analyst.close()
    models.close()


@pytest.mark.filterwarnings("ignore:SymbolDatabase.GetPrototype:UserWarning")
def test_shut_lids_are_down_as_long_as_the_last_look_showed_a_phone(shared_data: Path, models_dir: Path, settings: Settings) -> None:
    models = Models()
    models.load(settings.model_copy(update={"models_dir": models_dir}))
    analyst = PictureAnalyst(models, settings)
    images = {name: cv2.imread(str(shared_data / "gaze" / f"{name}.jpg")) for name in ("down_xhy-0_07", "closed_lp-d9_01")}
    reader, sleeper = (np.asarray(image, np.uint8) for image in images.values())
    with_look = analyst.read(Picture(0.0, reader), "s")
    between = analyst.read(Picture(0.25, cv2.add(reader, 1).astype(np.uint8)), "s")
    assert (with_look.gaze.direction, with_look.persons is not None) == ("down", True)
    assert (between.gaze.direction, between.persons) == ("down", None)
    assert with_look.gaze.numbers["phone"] > 0.5
    asleep = [analyst.read(Picture(2.0 + number / 4, cv2.add(sleeper, number).astype(np.uint8)), "s") for number in range(4)]
    assert [one.gaze.direction for one in asleep[1:]] == ["closed"] * 3  # the landmarks follow a cut one picture later
    analyst.close()
    models.close()


@pytest.mark.parametrize(
    ("limits", "directions"),
    [
        ({}, ["down", "down", "closed", "closed"]),
        ({"eyes_phone_looks": 3}, ["down", "down", "down", "closed"]),
        ({"eyes_in_box": 1.0}, ["closed"] * 4),
    ],
)
def test_how_long_and_where_a_phone_explains_shut_lids_are_settings(settings: Settings, limits: dict[str, float], directions: list[str]) -> None:
    """A phone before the chin at 0 s; no look after it can tell."""
    analyst = PictureAnalyst(Models(), settings.model_copy(update=limits))
    analyst._gaze = cast(GazeDetector, Asleep())
    analyst._look = PersonsReading(0.0, 1, True, phones=(Box(20, 30, 30, 36, 0.6),))
    pictures = [np.full((48, 64, 3), number, np.uint8) for number in range(4)]
    assert [analyst.read(Picture(at, image), "s").gaze.direction for at, image in zip((0.0, 3.9, 5.9, 6.0), pictures, strict=True)] == directions
    analyst.close()


def test_a_sign_that_the_picture_is_turned_is_followed_by_looks_and_not_spared_them(models_dir: Path, settings: Settings) -> None:
    """Of a calm student, who is looked at every six seconds else: a head propped on a hand at one look hides no gaze for so long."""
    models, looker = Models(), Looker()
    models.persons = cast(PersonsModel, looker)
    analyst = PictureAnalyst(models, settings)
    analyst._gaze = cast(GazeDetector, Calm())
    analyst._camera._turned._signs.append("aside")
    for at in range(8):
        analyst.read(Picture(float(at), np.full((480, 640, 3), 120 + at % 2, np.uint8)), "s")
    assert looker.at == [0.0, 2.0], "and what the second said is enough"
    analyst.close()


def test_a_track_that_follows_a_face_of_nobody_who_is_seen_is_let_go(models_dir: Path, settings: Settings) -> None:
    models, tracks = Models(), (Calm(), Calm(Box(40, 40, 90, 100, 1.0)))
    models.persons = cast(PersonsModel, Looker())
    for track in tracks:
        analyst = PictureAnalyst(models, settings)
        analyst._gaze = cast(GazeDetector, track)
        for number in range(9):
            analyst.read(Picture(number / 4, np.full((480, 640, 3), 120 + number % 2, np.uint8)), "s")
        analyst.close()
    assert [track.let_go_of for track in tracks] == [0, 1], "at the one look: nothing moved since"


def test_a_camera_of_one_picture_in_a_second_and_a_half_is_looked_at_as_often_as_any(settings: Settings) -> None:
    """Most of what is due falls on the same picture again, which says nothing new; the look waits for the next."""
    models, looker = Models(), Looker()
    models.persons = cast(PersonsModel, looker)
    analyst = PictureAnalyst(models, settings.model_copy(update={"face_calm_interval_s": 2.0}))
    analyst._gaze = cast(GazeDetector, Calm())
    shown = [np.full((480, 640, 3), 120 + number, np.uint8) for number in range(8)]
    read = [analyst.read(Picture(at / 4, shown[at // 6]), "s") for at in range(48)]
    assert looker.at == [0.0, 2.0, 4.5, 8.0, 10.5]
    assert {one.persons.count for one in read if one.persons is not None} == {1}
    analyst.close()


@pytest.mark.parametrize(
    ("names", "shapes", "forgotten"),
    [
        (("Built-in", "Built-in"), ((480, 640), (480, 640)), False),
        (("", "Built-in"), ((480, 640), (480, 640)), False),
        (("Built-in", "Built-in"), ((480, 640), (269, 360)), False),
        (("Built-in", "USB"), ((480, 640), (480, 640)), True),
        (("Built-in", "Built-in"), ((480, 640), (360, 640)), True),
    ],
    ids=["same", "named late", "smaller", "other", "other shape"],
)
def test_what_was_learnt_of_one_camera_is_forgotten_with_another(
    settings: Settings, names: tuple[str, str], shapes: tuple[tuple[int, int], tuple[int, int]], forgotten: bool
) -> None:
    models = Models()
    models.persons = cast(PersonsModel, Looker())
    analyst, gaze = PictureAnalyst(models, settings), Calm()
    analyst._gaze = cast(GazeDetector, gaze)
    before = analyst._camera
    for at, (name, shape) in enumerate(zip(names, shapes, strict=True)):
        if name:
            analyst.camera_named(name)
        analyst.read(Picture(at / 4, np.full((*shape, 3), 120 + at, np.uint8)), "s")
    assert (gaze.resets, analyst._camera is not before) == (int(forgotten), forgotten)
    assert (analyst.view._room is None) is forgotten
    analyst.close()


class Looker:
    """Finds one person at every look, and says when it was asked."""

    def __init__(self) -> None:
        self.at: list[float] = []

    def look(self, image: Any, at: float, gaze: Any) -> PersonsReading:
        self.at.append(at)
        return PersonsReading(at, 1, False, persons=(Box(200, 100, 440, 480, 0.9),), width=640, height=480)


class Calm:
    """Reads somebody who looks at the screen in every picture."""

    def __init__(self, face: Box | None = None) -> None:
        self.face, self.let_go_of, self.resets = face or Box(280, 120, 360, 220, 1.0), 0, 0

    def read(self, image: Any, at: float) -> GazeReading:
        return GazeReading(at, "focused", box=self.face, width=640, height=480)

    def let_go(self) -> None:
        self.let_go_of += 1

    def reset(self) -> None:
        self.resets += 1

    def close(self) -> None:
        return None


class Asleep:
    """Reads shut lids in every picture."""

    def read(self, image: Any, at: float) -> GazeReading:
        return GazeReading(at, "closed", box=Box(10, 4, 40, 40, 1.0), width=64, height=48)

    def close(self) -> None:
        return None


class Failing:
    """A detector that raises: a fault that can't be made with a real one."""

    def read(self, image: Any, at: float) -> Any:
        raise RuntimeError("the driver is gone")

    def close(self) -> None:
        return None


def test_a_detector_that_fails_is_unknown_and_logged_once(settings: Settings, caplog: pytest.LogCaptureFixture) -> None:
    analyst = PictureAnalyst(Models(), settings)
    analyst._gaze = Failing()  # type: ignore[assignment]
    with caplog.at_level(logging.ERROR):
        readings = [analyst.read(picture(at / 4, 320, 240, at), "s").gaze for at in range(REMAKE_AFTER)]
    assert {(reading.direction, reading.reason) for reading in readings} == {("unknown", "error")}
    assert len(caplog.records) == 1
    assert "the driver is gone" in caplog.text
    anew = analyst.read(picture(REMAKE_AFTER / 4, 320, 240, REMAKE_AFTER), "s").gaze
    assert (anew.direction, anew.reason) == ("none", ""), "a detector that fails again and again is made anew"
    analyst.close()


def test_a_detector_that_can_not_even_be_closed_keeps_no_session_from_its_end(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    analyst = PictureAnalyst(Models(), settings)
    monkeypatch.setattr(Failing, "close", lambda self: self.read(None, 0.0))
    analyst._gaze = Failing()  # type: ignore[assignment]
    analyst.close()
    analyst.close()


def test_due_times_keep_their_beat(settings: Settings) -> None:
    analyst = PictureAnalyst(Models(), settings)
    analyst._gaze = Failing()  # type: ignore[assignment]
    read = 0
    for step in range(100):  # ten pictures a second for ten seconds
        at = step / 10
        if at >= analyst.next_at - 1e-3:
            analyst.read(picture(at, 64, 48, step), "s")
            read += 1
    assert 39 <= read <= 41


def test_sound_waits_for_its_models() -> None:
    sound = SoundAnalyst(Models())
    sound.put(Sound(0, np.zeros(1600, np.int16)))
    assert sound.read("s") == []
    assert sound.waiting == 1


def test_sound_that_nothing_reads_takes_no_memory_without_end() -> None:
    sound = SoundAnalyst(Models())
    for second in range(round(2 * WAITING_MAX_S)):
        sound.put(Sound(float(second), np.zeros(SAMPLE_RATE, np.int16)))
        assert sound.read("s") == []
    assert sound.waiting == round(WAITING_MAX_S)
    for number in range(2 * WAITING_MAX):  # crumbs, of which a second takes no memory
        sound.put(Sound(1000.0 + number / 1000, np.zeros(1, np.int16)))
    assert sound.waiting == WAITING_MAX


def test_a_session_that_is_closed_keeps_no_voice(models_dir: Path, settings: Settings) -> None:
    models = Models()
    models.load(settings.model_copy(update={"models_dir": models_dir}))
    analyst = SoundAnalyst(models)
    analyst.put(Sound(0.0, np.zeros(4 * SAMPLE_RATE, np.int16)))
    assert analyst.read("s")
    heard = weakref.ref(analyst._detector)
    analyst.put(Sound(4.0, np.zeros(SAMPLE_RATE, np.int16)))
    analyst.close()
    assert (heard(), analyst.waiting) == (None, 0)
    models.close()


def test_how_sure_a_face_must_be_reaches_the_finder_that_all_share(monkeypatch: pytest.MonkeyPatch, models_dir: Path, settings: Settings) -> None:
    asked: list[Settings] = []
    monkeypatch.setattr("sessions.models.FaceFinder", lambda limits, _models: asked.append(limits))
    models = Models()
    models.load(settings.model_copy(update={"models_dir": models_dir, "face_confidence": 0.7}))
    _ = models.faces
    assert [limits.face_confidence for limits in asked] == [0.7]
