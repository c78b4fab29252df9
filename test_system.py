"""`python test_system.py`: what of this machine works for the server, and how to mend what doesn't. Needs no display and no running server.

Exit status 0 when all that is required works. Models, cameras, microphones and screen hooks are not required: the server runs without
them and says so. In an exam room or at a kiosk, `--devices` makes the devices of every station required too.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.metadata
import os
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from basics.readings import DeviceName, DeviceStateName, Frame, ScreenAct, Sound
    from settings.settings import Settings

ROOT = Path(__file__).resolve().parent
DEVICE_WAIT = 8  # seconds until a device that neither works nor says why counts as missing
SET_UP = "run ./setup.sh"
INSTALL = "run ./setup.sh, or: venv/bin/pip install -r requirements.lock, then venv/bin/pip install --no-deps -r requirements-nodeps.lock"

# Import name → name of its package, where it differs, and what to do when the import fails for want of a system library.
LIBRARIES: dict[str, tuple[str, str]] = {
    "flask": ("", INSTALL),
    "flask_socketio": ("flask-socketio", INSTALL),
    "socketio": ("python-socketio", INSTALL),
    "simple_websocket": ("simple-websocket", INSTALL),
    "pydantic_settings": ("pydantic-settings", INSTALL),
    "pymongo": ("", INSTALL),
    "numpy": ("", INSTALL),
    "cv2": ("opencv-python-headless", INSTALL),
    "detectors.runtime": ("onnxruntime", INSTALL),
    "kaldi_native_fbank": ("kaldi-native-fbank", INSTALL),
    "av": ("", INSTALL),
    "sounddevice": ("", f"{INSTALL}; if PortAudio is missing: sudo apt-get install libportaudio2"),
    "soundfile": ("", INSTALL),
    "psutil": ("", INSTALL),
}

State = Literal["ok", "missing", "off"]


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table. `off`: switched off by a setting. `mend` says what to do where it is missing."""

    part: str
    state: State
    detail: str
    mend: str = ""
    required: bool = True


def check_python() -> Iterator[Row]:
    """The interpreter's version."""
    version = ".".join(map(str, sys.version_info[:3]))
    good = (3, 10) <= sys.version_info[:2] <= (3, 14)
    yield Row(
        "Python",
        "ok" if good else "missing",
        version,
        "" if good else "use Python 3.10 to 3.14: remove venv/, ./setup.sh",
    )


def check_libraries() -> Iterator[Row]:
    """Each library is really imported."""
    for name, (package, mend) in LIBRARIES.items():
        try:
            importlib.import_module(name)
            yield Row(f"library {package or name}", "ok", importlib.metadata.version(package or name))
        except Exception as error:  # an OSError for a missing system library, and whatever a broken package raises
            yield Row(f"library {package or name}", "missing", _first_line(error), mend)
    script = ROOT / "static" / "vendor" / "socket.io.esm.min.js"
    there = script.is_file() and script.stat().st_size > 0
    yield Row(
        "browser library socket.io", "ok" if there else "missing", "static/vendor/socket.io.esm.min.js", "" if there else f"{SET_UP} (needs npm)"
    )


def check_settings() -> tuple[Row, Settings | None]:
    """`.env` and the environment."""
    try:
        from settings.settings import load_settings

        return Row("settings", "ok", ".env" if (ROOT / ".env").is_file() else "defaults, there is no .env"), load_settings()
    except Exception as error:  # also an ImportError where packages are missing
        return Row(
            "settings", "missing", _first_line(error), "correct this value in .env or the environment; .env.example says what is allowed"
        ), None


def check_folders(settings: Settings) -> Iterator[Row]:
    """The folders that are written to, by writing."""
    for name in ("data_dir", "clips_dir", "identity_dir", "temp_dir", "log_dir"):
        folder: Path = getattr(settings, name)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=folder) as file:
                file.write(b"0" * 65_536)
            yield Row(f"folder {name.upper()}", "ok", str(folder))
        except OSError as error:
            yield Row(
                f"folder {name.upper()}", "missing", _first_line(error), f"let this user write to {folder}, or set {name.upper()} to another folder"
            )


def check_models(settings: Settings) -> Iterator[Row]:
    """Each model runs once."""
    yield _tried("gaze (FaceMesh)", lambda: _try_gaze(settings), INSTALL)
    yield _tried("speech (Silero)", _try_speech, INSTALL)
    from detectors.model_files import MODELS, find_models, unusable

    files = find_models(settings)
    for model in MODELS:
        path: Path | None = getattr(files, model.name)
        part = f"model for {model.purpose}"
        if model.name == "yolo" and settings.detector_backend == "facemesh":
            yield Row(part, "off", f"DETECTOR_BACKEND=facemesh: {model.without}", required=False)
        elif path is None:
            yield Row(
                part,
                "missing",
                f"without it {model.without}",
                "./setup.sh --models, or put the file into MODELS_DIR; YOLO_WEIGHTS may name weights",
                False,
            )
        elif path.suffix == ".pt":
            yield Row(part, "ok", f"{path} (run by ultralytics)", required=False)
        else:
            reason = unusable(model, path, known=False)
            yield Row(part, "missing" if reason else "ok", reason or str(path), f"delete {path} and run ./setup.sh" if reason else "", required=False)


