"""A WebSocket for the check before an exam: does the student's network let one through, and what is sent over it? No session begins by it."""

from __future__ import annotations

import json
import time

from flask import Blueprint, Response
from simple_websocket import ConnectionClosed

from web.parts import parts
from web.student.budget import Budget
from web.student.link import open_socket
from web.student.trials import may_try
from web.student.video import student_video

link_trial = Blueprint("link_trial", __name__)

TRIAL_S = 5.0  # for one message of a few KB, over a line of 10 kbit/s too
TRIAL_MAX_BYTES = 8 << 10


@link_trial.route("/student/link/trial", websocket=True)
def try_link() -> Response:
    """Open a WebSocket as the student's link is one, take one message of at most 8 KB, say `trial {bytes}`, and end it.

    It lasts five seconds at most, some are open at a time, and nothing is kept. Where PORTAL_OPEN is not set it needs a student's token.
    """
    may_try()
    socket = open_socket()
    socket.message_max_bytes = TRIAL_MAX_BYTES
    socket.budget = Budget(student_video(parts().settings).model_dump())  # pings too: each answer waits for its reader
    try:
        until = time.monotonic() + TRIAL_S
        data = None
        while data is None and (left := until - time.monotonic()) > 0:
            data = socket.receive(timeout=left)
        if data is not None:
            socket.send(json.dumps({"type": "trial", "bytes": len(data)}))
    except (ConnectionClosed, OSError):
        pass  # gone, or too much: either way it is over
    finally:
        socket.hang_up()
    return socket.response()
