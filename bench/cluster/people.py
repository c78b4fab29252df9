"""The people of the measurement: how often its students act, and a wall for each exam that hears of them."""

from __future__ import annotations

import contextlib
import threading
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from pymongo.errors import PyMongoError
from socketio.exceptions import SocketIOError

from bench.cluster.town import BEARER, Town
from bench.harness.viewer import Viewer

ACT_EVERY_S = 2.0  # of each student: 7 points in an interval of 15 s
BURST_EVERY = 15  # turns after which a student does what flags the interval
LOOK_S = 0.2
AGAIN_S = 0.5
SILENT_S = 5.0


class Wall:
    """One exam's dashboard, which connects again as a browser does. `heard` is when something was heard of each session, `flags` what was told."""

    def __init__(self, town: Town, exam_id: str, key: str, sessions: Sequence[str]) -> None:
        self.heard: dict[str, list[float]] = defaultdict(list)
        self.flags: set[str] = set()
        self._town = town
        self._exam_id = exam_id
        self._key = key
        self._sessions = sessions
        self._viewer: Viewer | None = None
        self._joined_at = 0.0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"wall-{exam_id}", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Look no more."""
        self._stop.set()
        self._thread.join(20)
        if self._viewer is not None:
            with contextlib.suppress(SocketIOError, OSError):
                self._viewer.disconnect()

    def gap_after(self, session_id: str, moment: float) -> float:
        """Seconds from `moment` until the next thing was heard of a session; infinite where nothing was."""
        return next((at - moment for at in self.heard[session_id] if at > moment), float("inf"))

    def _run(self) -> None:
        while not self._stop.wait(LOOK_S):
            if self._viewer is not None and self._viewer.connected:
                self._ask_again(self._viewer)
                continue
            viewer = Viewer(patience_s=5)
            viewer.on("*", self._hear)
            try:
                viewer.connect(f"{self._town.front}/?e={self._key}", headers=BEARER, transports=["websocket"])
                viewer.emit("join_exam", {"exam_id": self._exam_id})
                for session_id in self._sessions:
                    viewer.emit("join_session", {"session_id": session_id, "frames": "none", "fps": 1})
                self._joined_at = time.monotonic()
                self._viewer = viewer
            except (SocketIOError, OSError):
                self._stop.wait(AGAIN_S)

    def _ask_again(self, viewer: Viewer) -> None:
        """As the page does of a tile that is silent: its exam may be at another server now."""
        now = time.monotonic()
        silent = [one for one in self._sessions if now - max([self._joined_at, *self.heard[one][-1:]]) > SILENT_S]
        if silent:
            self._joined_at = now
            with contextlib.suppress(SocketIOError, OSError):
                for session_id in silent:
                    viewer.emit("join_session", {"session_id": session_id, "frames": "none", "fps": 1})

    def _hear(self, event: str, message: Any = None) -> None:
        if not isinstance(message, Mapping):
            return
        session_id = message.get("session_id")
        if event == "monitoring_update" and isinstance(session_id, str):
            self.heard[session_id].append(time.monotonic())
        elif event == "interval_flagged":
            self.flags.add(str(message.get("video_id")))
        elif event in {"session_moved", "session_unknown"} and self._viewer is not None:
            with contextlib.suppress(SocketIOError, OSError):  # as the page: it comes again, and its way leads to where the exam is now
                self._viewer.disconnect()


class Closing:
    """Notes which intervals the database says are closed, and which of them flagged, as the exam goes on."""

    def __init__(self, town: Town) -> None:
        self.closed: dict[str, bool] = {}
        self._town = town
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="closing", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Look no more."""
        self._stop.set()
        self._thread.join(60)

    def _run(self) -> None:
        while not self._stop.wait(1.0):
            with contextlib.suppress(PyMongoError):
                found = self._town.records.intervals.find({"closed": True}, {"flagged": 1})
                self.closed.update({row["_id"]: bool(row["flagged"]) for row in found})
