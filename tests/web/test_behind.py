"""Behind a web server: who asks, and a path in front of every address."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from basics.errors import ConfigError
from settings.server import OWN_PATHS
from tests.helpers.web import API_TOKEN, PASSWORD, MakeApp, error_of, settings_for
from web.access.who_may import STARTS

BEARER = {"Authorization": f"Bearer {API_TOKEN}"}
Client = Callable[..., FlaskClient]


@pytest.fixture
def proxied(make_app: MakeApp) -> Client:
    """A client behind a web server on this machine, of a server with a password."""

    def make(**settings: Any) -> FlaskClient:
        client = make_app(**{"proctor_password": PASSWORD, "api_token": API_TOKEN} | settings).test_client()
        client.environ_base["REMOTE_ADDR"] = "127.0.0.1"
        return client

    return make


def login(client: FlaskClient, address: str, password: str) -> int:
    form = {"username": "proctor", "password": password}
    return client.post("/login", data=form, headers={"X-Forwarded-For": address}).status_code


def test_each_student_is_an_address_of_its_own_behind_a_trusted_proxy(proxied: Client, student: str) -> None:
    client = proxied(trusted_proxies="1", portal_open=True)
    start = {"user_id": "not an id"}  # counted before it is read
    answers = [client.post("/api/student/start", json=start, headers={"X-Forwarded-For": f"10.0.0.{n}"}).status_code for n in range(STARTS + 1)]
    assert set(answers) == {422}
    one = [client.post("/api/student/start", json=start, headers={"X-Forwarded-For": f"{n}.6.6.6, 10.1.1.1"}) for n in range(STARTS + 1)]
    assert one[-1].status_code == 429  # what the client forged counts for nothing
    assert int(one[-1].headers["Retry-After"]) > 0


def test_a_header_of_somebody_who_is_not_trusted_counts_for_nothing(proxied: Client) -> None:
    client = proxied(trusted_proxies="10.0.0.0/8", portal_open=True)
    answers = [client.post("/api/student/start", json={}, headers={"X-Forwarded-For": f"10.9.0.{n}"}).status_code for n in range(STARTS + 1)]
    assert answers[-1] == 429


def test_a_proxy_that_nobody_told_of_is_told_of_once(proxied: Client, caplog: pytest.LogCaptureFixture) -> None:
    client = proxied()
    for number in range(3):
        client.get("/login", headers={"X-Forwarded-For": f"10.0.0.{number}"})
    assert len([record for record in caplog.records if "TRUSTED_PROXIES" in record.message]) == 1


@pytest.mark.parametrize(("peer", "caller"), [("127.0.0.1", "203.0.113.77"), ("::ffff:198.51.100.4", "198.51.100.4")])
def test_the_audit_has_the_address_of_who_asked(proxied: Client, database: Any, student: str, peer: str, caller: str) -> None:
    client = proxied(trusted_proxies="127.0.0.1")
    client.environ_base["REMOTE_ADDR"] = peer
    headers = BEARER | {"X-Forwarded-For": "6.6.6.6, 203.0.113.77"}
    assert client.post("/api/accommodations", json={"user_id": student, "reading_aloud": True}, headers=headers).status_code == 200
    assert database.flush(10)
    assert next(entry for entry in database.audit_entries() if entry.get("user_id") == student)["address"] == caller


# A path


@pytest.fixture(params=["stripped", "kept", "told"])
def at(request: pytest.FixtureRequest, proxied: Client) -> Callable[[str], Any]:
    """Get a path of the server behind a proxy that strips `/proctor`, one that doesn't, and one that strips and tells, without PUBLIC_URL."""
    way = request.param
    client = proxied(trusted_proxies="1") if way == "told" else proxied(public_url="https://uni.example/proctor/")
    headers = BEARER | ({"X-Forwarded-Prefix": "/proctor"} if way == "told" else {})
    return lambda path, **more: client.open(("/proctor" if way == "kept" else "") + path, headers=headers, **more)


def test_every_address_of_a_page_has_the_path(at: Callable[..., Any]) -> None:
    for page in ("/", "/portal", "/review", "/exams", "/settings", "/analytics", f"/session/{'0' * 32}", "/nowhere"):
        addresses = re.findall(r'(?:src|href|action|data-script)="(/[^"]*)"', at(page).text)
        assert addresses, page
        assert [address for address in addresses if not address.startswith("/proctor/")] == [], page
    assert at("/login").headers["Location"] == "/proctor/"  # of somebody who is logged in


