"""Pictures that come otherwise than a webcam gives them: in a frame, turned, mirrored, of another size, rate or colour."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Literal

import cv2
import numpy as np
import pytest

from demo.camera import Camera
from demo.cast import CAST
from demo.drawings import draw_room
from face_detector import PersonsModel
from sessions.models import Models
from sessions.picture_trial import try_picture
from settings.settings import Settings, load_settings
from tests.helpers.views import Image, clip, play

pytestmark = pytest.mark.filterwarnings("ignore:SymbolDatabase.GetPrototype:UserWarning")

EXAM_A, EXAM_B, CLEAN = ("scenarios/exam-a/video.mp4", "scenarios/exam-b/video.mp4", "scenarios/clean-a/video.mp4")
TWO, ASIDE, ALONE = (EXAM_A, 62), (EXAM_A, 34), (CLEAN, 8)  # two people in view; the eyes to one side; nothing wrong


@pytest.fixture(scope="module")
def settings() -> Settings:
    return load_settings(_env_file=None, gaze_fps=2.5, gaze_calm_fps=2.5, face_interval_s=2)


@pytest.fixture(scope="module")
def models(models_dir: Path, settings: Settings) -> Iterator[Models]:
    models = Models()
    models.persons = PersonsModel(models_dir / "yolov8n.onnx", "onnx", settings)
    models.loaded.set()
    yield models
    models.close()


@cache
def footage(path: Path, start: float, seconds: float = 7) -> tuple[Image, ...]:
    return tuple(clip(path, start, seconds)[::2])  # five pictures a second


def grey_frame(image: Image) -> Image:
    out = np.full_like(image, 70)
    out[40:360, 60:487] = cv2.resize(image, (427, 320))
    cv2.rectangle(out, (58, 38), (488, 361), (220, 220, 220), 2)
    return out


def patterned(image: Image) -> Image:
    """An overlay of a camera program: a checked border."""
    rows, columns = np.mgrid[0:480, 0:640] // 24
    out = np.repeat((((rows + columns) % 2) * 120 + 60).astype(np.uint8)[..., None], 3, axis=2)
    out[60:420, 80:560] = cv2.resize(image, (480, 360))
    return out


def coloured(image: Image) -> Image:
    out = np.empty_like(image)
    out[:] = (180, 90, 30)
    out[30:450, 40:600] = cv2.resize(image, (560, 420))
    return out


def letterbox(image: Image) -> Image:
    out = np.zeros_like(image)
    out[60:420] = image[60:420]
    return out


def pillarbox(image: Image) -> Image:
    out = np.zeros((360, 640, 3), np.uint8)
    out[:, 80:560] = cv2.resize(image, (480, 360))
    return out


def upside_down(image: Image) -> Image:
    return np.asarray(cv2.rotate(image, cv2.ROTATE_180), np.uint8)


def quarter(image: Image) -> Image:
    return np.asarray(cv2.rotate(image, cv2.ROTATE_90_CLOCKWISE), np.uint8)


def mirrored(image: Image) -> Image:
    return np.ascontiguousarray(image[:, ::-1])


def wide(image: Image) -> Image:
    return np.asarray(cv2.resize(image[60:420], (1280, 720)), np.uint8)


def squeezed(image: Image) -> Image:
    """4:3 shown as 16:9."""
    return np.asarray(cv2.resize(image, (640, 360)), np.uint8)


def portrait(image: Image) -> Image:
    return np.ascontiguousarray(image[:, 140:500])


def grey(image: Image) -> Image:
    return np.asarray(cv2.cvtColor(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR), np.uint8)


def infrared(image: Image) -> Image:
    """One channel, lit from the camera: what is near is bright, and dark colours are grey."""
    level = 40 + 0.75 * cv2.cvtColor(image, cv2.COLOR_BGR2GRAY).astype(np.float32)
    rows, columns = np.mgrid[0 : image.shape[0], 0 : image.shape[1]]
    lit = np.exp(-(((columns / image.shape[1] - 0.5) / 0.5) ** 2) - ((rows / image.shape[0] - 0.5) / 0.6) ** 2)
    return np.repeat(np.clip(level * (0.5 + 0.6 * lit), 0, 255).astype(np.uint8)[..., None], 3, axis=2)


def drawn_background(image: Image) -> Image:
    """Whoever sits there, cut out softly before a drawn room: nothing else in it ever changes."""
    mask = np.zeros(image.shape[:2], np.float32)
    cv2.ellipse(mask, (320, 200), (140, 170), 0, 0, 360, 1, -1)
    cv2.ellipse(mask, (320, 480), (240, 190), 0, 0, 360, 1, -1)
    soft = cv2.GaussianBlur(mask, (0, 0), 6)[..., None]
    return np.asarray(image * soft + draw_room(CAST[0].look) * (1 - soft)).astype(np.uint8)


Change = Callable[[Image], Image]
BORDERS = (grey_frame, patterned, coloured, letterbox, pillarbox)


@pytest.mark.parametrize(("change", "codec"), [*((change, "jpeg") for change in BORDERS), (patterned, "h264")])
def test_two_people_in_a_frame_are_two(models: Models, settings: Settings, shared_data: Path, change: Change, codec: Literal["jpeg", "h264"]) -> None:
    seen = play([change(one) for one in footage(shared_data / TWO[0], TWO[1], 9)], models, settings, fps=5, codec=codec)
    assert "multiple_faces" in seen.kinds
    two = next(one.persons for one in reversed(seen.read) if one.persons is not None and one.persons.count == 2)
    height, width = change(footage(shared_data / TWO[0], TWO[1])[0]).shape[:2]
    assert (two.width, two.height) == (width, height)
    assert all(0 <= box.x1 < box.x2 <= width and 0 <= box.y1 < box.y2 <= height for box in two.persons), "told of the picture that came"


@pytest.mark.parametrize("change", [*BORDERS, mirrored, wide, squeezed, portrait, grey, infrared, drawn_background, upside_down, quarter])
def test_an_honest_student_has_no_violation_however_the_picture_comes(models: Models, settings: Settings, shared_data: Path, change: Change) -> None:
    seen = play([change(one) for one in footage(shared_data / ALONE[0], ALONE[1])], models, settings, fps=5)
    assert seen.kinds == {}
    assert set(seen.counts()) <= {1, None}
    told = sum(one.gaze.direction in ("focused", "closed") for one in seen.read)
    assert told > 0.4 * len(seen.read) or change is quarter


@pytest.mark.parametrize("change", [patterned, upside_down, quarter, infrared])
def test_a_side_is_never_exchanged(models: Models, settings: Settings, shared_data: Path, change: Change) -> None:
    pictures = footage(shared_data / ASIDE[0], ASIDE[1], 10)
    plain = play(pictures, models, settings, fps=5)
    seen = play([change(one) for one in pictures], models, settings, fps=5)
    sides = {one.gaze.at: one.gaze.direction for one in plain.read if one.gaze.direction in ("left", "right")}
    assert sides
    assert not [one for one in seen.read if one.gaze.direction in {"left", "right"} - {sides.get(one.gaze.at, one.gaze.direction)}]
    if change is quarter:
        assert {one.gaze.reason for one in seen.read if one.gaze.direction == "unknown"} <= {"turned", "hidden", "blurred"}
    else:
        assert sum(one.gaze.direction == sides.get(one.gaze.at) for one in seen.read) > 0.4 * len(sides)


def test_a_mirrored_picture_exchanges_the_sides_and_counts_the_same(models: Models, settings: Settings, shared_data: Path) -> None:
    """Nobody can tell: the rules count both sides alike."""
    plain, other = (
        play([change(one) for one in footage(shared_data / ASIDE[0], ASIDE[1])], models, settings, fps=5) for change in (np.asarray, mirrored)
    )
    assert plain.kinds.keys() == other.kinds.keys() == {"gaze_distracted"}


@pytest.mark.parametrize("change", [upside_down, quarter])
def test_a_turned_camera_is_told_to_the_student_before_the_exam(models: Models, settings: Settings, shared_data: Path, change: Change) -> None:
    picture = change(footage(shared_data / ALONE[0], ALONE[1])[0])
    assert try_picture(models, settings, cv2.imencode(".jpg", picture)[1].tobytes()).reason == "turned"


def test_two_people_are_two_for_a_camera_that_hangs_upside_down(models: Models, settings: Settings, shared_data: Path) -> None:
    assert "multiple_faces" in play([upside_down(one) for one in footage(shared_data / TWO[0], TWO[1], 9)], models, settings, fps=5).kinds


def test_a_picture_that_changes_size_and_frame_in_mid_exam(models: Models, settings: Settings, shared_data: Path) -> None:
    pictures = [np.asarray(one) for one in footage(shared_data / ALONE[0], ALONE[1], 15)]
    changes: list[Change] = [np.asarray, pillarbox, wide, grey_frame, portrait, np.asarray]
    step = len(pictures) // len(changes)
    shown = [changes[min(number // step, len(changes) - 1)](one) for number, one in enumerate(pictures)]
    seen = play(shown, models, settings, fps=5, codec="h264")
    assert seen.kinds == {}
    assert set(seen.counts()) <= {1, None}


@pytest.mark.parametrize("fps", [15, 60])
def test_more_pictures_a_second_are_no_more_violations(models: Models, settings: Settings, fps: int) -> None:
    camera = Camera(CAST[0].look)
    seen = play([camera.picture("working", number / fps) for number in range(3 * fps)], models, settings, fps=fps)
    assert "no_face" not in seen.kinds
    assert "multiple_faces" not in seen.kinds
    assert 7 <= len(seen.read) <= 9


def test_a_poster_on_the_wall_is_nobody_within_a_frame_too(models: Models, settings: Settings) -> None:
    """A drawn portrait on the wall of a room that somebody is in."""
    camera = Camera(CAST[0].look)
    head = cv2.resize(Camera(CAST[2].look).picture("working", 0.0)[90:400, 190:450], (104, 124))
    pictures = []
    for number in range(30):
        picture = camera.picture("working", number / 5)
        cv2.rectangle(picture, (20, 30), (140, 170), (40, 60, 90), -1)
        picture[38:162, 28:132] = head
        pictures.append(picture)
    for change in (np.asarray, grey_frame):
        assert set(play([change(one) for one in pictures], models, settings, fps=5).counts(3)) == {1}


def test_a_single_picture_with_a_plain_border_is_read_inside_it(models: Models, settings: Settings, shared_data: Path) -> None:
    picture = grey_frame(footage(shared_data / TWO[0], TWO[1])[20])
    assert try_picture(models, settings, cv2.imencode(".jpg", picture)[1].tobytes()).persons == 2
