"""`python -m demo` as a process with every real part: a flag comes, and the end leaves nothing behind."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import psutil
import pytest
import requests

from basics.paths import ROOT
from bench.harness.waiting import comes
from demo.server import DemoServer
from settings.settings import Settings
from tests.helpers.waiting import until

ASK_EVERY_S = 0.3  # the server has six students to read
WAIT_S = 90.0  # a machine that is busy with other tests; alone it takes a sixth


class Demo:
    """The demo, started as `./run.sh demo` starts it, with its temporary folder in `folder`."""

    def __init__(self, folder: Path, **environment: str) -> None:
        self.folder = folder
        self.process = subprocess.Popen(
            [sys.executable, "-m", "demo"],
            cwd=ROOT,
            env=os.environ | {"TMPDIR": str(folder)} | environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self.said = ""
        self.ready = threading.Event()
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.said += line
            if "Ctrl+C" in line:
                self.ready.set()
        self.ready.set()

    @property
    def address(self) -> str:
        assert self.ready.wait(WAIT_S), self.said
        found = re.search(r"The demo runs at (http://localhost:\d+/)", self.said)
        assert found, self.said
        return found[1].replace("localhost", "127.0.0.1")

    def children(self) -> list[psutil.Process]:
        return list(psutil.Process(self.process.pid).children(recursive=True))

    def end(self, number: signal.Signals) -> int:
        """Send a signal; return the exit status."""
        self.process.send_signal(number)
        try:
            return self.process.wait(WAIT_S)
        finally:
            self.close()

    def close(self) -> None:
        """End what is left of it, where a test has failed."""
        if self.process.poll() is None:
            for one in [*self.children(), psutil.Process(self.process.pid)]:
                one.kill()
            self.process.wait(WAIT_S)
        self.reader.join(WAIT_S)
        assert self.process.stdout is not None
        self.process.stdout.close()


def test_a_flag_comes_and_ctrl_c_leaves_nothing_behind(tmp_path: Path, models_dir: Path) -> None:
    # What a real server beside it would use: the demo must neither obey nor touch it.
    elsewhere = tmp_path / "real"
    demo = Demo(tmp_path, DATA_DIR=str(elsewhere), CLIPS_DIR=str(elsewhere), LOG_DIR=str(elsewhere), PROCTOR_PASSWORD="secret", FLASK_PORT="1")
    try:
        address = demo.address
        flagged: list[dict[str, Any]] = []

        def comes_a_flag() -> list[dict[str, Any]]:
            flagged[:] = requests.get(f"{address}api/flagged/all", timeout=30).json()["flagged"]
            return flagged

        assert comes(comes_a_flag, WAIT_S, ASK_EVERY_S)
        assert {row["user_id"] for row in flagged} <= {"alan", "katherine", "emmy"}
        assert requests.get(f"{address}review", timeout=30).ok
        sample = re.search(r"with the snippet: (http://127\.0\.0\.1:\d+)/", demo.said)
        assert sample, demo.said
        with requests.Session() as visitor:
            assert "/embed/snippet.js?exam=" in visitor.get(f"{sample[1]}/", timeout=30).text
            assert "while you are watched" in visitor.get(f"{sample[1]}/two", timeout=30).text, "its server asks, and gives out nothing"
            token = visitor.post(f"{sample[1]}/proctor-token", headers={"Origin": sample[1]}, timeout=30).text
        key = next(exam["exam_key"] for exam in requests.get(f"{address}api/exams", timeout=30).json()["exams"] if exam["exam_id"] == "sample-exam")
        body = {"exam_key": key, "origin": sample[1], "token": token}
        assert requests.post(f"{address}api/student/enter/page", json=body, timeout=30).ok
        children = demo.children()
        assert any("mongod" in child.name() for child in children)
        begun = time.monotonic()
        assert demo.end(signal.SIGINT) == 0
        assert time.monotonic() - begun < 30  # END_S twice, with room for a busy machine
    finally:
        demo.close()
    assert "Traceback" not in demo.said
    assert "nothing of it is left" in demo.said
    assert [child for child in children if child.is_running() and child.status() != psutil.STATUS_ZOMBIE] == []
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_told_to_end_while_it_starts_it_leaves_nothing_behind(tmp_path: Path, number: signal.Signals) -> None:
    demo = Demo(tmp_path)
    try:
        children = until(demo.children, what="the server's process")
        assert demo.end(number) == 0
    finally:
        demo.close()
    assert [child for child in children if child.is_running() and child.status() != psutil.STATUS_ZOMBIE] == []
    assert list(tmp_path.iterdir()) == []


def test_a_server_that_cannot_start_is_told_with_its_reason(tmp_path: Path) -> None:
    # What Python runs before anything else ends the server, and the server only.
    broken = tmp_path / "broken"
    broken.mkdir()
    (broken / "sitecustomize.py").write_text(
        "import sys\nif any(word.endswith('app.py') for word in sys.orig_argv):\n    raise SystemExit('no such thing today')\n"
    )
    folder = tmp_path / "temporary"
    folder.mkdir()
    demo = Demo(folder, PYTHONPATH=str(broken))
    try:
        assert demo.process.wait(WAIT_S) == 1
    finally:
        demo.close()
    assert "The demo's server has ended" in demo.said
    assert "no such thing today" in demo.said
    assert list(folder.iterdir()) == []


def test_no_setting_reaches_the_demos_server_from_outside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in Settings.model_fields:
        monkeypatch.setenv(name.upper(), "from outside")
    environment = DemoServer(tmp_path).environment()
    assert "from outside" not in environment.values()
    assert environment["FLASK_HOST"] == "127.0.0.1"
    folders = [environment[name] for name in ("DATA_DIR", "CLIPS_DIR", "TEMP_DIR", "LOG_DIR")]
    assert all(Path(folder).is_relative_to(tmp_path) for folder in folders)
