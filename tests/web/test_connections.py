"""Connections that ask for nothing, half or for what isn't theirs, on the real server: nobody else notices, and each is let go."""

from __future__ import annotations

import os
import resource
import signal
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest
import requests

from basics.errors import ConfigError
from bench.harness.server import Server
from tests.helpers.exams import QUICK, student
from tests.helpers.waiting import until
from web.access.gate import VIEWERS, threads_for
from web.open_files import OWN_FILES, connections_within, raise_open_files_limit, too_few_open_files
from web.worker import HEAD_MAX, WAIT_FOR_MAX, bytes_wanted

HALF = b"GET / HTTP/1.1\r\nHost: localhost\r\nX-Half: "
HANDSHAKE = (
    b"GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
)
MAX_BODY = 64 << 10  # as the setting is
PATIENCE_S = 60.0  # of somebody who waits for an answer


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, in_mongod: Callable[[], dict[str, str]]) -> Iterator[Server]:
    with Server(tmp_path_factory.mktemp("connections"), QUICK | in_mongod() | {"MAX_SESSIONS": "2"}) as running:
        yield running
        print("".join(running.output[-60:]))  # shown where a test failed


def connect(server: Server, said: bytes = b"") -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", server.port), PATIENCE_S)
    connection.sendall(said)
    return connection


def is_over(connection: socket.socket) -> bool:
    """Has the server closed it? Waits for that."""
    try:
        while connection.recv(65_536):
            pass
    except ConnectionError:
        return True
    return True


