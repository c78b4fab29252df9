"""Parts of labelled scenarios, for tests whose subject is real time and that can't last for the whole of one."""

from __future__ import annotations

import json
from pathlib import Path

import av
import soundfile

from basics.readings import SAMPLE_RATE
from bench.harness.footage import Scenario, pictures, read_sound

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
    with av.open(str(part / "video.mp4"), "w") as out:
        stream = out.add_stream("libx264", rate=10, options=FINE)
        stream.width, stream.height, stream.pix_fmt = 640, 480, "yuv420p"
        for at, image in pictures(whole.folder / "video.mp4"):
            if at >= end:
                break
            if at >= start:
                out.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="bgr24")))
        out.mux(stream.encode(None))
    return Scenario(part)
