"""A server, a proctors' browser and students to look at, for every module that has none of its own.

A module that names settings in `SERVER` has a server with these alone.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Page, Playwright, expect

from basics.readings import SAMPLE_RATE, Frame, Sound
from bench.harness.chromium import Chromium, FakeDevices, make_camera, make_microphone
from bench.harness.footage import jpegs
from bench.harness.server import Server
from bench.harness.student import Footage
from tests.helpers.browser import show
from tests.helpers.desk import Desk
from tests.helpers.room import Room
from tests.helpers.web import PASSWORD

SETTINGS = {
    "INTERVAL_DURATION": "5",
    "INTERVAL_SETTLE_S": "1",  # no test here is about speech that is told late, and every clip would wait for it
    "CHECK_INTERVAL": "1",
    "CLIP_PREROLL_S": "1",
    "CLIP_POSTROLL_S": "1",
    "SCREEN_CAPTURE": "optional",
}
FOOTAGE_S = 4.0
TONE_HZ = 440


@pytest.fixture(scope="module")
def server(request: pytest.FixtureRequest, folder: Path, models_dir: Path, in_mongod: Callable[[], dict[str, str]]) -> Iterator[Server]:
    own: dict[str, str] | None = getattr(request.module, "SERVER", None)
    running = Server(folder / "server", (SETTINGS if own is None else own) | in_mongod() | {"MODELS_DIR": str(models_dir)})
    with running.meanwhile() if own is None else running:  # with settings of its own a module begins with a page, not with students
        yield running
        print("".join(running.output[-60:]))  # shown where a test failed


@pytest.fixture(scope="module")
def chromium(playwright: Playwright, folder: Path) -> Iterator[Chromium]:
    """The proctors' browser; sound plays without a click first, as in one that plays on this page often."""
    with Chromium(playwright, folder / "profile", flags=["--autoplay-policy=no-user-gesture-required"], shell=True) as chromium:
        yield chromium


@pytest.fixture
def page(chromium: Chromium) -> Iterator[Page]:
    """A tab whose browser complained of nothing at the end of the test."""
    before = len(chromium.problems)
    page = chromium.open("about:blank")
    show(page)
    yield page
    page.close()
    assert chromium.problems[before:] == []


@pytest.fixture(scope="module")
def man(folder: Path, shared_data: Path) -> FakeDevices:
    """A camera that shows a man who looks at it, in a quiet room."""
    camera = make_camera(shared_data / "webcam.mp4", folder / "man.mjpeg", seconds=6)
    return FakeDevices(camera, make_microphone(shared_data / "scenarios" / "clean-a" / "audio.flac", folder / "quiet.wav", seconds=6))


@pytest.fixture(scope="module")
def proctors(playwright: Playwright, folder: Path, server: Desk) -> Iterator[Chromium]:
    """The proctor's browser, logged in where the server has a password. It has no camera and no microphone."""
    with Chromium(playwright, folder / "proctor", flags=["--host-resolver-rules=MAP plain.test 127.0.0.1"], shell=True) as chromium:
        page = chromium.open(server.url)
        expect(page).to_have_url(re.compile("/login"))
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_label("Password").press("Enter")
        expect(page).not_to_have_url(re.compile("/login"))
        yield chromium


@pytest.fixture(scope="module")
def footage(shared_data: Path) -> Footage:
    """Four seconds of the man of webcam.mp4, with a tone."""
    taken = itertools.takewhile(lambda one: one[0] < FOOTAGE_S, jpegs(shared_data / "webcam.mp4"))
    frames = [Frame(at, jpeg) for at, jpeg in itertools.islice(taken, 0, None, 3)]
    tone = (3000 * np.sin(2 * np.pi * TONE_HZ * np.arange(SAMPLE_RATE // 5) / SAMPLE_RATE)).astype(np.int16)
    return Footage(frames, [Sound(step / 5, tone) for step in range(round(5 * FOOTAGE_S))], [], FOOTAGE_S)


@pytest.fixture
def room(server: Server, footage: Footage) -> Iterator[Room]:
    """Seats for students of one test."""
    seats = Room(server, footage)
    yield seats
    seats.leave()
