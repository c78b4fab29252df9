"""Deep linking: a teacher chooses an exam or makes one, and the learning platform is answered with one signed link to it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from html import unescape
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from flask import Flask
from flask.testing import FlaskClient
from joserfc import jwt
from joserfc.jwk import KeySet
from werkzeug.test import TestResponse

from basics.errors import Conflict, InvalidInput
from basics.times import utc_now
from records import lti_links, lti_waiting
from records.exams import exam_key
from records.lti_links import Course
from records.lti_people import LtiPerson, user_id_of
from records.lti_registrations import Registration
from tests.helpers.lti import FROM_PLATFORM, HERE, INSTRUCTOR, platform_on_loopback, post, sent_with
from tests.helpers.lti_services import Services, services
from tests.helpers.people import browser_of
from tests.helpers.web import PASSWORD, MakeApp, local_client
from web.integrations.lti.choosing import CHOOSING
from web.integrations.lti.claims import LTI, MEMBERSHIP, Launch
from web.integrations.lti.cookies import COOKIE
from web.integrations.lti.deep_linking import DATA_MAX, DEEP_LINK, begin
from web.integrations.lti.errors import Refused
from web.parts import parts_of

MARK = "m0123456789012345678901234567"  # of the browser
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
    """The one in which each launch here was begun."""
    client = browser_of(app)
    client.set_cookie(COOKIE, MARK, path="/lti")
    return client


@pytest.fixture
def registration(app: Flask, lms: Services, student: str) -> Registration:
    return parts_of(app).lti.registrations.add(**lms.registration(f"d-{student}", course_pattern="LMS-", own_keys=True))


def launched(
    app: Flask, registration: Registration, role: str = "Instructor", course: str = "c-1", sub: str = "t-1", name: str = "Tess", **settings: Any
) -> str:
    """Where a teacher who comes to choose is led."""
    wanted = {"deep_link_return_url": f"{registration.issuer}/back", "accept_types": ["link", "ltiResourceLink"], "data": "opaque <&\"'>", **settings}
    claims = {
        "sub": sub,
        "name": name,
        f"{LTI}deployment_id": "1",
        f"{LTI}roles": [f"{MEMBERSHIP}#{role}"],
        f"{LTI}context": {"id": course, "label": "ALG1", "title": "Algebra <1>"},
        f"{DEEP_LINK}deep_linking_settings": wanted,
        NRPS: {"context_memberships_url": f"{registration.issuer}/members"},
    }
    with app.test_request_context("/lti/launch", headers={"Cookie": f"{COOKIE}={MARK}"}):
        answer = begin(Launch(registration, claims))
    assert answer.status_code == 303
    return str(answer.headers["Location"])


def with_secret(place: str, **fields: str) -> dict[str, str]:
    return {"once": parse_qs(urlsplit(place).query)["once"][0], **fields}


def send(browser: FlaskClient, place: str, **fields: str) -> TestResponse:
    """Send the form of the page at `place`."""
    return browser.post("/lti/choose", data=with_secret(place, **fields))


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
    assert "title" in send(browser, place, exam="new", title=" ").text
    assert send(browser, place, exam="new", title="x", length_min="9999").status_code == 422
    sent = send(browser, place, exam="new", title="Mid-term <b>", length_min="90", preset="strict")
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
    again = send(browser, place, exam="new", title="Once more")
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
    assert send(browser, place, exam=keys["other"]).status_code == 404
    claims = answered(app, registration, send(browser, place, exam=keys["mine"]).text)
    (item,) = claims[f"{DEEP_LINK}content_items"]
    assert (item["custom"], "window" in item) == ({"exam_id": f"mine-{student}"}, False)
    elsewhere = parts_of(app).lti.registrations.add(**{**_fields(registration), "client_id": f"e-{student}"})
    assert "Exam mine" not in browser.get(launched(app, elsewhere, course="c-2")).text, "the same course of another tenant is another course"


def test_a_course_that_has_as_many_exams_as_it_may_leaves_none_behind(
    app: Flask, browser: FlaskClient, registration: Registration, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lti_links, "EXAMS_MAX", 1)
    exams = parts_of(app).exams
    assert send(browser, launched(app, registration), exam="new", title="First").status_code == 200
    refused = send(browser, launched(app, registration), exam="new", title="Second")
    assert (refused.status_code, "as many as one may have" in refused.text) == (409, True)
    assert exams.count_of_platform(registration.registration_id) == 1


def _fields(registration: Registration) -> dict[str, Any]:
    return {name: getattr(registration, name) for name in ("name", "issuer", "auth_login_url", "auth_token_url", "key_set_url", "deployments")}


def test_who_may_not_choose_and_what_cant_be_answered_is_told_so(
    app: Flask, browser: FlaskClient, registration: Registration, caplog: pytest.LogCaptureFixture
) -> None:
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
    with pytest.raises(Refused, match=r"all that it must \(data\)"):
        launched(app, registration, data="half of a letter: \ud800")
    with pytest.raises(Refused, match="names none"):
        launched(app, registration, course="")
    with pytest.raises(Refused, match="data"):
        launched(app, registration, data="half of a pair: \ud83d")
    assert browser.get("/lti/choose?once=guessed").status_code == 403
    place = launched(app, registration)
    for other in (browser_of(app), browser_of(app)):
        assert "another browser" in other.get(place).text
        assert "another browser" in other.post("/lti/choose", data=with_secret(place, exam="new", title="x")).text
        other.set_cookie(COOKIE, MARK[::-1], path="/lti")
        assert other.get(place).status_code == 403
    assert "another browser" in caplog.text
    assert with_secret(place)["once"] not in caplog.text
    parts_of(app).lti.registrations.change(registration.registration_id, enabled=False)
    assert send(browser, place, exam="new", title="x").status_code == 403


def test_only_what_is_taught_as_yet_can_be_chosen_and_who_teaches_no_more_chooses_nothing(
    app: Flask, browser: FlaskClient, registration: Registration
) -> None:
    parts = parts_of(app)
    claims = answered(app, registration, send(browser, launched(app, registration), exam="new", title="Of the first").text)
    exam_id = claims[f"{DEEP_LINK}content_items"][0]["custom"]["exam_id"]
    people = parts.database.collection("lti_people")
    first = Course(registration.registration_id, "1", "c-1").key
    person = user_id_of(registration.registration_id, "t-1")
    place = launched(app, registration, course="c-2")
    assert "Of the first" in browser.get(place).text
    # An account may have it still from a role that has come to its end: it is not had by that.
    key = LtiPerson(registration.registration_id, "t-1", "").account_key
    account = parts.people.accounts.add(person, f"Tess ({person})", frozenset(), by="lti", oidc=key)
    parts.people.accounts.change(account.id, exam_roles=[{"exam_id": exam_id, "roles": ["teacher"]}])
    people.update_one({"_id": person}, {"$set": {f"courses.{first}.until": utc_now() - timedelta(seconds=1)}})
    assert "Of the first" not in browser.get(place).text
    assert send(browser, place, exam=exam_key(exam_id)).status_code == 404
    launched(app, registration, course="c-3")
    assert parts.people.accounts.get(account.id).exam_roles == {}, "and is gone at the next launch"
    place = launched(app, registration, course="c-2")
    with pytest.raises(Refused, match="Only a teacher"):
        launched(app, registration, role="Learner", course="c-2")
    assert "no more" in browser.get(place).text, "nor by what was begun before"
    parts.people.accounts.change(account.id, roles=frozenset({"proctor"}))
    with pytest.raises(Refused, match="roles on the whole server"):
        launched(app, registration)


def test_the_audit_and_the_exam_never_have_the_name_that_a_platform_tells(app: Flask, browser: FlaskClient, registration: Registration) -> None:
    parts = parts_of(app)
    claims = answered(app, registration, send(browser, launched(app, registration, name="Ada, an administrator"), exam="new", title="x").text)
    exam_id = claims[f"{DEEP_LINK}content_items"][0]["custom"]["exam_id"]
    exam = parts.exams.get(exam_id)
    assert exam is not None
    assert (exam.made_by, exam.registration_id) == ("lti", registration.registration_id)
    assert parts.database.flush(10)
    acts = list(parts.database.collection("audit").find({"exam_id": exam_id}))
    person = user_id_of(registration.registration_id, "t-1")
    assert {(act["who"], act["user_id"], act["what"]) for act in acts} == {("lti", person, "exam: made"), ("lti", person, "lti: exam linked")}
    with pytest.raises(InvalidInput, match="server's own"):
        parts.people.accounts.add("LTI", "LTI", frozenset(), by="a test")


def test_each_person_has_one_choice_and_each_platform_so_many(
    app: Flask, browser: FlaskClient, registration: Registration, student: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lti_waiting, "CHOICES_MAX", 2)
    first = launched(app, registration)
    assert browser.get(launched(app, registration)).status_code == 200
    assert "made already" in browser.get(first).text
    launched(app, registration, sub="t-2")
    with pytest.raises(Conflict, match="waits here already"):
        launched(app, registration, sub="t-3")
    other = parts_of(app).lti.registrations.add(**{**_fields(registration), "client_id": f"o-{student}"})
    assert browser.get(launched(app, other)).status_code == 200
    monkeypatch.setattr(lti_waiting, "LINKS_MAX", 1)
    parts_of(app).lti_waiting.keep_link({"by": "a test"})
    with pytest.raises(Conflict, match="waits here already"):
        parts_of(app).lti_waiting.keep_link({"by": "a test"})


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
        assert (answer.status_code, "/lti/choose?once=" in answer.headers["Location"]) == (303, True)
        page = browser.get(answer.headers["Location"], base_url=HERE, headers=framed)
    assert page.status_code == 200
    assert "X-Frame-Options" not in page.headers
    assert "frame-ancestors https://lms.example" in page.headers["Content-Security-Policy"]
