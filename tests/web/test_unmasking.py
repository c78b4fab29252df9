"""Masked frames are read as wsproto itself reads them, whole and in parts, by every WebSocket of the server."""

from __future__ import annotations

import numpy as np
import pytest
from wsproto import frame_protocol

import web.student.link_socket  # noqa: F401  (it says how frames are read)
from web.unmasking import Unmasker


def masked(data: bytes, key: bytes) -> bytes:
    return bytes(byte ^ key[place % 4] for place, byte in enumerate(data))


@pytest.mark.parametrize("parts", [[0], [1], [3], [4], [7, 9], [1, 2, 3, 4, 5, 6], [64, 1, 25_001]])
def test_a_frame_is_what_was_sent_in_whatever_parts_it_comes(parts: list[int]) -> None:
    data, key = np.random.default_rng(5).bytes(sum(parts)), b"\x01\x80\xfe\x37"
    sent, unmasker, plain = masked(data, key), Unmasker(key), bytearray()
    for part in parts:
        piece, sent = sent[:part], sent[part:]
        plain += unmasker.process(bytearray(piece))
    assert plain == data


def test_links_and_dashboards_are_read_so() -> None:
    decoder = frame_protocol.FrameDecoder(client=False)
    data, key = bytes(range(200)), b"\x0a\x0b\x0c\x0d"
    decoder.receive_bytes(b"\x82\xfe" + len(data).to_bytes(2, "big") + key + masked(data, key))
    frame = decoder.process_buffer()
    assert frame is not None
    assert (frame.payload, frame.frame_finished) == (data, True)
    assert frame_protocol.XorMaskerSimple.__name__ == Unmasker.__name__
