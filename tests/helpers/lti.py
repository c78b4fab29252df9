"""A learning platform of the tests' own: it publishes keys on loopback, and signs what it is told to."""

from __future__ import annotations

import base64
import hmac
import json
import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from html import escape, unescape
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, TypeVar
from urllib.parse import parse_qs, urlencode, urlsplit

from flask import Flask
from flask.testing import FlaskClient
from joserfc import jwt
from joserfc.jwk import RSAKey
from werkzeug.serving import make_server
from werkzeug.test import TestResponse

from records.lti_registrations import Registration
from tests.helpers.people import browser_of
from web.integrations.lti.claims import INSTITUTION, LTI, MEMBERSHIP
from web.parts import parts_of

HERE = "http://127.0.0.1:5999"
FROM_PLATFORM = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document", "Origin": "https://lms.example"}
LEARNER, INSTRUCTOR, ASSISTANT = f"{MEMBERSHIP}#Learner", f"{MEMBERSHIP}#Instructor", f"{MEMBERSHIP}/Instructor#TeachingAssistant"
ADMINISTRATOR = f"{INSTITUTION}#Administrator"


@cache
def key_called(kid: str) -> RSAKey:
    """A key of the tests; each takes a moment to make."""
    return RSAKey.generate_key(2048, {"kid": kid, "alg": "RS256", "use": "sig"})


class Platform:
    """One server of a platform. `published` are the keys that it shows, `answer` what it says in their place: a status and a body.

    To a browser it also shows a course with the tool in a frame (`/course`), and sends on as whom `says` names who comes from our login (`/auth`).
    """

    def __init__(self, url: str) -> None:
        self.issuer = url
        self.published = ["first"]
        self.answer: tuple[int, bytes] | None = None
        self.asked = 0
        self.tool = HERE
        self.says: dict[str, Any] = {}

    def page(self, path: str) -> tuple[int, bytes]:
        """What it answers a browser or a server."""
        address = urlsplit(path)
        if address.path == "/keys":
            return self.key_set()
        if address.path == "/course":
            given = urlencode({"iss": self.issuer, "login_hint": "hint", "client_id": "tool-1", "target_link_uri": f"{self.tool}/lti/launch"})
            return (
                200,
                f'<!doctype html><h1>Algebra 1</h1><iframe src="{escape(f"{self.tool}/lti/login?{given}")}" width="600" height="400">'.encode(),
            )
        asked = {name: values[0] for name, values in parse_qs(address.query).items()}
        fields = {"state": asked["state"], "id_token": self.token(asked["nonce"], **self.says)}
        inputs = "".join(f'<input type="hidden" name="{name}" value="{value}">' for name, value in fields.items())
        form = f'<form method="post" action="{escape(asked["redirect_uri"])}">{inputs}</form><script>document.forms[0].submit()</script>'
        return 200, f"<!doctype html>{form}".encode()

    def posted(self, path: str, headers: Mapping[str, str], body: str) -> tuple[int, str, bytes]:
        """What it answers a server that posts: status, media type and body."""
        return 404, "text/plain", b""

    def key_set(self) -> tuple[int, bytes]:
        self.asked += 1
        keys = [key_called(kid).as_dict(private=False) for kid in self.published]
        return self.answer or (200, json.dumps({"keys": keys}).encode())

    def register(self, app: Flask, client_id: str = "tool-1", **more: Any) -> Registration:
        """Register it at the app."""
        urls = {"auth_login_url": f"{self.issuer}/auth", "auth_token_url": f"{self.issuer}/token", "key_set_url": f"{self.issuer}/keys"}
        named = {"name": "Moodle", "issuer": self.issuer, "client_id": client_id, **urls, "deployments": ["1"]}
        return parts_of(app).lti.registrations.add(**{**named, **more})

    def claims(self, nonce: str, /, client_id: str = "tool-1", **more: Any) -> dict[str, Any]:
        """What it says of a student of the course `c-1` who opens the link `l-1`. `more`: claims in place of those; of LTI's own by their last word,
        None leaves one out.
        """
        now = int(time.time())
        said: dict[str, Any] = {"iss": self.issuer, "aud": client_id, "exp": now + 300, "iat": now, "nonce": nonce, "sub": "u-1", "name": "Ann Lee"}
        said |= {
            f"{LTI}version": "1.3.0",
            f"{LTI}message_type": "LtiResourceLinkRequest",
            f"{LTI}deployment_id": "1",
            f"{LTI}target_link_uri": f"{HERE}/lti/launch",
            f"{LTI}roles": [LEARNER],
            f"{LTI}resource_link": {"id": "l-1", "title": "Mid-term"},
            f"{LTI}context": {"id": "c-1", "label": "ALG1", "title": "Algebra 1"},
            f"{LTI}custom": {},
        }
        for name, value in more.items():
            said[f"{LTI}{name}" if f"{LTI}{name}" in said or name == "launch_presentation" else name] = value
        return {name: value for name, value in said.items() if value is not None}

    def token(self, nonce: str, /, kid: str = "first", client_id: str = "tool-1", **more: Any) -> str:
        return jwt.encode({"alg": "RS256", "kid": kid}, self.claims(nonce, client_id, **more), key_called(kid))


