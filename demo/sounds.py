"""What a demo student's microphone hears: a quiet room, a keyboard, and speech where this machine has espeak-ng to make it."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
import wave
from pathlib import Path

import numpy as np
import numpy.typing as npt

from basics.readings import SAMPLE_RATE

Samples = npt.NDArray[np.int16]

ROOM_S = 20  # of room noise, over and over
ROOM_LEVEL = 45.0  # about -57 dB below full scale: a quiet room, and no dead microphone
SPEECH_LEVEL = 9000  # at its loudest
SPEAK_S = 20.0


def room_noise(seed: int) -> Samples:
    """`ROOM_S` seconds of a room with somebody at a keyboard: int16, mono, 16 kHz."""
    random = np.random.default_rng(seed)
    sound = random.normal(0, ROOM_LEVEL, ROOM_S * SAMPLE_RATE)
    sound = np.asarray(np.convolve(sound, np.ones(4) / 2, mode="same"), dtype=np.float64)  # rooms hum more than they hiss
    tap = np.exp(-np.arange(400) / 60)
    for at in random.uniform(0, ROOM_S - 1, 40):
        begin = int(at * SAMPLE_RATE)
        sound[begin : begin + len(tap)] += tap * random.normal(0, 350, len(tap))
    return np.rint(sound).astype(np.int16)


def speech(text: str) -> Samples | None:
    """`text` spoken by espeak-ng, as `room_noise` is; None where it isn't installed or fails."""
    program = shutil.which("espeak-ng")
    if program is None:
        return None
    with tempfile.TemporaryDirectory(prefix="proctor-demo-speech-") as folder:
        spoken = Path(folder) / "speech.wav"
        try:
            subprocess.run([program, "-w", str(spoken), text], check=True, timeout=SPEAK_S, stdin=subprocess.DEVNULL, capture_output=True)
            with wave.open(str(spoken)) as file:
                rate, said = file.getframerate(), np.frombuffer(file.readframes(file.getnframes()), "<i2").astype(np.float64)
        except (OSError, subprocess.SubprocessError, wave.Error, EOFError):
            return None
    if not said.any():
        return None
    said *= SPEECH_LEVEL / np.abs(said).max()
    times = np.arange(int(len(said) * SAMPLE_RATE / rate)) * rate / SAMPLE_RATE
    return np.asarray(np.rint(np.interp(times, np.arange(len(said)), said)), dtype=np.int16)


class Microphone:
    """One student's microphone. The same stretch gives the same sound."""

    def __init__(self, seed: int, text: str = "") -> None:
        self._room = room_noise(seed)
        self._speech = speech(text) if text else None

    def sound(self, first: int, count: int, *, spoken_from: int | None = None) -> Samples:
        """Samples `first` to `first + count` since the exam's begin; the speech begins at sample `spoken_from`."""
        numbers = np.arange(first, first + count)
        heard = self._room[numbers % len(self._room)].astype(np.int32)
        if self._speech is not None and spoken_from is not None:
            said = numbers - spoken_from
            inside = (said >= 0) & (said < len(self._speech))
            heard[inside] += self._speech[said[inside]]
        return np.asarray(np.clip(heard, -32768, 32767), np.int16)
