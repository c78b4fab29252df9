"""What is said between a student and the proctors while the exam runs: kept, stored, and told to whom it concerns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from basics.errors import Conflict
from basics.texts import _
from sessions.documents import Documents
from sessions.events import CallChanged, Events, MessageDelivered, MessageRead, MessageSent
from sessions.messages import Asks, Level, Message, MessageBook

if TYPE_CHECKING:
    from sessions.session import ExamSession


class Talk:
    """The messages and calls of one running session. Safe between threads; nothing here waits."""

    def __init__(self, session: ExamSession, book: MessageBook, store: Documents, events: Events) -> None:
        self._session = session
        self._book = book
        self._documents = store
        self._events = events

    def send(self, text: str, level: Level, by: str, asks: Asks = "") -> tuple[Message, Any]:
        """Keep words for the student, which answer a call; return them and the ticket of their record. `asks`: for a picture. Raise `TooMany`."""
        called = self._book.call
        message = self._book.add(text, level, by, self._now(), asks)
        ticket = self._store()
        self._events.publish(MessageSent(self._session, message))
        if called is not None:
            self._events.publish(CallChanged(self._session, None))
        return message, ticket

    def delivered(self, message_id: str) -> None:
        """The student's page was sent a message."""
        self._book.delivered(message_id)
        self._store()
        self._events.publish(MessageDelivered(self._session, message_id))

    def read(self, message_id: str) -> None:
        """The student has read a message. Raise `InvalidInput` for one that was not sent."""
        self._book.read(message_id)
        self._store()
        self._events.publish(MessageRead(self._session, message_id))

    def read_by_page(self, message_id: str) -> None:
        """The page says that the student has read a message; one that asks for a picture is read once it is answered. Raise `InvalidInput`."""
        if not self._book.asked(message_id):
            self.read(message_id)

    def call(self, text: str | None) -> None:
        """The student calls the proctors, with or without words; None takes it back. Raise `Conflict`, `TooMany`."""
        if text is None:
            if not self._book.end_call():
                return
        elif not self._session.is_running:
            raise Conflict(_("The session has ended."))
        else:
            message = self._book.begin_call(text, self._session.user_id, self._now())
            if message is None:
                return
            self._events.publish(MessageSent(self._session, message))
        self._store()
        self._events.publish(CallChanged(self._session, self._book.call))

    def end(self) -> None:
        """The session is over: nobody waits for an answer any more."""
        if self._book.end_call():
            self._store()

    def _now(self) -> float:
        return round(self._session.clock(), 2)

    def _store(self) -> Any:
        call = self._book.call
        return self._documents.session(messages=self._book.documents(), call=call.to_dict() if call else None)
