"""Nothing leaves: every model and library runs under a watch of its connections, and so does the server while it starts and is asked.

The watch sees system calls, so whatever a library does in C++, in threads and in children, too. Loopback is allowed (database, page), nothing else.
"""

from __future__ import annotations

import ipaddress
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import requests

from basics.paths import ROOT
from detectors.runtime import lite_missing
from settings.settings import Settings

ADDRESS = re.compile(r'(?:inet_addr\("|inet_pton\(AF_INET6, ")([^"]+)"')
CALLS = "connect,sendto,sendmsg,sendmmsg"

# Reads with every model as the server does, and with MediaPipe where it is installed.
READ = """
import importlib.util, pathlib, sys
import numpy as np
from basics.readings import Sound
from detectors.face_backends import open_face_models
from detectors.model_files import MODELS, find_models, unusable
from gaze_direction import GazeDetector
from sessions.models import Models
from settings.settings import Settings

settings = Settings.model_validate({"models_dir": sys.argv[1]})
picture = np.random.default_rng(0).integers(0, 256, (480, 640, 3), np.uint8)
files = find_models(settings)
for model in MODELS:
    path = getattr(files, model.name)
    assert path is None or not unusable(model, path, known=False), model.file
models = Models()
models.load(settings)
models.persons.look(picture, 0.0, GazeDetector(settings, finder=models.faces, models=models.face_models).read(picture, 0.0))
sound = models.audio_detector()
for second in range(4):
    sound.take(Sound(float(second), np.random.default_rng(second).normal(0, 3000, 16_000).astype(np.int16)))
sound.finish()
assert "mediapipe" not in sys.modules
if importlib.util.find_spec("mediapipe"):
    GazeDetector(settings, models=open_face_models(settings.model_copy(update={"gaze_backend": "mediapipe"}))).read(picture, 0.0)
"""


@pytest.fixture(scope="module")
def watch() -> list[str]:
    """The command in front of a watched one."""
    command = ["strace", "-f", "-qq", "-e", f"trace={CALLS}", "-e", "signal=none"]
    if shutil.which("strace") is None or subprocess.run([*command, "true"], capture_output=True, check=False).returncode:
        pytest.skip("needs strace, and the right to watch a process")
    quick = [*command, "--seccomp-bpf"]  # stops the watched one at these calls only
    return command if subprocess.run([*quick, "true"], capture_output=True, check=False).returncode else quick


def strangers(seen: Path) -> list[str]:
    """Lines of a watch that name an address which isn't this machine's own."""
    lines = seen.read_text(encoding="utf-8", errors="replace").splitlines()
    return [line for line in lines if any(not ipaddress.ip_address(address).is_loopback for address in ADDRESS.findall(line))]


def test_the_watch_sees_a_word_to_somebody_else(watch: list[str], tmp_path: Path) -> None:
    seen = tmp_path / "seen"
    code = "import socket, threading; t = threading.Thread(target=lambda: socket.socket(type=socket.SOCK_DGRAM).sendto(b'x', ('127.0.0.1', 9)));"
    subprocess.run([*watch, "-o", str(seen), sys.executable, "-c", f"{code} t.start(); t.join()"], check=True, timeout=60)
    assert "127.0.0.1" in seen.read_text()
    assert strangers(seen) == []
    subprocess.run([*watch, "-o", str(seen), sys.executable, "-c", f"{code.replace('127.0.0.1', '192.0.2.1')} t.start(); t.join()"], check=False)
    assert len(strangers(seen)) == 1


@pytest.mark.skipif(bool(lite_missing()), reason="needs LiteRT")
def test_no_model_and_no_library_speaks_to_anybody(watch: list[str], models_dir: Path, tmp_path: Path) -> None:
    seen = tmp_path / "seen"
    done = subprocess.run(
        [*watch, "-o", str(seen), sys.executable, "-c", READ, str(models_dir)], cwd=ROOT, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    assert strangers(seen) == []


def test_the_server_speaks_to_its_database_only_and_loads_no_mediapipe(watch: list[str], models_dir: Path, tmp_path: Path) -> None:
    ours = {name.upper() for name in Settings.model_fields}
    environment = {name: value for name, value in os.environ.items() if name.upper() not in ours}
    environment |= {name: str(tmp_path / name.lower()) for name in ("DATA_DIR", "CLIPS_DIR", "TEMP_DIR", "LOG_DIR")}
    environment |= {"CAMERA": "none", "MICROPHONE": "none", "SCREEN_HOOKS": "false", "MODELS_DIR": str(models_dir.resolve()), "PYTHONPATH": str(ROOT)}
    seen = tmp_path / "seen"
    server = subprocess.Popen(
        [*watch, "-o", str(seen), sys.executable, str(ROOT / "app.py"), "--next-free-port"],
        cwd=tmp_path,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert server.stdout is not None
    try:
        said = ""
        for line in server.stdout:
            said += line
            if "Ctrl+C" in line:
                break
        place = re.search(r"http://localhost:(\d+)/", said)
        assert place, said
        assert requests.get(f"http://127.0.0.1:{place[1]}/api/health", timeout=60).ok
        children = Path(f"/proc/{server.pid}/task/{server.pid}/children").read_text().split()
        mapped = Path(f"/proc/{children[0]}/maps").read_text()
        assert "onnxruntime" in mapped
        assert "mediapipe" not in mapped
        os.kill(int(children[0]), signal.SIGTERM)
    finally:
        server.wait(60)
        server.stdout.close()
    assert strangers(seen) == []
    assert "127.0.0.1" in seen.read_text()
