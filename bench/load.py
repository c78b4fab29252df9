"""Loads the real server with students who send footage over the student's link and dashboards that watch, and says how each was served.

venv/bin/python -m bench.load --students N --seconds S [--viewers V] [--codec jpeg|h264|mix] [--sound pcm16|opus]
    [--encoder page|x264] [--view binary|h264] [--exam NAME …] [--threads] [--data DIR] [--json FILE]

The rules are those of the footage, so that what is found can be compared with what it shows. The first student comes alone and is given a while:
memory for each further one is counted from there. `--threads`: processor time by thread. H.264 is what the student's page makes of the footage in
Chromium, in two layers; `--encoder x264` stands for a browser that has none, of whose pictures twice as many must be decoded.
"""

from __future__ import annotations

import argparse
import itertools
import json
import multiprocessing
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from datetime import datetime
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from basics.errors import InvalidInput
from basics.paths import ROOT
from bench.harness.footage import CAMERA_QUALITY, Scenario, jpegs, opus_sounds, scenarios
from bench.harness.page_encoder import h264_of_page
from bench.harness.server import Server
from bench.harness.student import Footage, StudentClient, read_stamp
from bench.harness.thread_times import ThreadTimes, environment
from bench.harness.viewer import Viewer
from bench.load_figures import Cost, Served, found, held, is_playable, percentiles, rates, table, transport
from scoring.rules import Rules
from settings.settings import load_settings
from web.student.video import VIDEO_HEIGHT, VIDEO_WIDTH

__all__ = ["Meter", "footage_of", "is_playable", "load", "percentiles"]

TILE_FPS = 1
ALONE_S = 15.0  # the first student, before the others come
CLIPS_WAIT_S = 60.0
CODECS = {"jpeg": ("jpeg",), "h264": ("h264",), "mix": ("jpeg", "h264")}
ENCODERS = ("page", "x264")


def footage_of(scenario: Scenario, seconds: float, codec: str = "jpeg", sound: str = "pcm16", encoder: str = "x264") -> Footage:
    """The first `seconds` of a scenario, in memory, as `jpeg` or `h264` by an encoder of `ENCODERS`, and as `pcm16` or `opus`."""
    sounds = [one for one in scenario.sounds() if one.at < seconds]
    if codec == "h264" and encoder == "page":
        shots = itertools.takewhile(lambda shot: shot[0] < seconds, jpegs(scenario.folder / "video.mp4", CAMERA_QUALITY))
        frames = h264_of_page(list(shots), VIDEO_WIDTH, VIDEO_HEIGHT)
    else:
        frames = list(itertools.takewhile(lambda frame: frame.at < seconds, scenario.frames(codec)))
    return Footage(
        frames,
        opus_sounds(sounds) if sound == "opus" else sounds,
        [act for act in scenario.acts() if act.at < seconds],
        min(seconds, scenario.duration),
    )


def played_by(chosen: Sequence[Scenario], students: int, codec: str) -> list[tuple[Scenario, str]]:
    """What each student plays: the scenarios in turn, each in every codec of a mix before the next."""
    kinds = [(scenario, kind) for scenario in chosen for kind in CODECS[codec]]
    return [kinds[number % len(kinds)] for number in range(students)]


def chosen_from(data: Path, names: Sequence[str] | None) -> list[Scenario]:
    """The scenarios of these names, as often as each is named; all of them without names. Raise `InvalidInput` for one that isn't there."""
    there = {scenario.name: scenario for scenario in scenarios(data)}
    unknown = [name for name in names or () if name not in there]
    if unknown or not there:
        raise InvalidInput(
            f"{data}/scenarios has no {', '.join(unknown) or 'footage'}; there are: {', '.join(there) or 'none'}. Give --data or --exam."
        )
    return [there[name] for name in names or there]


