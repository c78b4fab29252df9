"""A camera that denoises shows an empty chair as one picture for ever, and a stuck one whatever it showed last: told apart, whoever says what."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Literal

import cv2
import numpy as np
import pytest

from basics.readings import Box
from demo.camera import Camera
from demo.cast import CAST
from demo.drawings import draw_room
from face_detector import PersonsModel
from sessions.models import Models
from sessions.still_view import LIFELESS_S, StillView
from settings.settings import Settings, load_settings
from tests.helpers.views import Image, clip, play

pytestmark = pytest.mark.filterwarnings("ignore:SymbolDatabase.GetPrototype:UserWarning")

LEAVES, OVER = 5, 15  # seconds
STILL, STUCK, MOVES = (True, True), (True, False), (False, True)
FRESH = (0.5, *MOVES)


@pytest.fixture(scope="module")
def settings() -> Settings:
    return load_settings(_env_file=None, gaze_fps=4, gaze_calm_fps=4, face_interval_s=2, frozen_s=6)


@pytest.fixture(scope="module")
def models(models_dir: Path, settings: Settings) -> Iterator[Models]:
    models = Models()
    models.persons = PersonsModel(models_dir / "yolov8n.onnx", "onnx", settings)
    yield models
    models.close()


@cache
def room() -> list[Image]:
    """Somebody before a camera without noise, who leaves for good."""
    camera = Camera(CAST[0].look)
    camera._noise[:] = 0
    return [camera.picture("working" if at < 10 * LEAVES else "away", at / 10) for at in range(10 * OVER)]


def stuck() -> list[Image]:
    pictures = room()[: 10 * LEAVES]
    return pictures + [pictures[-1]] * (10 * (OVER - LEAVES))


def stuck_while_away() -> list[Image]:
    return room()


def placeholder() -> list[Image]:
    """What a camera program, or a camera whose shutter is closed, shows instead of a picture."""
    drawn = np.full((480, 640, 3), 30, np.uint8)
    cv2.circle(drawn, (320, 240), 90, (220, 220, 220), 8)
    cv2.line(drawn, (250, 310), (390, 170), (220, 220, 220), 8)
    return room()[: 10 * LEAVES] + [drawn] * (10 * (OVER - LEAVES))


def another_room() -> list[Image]:
    return room()[: 10 * LEAVES] + [np.ascontiguousarray(draw_room(CAST[0].look)[:, ::-1])] * (10 * (OVER - LEAVES))


@pytest.mark.parametrize("codec", ["jpeg", "h264"])
@pytest.mark.parametrize(
    ("pictures", "says", "finds"),
    [
        (room, STILL, "nobody"),
        (stuck, STILL, "nothing"),
        (stuck_while_away, STUCK, "nothing"),
        (placeholder, STILL, "nothing"),
        (another_room, STILL, "nothing"),
    ],
)
def test_an_empty_chair_is_one_where_new_pictures_come_of_the_room_somebody_sat_in(
    models: Models, settings: Settings, codec: Literal["jpeg", "h264"], pictures: Callable[[], list[Image]], says: tuple[bool, bool], finds: str
) -> None:
    seen = play(pictures(), models, settings, codec=codec, told=[FRESH, (LEAVES + 1.5, *says)])
    after = [one for one in seen.read if one.at > LEAVES + 2]
    if finds == "nobody":
        assert {one.gaze.direction for one in after} == {"none"}
        assert not any(one.frozen for one in after)
        assert 0 <= seen.kinds["no_face"] - LEAVES <= settings.face_interval_s
    else:
        assert {(one.gaze.direction, one.gaze.reason) for one in after} == {("unknown", "frozen")}
        assert after[-1].frozen, "the proctor is shown that the camera stands still"
        assert seen.kinds.keys() <= {"gaze_distracted"}
        assert set(seen.counts(LEAVES + 2)) == {None}


def test_a_local_camera_s_pictures_are_all_new(models: Models, settings: Settings) -> None:
    assert "no_face" in play(room(), models, settings, gives_new=True).kinds


def test_a_page_that_says_nothing_of_new_pictures_leaves_it_unknown(models: Models, settings: Settings) -> None:
    seen = play(room(), models, settings, told=[(LEAVES + 1.5, True, False)])
    assert seen.kinds.keys() <= {"gaze_distracted"}
    assert seen.read[-1].frozen


@pytest.mark.parametrize("codec", ["jpeg", "h264"])
def test_a_page_can_t_hide_by_saying_that_its_camera_is_stuck(
    models: Models, settings: Settings, shared_data: Path, codec: Literal["jpeg", "h264"]
) -> None:
    """Two people in view, who move: they are found, and that the page said otherwise is for a person to look at."""
    pictures = clip(shared_data / "scenarios" / "exam-a" / "video.mp4", 62, 12)
    seen = play(pictures, models, settings, codec=codec, told=[(0.0, *STUCK)])
    assert "multiple_faces" in seen.kinds
    assert sum(one.denied for one in seen.read) > 0.8 * len(seen.read)


def test_a_page_that_takes_it_back_and_says_it_again_hides_no_more(models: Models, settings: Settings, shared_data: Path) -> None:
    pictures = clip(shared_data / "scenarios" / "exam-a" / "video.mp4", 62, 12)
    told = [(0.8 * number, number % 2 == 0, False) for number in range(15)]
    seen = play(pictures, models, settings, told=told)
    assert "multiple_faces" in seen.kinds
    assert sum(one.gaze.reason == "frozen" for one in seen.read) < 0.2 * len(seen.read)


def test_a_photograph_of_somebody_is_nobody_looking_whatever_the_page_says(models: Models, settings: Settings) -> None:
    """Sent as H.264, of which no two pictures are alike, by a page that says that all is well."""
    seen = play([room()[0]] * 80, models, settings, fps=2, codec="h264", told=[(0.0, *MOVES)])
    late = [one for one in seen.read if one.at > LIFELESS_S + 1]
    assert {one.gaze.direction for one in seen.read if one.at < LIFELESS_S - 1} == {"focused"}
    assert {(one.gaze.direction, one.gaze.reason, one.frozen) for one in late} == {("unknown", "frozen", True)}
    assert set(seen.counts(LIFELESS_S + 1)) == {None}


def test_an_empty_room_in_which_nothing_moves_is_empty(models: Models, settings: Settings) -> None:
    rng = np.random.default_rng(1)
    empty = room()[-1].astype(np.int16)
    noisy = [np.clip(empty + rng.normal(0, 3, empty.shape), 0, 255).astype(np.uint8) for _ in range(12)]
    seen = play([noisy[number % 12] for number in range(80)], models, settings, fps=2)
    assert {one.gaze.direction for one in seen.read} == {"none"}
    assert set(seen.counts()) == {0}


def test_a_still_picture_of_h264_is_not_seen_to_move(models: Models, settings: Settings) -> None:
    """An encoder changes what the camera didn't, at the least bitrate of the page's."""
    seen = play([room()[0]] * 100, models, settings, codec="h264", told=[(1.5, *STUCK)])
    assert not any(one.denied for one in seen.read)
    assert {one.gaze.reason for one in seen.read if one.at > 2} == {"frozen"}


def blurred(image: Image) -> Image:
    return np.asarray(cv2.GaussianBlur(image, (0, 0), 14), np.uint8)


def somebody(here: Image, empty: Image) -> Image:
    """Where somebody is in a picture, 0 or 1 [h, w]."""
    changed = (cv2.absdiff(here, empty).max(axis=2) > 25).astype(np.uint8)
    return np.asarray(cv2.morphologyEx(changed, cv2.MORPH_CLOSE, np.ones((15, 15), np.uint8)), np.uint8)


def test_who_leaves_a_room_that_is_blurred_behind_them_is_gone(models: Models, settings: Settings) -> None:
    """The camera's program blurs all of the picture once it finds nobody in it."""
    camera, rng = Camera(CAST[0].look), np.random.default_rng(2)
    pictures = []
    for number in range(4 * OVER):
        here, empty = (camera.picture(scene, number / 4) for scene in ("working", "away"))
        shown = blurred(empty) if number >= 4 * LEAVES else np.where(somebody(here, empty)[..., None] > 0, here, blurred(here))
        pictures.append(np.clip(shown + rng.normal(0, 2, shown.shape), 0, 255).astype(np.uint8))
    seen = play(pictures, models, settings, fps=4)
    assert set(seen.counts(LEAVES + 0.1)) == {0}
    assert "no_face" in seen.kinds


