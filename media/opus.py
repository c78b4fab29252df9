"""Opus as students' browsers send it on short links: packets in, 16 kHz sound with continuous times out."""

from __future__ import annotations

import struct
from collections.abc import Iterator

import av
import numpy as np
import numpy.typing as npt

from basics.errors import InvalidInput, TooLarge
from basics.readings import SAMPLE_RATE, Sound

OPUS_RATE = 48_000  # Hz; what every Opus decoder gives (RFC 6716)
LOOKAHEAD_S = 312 / OPUS_RATE  # libopus' encoder answers this much later than it hears, and every browser's encoder is libopus
LENGTH = struct.Struct("<H")  # stands before each packet of a message
PACKETS_MAX = 2000  # of one message: five seconds of the shortest, which last 2.5 ms; of none at all a message could hold half a million
CONFIG_MS = (10, 20, 40, 60) * 3 + (10, 20) * 2 + (2.5, 5, 10, 20) * 4  # frame length by configuration number (RFC 6716, table 2)


def packets(payload: bytes) -> Iterator[bytes]:
    """The packets of a message: each behind its length as u16. Raise `InvalidInput`, and `TooLarge` for a crowd of them."""
    position = count = 0
    while position < len(payload):
        count += 1
        if count > PACKETS_MAX:
            raise TooLarge(f"a sound message has more than {PACKETS_MAX:,} packets; send at most five seconds in one")
        end = position + LENGTH.size
        length = LENGTH.unpack_from(payload, position)[0] if end <= len(payload) else 0
        if not length or end + length > len(payload):
            raise InvalidInput("an Opus message must hold packets, each behind its length as u16 (little endian)")
        yield payload[end : end + length]
        position = end + length


def pack(parts: Iterator[bytes] | list[bytes]) -> bytes:
    """The message of these packets."""
    return b"".join(LENGTH.pack(len(part)) + part for part in parts)


def packet_s(packet: bytes) -> float:
    """How long a packet sounds, in seconds, by its first bytes."""
    code = packet[0] & 3
    frames = 1 if code == 0 else 2 if code < 3 else (packet[1] & 63 if len(packet) > 1 else 0)
    return CONFIG_MS[packet[0] >> 3] * frames / 1000


class OpusReader:
    """One student's Opus. Not thread-safe. Damage or a lost message begins anew and costs only itself."""

    def __init__(self, max_s: float) -> None:
        self._max_s = max_s
        self._sequence: int | None = None
        self._decoder: av.AudioCodecContext | None = None
        self._resampler = av.AudioResampler("s16", "mono", SAMPLE_RATE)
        self._held = 0.0  # seconds that went in and have not come out: the resampler's filter needs what follows

    def read(self, payload: bytes, at: float, sequence: int) -> Sound:
        """The sound of one message that begins at `at`, as far as it can be told already. Raise `InvalidInput` or `TooLarge`."""
        parts = list(packets(payload))
        seconds = sum(map(packet_s, parts))
        if seconds > self._max_s:
            raise TooLarge(f"a sound message of {seconds:.1f} s is too long; send at most {self._max_s:g} s in one")
        if self._decoder is None or self._sequence is None or sequence != self._sequence + 1:
            self._begin()
        assert self._decoder is not None
        self._sequence = sequence
        begin = at - LOOKAHEAD_S - self._held
        pieces: list[npt.NDArray[np.int16]] = []
        taken = 0
        try:
            for part in parts:
                for frame in self._decoder.decode(av.Packet(part)):
                    taken += frame.samples
                    pieces += [np.asarray(resampled.to_ndarray()[0], np.int16) for resampled in self._resampler.resample(frame)]
        except av.error.FFmpegError as error:
            self._decoder = None
            raise InvalidInput(f"an Opus packet is damaged and can't be decoded ({error.strerror}); its sound is lost") from None
        samples = np.concatenate(pieces) if pieces else np.zeros(0, np.int16)
        self._held += taken / OPUS_RATE - len(samples) / SAMPLE_RATE
        return Sound(begin, samples, sequence)

    def _begin(self) -> None:
        decoder = av.CodecContext.create("opus", "r")
        assert isinstance(decoder, av.AudioCodecContext)
        decoder.layout, decoder.sample_rate = "mono", OPUS_RATE
        self._decoder = decoder
        self._resampler = av.AudioResampler("s16", "mono", SAMPLE_RATE)
        self._held = 0.0
