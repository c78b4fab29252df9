"""Takes the mask off what WebSocket clients send (RFC 6455, 5.3), a word at a time: wsproto's own way, a byte at a time, is most of what a picture's
coming takes.
"""

from __future__ import annotations

import numpy as np
from wsproto import frame_protocol

WORD = 4  # bytes, as many as a mask has


class Unmasker:
    """Of one frame, which may come in parts: in place of wsproto's `XorMaskerSimple`."""

    def __init__(self, masking_key: bytes | bytearray) -> None:
        self._key = bytes(masking_key)

    def process(self, data: bytes | bytearray) -> bytearray:
        """The next part of the frame without its mask."""
        plain, key, words = bytearray(data), self._key, len(data) // WORD
        if words:
            whole = np.frombuffer(plain, np.uint32, words)
            whole ^= np.frombuffer(key, np.uint32)
            del whole  # else its bytes could not be added to
        for place in range(words * WORD, len(plain)):
            plain[place] ^= key[place % WORD]
        over = len(plain) % WORD
        self._key = key[over:] + key[:over]
        return plain


def unmask_by_words() -> None:
    """From now on all WebSockets of this process are read so."""
    frame_protocol.XorMaskerSimple = Unmasker  # type: ignore[misc, assignment]
