"""Where a camera's picture is within a border, from drawn pictures: nothing of a plain one is cut off, and what moves in a border is none."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from detectors.borders import Area, Border, border_of
from detectors.quality import Image

RNG = np.random.default_rng(7)
SCENE = np.asarray(RNG.integers(60, 200, (12, 16, 3)), np.uint8).repeat(40, axis=0).repeat(40, axis=1)


def moving(number: int) -> Image:
    """A scene in which everything trembles."""
    return np.asarray(np.roll(SCENE, (number % 3 * 20, number % 5 * 20), (0, 1)), np.uint8)


def framed(number: int, border: Image, area: Area) -> Image:
    picture = border.copy()
    picture[area.y1 : area.y2, area.x1 : area.x2] = moving(number)[: area.y2 - area.y1, : area.x2 - area.x1]
    return picture


def pattern() -> Image:
    rows, columns = np.mgrid[0:480, 0:640] // 16
    return np.repeat((((rows + columns) % 2) * 60 + 5).astype(np.uint8)[..., None], 3, axis=2)


AREA = Area(80, 60, 560, 420)


@pytest.mark.parametrize("border", [np.full((480, 640, 3), 20, np.uint8), pattern()])
def test_the_picture_is_found_inside_its_border_and_never_beyond_it(border: Image) -> None:
    found = Border()
    for number in range(16):
        area = found.take(framed(number, border, AREA), number / 4)
    assert area is not None
    assert AREA.x1 <= area.x1 <= AREA.x1 + 16
    assert AREA.y1 <= area.y1 <= AREA.y1 + 16
    assert AREA.x2 - 16 <= area.x2 <= AREA.x2
    assert AREA.y2 - 16 <= area.y2 <= AREA.y2


@pytest.mark.parametrize("area", [Area(218, 0, 422, 360), Area(400, 200, 600, 340)], ids=["a phone held upright", "set into a plain scene"])
def test_a_small_picture_within_one_colour_is_found_at_once(area: Area) -> None:
    found = border_of(framed(0, np.full((360, 640, 3), 20, np.uint8), area))
    assert found is not None
    for told, true in ((found.x1, area.x1), (found.y1, area.y1), (found.x2, area.x2), (found.y2, area.y2)):
        assert abs(told - true) <= 16


def test_a_border_is_known_in_another_size_of_the_picture_too() -> None:
    """A narrow line has the page send smaller pictures: they are no others."""
    found, sizes = Border(), [(640, 480)] * 16 + [(320, 240)]
    areas = [found.take(np.asarray(cv2.resize(framed(n, pattern(), AREA), size), np.uint8), n / 4) for n, size in enumerate(sizes)]
    known = areas[-2]
    assert known is not None
    assert areas[-1] == Area(*(round(edge / 2) for edge in (known.x1, known.y1, known.x2, known.y2)))
    other = np.asarray(cv2.resize(framed(17, pattern(), AREA), (320, 180)), np.uint8)
    assert found.take(other, 17 / 4) is None, "of another shape it is another picture"


def test_a_picture_without_a_border_is_whole() -> None:
    found = Border()
    assert {found.take(moving(number), number / 4) for number in range(40)} == {None}


def test_what_moves_in_the_border_is_seen_again_within_seconds() -> None:
    """Somebody comes in where a still wall had been taken for a border."""
    found, border = Border(), pattern()
    for number in range(20):
        found.take(framed(number, border, AREA), number / 4)
    assert found.area is not None
    areas = []
    for number in range(20, 60):
        picture = framed(number, border, AREA)
        picture[:, :70] = moving(number)[:, :70]
        areas.append(found.take(picture, number / 4))
    assert None in areas[:5]
    assert all(area is None or area.x1 < 70 for area in areas[5:])


@pytest.mark.parametrize("side", [0.3, 0.45])
def test_a_screen_in_the_room_behind_is_no_camera_s_picture(side: float) -> None:
    width, height = int(640 * side), int(480 * side)
    screen = Area(320 - width // 2, 100, 320 + width // 2, 100 + height)
    found = Border()
    assert {found.take(framed(number, pattern(), screen), number / 4) for number in range(30)} == {None}


def test_bars_of_one_colour_are_seen_in_a_single_picture() -> None:
    letterbox = Area(0, 60, 640, 420)
    area = border_of(framed(0, np.zeros((480, 640, 3), np.uint8), letterbox))
    assert area is not None
    assert (area.x1, area.x2) == (0, 640)
    assert 60 <= area.y1 <= 76
    assert 404 <= area.y2 <= 420
    assert border_of(np.zeros((480, 640, 3), np.uint8)) is None
    assert border_of(moving(0)) is None


def test_another_size_begins_anew() -> None:
    found = Border()
    for number in range(10):
        found.take(framed(number, pattern(), AREA), number / 4)
    assert found.area is not None
    assert found.take(np.ascontiguousarray(moving(0)[:240, :320]), 3.0) is None
