"""The real server as an operator meets it: both ways of serving, wrong settings, power cuts, poor input over the student's link."""

from __future__ import annotations

import contextlib
import io
import json
import re
import socket
import subprocess
import sys
import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import av
import pytest
import requests
from PIL import Image
from websocket import ABNF, WebSocketException, create_connection

from app import close_app, create_app
from basics.paths import ROOT
from bench.harness.server import Server, ServerError
from bench.harness.student import StudentClient, page_ms
from bench.harness.viewer import Viewer
from settings.settings import Settings, load_settings
from tests.helpers.exams import QUICK, WAIT_S, footage, noise_frames, quiet_sounds, student
from tests.helpers.waiting import free_port, until
from web.student.protocol import Media, pack_media


@pytest.fixture(scope="module", params=["threading", "eventlet"])
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, in_mongod: Callable[[], dict[str, str]]) -> Iterator[Server]:
    """The server in each of its ways of serving, with short intervals."""
    with Server(tmp_path_factory.mktemp(request.param), QUICK | in_mongod() | {"SOCKETIO_ASYNC_MODE": request.param}) as running:
        yield running
        print("".join(running.output))  # shown where a test failed
        if request.param == "eventlet":  # of the other way below, with open sockets
            assert running.stop() == 0


def test_an_exam_is_flagged_clipped_and_ended(server: Server) -> None:
    heard: list[tuple[str, dict[str, Any]]] = []
    watcher = Viewer()
    for event in ("interval_flagged", "clip_ready", "session_ended", "monitoring_update"):
        watcher.on(event, lambda message, event=event: heard.append((event, message)))
    watcher.connect(server.url, transports=["websocket"])
    client, session_id = student(server, "flagged")
    assert watcher.call("join_session", {"session_id": session_id, "frames": "binary", "fps": 10}) == {"ok": True}
    client.acts("copy", "paste")
    until(lambda: [message for event, message in heard if event == "interval_flagged"])
    ready = until(lambda: [message for event, message in heard if event == "clip_ready"])[0]
    answer = requests.get(f"{server.url}{ready['url']}", headers={"Range": "bytes=0-99"}, timeout=WAIT_S)
    assert (answer.status_code, len(answer.content), answer.headers["Content-Type"]) == (206, 100, "video/mp4")
    whole = requests.get(f"{server.url}{ready['url']}", timeout=WAIT_S).content
    with av.open(io.BytesIO(whole)) as container:
        assert {stream.type for stream in container.streams} == {"video", "audio"}
    client.finish()
    until(lambda: [message for event, message in heard if event == "session_ended"])
    watcher.disconnect()
    assert not client.unacknowledged()
    pictures = [message["frame"] for event, message in heard if event == "monitoring_update" and message["frame"]]
    assert pictures
    assert all(isinstance(picture, bytes) and picture[:2] == b"\xff\xd8" for picture in pictures)
    details = server.details(session_id)
    assert details["session"]["state"] == "ended"
    assert details["session"]["total_score"] == 10


def test_poor_media_are_refused_with_a_reason_and_the_link_goes_on(server: Server) -> None:
    client, session_id = student(server, "poor-media")
    bomb = io.BytesIO()
    Image.new("L", (20_000, 20_000)).save(bomb, "JPEG", quality=1)
    for payload in (b"not a jpeg", bomb.getvalue()[: 900 << 10], b"\xff\xd8\xff\xe0broken"):
        client.send(pack_media(Media("picture", "jpeg", 1, page_ms(), payload)))
    client.send(b"short")
    client.send(b"\x09" * 64)
    client.say({"type": "nonsense"})
    client.say({"type": "acts", "acts": [{"id": "x", "kind": "copy", "page_ms": 1}, {"id": "y" * 99}]})
    client.say({"type": "acts", "acts": [{"id": "ok-ok-ok-ok", "kind": "no such kind", "page_ms": page_ms()}]})
    client.say({"type": "device", "device": "toaster", "state": "on"})
    errors = until(lambda: [m for m in client.messages if m["type"] == "error"] if sum(m["type"] == "error" for m in client.messages) >= 6 else None)
    assert all(error["message"] for error in errors)
    act = client.act("paste")
    until(lambda: act in client.acknowledged)
    before = client.sent_frames
    until(lambda: client.sent_frames > before + 3)
    assert client.connections == 1
    client.finish()
    assert server.details(session_id)["session"]["state"] == "ended"


