"""Who may: protected mode, logins, tokens, other sites' pages, and that no route is forgotten."""

from __future__ import annotations

import os
import stat
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import EnvironBuilder
from werkzeug.wrappers import Request, Response

from basics.errors import ConfigError, Forbidden, ProctorError, TooMany, Unauthorized
from basics.times import WALL_DOUBT_S
from tests.helpers.waiting import until
from tests.helpers.web import API_TOKEN, PASSWORD, MakeApp, local_client, settings_for
from web.access.limits import KEPT_ADDRESSES, RateLimit
from web.access.logins import FREE_TRIES, WAITING_AT_ADDRESS, Logins
from web.access.rights import WHO_MAY
from web.access.who_may import LOGIN_COOKIE, Access, check_start
from web.parts import parts_of

SESSION = "0123456789abcdef0123456789abcdef"
BEARER = {"Authorization": f"Bearer {API_TOKEN}"}


def environ(**overrides: Any) -> dict[str, Any]:
    """A request of this machine's own curl, with changes."""
    built = EnvironBuilder("/api/sessions/active", base_url="http://localhost:5000").get_environ()
    return {**built, "REMOTE_ADDR": "127.0.0.1", **overrides}


def watching(access: Access, handshake: dict[str, Any]) -> Callable[[], bool]:
    """Whether the sender of a handshake may still watch."""
    watcher = access.watcher(handshake)
    return lambda: watcher().may_at_all("look")


@pytest.fixture
def protected(tmp_path: Path) -> Access:
    return Access(settings_for(tmp_path))


@pytest.fixture
def locked(tmp_path: Path) -> Access:
    return Access(settings_for(tmp_path, proctor_password=PASSWORD, api_token=API_TOKEN, public_url="https://proctor.example.org"))


# The start


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5", "proctor.example.org", ""])
def test_start_is_refused_where_others_could_come_in_without_a_password(tmp_path: Path, host: str) -> None:
    with pytest.raises(ConfigError, match="PROCTOR_PASSWORD") as caught:
        check_start(settings_for(tmp_path, flask_host=host) if host else settings_for(tmp_path).model_copy(update={"flask_host": ""}))
    assert f"FLASK_HOST={host}" in caught.value.message


@pytest.mark.parametrize(("host", "password"), [("127.0.0.1", ""), ("localhost", ""), ("::1", ""), ("0.0.0.0", PASSWORD)])
def test_start_is_allowed_on_this_machine_or_with_a_password(tmp_path: Path, host: str, password: str) -> None:
    check_start(settings_for(tmp_path, flask_host=host, proctor_password=password))


# Protected mode


@pytest.mark.parametrize(
    "allowed",
    [
        {},
        {"HTTP_HOST": "127.0.0.1:5000"},
        {"HTTP_HOST": "[::1]:5000", "REMOTE_ADDR": "::1"},
        {"HTTP_HOST": "LOCALHOST"},
        {"REMOTE_ADDR": "::ffff:127.0.0.1"},
        {"REQUEST_METHOD": "POST", "HTTP_ORIGIN": "http://localhost:5000"},
        {"HTTP_CONNECTION": "keep-alive"},
        {"HTTP_CONNECTION": "Upgrade", "HTTP_UPGRADE": "websocket"},
    ],
)
def test_protected_mode_answers_this_machine(protected: Access, allowed: dict[str, str]) -> None:
    protected.check_caller(Request(environ(**allowed)))
    assert protected.is_proctor(Request(environ(**allowed)))


@pytest.mark.parametrize(
    ("refused", "says"),
    [
        ({"REMOTE_ADDR": "192.168.1.9"}, "192.168.1.9"),
        ({"REMOTE_ADDR": ""}, "only this machine"),
        ({"HTTP_X_FORWARDED_FOR": "10.0.0.1"}, "X-Forwarded-For"),
        ({"HTTP_X_FORWARDED_PROTO": "https"}, "X-Forwarded-Proto"),
        ({"HTTP_FORWARDED": "for=10.0.0.1"}, "Forwarded"),
        ({"HTTP_VIA": "1.1 proxy"}, "Via"),
        ({"HTTP_X_ORIGINAL_FORWARDED_FOR": "10.0.0.1"}, "X-Original-Forwarded-For"),
        ({"HTTP_CF_RAY": "7f"}, "Cf-Ray"),
        ({"SERVER_PROTOCOL": "HTTP/1.0"}, "proxy"),
        ({"HTTP_CONNECTION": "upgrade"}, "proxy"),  # nginx's usual recipe for WebSockets
        ({"HTTP_HOST": "rebound.example.org:5000"}, "rebound.example.org"),
        ({"HTTP_HOST": "localhost.example.org"}, "localhost.example.org"),
        ({"HTTP_HOST": "localhost:port"}, "localhost:port"),
        ({"HTTP_HOST": "someone@localhost"}, "someone@localhost"),
        ({"HTTP_HOST": "localhost/x"}, "localhost/x"),
        ({"HTTP_HOST": ""}, "localhost or 127.0.0.1"),
    ],
)
def test_protected_mode_refuses_others_and_says_how_to_let_them_in(protected: Access, refused: dict[str, str], says: str) -> None:
    with pytest.raises(Forbidden, match="PROCTOR_PASSWORD") as caught:
        protected.check_caller(Request(environ(**refused)))
    assert says in caught.value.message
    assert not protected.may_watch(environ(**refused))