def play_students(played: Sequence[tuple[Scenario, str]], link_url: str, seconds: float, sound: str, encoder: str, pipe: Connection) -> None:
    """A process of its own: all students, the first of them `ALONE_S` before the others."""
    footage = {(one.name, kind): footage_of(one, seconds, kind, sound, encoder) for one, kind in dict.fromkeys(played)}
    pipe.send("ready")
    tokens: list[str] = pipe.recv()
    students = [StudentClient(f"{link_url}?token={token}", footage[one.name, kind]) for token, (one, kind) in zip(tokens, played, strict=True)]
    for some in (students[:1], students[1:]):
        pipe.recv()
        for student in some:
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

    def __init__(self, url: str, sessions: Sequence[str], full: str, served: Served, view: str = "binary") -> None:
        self._served = served
        self._client = Viewer()
        self._client.on("monitoring_update", self._update)
        self._client.on("clip_ready", self._clip)
        self._client.connect(url, transports=["websocket"])
        self._client.emit("join_exam", {})
        for session in sessions:
            self._join(session, 10 if session == full else TILE_FPS, view)

    def _join(self, session: str, fps: int, view: str) -> None:
        """Watch a session; where the server does not know such a `view`, as JPEG."""

        def answered(answer: Any) -> None:
            if view != "binary" and not (isinstance(answer, dict) and answer.get("ok")):
                self._join(session, fps, "binary")

        self._client.emit("join_session", {"session_id": session, "frames": view, "fps": fps}, callback=answered)

    def _update(self, message: dict[str, Any]) -> None:
        if not message.get("frame") and not message.get("h264"):
            return
        sent = read_stamp(message["frame"]) if message.get("frame") else None
        if sent is not None:
            self._served.latencies_ms.append((time.monotonic() - sent) * 1000)
        else:  # H.264 as it came, or a JPEG that the server made of it: its time is known to half a round trip on loopback
            self._served.latencies_ms.append((time.time() - datetime.fromisoformat(message["timestamp"]).timestamp()) * 1000)

    def _clip(self, message: dict[str, Any]) -> None:
        self._served.clips.setdefault(message["video_id"], time.time())

    def close(self) -> None:
        self._client.disconnect()


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

    def pids(self) -> list[int]:
        return [process.pid for process in self._server.processes()]


def rules_as_settings(rules: Rules) -> dict[str, str]:
    """The settings by which a server scores as footage is labelled."""
    points = {f"POINTS_{kind.upper()}": str(value) for kind, value in rules.points.items()}
    return points | {"INTERVAL_DURATION": str(rules.interval_duration), "FLAG_THRESHOLD": str(rules.flag_threshold)}


def load(
    chosen: Sequence[Scenario],
    students: int,
    seconds: float,
    *,
    viewers: int = 1,
    codec: str = "jpeg",
    sound: str = "pcm16",
    view: str = "binary",
    encoder: str = "page",
    by_thread: bool = False,
) -> dict[str, Any]:
    """Run the load and return the figures."""
    played = played_by(chosen, students, codec)
    settings = rules_as_settings(played[0][0].rules)
    with tempfile.TemporaryDirectory() as folder:
        settings |= environment(Path(folder) / "names", ROOT) if by_thread else {}
        with Server(Path(folder), settings) as server:
            while server.call("GET", "/api/health")["parts"]["models"]["state"] == "loading":
                time.sleep(0.2)
            figures = _loaded(server, played, seconds, viewers, sound, view, encoder, by_thread=by_thread)
    return {"codec": codec, "encoder": encoder, "sound": sound, "view": view, "students": students, "seconds": seconds, "viewers": viewers} | figures


