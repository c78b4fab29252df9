"""A clip's pictures and sound into an MP4 file: pictures that came as H.264 are copied as they are, all else is encoded."""

from __future__ import annotations

import io
import json
import logging
import math
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import numpy.typing as npt

from basics.errors import ProctorError
from basics.readings import SAMPLE_RATE, Frame
from media.clip import ClipJob
from media.h264 import PPS, SPS, nal_units, playable
from media.pictures import PictureDecoder, check_picture
from media.ring import join_sound

log = logging.getLogger(__name__)

# 640×480 at 10 pictures a second, crf 28: the first takes 31 CPU-ms a second of clip and 34 KB, the second 16 ms and 51 KB (decoding apart).
COMPACT = {"preset": "superfast"}
QUICK = {"preset": "ultrafast", "x264-params": "cabac=1:deblock=1,0,0"}
TIME_BASE = Fraction(1, 1000)
COPY_TIME_BASE = Fraction(1, 1_000_000)
LAST_S = 0.1  # how long the last copied picture stays; a track's end is not told by its pictures
AAC_BIT_RATE = 48_000
CLIP_MAX_PIXELS = 50_000_000  # MAX_PICTURE_PIXELS' highest value: what is in the ring was let in under it, and a page's pictures under less


class NothingToShow(Exception):
    """None of what came can be decoded: that is the sender's doing, and another try shows no more."""


def encode(job: ClipJob, path: Path, crf: int, *, quick: bool = False, step: float = 0.0) -> tuple[float, float]:
    """Write `job` as H.264 and AAC in MP4, index in front, with the pictures' own times. H.264 of one kind is copied, all else encoded.

    `quick`: half the work for half as many bytes more, where other clips wait. Return where the file begins on the session's clock and how long it
    is, in seconds. A picture that can't be decoded is left out, and one that is to be encoded less than `step` seconds after another: a page may send
    any number. Raise `NothingToShow` where that leaves nothing.
    """
    frames = playable(job.frames)
    if not frames and not job.sounds:
        raise NothingToShow
    if can_copy(frames):
        try:
            return _write(job, frames, path, {}, copied=True)
        except (av.error.FFmpegError, IndexError) as error:
            if isinstance(error, OSError):  # the disk's
                raise
            log.info("pictures that can't be copied are decoded one by one: %s", error, extra={"session_id": job.session_id})
    return _write(job, frames, path, (QUICK if quick else COMPACT) | {"crf": str(crf)}, copied=False, step=step)


def _write(job: ClipJob, frames: list[Frame], path: Path, options: dict[str, str], *, copied: bool, step: float = 0.0) -> tuple[float, float]:
    first = min([frame.at for frame in frames[:1]] + [max(job.start, sound.at) for sound in job.sounds[:1]])
    start = max(job.start, first)
    last = max([frame.at for frame in frames[-1:]] + [sound.at + sound.duration for sound in job.sounds[-1:]])
    end = min(job.end, last)
    with av.open(str(path), "w", format="mp4", options={"movflags": "faststart"}) as container:
        # Whose clip it is: a file that its record doesn't know can be told from a stranger's.
        container.metadata["comment"] = json.dumps({"clip": job.key, "start": round(start, 3)})
        # Both tracks must be there before the first packet is written.
        video = CopiedTrack(container, frames[0]) if copied else _encoded_track(container, frames, options, step)
        audio = container.add_stream("aac", rate=SAMPLE_RATE, layout="mono") if job.sounds else None
        if audio is not None:
            audio.bit_rate = AAC_BIT_RATE
            _encode_sound(container, audio, join_sound(job.sounds, start, end))
        if video is not None:
            for frame in frames:
                video.add(frame, start)
            video.finish()
        if video is None and audio is None:
            raise NothingToShow
    return start, max(0.0, end - start)


def _encoded_track(container: Any, frames: list[Frame], options: dict[str, str], step: float) -> _VideoTrack | None:
    """A track of the largest picture's size, so that a tiny one among them spoils none; None when none can be decoded."""
    decoder = PictureDecoder(CLIP_MAX_PIXELS)
    if all(_decode(decoder, frame) is None for frame in frames):
        return None
    width, height = max((size for frame in frames if (size := _size(decoder, frame))), key=lambda size: size[0] * size[1])
    return _VideoTrack(container, options, width, height, step)


