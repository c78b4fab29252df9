"""Anybody's recordings as a student's page would have sent them: videos of any size and rate with their sound, or sound beside them.

What is read here is strangers' files: everything is bounded, nothing is written, and what can't be read is an `InvalidInput` that says why.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np

from basics.errors import InvalidInput
from basics.readings import SAMPLE_RATE, Frame, ScreenAct, Sound
from bench.harness.footage import JPEG_QUALITY, SOUND_CHUNK_S, Image, Scenario
from scoring.rules import Rules

VIDEOS = frozenset({".avi", ".m4v", ".mkv", ".mov", ".mp4", ".ogv", ".webm"})
SOUNDS = (".wav", ".flac", ".ogg", ".opus", ".m4a", ".mp3")
FPS, WIDTH, HEIGHT = 10, 640, 480  # what the student's page sends at most
MOST_S = 8 * 3600.0  # of one recording
MOST_FILES = 10_000
MOST_PIXELS = 8192 * 8192
STILL_S = 0.5  # longest that the last picture is taken to last
GAP_S = 0.3  # from here on sound is missing; less is a container's rounding


@dataclass
class Recording:
    """One person's recording. `person` is a number, and nothing that a file says of anybody is kept."""

    video: Path
    sound: Path | None  # None: the video's own track, where it has one
    person: int
    rules: Rules
    folder: Path | None = None  # of a scenario, whose acts stand in its `events.json`
    name: str = "recording"
    sound_s: float = field(default=0.0, init=False)
    _until: float = field(default=0.0, init=False)

    @property
    def duration(self) -> float:
        """Seconds of pictures that were taken so far."""
        return self._until

    def frames(self) -> Iterator[Frame]:
        """Its pictures as JPEG, `FPS` a second at most and no larger than `WIDTH` x `HEIGHT`. Raise `InvalidInput`."""
        due = last = 0.0
        for at, image in _pictures(self.video):
            self._until = at + min(STILL_S, max(0.0, at - last))  # a picture lasts until the next one would come
            last = at
            if at >= due - 1e-6:
                due = max(due + 1 / FPS, at)
                yield Frame(at, cv2.imencode(".jpg", _fitted(image), [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])[1].tobytes())

    def sounds(self) -> Iterator[Sound]:
        """Its sound from the first picture on; none where there is no track. Raise `InvalidInput`."""
        for sound in _sounds(self.sound or self.video, None if self.sound else _begin(self.video)):
            self.sound_s += sound.duration
            yield sound

    def acts(self) -> list[ScreenAct]:
        """What was done on screen, where that was recorded too."""
        return Scenario(self.folder).acts() if self.folder and (self.folder / "events.json").is_file() else []


def find(folder: Path, rules: Rules) -> tuple[list[Recording], list[tuple[Path, str]]]:
    """The recordings below `folder`, and what was left out with the reason. Raise `InvalidInput` where there is nothing to look at.

    What lies directly in `folder` is of one person each, what lies in a folder of it is all of the same person.
    """
    if not folder.is_dir():
        raise InvalidInput(f"There is no folder {folder}.")
    videos = []
    for path in sorted(folder.rglob("*")):
        if path.suffix.lower() in VIDEOS and path.is_file() and not any(part.startswith(".") for part in path.relative_to(folder).parts):
            videos.append(path)
        if len(videos) > MOST_FILES:
            raise InvalidInput(f"{folder} holds more than {MOST_FILES} videos. Give a part of it at a time, and add the counts up with --add.")
    found, left_out, people = [], [], dict[str, int]()
    for video in videos:
        inside = video.relative_to(folder).parts
        person = people.setdefault(inside[0], len(people))
        home = video.parent if video.name == "video.mp4" and (video.parent / "expected.json").is_file() else None
        if home is not None and (why := _not_honest(home)):
            left_out.append((video, why))
            continue
        found.append(Recording(video, _beside(video), person, rules, home))
    return found, left_out


def _not_honest(folder: Path) -> str:
    """Why a labelled scenario is no honest recording; empty where it is one."""
    try:
        expected = json.loads((folder / "expected.json").read_text(encoding="utf-8"))
        if any(one["flagged"] or one["violations"] for one in expected["intervals"]):
            return "its expected.json names violations: it is no honest recording"
    except (OSError, ValueError, KeyError, TypeError) as error:
        return f"its expected.json can't be read ({error})"
    return ""


def _beside(video: Path) -> Path | None:
    """The sound file that goes with a video: of the same name, or a scenario's."""
    names = [video.with_suffix(kind) for kind in SOUNDS] + ([video.with_name("audio.flac")] if video.name == "video.mp4" else [])
    return next((path for path in names if path.is_file()), None)


