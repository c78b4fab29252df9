"""What a learning platform serves a tool, on loopback: its tokens, a course's people page by page, and dynamic registration."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from records.lti_registrations import Registration

MEMBERS = "application/vnd.ims.lti-nrps.v2.membershipcontainer+json"
TOOL = "https://purl.imsglobal.org/spec/lti-tool-configuration"
PLATFORM = "https://purl.imsglobal.org/spec/lti-platform-configuration"
Said = tuple[int, Mapping[str, str], Any]


class Services:
    """One platform. `keys` gives the tool's published keys; `answers` by path stand in place of its own; `asked` is what came."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.keys: Callable[[], Any] = lambda: {"keys": []}
        self.asked: list[tuple[str, dict[str, str], str]] = []
        self.answers: dict[str, Said] = {}
        self.assertions: list[dict[str, Any]] = []
        self.pages: list[list[Any]] = [[]]
        self.messages = ["LtiResourceLinkRequest", "LtiDeepLinkingRequest"]
        self.lasts_s: Any = 3600

    def registration(self, client_id: str = "c-1", **more: Any) -> dict[str, Any]:
        """The fields of its registration here."""
        urls = {name: f"{self.url}/{path}" for name, path in (("auth_login_url", "auth"), ("auth_token_url", "token"), ("key_set_url", "jwks"))}
        return {"name": "The LMS", "issuer": self.url, "client_id": client_id, **urls, "deployments": ["1"], **more}

    def known(self, client_id: str = "c-1", registration_id: str = "r-1", **more: Any) -> Registration:
        """The registration itself, that is stored nowhere."""
        fields = self.registration(client_id, **more)
        return Registration(registration_id, **{**fields, "deployments": tuple(fields["deployments"])})

    def answer(self, path: str, headers: Mapping[str, str], body: str) -> Said:
        self.asked.append((path, dict(headers), body))
        at, _, query = path.partition("?")
        if at in self.answers:
            return self.answers[at]
        said: dict[str, Callable[[], Said]] = {
            "/token": lambda: self._token(parse_qs(body)),
            "/members": lambda: self._members(headers, int(parse_qs(query).get("page", ["0"])[0])),
            "/.well-known/openid-configuration": self._configuration,
            "/jwks": lambda: (200, {}, {"keys": []}),
            "/register": lambda: self._register(headers, json.loads(body)),
        }
        return said.get(at, lambda: (404, {}, {}))()

    def _token(self, form: Mapping[str, list[str]]) -> Said:
        key_set: Any = self.keys()
        try:
            claims = dict(jwt.decode(form["client_assertion"][0], KeySet.import_key_set(key_set), algorithms=["RS256"]).claims)
        except (JoseError, ValueError):  # signed by none of the keys
            return 400, {}, {"error": "invalid_client"}
        self.assertions.append(claims)
        token = f"token-{claims['sub']}-{len(self.assertions)}"
        return 200, {}, {"access_token": token, "token_type": "Bearer", "expires_in": self.lasts_s, "scope": form["scope"][0]}

    def _members(self, headers: Mapping[str, str], page: int) -> Said:
        if not headers.get("Authorization", "").startswith("Bearer token-") or headers.get("Accept") != MEMBERS:
            return 401, {}, {"error": "unauthorized"}
        more = page + 1 < len(self.pages)
        link = {"Link": f'<{self.url}/members?page={page + 1}>; rel="next", <{self.url}/members>; rel="first"'} if more else {}
        return 200, link, {"id": f"{self.url}/members", "context": {"id": "c-1"}, "members": self.pages[page]}

    def _configuration(self) -> Said:
        places = {"authorization_endpoint": "auth", "token_endpoint": "token", "jwks_uri": "jwks", "registration_endpoint": "register"}
        messages = [{"type": one} for one in self.messages]
        platform = {"product_family_code": "moodle", "messages_supported": messages}
        return 200, {}, {"issuer": self.url, **{name: f"{self.url}/{path}" for name, path in places.items()}, PLATFORM: platform}

    def _register(self, headers: Mapping[str, str], body: dict[str, Any]) -> Said:
        if headers.get("Authorization") != "Bearer t-1":
            return 401, {}, {"error": "invalid_token"}
        return 201, {}, {**body, "client_id": f"client-{len(self.asked)}", TOOL: {**body[TOOL], "deployment_id": "7"}}


@contextmanager
def services() -> Iterator[Services]:
    """One that answers on loopback."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.reply("")

        def do_POST(self) -> None:
            self.reply(self.rfile.read(int(self.headers["Content-Length"])).decode())

        def reply(self, body: str) -> None:
            status, headers, content = served.answer(self.path, dict(self.headers), body)
            said = content if isinstance(content, bytes) else json.dumps(content).encode()
            self.send_response(status)
            for name, value in {"Content-Type": "application/json", "Content-Length": str(len(said)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(said)

        def log_message(self, *_said: Any) -> None:
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    served = Services(f"http://127.0.0.1:{server.server_address[1]}")
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield served
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
