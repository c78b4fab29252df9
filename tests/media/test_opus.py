"""Opus on the server: times are kept, a lost message costs only itself, lengths are refused before decoding."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from basics.errors import InvalidInput, TooLarge
from basics.readings import SAMPLE_RATE
from media.opus import LOOKAHEAD_S, PACKETS_MAX, OpusReader, pack, packets
from tests.helpers.sent_media import opus_messages


def clicks(seconds: int) -> np.ndarray[Any, np.dtype[np.int16]]:
    """A short tone at each whole second and a half."""
    samples = np.zeros(seconds * SAMPLE_RATE, np.int16)
    for second in range(seconds):
        at = second * SAMPLE_RATE + SAMPLE_RATE // 2
        samples[at : at + 800] = (12_000 * np.sin(np.arange(800) * 0.4)).astype(np.int16)
    return samples


def test_opus_keeps_its_times_over_minutes() -> None:
    samples = clicks(60)
    reader = OpusReader(5)
    sounds = [reader.read(message, number * 0.2, number) for number, message in enumerate(opus_messages(samples))]
    for one, following in pairwise(sounds):
        assert following.at == pytest.approx(one.at + one.duration, abs=1e-6)  # no sample is lost or doubled between messages
    track = np.concatenate([sound.samples for sound in sounds]).astype(float)
    assert len(track) == pytest.approx(len(samples), abs=400)
    for second in (0, 1, 30, 59):
        begin = round((second + 0.4 - sounds[0].at) * SAMPLE_RATE)
        loud = np.flatnonzero(np.abs(track[begin : begin + 3200]) > 3000)
        assert (begin + loud[0]) / SAMPLE_RATE + sounds[0].at == pytest.approx(second + 0.5, abs=0.008)


def test_a_lost_or_damaged_message_costs_only_itself() -> None:
    messages = opus_messages(clicks(4))
    reader = OpusReader(5)
    sounds = []
    for number, message in enumerate(messages):
        if number == 7:
            continue
        if number == 12:
            with pytest.raises(InvalidInput, match="length"):
                reader.read(message[:-3], number * 0.2, number)
            continue
        sounds.append(reader.read(message, number * 0.2, number))
    gaps = [round(after.at - before.at - before.duration, 2) for before, after in pairwise(sounds)]
    assert [gap for gap in gaps if gap > 0.01] == [0.2, 0.2]
    assert sounds[8].at == pytest.approx(9 * 0.2 - LOOKAHEAD_S, abs=0.003)


def test_sound_that_is_too_long_is_refused_before_it_is_decoded() -> None:
    packet_of_120_ms = bytes([3 << 3 | 3, 2]) + bytes(10)
    with pytest.raises(TooLarge, match=r"6\.0 s"):
        OpusReader(5).read(pack([packet_of_120_ms] * 50), 0, 0)


@pytest.mark.parametrize("packet", [b"\x03\x00", b"\x80"])  # of no frames, and of 2.5 ms
def test_a_crowd_of_packets_is_refused_before_it_is_gone_through(packet: bytes) -> None:
    payload = pack([packet] * (PACKETS_MAX + 1)) + b"\xff\xff"  # at whose end nobody comes
    with pytest.raises(TooLarge, match="packets"):
        OpusReader(5).read(payload, 0, 0)
    assert len(list(packets(pack([packet] * PACKETS_MAX)))) == PACKETS_MAX


@pytest.mark.parametrize("payload", [b"\x00", b"\x00\x00", b"\xff\xff12", b"\x02\x00a"])
def test_what_is_no_opus_message_is_refused(payload: bytes) -> None:
    with pytest.raises(InvalidInput, match="Opus"):
        OpusReader(5).read(payload, 0, 0)
