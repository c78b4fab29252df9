"""What one student and the proctors said: kept in order, each proctor's message until it is read, and whether the student calls."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

from basics.errors import InvalidInput, TooMany
from basics.texts import _

Level = Literal["message", "warning"]
Sender = Literal["proctor", "student"]
Asks = Literal["", "face", "card", "room"]
"""A picture that a proctor asks for with a message; the student may decline."""

MESSAGES_MAX = 200  # of one session; its document holds them all
CALLS_MAX = 50  # of them may be the student's: proctors always have room to write


@dataclass(frozen=True, slots=True)
class Message:
    """Words for the student, or of the student who calls (`sender`), whose text may be empty: a raised hand.

    `at` is seconds on the session's clock; `delivered`: the student's page was sent it, `read`: the student says so. Both hold of the student's own.
    """

    id: str
    text: str
    level: Level
    by: str
    at: float
    delivered: bool = False
    read: bool = False
    sender: Sender = "proctor"
    asks: Asks = ""

    def to_dict(self) -> dict[str, Any]:
        """For storage and answers, where the sender is called `from`."""
        document = asdict(self)
        document["from"] = document.pop("sender")
        return document if self.asks else {name: value for name, value in document.items() if name != "asks"}


@dataclass(frozen=True, slots=True)
class Call:
    """The student calls the proctors, since `at` seconds on the session's clock."""

    at: float
    text: str

    def to_dict(self) -> dict[str, Any]:
        """For storage and answers."""
        return asdict(self)


class MessageBook:
    """The messages of one session, and its student's call. Safe between threads."""

    def __init__(self, messages: Iterable[Mapping[str, Any]] = ()) -> None:
        """Take up messages as `documents` gave them."""
        self._lock = threading.Lock()
        self._call: Call | None = None
        self.take_up(messages)

    def take_up(self, messages: Iterable[Mapping[str, Any]], call: Mapping[str, Any] | None = None) -> None:
        """Go on from what `documents` gave, and from the call that was on."""
        taken = [_message(message) for message in messages]
        with self._lock:
            self._messages = taken
            self._call = Call(call["at"], call["text"]) if call else None

    @property
    def call(self) -> Call | None:
        """The student's call that nobody has answered yet."""
        return self._call

    def add(self, text: str, level: Level, by: str, at: float, asks: Asks = "") -> Message:
        """Keep a proctor's message to be delivered; it answers the call. Raise `TooMany`."""
        message = Message(uuid.uuid4().hex, text, level, by, at, asks=asks)
        with self._lock:
            if len(self._messages) >= MESSAGES_MAX:
                raise TooMany(
                    _(
                        "%(messages_max)s messages were sent in this session, which is the limit; speak to the student otherwise.",
                        messages_max=MESSAGES_MAX,
                    )
                )
            self._messages.append(message)
            self._call = None
        return message

    def begin_call(self, text: str, by: str, at: float) -> Message | None:
        """The student calls, or adds words to the call that is on; None where that says nothing new. Raise `TooMany`."""
        message = Message(uuid.uuid4().hex, text, "message", by, at, delivered=True, read=True, sender="student")
        with self._lock:
            if self._call is not None and text in {"", self._call.text}:
                return None
            if len(self._messages) >= MESSAGES_MAX or sum(one.sender == "student" for one in self._messages) >= CALLS_MAX:
                raise TooMany(_("You have called as often as can be kept. Speak to your proctor otherwise."))
            self._messages.append(message)
            self._call = Call(at if self._call is None else self._call.at, text)
        return message

    def end_call(self) -> bool:
        """The call is over without an answer. False where there was none."""
        with self._lock:
            was, self._call = self._call, None
        return was is not None

    def waiting(self) -> list[Message]:
        """Messages that the student's page was not sent yet, oldest first."""
        with self._lock:
            return [message for message in self._messages if not message.delivered]

    def asked(self, message_id: str) -> Asks:
        """What a message asks for that the student has not answered yet; empty: nothing, or there is no such message."""
        message = self.asking(message_id)
        return message.asks if message is not None else ""

    def asking(self, message_id: str) -> Message | None:
        """The message that asks for something which the student has not answered yet."""
        return next((message for message in self.unread() if message.id == message_id and message.asks), None)

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
                raise InvalidInput(_("there is no message %(message_id)s to have been read", message_id=repr(message_id[:64])))
            self._messages = [replace(message, delivered=True, read=True) if message.id == message_id else message for message in self._messages]

    def documents(self) -> list[dict[str, Any]]:
        """For storage and answers."""
        with self._lock:
            return [message.to_dict() for message in self._messages]


def _message(document: Mapping[str, Any]) -> Message:
    """A stored message; of one that was stored before students could call, the sender was a proctor."""
    names = Message.__dataclass_fields__
    known = {name: value for name, value in document.items() if name in names}
    return Message(**known | {"sender": "student" if document.get("from") == "student" else "proctor"})
