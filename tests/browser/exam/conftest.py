"""A server with a password, a proctor's browser and a student's."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Playwright, expect

from bench.harness.chromium import Chromium, FakeDevices, make_camera, make_microphone
from tests.browser.exam.desk import SETTINGS, Desk
from tests.helpers.web import PASSWORD


@pytest.fixture(scope="module")
def server(folder: Path, models_dir: Path) -> Iterator[Desk]:
    running = Desk(folder / "server", SETTINGS | {"MODELS_DIR": str(models_dir)})
    with running:
        yield running
        print("".join(running.output[-60:]))  # shown where a test failed


@pytest.fixture(scope="module")
def proctors(playwright: Playwright, folder: Path, server: Desk) -> Iterator[Chromium]:
    """The proctor's browser, logged in. It has no camera and no microphone."""
    with Chromium(playwright, folder / "proctor", flags=["--host-resolver-rules=MAP plain.test 127.0.0.1"]) as chromium:
        page = chromium.open(server.url)
        expect(page).to_have_url(re.compile("/login"))
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_label("Password").press("Enter")
        expect(page.get_by_role("heading", name="No exam is running")).to_be_visible()
        yield chromium


@pytest.fixture(scope="module")
def students(playwright: Playwright, folder: Path, server: Desk, shared_data: Path) -> Iterator[Chromium]:
    """A student's browser with a camera that shows the man of webcam.mp4; what the page may use, its user is asked."""
    camera = make_camera(shared_data / "webcam.mp4", folder / "man.mjpeg", seconds=6)
    microphone = make_microphone(shared_data / "scenarios" / "exam-b" / "audio.flac", folder / "voice.wav", start=138, seconds=6)
    with Chromium(playwright, folder / "student", devices=FakeDevices(camera, microphone), allow=False) as chromium:
        yield chromium
