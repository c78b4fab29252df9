"""Draws what the demo's cameras see: a room, a student's head and shoulders. Nobody is meant by them; no photograph was used.

They are shaded so far that the detectors read them as they read people: without that the demo would show nothing but empty rooms.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np

from demo.layers import Colour, Image, Layer, ellipse, layer, paint, polygon, rounded, shade, stroke

WIDTH, HEIGHT = 640, 480
HEAD = (320, 205)  # where a head's middle is at rest
HEAD_SIZE = (300, 360)  # of its canvas
BODY_SIZE = (460, 290)

Eyes = Literal["open", "shut", "aside"]


@dataclass(frozen=True, slots=True)
class Look:
    """How one student and the room behind are drawn; `seed` also says when they move."""

    skin: Colour
    hair: Colour
    clothes: Colour
    wall: Colour
    seed: int
    long_hair: bool = False
    glasses: bool = False


def draw_room(look: Look) -> Image:
    """An empty room: uint8 [480, 640, 3], BGR."""
    random = np.random.default_rng(look.seed)
    light = np.linspace(1.12, 0.82, WIDTH)[None, :, None] * np.linspace(1.05, 0.9, HEIGHT)[:, None, None]
    room = np.clip(np.array(look.wall, np.float32) * light, 0, 255).astype(np.uint8)
    _draw_window(room, 24 + int(random.integers(0, 20)))
    for shelf in (120, 220, 320):
        x = 492
        while x < 622:
            wide, tall = int(random.integers(9, 20)), int(random.integers(48, 78))
            grey = int(random.integers(80, 170))
            blue, green, red = (int(part) for part in grey + random.integers(-45, 45, 3))
            cv2.rectangle(room, (x, shelf - tall), (x + wide - 2, shelf), (blue, green, red), -1)
            cv2.rectangle(room, (x + 3, shelf - tall + 8), (x + wide - 5, shelf - tall + 12), shade((blue, green, red), 1.3), -1)
            x += wide
        cv2.rectangle(room, (484, shelf), (WIDTH, shelf + 9), (72, 104, 140), -1)
        cv2.rectangle(room, (484, shelf + 9), (WIDTH, shelf + 13), (50, 74, 100), -1)
    return np.asarray(cv2.GaussianBlur(room, (3, 3), 0), np.uint8)


def _draw_window(room: Image, left: int) -> None:
    frame = (238, 240, 240)
    cv2.rectangle(room, (left, 30), (left + 144, 250), frame, -1)
    cv2.rectangle(room, (left + 10, 40), (left + 134, 240), (232, 214, 186), -1)
    paint(room[:240], (150, 178, 150), 0.9, 5, ellipse(left + 72, 246, 58, 60))
    cv2.rectangle(room, (left, 240), (left + 144, 256), (214, 216, 218), -1)
    cv2.line(room, (left + 72, 40), (left + 72, 240), frame, 7)
    cv2.line(room, (left + 10, 130), (left + 134, 130), frame, 7)


def draw_body(look: Look) -> Layer:
    """Shoulders and neck."""
    wide, tall = BODY_SIZE
    x, y = wide / 2, -60.0  # the head's middle lies above this canvas
    canvas = np.full((tall, wide, 3), look.clothes, np.uint8)
    mask = np.zeros((tall, wide), np.uint8)
    half = [(44, 118), (110, 148), (168, 182), (196, 240), (206, 390)]
    polygon(*[(x - side, y + down) for side, down in half], *[(x + side, y + down) for side, down in reversed(half)])(mask)
    rounded(mask, 9)
    paint(canvas, shade(look.clothes, 0.55), 0.9, 18, lambda m: cv2.rectangle(m, (round(x) + 120, 70), (wide, tall), 255, -1))
    paint(canvas, shade(look.clothes, 0.6), 0.9, 14, ellipse(x, y + 128, 92, 30))
    paint(canvas, shade(look.clothes, 1.25), 0.7, 22, ellipse(x - 110, y + 190, 60, 24, -25))
    for side in (-1, 1):
        paint(canvas, shade(look.clothes, 0.6), 0.8, 4, stroke(6, (x + side * 128, y + 230), (x + side * 118, tall)))
    neck = polygon((x - 46, y + 60), (x - 50, y + 128), (x - 20, y + 150), (x + 20, y + 150), (x + 50, y + 128), (x + 46, y + 60))
    paint(canvas, shade(look.skin, 0.86), 1, 2, neck)
    neck(mask)
    paint(canvas, shade(look.skin, 0.5), 0.8, 9, ellipse(x + 4, y + 92, 50, 26))  # the chin's shadow
    return layer(canvas, mask, HEAD[0] - wide // 2, HEAD[1] + 60)


def draw_head(look: Look, eyes: Eyes) -> Layer:
    """A face with its hair, seen from the front, or turned a little where the eyes look aside."""
    wide, tall = HEAD_SIZE
    x, y = wide / 2, 165.0
    mask, face = np.zeros((tall, wide), np.uint8), np.zeros((tall, wide), np.uint8)
    canvas = np.full((tall, wide, 3), look.hair, np.uint8)
    canvas[round(y) + 84 :, round(x) - 40 : round(x) + 40] = shade(look.skin, 0.6)  # under the chin is no hair
    half = [(48, -92), (76, -50), (80, 0), (74, 44), (56, 82), (26, 108)]
    polygon((x, y - 104), *[(x + side, y + down) for side, down in half], (x, y + 113), *[(x - side, y + down) for side, down in reversed(half)])(
        face
    )
    rounded(face, 7)
    if look.long_hair:
        ellipse(x, y - 22, 98, 108)(mask)
        for side in (-1, 1):
            ellipse(x + side * 76, y + 72, 32, 96, side * -6)(mask)
    else:
        ellipse(x, y - 30, 90, 98)(mask)
        for side in (-1, 1):
            ellipse(x + side * 82, y + 8, 13, 25, side * -8)(face)
    mask[:] = np.maximum(mask, face)
    paint(canvas, look.skin, 1, 1, lambda m: np.copyto(m, face))
    _draw_light(canvas, face, look, x, y)
    turned = x + (13 if eyes == "aside" else 0)
    _draw_nose_and_mouth(canvas, face, look, turned, y)
    for side in (-1, 1):
        _draw_eye(canvas, face, look, turned + side * 35, y - 3, side, eyes)
    paint(canvas, look.hair, 1, 2, ellipse(x, y - 92, 100, 42))
    paint(canvas, shade(look.hair, 1.7), 0.5, 8, ellipse(x - 26, y - 104, 40, 12, -18))
    if look.glasses:
        for side in (-1, 1):
            cv2.ellipse(canvas, (round(turned + side * 36), round(y - 1)), (29, 23), 0, 0, 360, (40, 40, 46), 3, cv2.LINE_AA)
        cv2.line(canvas, (round(turned) - 8, round(y) - 5), (round(turned) + 8, round(y) - 5), (40, 40, 46), 3, cv2.LINE_AA)
    return layer(canvas, mask, HEAD[0] - wide // 2, HEAD[1] - 165)


def _draw_light(canvas: Image, face: Image, look: Look, x: float, y: float) -> None:
    """The window's light: the far cheek and the sockets lie in shadow, forehead and near cheek shine."""
    skin, dark = look.skin, shade(look.skin, 0.62)
    red = shade((skin[0] - 12, skin[1] - 8, skin[2]), 0.93)
    edges = [(56, 110, 0.75, 22), (-110, -74, 0.35, 14)]
    for left, right, strength, blur in edges:
        paint(canvas, dark, strength, blur, lambda m, a=left, b=right: m[:, round(x) + a : round(x) + b].fill(255), face)  # type: ignore[misc]
    paint(canvas, shade(skin, 1.14), 0.7, 16, ellipse(x - 12, y - 62, 44, 20), face)
    paint(canvas, shade(skin, 1.12), 0.6, 12, ellipse(x - 42, y + 34, 20, 16), face)
    paint(canvas, shade(skin, 1.08), 0.5, 12, ellipse(x + 38, y + 34, 18, 14), face)
    for side in (-1, 1):
        paint(canvas, red, 0.5, 14, ellipse(x + side * 46, y + 44, 20, 14), face)


