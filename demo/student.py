"""A demo student's page without a browser: starts an exam, plays a script over the student's link, comes back when the line was down."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
import time
import urllib.request
import uuid
from typing import Any

import simple_websocket
from simple_websocket.errors import SimpleWebsocketError

from basics.readings import SAMPLE_RATE
from demo.camera import Camera
from demo.cast import EXAM_ID, Script
from demo.sounds import Microphone
from web.student.protocol import Media, pack_media

CALL_S = 20.0
TRY_AGAIN_S = 1.0
BETWEEN_EXAMS_S = 15.0
STOP_S = 5.0


class DemoStudent:
    """One student, in a thread of its own from `start` to `stop`; takes one exam after the other."""

    def __init__(self, script: Script, server: str) -> None:
        """`server` is its address, `http://host:port`."""
        self.script = script
        self._server = server
        self._stop = threading.Event()
        self._socket: simple_websocket.Client | None = None
        self._thread = threading.Thread(target=self._run, name=f"student-{script.user_id}", daemon=True)

    def start(self) -> None:
        """Take exams until told to stop."""
        self._thread.start()

    def leave(self) -> None:
        """Leave without a word; `stop` waits until that is done."""
        self._stop.set()

    def stop(self) -> None:
        """Leave, and wait for it."""
        self.leave()
        self._thread.join(STOP_S)

    def _run(self) -> None:
        self._camera = Camera(self.script.look, self.script.visitor)
        self._microphone = Microphone(self.script.look.seed, self.script.says)
        while not self._stop.is_set():
            try:
                token = self._start_exam()
            except (OSError, ValueError):
                self._stop.wait(TRY_AGAIN_S)
                continue
            self._take_exam(token)
            self._stop.wait(BETWEEN_EXAMS_S)

    def _start_exam(self) -> str:
        """Start an exam as a proctor's link does, and return the link's token. Raise `OSError` where the server refuses."""
        body = json.dumps({"user_id": self.script.user_id, "exam_id": EXAM_ID, "source": "browser"}).encode()
        call = urllib.request.Request(f"{self._server}/api/session/create", body, {"Content-Type": "application/json"})
        with urllib.request.urlopen(call, timeout=CALL_S) as answer:
            return str(json.load(answer)["portal_url"]).partition("#t=")[2]

    def _take_exam(self, token: str) -> None:
        begun = time.monotonic()
        ended = False
        while not ended and not self._stop.is_set():
            lost_until = self.script.lost_until(time.monotonic() - begun)
            if lost_until is not None:
                self._stop.wait(begun + lost_until - time.monotonic())
                continue
            try:
                self._socket = simple_websocket.Client(f"{self._server.replace('http', 'ws', 1)}/student/link?token={token}")
                ended = _Sitting(self._socket, self.script, self._camera, self._microphone, begun, self._stop).play()
            except (OSError, SimpleWebsocketError, ValueError):
                self._stop.wait(TRY_AGAIN_S)
            finally:
                _hang_up(self._socket)


class _Sitting:
    """One connection of an exam: what the student's camera, microphone and screen do while it holds."""

    def __init__(
        self, client: simple_websocket.Client, script: Script, camera: Camera, microphone: Microphone, begun: float, stop: threading.Event
    ) -> None:
        self._socket = client
        self._script = script
        self._camera = camera
        self._microphone = microphone
        self._begun = begun
        self._stop = stop
        self._fps = 0.0  # none before the server's welcome
        self._ended = False
        self._pictures = 0
        self._sounds = 0

    def play(self) -> bool:
        """Send until the line is lost by script, or the exam has ended: then True. Raise `OSError` or simple-websocket's own where it breaks."""
        heard = done = self._now()
        next_picture = 0.0
        while not self._stop.is_set() and not self._ended:
            now = self._now()
            if self._fps and now >= self._script.sits:
                self._say({"type": "end"})
                self._fps = 0.0
            if self._script.lost_until(now) is not None:
                return False
            if not self._fps or now < next_picture:
                self._take(self._socket.receive(timeout=min(0.5, next_picture - now) if self._fps else 0.5))
                heard = done = heard if self._fps else self._now()
                continue
            self._send_picture(now)
            heard = self._send_sound(heard, now)
            self._act(done, now)
            done = now
            next_picture = max(next_picture + 1 / self._fps, now)
        return self._ended

    def _now(self) -> float:
        return time.monotonic() - self._begun

    def _page_ms(self, at: float) -> float:
        return (self._begun + at) * 1000

    def _say(self, message: dict[str, Any]) -> None:
        self._socket.send(json.dumps(message))

    def _take(self, text: str | bytes | None) -> None:
        message = json.loads(text) if text else {}
        kind = message.get("type")
        if kind == "clock":
            self._say({"type": "clock", "id": message["id"], "server_ms": message["server_ms"], "page_ms": self._page_ms(self._now())})
            self._say({"type": "page", "hidden": False, "camera": "Drawn camera"})
        elif kind == "welcome":
            self._fps = float(message["video"]["fps"])
            for device in ("camera", "microphone"):
                self._say({"type": "device", "device": device, "state": "ok"})
        elif kind in {"slower", "faster"}:
            self._fps = float(message["fps"])
        elif kind == "message":
            self._say({"type": "read", "id": message["id"]})
        elif kind in {"ended", "replaced"}:
            self._ended = True

    def _send_picture(self, now: float) -> None:
        picture = self._camera.jpeg(self._script.scene(now), now)
        self._socket.send(pack_media(Media("picture", "jpeg", self._pictures, self._page_ms(now), picture)))
        self._pictures += 1

    def _send_sound(self, since: float, until: float) -> float:
        """Send what was heard since the last sound; return up to when."""
        first, end = round(since * SAMPLE_RATE), round(until * SAMPLE_RATE)
        first = max(first, end - SAMPLE_RATE)  # after a pause of the whole machine: a second is enough
        spoken_from = self._script.spoken_from(until)
        samples = self._microphone.sound(first, end - first, spoken_from=None if spoken_from is None else round(spoken_from * SAMPLE_RATE))
        if len(samples):
            time_ms = self._page_ms(first / SAMPLE_RATE)
            self._socket.send(pack_media(Media("sound", "pcm16", self._sounds, time_ms, samples.astype("<i2").tobytes())))
            self._sounds += 1
        return end / SAMPLE_RATE

    def _act(self, after: float, until: float) -> None:
        kinds = self._script.acts_between(after, until)
        if kinds:
            acts = [{"id": str(uuid.uuid4()), "kind": kind, "page_ms": self._page_ms(until)} for kind in kinds]
            self._say({"type": "acts", "acts": acts})


def _hang_up(client: simple_websocket.Client | None) -> None:
    """End the connection at once. simple-websocket's own reading thread ends with its socket, and would else keep the program."""
    if client is None:
        return
    with contextlib.suppress(OSError):
        client.sock.shutdown(socket.SHUT_RDWR)
    client.thread.join(STOP_S)