@pytest.mark.parametrize("light", [0.3, 0.2])
def test_who_leaves_a_dark_room_is_gone(light: float, models: Models, settings: Settings) -> None:
    """In light in which they were seen they would be."""
    rng = np.random.default_rng(2)
    pictures = [np.clip(light * here + rng.normal(0, 2, here.shape), 0, 255).astype(np.uint8) for here in room()[::5]]
    seen = play(pictures, models, settings, fps=2)
    assert set(seen.counts(LEAVES + 0.1)) == {0}
    assert "no_face" in seen.kinds


def test_a_light_that_goes_out_takes_nobody_away(models: Models, settings: Settings) -> None:
    rng, pictures = np.random.default_rng(2), []
    for number in range(4 * OVER):
        light = 0.5 if number < 4 * LEAVES else 0.06
        pictures.append(np.clip(light * room()[0] + rng.normal(0, 2, room()[0].shape), 0, 255).astype(np.uint8))
    seen = play(pictures, models, settings, fps=4)
    assert 0 not in seen.counts()
    assert "no_face" not in seen.kinds


def test_a_camera_that_goes_out_of_focus_tells_of_no_empty_chair() -> None:
    camera, view = Camera(CAST[0].look), StillView()
    here, empty = (camera.picture(scene, 0.0) for scene in ("working", "away"))
    x, y, width, height = cv2.boundingRect(somebody(here, empty))
    view.learn_room(here, (Box(x, y, x + width, y + height, 0.9),))
    assert view.is_left(empty)
    assert not view.is_left(blurred(empty)), "somebody may be there who is not seen in this"
    assert not view.is_left(here)
    assert not view.is_left(cv2.GaussianBlur(here, (0, 0), 1.5).astype(np.uint8))


def test_the_same_picture_is_the_whole_picture() -> None:
    """Somebody who sits beside the middle moves a few pixels, and none of every eighth."""
    view, picture = StillView(), np.full((480, 640, 3), 120, np.uint8)
    for number in range(20):
        moved = picture.copy()
        moved[243, 5, 1] += number % 2
        assert view.take(moved, number / 4, 1.0) == 0.0
    assert view.since is None
    assert [view.take(picture, 5 + number, 1.0) for number in range(3)] == [0.0, 1.0, 2.0]
    assert view.since == 6