def _try_gaze(settings: Settings) -> str:
    import numpy as np

    from detectors.face_backends import open_face_models
    from detectors.model_files import face_backend
    from gaze_direction import GazeDetector

    why = face_backend(settings)[1] or f"GAZE_BACKEND={settings.gaze_backend}"
    models = open_face_models(settings)
    detector = GazeDetector(settings, models=models)
    try:
        direction = detector.read(np.zeros((240, 320, 3), np.uint8), 0.0).direction
    finally:
        detector.close()
    name = {"litert": "LiteRT", "mediapipe": "MediaPipe's graph"}[models.backend]
    return f"a black picture reads as {direction}, by {name} ({why})"


def _try_speech() -> str:
    import numpy as np

    from detectors.runtime import open_model
    from detectors.sound_models import BLOCK, PAST, SpeechModel, silero_path

    (probability,) = SpeechModel(open_model(silero_path())).read(np.zeros((1, PAST + BLOCK), np.float32))
    return f"silence reads as {probability:.3f}"


def check_database(settings: Settings) -> Row:
    """The embedded mongod is really started, in a folder of its own; any other is asked."""
    import pymongo

    uri = settings.mongo_uri.get_secret_value()
    if uri != "embedded":
        mend = "check MONGO_URI (address, user, password), that the server runs, and that its firewall lets this machine in"
        return _tried("database (MONGO_URI)", lambda: _ping(pymongo, uri, settings.mongo_timeout_s), mend)
    return _tried(
        "database (embedded mongod)", lambda: _start_mongod(pymongo), "needs libcurl4 and OpenSSL 3; or set MONGO_URI to a MongoDB of your own"
    )


def _start_mongod(pymongo: Any) -> str:
    from storage.mongod import EmbeddedMongod

    with tempfile.TemporaryDirectory() as folder:
        server = EmbeddedMongod(Path(folder))
        try:
            return f"started, {_ping(pymongo, server.start(), 10)}"
        finally:
            server.stop()


def _ping(pymongo: Any, uri: str, timeout: float) -> str:
    with pymongo.MongoClient(uri, serverSelectionTimeoutMS=int(timeout * 1000), connectTimeoutMS=int(timeout * 1000)) as client:
        client.admin.command("ping")
        return f"MongoDB {client.server_info()['version']} answers"


def check_encoder() -> Row:
    """One second of H.264 and AAC is encoded and read again."""
    return _tried("video encoder (H.264, AAC)", _encode_a_second, INSTALL)


def _encode_a_second() -> str:
    import av
    import numpy as np

    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder) / "second.mp4")
        with av.open(path, "w", options={"movflags": "faststart"}) as out:
            video: Any = out.add_stream("libx264", rate=10, options={"preset": "superfast", "threads": "1"})
            video.width, video.height, video.pix_fmt = 320, 240, "yuv420p"
            sound: Any = out.add_stream("aac", rate=16_000, layout="mono")
            for number in range(10):
                picture = av.VideoFrame.from_ndarray(np.full((240, 320, 3), number * 20, np.uint8), format="bgr24")
                picture.pts, picture.time_base = number, Fraction(1, 10)
                out.mux(video.encode(picture))
            wave = av.AudioFrame.from_ndarray(np.zeros((1, 16_000), np.int16), format="s16", layout="mono")
            wave.sample_rate, wave.pts, wave.time_base = 16_000, 0, Fraction(1, 16_000)
            for stream, frame in ((sound, wave), (sound, None), (video, None)):
                out.mux(stream.encode(frame))
        with av.open(path) as made:
            pictures = sum(1 for _ in made.decode(video=0))
        with av.open(path) as made:
            samples = sum(frame.samples for frame in made.decode(audio=0))
    if pictures != 10 or samples < 16_000:
        raise ValueError(f"read {pictures} of 10 pictures and {samples} of 16000 samples again")
    return "1 s encoded and read again"


class _Watcher:
    """Listens to one station until each of its devices works or says why not."""

    def __init__(self) -> None:
        self.states: dict[str, tuple[str, str]] = {}
        self.settled = threading.Event()

    def take_frame(self, frame: Frame) -> None: ...
    def take_sound(self, sound: Sound) -> None: ...
    def take_acts(self, acts: list[ScreenAct]) -> None: ...

    def device_state(self, device: DeviceName, state: DeviceStateName, reason: str) -> None:
        if state != "starting":
            self.states[device] = (state, reason)
        if {"camera", "microphone", "screen"} <= self.states.keys():
            self.settled.set()