@pytest.mark.parametrize(
    ("data", "wanted"),
    [
        (b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", 0),
        (b"GET / HTTP/1.1\r\nHost: a\r\n\r", 27),
        (b"POST / HTTP/1.1\r\nContent-Length: 4\r\n\r\nab", 42),
        (b"POST / HTTP/1.1\r\ncontent-LENGTH:4\r\n\r\nabcd", 0),
        (b"POST / HTTP/1.1\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n", 0),
        (b"POST / HTTP/1.1\r\nContent-Length: %d\r\n\r\n" % WAIT_FOR_MAX, 0),  # refused unread
        (b"GET /" + b"x" * HEAD_MAX, -1),
        (b"POST / HTTP/1.1\r\nContent-Length: %s4\r\n\r\nab" % (b"0" * 20), 62),
        (b"POST / HTTP/1.1\r\nContent-Length: %s\r\n\r\nab" % (b"9" * 5000), 0),  # refused unread
    ],
)
def test_a_request_is_worth_a_thread_when_it_is_whole(data: bytes, wanted: int) -> None:
    assert bytes_wanted(data) == wanted


def test_more_half_and_silent_connections_than_threads_keep_nobody_waiting(server: Server) -> None:
    with ExitStack() as open_:
        crowd = [open_.enter_context(connect(server, HALF if number % 2 else b"")) for number in range(threads_for(2) + 60)]
        assert requests.get(f"{server.url}/api/health", timeout=PATIENCE_S).status_code == 200
        client, _ = student(server, "between-them")
        act = client.act("copy")
        until(lambda: act in client.acknowledged)
        client.finish()
        assert all(is_over(connection) for connection in crowd)


def test_a_request_that_comes_in_pieces_is_answered_and_the_connection_kept(server: Server) -> None:
    assert any(is_kept(server, number) for number in range(5)), "the connection was closed after the first answer"


def is_kept(server: Server, number: int) -> bool:
    """Is a request in pieces answered, and another one on its connection? That is kept for two seconds, which may pass on a slow machine."""
    body = b'{"user_id": "in-pieces-%d", "source": "browser"}' % number
    whole = b"POST /api/session/create HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body) + body
    with connect(server) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for start in range(0, len(whole), 9):
            connection.sendall(whole[start : start + 9])
        assert connection.recv(15) == b"HTTP/1.1 200 OK"
        read = b""
        with suppress(ConnectionError):
            connection.sendall(HALF + b"now whole\r\n\r\n")
            while b"HTTP/1.1 200 OK" not in read and (more := connection.recv(65_536)):
                read += more
        return b"HTTP/1.1 200 OK" in read


@pytest.mark.parametrize(("size", "piece"), [(150_000, 150_000), (240_000, 1448), (60_000, 100)])
def test_a_whole_body_that_fills_the_receive_window_is_answered(server: Server, size: int, piece: int) -> None:
    head = b"POST /api/session/create HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\nConnection: close\r\n\r\n" % size
    for _ in range(3):
        with connect(server, head) as connection:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with suppress(ConnectionError):  # refused unread, and listened to for two seconds more
                for start in range(0, size, piece):
                    connection.sendall(b" " * min(piece, size - start))
            assert connection.recv(12) == (b"HTTP/1.1 413" if size > MAX_BODY else b"HTTP/1.1 415")


def test_a_head_that_has_no_end_is_refused(server: Server) -> None:
    with connect(server, HALF + b"x" * HEAD_MAX) as connection:
        assert b" 431 " in connection.recv(100)


def test_a_body_in_chunks_is_refused_before_a_thread_waits_for_its_end(server: Server) -> None:
    with connect(server, b"POST /login HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab") as connection:
        assert b" 400 " in connection.recv(100)


def test_no_other_sites_page_opens_a_dashboards_socket(server: Server) -> None:
    with connect(server, HANDSHAKE + b"Origin: http://evil.example\r\n\r\n") as connection:
        assert b" 401 " in connection.recv(100)
    answer = requests.get(f"{server.url}/socket.io/?EIO=4&transport=polling", headers={"Origin": "http://evil.example"}, timeout=PATIENCE_S)
    assert answer.status_code == 401
    assert "Set-Cookie" not in answer.headers


def test_dashboards_sockets_that_join_nothing_leave_room_for_calls_and_are_let_go(server: Server) -> None:
    with ExitStack() as open_:
        crowd = [open_.enter_context(connect(server, HANDSHAKE + b"\r\n")) for _ in range(VIEWERS + 1)]
        first = [connection.recv(12) for connection in crowd]
        while b"HTTP/1.1 429" not in first:  # the first are let go after ten seconds, in which a slow machine may not open them all
            crowd.append(open_.enter_context(connect(server, HANDSHAKE + b"\r\n")))
            first.append(crowd[-1].recv(12))
        assert set(first) == {b"HTTP/1.1 101", b"HTTP/1.1 429"}
        assert requests.get(f"{server.url}/api/health", timeout=PATIENCE_S).status_code == 200
        assert is_over(crowd[0])


@pytest.mark.skipif(sys.platform != "linux", reason="prlimit")
def test_without_file_descriptors_the_worker_lives_and_serves_on(server: Server) -> None:
    worker = server.processes()[-1]
    before = resource.prlimit(worker.pid, resource.RLIMIT_NOFILE)
    resource.prlimit(worker.pid, resource.RLIMIT_NOFILE, (worker.num_fds() + 5, before[1]))
    with ExitStack() as open_:
        crowd = [open_.enter_context(connect(server)) for _ in range(400)]  # more than those of the test before that are just being closed
        assert any(is_over(connection) for connection in crowd[:1])
        until(lambda: "connections are let go" in "".join(server.output))
    resource.prlimit(worker.pid, resource.RLIMIT_NOFILE, before)
    assert requests.get(f"{server.url}/api/health", timeout=PATIENCE_S).status_code == 200
    assert server.processes()[-1].pid == worker.pid


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_signals_that_start_another_worker_end_no_exam(server: Server) -> None:
    master, worker = server.processes()
    for sent in (signal.SIGHUP, signal.SIGTTIN, signal.SIGTTOU, signal.SIGUSR2, signal.SIGHUP):
        master.send_signal(sent)
        until(lambda sent=sent: f"{sent.name} does nothing" in "".join(server.output))  # type: ignore[misc]
    worker.send_signal(signal.SIGHUP)  # a terminal's end reaches both
    worker.send_signal(signal.SIGUSR2)
    assert requests.get(f"{server.url}/api/health", timeout=PATIENCE_S).status_code == 200
    assert server.processes() == [master, worker]
    assert "".join(server.output).count("SIGHUP does nothing") == 1


def test_a_limit_of_open_files_that_is_too_low_is_told_with_what_is_needed() -> None:
    assert too_few_open_files(2, 1_048_576) == ""
    assert "LimitNOFILE=" in too_few_open_files(1000, 1024)


def test_a_limit_that_leaves_no_room_for_connections_stops_the_start() -> None:
    assert connections_within(OWN_FILES + 64) == 64
    for limit in (256, 300):
        with pytest.raises(ConfigError, match=f"may have {limit} .* needs 364 at least"):
            connections_within(limit)


@pytest.mark.skipif(sys.platform == "win32", reason="has no such limit")
@pytest.mark.parametrize("refusal", [ValueError("current limit exceeds maximum limit"), OSError(1, "Operation not permitted")])
@pytest.mark.parametrize(("most", "had"), [(100_000, 65_536), (20_000, 10_240), (3000, 256)])
def test_where_the_system_gives_fewer_open_files_than_the_user_may_have_the_start_goes_on(
    monkeypatch: pytest.MonkeyPatch, most: int, had: int, refusal: Exception
) -> None:
    limits = [256, resource.RLIM_INFINITY]

    def setrlimit(_: int, wanted: tuple[int, int]) -> None:
        if not 0 <= wanted[0] <= most:
            raise refusal
        limits[:] = wanted

    monkeypatch.setattr(resource, "getrlimit", lambda _: tuple(limits))
    monkeypatch.setattr(resource, "setrlimit", setrlimit)
    assert raise_open_files_limit() == had


def test_a_server_stops_whoever_does_not_read(tmp_path: Path) -> None:
    with Server(tmp_path, QUICK | {"MAX_SESSIONS": "2"}) as running, ExitStack() as open_:
        client, session_id = student(running, "watched")
        join = f'42["join_session",{{"session_id":"{session_id}","fps":30}}]'.encode()
        for _ in range(5):
            stuck = open_.enter_context(socket.socket())
            stuck.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            stuck.connect(("127.0.0.1", running.port))
            stuck.sendall(HANDSHAKE + b"\r\n")
            for said in (b"40", join):
                stuck.sendall(bytes([0x81, 0x80 | len(said)]) + bytes(4) + said)
            open_.enter_context(connect(running, HALF))
        sent = client.sent_frames
        until(lambda: client.sent_frames > sent + 60)  # more than their buffers hold
        assert running.process is not None
        running.process.send_signal(signal.SIGTERM)
        assert running.process.wait(40) == 0  # gunicorn's own patience is longer
        client.close()


def test_after_its_master_was_killed_the_server_starts_at_the_first_try(tmp_path: Path) -> None:
    with Server(tmp_path, QUICK) as running:
        client, session_id = student(running, "left-behind")
        running.settings["FLASK_PORT"] = str(running.port)  # which is taken still, by what was left behind
        master, worker = running.processes()
        worker.suspend()  # it can't end by itself
        os.kill(master.pid, signal.SIGKILL)
        killed = running.process
        assert killed is not None
        killed.wait()
        running.start()
        assert killed.stdout is not None
        killed.stdout.close()
        assert not worker.is_running()
        assert running.details(session_id)["session"]["state"] == "running"
        client.close()
