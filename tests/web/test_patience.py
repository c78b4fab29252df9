"""Clients who send or take slowly: some are waited for, and no more. The sockets are real, the clock is the test's."""

from __future__ import annotations

import io
import socket
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, suppress
from typing import Any

import pytest

from bench.harness.waiting import comes
from web.access.gate import is_socket
from web.access.patience import BODY_S, MOST_WAITED_FOR, PART_BYTES, PART_S, SLOW_S, Patience

CROWD = MOST_WAITED_FOR + 8
WAIT_S = 60.0  # for what must come


class Body(io.RawIOBase):
    """A body that comes over a socket, as gunicorn gives it."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection

    def read(self, size: int = -1) -> bytes:
        return self._connection.recv(1 if size < 0 else size)


class Crowd:
    """Requests in threads of their own, each with a client at the far end of its socket."""

    def __init__(self, app: Callable[..., Iterable[bytes]], serve: Callable[[Iterable[bytes], socket.socket], None]) -> None:
        self.now = 0.0
        self.patience = Patience(app, lambda: self.now)
        self._serve = serve
        self._open = ExitStack()
        self.threads: list[threading.Thread] = []

    def come(self, *, takes_nothing: bool = False) -> socket.socket:
        """One request more; the client's end of it. Of who `takes_nothing` the line is full already."""
        here, there = socket.socketpair()
        for each in (here, there):
            self._open.enter_context(each)
        if takes_nothing:
            here.setblocking(False)
            with suppress(BlockingIOError):
                while here.send(bytes(1 << 16)):
                    pass
            here.setblocking(True)
        given = {"gunicorn.socket": here, "wsgi.input": Body(here)}
        self.threads.append(threading.Thread(target=lambda: self._serve(self.patience(given, None), here)))
        self.threads[-1].start()
        return there

    def wait_until_all_are_waited_for(self) -> None:
        def are() -> bool:
            return sum(request.since is not None for request in list(self.patience._requests)) == len(self.threads)

        assert comes(are, WAIT_S, 0.005)

    def close(self) -> None:
        self.patience.stop()
        for thread in self.threads:
            thread.join(WAIT_S)
        self._open.close()


def read_all(environ: dict[str, Any], _: Any) -> Iterable[bytes]:
    environ["wsgi.input"].read(100)
    return [b"done"]


def send(parts: Iterable[bytes], connection: socket.socket) -> None:
    try:
        for part in parts:
            connection.sendall(part)
    except OSError:
        pass  # hung up on
    finally:
        parts.close()  # type: ignore[attr-defined]


@pytest.fixture
def readers() -> Iterator[Crowd]:
    """Whoever says nothing keeps its thread waiting for its body."""
    crowd = Crowd(read_all, send)
    yield crowd
    crowd.close()


def gone(clients: list[socket.socket]) -> list[bool]:
    """Which of them were hung up on."""
    found = []
    for client in clients:
        client.setblocking(False)
        try:
            found.append(client.recv(1) in (b"", b"d"))
        except BlockingIOError:
            found.append(False)
    return found


def test_of_too_many_who_say_nothing_those_waited_for_longest_are_hung_up_on(readers: Crowd) -> None:
    clients = []
    for _ in range(CROWD):
        clients.append(readers.come())
        readers.wait_until_all_are_waited_for()
        readers.now += 0.01
    wait = [request.since for request in readers.patience._requests]
    assert None not in wait
    readers.patience.look()
    assert not any(gone(clients))  # they may be about to
    readers.now += SLOW_S
    readers.patience.look()
    for thread in readers.threads[:8]:
        thread.join(WAIT_S)
    assert gone(clients) == [True] * 8 + [False] * MOST_WAITED_FOR


def test_a_few_are_waited_for_until_a_body_has_had_its_time(readers: Crowd) -> None:
    clients = [readers.come() for _ in range(2)]
    readers.wait_until_all_are_waited_for()
    readers.now += BODY_S
    readers.patience.look()
    assert not any(gone(clients))
    clients[0].setblocking(True)
    clients[0].sendall(b"the body")
    readers.threads[0].join(WAIT_S)
    readers.now += 1
    readers.patience.look()
    readers.threads[1].join(WAIT_S)
    assert gone(clients) == [True, True]  # the first has its answer, the second none
    assert not readers.patience._requests