def check_devices(settings: Settings, required: bool) -> Iterator[Row]:
    """Each station's camera, microphone and screen hooks, opened by the server's own code."""
    from sessions.sources import Stations

    stations = Stations(settings)
    mends = {
        "camera": "not needed where students use their own browser: CAMERA=none, DEFAULT_SOURCE=browser",
        "microphone": "python -m sounddevice lists them; not needed where students use their own browser: MICROPHONE=none",
        "screen": "log in to a desktop session; on macOS allow Input Monitoring; on a server: SCREEN_HOOKS=false",
    }
    try:
        for name in stations.names():
            watcher = _Watcher()
            stations.attach(name, watcher)
            watcher.settled.wait(DEVICE_WAIT)
            stations.detach(name, watcher)
            for device, mend in mends.items():
                state, reason = watcher.states.get(device, ("missing", f"no answer within {DEVICE_WAIT} s"))
                part = f"{'screen hooks' if device == 'screen' else device} ({name})"
                unheard = device == "screen" and name == stations.names()[0] and settings.screen_hooks  # wanted, and there is no display
                if state == "off" and not unheard:
                    yield Row(part, "off", reason or "switched off by a setting", required=False)
                elif state in ("ok", "ended"):
                    yield Row(part, "ok", reason or "works", required=required)
                else:
                    yield Row(part, "missing", reason, mend, required)
    finally:
        stations.close()


def _tried(part: str, action: Callable[[], str], mend: str, required: bool = True) -> Row:
    try:
        return Row(part, "ok", action(), required=required)
    except Exception as error:  # whatever it is, the table has to show it
        return Row(part, "missing", _first_line(error), mend, required)


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return lines[0][:200] if lines else type(error).__name__


def table(rows: Sequence[Row]) -> str:
    """The rows as text: what is missing with its mend below it; `needed` marks what the server can't do without."""
    width = max(len(row.part) for row in rows)
    lines = []
    for row in rows:
        word = row.state if row.state != "missing" or row.required else "missing (not required)"
        lines.append(f"{row.part:<{width}}  {word:<8}  {row.detail}".rstrip())
        if row.mend:
            lines.append(f"{'':<{width}}  {'':<8}  → {row.mend}")
    lost = [row.part for row in rows if row.state == "missing" and row.required]
    optional = sum(1 for row in rows if row.state == "missing" and not row.required)
    lines.append("")
    lines.append(f"Missing and required: {', '.join(lost)}." if lost else "All that is required works.")
    if optional:
        lines.append(f"{optional} part{'s' if optional > 1 else ''} that the server can run without {'are' if optional > 1 else 'is'} missing.")
    return "\n".join(lines)


def all_rows(devices_required: bool) -> Iterator[Row]:
    """Every row, as it is found out."""
    yield from check_python()
    yield from check_libraries()
    row, settings = check_settings()
    yield row
    if settings is None:
        return
    yield from check_folders(settings)
    yield from check_open_files(settings)
    checks: tuple[tuple[str, Callable[[], Iterator[Row]]], ...] = (
        ("models", lambda: check_models(settings)),
        ("database", lambda: iter([check_database(settings)])),
        ("video encoder", lambda: iter([check_encoder()])),
        ("devices", lambda: check_devices(settings, devices_required)),
    )
    for part, check in checks:
        try:
            yield from check()
        except Exception as error:  # a library that is missing above; the other checks still run
            yield Row(part, "missing", _first_line(error), "mend the libraries above first")


def check_open_files(settings: Settings) -> Iterator[Row]:
    """How many files and connections may be open at once."""
    from web.open_files import raise_open_files_limit, too_few_open_files

    limit = raise_open_files_limit()
    low = too_few_open_files(settings.max_sessions, limit)
    yield Row("open files", "missing" if low else "ok", f"{limit}, for MAX_SESSIONS={settings.max_sessions}", low)


@contextmanager
def _quiet_libraries() -> Iterator[None]:
    """Nothing on stderr: MediaPipe, FFmpeg and ALSA write their remarks there from C++, past Python's own stream."""
    sys.stderr.flush()
    kept = os.dup(2)
    with open(os.devnull, "wb") as nothing:
        os.dup2(nothing.fileno(), 2)
    try:
        yield
    finally:
        sys.stderr.flush()
        os.dup2(kept, 2)
        os.close(kept)


def main(arguments: Sequence[str]) -> int:
    """Print the table; 0 if all that is required works, else 1."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--devices", action="store_true", help="camera, microphone and screen hooks of every station are required too")
    options = parser.parse_args(arguments)
    os.chdir(ROOT)  # settings name folders relative to it
    os.environ.setdefault("OPENCV_LOG_LEVEL", "ERROR")
    os.environ.setdefault("GLOG_minloglevel", "2")
    rows: list[Row] = []
    live = sys.stdout.isatty()
    with _quiet_libraries():
        for row in all_rows(options.devices):
            rows.append(row)
            if live:
                print(f"\r\x1b[Kchecked {row.part}", end="", flush=True)
    if live:
        print("\r\x1b[K", end="")
    print(table(rows))
    return 1 if any(row.state == "missing" and row.required for row in rows) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
