"""The student's link over HTTP as a pure state: numbered batches of the link's messages and the time go in, what the page hears comes out.

For networks that let no WebSocket through. What is said is the conversation's, here as there; a batch that comes twice counts once.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

from basics.errors import InvalidInput, TooLarge
from web.student.conversation import Conversation
from web.student.protocol import Message

FRAME: Final = struct.Struct("<BI")  # kind, length in bytes
TEXT: Final = 1
MEDIA: Final = 2
BATCH_MAX_BYTES: Final = 2 << 20
BATCH_MAX_MESSAGES: Final = 600  # ten seconds' worth of what a session may send
HEARD_MAX_BYTES: Final = 512 << 10  # of one answer: what a page must be told of its own errors is no way to fill the server

AGAIN, STOPS, MUCH = "again", "stops", "much"  # why a connection is over, as the page is told it


@dataclass(frozen=True, slots=True)
class Heard:
    """What a page hears for one batch. `over`: this connection is, and why; empty while it goes on."""

    batch: int
    messages: Sequence[Message] = ()
    over: str = ""


def pack_batch(messages: Iterable[str | bytes]) -> bytes:
    """The messages as one body."""
    parts = []
    for message in messages:
        data = message.encode() if isinstance(message, str) else message
        parts += [FRAME.pack(TEXT if isinstance(message, str) else MEDIA, len(data)), data]
    return b"".join(parts)


def unpack_batch(data: bytes) -> list[str | bytes]:
    """The messages in a body. Raise `InvalidInput` or `TooLarge` where any of it can't be read: then nothing of it counts."""
    messages: list[str | bytes] = []
    at = 0
    while at < len(data):
        if len(messages) == BATCH_MAX_MESSAGES:
            raise TooLarge(f"a batch has more than the {BATCH_MAX_MESSAGES} messages allowed")
        if len(data) - at < FRAME.size:
            raise InvalidInput("a batch ends within the header of a message")
        kind, length = FRAME.unpack_from(data, at)
        at += FRAME.size
        if length > len(data) - at:
            raise InvalidInput(f"a batch ends within a message: {length:,} bytes were announced, and {len(data) - at:,} are there")
        if kind == TEXT:
            try:
                messages.append(data[at : at + length].decode())
            except UnicodeDecodeError:
                raise InvalidInput("a text message of a batch is not UTF-8") from None
        elif kind == MEDIA:
            messages.append(data[at : at + length])
        else:
            raise InvalidInput(f"messages of kind {kind} aren't known in a batch; 1 is text, 2 media")
        at += length
    return messages


@dataclass(slots=True)
class Exchange:
    """One connection. Not thread-safe; its conversation's `say` is."""

    talk: Conversation
    _last: Heard | None = field(default=None, init=False)

    def repeated(self, number: int) -> Heard | None:
        """What was heard for this batch already; None where it is the next one. Raise `InvalidInput` where it is neither."""
        last = self._last
        if last is not None and number == last.batch:
            return last
        due = 0 if last is None else last.batch + 1
        if number != due:
            raise InvalidInput(f"batch {number} is none of this connection's turn; the next is {due}", field="batch")
        return None

    def take(self, number: int, messages: Sequence[str | bytes], now: float) -> Heard:
        """Take the next batch, which comes `now` on the session's clock."""
        if self.talk.over:
            return Heard(number, (), self.talk.over)
        said: list[Message] = []
        size = 0
        talk = self.talk

        def hear(more: Iterable[Message]) -> bool:
            nonlocal size
            for message in more:
                size += len(json.dumps(message))
                if size > HEARD_MAX_BYTES:
                    return False
                said.append(message)
            return True

        over = ""
        for data in messages or (None,):
            if not hear(talk.take(data, now)):
                over = MUCH
            if over or talk.over:
                break
        if not over and talk.over is None and not hear(talk.due(now)):
            over = MUCH
        self._last = Heard(number, said, over or talk.over or "")
        return self._last
