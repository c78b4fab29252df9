"""The student's link: one plain WebSocket a student, over which pictures, sound and screen acts come and notices go.

What is said and when is the conversation's (`web.student.conversation`); here are its socket, its thread and its place among the links.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Iterable
from typing import Any

from flask import Blueprint, Response, g, request
from simple_websocket import ConnectionClosed
from simple_websocket.errors import ConnectionError as NoWebSocket
from wsproto.utilities import RemoteProtocolError

from basics.errors import InvalidInput, TooMany
from sessions.session import ExamSession
from web.access.who_may import SEB_PROTOCOL, offered
from web.languages import said
from web.links import Attempt, attempt_of
from web.parts import Parts, parts
from web.student.entry import ComeAgain, begin, conversation_with, end_of, enter, leave, may_enter
from web.student.link_socket import TRY_AGAIN, LinkSocket, TooMuch
from web.student.protocol import Message

log = logging.getLogger(__name__)

link = Blueprint("link", __name__)

STOPS = 1001  # WebSocket status: the server goes away; the page comes again by itself
IDLE_S = 0.25  # how often a link that hears nothing looks for something to say


class StudentLink:
    """One student's connection, served by one thread: it reads what comes and sends what waits to be said."""

    def __init__(self, socket: Any, session: ExamSession, owner: Parts, attempt: Attempt | None = None) -> None:
        self.session = session
        self.attempt = attempt
        self._socket = socket
        self._closing = False
        self._conversation = conversation_with(session, owner)

    def say(self, message: Message) -> None:
        """Queue a message. Safe from any thread, never blocks."""
        self._conversation.say(message)

    def close(self) -> None:
        """End the link from another thread."""
        self._closing = True
        self._socket.hurry()

    def serve(self) -> None:
        """Read and answer until the connection or the session ends."""
        talk = self._conversation
        while self._send(talk.due(self.session.clock())):
            data = self._socket.receive(timeout=IDLE_S)
            if self._closing:
                self._socket.close(STOPS, "the server stops; the page tries again")
                return
            if not self._send(talk.take(data, self.session.clock())):
                break
        if talk.over == "moved":
            self._socket.close(TRY_AGAIN, "the exam goes on at another server; the page comes again by itself")

    def refuse(self, much: TooMuch) -> None:
        """Say what was too much, and end it. The page may come again, and its session's budget is what is left of it."""
        log.warning("student's link closed: %s", much.why, extra={"session_id": self.session.session_id})
        self._socket.send(json.dumps({"type": "error", "code": TooMany.code, "message": much.why}))
        self._socket.close(much.status, much.why)

    def _send(self, messages: Iterable[Message]) -> bool:
        """Send each; False when the conversation is over with them."""
        for message in messages:
            self._socket.send(json.dumps(said(message)))
        return self._conversation.over is None


def open_socket() -> LinkSocket:
    """The WebSocket of the present request. Raise `InvalidInput` where it is none that is spoken here."""
    try:
        return LinkSocket(request.environ)
    except (NoWebSocket, RemoteProtocolError) as error:
        raise InvalidInput("This is no WebSocket that this server can speak; use version 13.") from error


@link.route("/student/link", websocket=True)
def student_link() -> Response:
    """Serve one student's page, until it goes or the exam ends. The token has been read by `web.access`."""
    owner, session_id = parts(), g.student_session_id
    with owner.links.place(session_id):
        socket = open_socket()
        try:
            _serve(socket, owner, session_id)
        except (ConnectionClosed, OSError):
            log.debug("student's link closed", extra={"session_id": session_id})
        finally:
            socket.hang_up()
    return socket.response()


def _serve(socket: LinkSocket, owner: Parts, session_id: str) -> None:
    try:
        found = may_enter(owner, session_id, offered(request, SEB_PROTOCOL))
    except ComeAgain as again:
        if again.told is not None:
            socket.send(json.dumps(again.told))
        socket.close(TRY_AGAIN, str(again))
        return
    if found is None:
        _tell_end(socket, owner, session_id)
        return
    session, socket.budget = found
    begin(owner, session, request)
    connection = StudentLink(socket, session, owner, attempt_of(request.args))
    since = time.monotonic()
    try:
        if enter(owner, connection):
            connection.serve()
            owner.cut_links.forget(session_id)
        else:
            _tell_end(socket, owner, session_id)
    except ComeAgain as again:
        socket.close(TRY_AGAIN, str(again))
    except TooMuch as much:
        connection.refuse(much)
    except (ConnectionClosed, OSError):
        if socket.was_cut:
            owner.cut_links.add(session_id, time.monotonic() - since)
        else:
            owner.cut_links.forget(session_id)
        log.debug("student's link closed", extra={"session_id": session_id})
    except Exception:
        log.exception("student's link failed", extra={"session_id": session_id})
    finally:
        leave(owner, connection)


def _tell_end(socket: LinkSocket, owner: Parts, session_id: str) -> None:
    """Tell a page whose session is not live how it ended; to come again, where that can't be told."""
    try:
        ended = end_of(owner, session_id)
    except ComeAgain as again:
        socket.close(TRY_AGAIN, str(again))
        return
    socket.send(json.dumps(ended))


@link.before_app_request
def refuse_compression() -> None:
    """simple-websocket accepts permessage-deflate whenever it is offered; JPEG doesn't shrink, and it costs five times the send."""
    if request.environ.get("PATH_INFO", "").startswith("/student/link"):
        request.environ.pop("HTTP_SEC_WEBSOCKET_EXTENSIONS", None)
