"""Clips: pictures and sound in, MP4 out. One encoder at low priority; a file with a final name is whole."""

from __future__ import annotations

import contextlib
import hashlib
import logging
import os
import queue
import re
import secrets
import sys
import threading
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from datetime import datetime
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import numpy.typing as npt

from basics.errors import ProctorError
from basics.readings import SAMPLE_RATE, Frame, Sound
from media.h264 import playable
from media.pictures import PictureDecoder
from media.remux import CopiedTrack, can_copy
from media.ring import join_sound

log = logging.getLogger(__name__)

PRESET = "superfast"  # 59 CPU-ms a second of clip and a quarter of ultrafast's bytes (640×480, 10 a second, crf 28)
TIME_BASE = Fraction(1, 1000)
AAC_BIT_RATE = 48_000
CLIP_MAX_PIXELS = 50_000_000  # MAX_PICTURE_PIXELS' highest value: what is in the ring was let in under it
FOLDER_MAX_BYTES = 120  # a name of 128 letters may take 512 bytes, and file systems end at 255
RESERVED = re.compile(r"^(con|prn|aux|nul|com\d|lpt\d)(\.|$)", re.IGNORECASE)
RETRY_AFTER_S = (1.0, 5.0, 20.0)  # a disk that is full or away is tried again this often


@dataclass(frozen=True, slots=True)
class ClipJob:
    """What a clip is made of. `start`, `end` are on the session's clock; `interval_started_at` is UTC and names the file."""

    session_id: str
    user_id: str
    index: int
    interval_started_at: datetime
    score: int
    start: float
    end: float
    frames: list[Frame]
    sounds: list[Sound]
    marks: list[list[Any]] = field(default_factory=list)

    @property
    def nbytes(self) -> int:
        """Bytes of the pictures and the sound."""
        return sum(len(frame.data) for frame in self.frames) + sum(sound.samples.nbytes for sound in self.sounds)


@dataclass(frozen=True, slots=True)
class Clip:
    """What became of a clip, as it stands in its interval's record. `start` is where it begins on the session's clock."""

    state: str
    path: str = ""
    sha256: str = ""
    duration: float = 0.0
    size_bytes: int = 0
    reason: str = ""
    start: float = 0.0
    marks: list[list[Any]] = field(default_factory=list)

    def to_dict(self) -> dict[str, Any]:
        """For storage and answers."""
        return asdict(self)