def _begin(video: Path) -> Fraction:
    """The time of a video's first picture in its container."""
    with _opened(video) as container:
        for picture in container.decode(video=0):
            return _time(picture.pts, picture.time_base)
    raise InvalidInput(f"{video.name} has no picture that can be decoded.")


def _pictures(video: Path) -> Iterator[tuple[float, Image]]:
    """The pictures with their times from 0, upright."""
    with _opened(video) as container:
        if not container.streams.video:
            raise InvalidInput(f"{video.name} has no pictures.")
        stream = container.streams.video[0]
        stream.codec_context.thread_count = 1
        if stream.width * stream.height > MOST_PIXELS:
            raise InvalidInput(f"{video.name} is {stream.width} x {stream.height} pixels; {MOST_PIXELS} are the most.")
        first: Fraction | None = None
        last = -1.0
        try:
            for picture in container.decode(stream):
                time = _time(picture.pts, picture.time_base)
                first = time if first is None else first
                at = float(time - first)
                if at > MOST_S:
                    raise InvalidInput(f"{video.name} is longer than {MOST_S / 3600:g} hours; cut it.")
                if at > last:
                    last = at
                    image = picture.to_ndarray(format="bgr24")
                    yield at, np.ascontiguousarray(np.rot90(image, round(picture.rotation / 90) % 4), np.uint8)
        except av.error.FFmpegError as error:
            raise InvalidInput(f"{video.name} is damaged after {max(last, 0.0):.0f} s ({error.strerror}).") from error
        if first is None:
            raise InvalidInput(f"{video.name} has no picture that can be decoded.")


def _sounds(path: Path, begin: Fraction | None) -> Iterator[Sound]:
    """The sound of a file in stretches of `SOUND_CHUNK_S`; `begin` is the time in the container that is 0 (None: its first sample)."""
    step = round(SOUND_CHUNK_S * SAMPLE_RATE)
    with _opened(path) as container:
        if not container.streams.audio:
            return
        resampler = av.AudioResampler("s16", "mono", SAMPLE_RATE)
        kept = np.zeros(0, np.int16)
        at: float | None = None
        came = 0.0  # seconds that went into the resampler since `at` was set
        origin = 0.0
        try:
            for piece in container.decode(container.streams.audio[0]):
                time = _time(piece.pts, piece.time_base)
                begin = time if begin is None else begin
                start = float(time - begin)
                if at is None or abs(start - (origin + came)) > GAP_S:
                    if at is not None and len(kept):
                        yield from _from_zero(at, kept)
                    at = origin = start
                    came, kept, resampler = 0.0, np.zeros(0, np.int16), av.AudioResampler("s16", "mono", SAMPLE_RATE)
                if start > MOST_S:
                    raise InvalidInput(f"{path.name} is longer than {MOST_S / 3600:g} hours; cut it.")
                came += piece.samples / piece.sample_rate
                kept = np.concatenate([kept, *(np.asarray(out.to_ndarray()[0], np.int16) for out in resampler.resample(piece))])
                while len(kept) >= step:
                    yield from _from_zero(at, kept[:step])
                    at, kept = at + step / SAMPLE_RATE, kept[step:]
        except av.error.FFmpegError as error:
            raise InvalidInput(f"The sound of {path.name} is damaged after {max(at or 0.0, 0.0):.0f} s ({error.strerror}).") from error
        if at is not None and len(kept):
            yield from _from_zero(at, kept)


def _from_zero(at: float, samples: np.ndarray[tuple[int], np.dtype[np.int16]]) -> Iterator[Sound]:
    """Sound without what lies before the first picture."""
    early = max(0, round(-at * SAMPLE_RATE))
    if early < len(samples):
        yield Sound(at + early / SAMPLE_RATE, samples[early:])


def _opened(path: Path) -> av.container.InputContainer:
    try:
        return av.open(str(path))
    except (OSError, ValueError, av.error.FFmpegError) as error:
        raise InvalidInput(f"{path.name} can't be opened ({getattr(error, 'strerror', None) or error}); is it a video or sound file?") from error


def _time(pts: int | None, base: Fraction | None) -> Fraction:
    return Fraction(pts or 0) * (base or Fraction(1))


def _fitted(image: Image) -> Image:
    scale = min(WIDTH / image.shape[1], HEIGHT / image.shape[0])
    if scale >= 1:
        return image
    size = max(1, round(image.shape[1] * scale)), max(1, round(image.shape[0] * scale))
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)
