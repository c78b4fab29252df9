"""Both directions against edx-proctoring's own client, programming interface and views, in an environment of its own.

To install its 76 packages takes one to three minutes the first time; pytest's cache keeps them.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
from flask import Flask
from werkzeug.serving import make_server

from records.conclusions import Finding, Person
from tests.helpers.erasing import retention_of
from tests.helpers.hooks import HERE
from tests.helpers.openedx import Teller
from tests.helpers.openedx_venv import python_with, serving
from tests.helpers.people import browser_of
from tests.helpers.web import PASSWORD, MakeApp
from web.parts import Parts, parts_of

PACKAGES = ("edx-proctoring==6.1.4",)

Do = Callable[..., dict[str, Any]]


@pytest.fixture(scope="module")
def lms(pytestconfig: pytest.Config) -> Iterator[str]:
    with serving(python_with(PACKAGES, pytestconfig), "openedx_proctoring.py") as address:
        yield address


@pytest.fixture
def app(make_app: MakeApp) -> Flask:
    return make_app(proctor_password=PASSWORD, lti_private_hosts=HERE)


@pytest.fixture
def parts(app: Flask) -> Parts:
    return parts_of(app)


@pytest.fixture
def do(app: Flask, parts: Parts, lms: str) -> Iterator[Do]:
    """Lets Open edX do something; it knows this app as its backend."""
    server = make_server(HERE, 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()

    def done(what: str, **more: Any) -> dict[str, Any]:
        answer = requests.post(f"{lms}/do", json={"do": what, **more}, timeout=60)
        assert answer.status_code == 200, answer.text
        said: dict[str, Any] = answer.json()
        return said

    one, secret = parts.openedx.installations.add("Open edX", lms, "proctor", "there", by="a test", onboarding=True)
    done("configure", base_url=f"http://{HERE}:{server.server_port}/openedx", client_id=one.id, client_secret=secret, supports_onboarding=True)
    yield done
    server.shutdown()
    thread.join(10)
    server.server_close()


def begin(app: Flask, attempt: dict[str, Any]) -> str:
    """The student opens the link that Open edX shows, and begins; the session's id."""
    link = attempt["ours"]["download_url"].partition("#r=")[2]
    session_id = str(browser_of(app).post("/api/student/enter", json={"link": link}).get_json()["session_id"])
    session = parts_of(app).monitor.get(session_id)
    assert session is not None
    session.begin()
    return session_id


def conclude(parts: Parts, session_id: str, finding: Finding) -> None:
    parts.conclusions.conclude(session_id, finding, person=Person("Ada"), reason="seen", revision=0, four_eyes=False)


def test_open_edx_itself_goes_the_whole_way(app: Flask, parts: Parts, do: Do) -> None:
    teller = Teller(parts)
    assert "calculator" in do("config")["rules"]
    practice, exam = do("exam", content_id="practice", practice=True), do("exam", content_id="final")
    assert exam["external_id"] not in (None, practice["external_id"])
    assert do("change", exam_id=exam["id"], exam_name="Final", time_limit_mins=60)["external_id"] == exam["external_id"]
    assert exam["rules"]["rules"]["calculator"] is False
    assert do("attempt", exam_id=exam["id"], user="ann")["status"] == "onboarding_missing"

    first = do("attempt", exam_id=practice["id"], user="ann")
    assert (first["status"], first["ours"]["status"]) == ("created", "created")
    session_id = begin(app, first)
    teller.run()
    assert do("shown", attempt_id=first["id"])["status"] == "ready_to_start"
    assert do("status", attempt_id=first["id"], to="started") == {"status": "started"}
    assert parts.monitor.get(session_id) is not None
    do("status", attempt_id=first["id"], to="submitted")
    assert parts.monitor.get(session_id) is None
    assert do("shown", attempt_id=first["id"])["ours"]["status"] == "submitted"
    assert do("onboarding", user="ann")["status"] == "pending"
    conclude(parts, session_id, "no_finding")
    teller.run()
    assert do("shown", attempt_id=first["id"])["status"] == "verified"
    assert do("onboarding", user="ann")["status"] == "approved-in-course"


def test_a_finding_is_reviewed_a_second_time_there_and_what_is_deleted_or_retired_is_gone(app: Flask, parts: Parts, do: Do) -> None:
    teller = Teller(parts)
    parts.retention = retention_of(parts)
    one = parts.openedx.installations.all()[0]
    parts.openedx.installations.change(one.id, onboarding=False)
    exam = do("exam", content_id="midterm")
    attempt = do("attempt", exam_id=exam["id"], user="zoe")
    session_id = begin(app, attempt)
    teller.run()
    do("status", attempt_id=attempt["id"], to="started")
    do("status", attempt_id=attempt["id"], to="submitted")
    conclude(parts, session_id, "finding")
    teller.run()
    assert do("shown", attempt_id=attempt["id"])["status"] == "second_review_required"
    way_in = urlsplit(do("dashboard", exam_id=exam["external_id"], attempt_id=attempt["external_id"])["url"])
    came = browser_of(app).get(f"{way_in.path}?{way_in.query}")
    assert came.headers["Location"] == f"/session/{session_id}", came.text
    assert do("remove", attempt_id=attempt["id"]) == {"gone": True}
    again = do("attempt", exam_id=exam["id"], user="zoe")
    assert again["external_id"] != attempt["external_id"]
    assert do("retire", user="zoe") == {"erased": True}
    with parts.database.reading():
        assert parts.database.collection("sessions").find_one({"_id": session_id}) is None