def _draw_nose_and_mouth(canvas: Image, face: Image, look: Look, x: float, y: float) -> None:
    skin, dark, darkest = look.skin, shade(look.skin, 0.62), shade(look.skin, 0.28)
    for side in (-1, 1):
        paint(canvas, dark, 0.75, 7, ellipse(x + side * 35, y - 13, 24, 12), face)
        paint(canvas, dark, 0.35, 6, ellipse(x + side * 35, y + 14, 20, 5), face)
    paint(canvas, dark, 0.55, 5, stroke(8, (x + 10, y - 8), (x + 15, y + 34)), face)
    paint(canvas, shade(skin, 1.2), 0.8, 4, stroke(8, (x - 1, y - 10), (x - 1, y + 34)), face)
    paint(canvas, shade(skin, 1.16), 0.7, 5, ellipse(x - 2, y + 37, 10, 8), face)
    paint(canvas, dark, 0.8, 4, ellipse(x, y + 50, 22, 5), face)
    for side in (-1, 1):
        paint(canvas, dark, 0.6, 3, stroke(3, (x + side * 17, y + 31), (x + side * 23, y + 40), (x + side * 17, y + 49)), face)
        paint(canvas, darkest, 0.85, 1.5, ellipse(x + side * 9, y + 47, 5, 3), face)
    lips = (round(skin[0] * 0.72), round(skin[1] * 0.62), round(skin[2] * 0.88))
    paint(canvas, lips, 0.9, 1.5, polygon((x - 30, y + 70), (x - 9, y + 64), (x, y + 67), (x + 9, y + 64), (x + 30, y + 70), (x, y + 75)), face)
    paint(canvas, shade(lips, 1.1), 0.9, 1.5, ellipse(x, y + 73, 25, 10, 0, 0, 180), face)
    paint(canvas, darkest, 0.85, 1.2, stroke(2, (x - 30, y + 69), (x - 12, y + 73), (x, y + 74), (x + 12, y + 73), (x + 30, y + 69)), face)
    paint(canvas, shade(skin, 1.2), 0.5, 2.5, ellipse(x - 4, y + 79, 10, 2), face)
    paint(canvas, dark, 0.6, 5, ellipse(x, y + 89, 20, 4), face)
    paint(canvas, shade(skin, 1.1), 0.5, 8, ellipse(x - 3, y + 98, 16, 8), face)


