"""Loads the real server with students who send footage over the student's link and dashboards that watch, and says how each was served.

venv/bin/python -m bench.load --students N --seconds S [--viewers V] [--codec jpeg|h264] [--data DIR] [--json FILE]
"""

from __future__ import annotations

import argparse
import itertools
import json
import multiprocessing
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from datetime import datetime
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import av

from basics.paths import ROOT
from bench.harness.footage import Scenario, scenarios
from bench.harness.server import Server
from bench.harness.student import Footage, StudentClient, read_stamp
from bench.harness.viewer import Viewer

TILE_FPS = 1
WARM_S = 10.0  # the first check of a session is left out of the rates: models may still load
CLIPS_WAIT_S = 60.0


def footage_of(scenario: Scenario, seconds: float, codec: str = "jpeg") -> Footage:
    """The first `seconds` of a scenario, in memory."""
    return Footage(
        list(itertools.takewhile(lambda frame: frame.at < seconds, scenario.frames(codec))),
        [sound for sound in scenario.sounds() if sound.at < seconds],
        [act for act in scenario.acts() if act.at < seconds],
        min(seconds, float(scenario.expected["duration"])),
    )


def play_students(data: Path, link_url: str, seconds: float, codec: str, pipe: Connection) -> None:
    """A process of its own: all students, each with one scenario in turn."""
    footage = [footage_of(scenario, seconds, codec) for scenario in scenarios(data)]
    pipe.send("ready")
    tokens: list[str] = pipe.recv()
    students = [StudentClient(f"{link_url}?token={token}", footage[number % len(footage)]) for number, token in enumerate(tokens)]
    for student in students:
        student.start()
    wait = threading.Event()
    wait.wait(seconds)
    enders = [threading.Thread(target=student.finish, args=(30.0,)) for student in students]
    for thread in enders:
        thread.start()
    for thread in enders:
        thread.join()
    pipe.send(
        [
            {
                "frames": student.sent_frames,
                "sound_s": student.sent_sound_s,
                "acts": len(student.sent_acts),
                "unacknowledged": len(student.unacknowledged()),
                "connections": student.connections,
                "errors": [message for message in student.messages if message["type"] == "error"],
            }
            for student in students
        ]
    )


class Dashboard:
    """One proctor's page: watches every session as a tile, and one at full rate."""

    def __init__(self, url: str, sessions: Sequence[str], full: str) -> None:
        self.latencies_ms: list[float] = []
        self.updates = 0
        self.clips: dict[str, float] = {}
        self._client = Viewer()
        self._client.on("monitoring_update", self._update)
        self._client.on("clip_ready", self._clip)
        self._client.connect(url, transports=["websocket"])
        self._client.emit("join_exam", {})
        for session in sessions:
            self._client.emit("join_session", {"session_id": session, "frames": "binary", "fps": 10 if session == full else TILE_FPS})

    def _update(self, message: dict[str, Any]) -> None:
        self.updates += 1
        if not message.get("frame"):
            return
        sent = read_stamp(message["frame"])
        if sent is not None:
            self.latencies_ms.append((time.monotonic() - sent) * 1000)
        else:  # a JPEG that the server made of H.264: its time is known to half a round trip on loopback
            self.latencies_ms.append((time.time() - datetime.fromisoformat(message["timestamp"]).timestamp()) * 1000)

    def _clip(self, message: dict[str, Any]) -> None:
        self.clips[message["video_id"]] = time.time()

    def close(self) -> None:
        self._client.disconnect()


def percentiles(values: Sequence[float], shares: Sequence[int]) -> dict[str, float | None]:
    """The values below which these shares (in percent) lie."""
    if len(values) < 2:
        return {f"p{share}": (round(values[0], 1) if values else None) for share in shares}
    cuts = statistics.quantiles(values, n=100, method="inclusive")
    return {f"p{share}": round(cuts[share - 1], 1) for share in shares}


def is_playable(path: Path) -> bool:
    """Can every picture and all sound of a clip be decoded?"""
    try:
        with av.open(str(path)) as container:
            return sum(1 for _ in container.decode()) > 0
    except (OSError, av.error.FFmpegError):
        return False


class Meter:
    """The server's own processor time, memory and threads."""

    def __init__(self, server: Server) -> None:
        self._server = server

    def cpu_s(self) -> float:
        return float(sum(times.user + times.system for times in (process.cpu_times() for process in self._server.processes())))

    def rss_mb(self) -> float:
        return float(sum(process.memory_info().rss for process in self._server.processes())) / 2**20

    def threads(self) -> int:
        return int(sum(process.num_threads() for process in self._server.processes()))


