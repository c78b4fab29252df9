"""For networks that block WebSockets, on the real server: the check's own takes no session and nobody's place, and calls that hang hold up nobody."""

from __future__ import annotations

import json
import select
import socket
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from typing import Any

import pytest
import requests
from websocket import WebSocket, WebSocketBadStatusException, WebSocketException, create_connection

from bench.harness.server import Server
from tests.helpers.exams import QUICK, student
from tests.helpers.http_page import HttpPage
from tests.helpers.waiting import until
from web.access.gate import TRIALS
from web.links import PLACES
from web.student.batches import BATCH_MAX_BYTES
from web.student.link_trial import TRIAL_MAX_BYTES

PATIENCE_S = 60.0  # of somebody who waits for an answer


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, in_mongod: Callable[[], dict[str, str]]) -> Iterator[Server]:
    with Server(tmp_path_factory.mktemp("blocked"), QUICK | in_mongod() | {"MAX_SESSIONS": "3"}) as running:
        yield running
        print("".join(running.output[-60:]))  # shown where a test failed


@contextmanager
def trial_on(server: Server, **given: Any) -> Iterator[WebSocket]:
    opened = create_connection(f"{server.link_url}/trial", timeout=PATIENCE_S, subprotocols=["proctor.link"], **given)
    try:
        yield opened
    finally:
        opened.shutdown()


def refusal(server: Server, **given: Any) -> int:
    """The status of a handshake that is refused."""
    with pytest.raises(WebSocketBadStatusException) as refused, trial_on(server, **given):
        pass
    status: int = refused.value.status_code
    return status


def test_what_is_sent_is_counted_and_it_ends(server: Server) -> None:
    with trial_on(server) as trial:
        trial.send_binary(bytes(2048))
        assert json.loads(trial.recv()) == {"type": "trial", "bytes": 2048}
        assert trial.recv() == ""
    assert server.call("GET", "/api/sessions/active")["sessions"] == []


def test_more_than_it_takes_is_not_answered(server: Server) -> None:
    with trial_on(server) as trial:
        trial.send_binary(bytes(TRIAL_MAX_BYTES + 1))
        with suppress(WebSocketException):
            assert trial.recv() == ""


def test_pings_are_counted_on_it_as_on_a_link(server: Server) -> None:
    with trial_on(server) as trial, suppress(WebSocketException, OSError):
        for _ in range(3000):
            trial.ping()
        trial.send_binary(bytes(100))
        assert trial.recv() == ""


def test_those_that_say_nothing_are_let_go_and_take_no_place_but_their_own(server: Server) -> None:
    with ExitStack() as open_:
        silent: list[WebSocket] = []

        def crowd() -> None:
            while len(silent) < 50 * TRIALS:  # each is let go after some seconds: a slow machine opens others in their place
                silent.append(open_.enter_context(trial_on(server)))

        with pytest.raises(WebSocketBadStatusException) as refused:
            crowd()
        assert (refused.value.status_code, len(silent) >= TRIALS) == (429, True)
        assert requests.get(f"{server.url}/api/health", timeout=PATIENCE_S).status_code == 200
        client, _ = student(server, "beside-the-trials")
        act = client.act("copy")
        until(lambda: act in client.acknowledged)
        client.finish()
        assert [each.recv() for each in silent] == [""] * len(silent), "each is ended by its deadline"
    until(lambda: _opens(server))


def _opens(server: Server) -> bool:
    with suppress(WebSocketBadStatusException), trial_on(server):
        return True
    return False


def test_no_other_sites_page_opens_one(server: Server) -> None:
    assert refusal(server, origin="http://evil.example") == 403


def test_what_is_no_websocket_is_none(server: Server) -> None:
    assert requests.get(f"{server.url}/student/link/trial", timeout=PATIENCE_S).status_code in {400, 404}
    with socket.create_connection(("127.0.0.1", server.port), PATIENCE_S) as line:
        line.sendall(b"GET /student/link/trial HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n")
        assert b" 400 " in line.recv(100)


# The link by HTTP


@pytest.fixture
def page(server: Server) -> HttpPage:
    token = server.create(f"by-http-{uuid.uuid4()}")["token"]

    def post(address: str, body: bytes) -> tuple[int, dict[str, Any]]:
        answer = requests.post(server.url + address, data=body, headers={"Authorization": f"Bearer {token}"}, timeout=PATIENCE_S)
        return answer.status_code, answer.json()

    opened = HttpPage(post)
    opened.token = token
    return opened


def test_a_batch_larger_than_any_other_call_is_taken_and_one_beyond_it_is_not_read(server: Server, page: HttpPage) -> None:
    page.come_in()
    page.turn(bytes(1_500_000))
    assert page.of_type("error")[-1]["code"] == "unsupported"
    assert page.send(body=bytes(BATCH_MAX_BYTES + 1))[0] == 413
    page.turn({"type": "end"})
    assert page.over == "ended"


def test_calls_that_never_bring_what_they_announce_hold_up_neither_their_own_page_for_long_nor_others(server: Server, page: HttpPage) -> None:
    page.come_in()
    head = (
        f"POST /api/student/link?connection={page.connection}&batch={page.number} HTTP/1.1\r\nHost: localhost\r\n"
        f"Authorization: Bearer {page.token}\r\nContent-Length: {BATCH_MAX_BYTES}\r\n\r\n"
    )
    with ExitStack() as open_:
        lines = [open_.enter_context(socket.create_connection(("127.0.0.1", server.port), PATIENCE_S)) for _ in range(80)]
        for line in lines:
            line.sendall(head.encode() + bytes(300_000))
        until(lambda: len(select.select(lines, [], [], 0)[0]) >= len(lines) - PLACES)
        answers = [line.recv(100) for line in select.select(lines, [], [], 0)[0]]
        assert sum(b" 429 " in answer for answer in answers) >= len(lines) - PLACES, "all but the session's places"
        client, _ = student(server, "beside-the-calls")
        act = client.act("copy")
        until(lambda: act in client.acknowledged)
        client.finish()
    until(lambda: page.send()[0] == 200)
    page.number += 1
    page.turn({"type": "end"})
    assert page.over == "ended"
