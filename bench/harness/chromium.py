"""A real Chromium for tests and measurements: driven over CDP, with real footage as its camera and microphone.

Playwright's own launch keeps pages from ever being hidden; a Chromium that was started apart and is attached to with `no_defaults` does not.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import subprocess
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

import av
import cv2
import numpy as np
import psutil
import soundfile
from playwright.sync_api import Browser, BrowserContext, CDPSession, ConsoleMessage, Page, Playwright

from basics.readings import SAMPLE_RATE
from bench.harness.known_here import cookies

PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
SHELLS = ("chromium-headless-shell", *PROGRAMS)  # the same engine for half the processor time
START_S = 60.0  # a busy machine; a free one takes 1 to 2 s
STOP_S = 20.0
ACT_S = 60.0  # for a page to come, and for what is to be clicked to be there; a busy machine may take more than Playwright's own half of it
WORK_LEAD_S = 0.2  # of processor time: another tab, or one that is made ready for the next, works a while too
WORK_MOST = 50  # times
ASKED_AGAIN = re.compile("429 .*/api/student/look")  # a check's picture gives way to those of exams, and the page asks again
CAMERA_FPS = 30  # Chromium plays an mjpeg file at this rate, whatever was recorded
CAMERA_JPEG_QUALITY = 90  # a camera's own compression must not show beside the page's
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--no-default-browser-check",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--password-store=basic",
    "--autoplay-policy=no-user-gesture-required",
    "--lang=en-GB",
    "--window-size=1280,900",
    "--remote-debugging-port=0",
)


def chromium_program(*, shell: bool = False) -> str | None:
    """The path of an installed Chromium, or None; with `shell` of one without windows where there is one."""
    return next((found for name in (SHELLS if shell else PROGRAMS) if (found := shutil.which(name))), None)


@dataclass(frozen=True)
class FakeDevices:
    """Files that Chromium plays in a loop as camera and microphone; None: it has no such device."""

    camera: Path
    microphone: Path

    @property
    def flags(self) -> list[str]:
        return [
            "--use-fake-device-for-media-stream",
            f"--use-file-for-fake-video-capture={self.camera}",
            f"--use-file-for-fake-audio-capture={self.microphone}",
        ]


def make_camera(video: Path, target: Path, *, start: float = 0.0, seconds: float = 12.0) -> Path:
    """Write `seconds` of `video` from `start` on as the mjpeg that Chromium takes for a camera, at its own speed; return `target`."""
    with av.open(str(video)) as container, target.open("wb") as out:
        stream = container.streams.video[0]
        stream.codec_context.thread_count = 1
        written = 0
        for picture in container.decode(stream):
            at = float(picture.pts * picture.time_base) if picture.pts is not None and picture.time_base else 0.0
            if at < start:
                continue
            if at >= start + seconds:
                break
            jpeg = cv2.imencode(".jpg", picture.to_ndarray(format="bgr24"), [cv2.IMWRITE_JPEG_QUALITY, CAMERA_JPEG_QUALITY])[1].tobytes()
            while written <= (at - start) * CAMERA_FPS:
                out.write(jpeg)
                written += 1
    return target


def make_microphone(sound: Path, target: Path, *, start: float = 0.0, seconds: float = 12.0) -> Path:
    """Write `seconds` of the sound file `sound` from `start` on as the wav that Chromium takes for a microphone; return `target`."""
    samples, rate = soundfile.read(str(sound), start=round(start * SAMPLE_RATE), frames=round(seconds * SAMPLE_RATE), dtype="int16")
    if rate != SAMPLE_RATE:
        raise ValueError(f"{sound} has {rate} Hz; the footage has {SAMPLE_RATE}")
    soundfile.write(str(target), np.asarray(samples, np.int16), rate)
    return target


class Chromium:
    """A Chromium of its own, with a new profile under `folder`. A context manager.

    `devices`: its camera and microphone, else it has none. `allow`: its user says yes when a page asks for them. `desk`: the environment of the
    display that shows its window, else it has none. `shell`: it may be one in which no tab covers another and nobody is asked for a permission.
    """

    def __init__(
        self,
        playwright: Playwright,
        folder: Path,
        *,
        devices: FakeDevices | None = None,
        allow: bool = True,
        flags: Sequence[str] = (),
        desk: Mapping[str, str] | None = None,
        shell: bool = False,
    ) -> None:
        self._playwright = playwright
        self._shell = shell
        self._profile = folder
        self._flags = [*FLAGS, *flags, *(devices.flags if devices else []), *(["--use-fake-ui-for-media-stream"] if devices and allow else [])]
        self._desk = desk
        if desk is not None:
            self._flags.remove("--headless")
        self._process: subprocess.Popen[bytes] | None = None
        self.browser: Browser | None = None
        self._permissions: CDPSession | None = None
        self.problems: list[str] = []

    def start(self) -> Chromium:
        """Start it and attach to it. Raise `RuntimeError` with its words when it does not come up."""
        program = chromium_program(shell=self._shell)
        if program is None:
            raise RuntimeError(f"none of {', '.join(PROGRAMS)} is installed (apt: chromium)")
        self._profile.mkdir(parents=True, exist_ok=True)
        told = self._profile / "stderr.txt"
        with told.open("wb") as out:
            self._process = subprocess.Popen(
                [program, *self._flags, f"--user-data-dir={self._profile}", "about:blank"],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=out,
                env=self._desk,
                start_new_session=True,
            )
        address = self._profile / "DevToolsActivePort"
        wait = threading.Event()
        for _ in range(round(START_S / 0.05)):
            if self._process.poll() is not None or (address.is_file() and address.read_text().count("\n")):
                break
            wait.wait(0.05)
        if self._process.poll() is not None or not address.is_file():
            self.stop()
            raise RuntimeError(f"{program} did not start: {told.read_text(errors='replace')[-2000:]}")
        port = address.read_text().split()[0]
        self.browser = self._playwright.chromium.connect_over_cdp(f"http://127.0.0.1:{port}", timeout=START_S * 1000, no_defaults=True)
        self.context.set_default_timeout(1000 * ACT_S)
        if known := cookies():
            self.context.add_cookies(known)  # type: ignore[arg-type]  # playwright wants its own kind of dict
        return self

    def stop(self) -> None:
        """Detach and end it."""
        if self.browser is not None:
            self.browser.close()
            self.browser = None
        if self._process is None:
            return
        # What was started may be a script that started the browser: both are of one group, which has the script's number.
        for end in (signal.SIGTERM, signal.SIGKILL):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, end)
            if self._is_over():
                return

    def _is_over(self) -> bool:
        """Wait for every process of it to end; False where one is still there after `STOP_S`."""
        assert self._process is not None
        wait = threading.Event()
        for _ in range(round(STOP_S / 0.02)):
            if not _lives(self._process.pid):
                self._process.wait()
                return True
            wait.wait(0.02)
        return False

    def __enter__(self) -> Chromium:
        return self.start()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        self.stop()

    @property
    def context(self) -> BrowserContext:
        """Its one profile."""
        assert self.browser is not None
        return self.browser.contexts[0]

    def open(self, url: str) -> Page:
        """Open `url` in a new tab in front of the others; what its console complains of is kept in `problems`."""
        page = self.context.new_page()
        if known := cookies():  # of a server that was started after the browser, too
            self.context.add_cookies(known)  # type: ignore[arg-type]
        self.watch(page)
        page.goto(url)
        return page

    def watch(self, page: Page) -> None:
        """Keep errors and refusals of `page` in `problems`: script errors, failed loads, violations of the content security policy."""
        page.on("console", self._heard)
        page.on("pageerror", lambda error: self.problems.append(f"script: {error}"))

    def _heard(self, message: ConsoleMessage) -> None:
        problem = f"{message.text} ({message.location.get('url', '')})"
        if message.type == "error" and not ASKED_AGAIN.search(problem):
            self.problems.append(problem)

    def set_permission(self, name: str, setting: str, origin: str) -> None:
        """What the browser answers when `origin` asks for `name` (camera, microphone): granted, denied or prompt."""
        assert self.browser is not None
        if self._permissions is None:  # what was set holds as long as its session does
            self._permissions = self.browser.new_browser_cdp_session()
        self._permissions.send("Browser.setPermission", {"permission": {"name": name}, "setting": setting, "origin": origin})

    def renderer(self, page: Page) -> psutil.Process:
        """The process that runs `page`: the one that works while the page is made to, until it has clearly worked more than any other."""
        before = self._renderers()
        for _ in range(WORK_MOST):
            page.evaluate("() => { const until = performance.now() + 400; while (performance.now() < until); }")
            after = self._renderers()
            worked = sorted(((after[one] - before[one], one.pid) for one in before.keys() & after.keys()), reverse=True)
            if len(worked) < 2 or worked[0][0] - worked[1][0] > WORK_LEAD_S:
                break
        return next(one for one in before if one.pid == worked[0][1])

    def processes(self) -> list[psutil.Process]:
        """All its processes."""
        assert self._process is not None
        main = psutil.Process(self._process.pid)
        return [main, *main.children(recursive=True)]

    def _renderers(self) -> dict[psutil.Process, float]:
        """The processes of its pages, with the processor seconds each has used."""
        used = {}
        for process in self.processes():
            with contextlib.suppress(psutil.NoSuchProcess):  # of a tab that was closed just now
                if "--type=renderer" in " ".join(process.cmdline()):
                    used[process] = cpu_s(process)
        return used


def _lives(group: int) -> bool:
    """Does any process of a group run? One that has ended stays in it until its parent asks, which a container's first process does late."""
    for number in psutil.pids():
        with contextlib.suppress(OSError, psutil.Error):
            if os.getpgid(number) == group and psutil.Process(number).status() != psutil.STATUS_ZOMBIE:
                return True
    return False


def cpu_s(process: psutil.Process) -> float:
    """Processor seconds that a process has used."""
    times = process.cpu_times()
    return float(times.user + times.system)
