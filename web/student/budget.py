"""How much one student's page may say: a pace for what is dear, and the budget of messages and bytes of a session's connections."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

BURST_S = 10.0  # what so many seconds allow may come at once: a line that stood still delivers all at its end
BYTES_A_SECOND = 2 << 20  # at least; 640×480 as JPEG is an eighth of it at 10 pictures a second
BYTES_A_PIXEL = 0.5  # of a picture at its best
FRAMES_A_SECOND = 40  # beside the pictures: sound, acts, answers to the clock and pings come in 20
FRAMES_A_PICTURE = 2
ACTS_AT_ONCE, ACTS_A_SECOND = 20, 4  # messages with acts that are counted as they come; beyond that they are counted together, at this pace
DEVICES_AT_ONCE, DEVICES_A_SECOND = 20, 1  # words about devices, likewise: of each device the newest is kept
CALLS_AT_ONCE, CALLS_A_SECOND = 10, 0.2  # calls of the proctors, and taking them back: each is stored, and shown to every proctor
NAMES_AT_ONCE, NAMES_A_SECOND = 10, 0.2  # other names of the camera: each is stored
STEPS_AT_ONCE, STEPS_A_SECOND = 10, 0.2  # steps of a page's clock that are stored, and asked after at once
FRAMES_A_CONNECTION = 30  # a connection is as dear as so many: its coming and going are stored and shown


class Allowance:
    """So many a second, and `most` at once. Times in seconds on any one clock."""

    def __init__(self, a_second: float, most: float) -> None:
        self._a_second = a_second
        self._most = most
        self._left = most
        self._at = 0.0

    def allows(self, now: float, cost: float = 1.0) -> bool:
        """Is there room for `cost` more? It is taken then."""
        self._left = min(self._most, self._left + max(0.0, now - self._at) * self._a_second)
        self._at = now
        if cost > self._left:
            return False
        self._left -= cost
        return True


class Paces:
    """How fast what is stored and shown is taken of one session, on its own clock, over all its connections."""

    def __init__(self) -> None:
        self.acts = Allowance(ACTS_A_SECOND, ACTS_AT_ONCE)
        self.devices = Allowance(DEVICES_A_SECOND, DEVICES_AT_ONCE)
        self.calls = Allowance(CALLS_A_SECOND, CALLS_AT_ONCE)
        self.names = Allowance(NAMES_A_SECOND, NAMES_AT_ONCE)
        self.steps = Allowance(STEPS_A_SECOND, STEPS_AT_ONCE)


class Budget:
    """What all connections of one session may send, in frames (parts of messages, pings too) and bytes.

    Two threads may ask at once where a page replaces another: what one of them then takes too much is no harm.
    """

    def __init__(self, video: Mapping[str, Any], clock: Callable[[], float] = time.monotonic) -> None:
        """`video` as the page is told it."""
        self.bytes_a_second = max(BYTES_A_SECOND, video["fps"] * video["width"] * video["height"] * BYTES_A_PIXEL)
        self.frames_a_second = FRAMES_A_SECOND + FRAMES_A_PICTURE * video["fps"]
        self._bytes = Allowance(self.bytes_a_second, self.bytes_a_second * BURST_S)
        self._frames = Allowance(self.frames_a_second, self.frames_a_second * BURST_S)
        self._clock = clock
        self.paces = Paces()

    def connection(self) -> bool:
        """Is there room for another connection?"""
        return self._frames.allows(self._clock(), FRAMES_A_CONNECTION)

    def bytes(self, count: int) -> bool:
        """Is there room for so many bytes more?"""
        return self._bytes.allows(self._clock(), count)

    def frame(self) -> bool:
        """Is there room for another frame?"""
        return self.frames(1)

    def frames(self, count: int) -> bool:
        """Is there room for so many frames more?"""
        return self._frames.allows(self._clock(), count)