Served = TypeVar("Served", bound=Platform)


@contextmanager
def platform_on_loopback() -> Iterator[Platform]:
    with on_loopback(Platform) as platform:
        yield platform


@contextmanager
def on_loopback(kind: type[Served]) -> Iterator[Served]:
    """A platform of this kind."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, body = platform.page(self.path)
            self.reply(status, "application/json" if self.path == "/keys" else "text/html", body)

        def do_POST(self) -> None:
            self.reply(*platform.posted(self.path, dict(self.headers), self.rfile.read(int(self.headers["Content-Length"])).decode()))

        def reply(self, status: int, media_type: str, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Type", media_type)
            if status in (301, 302):
                self.send_header("Location", body.decode())
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_given: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    platform = kind(f"http://127.0.0.1:{server.server_address[1]}")
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield platform
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@contextmanager
def named_localhost(make: Callable[[str], Flask]) -> Iterator[Flask]:
    """The app that `make` gives for its address, served at `localhost`, while platforms are at 127.0.0.1: to a browser another site."""
    server = make_server("localhost", 0, lambda _environ, _start: [], threaded=True)
    server.app = app = make(f"http://localhost:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield app
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def begin(client: FlaskClient, platform: Platform, **more: str) -> tuple[str, str]:
    """What the login sends the browser to the platform with: state and nonce."""
    given = {"iss": platform.issuer, "login_hint": "hint", "client_id": "tool-1", **more}
    answer = client.get("/lti/login", query_string=given, base_url=HERE, headers=FROM_PLATFORM)
    assert answer.status_code == 303, answer.text
    return sent_with(answer)


def sent_with(answer: TestResponse) -> tuple[str, str]:
    query = parse_qs(urlsplit(answer.headers["Location"]).query)
    return query["state"][0], query["nonce"][0]


def post(client: FlaskClient, headers: Mapping[str, str] = FROM_PLATFORM, **form: str) -> TestResponse:
    return client.post("/lti/launch", data=form, base_url=HERE, headers=dict(headers))


def launch(app: Flask, platform: Platform, client: FlaskClient | None = None, client_id: str = "tool-1", **claims: Any) -> TestResponse:
    """A whole launch, in a browser of its own where none is given."""
    client = client or browser_of(app)
    state, nonce = begin(client, platform, client_id=client_id)
    return post(client, state=state, id_token=platform.token(nonce, client_id=client_id, **claims))


def portal_link(answer: TestResponse) -> str:
    """The student's link, to whose portal an answer leads."""
    assert answer.status_code == 303, said(answer)
    found = re.search(r"/portal\?exam=[0-9a-f]{32}[^#]*#r=(.+)$", answer.headers["Location"])
    assert found is not None, answer.headers["Location"]
    return found[1]


def said(answer: TestResponse) -> str:
    """What a page says, without its tags."""
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", answer.text[answer.text.find("<main") :])).split())


def unsigned(claims: Mapping[str, Any]) -> str:
    """A token that says of itself that nobody signed it."""
    return f"{_signed_part('none', claims)}."


def by_secret(claims: Mapping[str, Any]) -> str:
    """A token that is signed by the public key, taken for a secret."""
    part = _signed_part("HS256", claims)
    return f"{part}.{_base64(hmac.digest(key_called('first').as_pem(private=False), part.encode(), 'sha256'))}"


def _signed_part(algorithm: str, claims: Mapping[str, Any]) -> str:
    return ".".join(_base64(json.dumps(part).encode()) for part in ({"alg": algorithm, "kid": "first"}, claims))


def _base64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")
