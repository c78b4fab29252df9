"""Measures what a review costs a proctor in waiting: from the key that decides to the next clip playing, and three decisions in a row.

venv/bin/python -m bench.review [--flags N] [--data DIR] [--json FILE]
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, sync_playwright

from basics.paths import ROOT
from basics.readings import Frame
from bench.harness.chromium import Chromium, chromium_program
from bench.harness.footage import jpegs
from bench.harness.server import Server
from bench.harness.student import Footage, StudentClient

WAIT_MS = 60_000.0
FOOTAGE_S = 10.0
COPIES = 3  # at 5 points each, after which an interval has its flag wherever it ends
PLAYING = "video => !video.paused && video.currentTime > 0.05 && video.readyState > 2"


def make_flags(server: Server, frames: list[Frame], count: int) -> None:
    """As many students, each with a flagged interval and its clip."""
    clients = []
    for number in range(count):
        created = server.create(f"student-{number}", "bench")
        client = StudentClient(f"{server.link_url}?token={created['token']}", Footage(frames, [], [], FOOTAGE_S))
        client.start()
        clients.append(client)
    time.sleep(FOOTAGE_S / 2)  # pictures for the clip
    for client in clients:
        for _ in range(COPIES):
            client.act("copy")
    while sum(item["clip"]["state"] == "ready" for item in server.call("GET", "/api/review/queue")["items"]) < count:
        time.sleep(0.5)
    for client in clients:
        client.finish()


def wait_for_clip(page: Page, shown: str) -> str:
    """Wait until the clip of another student than `shown` plays; give whose it is."""
    page.wait_for_selector(f"#item-title:not(:empty):not(:text-is('{shown}'))", timeout=WAIT_MS)
    video = page.locator("#stage video")
    while not video.evaluate(PLAYING):
        page.wait_for_timeout(5)
    return page.locator("#item-title").inner_text()


def decide(page: Page, keys: list[str]) -> tuple[list[float], float]:
    """Press `keys`, each for one decision; milliseconds to each next clip, and seconds in all."""
    shown = wait_for_clip(page, "")
    waits = []
    begun = time.perf_counter()
    for key in keys:
        pressed = time.perf_counter()
        for part in key:
            page.keyboard.press(part)
        shown = wait_for_clip(page, shown)
        waits.append((time.perf_counter() - pressed) * 1000)
    return waits, time.perf_counter() - begun


def run(data: Path, flags: int) -> dict[str, Any]:
    """Figures of one review of `flags` flags: confirmed and dismissed in turn."""
    frames = [Frame(at, jpeg) for number, (at, jpeg) in enumerate(jpegs(data / "webcam.mp4")) if number % 3 == 0 and at < FOOTAGE_S]
    with tempfile.TemporaryDirectory() as folder, Server(Path(folder) / "server", {"INTERVAL_DURATION": "5", "CHECK_INTERVAL": "5"}) as server:
        make_flags(server, frames, flags)
        with sync_playwright() as playwright, Chromium(playwright, Path(folder) / "chromium") as chromium:
            page = chromium.open(f"{server.url}/settings")
            page.evaluate("localStorage.setItem('reviewer', 'Bench')")
            page.goto(f"{server.url}/review")
            waits, seconds = decide(page, [["c", "d1"][number % 2] for number in range(flags - 1)])
            stored = server.call("GET", "/api/review/queue")["left"]
    return {
        "decisions": len(waits),
        "next_clip_plays_ms": {"p50": round(statistics.median(waits)), "greatest": round(max(waits))},
        "three_decisions_s": round(3 * seconds / len(waits), 2),
        "left": stored,
    }


def main() -> int:
    """Print the figures and write them where asked; exit status 0."""
    parser = argparse.ArgumentParser(prog="python -m bench.review", description="Measure the waiting in a review, in Chromium.")
    parser.add_argument("--flags", type=int, default=10, help="flags to decide on (default 10)")
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data", help="folder with webcam.mp4")
    parser.add_argument("--json", type=Path, help="write the figures here")
    arguments = parser.parse_args()
    if chromium_program() is None or not (arguments.data / "webcam.mp4").is_file():
        print(f"needs Chromium (apt: chromium) and {arguments.data}/webcam.mp4", file=sys.stderr)
        return 2
    figures = run(arguments.data, arguments.flags)
    print(json.dumps(figures, indent=1))
    if arguments.json:
        arguments.json.write_text(json.dumps(figures, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