FLOODS = {
    "media": (0x82, pack_media(Media("picture", "jpeg", 1, 1e12, bytes(1_000_000)))),
    "units": (0x82, pack_media(Media("picture", "h264", 1, 1e12, b"\x00\x00\x01\x41" * 250_000))),
    "texts": (0x81, json.dumps({"type": "acts", "acts": [{"id": "no"}] * 200}).encode()),
    "too-large": (0x82, bytes(3 << 20)),
    "pings": (0x89, b"x"),
}


def test_a_long_address_such_as_learning_platforms_make_is_read(server: Server) -> None:
    given = {"iss": "https://lms.example", "login_hint": "h", "lti_message_hint": 6000 * "x"}
    answer = requests.get(f"{server.url}/lti/login", params=given, timeout=WAIT_S)
    assert (answer.status_code, "lms.example" in answer.text) == (404, True), answer.text


def flood(server: Server, url: str, opcode: int, payload: bytes, *, reads: bool) -> str:
    """Send one thing as fast as the line takes it, until the server says why it ends it to who `reads`, or has let it go; return the reason."""
    line = create_connection(url, timeout=WAIT_S, skip_utf8_validation=True)
    lengths = (b"\xff", 8) if len(payload) > 0xFFFF else (b"\xfe", 2) if len(payload) > 125 else (b"", 0)
    length = lengths[0] + len(payload).to_bytes(lengths[1], "big") if lengths[1] else bytes([0x80 | len(payload)])
    sent = bytes([opcode]) + length + bytes(4) + payload
    reasons = [""]
    raw = line.sock  # its reader forgets it when it ends
    port = raw.getsockname()[1]

    def read() -> None:
        with contextlib.suppress(OSError, WebSocketException):
            while not reasons[-1]:
                frame = line.recv_frame()  # answering it would wait behind what is sent
                if frame.opcode == ABNF.OPCODE_CLOSE:
                    reasons.append(frame.data[2:].decode())

    def await_end() -> None:
        if reads:
            read()
        else:
            until(lambda: not any(one.raddr and one.raddr.port == port for one in server.processes()[-1].net_connections("tcp")))
        with contextlib.suppress(OSError):
            raw.shutdown(socket.SHUT_RDWR)  # its window may be shut, and what is sent would wait for it

    waiting = threading.Thread(target=await_end, daemon=True)
    waiting.start()
    with contextlib.suppress(OSError):
        while True:
            raw.sendall(sent * max(1, 100_000 // len(sent)))
    waiting.join(WAIT_S)
    line.shutdown()
    return reasons[-1]


def test_who_sends_without_end_and_reads_nothing_ends_its_own_connection_alone(server: Server) -> None:
    client, session_id = student(server, "honest")
    until(lambda: server.call("GET", "/api/sessions/active")["sessions"][-1]["rates"].get("gaze_fps"), what="the models are there")
    held = [server.processes()[-1].memory_info().rss]
    reasons: dict[str, str] = {}
    for name, (opcode, payload) in FLOODS.items():
        made = server.create(name, "floods")
        url = f"{server.link_url}?token={made['token']}"
        reasons[name] = flood(server, url, opcode, payload, reads=name != "media")
        held.append(server.processes()[-1].memory_info().rss)
        server.call("POST", f"/api/session/{made['session_id']}/end", json={})
        client.act("window_focus")
        until(lambda: not client.unacknowledged())
    assert max(held) - held[0] < 60 << 20
    assert reasons.pop("media") == "", "it reads nothing"
    assert all("a second were sent" in reason or "bytes allowed" in reason for reason in reasons.values()), reasons
    before_last = client.sent_frames
    until(lambda: client.sent_frames > before_last + 3)
    assert client.connections == 1
    client.finish()
    log = (server.folder / "logs" / "app.log").read_text(encoding="utf-8")
    assert log.count("student's link closed: ") == len(FLOODS)
    assert server.details(session_id)["session"]["state"] == "ended"


def test_a_lost_connection_is_unknown_and_its_acts_arrive_once_in_their_own_time(server: Server) -> None:
    client, session_id = student(server, "lost-connection", footage(5))
    until(lambda: client.sent_frames > 5)
    client.drop_connection()
    client.act("copy")
    until(lambda: client.connections >= 2 and not client.unacknowledged())
    client.say({"type": "acts", "acts": [{"id": next(iter(client.sent_acts)), "kind": "copy", "page_ms": page_ms()}]})
    client.finish()
    details = server.details(session_id)
    counted = sum(violation["occurrences"] for interval in details["intervals"] for violation in interval["violations"])
    assert counted == 1


def test_a_second_window_replaces_the_first(server: Server) -> None:
    session = server.create("two-windows", "exam")
    clients = [StudentClient(f"{server.link_url}?token={session['token']}", footage(5)) for _ in range(2)]
    clients[0].start()
    assert clients[0].welcomed.wait(WAIT_S)
    clients[1].start()
    assert clients[1].welcomed.wait(WAIT_S)
    until(lambda: [message for message in clients[0].messages if message["type"] == "replaced"])
    clients[0].close()
    clients[1].finish()


def test_an_attempt_that_comes_late_is_closed_and_the_page_stays(server: Server) -> None:
    url = f"{server.link_url}?token={server.create('given-up', 'exam')['token']}&page={uuid.uuid4()}"
    client = StudentClient(f"{url}&attempt=2", footage(5))
    client.start()
    assert client.welcomed.wait(WAIT_S)
    line = create_connection(f"{url}&attempt=1", timeout=WAIT_S)
    assert line.recv_data()[0] == ABNF.OPCODE_CLOSE
    line.shutdown()
    client.act("copy")
    until(lambda: not client.unacknowledged())
    assert not [message for message in client.messages if message["type"] == "replaced"]
    client.finish()


def test_a_stuck_dashboard_slows_nobody(server: Server) -> None:
    client, session_id = student(server, "watched")
    stuck = Viewer()
    release = threading.Event()
    stuck.on("monitoring_update", lambda message: release.wait(WAIT_S))
    stuck.connect(server.url, transports=["websocket"])
    stuck.emit("join_session", {"session_id": session_id, "fps": 30})
    heard: list[dict[str, Any]] = []
    watcher = Viewer()
    watcher.on("monitoring_update", heard.append)
    watcher.connect(server.url, transports=["websocket"])
    watcher.emit("join_session", {"session_id": session_id, "fps": 10})
    until(lambda: len(heard) > 30)
    release.set()
    watcher.disconnect()
    stuck.disconnect()
    client.finish()


def test_more_senders_of_half_a_body_than_threads_keep_nobody_waiting_for_long(server: Server) -> None:
    half = b"POST /login HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nContent-Type: application/json\r\nContent-Length: 99\r\n\r\n{"
    with ExitStack() as open_:
        for _ in range(Settings.model_fields["max_sessions"].default + 280):
            open_.enter_context(socket.create_connection(("127.0.0.1", server.port), WAIT_S)).sendall(half)
        assert requests.get(f"{server.url}/api/health", timeout=WAIT_S).status_code == 200


def test_callers_who_have_their_answer_and_never_hang_up_are_not_waited_for(server: Server) -> None:
    with ExitStack() as open_:
        for _ in range(40):
            caller = open_.enter_context(socket.create_connection(("127.0.0.1", server.port), WAIT_S))
            caller.sendall(b"GET /api/health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        assert requests.get(f"{server.url}/api/health", timeout=WAIT_S).status_code == 200
        assert caller.recv(15) == b"HTTP/1.1 200 OK"


def test_it_ends_cleanly_with_open_sockets(tmp_path: Path) -> None:
    with Server(tmp_path, QUICK) as running:
        client, _ = student(running, "still-there")
        assert running.stop() == 0
        client.close()
    assert not list((tmp_path / "temp").glob("*.part"))


def test_after_a_power_cut_everything_acknowledged_is_there(tmp_path: Path) -> None:
    with Server(tmp_path, QUICK | {"FLASK_PORT": str(free_port())}) as running:
        client, session_id = student(running, "power-cut")
        acts = [client.act("copy"), client.act("paste")]
        until(lambda: set(acts) <= client.acknowledged)
        closed = until(lambda: [one for one in running.details(session_id)["intervals"] if one["closed"]])
        running.kill()
        assert not list(running.clips_dir.rglob("*.part"))
        for clip in running.clips_dir.rglob("*.mp4"):
            with av.open(str(clip)) as container:
                assert sum(1 for _ in container.decode(video=0))
        running.start()
        until(lambda: client.connections >= 2 and client.welcomed.is_set())
        again = running.details(session_id)
        scores = {one["index"]: one["score"] for one in again["intervals"]}
        assert all(scores[one["index"]] == one["score"] for one in closed)
        assert again["session"]["state"] == "running"
        later = client.act("copy")
        until(lambda: later in client.acknowledged)
        client.finish()
        after = running.details(session_id)
        assert after["session"]["state"] == "ended"
        assert after["session"]["total_score"] == 15


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"FLASK_PORT": "70000"}, "FLASK_PORT='70000'"),
        ({"GAZE_FPS": "fast"}, "GAZE_FPS='fast'"),
        ({"STATIONS": "{"}, "STATIONS="),
        ({"FLASK_HOST": "0.0.0.0"}, "PROCTOR_PASSWORD"),
        ({"MONGO_URI": "nonsense"}, "MONGO_URI"),
        ({"CHECK_INTERVAL": "60"}, "CHECK_INTERVAL=60"),
    ],
)
def test_a_wrong_setting_stops_the_start_and_is_named(tmp_path: Path, settings: dict[str, str], named: str) -> None:
    with pytest.raises(ServerError, match=re.escape(named)):
        Server(tmp_path, settings).start()


