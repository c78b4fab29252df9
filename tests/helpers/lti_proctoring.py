"""A learning platform that has its exams proctored (Proctoring Services 1.0): it begins attempts, starts its assessment where it believes
the message, says when that is over, and takes what people ask of an attempt.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from html import escape, unescape
from typing import Any
from urllib.parse import parse_qs, urlencode

from flask import Flask
from flask.testing import FlaskClient
from joserfc import jwt
from joserfc.jwk import KeySet
from werkzeug.test import TestResponse

from basics.readings import GazeReading
from sessions.analysis import PictureReadings
from sessions.session import ExamSession
from tests.helpers.lti import HERE, Platform, launch, said
from tests.helpers.people import browser_of
from web.integrations.lti.claims import END_ASSESSMENT, LTI, PROCTORING, START_PROCTORING
from web.parts import parts_of

CONTROL = "application/vnd.ims.lti-ap.v1.control+json"
SCOPE = "https://purl.imsglobal.org/spec/lti-ap/scope/control.all"
ACTIONS = ["flag", "pause", "resume", "terminate", "update"]
CHECK = [{"item": "camera", "state": "ready"}, {"item": "face", "state": "ready"}]


class Proctored(Platform):
    """`controls` are the acts that came, in their order; `control` says what each is answered: status, media type and body; only
    those of the type `takes` are looked at.
    """

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.controls: list[dict[str, Any]] = []
        self.scopes: list[str] = []
        self.used: set[str] = set()
        self.forms: list[str] = []  # the messages that a browser posted, to which it shows its exam
        self.takes = CONTROL
        self.tokens = 1000  # that it gives
        self.says_how_long = True  # a token of it is good
        self.control: Callable[[dict[str, Any]], tuple[int, str, bytes]] = taken

    def posted(self, path: str, headers: Mapping[str, str], body: str) -> tuple[int, str, bytes]:
        if path.startswith("/start"):
            self.forms.append(parse_qs(body)["JWT"][0])
            given = {"iss": self.issuer, "login_hint": "hint", "client_id": "tool-1", "target_link_uri": f"{self.tool}/lti/launch"}
            exam = f'<!doctype html><h1>Question 1</h1><a href="{escape(f"{self.tool}/lti/login?{urlencode(given)}")}">Submit</a>'
            return 200, "text/html", exam.encode()
        if path == "/token":
            self.scopes.append(body)
            if len(self.scopes) > self.tokens:
                return 503, "application/json", b"{}"
            lasts = {"expires_in": 3600} if self.says_how_long else {}
            return 200, "application/json", json.dumps({"access_token": "t-1", "token_type": "Bearer", **lasts}).encode()
        if path != "/control" or headers.get("Authorization") != "Bearer t-1" or CONTROL not in headers.get("Accept", ""):
            return 401, "application/json", b"{}"
        if headers.get("Content-Type") != self.takes:
            return 415, "application/json", b"{}"
        self.controls.append(json.loads(body))
        return self.control(self.controls[-1])

    def begins(self, number: Any = 1, **more: Any) -> dict[str, Any]:
        """The claims of an attempt that is to be proctored; roles say nothing in it."""
        own = {
            "attempt_number": number,
            "session_data": f"opaque.{number}.<&>",
            "start_assessment_url": f"{self.issuer}/start?a=1",
            "acs": {"assessment_control_url": f"{self.issuer}/control", "actions": ACTIONS},
        }
        own |= {name: more.pop(name) for name in list(more) if name in {*own, "proctoring_settings", "errormsg", "errorlog"}}
        return {"message_type": START_PROCTORING, "roles": [], **{f"{PROCTORING}{name}": value for name, value in own.items()}, **more}

    def ends(self, number: Any = 1, **more: Any) -> dict[str, Any]:
        """The claims of the end of an attempt, as sparing as the specification allows."""
        own = {name: more.pop(name) for name in list(more) if name in {"errormsg", "errorlog"}}
        claims = {f"{PROCTORING}{name}": value for name, value in {"attempt_number": number, **own}.items()}
        return {"message_type": END_ASSESSMENT, "roles": None, "resource_link": None, **claims, **more}

    def started(self, app: Flask, page: TestResponse) -> dict[str, Any]:
        """What it is told by the form of a page, where it believes it: signed by the tool's published keys, for it, and not used before."""
        assert page.status_code == 200, said(page)
        form = re.search(r'<form method="post" action="([^"]+)".*?name="JWT" value="([^"]+)"', page.text, re.DOTALL)
        assert form is not None
        assert unescape(form[1]) == f"{self.issuer}/start?a=1"
        return self.believed(app, unescape(form[2]))

    def believed(self, app: Flask, message: str) -> dict[str, Any]:
        """What a message says, where it is to be believed."""
        keys: Any = browser_of(app).get("/lti/jwks").get_json()
        claims = dict(jwt.decode(message, KeySet.import_key_set(keys), algorithms=["RS256"]).claims)
        assert (claims["iss"], claims["aud"], claims[f"{LTI}message_type"]) == ("tool-1", self.issuer, "LtiStartAssessment")
        assert claims["nonce"] not in self.used
        self.used.add(claims["nonce"])
        return claims


def taken(act: dict[str, Any]) -> tuple[int, str, bytes]:
    """The answer of a platform that does what it is asked for."""
    state = {"pause": "paused", "terminate": "terminated"}.get(act["action"], "running")
    more = {"extra_time": act["extra_time"]} if "extra_time" in act else {}
    return 200, CONTROL, json.dumps({"status": state, **more}).encode()


class Sitting:
    """A student who came to be proctored in this browser, at the page to which the answer to the launch leads."""

    def __init__(self, app: Flask, browser: FlaskClient, answer: TestResponse) -> None:
        assert answer.status_code == 303, said(answer)
        self.parts, self.browser = parts_of(app), browser
        self.page, _hash, token = answer.headers["Location"].partition("#t=")
        self.bearer = {"Authorization": f"Bearer {token}"}
        self.session_id: str = self.shown()["session_id"]

    @property
    def session(self) -> ExamSession:
        session = self.parts.monitor.get(self.session_id)
        assert session is not None
        return session

    def shown(self) -> dict[str, Any]:
        answer = self.browser.get("/api/student/session", headers=self.bearer, base_url=HERE)
        assert answer.status_code == 200, answer.text
        return dict(answer.get_json())

    def begin(self) -> Sitting:
        """The check passes, recording begins, and a picture is read."""
        assert self.browser.post("/api/student/check", json={"results": CHECK}, headers=self.bearer, base_url=HERE).status_code == 200
        self.parts.monitor.maker.prepare(self.session)
        self.session.begin()
        return self.look()

    def look(self) -> Sitting:
        self.session.device_state("connection", "ok")
        self.session.device_state("camera", "ok")
        self.session.take_readings(PictureReadings(self.session.clock(), GazeReading(self.session.clock(), "focused")))
        assert self.parts.database.flush(10)
        return self

    def open(self, address: str = "", client: FlaskClient | None = None) -> TestResponse:
        """The window of the exam."""
        return (client or self.browser).get(address or self.shown()["exam_url"], base_url=HERE)


def sit(app: Flask, platform: Proctored, number: Any = 1, **claims: Any) -> Sitting:
    """A student who comes in a browser of their own."""
    browser = browser_of(app)
    return Sitting(app, browser, launch(app, platform, browser, **platform.begins(number, **claims)))
