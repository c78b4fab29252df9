"""A drawn student's camera: what it sees at each moment. The same moment gives the same picture, and nothing is kept from one to the next."""

from __future__ import annotations

import math
from typing import Literal

import cv2
import numpy as np

from demo.drawings import HEIGHT, WIDTH, Look, draw_body, draw_head, draw_room
from demo.layers import Image

Scene = Literal["working", "aside", "visited", "away", "covered"]

BLINK_EVERY_S, BLINK_S = 3.7, 0.2
NOISE = 3.0  # grey levels of a sensor's noise; without any, a still room is a frozen camera
NOISE_SPARE = 64  # pixels by which the noise is larger than a picture, to be shifted in
COVERED_GREY = 14
JPEG_QUALITY = 70


class Camera:
    """The camera of one student. What is dear is drawn once; a picture only moves it."""

    def __init__(self, look: Look, visitor: Look | None = None) -> None:
        """`visitor` comes in where a scene is `visited`."""
        self._seed = look.seed
        self._room = draw_room(look)
        self._body = draw_body(look)
        self._head = draw_head(look, "open")
        self._shut = draw_head(look, "shut")
        self._aside = draw_head(look, "aside")
        self._visitor = (draw_body(visitor), draw_head(visitor, "open")) if visitor is not None else ()
        noise = np.random.default_rng(look.seed).normal(0, NOISE, (HEIGHT + NOISE_SPARE, WIDTH + NOISE_SPARE, 1))
        self._noise = np.repeat(np.rint(noise).astype(np.int16), 3, axis=2)

    def picture(self, scene: Scene, at: float) -> Image:
        """What the camera sees at `at` seconds: uint8 [480, 640, 3], BGR."""
        if scene == "covered":
            return self._with_noise(np.full_like(self._room, COVERED_GREY), at)
        picture = self._room.copy()
        if scene == "away":
            return self._with_noise(picture, at)
        phase = at + self._seed * 1.7
        sway, nod = 9 * math.sin(phase * 0.53) + 4 * math.sin(phase * 1.31), 5 * math.sin(phase * 0.71)
        side = 0.0
        if scene == "visited":
            side = -90.0  # they make room for each other
            for part in self._visitor:
                part.over(picture, 150 + 5 * math.sin(phase * 0.9), 8 + 3 * math.sin(phase * 0.6), 2 * math.sin(phase * 0.5))
        self._body.over(picture, side + 0.4 * sway, 1.5 * math.sin(phase * 1.6))
        head = self._aside if scene == "aside" else self._shut if phase % BLINK_EVERY_S < BLINK_S else self._head
        head.over(picture, side + sway, nod, 2.5 * math.sin(phase * 0.37))
        return self._with_noise(picture, at)

    def jpeg(self, scene: Scene, at: float) -> bytes:
        """The same as a browser would send it."""
        return bytes(cv2.imencode(".jpg", self.picture(scene, at), [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])[1])

    def _with_noise(self, picture: Image, at: float) -> Image:
        moment = round(at * 100)
        down, right = moment * 37 % NOISE_SPARE, moment * 23 % NOISE_SPARE
        return cv2.add(picture, self._noise[down : down + HEIGHT, right : right + WIDTH], dtype=cv2.CV_8U)  # type: ignore[no-any-return]
