"""What a server tells of a fault: to operators by `/api/health`, to proctors on the wall and at the top of their pages."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import requests
from socketio.exceptions import SocketIOError

from bench.harness.server import Server
from bench.harness.viewer import Viewer

LOOK_S = 0.5
TIMEOUT_S = 3.0
PAGE_READS_S = 10.0  # proctors' pages ask for health this often
SPEAKS = ("state", "reason", "code", "level", "text", "message", "line")  # fields in which a message says what is the matter
WELL = {"ok", "ready", "idle", "off", "running", "starting", "loading", "none", ""}
ORDINARY = {"monitoring_update", "interval_flagged", "interval_reviewed", "session_started", "clip_ready"}


class Watching:
    """Looks at health and at the wall in a thread of its own. `health` and `wall` are `(when, words)`, each words when they begin to be told."""

    def __init__(self, server: Server, sessions: Sequence[str]) -> None:
        self.health: list[tuple[float, str]] = []
        self.wall: list[tuple[float, str]] = []
        self.degraded: list[float] = []  # when health was not ok
        self._server = server
        self._sessions = sessions
        self._page_read_at = 0.0
        self._viewer: Viewer | None = None
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._run, name="watching", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Look no more."""
        self._stop.set()
        self._thread.join(TIMEOUT_S * 3)
        if self._viewer is not None:
            with contextlib.suppress(SocketIOError, OSError):
                self._viewer.disconnect()

    def since(self, moment: float) -> tuple[list[str], list[str]]:
        """What health and the wall told since `moment` and not before, each once, in the order in which it was told."""
        return _new(self.health, moment), _new(self.wall, moment)

    def _run(self) -> None:
        while not self._stop.wait(LOOK_S):
            try:
                answer = requests.get(f"{self._server.url}/api/health", timeout=TIMEOUT_S).json()
            except (requests.RequestException, ValueError) as error:
                self._tell(self.health, f"no answer ({type(error).__name__})")
            else:
                if answer["status"] != "ok":
                    self.degraded.append(time.monotonic())
                unwell_now = list(unwell(answer.get("parts") or {}))
                for words in unwell_now:
                    self._tell(self.health, words)
                if time.monotonic() - self._page_read_at >= PAGE_READS_S:  # what every proctors' page says at its top (server-trouble.js)
                    self._page_read_at = time.monotonic()
                    for words in unwell_now:
                        self._tell(self.wall, words)
            self._look_at_the_wall()

    def _look_at_the_wall(self) -> None:
        if self._viewer is not None and self._viewer.connected:
            return
        viewer = Viewer(patience_s=5)
        viewer.on("*", self._hear)
        try:
            viewer.connect(self._server.url, transports=["websocket"], wait_timeout=2)
            viewer.emit("join_exam", {})
            for session_id in self._sessions:
                viewer.emit("join_session", {"session_id": session_id, "frames": "none", "fps": 1})
        except (SocketIOError, OSError):
            self._tell(self.wall, "the wall is not connected")
            return
        self._viewer = viewer

    def _hear(self, event: str, message: Any = None) -> None:
        if not isinstance(message, Mapping):
            return
        if event == "monitoring_update":
            for words in unwell_student(message):
                self._tell(self.wall, words)
        elif event == "clip_ready" and message.get("clip", {}).get("state") != "ready":
            self._tell(self.wall, f"clip {message['clip'].get('state')}: {message['clip'].get('reason')}")
        elif event not in ORDINARY:
            said = [str(message[name]) for name in SPEAKS if isinstance(message.get(name), str) and message[name]]
            self._tell(self.wall, f"{event} {' '.join([str(message.get('device', '')), *said]).strip()}"[:200])

    def _tell(self, told: list[tuple[float, str]], words: str) -> None:
        with self._lock:
            told.append((time.monotonic(), words))


def unwell(parts: Mapping[str, Any], name: str = "") -> Iterator[str]:
    """Each part of `/api/health` that is not well, in words: `database away: …`."""
    for part, state in parts.items():
        if not isinstance(state, Mapping):
            continue
        whole = f"{name} {part}".strip()
        if str(state.get("state", "")) not in WELL or (state.get("reason") and "state" in state):
            yield f"{whole} {state.get('state')}: {_plain(state.get('reason'))}"[:200]
        yield from unwell(state, whole)


def unwell_student(status: Mapping[str, Any]) -> Iterator[str]:
    """What a student's tile says is not well."""
    for device, state in (status.get("devices") or {}).items():
        if state.get("state") not in WELL:
            yield f"{device} {state['state']}: {_plain(state.get('reason'))}"[:200]
    for notice in status.get("notices") or ():
        yield f"notice {notice}"
    for doubt in status.get("doubts") or ():
        yield f"doubt {doubt['code']}"
    if status.get("gaze") == "unknown":
        yield f"gaze unknown: {status.get('gaze_reason')}"
    if status.get("faces") is None:
        yield f"faces unknown: {status.get('faces_reason')}"


def _plain(reason: object) -> str:
    """A reason without the figures that change from one look to the next."""
    return "".join("0" if letter.isdigit() else letter for letter in str(reason or "")).replace("00", "0").replace("00", "0").strip()


def _new(told: Sequence[tuple[float, str]], moment: float) -> list[str]:
    before = {words for at, words in told if at < moment}
    return list(dict.fromkeys(words for at, words in told if at >= moment and words not in before))