FOREIGN = [
    {"HTTP_ORIGIN": "http://evil.example"},
    {"HTTP_ORIGIN": "http://localhost:3000"},  # another program's page on this machine
    {"HTTP_ORIGIN": "http://127.0.0.1:5000"},  # not the name that was asked for
    {"HTTP_ORIGIN": "null"},
    {"HTTP_ORIGIN": "http://localhost:port"},
    {"HTTP_SEC_FETCH_SITE": "cross-site"},
    {"HTTP_SEC_FETCH_SITE": "same-site"},
]


@pytest.mark.parametrize("mode", ["protected", "locked"])
@pytest.mark.parametrize("foreign", FOREIGN)
@pytest.mark.parametrize("request_is", [{"REQUEST_METHOD": "POST"}, {"REQUEST_METHOD": "DELETE"}, {"HTTP_UPGRADE": "WebSocket"}])
def test_other_sites_pages_change_nothing_and_open_no_sockets(
    mode: str, foreign: dict[str, str], request_is: dict[str, str], request: pytest.FixtureRequest
) -> None:
    access: Access = request.getfixturevalue(mode)
    with pytest.raises(Forbidden, match="another site's page"):
        access.check_caller(Request(environ(**foreign, **request_is)))


@pytest.mark.parametrize("foreign", FOREIGN)
def test_other_sites_pages_watch_nothing_over_socket_io(protected: Access, foreign: dict[str, str]) -> None:
    assert protected.may_watch(environ())
    assert not protected.may_watch(environ(**foreign))


def test_other_sites_pages_fetch_nothing(protected: Access) -> None:
    with pytest.raises(Forbidden):
        protected.check_caller(Request(environ(HTTP_SEC_FETCH_SITE="cross-site", HTTP_SEC_FETCH_MODE="no-cors")))


@pytest.mark.parametrize(
    ("origin", "host"),
    [
        ("https://proctor.example.org", "proctor.example.org"),  # a proxy ends TLS and passes Host on
        ("https://proctor.example.org", "127.0.0.1:5000"),  # a proxy that doesn't: PUBLIC_URL names the site
        ("http://proctor.lan:5000", "proctor.lan:5000"),
    ],
)
def test_own_pages_are_known_behind_a_proxy(locked: Access, origin: str, host: str) -> None:
    post = {"REQUEST_METHOD": "POST", "REMOTE_ADDR": "10.0.0.2", "HTTP_X_FORWARDED_FOR": "10.0.0.1"}
    locked.check_caller(Request(environ(**post, HTTP_ORIGIN=origin, HTTP_HOST=host)))


@pytest.mark.parametrize(
    ("mode", "origin", "host"),
    [
        ("locked", "http://proctor.example.org", "proctor.example.org"),  # who reads along can write such a page
        ("locked", "https://proctor.example.org:8443", "proctor.example.org"),  # another program of the same host, which has its cookies
        ("protected", "http://localhost:3000", "localhost"),
    ],
)
def test_another_port_or_scheme_of_ones_own_host_is_another_site(mode: str, origin: str, host: str, request: pytest.FixtureRequest) -> None:
    access: Access = request.getfixturevalue(mode)
    with pytest.raises(Forbidden, match="another site's page"):
        access.check_caller(Request(environ(REQUEST_METHOD="POST", HTTP_ORIGIN=origin, HTTP_HOST=host)))


# Logins and tokens


def test_a_login_needs_the_name_and_the_password(locked: Access) -> None:
    for name, password in [("proctor", "wrong"), ("admin", PASSWORD), ("", ""), ("proctor", ""), ("proctor", PASSWORD + "\udc80")]:
        with pytest.raises(Unauthorized):
            locked.check_login(name, password, "10.0.0.1")
    locked.check_login("proctor", PASSWORD, "10.0.0.1")


