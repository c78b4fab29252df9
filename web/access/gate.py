"""In front of the app: sockets are opened only by those who may, and never so many that nobody is left to answer the rest.

An open socket holds a thread for as long as it stays, and Engine.IO opens one before anything asks who it is.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from basics.errors import InvalidInput, ProctorError, TooMany, Unauthorized
from basics.texts import _
from web.calls.errors import status_of

VIEWERS = 200  # dashboards' sockets
SPARE_THREADS = 64  # what is left beside all sockets answers HTTP
TRIALS = 16  # sockets of the check before an exam, of some tenths of a second each
LINKS_MORE = SPARE_THREADS // 4  # students' links beside one a session: for a moment, where a page replaces another or is told to wait

DASHBOARDS = "/socket.io"
LINK = "/student/link"
TRIAL = "/student/link/trial"

Wsgi = Callable[[dict[str, Any], Any], Iterable[bytes]]


def is_socket(environ: Mapping[str, Any]) -> bool:
    """Is this the handshake of one of our sockets, and nothing else by its looks? A socket has deadlines of its own."""
    path = str(environ.get("PATH_INFO", "")).rstrip("/")  # behind PUBLIC_URL's path, where there is one
    shakes_hands = environ.get("REQUEST_METHOD") == "GET" and str(environ.get("HTTP_UPGRADE", "")).lower() == "websocket"
    return shakes_hands and path.endswith((DASHBOARDS, LINK, TRIAL)) and environ.get("CONTENT_LENGTH") in (None, "", "0")


class Gate:
    """WSGI middleware. Safe between threads."""

    def __init__(self, app: Wsgi, may_watch: Callable[[dict[str, Any]], bool], *, max_sessions: int) -> None:
        """`may_watch`: may the sender of this handshake open a dashboard's socket?"""
        self._app = app
        self._may_watch = may_watch
        # The first that fits is a path's kind.
        self._most = {TRIAL: TRIALS, DASHBOARDS: VIEWERS, LINK: max_sessions + LINKS_MORE}
        self._open = dict.fromkeys(self._most, 0)
        self._lock = threading.Lock()

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        """Answer, refuse, or hand on."""
        if environ.get("HTTP_TRANSFER_ENCODING"):  # its end can't be told before a thread waits for it, and nobody needs it
            return refuse(start_response, InvalidInput(_("Send the body with its length (Content-Length), not in chunks.")))
        path = environ.get("PATH_INFO", "")
        kind = next((kind for kind in self._most if path == kind or path.startswith(f"{kind}/")), None)
        if kind is None:
            return self._app(environ, start_response)
        if kind == DASHBOARDS and not self._may_watch(environ):
            return refuse(start_response, Unauthorized(_("Log in first: the live updates are for proctors.")))
        with self._lock:
            room = self._open[kind] < self._most[kind]
            self._open[kind] += room
        if not room:
            return refuse(start_response, TooMany(_("As many connections of this kind are open as the server takes; try again."), retry_after_s=5))
        try:
            return self._app(environ, start_response)  # a socket's call lasts as long as the socket
        finally:
            with self._lock:
                self._open[kind] -= 1


def threads_for(max_sessions: int) -> int:
    """How many threads serve: one a socket that may be open, and the spare ones."""
    return max_sessions + VIEWERS + TRIALS + SPARE_THREADS


def refuse(start_response: Any, error: ProctorError, *more: tuple[str, str]) -> Iterable[bytes]:
    """Answer in the app's place; `more` are headers."""
    body = json.dumps({"success": False, "error": {"code": error.code, "message": error.message}}).encode()
    headers = [("Content-Type", "application/json"), ("Content-Length", str(len(body))), ("Cache-Control", "no-store"), ("Connection", "close")]
    headers += more
    if "retry_after_s" in error.details:
        headers.append(("Retry-After", str(error.details["retry_after_s"])))
    start_response(f"{status_of(error)} {error.code.upper()}", headers)
    return [body]