def _loaded(
    server: Server, played: Sequence[tuple[Scenario, str]], seconds: float, viewers: int, sound: str, view: str, encoder: str, *, by_thread: bool
) -> dict[str, Any]:
    meter, served, students = Meter(server), Served(), len(played)
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe()
    player = context.Process(target=play_students, args=(played, server.link_url, seconds, sound, encoder, there))
    player.start()
    here.recv()  # its footage is in memory
    sessions = [server.create(f"student-{number:03}", "load") for number in range(students)]
    ids = [session["session_id"] for session in sessions]
    here.send([session["token"] for session in sessions])
    dashboards = [Dashboard(server.url, ids, ids[number % students], served, view) for number in range(viewers)]
    times = ThreadTimes(meter.pids)
    rss_before = meter.rss_mb()
    here.send("the first")
    alone = ALONE_S if students > 1 else 0.0
    threading.Event().wait(alone)
    rss_one = meter.rss_mb() if students > 1 else None
    cpu_before, begun = meter.cpu_s(), time.monotonic()
    if by_thread:
        times.start()
    here.send("the others")
    threading.Event().wait(seconds * 0.9)
    rss, threads = meter.rss_mb(), meter.threads()
    sent = here.recv()
    player.join()
    lasted, cpu = time.monotonic() - begun, meter.cpu_s() - cpu_before
    cost = Cost(cpu, students * lasted, rss_before, rss_one, rss, threads, times.stop() if by_thread else {})
    flagged = _await_clips(server)
    for dashboard in dashboards:
        dashboard.close()
    details = [server.details(session_id, readings=True) for session_id in ids]
    shown = [scenario for scenario, _ in played]
    return (
        rates(details)
        | held(details, shown, sent, seconds, load_settings(_env_file=None).gaze_fps)
        | found(details, shown, seconds)
        | transport(sent, details, flagged, served, server.clips_dir)
        | cost.figures(students)
    )


def _await_clips(server: Server) -> list[dict[str, Any]]:
    """The flagged intervals, once each has its clip or the reason why not."""
    deadline = time.monotonic() + CLIPS_WAIT_S
    while True:
        flagged: list[dict[str, Any]] = []
        after: str | None = None
        while True:
            page = server.call("GET", "/api/flagged/all", params={"limit": 900} | ({"after": after} if after else {}))
            flagged += page["flagged"]
            after = page.get("next_after")
            if after is None:
                break
        if all(one["clip"]["state"] != "pending" for one in flagged) or time.monotonic() > deadline:
            return flagged
        time.sleep(0.5)


def main() -> int:
    """Print the figures and write them where asked; exit status 0."""
    parser = argparse.ArgumentParser(prog="python -m bench.load", description="Load the real server and measure how it serves.")
    parser.add_argument("--students", type=int, required=True)
    parser.add_argument("--seconds", type=float, required=True)
    parser.add_argument("--viewers", type=int, default=1, help="dashboards that watch all students (default 1)")
    parser.add_argument("--codec", choices=tuple(CODECS), default="jpeg", help="what the students' pages send (default jpeg; mix: half of them each)")
    parser.add_argument(
        "--encoder", choices=ENCODERS, default="page", help="of H.264: the student's page in Chromium (default), or x264, which has no layers"
    )
    parser.add_argument("--sound", choices=("pcm16", "opus"), default="pcm16", help="how they send sound (default pcm16)")
    parser.add_argument(
        "--view", choices=("binary", "h264"), default="binary", help="how the dashboards ask for pictures: as JPEG, or H.264 as it came"
    )
    parser.add_argument("--exam", nargs="+", help="scenarios that are played, in turn; one that is named twice is played by twice as many")
    parser.add_argument("--threads", action="store_true", help="say which threads of the server take the processor's time (Linux)")
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data", help="folder with scenarios/")
    parser.add_argument("--json", type=Path, help="write the figures here")
    given = parser.parse_args()
    if given.students < 1 or given.seconds <= 0:
        parser.error(f"--students {given.students} --seconds {given.seconds:g}: both must be above 0")
    if given.threads and not Path("/proc/self/task").is_dir():
        parser.error("--threads reads /proc, which this system does not have; leave it out")
    try:
        chosen = chosen_from(given.data, given.exam)
    except InvalidInput as error:
        print(error.message, file=sys.stderr)
        return 2
    figures = load(
        chosen,
        given.students,
        given.seconds,
        viewers=given.viewers,
        codec=given.codec,
        sound=given.sound,
        view=given.view,
        encoder=given.encoder,
        by_thread=given.threads,
    )
    print(json.dumps(figures, indent=1))
    print("\n" + "\n".join(table(figures)))
    if given.json:
        given.json.write_text(json.dumps(figures, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
