"""Makes the documents' pictures anew, of the running program: live page, review page, the check, a quiz's password. They show nobody but the man of
webcam.mp4.

venv/bin/python -m bench.pages [--data DIR] [--out docs] [--only quiz]
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
from basics.readings import SAMPLE_RATE, Frame, Sound
from bench.harness.chromium import Chromium, FakeDevices, chromium_program, make_camera
from bench.harness.footage import jpegs
from bench.harness.server import Server
from bench.harness.student import Footage, StudentClient
from bench.harness.waiting import comes

EXAM = "history-101"
QUIZ: dict[str, Any] = {
    "exam_id": "algebra-1",
    "title": "Algebra 1, mid-term",
    "course": "ALG1",
    "length_min": 60,
    "place": "tab",
    "address": "https://moodle.uni.example/course/view.php?id=7",
}
LAP_S = 12.0
LAPS = 8
GREY_LEVELS = 6  # by which a lap may be brighter: the same pictures again and again are noticed
APART_S = 1.4  # two students' pictures are not of the same moment
DEVICES = """Object.defineProperty(MediaStreamTrack.prototype, 'label', {
  get() { return this.kind === 'video' ? 'Integrated camera' : 'Internal microphone'; },
});
Object.defineProperty(MediaDeviceInfo.prototype, 'label', {
  get() { return this.kind === 'videoinput' ? 'Integrated camera' : 'Internal microphone'; },
});"""
WAIT_S = 180.0
WINDOW = {"width": 1360, "height": 860}
PORTAL_WINDOW = {"width": 1180, "height": 780}
UNWATCHED_S = 35.0  # from half a minute on an exam that can't be watched is for a proctor to look at
# few readings: what a busy machine can't read is not what the pictures are there to show
SETTINGS = {"INTERVAL_DURATION": "30", "ABANDONED_S": "600", "GAZE_FPS": "1", "FACE_INTERVAL_S": "6", "VIDEO_FPS": "5"}


def laps(video: Path) -> list[Frame]:
    """The footage there and back again, each lap a little brighter or darker than the last."""
    lap = [(at, np.asarray(cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR))) for at, jpeg in jpegs(video) if at < LAP_S][::3]
    shades = np.random.default_rng(7)
    frames = []
    for number in range(LAPS):
        light = shades.uniform(-GREY_LEVELS, GREY_LEVELS)
        for at, image in zip([at for at, _ in lap], [image for _, image in (lap if number % 2 == 0 else lap[::-1])], strict=True):
            noisy = np.clip(image + light + shades.normal(0, 2, image.shape), 0, 255).astype(np.uint8)
            frames.append(Frame(number * LAP_S + at, cv2.imencode(".jpg", noisy, [cv2.IMWRITE_JPEG_QUALITY, 75])[1].tobytes()))
    return frames


def quiet_room() -> list[Sound]:
    """The sound of a room in which nobody speaks."""
    noise = np.random.default_rng(1)
    step = SAMPLE_RATE // 5
    return [Sound(number / 5, noise.normal(0, 30, step).astype(np.int16)) for number in range(round(LAPS * LAP_S * 5) - 100)]


class Room:
    """Students who all send the same footage, each from a moment of its own."""

    def __init__(self, server: Server, frames: list[Frame]) -> None:
        self._server = server
        self._frames = frames
        self.students: dict[str, StudentClient] = {}

    def seat(self, name: str, *, dark: bool = False) -> None:
        """Let a student begin."""
        start = APART_S * len(self.students)
        moved = [Frame(frame.at - start, frame.data) for frame in self._frames if frame.at >= start]
        black = cv2.imencode(".jpg", np.zeros((480, 640, 3), np.uint8))[1].tobytes()
        footage = Footage([Frame(frame.at, black) for frame in moved] if dark else moved, quiet_room(), [], moved[-1].at)
        created = self._server.create(name, EXAM)
        self.students[name] = StudentClient(f"{self._server.link_url}?token={created['token']}", footage)
        self.students[name].start()

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
        # the page's own rules let no condition of a script be looked at again and again within it
        _await(lambda: page.evaluate("document.querySelector('.queue-still img')?.naturalWidth > 0"), "the still of the flag")
        _await(lambda: page.evaluate("document.querySelector('#stage video')?.currentTime > 6"), "the clip's seventh second")
        page.screenshot(path=out / "review.png")
    with Chromium(playwright, folder / "student", devices=_devices(folder, data)) as chromium:
        page = at_check(chromium, server.url, server.create("ada.l", EXAM)["token"])
        page.screenshot(path=out / "portal.png")


def shoot_quiz(playwright: Playwright, server: Server, folder: Path, data: Path, out: Path) -> None:
    """Take the pictures of a quiz's password: where a teacher gives it, and what a student is shown."""
    key = server.call("POST", "/api/exams", json=QUIZ)["exam"]["exam_key"]
    server.call("POST", f"/api/exams/{key}/state", json={"state": "open"})
    with Chromium(playwright, folder / "teacher") as chromium:
        page = chromium.open(f"{server.url}/exams/{key}")
        _shape(page, PORTAL_WINDOW)
        page.locator("#exam-password-word").fill("kelp-anvil-37-orbit")
        page.locator("#exam-password-text").fill("Open the quiz Mid-term in Moodle and type it there.")
        page.get_by_role("button", name="Save the password").click()
        page.locator("#exam-password-said", has_text="Saved").wait_for(timeout=WAIT_S * 1000)
        page.locator("section", has=page.locator("#exam-password")).screenshot(path=out / "quiz-password.png")
    with Chromium(playwright, folder / "quiz", devices=_devices(folder, data)) as chromium:
        page = at_check(chromium, server.url, server.create("ada.l", QUIZ["exam_id"])["token"])
        page.get_by_role("button", name="Start the exam").click()
        page.locator("#exam-bar[data-recording]").wait_for(timeout=WAIT_S * 1000)
        notices = page.locator("#exam-notices")

        def is_shown() -> bool:
            for name in ("Try again", "Show the password"):  # the first while no picture has arrived
                if (button := notices.get_by_role("button", name=name)).is_visible():
                    button.click()
            return notices.get_by_text("The password is:").is_visible()

        _await(is_shown, "the password")
        page.screenshot(path=out / "quiz-shown.png", clip={"x": 0, "y": 0, "width": PORTAL_WINDOW["width"], "height": 320})


