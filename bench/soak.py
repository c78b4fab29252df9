"""Lets students come and go on the real server for a while, and says whether its memory stays where it was.

venv/bin/python -m bench.soak --minutes 20 [--every 20] [--stay 60] [--data DIR] [--json FILE]
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from basics.paths import ROOT
from bench.harness.footage import scenarios
from bench.harness.server import Server
from bench.harness.student import Footage, StudentClient
from bench.harness.viewer import Viewer
from bench.load import Meter, footage_of

SETTLED_S = 120.0  # then models are loaded and sessions have come, been flagged, and gone
MAY_GROW = 1.10
FOOTAGE_S = 30.0
CODECS = ("jpeg", "h264")


def play_students(data: Path, link_url: str, stay: float, pipe: Connection) -> None:
    """A process of its own: a student for each token that comes through `pipe`, who copies and pastes and leaves after `stay` seconds."""
    footage = [footage_of(scenario, FOOTAGE_S, codec) for scenario in scenarios(data)[:2] for codec in CODECS]
    pipe.send("ready")
    lost: list[int] = []
    exams: list[threading.Thread] = []
    while (token := pipe.recv()) is not None:
        what = footage[len(exams) % len(footage)]
        exams.append(threading.Thread(target=lambda url, what: lost.append(_sit(url, what, stay)), args=(f"{link_url}?token={token}", what)))
        exams[-1].start()
    for exam in exams:
        exam.join()
    pipe.send(sum(lost))


def _sit(url: str, footage: Footage, stay: float) -> int:
    """One exam; how many acts were not acknowledged."""
    student = StudentClient(url, footage)
    student.start()
    student.ended.wait(stay / 2)
    for kind in ("copy", "paste"):
        student.act(kind)
    student.ended.wait(stay / 2)
    student.finish(30.0)
    return len(student.unacknowledged())


def level(samples: Sequence[tuple[float, float]], start: float, end: float) -> float:
    """The median of what was measured from `start` to `end` s."""
    return statistics.median([megabytes for at, megabytes in samples if start <= at < end])


def soak(minutes: float, every: float, stay: float, data: Path) -> dict[str, Any]:
    """Run it and return the figures: memory of the server, mongod apart, in MB."""
    with tempfile.TemporaryDirectory() as folder, Server(Path(folder)) as server:
        context = multiprocessing.get_context("spawn")
        here, there = context.Pipe()
        player = context.Process(target=play_students, args=(data, server.link_url, stay, there))
        player.start()
        here.recv()
        watching = Viewer()
        watching.connect(server.url, transports=["websocket"])
        try:
            samples, sessions = _run(server, here, watching, minutes * 60, every)
        finally:
            watching.disconnect()
            here.send(None)
        lost = here.recv()
        player.join()
        window = 2 * every  # as many come and go in each
        begun, ended = level(samples, SETTLED_S, SETTLED_S + window), level(samples, minutes * 60 - window, minutes * 60)
        return {
            "minutes": minutes,
            "sessions": sessions,
            "flags": len(server.call("GET", "/api/flagged/all", params={"limit": 900})["flagged"]),
            "acts_lost": lost,
            "after_2_minutes_mb": round(begun, 1),
            "at_the_end_mb": round(ended, 1),
            "grown": round(ended / begun, 3),
            "by_minute_mb": [round(level(samples, minute * 60, minute * 60 + 60)) for minute in range(int(minutes))],
        }


def _run(server: Server, students: Connection, watching: Viewer, seconds: float, every: float) -> tuple[list[tuple[float, float]], int]:
    """A student every `every` s, watched by a proctor, and the server's memory every second."""
    meter, pause = Meter(server), threading.Event()
    samples: list[tuple[float, float]] = []
    sessions, begun = 0, time.monotonic()
    while (now := time.monotonic() - begun) < seconds:
        if now >= sessions * every:
            session = server.create(f"soak-{sessions:04}", "soak")
            sessions += 1
            students.send(session["token"])
            watching.emit("join_session", {"session_id": session["session_id"], "frames": "binary", "fps": 10})
        samples.append((now, meter.rss_mb()))
        if len(samples) % 60 == 0:
            print(f"{now / 60:5.1f} min  {samples[-1][1]:7.1f} MB  {sessions} sessions", file=sys.stderr, flush=True)
        pause.wait(1.0)
    return samples, sessions


def main() -> int:
    """Print the figures; exit status 1 where memory has grown by more than a tenth, or an act was lost."""
    parser = argparse.ArgumentParser(prog="python -m bench.soak", description="Let students come and go, and watch the server's memory.")
    parser.add_argument("--minutes", type=float, default=20, help="how long, above 3 (default 20)")
    parser.add_argument("--every", type=float, default=20, help="seconds from one student's coming to the next one's (default 20)")
    parser.add_argument("--stay", type=float, default=60, help="seconds that each stays (default 60)")
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data", help="folder with scenarios/")
    parser.add_argument("--json", type=Path, help="write the figures here")
    arguments = parser.parse_args()
    if arguments.minutes * 60 < SETTLED_S + 3 * arguments.every or not scenarios(arguments.data):
        print(f"needs more than {SETTLED_S / 60 + arguments.every / 20:.0f} minutes, and {arguments.data}/scenarios with footage", file=sys.stderr)
        return 2
    figures = soak(arguments.minutes, arguments.every, arguments.stay, arguments.data)
    print(json.dumps(figures, indent=1))
    if arguments.json:
        arguments.json.write_text(json.dumps(figures, indent=1))
    return 0 if figures["grown"] <= MAY_GROW and not figures["acts_lost"] else 1


if __name__ == "__main__":
    sys.exit(main())
