"""Footage that needs no data: pictures that move and show nobody, and a quiet room. What is measured with it is the server, not the detectors."""

from __future__ import annotations

import cv2
import numpy as np

from basics.readings import SAMPLE_RATE, Frame, Sound
from bench.harness.footage import Image, h264_frames
from bench.harness.student import Footage

WIDTH, HEIGHT, FPS = 320, 240, 4
QUIET = 40  # of 32,768: a microphone that works in a room in which nobody speaks
SOUND_S = 0.2


def drawn_images(seconds: float, seed: int = 0) -> list[tuple[float, Image]]:
    """A bar that wanders over grey noise, as `(time, picture)`."""
    random = np.random.default_rng(seed)
    ground = random.integers(90, 150, (HEIGHT // 8, WIDTH // 8, 3), np.uint8)
    ground = np.asarray(cv2.resize(ground, (WIDTH, HEIGHT), interpolation=cv2.INTER_NEAREST), np.uint8)
    images = []
    for number in range(round(seconds * FPS)):
        image = ground.copy()
        left = number * 13 % (WIDTH - 40)
        image[40:200, left : left + 40] = 200
        images.append((number / FPS, image))
    return images


def drawn_footage(seconds: float = 5.0, seed: int = 0, codec: str = "jpeg") -> Footage:
    """`seconds` of it as a student's page sends it, as `jpeg` or `h264`."""
    images = drawn_images(seconds, seed)
    if codec == "h264":
        frames = list(h264_frames(images))
    else:
        frames = [Frame(at, cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, 60])[1].tobytes()) for at, image in images]
    random = np.random.default_rng(seed + 1)
    samples = round(SOUND_S * SAMPLE_RATE)
    sounds = [Sound(step * SOUND_S, random.integers(-QUIET, QUIET, samples).astype(np.int16)) for step in range(round(seconds / SOUND_S))]
    return Footage(frames, sounds, [], seconds)