def at_check(chromium: Chromium, address: str, token: str) -> Page:
    """The portal of a student whose check is passed."""
    chromium.context.add_init_script(DEVICES)  # a file has no name that means something to a reader
    page = chromium.open(f"{address}/portal#t={token}")
    _shape(page, PORTAL_WINDOW)
    page.get_by_role("button", name="Continue").click()
    page.get_by_role("button", name="I agree").click()
    page.locator("#check-start[aria-disabled=false], #check-start:not([aria-disabled])").wait_for(timeout=WAIT_S * 1000)
    page.locator("#check-face[data-state=ready]").wait_for(timeout=WAIT_S * 1000)
    return page


def _devices(folder: Path, data: Path) -> FakeDevices:
    microphone = folder / "talk.wav"
    times = np.arange(int(LAP_S * SAMPLE_RATE)) / SAMPLE_RATE
    soundfile.write(str(microphone), (2500 * np.sin(2 * np.pi * 220 * times)).astype(np.int16), SAMPLE_RATE)
    return FakeDevices(make_camera(data / "webcam.mp4", folder / "man.mjpeg", seconds=LAP_S), microphone)


def main() -> int:
    """Run from the command line."""
    parser = argparse.ArgumentParser(prog="python -m bench.pages", description="Make the documents' pictures anew.")
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data", help="folder with webcam.mp4")
    parser.add_argument("--out", type=Path, default=ROOT / "docs", help="where the pictures go")
    parser.add_argument("--only", choices=["quiz"], help="make these alone")
    given = parser.parse_args()
    if not (given.data / "webcam.mp4").is_file() or chromium_program() is None:
        print(f"needs {given.data / 'webcam.mp4'} and an installed Chromium", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory() as name, Server(Path(name) / "server", SETTINGS) as server:
        room = Room(server, laps(given.data / "webcam.mp4") if given.only is None else [])
        try:
            _await(lambda: server.call("GET", "/api/health")["parts"]["models"]["state"] != "loading", "the models")
            if given.only is None:
                play(room)
            with sync_playwright() as playwright:
                for take in (shoot, shoot_quiz) if given.only is None else (shoot_quiz,):
                    take(playwright, server, Path(name), given.data, given.out)
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
