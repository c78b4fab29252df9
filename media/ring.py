"""The ring of one session: its newest pictures and sound as they came, bounded by time and bytes, from which clips are cut.

H.264 pictures rest on those before them, so a cut begins at the key picture before the wanted time.
"""

from __future__ import annotations

from collections import deque
from threading import Lock

import numpy as np
import numpy.typing as npt

from basics.readings import SAMPLE_RATE, Frame, Sound

KEY_EVERY_S = 3.0  # pages send a key picture every 2 s; that much more is kept, for a cut to begin at
JOIN_TOLERANCE_S = 0.25  # sound that begins this close to the end of the last is its continuation: browsers' times jitter


class ClipRing:
    """Pictures and sound of the last `keep_s` seconds, at most `max_bytes`; the oldest go first. Safe between threads."""

    def __init__(self, keep_s: float, max_bytes: int) -> None:
        self._keep_s = keep_s
        self.late_s = 0.0  # by so much is kept longer: media that were under way for so long may be followed by such as were not
        self._max_bytes = max_bytes
        self._frames: deque[Frame] = deque()
        self._sounds: deque[Sound] = deque()
        self._bytes = 0
        self._lock = Lock()

    def add_frame(self, frame: Frame) -> None:
        """Keep one encoded picture."""
        with self._lock:
            self._frames.append(frame)
            self._bytes += len(frame.data)
            self._trim(frame.at)

    def add_sound(self, sound: Sound) -> None:
        """Keep a stretch of sound."""
        with self._lock:
            self._sounds.append(sound)
            self._bytes += sound.samples.nbytes
            self._trim(sound.at)

    def _trim(self, now: float) -> None:
        oldest = now - self._keep_s - self.late_s
        while self._frames and (self._frames[0].at < oldest or self._bytes > self._max_bytes):
            self._bytes -= len(self._frames.popleft().data)
        while self._sounds and (self._sounds[0].at + self._sounds[0].duration < oldest or self._bytes > self._max_bytes):
            self._bytes -= self._sounds.popleft().samples.nbytes

    def cut(self, start: float, end: float) -> tuple[list[Frame], list[Sound]]:
        """What is kept of `[start, end)`: whole pictures, and stretches of sound that touch it. With H.264 both begin up to `KEY_EVERY_S` earlier."""
        with self._lock:
            frames = [frame for frame in self._frames if start - KEY_EVERY_S <= frame.at < end]
            begin = next((number for number, frame in enumerate(frames) if frame.at >= start), len(frames))
            first = begin
            if begin < len(frames) and frames[begin].codec == "h264":
                while first > 0 and frames[first].codec == "h264" and not frames[first].key:
                    first -= 1
                first = first if frames[first].key and frames[first].codec == "h264" else begin
            frames = frames[first:]
            start = min([start] + [frame.at for frame in frames[:1]])
            sounds = [sound for sound in self._sounds if sound.at < end and sound.at + sound.duration > start]
        return frames, sounds

    def clear(self) -> None:
        """Let go of all of it."""
        with self._lock:
            self._frames.clear()
            self._sounds.clear()
            self._bytes = 0

    @property
    def nbytes(self) -> int:
        """Bytes kept now."""
        return self._bytes


def join_sound(sounds: list[Sound], start: float, end: float) -> npt.NDArray[np.int16]:
    """One track of `[start, end)`, int16 of shape [n], 16 kHz mono: gaps are silent, and jitter of the times makes none."""
    track = np.zeros(max(0, round((end - start) * SAMPLE_RATE)), np.int16)
    position: int | None = None
    for sound in sounds:
        wanted = round((sound.at - start) * SAMPLE_RATE)
        if position is None or abs(wanted - position) > JOIN_TOLERANCE_S * SAMPLE_RATE:
            position = wanted
        samples = sound.samples
        first, last = max(0, -position), min(len(samples), len(track) - position)
        if first < last:
            track[position + first : position + last] = samples[first:last]
        position += len(samples)
    return track
