"""A loop of pictures is noticed by its bytes and, encoded anew, by its movement; somebody who moves and comes back is none."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from sessions.repeats import RepeatedBytes, RepeatedImages

Image = npt.NDArray[np.uint8]


def scene(place: float, rng: np.random.Generator) -> Image:
    """A bright figure before a wall, seen by a camera with noise."""
    rows, columns = np.mgrid[0:120, 0:160]
    figure = 120 * np.exp(-((columns - place) ** 2 / 800 + (rows - 60) ** 2 / 1200))
    noisy = 60 + figure + rng.normal(0, 3, figure.shape)
    return np.repeat(noisy.clip(0, 255).astype(np.uint8)[:, :, None], 3, axis=2)


def found(places: list[float], period: int | None = None) -> float | None:
    rng, images, last = np.random.default_rng(1), RepeatedImages(), None
    for number in range(240):
        place = places[number % period] if period else places[number]
        last = images.take(scene(place, rng), number / 4)
    return last


def wander() -> list[float]:
    return [80 + step for step in np.random.default_rng(2).normal(0, 20, 240)]


def test_a_loop_that_is_encoded_anew_is_found_with_its_length() -> None:
    assert found(wander(), period=12) == 3.0


def test_somebody_who_moves_is_no_loop() -> None:
    assert found(wander()) is None


def test_somebody_who_rocks_to_and_fro_is_no_loop() -> None:
    rng = np.random.default_rng(3)
    times = np.cumsum(0.25 * rng.uniform(0.8, 1.25, 240))  # nobody keeps the beat of a clock
    assert found([80 + 25 * float(np.sin(2 * np.pi * time / 3)) for time in times]) is None


def test_the_same_bytes_again_are_a_loop() -> None:
    loop, live = RepeatedBytes(), RepeatedBytes()
    assert [loop.take(bytes([number % 30, 1])) for number in range(120)][-1]
    assert not any(live.take(number.to_bytes(2, "big")) for number in range(1000))


def test_a_camera_that_stands_still_is_no_loop() -> None:
    still = RepeatedBytes()
    assert not any(still.take(b"the same") for _ in range(500))