def test_links_redirects_and_answers_have_the_path(at: Callable[..., Any], student: str) -> None:
    made = at("/api/session/create", method="POST", json={"user_id": student, "source": "browser"}).get_json()
    assert "/proctor/portal#t=" in made["portal_url"]
    assert at("/flagged").headers["Location"] == "/proctor/review?state=all&rank=newest"
    assert at("/api/openapi.json").get_json()["info"]


def test_a_login_under_a_path_leads_back_and_keeps_its_cookie_there(proxied: Client) -> None:
    client = proxied(public_url="https://uni.example/proctor")
    asked = client.get("/proctor/review?state=all")
    assert asked.headers["Location"] == "/proctor/login?next=/proctor/review%3Fstate%3Dall"
    given = client.post("/proctor/login", data={"username": "proctor", "password": PASSWORD, "next": "/proctor/review?state=all"})
    assert given.headers["Location"] == "/proctor/review?state=all"
    cookie = given.headers["Set-Cookie"]
    assert cookie.startswith("__Secure-proctor_login=")
    assert "Path=/proctor/" in cookie
    away = client.post("/login", data={"username": "proctor", "password": PASSWORD, "next": "/review"})
    assert away.headers["Location"] == "/proctor/review"


def test_https_has_a_cookie_of_this_host_alone_and_is_kept_to(proxied: Client) -> None:
    client = proxied(public_url="https://proctor.example.org")
    answer = client.post("/login", data={"username": "proctor", "password": PASSWORD})
    cookie = answer.headers["Set-Cookie"]
    assert cookie.startswith("__Host-proctor_login=")
    assert {"Secure", "HttpOnly", "Path=/"} <= {part.strip() for part in cookie.split(";")}
    assert "max-age=31536000" in answer.headers["Strict-Transport-Security"]
    assert client.get("/api/sessions/active").status_code == 200
    assert "Strict-Transport-Security" not in proxied().get("/login").headers


@pytest.mark.parametrize(
    "wrong",
    [
        "proctor.example.org",
        "ftp://x.example",
        "https://x.example/a b",
        "https://x.example/?a=1",
        "https://x.example/api",
        "https://x.example/exams/x",
        "https://x.example/../x",
        "https://x.example/a/./b",
        "https://x.example/a/..",
        "https://x.example:0/a",
        "https://x.example:99999",
    ],
)
def test_an_address_that_cannot_work_is_refused_at_the_start(tmp_path: Path, wrong: str) -> None:
    with pytest.raises(ConfigError, match="PUBLIC_URL"):
        settings_for(tmp_path, public_url=wrong)


def test_the_servers_own_paths_are_all_known(app: Flask) -> None:
    first = {rule.rule.split("/")[1] for rule in app.url_map.iter_rules()} - {""}
    assert first | {"socket.io"} == OWN_PATHS


def test_wrong_passwords_of_one_keep_nobody_out(proxied: Client) -> None:
    client = proxied(trusted_proxies="1")
    guesses = [login(client, "203.0.113.5", f"guess {number}") for number in range(11)]
    assert guesses[-1] == 429
    assert login(client, "198.51.100.9", PASSWORD) == 302
    assert login(client, "203.0.113.5", PASSWORD) == 302


# Secrets


@pytest.mark.parametrize("weak", ["short", "password1234", "123456789012"])
def test_a_password_that_is_guessed_stops_the_start(tmp_path: Path, weak: str) -> None:
    with pytest.raises(ConfigError, match="PROCTOR_PASSWORD") as caught:
        settings_for(tmp_path, proctor_password=weak)
    assert weak not in caught.value.message


def test_a_token_may_be_set_by_its_fingerprint(proxied: Client) -> None:
    fingerprint = "sha256:" + hashlib.sha256(API_TOKEN.encode()).hexdigest()
    client = proxied(api_token=fingerprint)
    assert client.get("/api/sessions/active", headers=BEARER).status_code == 200
    assert client.get("/api/sessions/active", headers={"Authorization": f"Bearer {fingerprint}"}).status_code == 401


def test_a_limit_says_when_to_come_again(proxied: Client, student: str) -> None:
    client = proxied(max_sessions=1)
    for number in range(10):
        assert (
            client.post("/api/session/create", json={"user_id": student, "exam_id": f"e{number}", "source": "browser"}, headers=BEARER).status_code
            == 200
        )
    full = client.post("/api/session/create", json={"user_id": student, "exam_id": "e10", "source": "browser"}, headers=BEARER)
    error_of(full, 429)
    assert int(full.headers["Retry-After"]) > 0