class _VideoTrack:
    """The picture track of one file, `width` × `height` pixels; pictures of other sizes are scaled, and one of each `step` seconds is shown."""

    def __init__(self, container: Any, options: dict[str, str], width: int, height: int, step: float) -> None:
        self._step, self._next_at = step, -math.inf
        self._container = container
        self._decoder = PictureDecoder(CLIP_MAX_PIXELS)
        self._pts = -1
        self._stream = container.add_stream("libx264", rate=1000, options=options | {"g": "50"})
        self._stream.width, self._stream.height = width // 2 * 2, height // 2 * 2
        self._stream.pix_fmt = "yuv420p"
        self._stream.codec_context.time_base = TIME_BASE
        self._stream.codec_context.thread_count = 1

    def add(self, frame: Frame, start: float) -> None:
        is_due = frame.at >= self._next_at
        image = _decode(self._decoder, frame) if is_due or frame.codec != "jpeg" else None  # others may rest on it
        if image is None or not is_due:
            return
        self._next_at = frame.at + self._step
        width, height = self._stream.width, self._stream.height
        if image.shape[1] != width or image.shape[0] != height:
            image = np.asarray(cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA), np.uint8)
        # OpenCV takes under half of swscale's time for the same BT.601 matrix.
        picture = av.VideoFrame.from_ndarray(np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2YUV_I420), np.uint8), format="yuv420p")
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
        return decoder.decode(frame)()
    except ProctorError:
        return None


def _size(decoder: PictureDecoder, frame: Frame) -> tuple[int, int] | None:
    """Width and height; a JPEG's without decoding it."""
    if frame.codec != "jpeg":
        image = _decode(decoder, frame)
        return (image.shape[1], image.shape[0]) if image is not None else None
    try:
        return check_picture(frame.data, CLIP_MAX_PIXELS)
    except ProctorError:
        return None


def can_copy(frames: Sequence[Frame]) -> bool:
    """Are all of them H.264 under one set of parameters? A file has one for all its pictures: others must be encoded anew."""
    if not frames or not frames[0].key or any(frame.codec != "h264" for frame in frames):
        return False
    return len({parameters(frame.data) for frame in frames if frame.key}) == 1


def parameters(data: bytes) -> tuple[bytes, ...]:
    """The SPS and PPS of a key picture."""
    return tuple(unit.rstrip(b"\x00") for kind, unit in nal_units(data) if kind in {SPS, PPS})


class CopiedTrack:
    """The picture track of one file, made like `first`, a key picture."""

    def __init__(self, container: Any, first: Frame) -> None:
        self._container = container
        with av.open(io.BytesIO(first.data), format="h264") as source:
            self._stream = container.add_stream_from_template(source.streams.video[0])
        self._stream.time_base = COPY_TIME_BASE
        self._waiting: tuple[Frame, int] | None = None

    def add(self, frame: Frame, start: float) -> None:
        """Write one picture at its time, `start` being the file's own."""
        pts = round((frame.at - start) / COPY_TIME_BASE)
        if self._waiting is not None:
            pts = max(pts, self._waiting[1] + 1)
            self._write(*self._waiting, pts - self._waiting[1])
        self._waiting = (frame, pts)

    def finish(self) -> None:
        """Write the last picture."""
        if self._waiting is not None:
            self._write(*self._waiting, round(LAST_S / COPY_TIME_BASE))

    def _write(self, frame: Frame, pts: int, duration: int) -> None:
        packet = av.Packet(frame.data)
        packet.stream, packet.time_base, packet.is_keyframe = self._stream, COPY_TIME_BASE, frame.key
        packet.pts = packet.dts = pts
        packet.duration = duration
        self._container.mux(packet)


def mark_of(file: Path) -> dict[str, Any] | None:
    """What the encoder wrote into the file about whose clip it is; None for a file that isn't whole or isn't ours."""
    try:
        with av.open(str(file)) as container:
            mark = json.loads(container.metadata.get("comment", ""))
            known = {"clip": str(mark["clip"]), "start": float(mark["start"]), "duration": float(container.duration or 0) / 1e6}
    except (OSError, ValueError, KeyError, TypeError, av.error.FFmpegError):
        return None
    return known
