"""Whole launches and a proctored exam from Open edX's own platform code, by calls and in a real Chromium.

It has an environment of its own, which takes one to three minutes to make the first time; pytest's cache keeps it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from concurrent.futures import wait
from html import unescape
from typing import Any
from urllib.parse import urlencode, urlsplit

import pytest
import requests
from flask import Flask, Response
from flask.testing import FlaskClient
from playwright.sync_api import Browser, Playwright, expect
from werkzeug.test import TestResponse

from tests.helpers.browser import needs_chromium, until
from tests.helpers.fixtures_web import Clock
from tests.helpers.lti import FROM_PLATFORM, HERE, key_called, named_localhost, portal_link
from tests.helpers.lti_proctoring import Sitting
from tests.helpers.openedx_venv import python_with, serving
from tests.helpers.people import administrator, browser_of
from tests.helpers.web import PASSWORD, MakeApp
from web.integrations.lti.act_sender import ActSender
from web.parts import parts_of

PACKAGES = ("lti-consumer-xblock==11.4.4", "cryptography==50.0.2")  # Open edX itself brings the second


@pytest.fixture(scope="module")
def platform(pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The platform's address."""
    key = tmp_path_factory.mktemp("openedx") / "key.pem"
    key.write_bytes(key_called("first").as_pem(private=True))
    with serving(python_with(PACKAGES, pytestconfig), "openedx_platform.py", str(key)) as address:
        yield address


@pytest.fixture
def app(make_app: MakeApp, platform: str, clock: Clock) -> Flask:
    clock.stand()  # so that a picture that was read is of now, however long the page to the exam takes to open
    return registered(make_app, platform, HERE)


@pytest.fixture
def served(make_app: MakeApp, platform: str, clock: Clock) -> Iterator[Flask]:
    """The same for a browser, to which the platform is of another site."""
    clock.stand()
    with named_localhost(lambda here: registered(make_app, platform, here)) as app:
        yield app


@pytest.fixture
def browser(playwright: Playwright) -> Iterator[Browser]:
    browser = playwright.chromium.launch(executable_path=needs_chromium(), args=["--no-sandbox"])
    yield browser
    browser.close()


def registered(make_app: MakeApp, platform: str, here: str) -> Flask:
    """An app that is reached at `here`, and it and the platform know each other."""
    app = make_app(proctor_password=PASSWORD, public_url=here, lti_private_hosts="127.0.0.1")
    urls: dict[str, Any] = {"auth_login_url": f"{platform}/auth", "auth_token_url": f"{platform}/token", "key_set_url": f"{platform}/keys"}
    parts_of(app).lti.registrations.add(name="Open edX", issuer=platform, client_id="tool-1", deployments=["1"], **urls)
    requests.post(f"{platform}/tool", json={"at": here})
    return app


def link_of(platform: str, user: str, role: str, name: str, **more: str) -> str:
    """The address behind the link in the course."""
    return f"{platform}/open?{urlencode({'user': user, 'role': role, 'name': name, 'email': f'{user}@uni.example', **more})}"


def come(app: Flask, platform: str, user: str, role: str, name: str, **more: str) -> tuple[FlaskClient, TestResponse]:
    """What a browser does that clicks on the link in the course."""
    client = browser_of(app)
    opened = requests.get(link_of(platform, user, role, name, **more), allow_redirects=False)
    to_us = urlsplit(opened.headers["Location"])
    assert to_us.path == "/lti/login"
    back = client.get(f"{to_us.path}?{to_us.query}", base_url=HERE, headers=FROM_PLATFORM)
    assert back.status_code == 303, back.text
    form = requests.get(back.headers["Location"], allow_redirects=False)
    assert form.status_code == 200, form.text
    fields = {name: unescape(value) for name, value in re.findall(r'name="(\w+)" value="([^"]*)"', form.text)}
    return client, client.post("/lti/launch", data=fields, base_url=HERE, headers=FROM_PLATFORM)