def test_who_takes_no_answer_is_waited_for_as_little() -> None:
    crowd = Crowd(lambda environ, _: [b"x" * (4 << 20)], send)
    try:
        clients = [crowd.come(takes_nothing=True) for _ in range(CROWD)]
        crowd.wait_until_all_are_waited_for()
        crowd.now += SLOW_S + 1
        crowd.patience.look()
        assert comes(lambda: sum(not thread.is_alive() for thread in crowd.threads) >= 8, WAIT_S, 0.005)
        assert sum(not thread.is_alive() for thread in crowd.threads) == 8
        assert len(clients) == CROWD
    finally:
        crowd.close()


def test_an_answer_of_which_nothing_is_taken_any_more_is_given_up() -> None:
    now, whole = 0.0, bytes(range(256)) * 1000
    patience = Patience(lambda environ, _: [whole, b"", b"end"], lambda: now)
    with ExitStack() as open_:
        pairs = [[open_.enter_context(each) for each in socket.socketpair()] for _ in range(2)]
        takes, stuck = (patience({"gunicorn.socket": near, "wsgi.input": io.BytesIO()}, None) for near, _ in pairs)
        taken = [next(iter(takes))]
        next(iter(stuck))
        now += PART_S - 1
        taken.append(next(iter(takes)))
        now += 2
        patience.look()
        assert gone([far for _, far in pairs]) == [False, True]
        taken.extend(takes)
        assert b"".join(taken) == whole + b"end"
        assert max(map(len, taken)) == PART_BYTES


def test_at_the_end_nobody_is_waited_for(readers: Crowd) -> None:
    readers.come()
    readers.wait_until_all_are_waited_for()
    readers.patience.stop()
    readers.threads[0].join(WAIT_S)
    assert not readers.threads[0].is_alive()


def test_a_file_is_waited_for_as_any_answer_and_is_closed_with_its_request() -> None:
    class Servers:
        """What gunicorn would hand to the kernel, and wait for without end."""

    file = io.BytesIO(b"x" * 20_000)
    patience = Patience(lambda environ, _: environ["wsgi.file_wrapper"](file))
    near, far = socket.socketpair()
    with near, far:
        environ = {"gunicorn.socket": near, "wsgi.input": io.BytesIO(), "wsgi.file_wrapper": Servers}
        answer: Any = patience(environ, None)
        assert not isinstance(answer, environ["wsgi.file_wrapper"])  # type: ignore[arg-type]
        assert len(next(answer)) < 20_000
        assert [request.since is not None for request in patience._requests] == [True]
        assert sum(len(part) for part in answer) > 0
        answer.close()
    assert file.closed
    assert not patience._requests


def test_websockets_are_left_to_their_own_deadlines(readers: Crowd) -> None:
    near, far = socket.socketpair()
    with near, far:
        far.sendall(b"x")
        asked = {"REQUEST_METHOD": "GET", "PATH_INFO": "/student/link", "HTTP_UPGRADE": "WebSocket"}
        parts = readers.patience(asked | {"gunicorn.socket": near, "wsgi.input": Body(near)}, None)
        assert parts == [b"done"]
    assert not readers.patience._requests


@pytest.mark.parametrize(
    "odd", [{"HTTP_UPGRADE": "x"}, {"REQUEST_METHOD": "POST"}, {"PATH_INFO": "/login"}, {"PATH_INFO": "/static/a.js"}, {"CONTENT_LENGTH": "99"}]
)
def test_what_only_calls_itself_a_websocket_is_none(odd: dict[str, str]) -> None:
    socket_ = {"REQUEST_METHOD": "GET", "PATH_INFO": "/proctor/student/link", "HTTP_UPGRADE": "websocket"}
    assert is_socket(socket_)
    assert is_socket(socket_ | {"PATH_INFO": "/socket.io/"})
    assert not is_socket(socket_ | odd)
