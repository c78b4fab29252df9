"""Cameras that are streams and pipes: lost, hanging, refusing, back again."""

from __future__ import annotations

import http.server
import logging
import os
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from itertools import groupby
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from devices.reader import READ_LIMIT
from sessions.sources import WATCH_S
from tests.helpers.stations import WAIT, Listener, Open, release_readers
from tests.helpers.waiting import free_port


class Streams(http.server.ThreadingHTTPServer):
    """A network camera: MJPEG over HTTP, while `running`."""

    daemon_threads = True

    def __init__(self) -> None:
        self.running = threading.Event()
        self.running.set()
        super().__init__(("127.0.0.1", 0), StreamPage)
        self.url = f"http://operator:secret@127.0.0.1:{self.server_address[1]}/stream"


class StreamPage(http.server.BaseHTTPRequestHandler):
    """Sends pictures of 1280×960, thirty a second."""

    def do_GET(self) -> None:
        server = self.server
        assert isinstance(server, Streams)
        if not server.running.is_set():
            self.send_error(503)
            return
        picture = cv2.imencode(".jpg", np.full((960, 1280, 3), 90, np.uint8))[1].tobytes()
        self.send_response(200)
        self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=frame")
        self.end_headers()
        try:
            while server.running.is_set():
                self.wfile.write(b"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n%s\r\n" % (len(picture), picture))
                threading.Event().wait(1 / 30)
        except OSError:
            pass  # the camera's viewer has left

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


@pytest.fixture
def streams() -> Iterator[Streams]:
    with Streams() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        yield server
        server.running.clear()
        server.shutdown()
        thread.join()


def test_a_network_camera_is_lost_and_comes_back_and_its_password_stays_secret(
    opened: Open, streams: Streams, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    stations, listener = opened(camera=streams.url), Listener()
    before = time.monotonic()
    stations.attach("default", listener)
    listener.until(lambda: len(listener.frames) >= 12)
    came = list(listener.frames)  # more come meanwhile
    picture = np.asarray(cv2.imdecode(np.frombuffer(came[0].data, np.uint8), cv2.IMREAD_COLOR))
    assert picture.shape == (480, 640, 3), "made smaller, aspect ratio kept"
    assert all(before < frame.at <= arrival for frame, arrival in zip(came, listener.arrivals, strict=False))
    assert came[-1].at - came[0].at > 0.8 * (len(came) - 1) / 10, "thirty a second are sampled down to ten"

    streams.running.clear()
    listener.until_state("camera", "lost")
    streams.running.set()
    frames = len(listener.frames)
    listener.until_state("camera", "ok")
    listener.until(lambda: len(listener.frames) > frames)
    assert "secret" not in str(listener.states) + str(stations.states()) + caplog.text


def test_a_camera_whose_read_hangs_is_noticed_and_recovers(opened: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A pipe is the one camera that makes a read hang for ever without special hardware: no timeout reaches it."""
    assert READ_LIMIT + WATCH_S < 5, "it must be noticed within 5 s"
    monkeypatch.setattr("devices.camera.READ_LIMIT", READ_LIMIT)
    pipe = tmp_path / "camera"
    os.mkfifo(pipe)
    # Noise: FFmpeg wants megabytes before it says what a pipe carries.
    picture = cv2.imencode(".jpg", np.random.default_rng(5).integers(0, 256, (480, 640, 3), np.uint8))[1].tobytes()
    stations, listener = opened(camera=pipe), Listener()

    def feed(frames: int, leave: threading.Event) -> None:
        """Send pictures until so many have come through, then fall silent, and end when told."""
        while len(listener.frames) < frames:
            with suppress(BrokenPipeError), pipe.open("wb", buffering=0) as camera:
                while len(listener.frames) < frames:
                    camera.write(picture)
                leave.wait(WAIT)

    leave = threading.Event()
    feeder = threading.Thread(target=feed, args=(3, leave), daemon=True)
    feeder.start()
    stations.attach("default", listener)
    listener.until(lambda: len(listener.frames) >= 3)
    assert "does not answer" in listener.until_state("camera", "lost")

    leave.set()  # the hanging read comes back; its thread was given up and must not speak again
    feeder.join()
    leave.clear()
    again = threading.Thread(target=feed, args=(len(listener.frames) + 3, leave), daemon=True)
    again.start()
    listener.until(lambda: [state for state, _ in groupby(listener.story("camera"))][:4] == ["starting", "ok", "lost", "ok"])
    leave.set()
    again.join()
    stations.detach("default", listener)
    release_readers(pipe)  # it may have opened the pipe again meanwhile


def test_a_camera_that_is_not_there_is_missing_and_the_reason_says_what_to_do(opened: Open) -> None:
    stations, listener = opened(camera="87"), Listener()
    stations.attach("default", listener)
    reason = listener.until_state("camera", "missing")
    assert "87" in reason
    assert "CAMERA" in reason


def test_a_network_camera_that_refuses_is_missing_with_its_cause_and_without_its_password(opened: Open) -> None:
    port = free_port()
    stations, listener = opened(camera=f"rtsp://operator:secret@127.0.0.1:{port}/live"), Listener()
    stations.attach("default", listener)
    reason = listener.until_state("camera", "missing")
    assert "refused" in reason
    assert f"127.0.0.1:{port}" in reason
    assert "secret" not in reason