def load(students: int, seconds: float, viewers: int, data: Path, codec: str = "jpeg") -> dict[str, Any]:
    """Run the load and return the figures."""
    with tempfile.TemporaryDirectory() as folder, Server(Path(folder)) as server:
        while server.call("GET", "/api/health")["parts"]["models"]["state"] == "loading":
            time.sleep(0.2)
        meter = Meter(server)
        context = multiprocessing.get_context("spawn")
        here, there = context.Pipe()
        player = context.Process(target=play_students, args=(data, server.link_url, seconds, codec, there))
        player.start()
        here.recv()
        sessions = [server.create(f"student-{number:03}", "load") for number in range(students)]
        ids = [session["session_id"] for session in sessions]
        dashboards = [Dashboard(server.url, ids, ids[number % students]) for number in range(viewers)]
        rss_before, cpu_before, begun = meter.rss_mb(), meter.cpu_s(), time.monotonic()
        here.send([session["token"] for session in sessions])
        threading.Event().wait(seconds * 0.9)
        rss, threads = meter.rss_mb(), meter.threads()
        sent = here.recv()
        player.join()
        lasted, cpu = time.monotonic() - begun, meter.cpu_s() - cpu_before
        flagged = _await_clips(server)
        for dashboard in dashboards:
            dashboard.close()
        details = [server.details(session_id) for session_id in ids]
        return (
            {"codec": codec}
            | _figures(students, seconds, sent, details, dashboards, flagged, server.clips_dir)
            | {
                "cpu_ms_per_student_s": round(cpu * 1000 / (students * lasted), 2),
                "rss_mb": round(rss, 1),
                "rss_mb_per_student": round((rss - rss_before) / students, 1),
                "threads": threads,
            }
        )


def _await_clips(server: Server) -> list[dict[str, Any]]:
    """The flagged intervals, once each has its clip or the reason why not."""
    deadline = time.monotonic() + CLIPS_WAIT_S
    while True:
        flagged: list[dict[str, Any]] = server.call("GET", "/api/flagged/all", params={"limit": 900})["flagged"]
        if all(one["clip"]["state"] != "pending" for one in flagged) or time.monotonic() > deadline:
            return flagged
        time.sleep(0.5)


def _figures(
    students: int,
    seconds: float,
    sent: list[dict[str, Any]],
    details: list[dict[str, Any]],
    dashboards: list[Dashboard],
    flagged: list[dict[str, Any]],
    clips_dir: Path,
) -> dict[str, Any]:
    rates: dict[str, list[float]] = {"video_fps": [], "gaze_fps": [], "persons_per_s": [], "audio_s_per_s": []}
    taken, counted = 0.0, 0
    for detail in details:
        checks = detail["checks"]
        for name, values in rates.items():
            read = sum(check["rates"][name] * (check["end"] - check["start"]) for check in checks)
            from_s = min(WARM_S, checks[0]["end"]) if checks else 0.0
            warm = [check for check in checks if check["start"] >= from_s and check["end"] - check["start"] > 5] or checks
            span = sum(check["end"] - check["start"] for check in warm)
            values.append(sum(check["rates"][name] * (check["end"] - check["start"]) for check in warm) / span if span else 0.0)
            if name == "video_fps":
                taken += read
        counted += sum(sum(check["acts"].values()) for check in checks)
    acts = sum(one["acts"] for one in sent)
    ready = [one for one in flagged if one["clip"]["state"] == "ready"]
    latencies = [value for dashboard in dashboards for value in dashboard.latencies_ms]
    delays = _clip_delays(flagged, dashboards)
    names = {"video_fps": "fps_in", "gaze_fps": "gaze_per_s", "persons_per_s": "persons_per_s", "audio_s_per_s": "audio_s_per_s"}
    figures: dict[str, Any] = {"students": students, "seconds": seconds}
    for name, values in rates.items():
        figures[names[name]] = round(statistics.fmean(values), 3)
        figures[names[name] + "_min"] = round(min(values), 3)
    return figures | {
        "latency_ms": percentiles(latencies, (50, 95, 99)),
        "frames_dropped": max(0, round(sum(one["frames"] for one in sent) - taken)),
        "acts_sent": acts,
        "acts_lost": max(0, acts - counted) + sum(one["unacknowledged"] for one in sent),
        "acts_doubled": max(0, counted - acts),
        "clips_expected": len(flagged),
        "clips_playable": sum(is_playable(clips_dir / one["clip"]["path"]) for one in ready),
        "clip_delay_s": percentiles(delays, (50, 95)),
        "client_errors": sorted({error["message"] for one in sent for error in one["errors"]}),
    }


def _clip_delays(flagged: list[dict[str, Any]], dashboards: list[Dashboard]) -> list[float]:
    """Seconds from the end of a flagged interval to the message that its clip is ready (the post-roll is in it)."""
    heard: dict[str, float] = {}
    for dashboard in dashboards:
        for video_id, at in dashboard.clips.items():
            heard[video_id] = min(at, heard.get(video_id, at))
    ends = {one["video_id"]: datetime.fromisoformat(one["ended_at"].replace("Z", "+00:00")).timestamp() for one in flagged}
    return [max(0.0, heard[video_id] - end) for video_id, end in ends.items() if video_id in heard]


def main() -> int:
    """Print the figures and write them where asked; exit status 0."""
    parser = argparse.ArgumentParser(prog="python -m bench.load", description="Load the real server and measure how it serves.")
    parser.add_argument("--students", type=int, required=True)
    parser.add_argument("--seconds", type=float, required=True)
    parser.add_argument("--viewers", type=int, default=1, help="dashboards that watch all students (default 1)")
    parser.add_argument("--codec", choices=("jpeg", "h264"), default="jpeg", help="what the students' pages send (default jpeg)")
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data", help="folder with scenarios/")
    parser.add_argument("--json", type=Path, help="write the figures here")
    arguments = parser.parse_args()
    if arguments.students < 1 or not scenarios(arguments.data):
        print(f"needs at least one student, and {arguments.data}/scenarios with footage", file=sys.stderr)
        return 2
    figures = load(arguments.students, arguments.seconds, arguments.viewers, arguments.data, arguments.codec)
    print(json.dumps(figures, indent=1))
    if arguments.json:
        arguments.json.write_text(json.dumps(figures, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
