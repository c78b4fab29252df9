"""A student's page whose network lets no WebSocket through, by hand: batches over any client of the server's calls."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable, Sequence
from typing import Any

from web.student.batches import pack_batch
from web.student.protocol import Message

Post = Callable[[str, bytes], tuple[int, dict[str, Any]]]  # address and body; status and answer


def page_ms() -> float:
    return time.monotonic() * 1000 + 1e12


class HttpPage:
    """One connection. `heard` is all it was told."""

    def __init__(self, post: Post) -> None:
        self._post = post
        self.token = ""  # for calls by hand
        self.connection = str(uuid.uuid4())
        self.about = ""  # more of the address
        self.number = 0
        self.heard: list[Message] = []
        self.over = ""

    def send(self, messages: Sequence[str | bytes] = (), *, number: int | None = None, body: bytes | None = None) -> tuple[int, dict[str, Any]]:
        """Send one batch as it is."""
        address = f"/api/student/link?connection={self.connection}&batch={self.number if number is None else number}{self.about}"
        return self._post(address, pack_batch(messages) if body is None else body)

    def turn(self, *messages: Message | bytes) -> list[Message]:
        """Say something with the next batch, and what is asked for with the one after it; return what was heard."""
        waiting: list[str | bytes] = [message if isinstance(message, bytes) else json.dumps(message) for message in messages]
        heard: list[Message] = []
        while True:
            status, answer = self.send(waiting)
            assert status == 200, answer
            assert answer["batch"] == self.number
            self.number += 1
            heard += answer["messages"]
            self.over = answer["over"]
            asked = [message for message in answer["messages"] if message["type"] == "clock"]
            if not asked or self.over:
                self.heard += heard
                return heard
            waiting = [json.dumps({"type": "clock", "id": one["id"], "server_ms": one["server_ms"], "page_ms": page_ms()}) for one in asked]

    def come_in(self) -> HttpPage:
        """Be welcomed."""
        self.turn()
        assert self.of_type("welcome"), self.heard
        return self

    def of_type(self, kind: str) -> list[Message]:
        return [message for message in self.heard if message["type"] == kind]
