"""One local camera: an index, a video file played in real time, or a URL; JPEG pictures out, at most 640×480, at `VIDEO_FPS`.

Cameras of this machine are read through OpenCV, files and streams through PyAV: OpenCV opens streams one at a time in the whole process, so
that one address that does not answer would keep every other camera from opening.
"""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Protocol

import av
import cv2
import numpy as np
import numpy.typing as npt

from basics.errors import DeviceError
from basics.readings import DeviceStateName, Frame
from basics.texts import _
from devices.reader import READ_LIMIT, Clock, DeviceReader, OnState, Run, StartLine, shown

WIDTH, HEIGHT = 640, 480  # pixels; larger pictures are made smaller, the detectors were measured at this size
JPEG_QUALITY = 80
STREAM_OPEN = 5.0  # s FFmpeg may take to open a stream
STREAM_READ = 2.5  # s FFmpeg may wait for data: less than READ_LIMIT, so that it gives up cleanly before the watch gives it up
LATE_MOST = 1.0  # s a played file may be behind its clock before pictures are skipped
LINUX: bool = sys.platform == "linux"
EARLY = 0.25  # share of the period by which a picture may come early and still be taken: cameras jitter

Image = npt.NDArray[np.uint8]


class Pace:
    """Picks `fps` pictures a second out of a faster stream, evenly on average."""

    def __init__(self, fps: float) -> None:
        self._period = 1 / fps
        self._next: float | None = None

    def due(self, at: float) -> bool:
        """Whether the picture of time `at` is to be taken."""
        if self._next is None:
            self._next = at
        if at < self._next - EARLY * self._period:
            return False
        self._next = max(self._next + self._period, at + self._period / 2)
        return True


class Capture(Protocol):
    """An open camera. `finite`: a recording, which has times of its own and an end."""

    finite: bool

    def grab(self) -> float | None:
        """Wait for the next picture: its time in seconds since the first where `finite`, else any; None at the end or when there is none."""

    def image(self) -> Image | None:
        """The picture grabbed, uint8 `[h, w, 3]` BGR."""

    def close(self) -> None: ...


class NodeCapture:
    """A camera of this machine."""

    finite = False

    def __init__(self, video: Any, name: str) -> None:
        if not video.isOpened():
            video.release()
            raise DeviceError(_("%(name)s can't be opened; another program may be using it", name=name))
        video.set(cv2.CAP_PROP_FRAME_WIDTH, WIDTH)
        video.set(cv2.CAP_PROP_FRAME_HEIGHT, HEIGHT)
        self._video = video

    def grab(self) -> float | None:
        return 0.0 if self._video.grab() else None

    def image(self) -> Image | None:
        image: Image | None = self._video.retrieve()[1]
        return image

    def close(self) -> None:
        self._video.release()


class StreamCapture:
    """A video file, a stream on the network or a pipe."""

    def __init__(self, address: str, label: str, *, finite: bool | None = None) -> None:
        options = {"rtsp_flags": "prefer_tcp"} if address.startswith("rtsp") else {}
        try:
            self._container = av.open(address, timeout=(STREAM_OPEN, STREAM_READ), options=options)
        except (av.FFmpegError, OSError, ValueError) as error:
            raise DeviceError(
                _("%(label)s can't be read as video (%(error)s); check the file or address", label=label, error=_cause(error))
            ) from None
        if not self._container.streams.video:
            self._container.close()
            raise DeviceError(_("%(label)s holds no pictures; name a video", label=label))
        self._stream = self._container.streams.video[0]
        self._stream.thread_count = 1  # the workers are the parallelism
        self.finite = finite if finite is not None else bool(self._container.duration and self._container.duration > 0)
        self._pictures = self._decoded()
        self._picture: av.VideoFrame | None = None
        self._first: float | None = None
        self._time = 0.0

    def _decoded(self) -> Iterator[av.VideoFrame]:
        for packet in self._container.demux(self._stream):
            try:
                yield from packet.decode()
            except av.InvalidDataError:
                continue  # a damaged packet costs its own picture only

    def grab(self) -> float | None:
        try:
            self._picture = next(self._pictures, None)
        except (av.FFmpegError, OSError):
            self._picture = None  # the connection broke, or gave nothing for STREAM_READ
        if self._picture is None:
            return None
        if self._picture.pts is None:  # a format without times: its nominal rate
            self._time += float(1 / (self._stream.average_rate or 25))
            return self._time
        time = self._picture.time
        if self._first is None:
            self._first = time
        self._time = max(self._time, time - self._first)
        return self._time

    def image(self) -> Image | None:
        if self._picture is None:
            return None
        image = self._picture.to_ndarray(format="bgr24")
        return np.ascontiguousarray(np.rot90(image, round(self._picture.rotation / 90))).astype(np.uint8, copy=False)

    def close(self) -> None:
        self._container.close()