class Recorder:
    """Encodes clips one after the other, in a thread of its own."""

    def __init__(self, clips_dir: Path, temp_dir: Path, *, crf: int = 28, max_waiting_bytes: int = 512 << 20) -> None:
        self.clips_dir = clips_dir
        self.temp_dir = temp_dir
        self._crf = crf
        self._max_waiting_bytes = max_waiting_bytes
        self._jobs: queue.Queue[tuple[ClipJob, Callable[[Clip], None]] | None] = queue.Queue()
        self._waiting_bytes = 0
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self.last_error = ""

    def start(self) -> None:
        """Make the folders, remove half clips of an earlier run and start the encoder."""
        self.clips_dir.mkdir(parents=True, exist_ok=True)
        self.temp_dir.mkdir(parents=True, exist_ok=True)
        for part in self.temp_dir.glob("*.part"):
            part.unlink(missing_ok=True)
        self._thread = threading.Thread(target=self._run, name="clip-encoder", daemon=True)
        self._thread.start()

    def stop(self, timeout: float = 30.0) -> None:
        """Encode what waits, for at most `timeout` seconds, then end."""
        if self._thread is None:
            return
        self._jobs.put(None)
        self._thread.join(timeout)
        self._stopping.set()
        self._thread.join(5)
        self._thread = None

    def submit(self, job: ClipJob, done: Callable[[Clip], None]) -> None:
        """Queue a clip. `done` is called from the encoder's thread with what became of it, or at once when there is no room."""
        size = job.nbytes
        with self._lock:
            full = self._waiting_bytes + size > self._max_waiting_bytes
            if not full:
                self._waiting_bytes += size
        if full:
            waiting = self._waiting_bytes >> 20
            done(Clip("failed", reason=f"the encoder is behind ({waiting} MB wait); raise CLIP_QUEUE_MB or free a core", start=job.start))
            return
        self._jobs.put((job, done))

    def waiting(self) -> int:
        """How many clips wait."""
        return self._jobs.qsize()

    def make(self, job: ClipJob) -> Clip:
        """Make a clip now, in the caller's thread. Never raises: a clip that can't be made has state `failed` and the reason."""
        if not job.frames and not job.sounds:
            return Clip("failed", reason="no picture and no sound of this time was kept", start=job.start)
        part = self.temp_dir / f"{job.session_id}-{job.index}-{secrets.token_hex(4)}.part"
        try:
            start, duration = encode(job, part, self._crf)
            size, sha256 = part.stat().st_size, _sha256(part)
            final = self._publish(part, job)
        except (OSError, ValueError, av.error.FFmpegError) as error:
            part.unlink(missing_ok=True)
            return Clip("failed", reason=_reason(error, self.clips_dir), start=job.start)
        marks = [[kind, round(begin - start, 2), round(end - start, 2)] for kind, begin, end in job.marks]
        return Clip("ready", final.relative_to(self.clips_dir).as_posix(), sha256, round(duration, 3), size, "", start, marks)

    def _publish(self, part: Path, job: ClipJob) -> Path:
        """Give the finished file its final name, without ever replacing another."""
        folder = self.clips_dir / folder_name(job.user_id)
        folder.mkdir(parents=True, exist_ok=True)
        name = f"flagged_{job.interval_started_at:%Y-%m-%dT%H-%M-%S}_score{job.score}"
        for number in range(1, 1000):
            final = folder / (f"{name}.mp4" if number == 1 else f"{name}_{number}.mp4")
            try:
                final.touch(exist_ok=False)  # reserves the name; the rename below replaces our own empty file
            except FileExistsError:
                continue
            try:
                part.replace(final)
            except OSError:
                final.unlink(missing_ok=True)
                raise
            return final
        raise ValueError(f"a thousand clips are named {name}.mp4 in {folder}")

    def _run(self) -> None:
        _lower_priority()
        while True:
            item = self._jobs.get()
            if item is None:
                return
            job, done = item
            try:
                clip = self._make_with_patience(job)
                done(clip)
            except Exception:
                log.exception("clip of interval %d was lost", job.index, extra={"session_id": job.session_id})
            finally:
                with self._lock:
                    self._waiting_bytes -= job.nbytes
                del item, job, done

    def _make_with_patience(self, job: ClipJob) -> Clip:
        clip = self.make(job)
        for wait in RETRY_AFTER_S:
            if clip.state == "ready" or not clip.reason.startswith("disk:") or self._stopping.is_set():
                break
            log.warning("clip of interval %d: %s; trying again in %g s", job.index, clip.reason, wait, extra={"session_id": job.session_id})
            self.last_error = clip.reason
            self._stopping.wait(wait)
            clip = self.make(job)
        self.last_error = clip.reason
        if clip.state != "ready":
            log.error("clip of interval %d can't be made: %s", job.index, clip.reason, extra={"session_id": job.session_id})
        return clip


def encode(job: ClipJob, path: Path, crf: int) -> tuple[float, float]:
    """Write `job` as H.264 and AAC in MP4, index in front, with the pictures' own times. H.264 of one kind is copied, all else encoded.

    Return where the file begins on the session's clock and how long it is, in seconds. A picture that can't be decoded is left out.
    """
    frames = playable(job.frames)
    if not frames and not job.sounds:
        raise ValueError("the pictures of this time rest on one that was lost, and there is no sound")
    first = min([frame.at for frame in frames[:1]] + [max(job.start, sound.at) for sound in job.sounds[:1]])
    start = max(job.start, first)
    last = max([frame.at for frame in frames[-1:]] + [sound.at + sound.duration for sound in job.sounds[-1:]])
    end = min(job.end, last)
    with av.open(str(path), "w", format="mp4", options={"movflags": "faststart"}) as container:
        # Both tracks must be there before the first packet is written.
        video = CopiedTrack(container, frames[0]) if can_copy(frames) else _encoded_track(container, frames, crf)
        audio = container.add_stream("aac", rate=SAMPLE_RATE, layout="mono") if job.sounds else None
        if audio is not None:
            audio.bit_rate = AAC_BIT_RATE
            _encode_sound(container, audio, join_sound(job.sounds, start, end))
        if video is not None:
            for frame in frames:
                video.add(frame, start)
            video.finish()
        if video is None and audio is None:
            raise ValueError("none of the pictures can be decoded, and there is no sound")
    return start, max(0.0, end - start)


