"""Damaged pictures and sound for everything that reads what a client has sent. An error of our own is an answer; anything else is a finding."""

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from multiprocessing.connection import Connection

import av
import numpy as np

from basics.errors import ProctorError
from basics.readings import SAMPLE_RATE, Frame
from bench.harness.drawn import drawn_footage
from media.h264 import inspect, picture_size
from media.opus import OpusReader, pack
from media.pictures import PictureDecoder, check_picture
from web.student.protocol import HEADER, unpack_media, unpack_text

MAX_PIXELS = 1_000_000
SLOW_S = 1.0  # of processor time, for one input of some KB
SOUND_S = 5.0
INTERESTING = (b"\x00\x00\x01", b"\x00\x00\x00\x01\x67", b"\xff\xda", b"\xff\xc2", b"\xff\xff\xff\xff", b"\x00" * 16, b"\x7f\xff\xff\xff", b"\x80")


@dataclass(frozen=True, slots=True)
class Finding:
    """An input that was not answered as it must be, told again by its seed and number."""

    what: str
    seed: int
    number: int
    problem: str

    def __str__(self) -> str:
        return f"{self.what}, seed {self.seed}, number {self.number}: {self.problem}"


def damaged(data: bytes, random: random.Random) -> bytes:
    """`data` with some of its bytes changed, moved, doubled, cut out or put in."""
    raw = bytearray(data)
    for _ in range(random.choice((1, 1, 2, 4, 16))):
        at, way = random.randrange(len(raw) + 1), random.randrange(6)
        length = random.choice((1, 2, 8, 64, 512))
        if way == 0 and at < len(raw):
            raw[at] ^= 1 << random.randrange(8)
        elif way == 1:
            raw[at : at + length] = random.randbytes(length)
        elif way == 2:
            del raw[at : at + length]
        elif way == 3:
            raw[at:at] = raw[at : at + length] * random.randint(1, 4)
        elif way == 4:
            raw[at:at] = random.choice(INTERESTING)
        else:
            raw = raw[:at] if random.random() < 0.3 else raw
        if not raw:
            break
    return bytes(raw)


def _opus() -> bytes:
    encoder = av.CodecContext.create("libopus", "w")
    assert isinstance(encoder, av.AudioCodecContext)
    encoder.sample_rate, encoder.layout, encoder.format, encoder.bit_rate = SAMPLE_RATE, "mono", "s16", 24_000
    encoder.options = {"frame_duration": "20"}
    parts: list[bytes] = []
    for begin in range(0, SAMPLE_RATE, 320):
        wave = (np.sin(np.arange(begin, begin + 320) * 0.2) * 8000).astype(np.int16)
        frame = av.AudioFrame.from_ndarray(wave[None], format="s16", layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = SAMPLE_RATE, begin, Fraction(1, SAMPLE_RATE)
        parts += [bytes(packet) for packet in encoder.encode(frame)]
    return pack(parts[:10])


def _h264(data: bytes) -> None:
    inspect(data, MAX_PIXELS)
    PictureDecoder(MAX_PIXELS).decode(Frame(0.0, data, "h264", True, 0, 0))()


def _jpeg(data: bytes) -> None:
    check_picture(data, MAX_PIXELS)
    PictureDecoder(MAX_PIXELS).decode(Frame(0.0, data))()


def _sound(data: bytes) -> None:
    OpusReader(SOUND_S).read(data, 0.0, 0)


def _message(data: bytes) -> None:
    unpack_media(data)


def _text(data: bytes) -> None:
    unpack_text(data.decode("utf-8", "surrogateescape"))


def targets() -> dict[str, tuple[Callable[[bytes], None], list[bytes]]]:
    """What reads, and the good inputs that are damaged for it."""
    h264 = [frame.data for frame in drawn_footage(2, codec="h264").frames]
    jpeg = [frame.data for frame in drawn_footage(1).frames[:2]]
    text = [b'{"type": "acts", "acts": [{"id": "abcdefgh", "kind": "copy", "page_ms": 1e12}]}', b'{"type": "clock", "id": 1, "page_ms": 1.5}']
    return {
        "h264": (_h264, [h264[0], h264[0] + h264[1]]),
        "sps": (lambda data: _ignore(picture_size(data)), [h264[0][4:40]]),
        "jpeg": (_jpeg, jpeg),
        "opus": (_sound, [_opus()]),
        "media": (_message, [HEADER.pack(1, 1, 1, 1, 0, 1e12) + jpeg[0]]),
        "text": (_text, text),
    }


def _ignore(value: object) -> None:
    """The answer does not matter, that there is one does."""


def fuzz(seed: int, seconds: float, most: int | None = None, begun: Callable[[str, int], None] = lambda what, number: None) -> Iterator[Finding]:
    """Damaged inputs for every target in turn, for so many seconds of processor time or `most` of them. `begun` hears each before it is tried."""
    reading, until, number = targets(), time.process_time() + seconds, 0
    while time.process_time() < until and (most is None or number < most):
        what = list(reading)[number % len(reading)]
        begun(what, number)
        problem = try_one(*reading[what], random.Random(f"{seed} {number}"))
        if problem:
            yield Finding(what, seed, number, problem)
        number += 1


def tell(seed: int, seconds: float, pipe: Connection) -> None:
    """`fuzz` in a process of its own: each input is told before it is tried, and each finding."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)  # libjpeg says on standard error what it thinks of each picture
    for finding in fuzz(seed, seconds, begun=lambda what, number: pipe.send((what, number))):
        pipe.send(finding)


def try_one(read: Callable[[bytes], None], good: list[bytes], random: random.Random) -> str:
    """Read one damaged input; return what is wrong with how it was answered, else nothing."""
    data, before = damaged(random.choice(good), random), time.process_time()
    try:
        read(data)
    except ProctorError:
        pass
    except Exception as error:
        return f"{type(error).__name__}: {error} ({len(data)} bytes)"
    took = time.process_time() - before
    return f"it took {took:.1f} s of processor time ({len(data)} bytes)" if took > SLOW_S else ""
