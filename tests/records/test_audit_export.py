"""The audit goes to syslog entry by entry, and its chain's head to the log and a webhook once a day."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import logging
import socket
import threading
from collections.abc import Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest
import requests

from basics.errors import ConfigError
from basics.times import utc_now
from database import Database
from records.audit_export import LINE_MAX, AuditExport
from settings.settings import load_settings
from tests.helpers.databases import all_stored
from tests.helpers.waiting import until


class Receiver(BaseHTTPRequestHandler):
    """A webhook's receiver."""

    got: list[tuple[dict[str, str], bytes]]
    status = 200

    def do_POST(self) -> None:
        self.got.append((dict(self.headers), self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(type(self).status)
        self.end_headers()

    def log_message(self, *_words: Any) -> None: ...


@pytest.fixture
def receiver() -> Iterator[HTTPServer]:
    Receiver.got, Receiver.status = [], 200
    server = HTTPServer(("127.0.0.1", 0), Receiver)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def syslog() -> Iterator[socket.socket]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as listening:
        listening.bind(("127.0.0.1", 0))
        listening.settimeout(10)
        yield listening


def test_each_entry_goes_to_syslog_once_and_in_order(database: Database, syslog: socket.socket) -> None:
    settings = load_settings(audit_syslog=f"udp://127.0.0.1:{syslog.getsockname()[1]}")
    assert all_stored([database.audit({"who": "ann", "what": f"act {number}", "long": "x" * 20_000 * number}) for number in range(2)])
    for _again in range(2):
        export = AuditExport(database, settings)  # as after a start of the server
        export.send_new()
        export.stop()
    lines = [syslog.recv(65536) for _ in range(2)]
    assert all(line.startswith(b"<37>proctor-audit: ") and len(line) < LINE_MAX + 100 for line in lines)
    said = [json.loads(line.partition(b": ")[2]) for line in lines]
    assert [(one["seq"], one["what"]) for one in said] == [(1, "act 0"), (2, "act 1")]
    assert said[1]["cut"] == ["long"]
    syslog.setblocking(False)
    with pytest.raises(BlockingIOError):
        syslog.recv(10)


def test_the_head_is_told_once_a_day_and_signed(database: Database, receiver: HTTPServer, caplog: pytest.LogCaptureFixture) -> None:
    secret = "a secret of thirty characters!"
    settings = load_settings(audit_webhook=f"http://127.0.0.1:{receiver.server_port}/heads", audit_webhook_secret=secret)
    assert database.audit({"who": "ann", "what": "act"}).wait(10)
    export = AuditExport(database, settings)
    Receiver.status = 500
    with caplog.at_level(logging.INFO), pytest.raises(requests.HTTPError):
        export.send_new()
    Receiver.status = 200
    with caplog.at_level(logging.INFO):
        export.send_new()
        export.send_new()
    assert len(Receiver.got) == 2
    headers, body = Receiver.got[-1]
    head = json.loads(body)
    assert f"{head['seq']}:{head['hash']}" in caplog.text
    assert caplog.text.count("the audit's head") == 1
    assert database.collection("audit").find_one({"seq": head["seq"]}, {"hash": 1, "_id": 0}) == {"hash": head["hash"]}
    signed = hmac.new(secret.encode(), f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body, hashlib.sha256).digest()
    assert headers["webhook-signature"] == f"v1,{base64.b64encode(signed).decode()}"


def test_the_days_head_is_told_while_syslog_is_away(database: Database, receiver: HTTPServer) -> None:
    assert database.audit({"who": "ann", "what": "act"}).wait(10)
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as silent:  # nobody listens there
        silent.bind(("127.0.0.1", 0))
        away, heads = f"tcp://127.0.0.1:{silent.getsockname()[1]}", f"http://127.0.0.1:{receiver.server_port}/heads"
        export = AuditExport(database, load_settings(audit_syslog=away, audit_webhook=heads))
        for _again in range(2):
            with pytest.raises(ConnectionRefusedError):
                export.send_new()
    assert [json.loads(body)["seq"] for _headers, body in Receiver.got] == [1]


@pytest.mark.parametrize(
    "wrong", [{"audit_syslog": "host:514"}, {"audit_syslog": "udp://host"}, {"audit_syslog": "udp://h:x"}, {"audit_webhook": "ftp://h"}]
)
def test_an_address_that_is_none_is_refused_at_the_start(wrong: dict[str, str]) -> None:
    with pytest.raises(ConfigError):
        load_settings(**wrong)


def test_its_own_mark_is_asked_for_once_where_nobody_is_told_anything(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    export, asked = AuditExport(database, load_settings()), list[int]()
    mark = export._mark

    def ask() -> Any:
        asked.append(1)
        return mark()

    monkeypatch.setattr(export, "_mark", ask)
    assert database.audit({"who": "ann", "what": "act"}).wait(10)
    for _ in range(5):
        export.send_new()
    assert len(asked) <= 2, "whether this day's head is in the log, and no more"
    monkeypatch.setattr("records.audit_export.utc_now", lambda: utc_now() + timedelta(days=1))
    export.send_new()
    assert len(asked) > 2


def test_a_sender_that_tells_nobody_looks_seldom(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("records.audit_export.EVERY_S", 0.01)
    export, looked = AuditExport(database, load_settings()), list[int]()
    monkeypatch.setattr(export, "send_new", lambda: looked.append(1))
    export.start()
    until(lambda: bool(looked))
    threading.Event().wait(0.3)
    export.stop()
    assert len(looked) == 1
