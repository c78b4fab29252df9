"""Pictures that came as H.264 go into a clip as they are: copied, not encoded again."""

from __future__ import annotations

import io
from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import av

from basics.readings import Frame
from media.h264 import PPS, SPS, nal_units

TIME_BASE = Fraction(1, 1_000_000)
LAST_S = 0.1  # how long the last picture stays; a track's end is not told by its pictures


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
        self._stream.time_base = TIME_BASE
        self._waiting: tuple[Frame, int] | None = None

    def add(self, frame: Frame, start: float) -> None:
        """Write one picture at its time, `start` being the file's own."""
        pts = round((frame.at - start) / TIME_BASE)
        if self._waiting is not None:
            pts = max(pts, self._waiting[1] + 1)
            self._write(*self._waiting, pts - self._waiting[1])
        self._waiting = (frame, pts)

    def finish(self) -> None:
        """Write the last picture."""
        if self._waiting is not None:
            self._write(*self._waiting, round(LAST_S / TIME_BASE))

    def _write(self, frame: Frame, pts: int, duration: int) -> None:
        packet = av.Packet(frame.data)
        packet.stream, packet.time_base, packet.is_keyframe = self._stream, TIME_BASE, frame.key
        packet.pts = packet.dts = pts
        packet.duration = duration
        self._container.mux(packet)