def test_who_guesses_behind_its_address_does_not_stand_in_a_known_browsers_way(locked: Access, monkeypatch: pytest.MonkeyPatch) -> None:
    over = threading.Event()
    logins = Logins(clock=lambda: 0.0, sleep=lambda _: over.wait(60))  # nobody's turn comes until it is over
    monkeypatch.setattr(locked, "_logins", logins)

    def guess(password: str = "wrong", browser: str = "") -> type[Exception] | None:
        try:
            locked.check_login("proctor", password, "10.0.0.1", browser)
        except ProctorError as error:
            return type(error)
        return None

    for _ in range(FREE_TRIES):
        guess()
    waiting = [threading.Thread(target=guess) for _ in range(WAITING_AT_ADDRESS + 1)]
    for each in waiting:
        each.start()
    try:
        until(lambda: logins._waiting == WAITING_AT_ADDRESS)  # before that the right one would wait, too
        assert guess(PASSWORD) is TooMany
        response = Response()
        locked.remember_login(Request(environ(HTTP_HOST="proctor.lan:5000")), response)
        marks = dict(cookie.split(";")[0].split("=", 1) for cookie in response.headers.getlist("Set-Cookie"))
        mark = marks[locked.browser_cookie]
        assert (guess(PASSWORD, mark), guess("wrong", mark)) == (None, Unauthorized)
        assert guess(PASSWORD, locked._signer.browser_token("ada")) is TooMany, "whoever has some account is no known browser for another name"
        assert guess(PASSWORD, f"x{mark[1:]}") is TooMany  # (of a last character some bits say nothing)
        assert not locked.is_proctor(Request(environ(HTTP_COOKIE=f"{locked.login_cookie}={mark}"))), "it opens nothing"
    finally:
        over.set()
        for each in waiting:
            each.join()


def test_no_password_can_be_right_in_protected_mode(protected: Access) -> None:
    with pytest.raises(Unauthorized):
        protected.check_login("proctor", "", "127.0.0.1")


def test_tries_are_forgotten_after_their_window_and_the_memory_for_them_is_bounded() -> None:
    now = 0.0
    limit = RateLimit(2, 60, "Too many.", clock=lambda: now)
    limit.take("10.0.0.1")
    now = 30.0
    limit.take("10.0.0.1")
    with pytest.raises(TooMany, match="Try again in 30 s"):
        limit.take("10.0.0.1")
    now = 60.0
    limit.take("10.0.0.1")
    with pytest.raises(TooMany):
        limit.take("10.0.0.1")
    for number in range(KEPT_ADDRESSES + 10):
        limit.take(f"172.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}")
    assert len(limit._tries) == KEPT_ADDRESSES


def test_one_ipv6_customer_is_one_address() -> None:
    limit = RateLimit(1, 60, "Too many.")
    limit.take("2001:db8:1:2::1")
    with pytest.raises(TooMany):
        limit.take("2001:db8:1:2:ffff::9")
    limit.take("2001:db8:1:3::1")


def test_student_tokens_are_for_one_session_and_cannot_be_forged(locked: Access, tmp_path: Path) -> None:
    token = locked.make_student_token(SESSION)
    assert locked.read_student_token(token) == SESSION
    elsewhere = Access(settings_for(tmp_path / "elsewhere"))
    for wrong in ["", "x", token[:-1], token + "x", elsewhere.make_student_token(SESSION), locked._signer.login_token(), "é", "\udc80"]:
        with pytest.raises(Unauthorized, match="not valid here"):
            locked.read_student_token(wrong)


def test_student_tokens_end_after_a_day(locked: Access, monkeypatch: pytest.MonkeyPatch) -> None:
    token = locked.make_student_token(SESSION)
    monkeypatch.setattr("web.access.signing.STUDENT_TOKEN_MAX_AGE", -WALL_DOUBT_S - 1)
    with pytest.raises(Unauthorized, match="more than a day old"):
        locked.read_student_token(token)


def test_a_login_is_not_a_students_token_and_ends_with_the_password(tmp_path: Path) -> None:
    before = Access(settings_for(tmp_path, proctor_password=PASSWORD))
    cookie = before._signer.login_token()
    assert before.is_proctor(Request(environ(HTTP_COOKIE=f"{LOGIN_COOKIE}={cookie}")))
    assert not before.is_proctor(Request(environ(HTTP_COOKIE=f"{LOGIN_COOKIE}={before.make_student_token(SESSION)}")))
    after = Access(settings_for(tmp_path, proctor_password="another password"))
    assert not after.is_proctor(Request(environ(HTTP_COOKIE=f"{LOGIN_COOKIE}={cookie}")))


