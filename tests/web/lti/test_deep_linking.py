"""Deep linking: a teacher chooses an exam or makes one, and the learning platform is answered with one signed link to it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import unescape
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from joserfc import jwt
from joserfc.jwk import KeySet

from basics.errors import InvalidInput
from records.lti_links import Course
from records.lti_registrations import Registration
from tests.helpers.lti import FROM_PLATFORM, HERE, INSTRUCTOR, platform_on_loopback, post, sent_with
from tests.helpers.lti_services import Services, services
from tests.helpers.people import browser_of
from tests.helpers.web import PASSWORD, MakeApp, local_client
from web.integrations.lti.choosing import CHOOSING
from web.integrations.lti.claims import LTI, MEMBERSHIP, Launch
from web.integrations.lti.deep_linking import DATA_MAX, DEEP_LINK, begin
from web.integrations.lti.errors import Refused
from web.parts import parts_of

NRPS = "https://purl.imsglobal.org/spec/lti-nrps/claim/namesroleservice"


@pytest.fixture
def lms() -> Iterator[Services]:
    with services() as served:
        yield served


@pytest.fixture
def app(make_app: MakeApp) -> Flask:
    return make_app(proctor_password=PASSWORD, lti_private_hosts="127.0.0.1")


@pytest.fixture
def browser(app: Flask) -> FlaskClient:
    return browser_of(app)


@pytest.fixture
def registration(app: Flask, lms: Services, student: str) -> Registration:
    return parts_of(app).lti.registrations.add(**lms.registration(f"d-{student}", course_pattern="LMS-", own_keys=True))


def launched(app: Flask, registration: Registration, role: str = "Instructor", course: str = "c-1", **settings: Any) -> str:
    """Where a teacher who comes to choose is led."""
    wanted = {"deep_link_return_url": f"{registration.issuer}/back", "accept_types": ["link", "ltiResourceLink"], "data": "opaque <&\"'>", **settings}
    claims = {
        "sub": "t-1",
        "name": "Tess",
        f"{LTI}deployment_id": "1",
        f"{LTI}roles": [f"{MEMBERSHIP}#{role}"],
        f"{LTI}context": {"id": course, "label": "ALG1", "title": "Algebra <1>"},
        f"{DEEP_LINK}deep_linking_settings": wanted,
        NRPS: {"context_memberships_url": f"{registration.issuer}/members"},
    }
    with app.test_request_context("/lti/launch"):
        answer = begin(Launch(registration, claims))
    assert answer.status_code == 303
    return str(answer.headers["Location"])


def answered(app: Flask, registration: Registration, page: str) -> dict[str, Any]:
    """What the platform is told, when it has verified it by our published keys."""
    assert f'action="{registration.issuer}/back"' in page
    token = re.search(r'name="JWT" value="([^"]+)"', page)
    assert token is not None
    keys: Any = parts_of(app).lti.keys.public(registration.registration_id)
    return dict(jwt.decode(unescape(token[1]), KeySet.import_key_set(keys), algorithms=["RS256"]).claims)


def test_a_new_exam_is_made_for_the_course_and_linked(app: Flask, browser: FlaskClient, registration: Registration) -> None:
    place = launched(app, registration)
    page = browser.get(place)
    assert (page.status_code, "LMS-ALG1" in page.text) == (200, True)
    assert f"frame-ancestors {registration.issuer}" in page.headers["Content-Security-Policy"]
    assert "title" in browser.post(place, data={"exam": "new", "title": " "}).text
    assert browser.post(place, data={"exam": "new", "title": "x", "length_min": "9999"}).status_code == 422
    sent = browser.post(place, data={"exam": "new", "title": "Mid-term <b>", "length_min": "90", "preset": "strict"})
    assert "form-action" not in sent.headers["Content-Security-Policy"]
    assert "script-src 'self'" in sent.headers["Content-Security-Policy"]
    claims = answered(app, registration, sent.text)
    assert (claims["iss"], claims["aud"], claims[f"{LTI}deployment_id"]) == (registration.client_id, registration.issuer, "1")
    assert (claims[f"{LTI}message_type"], claims[f"{LTI}version"]) == ("LtiDeepLinkingResponse", "1.3.0")
    assert claims[f"{DEEP_LINK}data"] == "opaque <&\"'>"
    assert 0 < claims["exp"] - claims["iat"] <= 300
    (item,) = claims[f"{DEEP_LINK}content_items"]
    assert (item["type"], item["title"], item["url"]) == ("ltiResourceLink", "Mid-term <b>", "http://localhost/lti/launch")
    assert item["window"] == {"targetName": "_blank"}
    exam = parts_of(app).exams.get(item["custom"]["exam_id"])
    assert exam is not None
    assert (exam.definition.course, exam.definition.length_min, exam.definition.preset, exam.state) == ("LMS-ALG1", 90, "strict", "draft")
    course = Course(registration.registration_id, "1", "c-1")
    assert parts_of(app).lti.links.belongs(course, exam.exam_id)
    assert [one.memberships_url for one in parts_of(app).lti_courses.of_exam(exam.key)] == [f"{registration.issuer}/members"]
    again = browser.post(place, data={"exam": "new", "title": "Once more"})
    assert (again.status_code, "made already" in again.text) == (403, True)
    assert "Mid-term &lt;b&gt;" in browser.get(launched(app, registration)).text, "a colleague's exam of the same course can be chosen"


def test_only_the_courses_own_exams_can_be_chosen(app: Flask, browser: FlaskClient, registration: Registration, student: str) -> None:
    chief = local_client(app)
    chief.post("/login", data={"username": "proctor", "password": PASSWORD})
    keys = {}
    for name in ("mine", "other"):
        made = chief.post("/api/exams", json={"exam_id": f"{name}-{student}", "title": f"Exam {name}", "course": "LMS-ALG1"}).get_json()
        keys[name] = made["exam"]["exam_key"]
    parts_of(app).lti.links.add_exam(Course(registration.registration_id, "1", "c-2"), f"mine-{student}", "a test")
    place = launched(app, registration, course="c-2", accept_presentation_document_targets=["iframe"])
    page = browser.get(place).text
    assert ("Exam mine" in page, "Exam other" in page) == (True, False)
    assert browser.post(place, data={"exam": keys["other"]}).status_code == 404
    claims = answered(app, registration, browser.post(place, data={"exam": keys["mine"]}).text)
    (item,) = claims[f"{DEEP_LINK}content_items"]
    assert (item["custom"], "window" in item) == ({"exam_id": f"mine-{student}"}, False)
    elsewhere = parts_of(app).lti.registrations.add(**{**_fields(registration), "client_id": f"e-{student}"})
    assert "Exam mine" not in browser.get(launched(app, elsewhere, course="c-2")).text, "the same course of another tenant is another course"


def _fields(registration: Registration) -> dict[str, Any]:
    return {name: getattr(registration, name) for name in ("name", "issuer", "auth_login_url", "auth_token_url", "key_set_url", "deployments")}


def test_who_may_not_choose_and_what_cant_be_answered_is_told_so(app: Flask, browser: FlaskClient, registration: Registration) -> None:
    with pytest.raises(Refused, match="Only a teacher"):
        launched(app, registration, role="Learner")
    for settings, field in (
        ({"deep_link_return_url": "javascript:alert(1)"}, "deep_link_return_url"),
        ({"data": "x" * (DATA_MAX + 1)}, "data"),
        ({"accept_types": ["file"]}, "accept_types"),
    ):
        with pytest.raises(InvalidInput) as refused:
            launched(app, registration, **settings)
        assert refused.value.field == field
    assert browser.get("/lti/choose/guessed").status_code == 403
    place = launched(app, registration)
    parts_of(app).lti.registrations.change(registration.registration_id, enabled=False)
    assert browser.post(place, data={"exam": "new", "title": "x"}).status_code == 403


def test_a_launch_to_choose_stays_in_the_platforms_frame_and_any_other_does_not(make_app: MakeApp, student: str) -> None:
    app = make_app(proctor_password=PASSWORD, lti_private_hosts="127.0.0.1")
    framed = {**FROM_PLATFORM, "Sec-Fetch-Dest": "iframe"}
    settings = {"deep_link_return_url": "https://lms.example/back", "accept_types": ["ltiResourceLink"]}
    with platform_on_loopback() as lms:
        lms.register(app, student)
        given = {"iss": lms.issuer, "login_hint": "h", "client_id": student, "target_link_uri": f"{HERE}/lti/launch"}
        browser = browser_of(app)
        assert browser.get("/lti/login", query_string=given, base_url=HERE, headers=framed).status_code == 200, "a button that opens a window"
        given["target_link_uri"] += CHOOSING
        state, nonce = sent_with(browser.get("/lti/login", query_string=given, base_url=HERE, headers=framed))
        named: dict[str, Any] = {"message_type": "LtiDeepLinkingRequest", "roles": [INSTRUCTOR], f"{DEEP_LINK}deep_linking_settings": settings}
        answer = post(browser, framed, state=state, id_token=lms.token(nonce, client_id=student, **named))
        assert (answer.status_code, "/lti/choose/" in answer.headers["Location"]) == (303, True)
        page = browser.get(answer.headers["Location"], base_url=HERE, headers=framed)
    assert page.status_code == 200
    assert "X-Frame-Options" not in page.headers
    assert "frame-ancestors https://lms.example" in page.headers["Content-Security-Policy"]
