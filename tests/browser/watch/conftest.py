"""A server, the proctors' browser, and a room of students."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Playwright

from basics.readings import SAMPLE_RATE, Frame, Sound
from bench.harness.chromium import Chromium
from bench.harness.footage import jpegs
from bench.harness.server import Server
from bench.harness.student import Footage
from tests.browser.watch.room import FOOTAGE_S, SETTINGS, TONE_HZ, Room


@pytest.fixture(scope="module")
def server(folder: Path, models_dir: Path) -> Iterator[Server]:
    running = Server(folder / "server", SETTINGS | {"MODELS_DIR": str(models_dir)})
    with running:
        yield running
        print("".join(running.output[-60:]))  # shown where a test failed


@pytest.fixture(scope="module")
def chromium(playwright: Playwright, folder: Path) -> Iterator[Chromium]:
    """The proctors' browser; sound plays without a click first, as in one that plays on this page often."""
    with Chromium(playwright, folder / "profile", flags=["--autoplay-policy=no-user-gesture-required"]) as chromium:
        yield chromium


@pytest.fixture(scope="module")
def man(shared_data: Path) -> Footage:
    """Four seconds of the man of webcam.mp4, with a tone."""
    frames = [Frame(at, jpeg) for number, (at, jpeg) in enumerate(jpegs(shared_data / "webcam.mp4")) if number % 3 == 0 and at < FOOTAGE_S]
    tone = (3000 * np.sin(2 * np.pi * TONE_HZ * np.arange(SAMPLE_RATE // 5) / SAMPLE_RATE)).astype(np.int16)
    return Footage(frames, [Sound(step / 5, tone) for step in range(round(5 * FOOTAGE_S))], [], FOOTAGE_S)


@pytest.fixture
def room(server: Server, man: Footage) -> Iterator[Room]:
    seats = Room(server, man)
    yield seats
    seats.leave()
