"""An Open edX of the tests' own: how it asks here, and what tells it."""

from __future__ import annotations

import json
import time
from datetime import timedelta
from typing import Any

from flask import Flask
from joserfc import jws
from joserfc.jwk import OctKey
from werkzeug.test import TestResponse

from basics.times import utc_now
from records.hook_sender import HookSender
from tests.helpers.hooks import Answering, Receiver
from tests.helpers.people import browser_of
from tests.helpers.waiting import until
from web.integrations.openedx.telling import SETTLED, Telling
from web.parts import Parts, parts_of

COURSE = "course-v1:Uni+ALG1+2026"
ANN, BEN = "a" * 40, "b" * 40


class Edx:
    """One installation."""

    def __init__(self, app: Flask, lms_url: str = "https://lms.example", **more: Any) -> None:
        self.app = app
        self.installation, self.secret = parts_of(app).openedx.installations.add("Open edX", lms_url, "proctor", "there", by="a test", **more)
        self.client = browser_of(app, "192.0.2.50")
        self.token = self.new_token().get_json()["access_token"]

    def new_token(self, **more: str) -> TestResponse:
        form = {"grant_type": "client_credentials", "client_id": self.installation.id, "client_secret": self.secret, "token_type": "jwt"}
        return self.client.post("/openedx/oauth2/access_token", data={**form, **more})

    def ask(self, method: str, path: str, body: dict[str, Any] | None = None, token: str | None = None, **more: Any) -> TestResponse:
        headers = {"Authorization": f"JWT {self.token if token is None else token}"}
        given: dict[str, Any] = {"json": body} if body is not None else {}
        return self.client.open(f"/openedx/api/v1/{path}", method=method, headers=headers, **given, **more)

    def told(self, **more: Any) -> dict[str, Any]:
        """What it says of an exam."""
        switches = {"is_proctored": True, "is_practice_exam": False, "is_active": True, "hide_after_due": False}
        known = {"id": 1, "course_id": COURSE, "content_id": "block-v1:Uni+ALG1+2026+type@sequential+block@1", "exam_name": "Mid-term"}
        return {**known, "time_limit_mins": 90, "due_date": None, "backend": "proctor", "external_id": None, "rules": {}, **switches, **more}

    def exam(self, **more: Any) -> str:
        """The id of an exam, of which it has just told."""
        answer = self.ask("POST", "exam/", self.told(**more))
        assert answer.status_code == 200, answer.text
        return str(answer.get_json()["id"])

    def attempt(self, exam: str, sub: str = ANN, **more: Any) -> str:
        """The id of an attempt, of which it has just told."""
        said = {"user_id": sub, "full_name": "Ann Lee", "email": "ann@uni.example", "lms_host": "https://evil.example", "time_limit_mins": 90}
        answer = self.ask("POST", f"exam/{exam}/attempt/", {**said, "is_sample_attempt": False, "status": "created", **more})
        assert answer.status_code == 200, answer.text
        return str(answer.get_json()["id"])

    def link(self, exam: str, attempt: str) -> str:
        """The secret in the student's own link."""
        return str(self.ask("GET", f"exam/{exam}/attempt/{attempt}/").get_json()["download_url"]).partition("#r=")[2]

    def enter(self, exam: str, attempt: str) -> TestResponse:
        """The student opens the link of the attempt."""
        return browser_of(self.app).post("/api/student/enter", json={"link": self.link(exam, attempt)})

    def says(self, exam: str, attempt: str, status: str) -> TestResponse:
        return self.ask("PATCH", f"exam/{exam}/attempt/{attempt}/", {"status": status})

    def way_in(self, secret: str | None = None, **more: Any) -> str:
        """Where it sends a person of a course's staff."""
        user = {"id": "c" * 40, "full_name": "Ada Byron", "email": "ada@uni.example"}
        said = {"course_id": COURSE, "user": user, "iss": self.installation.id, "jti": "once", "exp": time.time() + 60, **more}
        token = jws.serialize_compact({"alg": "HS256", "typ": "JWT"}, json.dumps(said), OctKey.import_key(self.secret if secret is None else secret))
        return f"/openedx/api/v1/instructor/{self.installation.id}/?jwt={token}"


def lms(path: str) -> Answering:
    """What an LMS answers that takes everything."""
    said = {"access_token": "a-token", "expires_in": 600} if path.endswith("/access_token") else "OK"
    return 200, {"Content-Type": "application/json"}, json.dumps(said).encode()


def reviews(receiver: Receiver) -> list[tuple[str, dict[str, Any]]]:
    """What an LMS was told of attempts: the end of each path, and the body."""
    return [
        (path.partition("/attempt/")[2], json.loads(body))
        for path, (_headers, body) in zip(receiver.paths, receiver.came, strict=True)
        if "/attempt/" in path
    ]


class Teller:
    """What tells installations; its worker is not started, the test makes the turns."""

    def __init__(self, parts: Parts) -> None:
        self.parts = parts
        telling = Telling(parts.openedx, parts.database, parts.conclusions, "https://proctor.example/", now=lambda: utc_now() + SETTLED)
        # Its clock is an hour ahead of the outbox's: what fails is due again in an hour and not, where a turn is late, within the same run.
        self.sender = HookSender(parts.database, parts.hooks, parts.outbox, now=lambda: utc_now() + timedelta(hours=1), others=[telling])
        self.sender.look_again()
        parts.hook_sender = self.sender

    def run(self) -> None:
        """Make turns until nothing more is told."""
        assert self.parts.database.flush(10)
        for _turn in range(2):  # what is marked is taken up at the second turn that sees it
            self.sender.turn()
        while any(self.sender._under_way.values()):
            until(lambda: not any(self.sender._under_way.values()), what="what is under way")
            self.sender.turn()
