"""Pictures as a camera gives them, played through what reads and scores them: `play` says which violations there were."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Literal

import av
import cv2
import numpy as np
import numpy.typing as npt

from basics.readings import Frame
from basics.signals import ViolationKind
from media.pictures import PictureFeed
from score import Scorer
from scoring.rules import Rules
from sessions.analysis import PictureAnalyst, PictureReadings
from sessions.models import Models
from sessions.picture_line import PictureLine
from settings.settings import Settings

Image = npt.NDArray[np.uint8]
PIXELS = 4_000_000
KEY_EVERY = 20  # pictures, as the student's page sends them


@dataclass(slots=True)
class Seen:
    """What was read, and which violations there were, with where they began."""

    read: list[PictureReadings] = field(default_factory=list)
    kinds: dict[ViolationKind, float] = field(default_factory=dict)

    @property
    def directions(self) -> set[str]:
        return {one.gaze.direction for one in self.read}

    def counts(self, after: float = 0.0) -> list[int | None]:
        """How many persons each look found."""
        return [one.persons.count for one in self.read if one.persons is not None and one.persons.at >= after]


def jpegs(images: Iterable[Image], fps: float, quality: int = 70) -> Iterator[Frame]:
    for number, image in enumerate(images):
        yield Frame(number / fps, cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])[1].tobytes(), sequence=number)


def h264(images: Iterable[Image], fps: float, kbits: int = 350) -> Iterator[Frame]:
    """As a browser's encoder gives them; a size that changes begins with a key."""
    encoder: av.VideoCodecContext | None = None
    for number, image in enumerate(images):
        size = image.shape[1], image.shape[0]
        if encoder is None or (encoder.width, encoder.height) != size:
            encoder = av.CodecContext.create("libx264", "w")
            encoder.width, encoder.height = size
            encoder.pix_fmt, encoder.time_base, encoder.bit_rate, encoder.gop_size = "yuv420p", Fraction(1, round(fps)), kbits * 1000, KEY_EVERY
            encoder.options = {"preset": "superfast", "tune": "zerolatency", "profile": "baseline"}
        picture = av.VideoFrame.from_ndarray(image, format="bgr24").reformat(format="yuv420p")
        picture.pts = number
        for packet in encoder.encode(picture):
            yield Frame(number / fps, bytes(packet), "h264", bool(packet.is_keyframe), 0, number)


def play(
    images: Iterable[Image],
    models: Models,
    settings: Settings,
    *,
    fps: float = 10,
    codec: Literal["jpeg", "h264"] = "jpeg",
    told: Iterable[tuple[float, bool, bool]] = (),
    gives_new: bool = False,
) -> Seen:
    """`told`: at which second the page said whether its camera stands still, and whether it gives new pictures."""
    analyst, scorer, seen = PictureAnalyst(models, settings, gives_new=gives_new), Scorer(Rules.from_settings(settings)), Seen()
    line = PictureLine(PictureFeed(PIXELS, settings.gaze_fps, analyst.pace.span), analyst, "s")
    waiting = list(told)
    for frame in (jpegs if codec == "jpeg" else h264)(images, fps):
        while waiting and frame.at >= waiting[0][0]:
            analyst.view.tell(*waiting.pop(0)[1:])
        line.add(frame, frame.at)
        if line.waits(frame.at) is None:
            continue
        for readings in line.read():
            seen.read.append(readings)
            for interval in scorer.take_picture(readings.gaze, readings.persons):
                for violation in interval.violations:
                    seen.kinds.setdefault(violation.kind, violation.start)
    analyst.close()
    return seen


def clip(path: Path, start: float, seconds: float, fps: float = 10) -> list[Image]:
    """Pictures of a recording."""
    with av.open(str(path)) as video:
        video.seek(round(start * av.time_base))
        found: list[Image] = []
        for picture in video.decode(video=0):
            if (picture.time or 0.0) >= start - 0.01:
                found.append(np.asarray(picture.to_ndarray(format="bgr24"), np.uint8))
            if len(found) >= seconds * fps:
                break
    return found
