"""Scenarios of labelled footage as a source gives them: JPEG pictures and stretches of sound with their own times."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import soundfile

from readings import SAMPLE_RATE, Frame, ScreenAct, Sound, ViolationKind
from score import Rules

JPEG_QUALITY = 60  # what the student's page sends
SOUND_CHUNK_S = 0.2
ACT_KINDS = {"tab_switch": "tab_switch", "copy": "copy", "cut": "cut", "paste": "paste"}
KINDS: dict[str, ViolationKind] = {"copy": "copy_paste", "cut": "copy_paste", "paste": "copy_paste"}


@dataclass(frozen=True, slots=True)
class Scenario:
    """One exam on disk: `video.mp4`, `audio.flac`, `events.json` and what is expected of it."""

    folder: Path

    @property
    def name(self) -> str:
        return self.folder.name

    @property
    def expected(self) -> dict[str, Any]:
        return dict(json.loads((self.folder / "expected.json").read_text()))

    @property
    def rules(self) -> Rules:
        """The rules of its `expected.json`; kinds that are not named there count 0."""
        expected = self.expected
        points = {kind: int(str(value).split()[0]) for kind, value in expected["rules"].items()}
        rules = {"points": points, "interval_duration": float(expected["interval_s"]), "flag_threshold": int(expected["threshold"])}
        return Rules.from_dict(rules)

    def expected_intervals(self) -> list[dict[str, Any]]:
        """Per interval: `flagged`, and `violations` as kinds, one for each occurrence."""
        return [
            {"flagged": interval["flagged"], "violations": sorted(KINDS.get(one["type"], one["type"]) for one in interval["violations"])}
            for interval in self.expected["intervals"]
        ]

    def frames(self) -> Iterator[Frame]:
        """Its pictures, as JPEG."""
        for at, data in jpegs(self.folder / "video.mp4"):
            yield Frame(at, data)

    def sounds(self) -> Iterator[Sound]:
        """Its sound, in stretches of `SOUND_CHUNK_S`."""
        samples = read_sound(self.folder / "audio.flac")
        step = round(SOUND_CHUNK_S * SAMPLE_RATE)
        for begin in range(0, len(samples), step):
            yield Sound(begin / SAMPLE_RATE, samples[begin : begin + step])

    def acts(self) -> list[ScreenAct]:
        """What the student did on screen."""
        events = json.loads((self.folder / "events.json").read_text())
        return [ScreenAct(f"{self.name}-{number:04}", float(event["t"]), ACT_KINDS[event["type"]]) for number, event in enumerate(events)]  # type: ignore[arg-type]


def scenarios(data: Path) -> list[Scenario]:
    """Every scenario of a data folder, by name."""
    return [Scenario(path.parent) for path in sorted((data / "scenarios").glob("*/expected.json"))]


def jpegs(video: Path, quality: int = JPEG_QUALITY) -> Iterator[tuple[float, bytes]]:
    """The pictures of a video, `(time in s, JPEG)`."""
    with av.open(str(video)) as container:
        stream = container.streams.video[0]
        stream.codec_context.thread_count = 1
        first: Fraction | None = None
        for picture in container.decode(stream):
            time = Fraction(picture.pts or 0) * (picture.time_base or Fraction(1))
            first = time if first is None else first
            _, encoded = cv2.imencode(".jpg", picture.to_ndarray(format="bgr24"), [cv2.IMWRITE_JPEG_QUALITY, quality])
            yield float(time - first), encoded.tobytes()


def read_sound(path: Path) -> np.ndarray[Any, np.dtype[np.int16]]:
    """A sound file as int16 of shape [n], 16 kHz mono."""
    samples, rate = soundfile.read(str(path), dtype="int16")
    if rate != SAMPLE_RATE or samples.ndim != 1:
        raise ValueError(f"{path} is {rate} Hz with {samples.ndim} dimensions; the footage has 16 kHz mono")
    return np.asarray(samples, np.int16)
