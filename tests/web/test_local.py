"""Protected mode: which of this machine's callers are its own."""

from __future__ import annotations

import multiprocessing
import os
import socket
import stat
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.helpers.web import MakeApp, local_client
from web.access.local import STUDENTS_OWN
from web.access.peer import owner_of
from web.access.rights import WHO_MAY
from web.parts import parts_of

BROWSER = {"User-Agent": "Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0"}
FETCHES = {"Sec-Fetch-Site": "same-origin", "Sec-Fetch-Mode": "cors"}


@pytest.fixture
def browser(app: Flask) -> FlaskClient:
    return local_client(app)


@pytest.mark.parametrize("path", ["/", "/review", "/api/sessions/active", "/portal", "/static/css/app.css", "/api/health", "/metrics"])
@pytest.mark.parametrize("marks", [BROWSER, FETCHES])
def test_a_browser_that_is_not_known_is_refused_and_told_what_to_open(browser: FlaskClient, path: str, marks: dict[str, str]) -> None:
    answer = browser.get(path, headers=marks, buffered=True)
    assert answer.status_code == 403
    assert "?local=" in answer.text


def test_the_printed_address_makes_a_browser_known(app: Flask, browser: FlaskClient) -> None:
    local = parts_of(app).access.local
    assert local is not None
    wrong = browser.get("/?local=guessed", headers=BROWSER)
    assert (wrong.status_code, "Set-Cookie" in wrong.headers) == (403, False)
    answer = browser.get(f"/review?state=all&local={local.token}&rank=newest", headers=BROWSER)
    assert (answer.status_code, answer.headers["Location"]) == (303, "/review?state=all&rank=newest")
    assert "HttpOnly" in answer.headers["Set-Cookie"]
    assert local.token not in answer.headers["Set-Cookie"]
    for path in ("/", "/portal", "/api/sessions/active"):
        assert browser.get(path, headers=BROWSER | FETCHES).status_code == 200, path
    assert "parts" in browser.get("/api/health", headers=BROWSER).get_json()


def test_a_script_needs_nothing_and_may_bring_the_token(make_app: MakeApp, app: Flask) -> None:
    assert local_client(app).get("/api/sessions/active", headers={"User-Agent": "curl/8.5.0"}).status_code == 200
    local = parts_of(app).access.local
    assert local is not None
    bearer = {"Authorization": f"Bearer {local.token}"}
    assert local_client(app).get("/api/sessions/active", headers=BROWSER | bearer).status_code == 200
    local.write_token()
    assert local.path.read_text().strip() == local.token
    assert stat.S_IMODE(local.path.stat().st_mode) == 0o600
    other = parts_of(make_app()).access.local
    assert other is not None
    assert other.token != local.token  # made anew at each start
    assert other.cookies() == local.cookies()  # and who was known stays known


def test_a_known_browser_is_no_way_in_for_a_proxy(app: Flask, browser: FlaskClient) -> None:
    local = parts_of(app).access.local
    assert local is not None
    browser.get(f"/?local={local.token}")
    assert browser.get("/", headers={"X-Forwarded-For": "203.0.113.5"}).status_code == 403
    assert browser.get("/", headers={"Connection": "upgrade"}).status_code == 403


# Whose program it is


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener


def _environ(peer: tuple[str, int], listener: socket.socket) -> dict[str, Any]:
    return {"REMOTE_ADDR": peer[0], "REMOTE_PORT": str(peer[1]), "SERVER_PORT": str(listener.getsockname()[1])}


@pytest.mark.skipif(sys.platform != "linux", reason="Linux alone tells")
def test_our_own_program_is_known_by_the_kernel(listener: socket.socket) -> None:
    with socket.create_connection(listener.getsockname()) as client:
        connection, peer = listener.accept()
        with connection:
            for asked in (_environ(peer, listener), {"gunicorn.socket": connection}):
                assert owner_of(asked) == "own"
            client.close()  # the kernel shows what was closed as root's
            for asked in (_environ(peer, listener), {"gunicorn.socket": connection}):
                assert owner_of(asked) == "other"
    assert owner_of({}) == "unknown"


@pytest.mark.skipif(sys.platform != "linux", reason="Linux alone tells")
@pytest.mark.parametrize(("family", "here", "there"), [(socket.AF_INET, "127.0.0.1", "127.0.0.1"), (socket.AF_INET6, "::1", "::1")])
def test_the_kernel_is_asked_for_the_one_connection(family: socket.AddressFamily, here: str, there: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("web.access.peer.TABLES", ())
    with socket.socket(family) as listener:
        listener.bind((here, 0))
        listener.listen()
        with socket.create_connection((there, listener.getsockname()[1])), listener.accept()[0] as connection:
            assert owner_of({"werkzeug.socket": connection}) == "own"


@pytest.mark.skipif(sys.platform != "linux", reason="Linux alone tells")
def test_a_caller_by_ipv4_of_a_server_of_both_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("web.access.peer.TABLES", ())
    with (
        socket.create_server(("::", 0), family=socket.AF_INET6, dualstack_ipv6=True) as listener,
        socket.create_connection(("127.0.0.1", listener.getsockname()[1])),
        listener.accept()[0] as connection,
    ):
        assert owner_of({"gunicorn.socket": connection}) == "own"


@pytest.mark.skipif(sys.platform != "linux" or os.geteuid() != 0, reason="needs root, to run a program as somebody else")
def test_another_accounts_program_that_takes_the_port_of_ours_at_another_address_is_known(listener: socket.socket) -> None:
    """Whichever of the two the kernel names first."""
    with socket.create_connection(listener.getsockname(), source_address=("127.0.0.1", 0)) as ours:
        listener.accept()[0].close()
        for last in range(2, 6):
            other = multiprocessing.get_context("fork").Process(
                target=_as_nobody, args=((f"127.0.0.{last}", ours.getsockname()[1]), listener.getsockname())
            )
            other.start()
            connection, peer = listener.accept()
            with connection:
                assert peer[0] == f"127.0.0.{last}"
                assert owner_of(_environ(peer, listener)) == "other"
                assert owner_of({"gunicorn.socket": connection}) == "other"
            other.join()


def _as_nobody(here: tuple[str, int], there: tuple[str, int]) -> None:
    """Connect as another account, and stay until the other side goes."""
    os.setuid(65534)
    with socket.create_connection(there, source_address=here) as client:
        client.recv(1)


@pytest.mark.skipif(sys.platform != "linux" or os.geteuid() != 0, reason="needs root, to run a program as somebody else")
def test_another_accounts_program_is_known_by_the_kernel(listener: socket.socket) -> None:
    host, port = listener.getsockname()
    with subprocess.Popen(["bash", "-c", f"exec 3<>/dev/tcp/{host}/{port}; read -t 20 <&3"], user=65534, cwd="/"):
        connection, peer = listener.accept()
        with connection:
            assert owner_of(_environ(peer, listener)) == "other"
            assert owner_of({"gunicorn.socket": connection}) == "other"


def test_all_that_a_students_page_asks_for_is_answered_to_a_browser_of_our_own_account_that_is_not_known() -> None:
    asked = {endpoint for endpoint, who in WHO_MAY.items() if who in {"open", "student"}}
    at_the_door = {
        endpoint for endpoint in asked if endpoint.startswith(("sign_in.", "sign_in_oidc.", "lti", "openedx."))
    }  # in protected mode nobody signs in, or comes from elsewhere
    assert asked - STUDENTS_OWN - at_the_door == {
        *("health.openapi", "packages.key", "pages.login", "pages.logout", "pages.verify"),
        "snippet_asking.stands",  # asked by the server of an exam's own site
    }
