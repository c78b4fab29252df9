"""Parts of labelled scenarios, for tests whose subject is real time and that can't last for the whole of one."""

from __future__ import annotations

import json
from fractions import Fraction
from itertools import takewhile
from pathlib import Path

import av
import soundfile
from av.video.frame import PictureType

from basics.readings import SAMPLE_RATE
from bench.harness.footage import Scenario, read_sound

FINE = {"preset": "ultrafast", "crf": "10"}  # so that the detectors read what they read of the original


def part_of(whole: Scenario, start: float, end: float, folder: Path) -> Scenario:
    """`whole` from `start` to `end` (s, at boundaries of its intervals) as a scenario of its own in `folder`, its times counted from 0."""
    part = folder / f"{whole.name}-{start:g}-{end:g}"
    part.mkdir()
    expected = whole.expected
    step = float(expected["interval_s"])
    intervals = [one for one in expected["intervals"] if start <= one["t0"] < end]
    shifted = [one | {"interval": one["interval"] - round(start / step), "t0": one["t0"] - start, "t1": one["t1"] - start} for one in intervals]
    (part / "expected.json").write_text(json.dumps(expected | {"duration": end - start, "intervals": shifted, "segments": []}))
    events = json.loads((whole.folder / "events.json").read_text())
    (part / "events.json").write_text(json.dumps([one | {"t": one["t"] - start} for one in events if start <= one["t"] < end]))
    sound = read_sound(whole.folder / "audio.flac")
    soundfile.write(part / "audio.flac", sound[round(start * SAMPLE_RATE) : round(end * SAMPLE_RATE)], SAMPLE_RATE)
    with av.open(str(whole.folder / "video.mp4")) as video, av.open(str(part / "video.mp4"), "w") as out:
        stream = out.add_stream("libx264", rate=10, options=FINE)
        stream.width, stream.height, stream.pix_fmt = 640, 480, "yuv420p"
        video.seek(round(start * av.time_base))  # to the key picture before it
        within = takewhile(lambda picture: float(picture.time or 0) < end - 0.01, video.decode(video=0))
        for number, picture in enumerate(picture for picture in within if float(picture.time or 0) > start - 0.01):
            picture.pts, picture.time_base, picture.pict_type = number, Fraction(1, 10), PictureType.NONE
            out.mux(stream.encode(picture))
        out.mux(stream.encode(None))
    return Scenario(part)
