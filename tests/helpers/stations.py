"""Stations with footage: a listener that keeps what it is told, films and recordings made for a test."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import soundfile

from basics.readings import DeviceName, DeviceStateName, Frame, ScreenAct, Sound
from sessions.sources import Stations

WAIT = 60.0  # s for anything to happen on a busy machine
FLASH = 1.0  # s at which the test film turns white and its sound begins


Open = Callable[..., Stations]


class Listener:
    """Keeps what it is told, and lets a test wait for it."""

    def __init__(self) -> None:
        self.frames: list[Frame] = []
        self.arrivals: list[float] = []
        self.sounds: list[Sound] = []
        self.acts: list[ScreenAct] = []
        self.states: list[tuple[str, str, str]] = []
        self._news = threading.Condition()

    def _note(self, where: list[Any], what: Any) -> None:
        with self._news:
            where.append(what)
            self._news.notify_all()

    def take_frame(self, frame: Frame) -> None:
        self.arrivals.append(time.monotonic())
        self._note(self.frames, frame)

    def take_sound(self, sound: Sound) -> None:
        self._note(self.sounds, sound)

    def take_acts(self, acts: list[ScreenAct]) -> None:
        self._note(self.acts, acts)

    def device_state(self, device: DeviceName, state: DeviceStateName, reason: str) -> None:
        self._note(self.states, (device, state, reason))

    def until(self, good: Callable[[], Any]) -> None:
        with self._news:
            assert self._news.wait_for(good, WAIT), f"waited in vain; states {self.states}, {len(self.frames)} frames, {len(self.sounds)} sounds"

    def until_state(self, device: str, state: str) -> str:
        """Wait until `device` is in this state; its reason."""
        self.until(lambda: self.newest(device)[0] == state)
        return self.newest(device)[1]

    def newest(self, device: str) -> tuple[str, str]:
        told = [(state, reason) for name, state, reason in self.states if name == device]
        return told[-1] if told else ("", "")

    def story(self, device: str) -> list[str]:
        return [state for name, state, _ in self.states if name == device]


class Rude(Listener):
    """Raises at every call."""

    def _note(self, where: list[Any], what: Any) -> None:
        super()._note(where, what)
        raise RuntimeError("this listener is broken")


def film(path: Path, *, seconds: float = 2.0, fps: int = 25, size: tuple[int, int] = (320, 240)) -> Path:
    """A film that is black until FLASH, then white."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=fps)
        stream.width, stream.height, stream.pix_fmt = *size, "yuv420p"
        stream.options = {"preset": "ultrafast"}
        for number in range(round(seconds * fps)):
            picture = np.full((size[1], size[0], 3), 255 if number >= FLASH * fps else 0, np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="bgr24")))
        container.mux(stream.encode(None))
    return path


def recording(path: Path, *, seconds: float = 2.0, rate: int = 44_100, channels: int = 2) -> Path:
    """A sound file that is silent until FLASH, then a tone of 1 kHz."""
    times = np.arange(round(seconds * rate)) / rate
    tone = np.where(times >= FLASH, 0.5 * np.cos(2 * np.pi * 1000 * times), 0.0)
    soundfile.write(path, np.repeat(tone[:, None], channels, axis=1), rate)
    return path


def brightness(frame: Frame) -> float:
    return float(np.mean(np.asarray(cv2.imdecode(np.frombuffer(frame.data, np.uint8), cv2.IMREAD_GRAYSCALE))))


def joined(sounds: list[Sound]) -> np.ndarray[Any, np.dtype[np.int16]]:
    return np.concatenate([sound.samples for sound in sounds])


def release_readers(pipe: Path) -> None:
    """Let go the threads that wait for somebody to write into `pipe`."""
    readers = [thread for thread in threading.enumerate() if thread.name.startswith("camera-")]
    end = time.monotonic() + WAIT
    while readers:
        assert time.monotonic() < end, f"still alive: {readers}"
        with suppress(OSError):
            os.close(os.open(pipe, os.O_WRONLY | os.O_NONBLOCK))
        readers[0].join(0.05)
        readers = [thread for thread in readers if thread.is_alive()]