def test_a_port_in_use_stops_the_start_and_is_named(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        with pytest.raises(ServerError, match=f"FLASK_PORT={port}"):
            Server(tmp_path, {"FLASK_PORT": str(port)}).start()


def test_without_a_database_it_serves_and_says_so(tmp_path: Path) -> None:
    uri = f"mongodb://127.0.0.1:{free_port()}/?serverSelectionTimeoutMS=300"
    with Server(tmp_path, {"MONGO_URI": uri, "MONGO_TIMEOUT_S": "0.5"}) as running:
        until(lambda: running.call("GET", "/api/health")["parts"]["database"]["state"] == "away")
        assert running.call("GET", "/api/health")["status"] == "degraded"
        session = running.create("spooled", "exam")  # its record is safe in the spool
        assert session["success"]
        answer = requests.get(f"{running.url}/api/sessions/stats", timeout=WAIT_S)
        assert (answer.status_code, answer.json()["error"]["code"]) == (503, "storage")


def test_a_camera_that_is_not_there_is_shown_and_the_session_goes_on(tmp_path: Path) -> None:
    cameras = {"room-1": "no such camera.mp4", "room-2": "README.md", "room-3": "7", "room-4": "rtsp://127.0.0.1:9/none"}
    with Server(tmp_path, {"STATIONS": json.dumps({name: {"camera": camera} for name, camera in cameras.items()})}) as running:
        sessions = {
            room: running.call("POST", "/api/session/create", json={"user_id": f"no-camera-{room}", "source": "local", "station": room})
            for room in cameras
        }
        for room, session in sessions.items():
            device = until(
                lambda session=session: (  # type: ignore[misc]
                    (one := running.details(session["session_id"])["session"]["devices"].get("camera", {})).get("state") in {"missing", "lost"}
                    and one
                )
            )
            assert device["reason"], room
        for session in sessions.values():
            assert running.call("POST", "/api/session/end", json={"user_id": session["user_id"]})["total_score"] == 0


def test_two_apps_in_one_process_do_not_meet_and_leave_nothing_behind(tmp_path: Path) -> None:
    """Threads and file handles are back at the baseline after opening and closing the app many times."""
    script = f"""
import sys, os, json, threading
sys.path.insert(0, {str(ROOT)!r})
from pathlib import Path
from app import close_app, create_app
from settings.settings import Settings, load_settings
def settings(name):
    folder = Path({str(tmp_path)!r}) / name
    return load_settings(_env_file=None, data_dir=folder / "data", clips_dir=folder / "clips", temp_dir=folder / "temp", log_dir=folder / "logs",
                         identity_dir=folder / "identity",
                         camera="none", microphone="none", screen_hooks=False)
def count():
    for _ in range(200):  # a thread may still be ending
        if threading.active_count() == 1:
            break
        threading.Event().wait(0.1)
    print([thread.name for thread in threading.enumerate()], file=sys.stderr)
    return threading.active_count(), len(os.listdir("/proc/self/fd"))
one, two = create_app(settings("one")), create_app(settings("two"))
for app, name in ((one, "one"), (two, "two")):
    answer = app.test_client().post("/api/session/create", json={{"user_id": name}}, environ_base={{"REMOTE_ADDR": "127.0.0.1"}})
    assert answer.status_code == 200, answer.text
active = [[s["user_id"] for s in app.test_client().get("/api/sessions/active").json["sessions"]] for app in (one, two)]
assert active == [["one"], ["two"]], active
for app in (one, two):
    app.extensions["proctor"].monitor.models.loaded.wait(60)
    close_app(app)
del app, one, two
counts = [count()]
for number in range(2):
    app = create_app(settings("again"))
    app.extensions["proctor"].monitor.models.loaded.wait(60)
    close_app(app)
    counts.append(count())
print(json.dumps(counts))
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=240, check=False, cwd=tmp_path)
    assert done.returncode == 0, done.stderr[-3000:]
    counts = json.loads(done.stdout.strip().splitlines()[-1])
    # what leaks grows with every round
    assert all(min(late) <= max(early) for early, late in zip(zip(*counts[:2], strict=True), zip(*counts[2:], strict=True), strict=True)), (
        counts,
        done.stderr[-500:],
    )


def test_a_full_disk_fails_the_clip_and_nothing_else(tmp_path: Path) -> None:
    """A folder that can't be written to stands in for a full disk where the tests may not mount one."""
    full = Path("/dev/full")
    if not full.exists():
        pytest.skip("needs /dev/full")
    settings = load_settings(
        _env_file=None,
        data_dir=tmp_path / "data",
        clips_dir=tmp_path / "clips",
        identity_dir=tmp_path / "identity",
        temp_dir=tmp_path / "temp",
        log_dir=tmp_path / "logs",
        camera="none",
        microphone="none",
    )
    app = create_app(settings)
    try:
        from media.clip import Clip, ClipJob

        recorder = app.extensions["proctor"].monitor.recorder
        recorder.temp_dir = tmp_path / "gone"  # no such folder: every write fails with an OSError
        done: list[Clip] = []
        job = ClipJob("s", "u", 0, load_time(), 10, 0, 5, noise_frames(5), quiet_sounds(5))
        done.append(recorder.make(job))
        assert done[0].state == "failed"
        assert done[0].reason.startswith("disk:")
        recorder.temp_dir = tmp_path / "temp"
        assert recorder.make(job).state == "ready"
    finally:
        close_app(app)


def load_time() -> Any:
    from basics.times import utc_now

    return utc_now()
