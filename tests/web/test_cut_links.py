"""What stands in front and cuts students' connections by their age is found out, and said."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from flask import Flask
from flask.testing import FlaskClient
from wsproto import ConnectionType, WSConnection
from wsproto.events import CloseConnection, Request

from web.parts import Parts
from web.student import cut_links
from web.student.cut_links import CutLinks
from web.student.link import _serve
from web.student.link_socket import LinkSocket


def of_ages(*sessions: tuple[float, ...]) -> CutLinks:
    links = CutLinks()
    for number, ages in enumerate(sessions):
        for age in ages:
            links.add(f"session-{number}", age)
    return links


@pytest.mark.parametrize(
    ("sessions", "seconds"),
    [
        ([(60.1, 59.9, 60.3), (60, 60.2, 60)], 60),
        ([(7, 300, 30.1, 30, 30), (30, 30, 30)], 30),  # the last three count
        ([(60, 60, 60)], None),  # that student's own line, perhaps
        ([(60, 60), (60, 60), (60, 60)], None),
        ([(60, 200, 13), (5, 61, 60), (400, 60, 60)], None),  # lines that break by themselves
        ([(1, 1, 1), (1, 1, 1)], None),
    ],
)
def test_connections_that_are_cut_at_one_age_again_and_again_are_told(sessions: list[tuple[float, ...]], seconds: int | None) -> None:
    health = of_ages(*sessions).health()
    assert health["state"] == ("ok" if seconds is None else "degraded")
    if seconds is not None:
        assert f"of 2 exams are cut again and again when they are {seconds} s old" in health["reason"]
        assert "proxy_read_timeout" in health["todo"]


def test_a_connection_that_ends_otherwise_begins_the_count_anew() -> None:
    links = of_ages((60, 60, 60), (60, 60, 60))
    links.forget("session-0")
    links.add("session-0", 60)
    assert links.health() == {"state": "ok"}


@contextmanager
def connection(*, word: bool) -> Iterator[LinkSocket]:
    """A page's, which has been closed since, with a last word or without."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield _closed(ours, theirs, word=word)


def _closed(ours: socket.socket, theirs: socket.socket, *, word: bool) -> LinkSocket:
    page = WSConnection(ConnectionType.CLIENT)
    head = page.send(Request("here", "/student/link")).split(b"\r\n")[1:]
    names = [line.partition(b": ") for line in head if line]
    environ = {f"HTTP_{name.decode().upper().replace('-', '_')}": value.decode() for name, _, value in names}
    made = LinkSocket({**environ, "gunicorn.socket": theirs})
    page.receive_data(ours.recv(10_000))
    assert list(page.events())
    if word:
        ours.sendall(page.send(CloseConnection(1001)))
    ours.shutdown(socket.SHUT_WR)
    return made


@pytest.mark.parametrize("word", [False, True])
def test_health_tells_of_links_that_were_cut_and_not_of_pages_that_close(
    app: Flask, client: FlaskClient, parts: Parts, student: str, monkeypatch: pytest.MonkeyPatch, word: bool
) -> None:
    monkeypatch.setattr(cut_links, "LEAST_S", 0.0)
    monkeypatch.setattr(cut_links, "ALIKE_S", float("inf"))  # how long one takes here says nothing
    for number in range(2):
        session = client.post("/api/session/create", json={"user_id": f"{student}-{number}", "source": "browser"}).get_json()["session_id"]
        for _ in range(3):
            with app.test_request_context("/student/link"), parts.links.place(session), connection(word=word) as line:
                _serve(line, parts, session)
    assert client.get("/api/health").get_json()["parts"]["links"]["state"] == ("ok" if word else "degraded")
