"""The student's link over HTTP, by the calls of an app with its real parts: who comes in, who is refused, what is kept, and what a flood leads to."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import pytest
from flask.testing import FlaskClient

from sessions.session import ExamSession
from tests.helpers.http_page import HttpPage, page_ms
from tests.helpers.web import API_TOKEN, PASSWORD, MakeApp
from web.links import PLACES
from web.parts import Parts, parts_of
from web.student.batches import BATCH_MAX_BYTES, pack_batch
from web.student.conversation import DEAD_S
from web.student.http_link import let_go

Open = Callable[[], HttpPage]


@pytest.fixture
def created(client: FlaskClient, parts: Parts, student: str) -> dict[str, Any]:
    answer: dict[str, Any] = client.post("/api/session/create", json={"user_id": student, "source": "browser"}).get_json()
    return answer | {"token": parts.access.make_student_token(answer["session_id"])}


@pytest.fixture
def session(parts: Parts, created: dict[str, Any]) -> ExamSession:
    found = parts.monitor.get(created["session_id"])
    assert found is not None
    return found


@pytest.fixture
def open_page(client: FlaskClient, created: dict[str, Any]) -> Open:
    def post(address: str, body: bytes) -> tuple[int, dict[str, Any]]:
        answer = client.post(address, data=body, headers={"Authorization": f"Bearer {created['token']}"})
        return answer.status_code, answer.get_json()

    return lambda: HttpPage(post)


def connection(session: ExamSession) -> tuple[str, str]:
    device = session.status().devices["connection"]
    return device["state"], device["reason"]


def test_a_page_by_http_is_in_its_exam_and_the_proctor_sees_how(open_page: Open, parts: Parts, session: ExamSession) -> None:
    page = open_page().come_in()
    assert session.begun
    assert parts.links.connected(session.session_id)
    assert connection(session) == ("ok", "http")
    page.turn({"type": "device", "device": "camera", "state": "denied", "reason": "denied"})
    assert session.status().devices["camera"]["state"] == "denied"


def test_a_batch_that_is_sent_again_counts_once(open_page: Open, session: ExamSession) -> None:
    page = open_page().come_in()
    said = [json.dumps({"type": "acts", "acts": [{"id": "said-but-once", "kind": "copy", "page_ms": page_ms()}]})]
    first, again = page.send(said), page.send(said)
    assert first == again
    assert first[0] == 200
    assert page.send(said, number=page.number + 2)[0] == 422


def test_two_at_once_of_the_first_batch_make_one_connection(open_page: Open, parts: Parts, session: ExamSession) -> None:
    page = open_page()
    with ThreadPoolExecutor(3) as pool:
        statuses = [answer[0] for answer in pool.map(lambda _: page.send(number=0), range(3))]
    assert 200 in statuses
    assert set(statuses) <= {200, 409}
    assert len(parts.by_http) == 1


def test_a_newer_page_takes_the_place_of_the_one_by_http(open_page: Open, parts: Parts, session: ExamSession) -> None:
    old = open_page().come_in()
    new = open_page().come_in()
    old.turn()
    assert (old.over, old.of_type("replaced")) == ("replaced", [{"type": "replaced"}])
    assert parts.links.connected(session.session_id)
    new.turn()
    assert new.over == ""


def test_an_attempt_that_the_server_comes_to_late_replaces_no_newer_one_of_the_same_page(open_page: Open) -> None:
    """It has given that one up, and would take for true that its exam goes on elsewhere."""
    newer, late, another = open_page(), open_page(), open_page()
    newer.about, late.about, another.about = (f"&page={'a' * 32}&attempt=2", f"&page={'a' * 32}&attempt=1", f"&page={'b' * 32}&attempt=1")
    newer.come_in()
    assert late.turn() == []
    assert late.over == "again"
    newer.turn()
    assert newer.over == ""
    another.come_in()
    newer.turn()
    assert newer.over == "replaced"


def test_the_students_end_is_answered_at_once_and_a_page_that_comes_later_is_told(open_page: Open, parts: Parts, session: ExamSession) -> None:
    page = open_page().come_in()
    page.turn({"type": "end"})
    assert (page.over, page.heard[-1]["type"], page.heard[-1]["code"]) == ("ended", "ended", "student")
    late = open_page()
    late.turn()
    assert late.over in {"ended", "again"}  # `again` until its end is stored


def test_a_connection_that_nobody_knows_is_to_come_again(open_page: Open, session: ExamSession) -> None:
    page = open_page()
    status, answer = page.send(number=7)
    assert (status, answer["over"]) == (200, "again")
    assert not session.begun


@pytest.mark.parametrize("body", [b"\x01\x00", b"\x07\x00\x00\x00\x00", b"\x02\xff\xff\xff\xff"])
def test_a_damaged_batch_is_refused_and_the_connection_goes_on(open_page: Open, session: ExamSession, body: bytes) -> None:
    page = open_page().come_in()
    status, answer = page.send(body=body)
    assert (status, answer["error"]["code"]) == (400, "invalid")
    page.turn({"type": "page", "hidden": False})
    assert page.over == ""


@pytest.mark.parametrize("query", ["", "connection=short&batch=0", "connection=0123456789abcdef&batch=-1", "connection=0123456789abcdef&batch=x"])
def test_a_call_without_a_proper_name_and_number_is_refused(client: FlaskClient, created: dict[str, Any], query: str) -> None:
    answer = client.post(f"/api/student/link?{query}", headers={"Authorization": f"Bearer {created['token']}"})
    assert answer.status_code == 422


def test_nobody_comes_in_without_the_exams_own_token(client: FlaskClient, created: dict[str, Any], session: ExamSession) -> None:
    address = "/api/student/link?connection=0123456789abcdef&batch=0"
    headers = {"Authorization": f"Bearer {created['token'][:-2]}xx"}
    assert client.post(address, data=b"").status_code == 401
    assert client.post(address, data=b"", headers=headers).status_code == 401
    other_site = {"Authorization": f"Bearer {created['token']}", "Origin": "https://evil.example"}
    assert client.post(address, data=b"", headers=other_site).status_code == 403
    assert not session.begun


def test_a_batch_that_is_too_large_is_not_read(open_page: Open, session: ExamSession) -> None:
    page = open_page().come_in()
    status, answer = page.send(body=b"\x02" * (BATCH_MAX_BYTES + 1))
    assert (status, answer["error"]["code"]) == (413, "too_large")


def test_pictures_larger_than_a_calls_body_come_through(open_page: Open, session: ExamSession) -> None:
    page = open_page().come_in()
    page.turn(b"\x00" * 400_000)
    assert page.of_type("error")[-1]["code"] == "unsupported"  # it was read, and is no picture


@pytest.mark.parametrize("flood", ["messages", "bytes", "calls"])
def test_a_flood_is_let_go_and_told_when_to_come_again(
    open_page: Open, parts: Parts, session: ExamSession, monkeypatch: pytest.MonkeyPatch, flood: str
) -> None:
    page = open_page().come_in()
    budget = parts.links._budgets[session.session_id]
    now = budget._clock()
    monkeypatch.setattr(budget, "_clock", lambda: now)  # else more comes to it while a slow machine sends
    floods: dict[str, list[str | bytes]] = {"messages": ["{}"] * 500, "bytes": [b"\x00" * 1_900_000], "calls": []}
    said = floods[flood]
    for _ in range(200):
        status, answer = page.send(said)
        page.number += 1
        if status != 200:
            break
    assert (status, answer["error"]["code"]) == (429, "too_many")
    assert len(parts.by_http) == 0
    assert not parts.links.connected(session.session_id)


def test_a_session_keeps_a_few_connections_however_many_its_page_opens(open_page: Open, parts: Parts, session: ExamSession) -> None:
    pages = [open_page() for _ in range(PLACES + 3)]
    for page in pages:
        assert page.send()[0] == 200
    assert len(parts.by_http) == PLACES
    assert pages[0].send(number=1)[1]["over"] == "again"  # forgotten: it would have been told that it was replaced


def test_more_calls_at_once_than_a_page_has_use_for_are_refused(open_page: Open, parts: Parts, session: ExamSession) -> None:
    page = open_page().come_in()
    going = [parts.links.place(session.session_id) for _ in range(PLACES)]
    for place in going:
        place.__enter__()
    assert page.send()[0] == 429
    for place in going:
        place.__exit__(None, None, None)
    assert page.send()[0] == 200


def test_a_page_that_falls_silent_is_gone_after_the_same_time_as_another(open_page: Open, parts: Parts, session: ExamSession) -> None:
    page = open_page().come_in()
    page.send()
    leave = partial(let_go, parts)
    parts.by_http.look(leave)
    assert parts.links.connected(session.session_id)
    now = parts.by_http.now()
    parts.by_http._clock = lambda: now + DEAD_S + 1
    parts.by_http.look(leave)
    assert not parts.links.connected(session.session_id)
    assert connection(session) == ("lost", "page_away")
    assert len(parts.by_http) == 0
    assert page.send(number=page.number + 1)[1]["over"] == "again"


def test_a_fault_within_a_batch_ends_the_connection_so_that_nothing_counts_twice(
    open_page: Open, parts: Parts, session: ExamSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = open_page().come_in()

    def fail(*_: object) -> None:
        raise RuntimeError("a fault of ours")

    monkeypatch.setattr(session, "page_says", fail)
    status, _ = page.send([json.dumps({"type": "page", "hidden": False})])
    assert status == 500
    assert page.send()[1]["over"] == "again"


def test_a_page_in_a_hurry_waits_for_its_turn(open_page: Open, parts: Parts, session: ExamSession, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("web.student.http_link.TURN_S", 60.0)
    page = open_page().come_in()
    holds, go_on = threading.Event(), threading.Event()

    def slow(*_: object) -> None:
        holds.set()
        go_on.wait(30)

    monkeypatch.setattr(session, "page_says", slow)
    said = [json.dumps({"type": "page", "hidden": False})]
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(page.send, said)
        assert holds.wait(30)
        again = pool.submit(page.send, said)
        go_on.set()
        assert first.result(30) == again.result(30)


def test_a_server_that_stops_says_so(open_page: Open, parts: Parts, session: ExamSession) -> None:
    page = open_page().come_in()
    parts.links.close_all()
    assert page.send()[1]["over"] == "stops"


def test_the_description_of_the_body_is_how_it_is_packed() -> None:
    assert pack_batch(["{}", b"\x01"]) == b"\x01\x02\x00\x00\x00{}" + b"\x02\x01\x00\x00\x00\x01"


def test_where_the_portal_is_closed_the_checks_socket_needs_the_token_of_a_link(make_app: MakeApp, student: str) -> None:
    app = make_app(proctor_password=PASSWORD, api_token=API_TOKEN)
    client = app.test_client()
    created = client.post("/api/session/create", json={"user_id": student, "source": "browser"}, headers={"Authorization": f"Bearer {API_TOKEN}"})
    token = parts_of(app).access.make_student_token(created.get_json()["session_id"])

    def answer(*protocols: str) -> int:
        handshake = {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Protocol": ", ".join(protocols)}
        return client.get("/student/link/trial", headers=handshake).status_code

    assert answer("proctor.link") == 401
    assert answer("proctor.link", f"proctor.token.{token}") == 500  # let in, to a line that a test's client has not
