"""Waiting for what comes, with a limit; and ports that nobody has."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable

STEP_S = 0.05


def comes(condition: Callable[[], object], within: float, step: float = STEP_S) -> bool:
    """Wait until `condition` is true, for at most `within` seconds; return whether it came true."""
    pause, deadline = threading.Event(), time.monotonic() + within
    while not condition():
        if time.monotonic() > deadline:
            return False
        pause.wait(step)
    return True


def free_port() -> int:
    """A port of this machine at which nobody listens, and which nobody else is given while this process lives.

    It stays bound, and refuses whoever connects. Servers, which bind theirs with SO_REUSEADDR, may have it all the same.
    """
    held = socket.socket()
    held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    held.bind(("127.0.0.1", 0))
    port = int(held.getsockname()[1])
    held.detach()  # and never closed
    return port
