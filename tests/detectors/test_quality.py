"""What is too poor to tell: each question is answered from one thumbnail, with the limits of the detector that asks."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from detectors.quality import Image, PictureQuality, levels_at
from settings.gaze import GazeLimits
from settings.persons import PersonsLimits


def room(width: int = 640, height: int = 480, bright: float = 1.0) -> Image:
    """A picture full of edges, of this size and so bright."""
    tiles = np.random.default_rng(3).integers(0, 255, (12, 16, 3), np.uint8)
    drawn = cv2.resize(tiles, (width, height), interpolation=cv2.INTER_NEAREST)
    return np.asarray(drawn * bright, dtype=np.uint8)


def backlit() -> Image:
    image = room(bright=0.2)
    image[:160] = 255
    return image


@pytest.mark.parametrize(
    ("image", "no_face", "nobody", "blank"),
    [
        pytest.param(room(), "", "", "", id="a room"),
        pytest.param(room(1280, 720), "", "", "", id="a wide one"),
        pytest.param(room(360, 640), "", "", "", id="an upright one"),
        pytest.param(room(bright=0.2), "", "dark", "dark", id="dim: a face would still be found"),
        pytest.param(room(bright=0.1), "dark", "dark", "dark", id="dark"),
        pytest.param(np.full((480, 640, 3), 120, np.uint8), "hidden", "covered", "covered", id="a covered lens"),
        pytest.param(backlit(), "", "dark", "", id="against the light: two pictures of it are not alike"),
        pytest.param(cv2.GaussianBlur(room(), (0, 0), 30), "blurred", "blurred", "", id="out of focus"),
    ],
)
def test_each_detector_has_its_own_answer_of_one_picture(image: Image, no_face: str, nobody: str, blank: str) -> None:
    quality = PictureQuality(image)
    assert (quality.why_no_face(GazeLimits()), quality.why_nobody(PersonsLimits()), quality.why_blank(PersonsLimits())) == (no_face, nobody, blank)


@pytest.mark.parametrize("size", [1, 2, 7, 640, 4800])
def test_levels_are_those_of_percentiles_to_the_last_digit(size: int) -> None:
    percents = (0, 1, 2, 50, 75, 95, 98, 99, 100)
    for seed in range(20):
        levels = np.random.default_rng(seed).integers(0, 1 + 255 // (1 + seed), size, np.uint8)
        assert levels_at(levels, *percents) == np.percentile(levels, percents).tolist()
