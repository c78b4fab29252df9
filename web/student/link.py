"""The student's link: one plain WebSocket a student, over which pictures, sound and screen acts come and notices go.

What is said and when is the conversation's (`web.student.conversation`); here are its socket, its thread and its place among the links.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable
from functools import partial
from typing import Any

from flask import Blueprint, Response, g, request
from simple_websocket import ConnectionClosed
from simple_websocket.errors import ConnectionError as NoWebSocket
from wsproto.utilities import RemoteProtocolError

from basics.errors import InvalidInput, NotFound, StorageError, TooMany
from sessions.ends import End
from sessions.session import ExamSession
from settings.settings import Settings
from web.parts import Parts, parts
from web.student.budget import Budget
from web.student.conversation import Conversation
from web.student.exam import Terms
from web.student.link_socket import TRY_AGAIN, LinkSocket, TooMuch
from web.student.presence import BROWSER_MAX, plain
from web.student.protocol import Message
from web.student.video import PAGE_MAX_PIXELS, student_video

log = logging.getLogger(__name__)

link = Blueprint("link", __name__)

STOPS = 1001  # WebSocket status: the server goes away; the page comes again by itself
IDLE_S = 0.25  # how often a link that hears nothing looks for something to say


class StudentLink:
    """One student's connection, served by one thread: it reads what comes and sends what waits to be said."""

    def __init__(self, socket: Any, session: ExamSession, owner: Parts) -> None:
        self.session = session
        self._socket = socket
        self._closing = False
        now = session.clock()
        self._conversation = Conversation(
            session,
            terms_of(owner.settings),
            now=now,
            notices=lambda: list(session.status().notices),
            end=lambda: owner.monitor.end_session(session.session_id, End("student")),
            clocks=owner.links.clocks_of(session),
            away_since=max(0.0, now - owner.monitor.attendance.unseen_for(session.session_id, now)),
        )

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
                return

    def refuse(self, much: TooMuch) -> None:
        """Say what was too much, and end it. The page may come again, and its session's budget is what is left of it."""
        log.warning("student's link closed: %s", much.why, extra={"session_id": self.session.session_id})
        self._socket.send(json.dumps({"type": "error", "code": TooMany.code, "message": much.why}))
        self._socket.close(much.status, much.why)

    def _send(self, messages: Iterable[Message]) -> bool:
        """Send each; False when the conversation is over with them."""
        for message in messages:
            self._socket.send(json.dumps(message))
        return self._conversation.over is None


def terms_of(settings: Settings) -> Terms:
    """What the settings say of the link."""
    return Terms(
        video=student_video(settings).model_dump(),
        video_fps=settings.video_fps,
        max_picture_kb=settings.max_picture_kb,
        max_picture_pixels=min(settings.max_picture_pixels, PAGE_MAX_PIXELS),
        screen_capture=settings.screen_capture,
    )


@link.route("/student/link", websocket=True)
def student_link() -> Response:
    """Serve one student's page, until it goes or the exam ends. The token has been read by `web.access`."""
    owner, session_id = parts(), g.student_session_id
    with owner.links.place(session_id):
        try:
            socket = LinkSocket(request.environ)
        except (NoWebSocket, RemoteProtocolError) as error:
            raise InvalidInput("This is no WebSocket that this server can speak; use version 13.") from error
        try:
            _serve(socket, owner, session_id)
        except (ConnectionClosed, OSError):
            log.debug("student's link closed", extra={"session_id": session_id})
        finally:
            socket.hang_up()
    return socket.response()


def _serve(socket: LinkSocket, owner: Parts, session_id: str) -> None:
    session = owner.monitor.get(session_id)
    if session is None and not owner.monitor.resumed.is_set():
        socket.close(TRY_AGAIN, "the server has just started and takes up its sessions")
        return
    if session is None:
        _tell_end(socket, owner, session_id)
        return
    if not session.begun and owner.monitor.is_full(session_id):
        socket.close(TRY_AGAIN, "as many exams run as the server takes; the page comes again by itself")
        return
    socket.budget = owner.links.budget(session_id, lambda: Budget(student_video(owner.settings).model_dump()))
    if not socket.budget.connection():
        socket.close(TRY_AGAIN, "this exam's pages came too often or sent too much; the page comes again by itself")
        return
    session.begin()
    session.watch_over.came_from(request.remote_addr or "", plain(request.user_agent.string, BROWSER_MAX))
    connection = StudentLink(socket, session, owner)
    tell = partial(owner.monitor.student_connected, session_id)
    try:
        replaced = owner.links.enter(connection, tell)
        if replaced is not None:
            replaced.say({"type": "replaced"})
        if owner.monitor.get(session_id) is session:
            connection.serve()
        else:  # it ended in that moment, and told those who were there
            _tell_end(socket, owner, session_id)
    except TooMuch as much:
        connection.refuse(much)
    except (ConnectionClosed, OSError):
        log.debug("student's link closed", extra={"session_id": session_id})
    except Exception:
        log.exception("student's link failed", extra={"session_id": session_id})
    finally:
        owner.links.leave(connection, tell)


def _tell_end(socket: LinkSocket, owner: Parts, session_id: str) -> None:
    """Tell a page whose session is not live how it ended; to come again, where that can't be told: the page takes an end for final."""
    try:
        stored = owner.database.session(session_id)
    except NotFound:
        stored = {"state": "deleted"}
    except StorageError:
        socket.close(TRY_AGAIN, "how this exam stands can't be read now; the page comes again by itself")
        return
    if stored["state"] == "running":
        socket.close(TRY_AGAIN, "the exam has just ended, or is not taken up yet; the page comes again by itself")
        return
    socket.send(json.dumps({"type": "ended"} | {name: stored.get(f"end_{name}") or "" for name in ("reason", "code", "note")}))


@link.before_app_request
def refuse_compression() -> None:
    """simple-websocket accepts permessage-deflate whenever it is offered; JPEG doesn't shrink, and it costs five times the send."""
    if request.environ.get("PATH_INFO") == "/student/link":
        request.environ.pop("HTTP_SEC_WEBSOCKET_EXTENSIONS", None)
