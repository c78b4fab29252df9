"""HAProxy, nginx and Caddy as they are deployed: HTTPS, WebSockets, who asked, each exam on one instance, limits."""

from __future__ import annotations

import json
import ssl
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
import websocket

from bench.harness.server import Server
from bench.routing import Circle
from cluster.route import route_of
from tests.helpers.fronts import FRONTS, Front, Tiny, certificate, tiny
from tests.helpers.waiting import until
from tests.helpers.web import API_TOKEN, PASSWORD

BEARER = {"Authorization": f"Bearer {API_TOKEN}"}
EXAMS = [f"exam-{number}" for number in range(30)]
each_front = pytest.mark.parametrize("kind", FRONTS)


@pytest.fixture(scope="module")
def pem(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return certificate(tmp_path_factory.mktemp("tls"))


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, in_mongod: Callable[[], dict[str, str]]) -> Iterator[Server]:
    settings = {"PROCTOR_PASSWORD": PASSWORD, "API_TOKEN": API_TOKEN, "PUBLIC_URL": "https://proctor.example.org", "TRUSTED_PROXIES": "1"}
    with Server(tmp_path_factory.mktemp("fronts"), settings | in_mongod()) as running:
        yield running


@pytest.fixture
def instances() -> Iterator[list[Tiny]]:
    made = [tiny(f"proctor-{number}") for number in (1, 2, 3)]
    yield made
    for one in made:
        one.close()


def opened(front: Front, path: str, **more: object) -> websocket.WebSocket:
    """A WebSocket through `front`."""
    options = {"ca_certs": front.verify} if isinstance(front.verify, str) else {"cert_reqs": ssl.CERT_NONE}
    return websocket.create_connection(front.url.replace("http", "ws", 1) + path, timeout=30, suppress_origin=True, sslopt=options, **more)


@each_front
def test_an_exam_goes_through(kind: str, server: Server, pem: Path, tmp_path: Path) -> None:
    with FRONTS[kind](tmp_path, [server.port] * 3, pem) as front:
        assert front.get("/login").status_code == 200
        if front.http:
            led = requests.get(f"{front.http}/portal?x=1", allow_redirects=False, timeout=30)
            assert led.status_code == 308
            assert led.headers["Location"].startswith("https://")
            assert led.headers["Location"].endswith("/portal?x=1")
        forged = BEARER | {"X-Forwarded-For": "6.6.6.6", "X-Forwarded-Prefix": "/elsewhere"}
        made = front.post("/api/session/create", json={"user_id": f"ann-{kind}", "exam_id": "e-1", "source": "browser"}, headers=forged).json()
        address = made["portal_url"]
        assert address.startswith("https://proctor.example.org/portal")
        token = address.partition("#t=")[2]
        link = opened(front, "/student/link?e=e-1", subprotocols=["proctor.link", f"proctor.token.{token}"])
        assert json.loads(link.recv())["type"] == "clock"
        link.close()
        live = opened(front, "/socket.io/?EIO=4&transport=websocket&e=e-1", header=BEARER)
        assert live.recv().startswith("0{")
        live.close()
        front.post(f"/api/session/{made['session_id']}/link", json={}, headers=forged)
        entry = until(lambda: _noted(front, made["session_id"]), what="the audit's entry")
        assert entry["address"] == "127.0.0.1"


def _noted(front: Front, session_id: str) -> dict[str, str] | None:
    found = front.get("/api/audit", params={"session_id": session_id, "what": "link: made"}, headers=BEARER).json()["entries"]
    return found[0] if found else None


def instance_of(front: Front, path: str, **more: Any) -> str:
    answer = front.get(path, **more)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["instance"])


@each_front
def test_an_exam_lives_on_one_instance_and_moves_only_when_that_is_gone(kind: str, instances: list[Tiny], pem: Path, tmp_path: Path) -> None:
    with FRONTS[kind](tmp_path, [one.port for one in instances], pem) as front:
        homes = {exam: instance_of(front, f"/student/link?e={exam}") for exam in EXAMS}
        assert set(homes.values()) == {one.name for one in instances}
        for exam in EXAMS[:6]:
            for path in (f"/api/exams/{exam}/results", f"/socket.io/?EIO=4&e={exam}&exam_id=another"):
                assert instance_of(front, path) == homes[exam], path
            assert instance_of(front, "/api/package", headers={"Cookie": f"other=1; e={exam}"}) == homes[exam]
        assert len({instance_of(front, "/api/sessions/active") for _ in range(6)}) == 1
        gone = instances[1]
        gone.close()
        after = {exam: instance_of(front, f"/student/link?e={exam}") for exam in EXAMS}
        assert gone.name not in after.values()
        assert {exam for exam in EXAMS if after[exam] != homes[exam]} == {exam for exam in EXAMS if homes[exam] == gone.name}
        instances[1] = tiny("another, so that the fixture can close it")


@each_front
def test_each_key_keeps_to_one_of_two_servers_by_every_way_and_goes_to_the_other_when_that_is_gone(
    kind: str, instances: list[Tiny], pem: Path, tmp_path: Path
) -> None:
    one, two, _three = instances
    keys = [route_of("", f"student-{number}", f"Exam {number // 2}", keys=1 + number % 2) for number in range(24)]
    handshake = {"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": "MTIzNDU2Nzg5MDEyMzQ1Ng=="}
    with FRONTS[kind](tmp_path, [one.port, two.port, two.port], pem) as front:
        homes = {key: instance_of(front, f"/student/link?e={key}", headers=handshake) for key in keys}
        assert set(homes.values()) == {one.name, two.name}
        for key, home in homes.items():
            assert instance_of(front, f"/socket.io/?EIO=4&transport=websocket&e={key}", headers=handshake) == home
            assert instance_of(front, f"/api/student/session?e={key}") == home
        if kind == "haproxy":
            expected = Circle(3, weight=100)
            assert homes == {key: two.name if expected.server_of(key) else one.name for key in keys}
        one.close()
        assert {instance_of(front, f"/student/link?e={key}", headers=handshake) for key in keys} == {two.name}
        instances[0] = tiny("another, so that the fixture can close it")


@each_front
def test_what_callers_say_of_themselves_counts_for_nothing_and_limits_hold(kind: str, instances: list[Tiny], pem: Path, tmp_path: Path) -> None:
    with FRONTS[kind](tmp_path, [one.port for one in instances], pem) as front:
        forged = {"X-Forwarded-For": "6.6.6.6", "X-Forwarded-Proto": "gopher", "X-Forwarded-Prefix": "/elsewhere"}
        told = front.get("/portal?token=not-for-logs", headers=forged).json()["headers"]
        assert told["x-forwarded-for"].rpartition(",")[2].strip() == "127.0.0.1"
        assert told["x-forwarded-proto"] == front.url.partition(":")[0]
        assert not told.get("x-forwarded-prefix")
        assert front.post("/api/student/link", data=b"x" * (2 << 20)).json()["bytes"] == 2 << 20
        assert _status_of_too_much(front) in {413, 502, 0}  # older Caddys say 502
        until(lambda: "/portal" in front.log(), what="the call in the log")
        assert "not-for-logs" not in front.log()


def _status_of_too_much(front: Front) -> int:
    """Of a body of 3 MB; 0 where the connection is cut while it is sent."""
    try:
        return front.post("/api/student/link", data=b"x" * (3 << 20)).status_code
    except requests.ConnectionError:
        return 0
