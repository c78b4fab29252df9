"""Behind a real nginx: protected mode stays shut by every recipe, and a path works whether it is stripped or not."""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
import websocket

from database import Database
from tests.helpers.nginx import nginx, program, served
from tests.helpers.web import API_TOKEN, PASSWORD, MakeApp

SOCKETS = "proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection"
RECIPES = {
    "plain": "",
    "sockets": f'{SOCKETS} "upgrade";',
    "forwarding": f'{SOCKETS} "upgrade"; proxy_set_header Host $host; proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;',
    "kept alive": 'proxy_http_version 1.1; proxy_set_header Connection "";',  # leaves no trace in any header
    "local name": f'{SOCKETS} "upgrade"; proxy_set_header Host localhost;',
}
PROXY = f'{SOCKETS} "upgrade"; proxy_set_header Host $http_host; proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;'
BEARER = {"Authorization": f"Bearer {API_TOKEN}"}
BROWSER = {"User-Agent": "Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0"}
NO_TRACE = pytest.mark.skipif(sys.platform != "linux" or os.geteuid() != 0, reason="needs root: nginx runs as another account then")


@pytest.fixture
def shut(make_app: MakeApp, tmp_path: Path) -> Iterator[tuple[dict[str, str], str]]:
    """The address of each recipe, in front of a server in protected mode, and that server's own."""
    program()
    with served(make_app()) as port:
        bodies = {name: f"location / {{ proxy_pass http://127.0.0.1:{port}; {recipe} }}" for name, recipe in RECIPES.items()}
        with nginx(tmp_path / "nginx", bodies) as addresses:
            yield addresses, f"http://127.0.0.1:{port}"


@NO_TRACE
def test_protected_mode_is_shut_behind_every_recipe(shut: tuple[dict[str, str], str]) -> None:
    addresses, own = shut
    for recipe, address in addresses.items():
        for path in ("/", "/portal", "/api/sessions/active", "/api/health", "/static/css/app.css"):
            for headers in ({"User-Agent": "curl/8.5.0"}, BROWSER):
                assert requests.get(address + path, headers=headers, timeout=20).status_code == 403, (recipe, path, headers)
        made = requests.post(f"{address}/api/session/create", json={"user_id": "stranger", "source": "browser"}, timeout=20)
        assert made.status_code == 403, recipe
        with pytest.raises(websocket.WebSocketBadStatusException, match="403"):
            websocket.create_connection(address.replace("http", "ws") + "/student/link?token=x", timeout=20, suppress_origin=True)
    assert requests.get(f"{own}/api/sessions/active", headers={"User-Agent": "curl/8.5.0"}, timeout=20).status_code == 200


@pytest.fixture
def under_a_path(make_app: MakeApp, tmp_path: Path) -> Iterator[dict[str, str]]:
    """The addresses of a server under `/proctor`, by an nginx that strips it and by one that doesn't."""
    program()
    app = make_app(proctor_password=PASSWORD, api_token=API_TOKEN, public_url="http://uni.example/proctor", trusted_proxies="1")
    with served(app) as port:
        bodies = {
            "stripped": f"location /proctor/ {{ proxy_pass http://127.0.0.1:{port}/; {PROXY} }}",
            "kept": f"location /proctor/ {{ proxy_pass http://127.0.0.1:{port}; {PROXY} }}",
        }
        with nginx(tmp_path / "nginx", bodies) as addresses:
            yield addresses


def test_a_server_under_a_path_works_by_nginx(under_a_path: dict[str, str], database: Database, student: str) -> None:
    for way, address in under_a_path.items():
        page = requests.get(f"{address}/proctor/portal", headers=BROWSER, timeout=20)
        scripts = re.findall(r'(?:src|href|data-script)="(/[^"#?]+)"', page.text)
        assert scripts, way
        assert {requests.get(address + path, timeout=20).status_code for path in scripts} == {200}, way
        with requests.Session() as proctor:
            asked = proctor.get(f"{address}/proctor/review", timeout=20)
            assert asked.url.startswith(f"{address}/proctor/login?next="), way
            form = {"username": "proctor", "password": PASSWORD, "next": "/proctor/review"}
            assert proctor.post(f"{address}/proctor/login", data=form, headers={"Origin": address}, timeout=20).url == f"{address}/proctor/review", (
                way
            )
            assert proctor.get(f"{address}/proctor/api/sessions/active", timeout=20).status_code == 200, way
        body = {"user_id": f"{student}-{way}", "source": "browser"}
        made = requests.post(f"{address}/proctor/api/session/create", json=body, headers=BEARER, timeout=20).json()
        forged = BEARER | {"X-Forwarded-For": "6.6.6.6"}
        link = requests.post(f"{address}/proctor/api/session/{made['session_id']}/link", json={}, headers=forged, timeout=20)
        assert link.status_code == 200, way
        _, _, token = link.json()["portal_url"].partition("/proctor/portal#t=")
        assert _first_word(f"{address.replace('http', 'ws')}/proctor/student/link", token)["type"] == "clock", way
    assert database.flush(10)
    noted = [entry["address"] for entry in database.audit_entries() if entry["what"] == "link: made"][: len(under_a_path)]
    assert noted == ["127.0.0.1"] * len(under_a_path)


def _first_word(address: str, token: str) -> Any:
    link = websocket.create_connection(address, timeout=20, subprotocols=["proctor.link", f"proctor.token.{token}"])
    try:
        assert link.subprotocol == "proctor.link"
        return json.loads(link.recv())
    finally:
        link.close()