def test_teacher_and_student_come_from_open_edx(app: Flask, platform: str) -> None:
    parts = parts_of(app)
    client, answer = come(app, platform, "7", "staff", "Ada Byron")
    assert answer.status_code == 303, answer.text
    key = answer.headers["Location"].rpartition("/exams/")[2]
    assert client.get(f"/exams/{key}", base_url=HERE).status_code == 200
    parts.exams.set_state(key, "open", by="a test")
    assert parts.exams.by_key(key).definition.course == "course-v1:Uni+ALG1+2026"

    link = portal_link(come(app, platform, "8", "student", "Ann Lee")[1])
    entered = browser_of(app).post("/api/student/enter", json={"link": link}, base_url=HERE).get_json()
    assert entered["session_id"]
    (row,) = parts.rosters.rows(key)
    assert (row.user_id, row.name, row.email) == (entered["user_id"], "Ann Lee", "8@uni.example")
    assert portal_link(come(app, platform, "8", "student", "Ann Lee")[1]) == link


def test_an_exam_of_open_edx_is_proctored(app: Flask, platform: str) -> None:
    parts = parts_of(app)
    key = come(app, platform, "7", "staff", "Ada Byron")[1].headers["Location"].rpartition("/exams/")[2]
    parts.exams.set_state(key, "open", by="a test")
    requests.post(f"{platform}/tool", json={"at": HERE, "pem": parts.lti.keys.signing().as_pem(private=False).decode()})
    sitting = Sitting(app, *come(app, platform, "8", "student", "Ann Lee", message="LtiStartProctoring"))
    page = sitting.begin().open()
    form = re.search(r'action="([^"]+)".*?name="JWT" value="([^"]+)"', page.text, re.DOTALL)
    assert form is not None, page.text
    started = requests.post(unescape(form[1]), data={"JWT": unescape(form[2])})
    assert started.status_code == 200, started.text
    assert {name: started.json()[name] for name in ("session_data", "attempt_number", "end_assessment_return", "verified_user")} == {
        "session_data": "of this browser", "attempt_number": 1, "end_assessment_return": True, "verified_user": {},
    }  # fmt: skip

    sender = ActSender(parts.platform_acts, parts.outbox, parts.lti.registrations, parts.lti_attempts, parts.platforms)
    path = f"/api/session/{sitting.session_id}/platform"
    proctor = administrator(app)
    assert proctor.post(path, json={"action": "terminate", "severity": 0.5, "reason_code": "25"}).status_code == 200
    wait(sender.turn())
    sender.stop()
    (act,) = proctor.get(path).get_json()["acts"]
    assert (act["state"], act["said"]) == ("taken", "terminate by the tool"), act

    assert come(app, platform, "8", "student", "Ann Lee", message="LtiEndAssessment")[1].status_code == 303
    assert sitting.shown()["end_code"] == "platform"


def test_the_whole_round_is_made_in_a_browser(served: Flask, platform: str, browser: Browser) -> None:
    parts = parts_of(served)
    teacher = browser.new_context().new_page()
    teacher.goto(link_of(platform, "7", "staff", "Ada Byron"), wait_until="commit")
    expect(teacher.get_by_role("link", name="Ada Byron (Open edX)")).to_be_visible()
    parts.exams.set_state(teacher.url.rpartition("/exams/")[2], "open", by="a test")

    student = browser.new_context().new_page()
    with student.expect_response("**/lti/launch") as launched:
        student.goto(link_of(platform, "8", "student", "Ann Lee", message="LtiStartProctoring"), wait_until="commit")
    answer: Any = Response(status=launched.value.status, headers={"Location": launched.value.headers["location"]})
    sitting = Sitting(served, browser_of(served), answer)
    student.wait_for_url("**/portal?*")

    exam = student.context.new_page()
    exam.goto(sitting.shown()["exam_url"])
    expect(exam.get_by_role("status")).to_contain_text("Leave this window open")
    sitting.begin()
    question = exam.get_by_role("heading", name="Question 1")
    until(exam, lambda: sitting.look() and question.is_visible(), "Open edX believes the message, by the keys that it reads here, and shows its exam")
    told = json.loads(exam.locator("pre").inner_text())
    assert {name: told[name] for name in ("session_data", "attempt_number")} == {"session_data": "of this browser", "attempt_number": 1}
    exam.get_by_role("link", name="Submit").click()
    expect(exam.get_by_role("heading", name="Your exam has ended")).to_be_visible()
    assert parts.monitor.get(sitting.session_id) is None
    assert sitting.shown()["end_code"] == "platform"
