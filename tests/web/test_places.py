"""Connections by one student's token: a few, whoever has it, and what is told of them comes in the order in which they came and went."""

from __future__ import annotations

import threading
from contextlib import ExitStack
from types import SimpleNamespace
from typing import Any, cast

import pytest
from flask.testing import FlaskClient

from basics.errors import StorageError, TooMany
from sessions.ends import End
from sessions.events import Events
from tests.helpers.sessions import create, live
from web.links import PLACES, Links
from web.parts import Parts
from web.student.link import _tell_end
from web.student.link_socket import TRY_AGAIN


def page(session_id: str = "a") -> Any:
    return SimpleNamespace(session=SimpleNamespace(session_id=session_id), attempt=None)


def test_the_pages_of_one_session_take_their_own_places_only() -> None:
    links = Links(Events())
    with ExitStack() as open_:
        for _ in range(PLACES):
            open_.enter_context(links.place("a"))
        with pytest.raises(TooMany), links.place("a"):
            pass
        with links.place("b"):
            pass
    with links.place("a"):
        pass


def test_a_link_that_goes_is_told_before_the_one_that_comes_then() -> None:
    links, told = Links(Events()), []
    slow, going = threading.Event(), threading.Event()

    def tell(there: bool) -> None:
        if not there:
            going.set()
            slow.wait(10)
        told.append(there)

    with links.place("a"), links.place("a"):
        old, new = page(), page()
        links.enter(old, tell)
        leaving = threading.Thread(target=links.leave, args=(old, tell))
        leaving.start()
        assert going.wait(10)
        coming = threading.Thread(target=links.enter, args=(new, tell))
        coming.start()
        slow.set()
        leaving.join()
        coming.join()
        assert told == [True, False, True]
        assert links.connected("a")


class Said:
    """A socket that keeps what is said over it."""

    def __init__(self) -> None:
        self.said: list[Any] = []

    def send(self, text: str) -> None:
        self.said.append(text)

    def close(self, status: int, why: str) -> None:
        self.said.append(status)


def test_an_end_is_told_once_it_is_one(client: FlaskClient, parts: Parts, student: str, monkeypatch: pytest.MonkeyPatch) -> None:
    session = live(parts, create(client, student, source="browser"))
    assert parts.database.flush(10)

    def told() -> Any:
        socket = Said()
        _tell_end(cast(Any, socket), parts, session.session_id)
        return socket.said

    assert told() == [TRY_AGAIN], "its record says that it runs"
    parts.monitor.end_session(session.session_id, End("proctor", "all done"))
    assert parts.database.flush(10)
    (ended,) = told()
    assert '"code": "proctor"' in ended

    def away(session_id: str) -> Any:
        raise StorageError("away")

    monkeypatch.setattr(parts.database, "session", away)
    assert told() == [TRY_AGAIN]


def test_a_link_that_a_newer_one_ended_stays_so_after_the_exam(client: FlaskClient, parts: Parts, student: str) -> None:
    created = create(client, student, source="browser")
    old = {"Authorization": f"Bearer {created['portal_url'].partition('#t=')[2]}"}
    assert client.get("/api/student/session", headers=old).status_code == 200
    newer = client.post(f"/api/session/{created['session_id']}/link", json={}).get_json()["portal_url"].partition("#t=")[2]
    parts.monitor.end_session(created["session_id"], End("proctor"))
    assert parts.database.flush(10)
    assert client.get("/api/student/session", headers=old).status_code == 401
    assert client.get("/api/student/session", headers={"Authorization": f"Bearer {newer}"}).get_json()["state"] == "ended"
