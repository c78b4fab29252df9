"""Which way up a camera's picture is: two signs of three decide, and one by itself is forgotten."""

from __future__ import annotations

from typing import cast

import numpy as np
import pytest

from basics.readings import Box, GazeReading, PersonsReading
from detectors.face_models import Picture
from detectors.faces import FaceFinder
from detectors.turned import LOOKS, SELDOM, Turned

FACE = Box(270, 60, 370, 180, 1.0)
BODY = Box(150, 30, 490, 480, 0.9)
UP, OVER = 20, 220  # the first pixel of a picture in which the finder finds a face, and of the same turned over
BLANK = 100


class Finder:
    """Finds a face in pictures that begin so: what a real one makes of real people is in tests/sessions/test_camera_view.py."""

    def __init__(self) -> None:
        self.asked = 0

    def confidence(self, image: Picture) -> float:
        self.asked += 1
        return 0.9 if image[0, 0, 0] == UP else 0.0


def picture(first: int) -> Picture:
    image = np.full((480, 640, 3), BLANK, np.uint8)
    image[0, 0], image[-1, -1] = (UP, OVER) if first == UP else (OVER, UP) if first == OVER else (BLANK, BLANK)
    return image


def look(turned: Turned, first: int, *, nobody: bool = False, roll: float = 0.0, body: Box = BODY, finder: Finder | None = None) -> int | None:
    """How many persons are told of one look."""
    image = turned.upright(picture(first))
    found = PersonsReading(0.0, 0 if nobody else 1, None, persons=() if nobody else (body,))
    gaze = GazeReading(0.0, "none" if nobody else "left", box=None if nobody else FACE, numbers={"roll_deg": roll})
    turned.look(image, gaze, found, cast(FaceFinder, finder or Finder()))
    return turned.told_of_persons(found).count


def told(turned: Turned) -> str:
    return turned.told(GazeReading(0.0, "left", box=FACE)).direction


def is_over(turned: Turned) -> bool:
    return turned.over


def test_no_side_is_told_before_somebody_was_seen_upright() -> None:
    turned = Turned()
    assert told(turned) == "left", "where nobody looks which way up it is, there is nothing to wait for"
    look(turned, BLANK, nobody=True)
    assert told(turned) == "unknown"
    look(turned, UP)
    assert told(turned) == "left"


def test_two_signs_turn_it_and_two_turn_it_back() -> None:
    turned = Turned()
    look(turned, UP)
    assert look(turned, UP) == 1
    for _ in range(2 * LOOKS + 4):
        look(turned, OVER, nobody=True)
    assert is_over(turned)
    look(turned, OVER)
    assert (told(turned), is_over(turned)) == ("left", True)
    for _ in range(2 * LOOKS + 4):
        look(turned, UP, nobody=True)
    assert turned.back(FACE, 640, 480) == FACE, "as it came again"


def test_one_sign_hides_no_empty_chair_for_ever() -> None:
    turned = Turned()
    look(turned, UP)
    look(turned, UP, roll=88)
    seen = [look(turned, BLANK, nobody=True) for _ in range(LOOKS)]
    assert seen == [None, None, 0]


@pytest.mark.parametrize("corner", [(-1, 0), (0, -1)], ids=["clockwise", "counterclockwise"])
def test_who_lies_on_the_side_and_is_not_found_upright_is_not_nobody(corner: tuple[int, int]) -> None:
    image, nobody = picture(BLANK), PersonsReading(0.0, 0, None)
    image[corner] = UP
    turned = Turned()
    turned.look(image, GazeReading(0.0, "none"), nobody, cast(FaceFinder, Finder()))
    assert turned.told_of_persons(nobody).count is None


def test_a_head_on_its_side_is_read_to_no_side() -> None:
    turned = Turned()
    look(turned, UP)
    rolled = GazeReading(0.0, "right", box=FACE, numbers={"roll_deg": -85.0})
    assert (turned.told(rolled).direction, turned.told(rolled).reason) == ("unknown", "turned")


@pytest.mark.parametrize(("body", "asked"), [(BODY, 0), (Box(150, 0, 490, 240, 0.9), LOOKS)], ids=["head above", "head amid"])
def test_of_who_was_seen_upright_no_more_is_asked_than_can_tell_otherwise(body: Box, asked: int) -> None:
    turned, finder = Turned(), Finder()
    look(turned, UP, body=body, finder=finder)
    assert (turned.known, finder.asked) == (True, 2)
    for _ in range(SELDOM * LOOKS):
        look(turned, UP, body=body, finder=finder)
    assert finder.asked == 2 + asked


def test_a_camera_that_is_turned_over_later_is_noticed() -> None:
    turned, low = Turned(), Box(150, -120, 490, 210, 0.9)
    look(turned, UP)
    for _ in range(2 * SELDOM):
        look(turned, OVER, body=low)
    assert is_over(turned)
