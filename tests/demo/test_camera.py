"""The drawn students, and that the detectors read them as they read people: what the demo shows, the rules have found."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import cv2
import numpy as np
import pytest

from demo.camera import Camera, Scene
from demo.cast import CAST, Script
from demo.layers import Layer
from face_detector import PersonsModel
from gaze_direction import GazeDetector

SCENES = get_args(Scene)
MOMENTS = (1.0, 3.0, 5.0, 7.0)


@pytest.fixture(scope="module")
def cameras() -> dict[str, Camera]:
    return {script.user_id: Camera(script.look, script.visitor) for script in CAST}


@pytest.fixture(scope="module")
def persons(models_dir: Path) -> PersonsModel:
    return PersonsModel(models_dir / "yolov8n.onnx")


@pytest.fixture(scope="module")
def gaze() -> Iterator[GazeDetector]:
    detector = GazeDetector()
    yield detector
    detector.close()


@pytest.mark.parametrize("scene", SCENES)
def test_a_picture_is_one_of_a_cameras_and_the_same_moment_gives_the_same(cameras: dict[str, Camera], scene: Scene) -> None:
    camera = cameras["emmy"]
    picture = camera.picture(scene, 2.5)
    assert picture.shape == (480, 640, 3)
    assert picture.dtype == np.uint8
    assert np.array_equal(picture, Camera(CAST[4].look, CAST[4].visitor).picture(scene, 2.5))
    jpeg = camera.jpeg(scene, 2.5)
    assert len(jpeg) < 80_000
    assert np.asarray(cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)).shape == (480, 640, 3)


@pytest.mark.parametrize("scene", SCENES)
def test_no_two_pictures_are_alike_as_with_a_camera_that_works(cameras: dict[str, Camera], scene: Scene) -> None:
    pictures = [cameras["ada"].picture(scene, at / 5) for at in range(50)]
    assert all((before != after).any() for before, after in itertools.pairwise(pictures))


@pytest.mark.parametrize("script", CAST, ids=lambda script: script.user_id)
def test_one_person_is_seen_at_work_and_nobody_in_the_empty_room(cameras: dict[str, Camera], persons: PersonsModel, script: Script) -> None:
    camera = cameras[script.user_id]
    assert [persons.look(camera.picture("working", at), at).count for at in MOMENTS] == [1, 1, 1, 1]
    assert [persons.look(camera.picture("away", at), at).count for at in MOMENTS] == [0, 0, 0, 0]
    covered = persons.look(camera.picture("covered", 1.0), 1.0)
    assert (covered.count, covered.reason) == (None, "covered")


def test_a_visitor_is_a_second_person(cameras: dict[str, Camera], persons: PersonsModel) -> None:
    assert [persons.look(cameras["emmy"].picture("visited", at), at).count for at in MOMENTS] == [2, 2, 2, 2]


@pytest.mark.parametrize("script", CAST, ids=lambda script: script.user_id)
def test_gaze_is_read_from_the_drawn_eyes(cameras: dict[str, Camera], gaze: GazeDetector, script: Script) -> None:
    gaze.reset()
    camera = cameras[script.user_id]
    at_work = [gaze.read(camera.picture("working", at / 4), at / 4).direction for at in range(32)]
    assert set(at_work) <= {"focused", "closed"}  # blinks
    assert at_work.count("focused") > 24
    assert {gaze.read(camera.picture("aside", at / 4), at / 4).direction for at in range(32, 48)} == {"left"}


def test_a_layer_that_is_moved_out_of_the_picture_changes_nothing() -> None:
    picture = np.full((40, 60, 3), 7, np.uint8)
    Layer(np.full((10, 10, 4), 255, np.uint8), 0, 0).over(picture, right=200)
    assert (picture == 7).all()
    Layer(np.full((10, 10, 4), 255, np.uint8), 5, 5).over(picture)
    assert (picture[6:14, 6:14] == 255).all()
    assert (picture[20:, 20:] == 7).all()
