"""What was said to one student: kept in order, each message until the student has read it."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

from basics.errors import InvalidInput, TooMany

Level = Literal["message", "warning"]

MESSAGES_MAX = 200  # of one session; its document holds them all


@dataclass(frozen=True, slots=True)
class Message:
    """Words for the student. `at` is seconds on the session's clock; `delivered`: the student's page was sent it, `read`: the student says so."""

    id: str
    text: str
    level: Level
    by: str
    at: float
    delivered: bool = False
    read: bool = False

    def to_dict(self) -> dict[str, Any]:
        """For storage and answers."""
        return asdict(self)


class MessageBook:
    """The messages of one session. Safe between threads."""

    def __init__(self, messages: Iterable[Mapping[str, Any]] = ()) -> None:
        """Take up messages as `documents` gave them."""
        names = Message.__dataclass_fields__
        self._messages = [Message(**{name: value for name, value in message.items() if name in names}) for message in messages]
        self._lock = threading.Lock()

    def add(self, text: str, level: Level, by: str, at: float) -> Message:
        """Keep a message to be delivered. Raise `TooMany`."""
        message = Message(uuid.uuid4().hex, text, level, by, at)
        with self._lock:
            if len(self._messages) >= MESSAGES_MAX:
                raise TooMany(f"{MESSAGES_MAX} messages were sent in this session, which is the limit; speak to the student otherwise.")
            self._messages.append(message)
        return message

    def waiting(self) -> list[Message]:
        """Messages that the student's page was not sent yet, oldest first."""
        with self._lock:
            return [message for message in self._messages if not message.delivered]

    def delivered(self, message_id: str) -> None:
        """The student's page was sent it."""
        with self._lock:
            self._messages = [replace(message, delivered=True) if message.id == message_id else message for message in self._messages]

    def unread(self) -> list[Message]:
        """Messages that the student has not read yet, oldest first."""
        with self._lock:
            return [message for message in self._messages if not message.read]

    def read(self, message_id: str) -> None:
        """The student has read it. Raise `InvalidInput` when there is no such message."""
        with self._lock:
            if all(message.id != message_id for message in self._messages):
                raise InvalidInput(f"there is no message {message_id[:64]!r} to have been read")
            self._messages = [replace(message, delivered=True, read=True) if message.id == message_id else message for message in self._messages]

    def documents(self) -> list[dict[str, Any]]:
        """For storage and answers."""
        with self._lock:
            return [message.to_dict() for message in self._messages]