def test_scripts_bring_the_api_token(locked: Access, tmp_path: Path) -> None:
    assert locked.is_proctor(Request(environ(HTTP_AUTHORIZATION=f"Bearer {API_TOKEN}")))
    assert locked.may_watch(environ(HTTP_AUTHORIZATION=f"Bearer {API_TOKEN}"))
    for wrong in ["", "Bearer", "Bearer ", f"Bearer {API_TOKEN}x", f"Basic {API_TOKEN}", "Bearer é", f"Bearer {locked.make_student_token(SESSION)}"]:
        assert not locked.is_proctor(Request(environ(HTTP_AUTHORIZATION=wrong))), wrong
    without = Access(settings_for(tmp_path, proctor_password=PASSWORD))
    assert not without.is_proctor(Request(environ(HTTP_AUTHORIZATION="Bearer ")))


@pytest.mark.skipif(os.name != "posix", reason="file modes are POSIX's")
def test_the_servers_key_is_made_once_for_the_owner_only(tmp_path: Path) -> None:
    first = Access(settings_for(tmp_path))
    path = tmp_path / "data" / "secret_key"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert len(path.read_text().strip()) >= 32
    path.chmod(0o644)
    second = Access(settings_for(tmp_path))
    assert second.secret_key == first.secret_key
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [found.name for found in path.parent.iterdir()] == ["secret_key"]


def test_servers_that_start_at_once_find_one_key(tmp_path: Path) -> None:
    gate = threading.Barrier(8)
    keys: list[str] = []

    def start() -> None:
        gate.wait()
        keys.append(Access(settings_for(tmp_path)).secret_key)

    threads = [threading.Thread(target=start) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(keys) == 8
    assert len(set(keys)) == 1


def test_a_key_that_cannot_be_used_stops_the_start(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="SECRET_KEY has 5 characters"):
        Access(settings_for(tmp_path, secret_key="short"))
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "secret_key").write_text("cut")
    with pytest.raises(ConfigError, match="remove the file"):
        Access(settings_for(tmp_path))
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="can't be read or written"):
        Access(settings_for(tmp_path / "file"))


# The whole app


@pytest.fixture
def locked_app(make_app: MakeApp) -> Flask:
    app: Flask = make_app(proctor_password=PASSWORD, api_token=API_TOKEN)
    return app


@pytest.fixture
def stranger(locked_app: Flask) -> FlaskClient:
    """Somebody on another machine who has no password."""
    client = locked_app.test_client()
    client.environ_base["REMOTE_ADDR"] = "192.0.2.7"
    return client


def test_every_route_has_its_line_in_the_table(app: Flask) -> None:
    endpoints = {rule.endpoint for rule in app.url_map.iter_rules()}
    assert endpoints - set(WHO_MAY) == set()
    assert set(WHO_MAY) - endpoints <= {"link.student_link"}  # registered by the server, not by this app


def test_a_route_that_nobody_put_in_the_table_is_refused(make_app: MakeApp) -> None:
    app = make_app()
    app.add_url_rule("/api/forgotten", "forgotten", lambda: "open to all")
    answer = local_client(app).get("/api/forgotten")
    assert answer.status_code == 403
    assert answer.get_json()["error"]["code"] == "forbidden"


def test_strangers_get_only_what_is_open(locked_app: Flask, stranger: FlaskClient) -> None:
    values = {"session_id": SESSION, "video_id": f"{SESSION}-0", "filepath": "a/b.mp4", "filename": "css/app.css"}
    values |= {"index": "0", "name": "face-0123456789abcdef", "kind": "face", "registration_id": "0" * 16, "endpoint_id": "0" * 16}
    with locked_app.test_request_context():
        urls = locked_app.url_map.bind("proctor.example.org")
        for rule in (one for one in locked_app.url_map.iter_rules() if WHO_MAY[one.endpoint] != "open"):
            method = next(method for method in ("POST", "PUT", "PATCH", "DELETE", "GET") if method in (rule.methods or ()))
            path = urls.build(rule.endpoint, {name: values.get(name, SESSION) for name in rule.arguments}, method=method)
            answer = stranger.open(path, method=method, json={"user_id": "s"} if method == "POST" else None)
            assert answer.status_code in (401, 302), path
            if answer.status_code == 302:
                assert answer.headers["Location"].startswith("/login?next="), path


def test_protected_mode_holds_for_every_path_of_the_app(client: FlaskClient) -> None:
    for path in ["/", "/portal", "/static/css/app.css", "/api/health", "/api/openapi.json", "/nowhere"]:
        answer = client.get(path, environ_overrides={"REMOTE_ADDR": "192.0.2.7"}, buffered=True)
        assert answer.status_code == 403, path
        assert b"PROCTOR_PASSWORD" in answer.data, path


def test_login_gives_a_cookie_that_scripts_on_the_page_cannot_read(locked_app: Flask, stranger: FlaskClient) -> None:
    assert stranger.get("/api/sessions/active").status_code == 401
    wrong = stranger.post("/login", data={"username": "proctor", "password": "wrong"})
    assert wrong.status_code == 401
    assert "Set-Cookie" not in wrong.headers
    right = stranger.post("/login", data={"username": "proctor", "password": PASSWORD}, environ_overrides={"wsgi.url_scheme": "https"})
    assert right.status_code == 302
    cookie = right.headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Strict" in cookie
    assert "Secure" in cookie
    value = cookie.split(";")[0]
    assert locked_app.test_client(use_cookies=False).get("/api/sessions/active", headers={"Cookie": value}).status_code == 200


def test_logout_takes_the_cookie_back(stranger: FlaskClient) -> None:
    stranger.post("/login", data={"username": "proctor", "password": PASSWORD})
    assert stranger.get("/api/sessions/active").status_code == 200
    stranger.post("/logout")
    assert stranger.get("/api/sessions/active").status_code == 401


def test_a_login_that_was_logged_out_opens_nothing_any_more_and_its_sockets_end(locked_app: Flask, stranger: FlaskClient) -> None:
    access = parts_of(locked_app).access
    stranger.post("/login", data={"username": "proctor", "password": PASSWORD})
    cookie = stranger.get_cookie(access.login_cookie)
    assert cookie is not None
    copy = {"Cookie": f"{access.login_cookie}={cookie.value}"}
    handshake = environ(HTTP_COOKIE=copy["Cookie"])
    may_watch = watching(access, handshake)
    assert access.may_watch(handshake)
    assert may_watch()
    stranger.post("/logout")
    assert not may_watch()
    assert not access.may_watch(handshake)
    assert locked_app.test_client(use_cookies=False).get("/api/sessions/active", headers=copy).status_code == 401
    assert watching(access, environ(HTTP_AUTHORIZATION=BEARER["Authorization"]))()
    stranger.post("/login", data={"username": "proctor", "password": PASSWORD})
    assert stranger.get("/api/sessions/active").status_code == 200


def test_a_login_that_lapses_ends_its_sockets(locked: Access, monkeypatch: pytest.MonkeyPatch) -> None:
    may_watch = watching(locked, environ(HTTP_COOKIE=f"{locked.login_cookie}={locked._signer.login_token()}"))
    assert may_watch()
    monkeypatch.setattr("web.access.signing.LOGIN_MAX_AGE", -10 * 24 * 3600)
    assert not may_watch()


def test_a_script_with_the_token_may_and_is_told_how_without(stranger: FlaskClient) -> None:
    assert stranger.get("/api/sessions/active", headers=BEARER).status_code == 200
    answer = stranger.get("/api/sessions/active")
    assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert "API_TOKEN" in answer.get_json()["error"]["message"]


def test_every_answer_carries_the_security_headers(client: FlaskClient) -> None:
    for path in ["/", "/portal", "/api/health", "/api/nowhere", "/nowhere", "/static/css/app.css", "/metrics"]:
        headers = client.get(path, buffered=True).headers
        policy = headers["Content-Security-Policy"]
        assert "default-src 'self'" in policy, path
        assert "connect-src 'self' ws://localhost wss://localhost;" in policy, path
        assert "unsafe" not in policy, path
        assert "frame-ancestors 'none'" in policy, path
        assert headers["X-Content-Type-Options"] == "nosniff", path
        assert headers["Referrer-Policy"] == "same-origin", path
        assert "camera=(self)" in headers["Permissions-Policy"], path


def test_a_host_header_cannot_write_into_the_policy(stranger: FlaskClient) -> None:
    answer = stranger.get("/api/health", environ_overrides={"HTTP_HOST": "x; script-src *"})
    assert "script-src *" not in answer.headers["Content-Security-Policy"]
