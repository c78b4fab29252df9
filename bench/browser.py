"""Measures a student's page in a real Chromium: pictures, bytes and processor time a second, in front and in a hidden tab, and over narrow lines.

venv/bin/python -m bench.browser [--seconds S] [--kbit N ...] [--data DIR] [--json FILE]
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
from datetime import datetime
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, sync_playwright

from basics.paths import ROOT
from bench.harness.chromium import Chromium, FakeDevices, chromium_program, cpu_s, make_camera, make_microphone
from bench.harness.relay import Relay
from bench.harness.server import Server
from bench.harness.viewer import Viewer
from bench.load import percentiles

WARM_S = 6.0  # the encoder's trial and the first looks are over
NARROW_WARM_S = 20.0  # the page has found what the line carries
WAIT_MS = 60_000.0


class Watcher:
    """A dashboard that watches one session, and how old each picture was when it came."""

    def __init__(self, url: str, session_id: str, started: float) -> None:
        self.ages_ms: list[float] = []
        self._started = started
        self._client = Viewer()
        self._client.on("monitoring_update", self._update)
        self._client.connect(url, transports=["websocket"])
        self._client.call("join_session", {"session_id": session_id, "frames": "binary", "fps": 10})

    def _update(self, message: dict[str, Any]) -> None:
        if message.get("frame") and message.get("frame_at") is not None:
            self.ages_ms.append((time.time() - self._started - message["frame_at"]) * 1000)

    def close(self) -> None:
        self._client.disconnect()


def begin(chromium: Chromium, url: str, user_id: str) -> Page:
    """A student's way into the exam."""
    page = chromium.open(f"{url}/portal")
    page.get_by_label("User ID").fill(user_id)
    page.get_by_label("Exam ID").fill("bench")
    page.get_by_role("button", name="Continue").click()
    page.get_by_role("button", name="I agree").click()
    page.locator("#check-camera[data-state=ready]").wait_for(timeout=WAIT_MS)
    page.get_by_role("button", name="Start the exam").click(timeout=WAIT_MS)
    page.locator("#exam-bar[data-recording]").wait_for(timeout=WAIT_MS)
    return page


def end(page: Page) -> None:
    page.get_by_role("button", name="End exam").click()
    page.get_by_role("dialog").get_by_role("button", name="End exam").click()
    page.get_by_role("heading", name="Your exam has ended").wait_for(timeout=WAIT_MS)


def measure(server: Server, relay: Relay, chromium: Chromium, page: Page, user_id: str, seconds: float) -> dict[str, Any]:
    """What the page does in the next `seconds`, as the server, the line and the processor saw it."""
    session = next(one for one in server.call("GET", "/api/sessions/active")["sessions"] if one["user_id"] == user_id)
    started = datetime.fromisoformat(session["started_at"].replace("Z", "+00:00")).timestamp()
    watcher = Watcher(server.url, session["session_id"], started)
    renderer = chromium.renderer(page)
    from_s, up, used, used_all = time.time(), relay.up_bytes, cpu_s(renderer), {one.pid: cpu_s(one) for one in chromium.processes()}
    # waited for in the page that is in front: timers of a hidden one come late
    chromium.context.pages[-1].wait_for_timeout(seconds * 1000)
    lasted, renderer_s = time.time() - from_s, cpu_s(renderer) - used
    all_s = sum(cpu_s(one) - used_all.get(one.pid, 0.0) for one in chromium.processes())
    bytes_s = (relay.up_bytes - up) / lasted
    watcher.close()
    checks = [
        check["rates"]
        for check in server.details(session["session_id"])["checks"]
        if check["start"] >= from_s - started and check["end"] <= from_s - started + lasted
    ]
    rates = {
        name: round(statistics.fmean(check[name] for check in checks), 2) if checks else None for name in ("video_fps", "gaze_fps", "audio_s_per_s")
    }
    return {
        **rates,
        "kbytes_per_s": round(bytes_s / 1000, 1),
        "kbit_per_s": round(bytes_s * 8 / 1000),
        "renderer_cpu": round(renderer_s / lasted, 3),
        "browser_cpu": round(all_s / lasted, 3),
        "picture_age_ms": percentiles(watcher.ages_ms, (50, 95)),
    }


def run(data: Path, seconds: float, lines: list[float]) -> dict[str, Any]:
    """Every measurement in turn."""
    found: dict[str, Any] = {"seconds": seconds}
    with tempfile.TemporaryDirectory() as name, sync_playwright() as playwright:
        folder = Path(name)
        sound = make_microphone(data / "scenarios" / "exam-b" / "audio.flac", folder / "sound.wav", start=138, seconds=10)
        devices = FakeDevices(make_camera(data / "webcam.mp4", folder / "camera.mjpeg", seconds=20), sound)
        with Server(folder / "server", {"CHECK_INTERVAL": "1"}) as server:
            while server.call("GET", "/api/health")["parts"]["models"]["state"] == "loading":
                time.sleep(0.2)
            with Relay(server.port) as relay, Chromium(playwright, folder / "wide", devices=devices) as chromium:
                page = begin(chromium, relay.url, "wide")
                page.wait_for_timeout(WARM_S * 1000)
                found["in front"] = measure(server, relay, chromium, page, "wide", seconds)
                other = chromium.open("about:blank")
                other.bring_to_front()
                if page.evaluate("document.visibilityState") != "hidden":
                    raise RuntimeError("the page in the tab behind is not hidden")
                other.wait_for_timeout(2000)
                found["hidden"] = measure(server, relay, chromium, page, "wide", seconds)
                other.close()
                page.bring_to_front()
                end(page)
            for kbit in lines:
                with Relay(server.port, kbit) as relay, Chromium(playwright, folder / f"narrow-{kbit:g}", devices=devices) as chromium:
                    page = begin(chromium, relay.url, f"narrow-{kbit:g}")
                    page.wait_for_timeout(NARROW_WARM_S * 1000)
                    found[f"{kbit:g} kbit/s"] = measure(server, relay, chromium, page, f"narrow-{kbit:g}", seconds)
                    end(page)
    return found


def main() -> int:
    """Print the figures and write them where asked; exit status 0."""
    parser = argparse.ArgumentParser(prog="python -m bench.browser", description="Measure a student's page in Chromium.")
    parser.add_argument("--seconds", type=float, default=20.0, help="length of each measurement (default 20)")
    parser.add_argument("--kbit", type=float, nargs="*", default=[], help="widths of narrow lines to measure, in kbit/s")
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data", help="folder with webcam.mp4 and scenarios/")
    parser.add_argument("--json", type=Path, help="write the figures here")
    arguments = parser.parse_args()
    if chromium_program() is None or not (arguments.data / "webcam.mp4").is_file():
        print(f"needs Chromium (apt: chromium) and {arguments.data}/webcam.mp4", file=sys.stderr)
        return 2
    figures = run(arguments.data, arguments.seconds, arguments.kbit)
    print(json.dumps(figures, indent=1))
    if arguments.json:
        arguments.json.write_text(json.dumps(figures, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
