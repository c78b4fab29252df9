"""Who is seen beside the student lives, or is a picture of somebody; and a picture that stays when the student left is nobody."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from basics.readings import Box, GazeReading, PersonsReading
from demo.cast import CAST
from demo.drawings import draw_room
from detectors.networks import Image
from face_detector import PersonsModel
from sessions.living import LOOKS, Living
from sessions.models import Models
from settings.settings import load_settings
from tests.helpers.views import clip, play

STUDENT, OTHER = Box(220, 120, 420, 480, 0.9), Box(440, 0, 600, 220, 0.8)  # the other is cut by the upper edge
AWAY = GazeReading(0.0, "none")


class Room:
    """A drawn room, seen with noise, in which people move and pictures do not. `light` is a lamp's, which a camera can't undo wholly."""

    def __init__(self) -> None:
        self._rng = np.random.default_rng(1)
        blocks = self._rng.integers(60, 230, (12, 16), np.uint8)
        self._wall = cv2.resize(blocks, (640, 480), interpolation=cv2.INTER_LINEAR)
        self._coat = cv2.resize(self._rng.integers(0, 255, (12, 16), np.uint8), (640, 480), interpolation=cv2.INTER_LINEAR)

    def picture(self, *people: Box, light: float = 1.0, poster: Box | None = OTHER) -> Image:
        grey = self._wall.astype(np.float32)
        if poster is not None:
            _fill(grey, poster, self._coat[::-1])
        for box in people:
            _fill(grey, box, np.roll(self._coat, int(self._rng.integers(4, 60)), axis=1))
        noisy = grey * light + self._rng.normal(0, 3, grey.shape)
        return np.repeat(np.clip(noisy, 0, 255).astype(np.uint8)[..., None], 3, axis=2)


def _fill(grey: npt.NDArray[np.float32], box: Box, pattern: npt.NDArray[np.uint8]) -> None:
    where = slice(int(box.y1), int(box.y2)), slice(int(box.x1), int(box.x2))
    grey[where] = pattern[where]


def seen(*boxes: Box) -> PersonsReading:
    return PersonsReading(0.0, len(boxes), False, persons=boxes, width=640, height=480)


def counts(living: Living, pictures: list[Image], *boxes: Box, gaze: GazeReading = AWAY) -> list[int | None]:
    return [living.look(picture, gaze, seen(*boxes)).count for picture in pictures]


def test_a_poster_that_the_edge_cuts_is_no_second_person() -> None:
    room, living = Room(), Living()
    assert counts(living, [room.picture(STUDENT, light=light) for light in (1, 1, 0.9, 1.1, 1)], STUDENT, OTHER) == [2, 1, 1, 1, 1]


def test_whoever_moves_beside_the_student_is_one_from_the_first_look() -> None:
    room, living = Room(), Living()
    assert counts(living, [room.picture(STUDENT, poster=None)], STUDENT) == [1]
    assert counts(living, [room.picture(STUDENT, OTHER, poster=None) for _ in range(4)], STUDENT, OTHER) == [2] * 4


def test_a_picture_that_stays_when_the_student_left_is_nobody_and_its_face_not_the_student_s() -> None:
    room, living = Room(), Living()
    counts(living, [room.picture(STUDENT) for _ in range(LOOKS + 1)], STUDENT, OTHER)
    face = GazeReading(0.0, "left", box=Box(480, 40, 560, 140, 1.0), width=640, height=480)
    empty = room.picture()
    assert living.is_of_room(empty, face)
    assert counts(living, [empty, room.picture()], OTHER) == [0, 0]
    own = GazeReading(0.0, "focused", box=Box(280, 130, 360, 230, 1.0), width=640, height=480)
    assert not living.is_of_room(room.picture(STUDENT), own)


def test_who_sits_down_where_a_picture_was_is_somebody() -> None:
    room, living = Room(), Living()
    counts(living, [room.picture(STUDENT) for _ in range(LOOKS + 1)], STUDENT, OTHER)
    assert counts(living, [room.picture(OTHER) for _ in range(6)], OTHER) == [1] * 6


@pytest.mark.parametrize("light", [0.2, 1.0])
def test_where_nobody_can_tell_all_stays_as_the_looks_say(light: float) -> None:
    """In the dark, and of a face of which no more is seen than the student before it."""
    room, living = Room(), Living()
    hidden = Box(270, 260, 370, 360, 0.8)
    other = OTHER if light < 1 else hidden
    assert counts(living, [room.picture(STUDENT, light=light) for _ in range(5)], STUDENT, other) == [2] * 5


def test_a_face_in_a_frame_stays_a_picture_s_until_somebody_is_seen_or_is_there_in_its_place() -> None:
    room, living, nobody = Room(), Living(), PersonsReading(0.0, 0, False)
    gaze = GazeReading(0.0, "unknown", "small", box=Box(500, 60, 550, 120, 0.8))
    living.look(room.picture(), gaze, replace(nobody, numbers={"face_pictured": 1.0}))
    assert living.is_of_room(room.picture(), gaze)
    living.look(room.picture(), AWAY, nobody)  # of which the face is no news
    assert living.is_of_room(room.picture(), gaze)
    assert not living.is_of_room(room.picture(OTHER), gaze)
    living.look(room.picture(STUDENT), gaze, seen(STUDENT))
    assert not living.is_of_room(room.picture(), gaze)


@pytest.fixture(scope="module")
def models(models_dir: Path) -> Iterator[Models]:
    models = Models()
    models.persons = PersonsModel(models_dir / "yolov8n.onnx", "onnx", load_settings(_env_file=None))
    yield models
    models.close()


@pytest.mark.filterwarnings("ignore:SymbolDatabase.GetPrototype:UserWarning")
def test_the_student_before_a_poster_without_a_frame_and_the_chair_without_the_student(models: Models, shared_data: Path) -> None:
    """Somebody's photograph at the upper edge beside somebody who is filmed, and then goes: a drawn room stands for the one behind."""
    settings = load_settings(_env_file=None, gaze_fps=2, gaze_calm_fps=2, face_calm_interval_s=2)
    sits = clip(shared_data / "scenarios" / "clean-a" / "video.mp4", 8, 14)[::5]
    poster = cv2.imread(str(shared_data / "gaze" / "focused_vr-4_01.jpg"))
    rng, room = np.random.default_rng(3), draw_room(CAST[0].look)
    pictures = []
    for one in [*sits, *([room] * 20)]:
        picture = one.copy()
        picture[:230, 430:] = cv2.resize(poster, (306, 230))[:, 40:250]
        pictures.append(np.clip(picture + rng.normal(0, 2, picture.shape), 0, 255).astype(np.uint8))
    alone = models.persons and models.persons.look(pictures[0], 0.0).count
    assert alone == 2, "to one look the photograph is somebody"
    seen = play(pictures, models, settings, fps=2)
    assert seen.kinds.keys() == {"no_face"}
