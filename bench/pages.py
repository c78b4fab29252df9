"""Makes the documents' pictures anew, of the running program: live page, review page, the check. They show nobody but the man of webcam.mp4.

venv/bin/python -m bench.pages [--data DIR] [--out docs]
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import soundfile
from playwright.sync_api import Page, Playwright, sync_playwright

from basics.paths import ROOT
from basics.readings import SAMPLE_RATE, Frame
from bench.harness.chromium import Chromium, FakeDevices, chromium_program, make_camera
from bench.harness.footage import jpegs
from bench.harness.server import Server
from bench.harness.student import Footage, StudentClient
from bench.harness.waiting import comes

EXAM = "history-101"
FOOTAGE_S = 12.0
APART_S = 1.4  # two students' pictures are not of the same moment
WAIT_S = 90.0
WINDOW = {"width": 1360, "height": 860}
PORTAL_WINDOW = {"width": 1180, "height": 780}
UNWATCHED_S = 35.0  # from half a minute on an exam that can't be watched is for a proctor to look at
SETTINGS = {"INTERVAL_DURATION": "30", "ABANDONED_S": "600"}


class Room:
    """Students who all send the same footage, each from a moment of its own."""

    def __init__(self, server: Server, frames: list[Frame]) -> None:
        self._server = server
        self._frames = frames
        self.students: dict[str, StudentClient] = {}

    def seat(self, name: str, *, dark: bool = False) -> None:
        """Let a student begin."""
        start = APART_S * len(self.students)
        moved = [Frame(at, frame.data) for at, frame in zip([one.at for one in self._frames], self._from(start), strict=True)]
        black = cv2.imencode(".jpg", np.zeros((480, 640, 3), np.uint8))[1].tobytes()
        footage = Footage([Frame(frame.at, black) for frame in moved] if dark else moved, [], [], FOOTAGE_S)
        created = self._server.create(name, EXAM)
        self.students[name] = StudentClient(f"{self._server.link_url}?token={created['token']}", footage)
        self.students[name].start()

    def _from(self, start: float) -> list[Frame]:
        first = next(number for number, frame in enumerate(self._frames) if frame.at >= start % FOOTAGE_S)
        return self._frames[first:] + self._frames[:first]

    def status(self, name: str) -> dict[str, Any]:
        """A student's session as the live page has it."""
        sessions: list[dict[str, Any]] = self._server.call("GET", "/api/sessions/active")["sessions"]
        return next(one for one in sessions if one["user_id"] == name)

    def leave(self) -> None:
        """End them all."""
        for client in self.students.values():
            client.close()


def play(room: Room) -> None:
    """What happens in the eight exams, until each tile shows what it is there for."""
    for name in ("anna.k", "ben.o", "chloe.m", "dario.r", "emre.y", "fatou.d", "hana.t"):
        room.seat(name)
    room.seat("greta.s", dark=True)
    if not all(client.welcomed.wait(WAIT_S) for client in room.students.values()):
        raise SystemExit("The students were not welcomed.")
    _await(lambda: room.status("anna.k")["gaze"] not in {None, "unknown"}, "the first readings")
    room.students["dario.r"].close()
    time.sleep(UNWATCHED_S)  # for so long two exams can't be watched
    room.students["ben.o"].act("copy")
    room.students["ben.o"].act("paste")
    room.students["chloe.m"].act("copy")
    room.students["emre.y"].say({"type": "call", "text": "May I use a dictionary?"})
    _await(lambda: room.status("ben.o")["flagged_intervals"] > 0, "a flag")
    _await(lambda: all(room.status(name)["unwatched"] for name in ("dario.r", "greta.s")), "exams that can't be watched")


def shoot(playwright: Playwright, server: Server, folder: Path, data: Path, out: Path) -> None:
    """Take the pictures."""
    with Chromium(playwright, folder / "proctor") as chromium:
        page = chromium.open(f"{server.url}/")
        _shape(page, WINDOW)
        page.locator("[data-state=flagged]").first.wait_for(timeout=WAIT_S * 1000)
        page.wait_for_timeout(3000)  # every tile has had its picture
        page.screenshot(path=out / "dashboard.png")
        page.evaluate("localStorage.setItem('reviewer', 'Grace')")
        page.goto(f"{server.url}/review")
        page.locator("#stage video").wait_for(timeout=WAIT_S * 1000)
        page.wait_for_function("document.querySelector('#stage video')?.currentTime > 6", timeout=WAIT_S * 1000)
        page.screenshot(path=out / "review.png")
    microphone = folder / "talk.wav"
    times = np.arange(int(FOOTAGE_S * SAMPLE_RATE)) / SAMPLE_RATE
    soundfile.write(str(microphone), (2500 * np.sin(2 * np.pi * 220 * times)).astype(np.int16), SAMPLE_RATE)
    devices = FakeDevices(make_camera(data / "webcam.mp4", folder / "Webcam", seconds=FOOTAGE_S), microphone)
    with Chromium(playwright, folder / "student", devices=devices) as chromium:
        token = server.create("ada.l", EXAM)["token"]
        page = chromium.open(f"{server.url}/portal#t={token}")
        _shape(page, PORTAL_WINDOW)
        page.get_by_role("button", name="Continue").click()
        page.get_by_role("button", name="I agree").click()
        page.locator("#check-start[aria-disabled=false], #check-start:not([aria-disabled])").wait_for(timeout=WAIT_S * 1000)
        page.locator("#check-face[data-state=ready]").wait_for(timeout=WAIT_S * 1000)
        page.screenshot(path=out / "portal.png")


def main() -> int:
    """Run from the command line."""
    parser = argparse.ArgumentParser(prog="python -m bench.pages", description="Make the documents' pictures anew.")
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data", help="folder with webcam.mp4")
    parser.add_argument("--out", type=Path, default=ROOT / "docs", help="where the pictures go")
    given = parser.parse_args()
    if not (given.data / "webcam.mp4").is_file() or chromium_program() is None:
        print(f"needs {given.data / 'webcam.mp4'} and an installed Chromium", file=sys.stderr)
        return 2
    frames = [Frame(at, jpeg) for number, (at, jpeg) in enumerate(jpegs(given.data / "webcam.mp4")) if number % 3 == 0 and at < FOOTAGE_S]
    with tempfile.TemporaryDirectory() as name, Server(Path(name) / "server", SETTINGS) as server:
        room = Room(server, frames)
        try:
            _await(lambda: server.call("GET", "/api/health")["parts"]["models"]["state"] != "loading", "the models")
            play(room)
            with sync_playwright() as playwright:
                shoot(playwright, server, Path(name), given.data, given.out)
        finally:
            room.leave()
    return 0


def _shape(page: Page, size: Any) -> None:
    page.set_viewport_size(size)
    page.emulate_media(color_scheme="light", reduced_motion="reduce")


def _await(holds: Any, what: str) -> None:
    if not comes(holds, WAIT_S, 0.5):
        raise SystemExit(f"This did not come about: {what}.")


if __name__ == "__main__":
    sys.exit(main())
