"""A sample exam of two pages at a site of its own, which the snippet watches: what docs/integrations/snippet.md says, done."""

from __future__ import annotations

import json
import secrets
import threading
import time
import urllib.request
from http.cookies import SimpleCookie
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from joserfc import jwt
from joserfc.jwk import OctKey

PAGES = Path(__file__).with_name("pages")
PATHS = {"/": "one.html", "/two": "two.html", "/done": "done.html"}
WATCHED = {"/two"}  # given out to those alone who are watched
NOT_WATCHED = "not_watched.html"
EXAM_ID = "sample-exam"
TOKEN_S = 120
CALL_S = 20.0
STOP_S = 5.0


def signed(secret: str, user_id: str, **more: str) -> str:
    """What is said of a student of the exam, signed with its secret."""
    claims = {"exam": EXAM_ID, "sub": user_id, "exp": int(time.time()) + TOKEN_S, **more}
    return jwt.encode({"alg": "HS256"}, claims, OctKey.import_key(secret))


class ExamSite:
    """The site, from `start` to `stop`. Whoever opens its first page is a student of their own."""

    def __init__(self, proctor: str) -> None:
        """`proctor` is the proctoring server's address, `http://127.0.0.1:port`."""
        self._proctor = proctor
        self._key = self._secret = self._snippet = ""
        self._http: ThreadingHTTPServer | None = None
        self._thread: threading.Thread | None = None

    @property
    def address(self) -> str:
        """Where it is; another site than the proctor's pages, which are shown at `localhost`."""
        assert self._http is not None
        return f"http://127.0.0.1:{self._http.server_port}"

    def start(self) -> None:
        """Define the exam and serve its pages. Raise `OSError` where the proctoring server refuses."""
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        exam = {"exam_id": EXAM_ID, "title": "Sample exam", "place": "tab", "snippet_origins": [self.address]}
        self._key = self._call("", exam)["exam"]["exam_key"]
        self._call(f"/{self._key}/state", {"state": "open"})
        self._secret = self._call(f"/{self._key}/snippet/secret", {})["secret"]
        self._snippet = f"{self._proctor.replace('127.0.0.1', 'localhost')}/embed/snippet.js?exam={self._key}"
        self._thread = threading.Thread(target=self._http.serve_forever, name="exam-site", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End it."""
        if self._http is not None and self._thread is not None:
            self._http.shutdown()
            self._thread.join(STOP_S)
        if self._http is not None:
            self._http.server_close()

    def page(self, path: str, user_id: str) -> str | None:
        """The page of this path for a student (empty: nobody), None where there is none."""
        place = path.partition("?")[0]
        name = NOT_WATCHED if place in WATCHED and not (user_id and self._is_watched(user_id)) else PATHS.get(place)
        return None if name is None else (PAGES / name).read_text(encoding="utf-8").replace("{{snippet}}", self._snippet)

    def token(self, user_id: str) -> str:
        """The start token of a student."""
        return signed(self._secret, user_id, name=f"Visitor {user_id[-4:]}", jti=secrets.token_hex(16))

    def _is_watched(self, user_id: str) -> bool:
        try:
            stands = self._post("/api/snippet/student", {"exam_key": self._key, "token": signed(self._secret, user_id, use="ask")})
        except OSError:  # nobody can tell now: for the student
            return True
        return bool(stands["state"] == "watched" and not stands["page_away"])

    def _call(self, path: str, body: dict[str, Any]) -> Any:
        return self._post(f"/api/exams{path}", body)

    def _post(self, path: str, body: dict[str, Any]) -> Any:
        call = urllib.request.Request(f"{self._proctor}{path}", json.dumps(body).encode(), {"Content-Type": "application/json"})
        with urllib.request.urlopen(call, timeout=CALL_S) as answer:
            return json.load(answer)

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        site = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                page = site.page(self.path, self._student())
                cookie = ""
                if self.path == "/" and not self._student():
                    cookie = f"student=visitor-{secrets.token_hex(4)}; HttpOnly; SameSite=Lax"
                elif self.path == "/done":
                    cookie = "student=; Max-Age=0"
                self._answer(404 if page is None else 200, "text/html", page or "There is no such page.", cookie)

            def do_POST(self) -> None:
                student = self._student()
                if self.path != "/proctor-token" or not student or self.headers.get("Origin") != site.address:
                    self._answer(403, "text/plain", "Open the exam's first page.")
                else:
                    self._answer(200, "text/plain", site.token(student))

            def _student(self) -> str:
                found = SimpleCookie(self.headers.get("Cookie", "")).get("student")
                return found.value if found is not None and found.value.startswith("visitor-") else ""

            def _answer(self, status: int, kind: str, text: str, cookie: str = "") -> None:
                body = text.encode()
                self.send_response(status)
                headers = {"Content-Type": f"{kind}; charset=utf-8", "Content-Length": str(len(body)), "Cache-Control": "no-store"}
                for name, value in {**headers, **({"Set-Cookie": cookie} if cookie else {})}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: Any) -> None:
                """It says nothing."""

        return Handler
