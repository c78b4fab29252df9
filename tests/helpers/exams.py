"""Short exams on a real server: quick settings, media made up, a student who takes part."""

from __future__ import annotations

import cv2
import numpy as np

from basics.readings import Frame, ScreenAct, Sound
from bench.harness.server import Server
from bench.harness.student import Footage, StudentClient

QUICK = {"INTERVAL_DURATION": "5", "CHECK_INTERVAL": "2", "CLIP_PREROLL_S": "1", "CLIP_POSTROLL_S": "1", "ABANDONED_S": "60", "POINTS_NO_FACE": "0"}
WAIT_S = 60.0


def noise_frames(seconds: float, seed: int = 0) -> list[Frame]:
    """Pictures of noise: a camera that works and shows nobody."""
    random = np.random.default_rng(seed)
    frames = []
    for step in range(round(seconds * 10)):
        image = random.integers(60, 200, (240, 320, 3), np.uint8)
        frames.append(Frame(step / 10, cv2.imencode(".jpg", image)[1].tobytes()))
    return frames


def quiet_sounds(seconds: float) -> list[Sound]:
    random = np.random.default_rng(1)
    return [Sound(step / 5, random.integers(-60, 60, 3200).astype(np.int16)) for step in range(round(seconds * 5))]


def footage(seconds: float, acts: list[ScreenAct] | None = None) -> Footage:
    return Footage(noise_frames(seconds), quiet_sounds(seconds), acts or [], seconds)


def student(server: Server, user_id: str, what: Footage | None = None) -> tuple[StudentClient, str]:
    session = server.create(user_id, "exam")
    client = StudentClient(f"{server.link_url}?token={session['token']}", what or footage(5))
    client.start()
    assert client.welcomed.wait(WAIT_S)
    return client, session["session_id"]