def _draw_eye(canvas: Image, face: Image, look: Look, x: float, y: float, side: int, eyes: Eyes) -> None:
    skin = look.skin
    if eyes == "shut":
        paint(canvas, shade(skin, 0.9), 0.9, 2, ellipse(x, y, 18, 9), face)
        paint(canvas, shade(skin, 0.2), 0.9, 1, stroke(2, (x - 17, y + 1), (x - 8, y + 6), (x + 8, y + 6), (x + 17, y + 1)), face)
    else:
        upper = [(x - 18, y + 2), (x - 9, y - 6), (x, y - 8), (x + 9, y - 6), (x + 18, y + 1)]
        lower = [(x + 18, y + 1), (x + 8, y + 7), (x, y + 8), (x - 9, y + 7), (x - 18, y + 2)]
        opening = np.zeros_like(face)
        polygon(*upper, *lower[1:-1])(opening)
        middle = x + (7 if eyes == "aside" else 0)
        paint(canvas, (218, 222, 226), 1, 1, lambda m: np.copyto(m, opening))
        paint(canvas, (48, 66, 92), 1, 0.8, ellipse(middle, y, 9, 9), opening)
        paint(canvas, (12, 12, 14), 1, 0.8, ellipse(middle, y, 4, 4), opening)
        paint(canvas, (250, 250, 250), 0.9, 0.7, ellipse(middle - 3, y - 3, 2, 2), opening)
        paint(canvas, shade(skin, 0.3), 0.5, 2, stroke(3, (x - 16, y - 6), (x + 16, y - 6)), face)
        paint(canvas, shade(skin, 0.16), 0.95, 0.8, stroke(3, *upper), face)
        paint(canvas, shade(skin, 0.45), 0.7, 0.8, stroke(1, *lower), face)
        paint(canvas, shade(skin, 0.5), 0.7, 1, stroke(2, (x - 17, y - 7), (x - 8, y - 12), (x + 8, y - 12), (x + 17, y - 7)), face)
    brow = [(x - side * 21, y - 21), (x, y - 26), (x + side * 24, y - 20)]
    paint(canvas, shade(look.hair, 0.8), 0.85, 1.5, stroke(6, *brow), face)
