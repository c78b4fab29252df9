"""H.264 next to JPEG on the same footage: bytes, the server's processor time for reading and clips, and how often the detectors read the same.

venv/bin/python -m bench.codecs [--data DIR] [--seconds S] [--json FILE]
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from basics.paths import ROOT
from basics.readings import Frame, GazeReading, PersonsReading, Sound
from basics.times import utc_now
from bench.harness.figures import wilson
from bench.harness.footage import JPEG_QUALITY, Scenario, h264_frames, jpegs, pictures, scenarios
from media.clip import ClipJob
from media.pictures import PictureFeed
from media.recorder import Recorder
from sessions.analysis import PictureAnalyst
from sessions.models import Models
from settings.settings import Settings, load_settings

CLIP_S = 40.0
CODECS = ("jpeg", "jpeg again", "h264")  # JPEG at another quality shows how much the readings move by themselves
AGAIN_QUALITY = JPEG_QUALITY + 10


@dataclass
class Reading:
    """What one codec's pictures of one scenario gave."""

    bytes_sent: int = 0
    decode_s: float = 0.0
    clip_s: float = 0.0
    clip_bytes: int = 0
    clip_length: float = 0.0
    gaze: dict[float, GazeReading] = field(default_factory=dict)
    persons: dict[float, PersonsReading] = field(default_factory=dict)


def frames_of(scenario: Scenario, codec: str, seconds: float) -> list[Frame]:
    """The first `seconds` of a scenario's pictures."""
    video = scenario.folder / "video.mp4"
    if codec == "h264":
        return list(h264_frames((at, image) for at, image in pictures(video) if at < seconds))
    quality = JPEG_QUALITY if codec == "jpeg" else AGAIN_QUALITY
    return [Frame(at, data) for at, data in jpegs(video, quality) if at < seconds]


def read(frames: Sequence[Frame], sounds: Sequence[Sound], models: Models, settings: Settings) -> Reading:
    """Read them as the server does, on the footage's own clock, and make a clip."""
    result = Reading(sum(len(frame.data) for frame in frames))
    feed, analyst = PictureFeed(settings.max_picture_pixels, settings.gaze_fps), PictureAnalyst(models, settings)
    for frame in frames:
        feed.add(frame)
        if frame.at < analyst.next_at - 1e-3:
            continue
        begun = time.thread_time()
        picture = feed.decode()
        result.decode_s += time.thread_time() - begun
        if picture is None:
            continue
        readings = analyst.read(picture, "bench")
        result.gaze[picture.at] = readings.gaze
        if readings.persons is not None:
            result.persons[picture.at] = readings.persons
    analyst.close()
    _make_clip(result, frames, sounds, settings)
    return result


def _make_clip(result: Reading, frames: Sequence[Frame], sounds: Sequence[Sound], settings: Settings) -> None:
    with tempfile.TemporaryDirectory() as folder:
        recorder = Recorder(Path(folder) / "clips", Path(folder), crf=settings.clip_crf)
        kept, heard = [frame for frame in frames if frame.at < CLIP_S], [sound for sound in sounds if sound.at < CLIP_S]
        begun = time.thread_time()
        clip = recorder.make(ClipJob("bench", "bench", 0, utc_now(), 10, 0.0, CLIP_S, kept, heard))
        result.clip_s, result.clip_bytes, result.clip_length = time.thread_time() - begun, clip.size_bytes, clip.duration


def agreement(one: Sequence[Reading], other: Sequence[Reading]) -> dict[str, Any]:
    """How often two codecs' pictures of the same moments were read the same. Unknown is a reading like others."""
    gaze = [(a.gaze[at].direction, b.gaze[at].direction) for a, b in zip(one, other, strict=True) for at in a.gaze if at in b.gaze]
    counts = [(a.persons[at].count, b.persons[at].count) for a, b in zip(one, other, strict=True) for at in a.persons if at in b.persons]
    return {"gaze_direction": _share(gaze), "persons_count": _share(counts)}


def _share(pairs: Sequence[tuple[Any, Any]]) -> dict[str, Any]:
    same = sum(a == b for a, b in pairs)
    low, high = wilson(same, len(pairs))
    return {"equal": same, "of": len(pairs), "share": round(same / max(1, len(pairs)), 4), "wilson_95": [round(low, 4), round(high, 4)]}


def figures(readings: Sequence[Reading], seconds: float) -> dict[str, Any]:
    """One codec's costs."""
    clip_s = sum(reading.clip_length for reading in readings)
    return {
        "mbit_s": round(sum(reading.bytes_sent for reading in readings) * 8 / seconds / 1e6, 3),
        "decode_cpu_ms_per_student_s": round(sum(reading.decode_s for reading in readings) * 1000 / seconds, 2),
        "clip_cpu_ms_per_s": round(sum(reading.clip_s for reading in readings) * 1000 / max(1e-9, clip_s), 2),
        "clip_kb_per_s": round(sum(reading.clip_bytes for reading in readings) / 1000 / max(1e-9, clip_s), 1),
        "ring_30_s_mb": round(sum(reading.bytes_sent for reading in readings) * 30 / seconds / 1e6, 2),
    }


def run(data: Path, most_seconds: float) -> dict[str, Any]:
    """Measure every scenario of `data`, its first `most_seconds` seconds."""
    settings = load_settings(_env_file=None)
    models = Models()
    models.load(settings)
    readings: dict[str, list[Reading]] = {codec: [] for codec in CODECS}
    seconds = 0.0
    for scenario in scenarios(data):
        sounds = list(scenario.sounds())
        for codec in CODECS:
            frames = frames_of(scenario, codec, most_seconds)
            readings[codec].append(read(frames, sounds, models, settings))
        seconds += min(most_seconds, float(scenario.expected["duration"]))
    models.close()
    return {
        "seconds": seconds,
        "costs": {codec: figures(readings[codec], seconds) for codec in CODECS},
        "agreement_h264_with_jpeg": agreement(readings["jpeg"], readings["h264"]),
        "agreement_jpeg_with_itself": agreement(readings["jpeg"], readings["jpeg again"]),
    }


def main() -> int:
    """Print the figures and write them where asked; exit status 0."""
    parser = argparse.ArgumentParser(prog="python -m bench.codecs", description="Measure H.264 next to JPEG on the same footage.")
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data", help="folder with scenarios/")
    parser.add_argument("--seconds", type=float, default=300.0, help="of each scenario (default 300)")
    parser.add_argument("--json", type=Path, help="write the figures here")
    arguments = parser.parse_args()
    if not scenarios(arguments.data):
        print(f"needs {arguments.data}/scenarios with footage", file=sys.stderr)
        return 2
    result = run(arguments.data, arguments.seconds)
    print(json.dumps(result, indent=1))
    if arguments.json:
        arguments.json.write_text(json.dumps(result, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
