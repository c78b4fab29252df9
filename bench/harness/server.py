"""Starts the real server for a measurement or a test, in a folder of its own and on a free port, and ends it."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Any

import psutil
import requests

from basics.paths import ROOT
from bench.harness.known_here import introduce
from bench.harness.waiting import comes

READY = re.compile(r"Proctors:\s+http://[^:]+:(\d+)/")
START_S = 180.0  # a busy machine; a free one takes 4 s
STOP_S = 60.0


class ServerError(Exception):
    """The server did not start or answer; the message holds what it printed."""


class Server:
    """`python app.py` with its data under `folder`; `settings` are environment variables. A context manager: it `end`s with it."""

    def __init__(self, folder: Path, settings: Mapping[str, str] | None = None) -> None:
        self.folder = folder
        self.clips_dir = folder / "flagged_videos"
        self.settings = {
            "DATA_DIR": str(folder / "data"),
            "CLIPS_DIR": str(self.clips_dir),
            "IDENTITY_DIR": str(folder / "identity"),
            "TEMP_DIR": str(folder / "temp"),
            "LOG_DIR": str(folder / "logs"),
            "FLASK_PORT": "0",
            "CAMERA": "none",
            "MICROPHONE": "none",
            "SCREEN_HOOKS": "false",
            **(settings or {}),
        }
        self.process: subprocess.Popen[str] | None = None
        self._port = 0
        self._begun = False  # and not waited for yet
        self.output: list[str] = []
        self._ready = threading.Event()
        self._reader: threading.Thread | None = None

    def start(self) -> Server:
        """Start and wait until it answers. Raise `ServerError`."""
        self._spawn()
        self._await_ready()
        return self

    @contextmanager
    def meanwhile(self) -> Iterator[Server]:
        """As `with` itself, but what comes next need not wait: whoever asks for its address first does, until it answers. In the end it is killed."""
        self._spawn()
        self._begun = True
        try:
            yield self
        finally:
            _kill(self._family())
            self._wait()

    def _spawn(self) -> None:
        self._ready.clear()
        environment = {name: value for name, value in os.environ.items() if name not in {"PROCTOR_PASSWORD", "API_TOKEN"}}
        self.process = subprocess.Popen(
            [sys.executable, "app.py"],
            cwd=ROOT,
            env=environment | self.settings,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            text=True,
            start_new_session=True,
        )
        self._reader = threading.Thread(target=self._read, args=(self.process,), name="server-output", daemon=True)
        self._reader.start()

    def _await_ready(self) -> None:
        if not self._ready.wait(START_S) or not self._port:
            self.stop()
            raise ServerError("the server did not start; it printed:\n" + "".join(self.output[-40:]))
        self._begun = False
        introduce(self.url, Path(self.settings["DATA_DIR"]))

    def _read(self, process: subprocess.Popen[str]) -> None:
        assert process.stdout is not None
        for line in process.stdout:
            self.output.append(line)
            found = READY.search(line)
            if found and process is self.process:
                self._port = int(found[1])
                self._ready.set()
        if process is self.process:  # what a killed one left behind may end later
            self._ready.set()

    @property
    def port(self) -> int:
        """Where it answers; 0 before it was ever started. Raise `ServerError` when one that was begun does not start."""
        if self._begun:
            self._await_ready()
        return self._port

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def link_url(self) -> str:
        return f"ws://127.0.0.1:{self.port}/student/link"

    def call(self, method: str, path: str, **arguments: Any) -> Any:
        """One REST call; return its JSON. Raise `ServerError` with the answer when it isn't a success."""
        answer = requests.request(method, self.url + path, timeout=60, **arguments)
        if not answer.ok:
            raise ServerError(f"{method} {path}: {answer.status_code} {answer.text}")
        return answer.json()

    def create(self, user_id: str, exam_id: str | None = None, source: str = "browser") -> dict[str, Any]:
        """Create a session; for a browser's, `token` is its student's."""
        body = {"user_id": user_id, "exam_id": exam_id, "source": source}
        answer: dict[str, Any] = self.call("POST", "/api/session/create", json=body)
        if "portal_url" in answer:
            answer["token"] = answer["portal_url"].partition("#t=")[2]
        return answer

    def details(self, session_id: str, *, readings: bool = False) -> dict[str, Any]:
        """A session's details, its first page (several hours), with every single reading where they are asked for."""
        params = {"readings": "true"} if readings else {}
        answer: dict[str, Any] = self.call("GET", f"/api/session/{session_id}/details", params=params)
        return answer

    def processes(self) -> list[psutil.Process]:
        """The server's own processes, mongod apart."""
        return [one for one in self._family() if "mongod" not in _name(one)]

    def _family(self) -> list[psutil.Process]:
        if self.process is None or self.process.poll() is not None:
            return []
        try:
            main = psutil.Process(self.process.pid)
            return [main, *main.children(recursive=True)]
        except psutil.NoSuchProcess:  # just now
            return []

    def kill(self) -> None:
        """End it as a power cut would: every process at once, without a word."""
        _kill(self.processes())
        self._wait()

    def end(self) -> None:
        """Put it out with all that it started, for who has seen what they wanted: its mongod alone needs a second to end well."""
        family = self._family()
        _kill(family)
        comes(lambda: not any(_lives(process) for process in family[1:]), STOP_S, 0.01)  # before their folder goes
        self._wait()

    def stop(self) -> int | None:
        """End it as an operator does; return its exit status."""
        if self.process is None:
            return None
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        self._wait()
        return self.process.returncode

    def _wait(self) -> None:
        if self.process is None:
            return
        try:
            self.process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        if self._reader is not None:
            self._reader.join(STOP_S)
        if self.process.stdout is not None:
            self.process.stdout.close()

    def __enter__(self) -> Server:
        return self.start()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        self.end()


def _kill(family: list[psutil.Process]) -> None:
    """End them, the first first: it would start another of the others, which may end by themselves when they miss it."""
    for process in family:
        with suppress(psutil.NoSuchProcess):
            process.kill()


def _name(process: psutil.Process) -> str:
    """Its name; of one that has just ended none."""
    try:
        return str(process.name())
    except psutil.NoSuchProcess:
        return ""


def _lives(process: psutil.Process) -> bool:
    try:
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False
