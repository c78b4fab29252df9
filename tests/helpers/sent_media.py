"""Media as a student's page sends them, good and bad."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import av
import cv2
import numpy as np
import pytest

from basics.readings import SAMPLE_RATE, Frame
from media.h264 import H264Decoder
from media.opus import pack

PICTURE = cv2.imencode(".jpg", np.full((48, 64, 3), 90, np.uint8))[1].tobytes()
"""The smallest that is good for a test: a JPEG of 64×48 pixels."""


def sps_of(width: int, height: int, references: int = 1) -> bytes:
    """A baseline SPS of any size, as an attacker would write it."""
    bits = ""

    def golomb(value: int) -> str:
        digits = f"{value + 1:b}"
        return "0" * (len(digits) - 1) + digits

    bits += golomb(0) + golomb(0) + golomb(2) + golomb(references) + "0" + golomb(width // 16 - 1) + golomb(height // 16 - 1) + "11" + "00" + "1"
    bits += "0" * (-len(bits) % 8)
    raw = bytes([66, 0xC0, 31]) + int(bits, 2).to_bytes(len(bits) // 8, "big")
    return b"\x67" + raw.replace(b"\x00\x00\x00", b"\x00\x00\x03\x00").replace(b"\x00\x00\x01", b"\x00\x00\x03\x01")


def opus_messages(samples: np.ndarray[Any, np.dtype[np.int16]], packets_each: int = 10) -> list[bytes]:
    """Messages of 20 ms packets, as a browser's encoder makes them."""
    encoder = av.CodecContext.create("libopus", "w")
    assert isinstance(encoder, av.AudioCodecContext)
    encoder.sample_rate, encoder.layout, encoder.format, encoder.bit_rate = SAMPLE_RATE, "mono", "s16", 24_000
    encoder.options = {"frame_duration": "20"}
    parts = []
    for begin in range(0, len(samples), 320):
        frame = av.AudioFrame.from_ndarray(samples[None, begin : begin + 320], format="s16", layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = SAMPLE_RATE, begin, Fraction(1, SAMPLE_RATE)
        parts += [bytes(packet) for packet in encoder.encode(frame)]
    return [pack(parts[begin : begin + packets_each]) for begin in range(0, len(parts), packets_each)]


def decoded_at(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The times of all pictures of H.264 that are decoded from now on, in the order in which they are."""
    times: list[float] = []
    decode = H264Decoder.decode

    def counted(decoder: H264Decoder, frame: Frame) -> av.VideoFrame:
        times.append(frame.at)
        return decode(decoder, frame)

    monkeypatch.setattr(H264Decoder, "decode", counted)
    return times


def tone(seconds: float) -> np.ndarray[Any, np.dtype[np.int16]]:
    """A tone of 440 Hz."""
    wave = np.sin(np.arange(round(seconds * SAMPLE_RATE)) * 2 * np.pi * 440 / SAMPLE_RATE)
    return np.asarray(wave * 8000, np.int16)
