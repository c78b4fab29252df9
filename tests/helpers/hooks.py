"""A receiver of webhooks on this machine, and what sends to it by a clock that the test moves."""

from __future__ import annotations

import json
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from basics.times import utc_now
from database import Database
from records.hook_sender import HookSender
from records.hooks import Endpoint, Hooks
from records.outbox import Outbox
from storage.marks import Mark
from tests.helpers.waiting import until

HERE = "127.0.0.1"
KEY = "the server's key"
Answering = tuple[int, dict[str, str], bytes]


@dataclass
class Receiver:
    """What came, and what is answered: `answer` is given each request's path."""

    url: str = ""
    requests: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list)  # each at once: they come in threads of their own
    answer: Callable[[str], Answering] = lambda _path: (204, {}, b"")
    refuses: str = ""  # the kind of event that is answered 500

    @property
    def came(self) -> list[tuple[dict[str, str], bytes]]:
        """The headers and the body of each."""
        return [(headers, body) for _path, headers, body in self.requests]

    @property
    def paths(self) -> list[str]:
        """Where each came."""
        return [path for path, _headers, _body in self.requests]

    @property
    def told(self) -> list[dict[str, Any]]:
        """The bodies, in the order in which they came."""
        return [json.loads(body) for _headers, body in self.came]

    @property
    def kinds(self) -> list[str]:
        """The kind of event of each."""
        return [told["type"] for told in self.told]


@contextmanager
def receiving(tls: ssl.SSLContext | None = None) -> Iterator[Receiver]:
    """A real server on loopback."""
    receiver = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            receiver.requests.append((self.path, {name.lower(): value for name, value in self.headers.items()}, body))
            refused = bool(receiver.refuses) and json.loads(body)["type"] == receiver.refuses
            status, headers, said = (500, {}, b"") if refused else receiver.answer(self.path)
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(said))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(said)

        def log_message(self, *_args: object) -> None:
            pass

    server = ThreadingHTTPServer((HERE, 0), Handler)
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    receiver.url = f"http://{HERE}:{server.server_port}/hook"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield receiver
    finally:
        server.shutdown()
        server.server_close()
        thread.join(10)


class Sending:
    """One server's part in it. Its worker is not started: the test makes the turns."""

    def __init__(self, database: Database, **more: Any) -> None:
        self.at = utc_now()
        self.database = database
        self.hooks = Hooks(database, KEY, {HERE}, now=lambda: self.at)
        self.outbox = Outbox(database, lambda: self.at, **more)
        self.sender = HookSender(database, self.hooks, self.outbox, now=lambda: self.at)

    def add(self, url: str, **wanted: Any) -> tuple[Endpoint, str]:
        """An endpoint and its secret."""
        return self.hooks.add("Registry", url, by="Ada", **wanted)

    def run(self, seconds: float = 0.0) -> None:
        """So much later: make turns until nothing more is sent."""
        self.at += timedelta(seconds=seconds)
        for _turn in range(2):  # what is marked is taken up at the second turn that sees it
            self.sender.wake()
            self.sender.turn()
        while self.is_busy():
            until(lambda: not self.is_busy(), what="what is under way")
            self.sender.turn()

    def is_busy(self) -> bool:
        return any(self.sender._under_way.values())

    def rows(self) -> list[dict[str, Any]]:
        """Everything in the outbox, by session and number."""
        with self.database.reading():
            return list(self.database.collection("outbox").find().sort([("of", 1), ("sequence", 1), ("endpoint_id", 1)]))


def store(database: Database, session_id: str, *marks: Mark, **fields: Any) -> None:
    """A session with marks, as a server stores it."""
    marked: dict[str, Any] = {"state": "ended", "user_id": "ann", "exam_id": "e1", **fields}
    for mark in marks:
        marked |= mark.fields()
    assert database.write("sessions", session_id, marked).wait(10)
    assert database.flush(10)


def begun(at: datetime | None = None, number: int = 0) -> Mark:
    return Mark(f"started_{number}", "session.started", at or utc_now())


def ended(**data: Any) -> Mark:
    return Mark("ended_1", "session.ended", utc_now(), {"score": 12, "flags": 1, "state": "ended", "reason": "student", **data})