def _encoded_track(container: Any, frames: list[Frame], crf: int) -> _VideoTrack | None:
    """A track of the first picture's size; None when none can be decoded."""
    decoder = PictureDecoder(CLIP_MAX_PIXELS)
    shape = next((image.shape for frame in frames if (image := _decode(decoder, frame)) is not None), None)
    return _VideoTrack(container, crf, shape[1], shape[0]) if shape is not None else None


class _VideoTrack:
    """The picture track of one file, `width` × `height` pixels; pictures of other sizes are scaled."""

    def __init__(self, container: Any, crf: int, width: int, height: int) -> None:
        self._container = container
        self._decoder = PictureDecoder(CLIP_MAX_PIXELS)
        self._pts = -1
        self._stream = container.add_stream("libx264", rate=1000, options={"preset": PRESET, "crf": str(crf), "g": "50"})
        self._stream.width, self._stream.height = width // 2 * 2, height // 2 * 2
        self._stream.pix_fmt = "yuv420p"
        self._stream.codec_context.time_base = TIME_BASE
        self._stream.codec_context.thread_count = 1

    def add(self, frame: Frame, start: float) -> None:
        image = _decode(self._decoder, frame)
        if image is None:
            return
        width, height = self._stream.width, self._stream.height
        if image.shape[1] != width or image.shape[0] != height:
            image = np.asarray(cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA), np.uint8)
        picture = av.VideoFrame.from_ndarray(image, format="bgr24")
        pts = max(self._pts + 1, round((frame.at - start) / TIME_BASE))
        picture.pts, picture.time_base, self._pts = pts, TIME_BASE, pts
        self._container.mux(self._stream.encode(picture))

    def finish(self) -> None:
        self._container.mux(self._stream.encode(None))


def _encode_sound(container: Any, stream: Any, track: npt.NDArray[np.int16]) -> None:
    for begin in range(0, len(track), 1024):
        frame = av.AudioFrame.from_ndarray(track[None, begin : begin + 1024], format="s16", layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = SAMPLE_RATE, begin, Fraction(1, SAMPLE_RATE)
        container.mux(stream.encode(frame))
    container.mux(stream.encode(None))


def _decode(decoder: PictureDecoder, frame: Frame) -> npt.NDArray[np.uint8] | None:
    """The picture as uint8 [h, w, 3] BGR, or None when it can't be decoded."""
    try:
        return decoder.decode(frame)
    except ProctorError:
        return None


def folder_name(user_id: str) -> str:
    """A folder's name for a student's id on any file system: short enough, and no name with a meaning of its own."""
    name = f"{user_id}_" if RESERVED.match(user_id) or user_id.endswith((".", " ")) else user_id
    encoded = name.encode()
    if len(encoded) <= FOLDER_MAX_BYTES:
        return name
    digest = hashlib.sha256(encoded).hexdigest()[:12]
    return f"{encoded[: FOLDER_MAX_BYTES - 13].decode(errors='ignore')}-{digest}"


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest() if sys.version_info >= (3, 11) else hashlib.sha256(file.read()).hexdigest()


def _reason(error: Exception, folder: Path) -> str:
    if isinstance(error, OSError):
        return f"disk: {error.strerror or error} ({folder}); free some space or mend the folder's rights"
    return f"encoder: {error}"


def _lower_priority() -> None:
    """Clips may wait; pictures may not. Linux knows priorities of single threads."""
    if sys.platform == "linux":
        with contextlib.suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), 10)