class CameraReader(DeviceReader[Capture]):
    """Reads one camera and hands each picture on as `Frame` with `at` on the clock. `start_line` is where files start together."""

    device = "camera"

    def __init__(
        self,
        spec: str,
        *,
        fps: float,
        retry_s: float,
        clock: Clock,
        start_line: StartLine,
        on_frame: Callable[[Frame], None],
        on_state: OnState,
    ) -> None:
        super().__init__(label=shown(spec), retry_s=retry_s, on_state=on_state, clock=clock)
        self._spec = spec
        self._fps = fps
        self._start_line: StartLine | None = start_line if is_file(spec) else None
        self._on_frame = on_frame
        self._sequence = 0

    def _open(self, run: Run) -> Capture:
        cv2.setNumThreads(1)  # the workers are the parallelism
        try:
            return _open_capture(self._spec, self.label)
        except DeviceError:
            if self._start_line:
                self._start_line.arrive()
                self._start_line = None
            raise

    def _read(self, run: Run, source: Capture) -> tuple[DeviceStateName, str]:
        return self._play(run, source) if source.finite else self._follow(run, source)

    def _follow(self, run: Run, capture: Capture) -> tuple[DeviceStateName, str]:
        """Take pictures as they come. Every one is grabbed, so that the driver's queue stays empty and the picture is of now."""
        pace = Pace(self._fps)
        while not run.stop.is_set():
            with run.limited(READ_LIMIT):
                grabbed = capture.grab() is not None
            at = self._clock()
            if grabbed and not pace.due(at):
                continue
            with run.limited(READ_LIMIT):
                image = capture.image() if grabbed else None
            if image is None:
                raise DeviceError(_("camera %(label)s stopped delivering pictures; check its cable or network", label=self.label))
            self._hand_on(run, at, encode(image))
        return "off", ""

    def _play(self, run: Run, capture: Capture) -> tuple[DeviceStateName, str]:
        """Play a recording by its own times. `at` is exactly the start plus the picture's time."""
        pace = Pace(self._fps)
        with run.limited(READ_LIMIT):
            time = capture.grab()
        if time is None:
            self._common_start()
            raise DeviceError(_("%(label)s holds no picture that can be read; name a video file", label=self.label))
        zero = self._common_start()
        while time is not None and not run.stop.is_set():
            if pace.due(time) and self._clock() - (zero + time) < LATE_MOST and (image := capture.image()) is not None:
                data = encode(image)
                if not run.sleep_until(zero + time):
                    break
                self._hand_on(run, zero + time, data)
            with run.limited(READ_LIMIT):
                time = capture.grab()
        return "ended", "the file has ended"

    def _common_start(self) -> float:
        line, self._start_line = self._start_line, None
        if line is None:
            return self._clock()
        line.arrive()
        return line.zero()

    def _hand_on(self, run: Run, at: float, data: bytes) -> None:
        if run.stop.is_set():
            return
        self._works(run)
        self._sequence += 1
        self._on_frame(Frame(at=at, data=data, sequence=self._sequence))


def is_file(spec: str) -> bool:
    """Whether `spec` names a file (there or not), not an index, a URL or a device node."""
    if spec.isdecimal() or "://" in spec:
        return False
    path = Path(spec)
    return path.is_file() or not path.exists()


def encode(image: Image) -> bytes:
    """The picture (uint8 `[h, w]` or `[h, w, 3]` BGR) as JPEG, at most 640×480 with its aspect ratio kept."""
    height, width = image.shape[:2]
    scale = min(WIDTH / width, HEIGHT / height)
    if scale < 1:
        size = (max(1, round(width * scale)), max(1, round(height * scale)))
        image = np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)
    done, data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
    if not done:
        raise DeviceError(_("a picture of %(width)s×%(height)s can't be encoded as JPEG", width=width, height=height))
    return data.tobytes()


def _open_capture(spec: str, label: str) -> Capture:
    if spec.isdecimal():
        return _open_index(int(spec))
    if "://" in spec:
        return StreamCapture(spec, label)
    return _open_path(Path(spec), label)


def _open_path(path: Path, label: str) -> Capture:
    try:
        mode = path.stat().st_mode
    except OSError as error:
        raise DeviceError(
            _(
                "there is no video file %(label)s (%(strerror)s); correct the path, or name a camera by its index",
                label=label,
                strerror=error.strerror,
            )
        ) from None
    if stat.S_ISCHR(mode):
        return _open_node(path)
    if stat.S_ISDIR(mode):
        raise DeviceError(_("%(label)s is a folder; name a video file", label=label))
    if not os.access(path, os.R_OK):
        raise DeviceError(_("%(label)s may not be read by this user; change its permissions", label=label), state="denied")
    return StreamCapture(str(path), label, finite=stat.S_ISREG(mode))


def _open_index(index: int) -> Capture:
    if LINUX:
        # Looked at first: OpenCV would try every backend and print to stderr at each attempt.
        node = Path(f"/dev/video{index}")
        if not node.exists():
            raise DeviceError(
                _(
                    "there is no camera %(index)s (%(node)s); plug one in, or set CAMERA to another index, a file, a URL or none",
                    index=index,
                    node=node,
                )
            )
        return _open_node(node)
    return NodeCapture(cv2.VideoCapture(index), f"camera {index}")


def _open_node(node: Path) -> Capture:
    if not os.access(node, os.R_OK | os.W_OK):
        raise DeviceError(_("%(node)s may not be opened by this user; add the user to the group video", node=node), state="denied")
    return NodeCapture(cv2.VideoCapture(str(node), cv2.CAP_V4L2), str(node))


def _cause(error: Exception) -> str:
    """FFmpeg's own words without the address, which may hold a password."""
    if isinstance(error, av.ExitError):
        return f"no answer within {STREAM_OPEN:g} s"
    return getattr(error, "strerror", None) or type(error).__name__
