"""The demo's own server: `python app.py` with all its folders in one, settings of its own, and an end within seconds."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
from collections import deque
from pathlib import Path

import psutil

from basics.paths import ROOT
from settings.settings import Settings

READY = re.compile(r"Proctors:\s+http://[^:]+:(\d+)/(\?\S+)?")
END_S = 8.0  # a clean end takes two; whatever it would still keep is deleted anyway
SAID_LINES = 40


class DemoServer:
    """A server whose files are all in `folder`. It reads neither this folder's `.env` nor settings from the environment."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._process: subprocess.Popen[str] | None = None
        self._reader: threading.Thread | None = None
        self.port = 0
        self.query = ""  # of the printed address, by which the server knows the browser that opens it
        self.answered = threading.Event()  # it is ready, or has ended
        self.said: deque[str] = deque(maxlen=SAID_LINES)

    @property
    def url(self) -> str:
        """The address on this machine, once it is ready."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def running(self) -> bool:
        """Whether the process is there."""
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """Start it; `answered` tells when it is ready (`port` is not 0) or has ended."""
        self._process = subprocess.Popen(
            [sys.executable, str(ROOT / "app.py")],
            cwd=self._folder,  # where no .env is
            env=self.environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,  # Ctrl+C in the terminal is for the demo, which ends the server
        )
        self._reader = threading.Thread(target=self._read, args=(self._process,), name="server-output", daemon=True)
        self._reader.start()

    def stop(self) -> None:
        """End it and every process it started."""
        process = self._process
        if process is None:
            return
        family = _family(process.pid)
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        _, left = psutil.wait_procs(family, END_S)
        for one in left:
            for child in _family(one.pid):
                child.kill()
        psutil.wait_procs(left, END_S)
        process.wait(END_S)
        if self._reader is not None:
            self._reader.join(END_S)
        if process.stdout is not None:
            process.stdout.close()

    def environment(self) -> dict[str, str]:
        """Everything that the server is told: its own settings, and of the caller's environment what is no setting."""
        names = {name.upper() for name in Settings.model_fields}
        inherited = {name: value for name, value in os.environ.items() if name.upper() not in names}
        return inherited | {
            "FLASK_HOST": "127.0.0.1",
            "FLASK_PORT": "0",
            "DATA_DIR": str(self._folder / "data"),
            "CLIPS_DIR": str(self._folder / "clips"),
            "IDENTITY_DIR": str(self._folder / "identity"),
            "TEMP_DIR": str(self._folder / "temp"),
            "LOG_DIR": str(self._folder / "logs"),
            "TMPDIR": str(self._folder),  # libraries leave things of their own there
            "MODELS_DIR": str(ROOT / "models"),
            "CAMERA": "none",
            "MICROPHONE": "none",
            "SCREEN_HOOKS": "false",
            "VIDEO_FPS": "5",  # half of the usual: six students are drawn on this machine as well
        }

    def _read(self, process: subprocess.Popen[str]) -> None:
        assert process.stdout is not None
        for line in process.stdout:
            self.said.append(line)
            found = READY.search(line)
            if found:
                self.port, self.query = int(found[1]), found[2] or ""
                self.answered.set()
        self.answered.set()


def _family(pid: int) -> list[psutil.Process]:
    try:
        parent = psutil.Process(pid)
        return [parent, *parent.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []
