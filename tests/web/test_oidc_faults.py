"""A sign-in provider that is away, slow or wrong: what it sends is refused with the reason, and the server goes on."""

from __future__ import annotations

import base64
import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest
from flask import Flask
from joserfc import jwt
from joserfc.jwk import RSAKey
from pydantic import ValidationError

from basics.errors import ProviderAway, Unauthorized
from basics.group_roles import GroupRole, parse_group_roles, roles_of
from settings.settings import Settings, load_settings
from tests.helpers.people import browser_of
from tests.helpers.web import PASSWORD, MakeApp, settings_for
from web.access.oidc import ANSWER_MAX, AT_ONCE, CLOCKS_S, SENT_TO_S, Provider
from web.parts import parts_of

CALLBACK = "http://localhost/login/oidc/callback"
WAY = {"nonce": "the nonce of this sign-in", "verifier": "v" * 64}


class Fake:
    """A provider that says what a test wants it to."""

    def __init__(self) -> None:
        self.key = RSAKey.generate_key(2048, {"kid": "one"})
        self.published = self.key
        self.claims: dict[str, Any] = {}
        self.discovery: dict[str, Any] = {}
        self.userinfo: dict[str, Any] = {}
        self.asked: list[tuple[str, dict[str, list[str]]]] = []
        self.answers: dict[str, bytes | None] = {}
        self.go_on = threading.Event()
        fake = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *_said: Any) -> None:
                """Nothing."""

            def do_GET(self) -> None:
                self.answer("")

            def do_POST(self) -> None:
                self.answer(self.rfile.read(int(self.headers["Content-Length"])).decode())

            def answer(self, body: str) -> None:
                fake.asked.append((self.path, parse_qs(body)))
                said = fake.said(self.path)
                self.send_response(200 if said else 500)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(said)))
                self.end_headers()
                self.wfile.write(said)

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.issuer = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def said(self, path: str) -> bytes:
        if path in self.answers:
            answer = self.answers[path]
            if answer is None:  # it says nothing, until the test is over
                self.go_on.wait(60)
            return answer or b""
        places = {name: f"{self.issuer}/{name}" for name in ("authorization_endpoint", "token_endpoint", "jwks_uri", "userinfo_endpoint")}
        said: dict[str, Any] = {
            "/.well-known/openid-configuration": {"issuer": self.issuer, **places, **self.discovery},
            "/jwks_uri": {"keys": [self.published.as_dict(private=False)]},
            "/userinfo_endpoint": {"sub": "u-1", **self.userinfo},
            "/token_endpoint": {"access_token": "a", "token_type": "Bearer", "id_token": self.id_token()},
        }
        return json.dumps(said.get(path, {})).encode()

    def id_token(self) -> str:
        now = time.time()
        claims = {"iss": self.issuer, "aud": "proctor", "sub": "u-1", "nonce": WAY["nonce"], "iat": now, "exp": now + 60, "groups": ["staff"]}
        kept = {name: value for name, value in {**claims, **self.claims}.items() if value is not None}
        return jwt.encode({"alg": "RS256", "kid": self.key.kid}, kept, self.key)

    def close(self) -> None:
        self.go_on.set()
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def fake() -> Iterator[Fake]:
    made = Fake()
    yield made
    made.close()


def settings_of(fake: Fake, folder: Path, **more: Any) -> Settings:
    return settings_for(folder, oidc_issuer=fake.issuer, oidc_client_id="proctor", oidc_client_secret="secret", **more)


@pytest.fixture
def provider(fake: Fake, tmp_path: Path) -> Provider:
    return Provider(settings_of(fake, tmp_path))


def test_what_is_right_is_believed_and_asked_for_with_a_proof(provider: Provider, fake: Fake) -> None:
    address = provider.begin(CALLBACK, state="s", **WAY)
    assert address.startswith(f"{fake.issuer}/authorization_endpoint?")
    assert "code_challenge_method=S256" in address
    assert WAY["verifier"] not in address
    claims = provider.finish(CALLBACK, "code", **WAY)
    assert (claims["sub"], provider.groups_of(claims)) == ("u-1", ["staff"])
    (asked,) = [body for path, body in fake.asked if path == "/token_endpoint"]
    assert asked["code_verifier"] == [WAY["verifier"]]
    assert provider.health()["state"] == "ok"


@pytest.mark.parametrize(
    ("claims", "says"),
    [
        ({"iss": "https://evil.example"}, "issued by"),
        ({"iss": None}, "issued by"),
        ({"aud": "another"}, "another server"),
        ({"aud": ["proctor", "another"]}, "another server"),
        ({"aud": None}, "another server"),
        ({"nonce": "another"}, "another sign-in"),
        ({"nonce": None}, "another sign-in"),
        ({"exp": 1_000_000_000}, "clock"),
        ({"iat": 4_000_000_000, "exp": 4_000_000_060}, "clock"),
        ({"exp": None}, "until when"),
        ({"exp": "soon"}, "until when"),
        ({"sub": None}, "nobody"),
        ({"sub": ["a"]}, "nobody"),
        ({"sub": "x" * 5000}, "nobody"),
    ],
)
def test_what_is_wrong_is_refused_with_the_reason(provider: Provider, fake: Fake, claims: dict[str, Any], says: str) -> None:
    fake.claims = claims
    with pytest.raises(Unauthorized, match=says):
        provider.finish(CALLBACK, "code", **WAY)


def test_clocks_that_differ_by_a_minute_are_borne_with(provider: Provider, fake: Fake) -> None:
    fake.claims = {"iat": time.time() + CLOCKS_S / 2, "exp": time.time() + CLOCKS_S}
    assert provider.finish(CALLBACK, "code", **WAY)["sub"] == "u-1"


def test_another_key_is_refused_and_a_new_one_is_asked_for(provider: Provider, fake: Fake) -> None:
    fake.key = RSAKey.generate_key(2048, {"kid": "one"})
    with pytest.raises(Unauthorized, match="signature"):
        provider.finish(CALLBACK, "code", **WAY)
    provider._keys = None
    fake.published = fake.key = RSAKey.generate_key(2048, {"kid": "two"})
    assert provider.finish(CALLBACK, "code", **WAY)["sub"] == "u-1"


def test_a_token_without_a_signature_is_none(provider: Provider, fake: Fake, monkeypatch: pytest.MonkeyPatch) -> None:
    def part(content: dict[str, Any]) -> str:
        return base64.urlsafe_b64encode(json.dumps(content).encode()).decode().rstrip("=")

    unsigned = f"{part({'alg': 'none'})}.{part({'iss': fake.issuer, 'aud': 'proctor', 'sub': 'u-1'})}."
    for token in (unsigned, "", "a.b.c", "x" * 100_000):
        monkeypatch.setattr(fake, "id_token", lambda token=token: token)
        with pytest.raises(Unauthorized, match=r"can't be read|signature"):
            provider.finish(CALLBACK, "code", **WAY)


def test_groups_come_from_userinfo_where_the_token_has_none_and_of_the_same_person_only(provider: Provider, fake: Fake) -> None:
    fake.claims, fake.userinfo = {"groups": None}, {"groups": ["staff", 7, "x" * 9999], "sub": "u-1"}
    assert provider.groups_of(provider.finish(CALLBACK, "code", **WAY)) == ["staff"]
    fake.userinfo = {"sub": "u-2"}
    with pytest.raises(Unauthorized, match="another one"):
        provider.finish(CALLBACK, "code", **WAY)


@pytest.mark.parametrize(
    "answers",
    [
        {"/.well-known/openid-configuration": b""},  # status 500
        {"/.well-known/openid-configuration": b"<html>"},
        {"/.well-known/openid-configuration": b"[]"},
        {"/.well-known/openid-configuration": b'{"issuer": "https://evil.example"}'},
        {"/.well-known/openid-configuration": b" " * (ANSWER_MAX + 1)},
        {"/jwks_uri": b"{}"},
        {"/jwks_uri": b'{"keys": [{"kty": "RSA"}]}'},
        {"/token_endpoint": b"[]"},
    ],
)
def test_a_provider_that_talks_nonsense_is_away(provider: Provider, fake: Fake, answers: dict[str, bytes | None]) -> None:
    fake.answers = answers
    with pytest.raises((ProviderAway, Unauthorized)):
        provider.finish(CALLBACK, "code", **WAY)
    fake.answers = {}
    assert provider.finish(CALLBACK, "code", **WAY)["sub"] == "u-1", "it is asked again"


def test_a_provider_that_hangs_holds_few_threads_and_is_told_of(provider: Provider, fake: Fake, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("web.access.oidc.WHOLE_S", 0.05)
    monkeypatch.setattr("web.access.oidc.READ_S", 600.0)  # the first thread hangs as long as the last comes
    fake.answers = {"/.well-known/openid-configuration": None}
    for number in range(AT_ONCE + 2):
        with pytest.raises(ProviderAway, match="does not answer within" if number < AT_ONCE else "others wait"):
            provider.begin(CALLBACK, state="s", **WAY)
    assert provider.health()["state"] == "degraded"


def test_nobody_is_sent_to_a_provider_that_went_away_since_it_was_asked(fake: Fake, tmp_path: Path) -> None:
    now = [0.0]
    provider = Provider(settings_of(fake, tmp_path), clock=lambda: now[0])
    provider.begin(CALLBACK, state="s", **WAY)
    provider.finish(CALLBACK, "code", **WAY)
    fake.answers = dict.fromkeys(("/token_endpoint", "/.well-known/openid-configuration"), b"")
    now[0] = SENT_TO_S
    with pytest.raises(ProviderAway):
        provider.begin(CALLBACK, state="s", **WAY)
    assert provider.health()["state"] == "degraded"
    now[0] += 1
    with pytest.raises(ProviderAway):
        provider.begin(CALLBACK, state="s", **WAY)  # what it once said is no sign that it answers
    fake.answers = {}
    assert provider.begin(CALLBACK, state="s", **WAY)
    assert provider.health()["state"] == "ok"


def test_a_provider_that_is_away_stops_neither_the_server_nor_other_logins(make_app: MakeApp, fake: Fake, tmp_path: Path) -> None:
    fake.close()
    app: Flask = make_app(proctor_password=PASSWORD, oidc_issuer=fake.issuer, oidc_client_id="proctor", oidc_name="Uni")
    client = browser_of(app)
    assert "Sign in with Uni" in client.get("/login").text
    refused = client.get("/login/oidc")
    assert refused.status_code == 503
    assert "can&#39;t be reached" in refused.text
    assert client.post("/login", data={"username": "proctor", "password": PASSWORD}).status_code == 302
    health = client.get("/api/health").get_json()
    assert health["parts"]["sign_in"]["state"] == "degraded"
    assert health["parts"]["sign_in"]["todo"]
    assert parts_of(app).provider is not None


# Settings


def test_groups_give_roles_for_the_server_and_in_exams() -> None:
    pairs = parse_group_roles("cn=staff,ou=people=teacher ; it=administrator;\n ta=proctor@math-101; ta=teacher@bio")
    assert pairs[0] == GroupRole("cn=staff,ou=people", "teacher")
    in_exams = {"bio": frozenset({"teacher"}), "math-101": frozenset({"proctor"})}
    assert roles_of(["ta", "cn=staff,ou=people"], pairs) == (frozenset({"teacher"}), in_exams)
    assert roles_of([], pairs) == (frozenset(), {})


@pytest.mark.parametrize("wrong", ["staff", "staff=boss", "=teacher", "a=administrator@math", "a=proctor@"])
def test_pairs_that_mean_nothing_stop_the_start(wrong: str) -> None:
    with pytest.raises(ValueError):
        parse_group_roles(wrong)


@pytest.mark.parametrize(
    "wrong",
    [
        {"oidc_issuer": "http://login.uni.example", "oidc_client_id": "a"},
        {"oidc_issuer": "login.uni.example", "oidc_client_id": "a"},
        {"oidc_issuer": "https://login.uni.example"},
        {"oidc_scope": "profile"},
    ],
)
def test_a_provider_that_is_half_named_stops_the_start(wrong: dict[str, str]) -> None:
    from basics.errors import ConfigError

    with pytest.raises((ConfigError, ValidationError)):
        load_settings(_env_file=None, **wrong)
