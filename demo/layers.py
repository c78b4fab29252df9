"""Painting with soft edges, and layers that are painted once and then only moved. Pure: arrays in, arrays out."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

Image = npt.NDArray[np.uint8]
Colour = tuple[int, int, int]  # blue, green, red
Draw = Callable[[Image], object]  # draws white on a black mask

SWAY_PX = 24  # how far a layer may be moved


@dataclass(frozen=True, slots=True)
class Layer:
    """A painted part of a picture: uint8 [height, width, 4], colours times cover and the cover 0..255; `left`, `top` are its place at rest."""

    pixels: Image
    left: int
    top: int

    def over(self, picture: Image, right: float = 0.0, down: float = 0.0, tilt: float = 0.0, scale: float = 1.0) -> None:
        """Lay this over `picture`, moved by pixels, turned about its foot by degrees and scaled."""
        height, width = picture.shape[:2]
        tall, wide = self.pixels.shape[:2]
        x1, y1 = max(0, math.floor(self.left + right) - SWAY_PX), max(0, math.floor(self.top + down) - SWAY_PX)
        x2, y2 = min(width, math.ceil(self.left + right) + wide + SWAY_PX), min(height, math.ceil(self.top + down) + tall + SWAY_PX)
        if x1 >= x2 or y1 >= y2:
            return
        turn = cv2.getRotationMatrix2D((wide / 2, float(tall)), tilt, scale)
        turn[:, 2] += self.left + right - x1, self.top + down - y1
        moved = cv2.warpAffine(self.pixels, turn, (x2 - x1, y2 - y1))
        bare = cv2.cvtColor(255 - moved[:, :, 3], cv2.COLOR_GRAY2BGR)
        part = picture[y1:y2, x1:x2]
        part[:] = cv2.add(cv2.multiply(part, bare, scale=1 / 255), moved[:, :, :3])


def layer(canvas: Image, mask: Image, left: int, top: int) -> Layer:
    """A layer of `canvas` where `mask` is white."""
    cover = cv2.GaussianBlur(mask, (3, 3), 0).astype(np.float32)[:, :, None] / 255
    colours = cv2.GaussianBlur(canvas, (3, 3), 0).astype(np.float32) * cover
    return Layer(np.rint(np.concatenate([colours, cover * 255], axis=2)).astype(np.uint8), left, top)


def shade(colour: Colour, factor: float) -> Colour:
    """`colour` in more or less light."""
    blue, green, red = (min(255, max(0, round(part * factor))) for part in colour)
    return blue, green, red


def paint(canvas: Image, colour: Colour, strength: float, blur: float, draw: Draw, within: Image | None = None) -> None:
    """Paint a shape of `colour` whose edges run out over `blur` pixels, where `within` is white."""
    mask = np.zeros(canvas.shape[:2], np.uint8)
    draw(mask)
    if within is not None:
        mask = np.minimum(mask, within)
    left, top, wide, tall = cv2.boundingRect(mask)
    reach = math.ceil(3 * blur)
    here = slice(max(0, top - reach), top + tall + reach), slice(max(0, left - reach), left + wide + reach)
    share = cv2.GaussianBlur(mask[here], (0, 0), blur).astype(np.float32)[:, :, None] / 255 * strength
    canvas[here] = canvas[here] * (1 - share) + np.array(colour, np.float32) * share


def ellipse(x: float, y: float, wide: float, tall: float, tilt: float = 0, start: float = 0, end: float = 360) -> Draw:
    """A filled ellipse, or the part of it between two angles."""
    return lambda mask: cv2.ellipse(mask, (round(x), round(y)), (round(wide), round(tall)), tilt, start, end, 255, -1, cv2.LINE_AA)


def polygon(*points: tuple[float, float]) -> Draw:
    """A filled polygon."""
    return lambda mask: cv2.fillPoly(mask, [np.rint(points).astype(np.int32)], 255, cv2.LINE_AA)


def stroke(thickness: int, *points: tuple[float, float]) -> Draw:
    """A line through `points`."""
    return lambda mask: cv2.polylines(mask, [np.rint(points).astype(np.int32)], False, 255, thickness, cv2.LINE_AA)


def rounded(mask: Image, blur: float) -> None:
    """Round off the corners of what is white on `mask`."""
    mask[:] = np.where(cv2.GaussianBlur(mask, (0, 0), blur) > 127, 255, 0)
