"""A dashboard without a browser: a Socket.IO client that reads what it is sent in the order of sending."""

from __future__ import annotations

import threading
from typing import Any

import engineio
import socketio

PATIENCE_S = 60.0


class _InOrder(engineio.Client):  # type: ignore[misc]
    # The library hands each message to a thread of its own. An event and its picture are two messages, so on a busy machine the picture could
    # be read first. An error ends the reading, in the thread that reads: a broken protocol does not pass unseen.
    def _trigger_event(self, event: str, *args: Any, **kwargs: Any) -> Any:
        if event == "message":
            return self.handlers[event](*args)
        return super()._trigger_event(event, *args, **kwargs)

    # A server that stops says so in a message, which is read in that same thread: it can't wait for itself to end.
    def disconnect(self, abort: bool = False, reason: str | None = None) -> None:
        super().disconnect(abort=abort or threading.current_thread() is self.read_loop_task, reason=reason)


class Viewer(socketio.Client):  # type: ignore[misc]
    """`socketio.Client` that calls its handlers one after another, in the thread that reads: they must not `call` the server themselves.

    `patience_s` is for how long it waits for the handshake, and for being let in: the library would go after a second, which a busy machine may need.
    """

    def __init__(self, patience_s: float = PATIENCE_S) -> None:
        super().__init__(reconnection=False, request_timeout=patience_s)
        self._patience_s = patience_s

    def connect(self, url: str, **how: Any) -> None:
        """Connect, and wait until the server has taken it. Raise `socketio.exceptions.ConnectionError`."""
        super().connect(url, **{"wait_timeout": self._patience_s, **how})

    def _engineio_client_class(self) -> type[engineio.Client]:
        return _InOrder
