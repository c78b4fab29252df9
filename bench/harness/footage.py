"""Scenarios of labelled footage as a source gives them: JPEG or H.264 pictures and stretches of sound with their own times."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import soundfile

from basics.readings import SAMPLE_RATE, Frame, ScreenAct, Sound
from basics.signals import ViolationKind
from media.opus import pack
from scoring.rules import Rules

Image = np.ndarray[Any, np.dtype[np.uint8]]
JPEG_QUALITY = 60  # what the student's page sends
CAMERA_QUALITY = 92  # of what an encoder is given: a camera's own compression must not show beside it
H264_BITRATE, H264_KEY_S = 350_000, 1.0  # the same
OPUS_BITRATE = 24_000
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
    def duration(self) -> float:
        """Seconds."""
        return float(self.expected["duration"])

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

    def honest_stretches(self) -> list[tuple[float, float]]:
        """When nothing at all is expected of pictures and sound, as `(start, end)` in s: one person who looks at the screen, and silence."""
        quiet = [one for one in self.expected.get("segments", ()) if one["gaze"] in ("focused", "glance") and one["faces"] == 1 and not one["voices"]]
        merged: list[tuple[float, float]] = []
        for start, end in ((float(one["t0"]), float(one["t1"])) for one in quiet):
            if merged and merged[-1][1] == start:
                merged[-1] = (merged[-1][0], end)
            else:
                merged.append((start, end))
        return merged

    def frames(self, codec: str = "jpeg") -> Iterator[Frame]:
        """Its pictures, as `jpeg` or `h264`."""
        if codec == "h264":
            yield from h264_frames(pictures(self.folder / "video.mp4"))
            return
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
    for at, image in pictures(video):
        yield at, cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])[1].tobytes()


def h264_frames(images: Iterable[tuple[float, Image]], bitrate: int = H264_BITRATE, key_s: float = H264_KEY_S) -> Iterator[Frame]:
    """Pictures as a browser's encoder would send them: baseline, Annex B, no delay, a key picture every `key_s`."""
    encoder: av.VideoCodecContext | None = None
    key_at = 0.0
    for number, (at, image) in enumerate(images):
        if encoder is None:
            encoder = _h264_encoder(image.shape[1], image.shape[0], bitrate)
        picture = av.VideoFrame.from_ndarray(image, format="bgr24")
        picture.pts, picture.time_base = round(at * 1000), Fraction(1, 1000)
        key = number == 0 or at - key_at >= key_s - 1e-6
        if key:
            key_at = at
            picture.pict_type = av.video.frame.PictureType.I
        for packet in encoder.encode(picture):
            yield Frame(at, bytes(packet), "h264", packet.is_keyframe, 0, number)


def _h264_encoder(width: int, height: int, bitrate: int) -> av.VideoCodecContext:
    encoder = av.CodecContext.create("libx264", "w")
    assert isinstance(encoder, av.VideoCodecContext)
    encoder.width, encoder.height, encoder.pix_fmt = width, height, "yuv420p"
    encoder.time_base, encoder.framerate = Fraction(1, 1000), Fraction(10)
    encoder.bit_rate, encoder.thread_count, encoder.gop_size = bitrate, 1, 10_000
    encoder.options = {
        "preset": "veryfast",
        "tune": "zerolatency",
        "profile": "baseline",
        "forced-idr": "1",
        "sc_threshold": "0",
        "maxrate": str(bitrate),
        "bufsize": str(bitrate),
    }
    return encoder


def pictures(video: Path) -> Iterator[tuple[float, Image]]:
    """The pictures of a video, `(time in s, uint8 [h, w, 3] BGR)`."""
    with av.open(str(video)) as container:
        stream = container.streams.video[0]
        stream.codec_context.thread_count = 1
        first: Fraction | None = None
        for picture in container.decode(stream):
            time = Fraction(picture.pts or 0) * (picture.time_base or Fraction(1))
            first = time if first is None else first
            yield float(time - first), np.asarray(picture.to_ndarray(format="bgr24"), np.uint8)


@dataclass(frozen=True, slots=True)
class OpusSound(Sound):
    """A stretch of sound with what a browser's encoder makes of it: `data` is a message's payload."""

    data: bytes = b""


def opus_sounds(sounds: Iterable[Sound]) -> list[OpusSound]:
    """Sound without a gap as Opus, in packets of 20 ms, a message for each stretch."""
    encoder = av.CodecContext.create("libopus", "w")
    assert isinstance(encoder, av.AudioCodecContext)
    encoder.sample_rate, encoder.layout, encoder.format, encoder.bit_rate = SAMPLE_RATE, "mono", "s16", OPUS_BITRATE
    encoder.options = {"frame_duration": "20"}
    step, made, position = SAMPLE_RATE // 50, [], 0
    for sound in sounds:
        packets: list[bytes] = []
        for begin in range(0, len(sound.samples) - step + 1, step):
            piece = av.AudioFrame.from_ndarray(sound.samples[None, begin : begin + step], format="s16", layout="mono")
            piece.sample_rate, piece.pts, piece.time_base = SAMPLE_RATE, position, Fraction(1, SAMPLE_RATE)
            position += step
            packets += [bytes(packet) for packet in encoder.encode(piece)]
        if packets:
            made.append(OpusSound(sound.at, sound.samples, sound.sequence, pack(packets)))
    return made


def read_sound(path: Path) -> np.ndarray[Any, np.dtype[np.int16]]:
    """A sound file as int16 of shape [n], 16 kHz mono."""
    samples, rate = soundfile.read(str(path), dtype="int16")
    if rate != SAMPLE_RATE or samples.ndim != 1:
        raise ValueError(f"{path} is {rate} Hz with {samples.ndim} dimensions; the footage has 16 kHz mono")
    return np.asarray(samples, np.int16)
