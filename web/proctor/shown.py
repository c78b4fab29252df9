"""What one session shows to its viewers at one moment: a JPEG, or H.264 as it came for those whose browser decodes it."""

from __future__ import annotations

import base64
from collections.abc import Iterable
from functools import cached_property
from typing import Any

from basics.readings import Frame
from basics.times import iso_time
from sessions.session import ExamSession
from web.proctor.viewers import Watch

FRAMES = ("base64", "binary", "h264", "none")
BASE_STEP_S = 0.2  # between updates; who gets them more seldom needs no upper layer


class Shown:
    """Of one session, for one round of its viewers."""

    def __init__(self, session: ExamSession) -> None:
        self._session = session

    @staticmethod
    def jpegs_wanted(watches: Iterable[Watch]) -> float:
        """The rate a second at which JPEGs are to be made of H.264 for these viewers; 0 for none."""
        return max((1 / watch.step for watch in watches if watch.frames in {"base64", "binary"}), default=0.0)

    @cached_property
    def _newest(self) -> Frame | None:
        return self._session.newest_frame()

    def fields(self, watch: Watch) -> dict[str, Any]:
        """The picture's part of an update for one viewer: `frame`, `frame_at`, `timestamp`, and `h264` for who asked for it and where it comes."""
        session = self._session
        if watch.frames == "h264" and not session.on_break:
            packets = session.pictures_in.h264_since(watch.frame_at, base_only=watch.step >= BASE_STEP_S)
            if packets:
                watch.frame_at = packets[-1].at
                sent = {"sizes": [len(one.data) for one in packets], "key": packets[0].key, "data": b"".join(one.data for one in packets)}
                return self._taken(packets[-1]) | {"frame": None, "h264": sent}
        frame = self._newest
        if frame is None:
            return {"timestamp": iso_time(session.wall(session.clock())), "frame": None, "frame_at": None}
        fields = self._taken(frame) | {"frame": None}
        if watch.frames != "none" and frame.at > watch.frame_at:
            fields["frame"] = base64.b64encode(frame.data).decode() if watch.frames == "base64" else frame.data
            watch.frame_at = frame.at
        return fields

    def _taken(self, frame: Frame) -> dict[str, Any]:
        return {"timestamp": iso_time(self._session.wall(frame.at)), "frame_at": round(frame.at, 3)}
