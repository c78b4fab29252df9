"""Dynamic registration: for administrators, by a link that is good once, and only for what the platform's own configuration says."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from basics.errors import ProviderAway
from tests.helpers.lti_services import TOOL, Services, services
from tests.helpers.people import administrator, browser_of, someone
from tests.helpers.web import PASSWORD, MakeApp
from web.parts import parts_of

FRAMED = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "iframe"}


@pytest.fixture
def lms() -> Iterator[Services]:
    with services() as served:
        yield served


@pytest.fixture
def app(make_app: MakeApp) -> Flask:
    return make_app(proctor_password=PASSWORD, lti_private_hosts="127.0.0.1", public_url="https://proctor.uni.example")


def once(app: Flask) -> str:
    url: str = administrator(app).post("/api/integrations/lti/link", json={}).get_json()["url"]
    assert url.startswith("https://proctor.uni.example/lti/register?once=")
    return parse_qs(urlsplit(url).query)["once"][0]


def come(client: FlaskClient, lms: Services, **more: str) -> TestResponse:
    given = {"openid_configuration": f"{lms.url}/.well-known/openid-configuration", "registration_token": "t-1", **more}
    return client.get("/lti/register", query_string=given, headers=FRAMED)


def registered(app: Flask, lms: Services) -> list[Any]:
    parts_of(app).lti.registrations.forget()
    return [one for one in parts_of(app).lti.registrations.all() if one.issuer == lms.url]


def test_a_platform_registers_itself_by_a_link_that_is_good_once(app: Flask, lms: Services) -> None:
    lms.messages += ["LtiStartProctoring", "LtiEndAssessment"]
    link, browser = once(app), browser_of(app)
    answer = come(browser, lms, once=link)
    assert (answer.status_code, "lti-close.js" in answer.text) == (200, True)
    assert f"frame-ancestors {lms.url}" in answer.headers["Content-Security-Policy"]
    assert answer.headers["Cross-Origin-Opener-Policy"] == "unsafe-none"
    (made,) = registered(app, lms)
    assert (made.name, made.auth_token_url, made.deployments, made.accepts_deployments) == (
        f"moodle {lms.url[7:]}",
        f"{lms.url}/token",
        ("7",),
        False,
    )
    path, _headers, body = lms.asked[-1]
    ours = json.loads(body)
    assert (path, ours["token_endpoint_auth_method"]) == ("/register", "private_key_jwt")
    assert ours["redirect_uris"] == ["https://proctor.uni.example/lti/launch"]
    assert ours["jwks_uri"] == f"https://proctor.uni.example/lti/jwks/{made.registration_id}"
    assert browser.get(f"/lti/jwks/{made.registration_id}").status_code == 200
    assert [one["type"] for one in ours[TOOL]["messages"]] == lms.messages
    assert {one.rpartition("/")[2] for one in ours["scope"].split()} == {"contextmembership.readonly", "control.all"}
    again = come(browser, lms, once=link)
    assert (again.status_code, "used already" in again.text, "lti-close.js" in again.text) == (403, True, False)
    assert len(registered(app, lms)) == 1


def test_an_administrator_is_asked_first_and_nobody_else_registers_anything(app: Flask, lms: Services) -> None:
    chief = administrator(app)
    asked = chief.get("/lti/register", query_string={"openid_configuration": f"{lms.url}/x", "registration_token": "t-1"})
    assert (asked.status_code, lms.url[7:] in asked.text, lms.asked) == (200, True, [])
    assert asked.headers["X-Frame-Options"] == "DENY"
    assert "frame-ancestors 'none'" in asked.headers["Content-Security-Policy"], "nobody lays the button under another page's"
    form = {"openid_configuration": f"{lms.url}/.well-known/openid-configuration", "registration_token": "t-1"}
    teacher = someone(app, f"t-{lms.url[-5:]}@uni.example", "teacher").client
    assert teacher.get("/lti/register", query_string=form).status_code == 403
    assert teacher.post("/lti/register/confirm", data=form).status_code == 403
    stranger = browser_of(app)
    assert "/login?next=" in stranger.get("/lti/register", query_string=form).headers["Location"]
    assert come(stranger, lms, once="guessed").status_code == 403
    evil = {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}
    assert chief.post("/lti/register/confirm", data=form, headers=evil).status_code == 403
    assert (registered(app, lms), lms.asked) == ([], [])
    assert chief.post("/lti/register/confirm", data=form).status_code == 200
    assert len(registered(app, lms)) == 1


def test_what_is_signed_for_a_platform_that_calls_itself_another_ones_client_is_nothing_to_that_one(app: Flask, lms: Services) -> None:
    lti = parts_of(app).lti
    with services() as victim:
        theirs = lti.registrations.add(**victim.registration("client-of-theirs"))
        status, headers, config = lms._configuration()
        stolen = {"token_endpoint": f"{victim.url}/token", "authorization_server": f"{victim.url}/token"}
        lms.answers["/.well-known/openid-configuration"] = (status, headers, {**config, **stolen})
        lms.answers["/register"] = (201, {}, {"client_id": theirs.client_id})
        assert come(browser_of(app), lms, once=once(app)).status_code == 200
        (made,) = registered(app, lms)
        victim.keys = lti.keys.public
        with pytest.raises(ProviderAway, match="invalid_client"):
            parts_of(app).platforms.token(made, "a scope")
        assert victim.assertions == [], "the key is none that it reads"
        assert parts_of(app).platforms.token(theirs, "a scope")
    signed = lti.keys.signing(made.keys_of)
    assert [key["kid"] for key in lti.keys.public(made.registration_id)["keys"]] == [signed.kid]


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"issuer": "https://other.example"}, "of another host"),
        ({"issuer": "https://canvas.instructure.com"}, "of another host"),
        ({"issuer": 5}, "of another host"),
        ({"registration_endpoint": "http://10.0.0.1/register"}, "registration_endpoint"),
        ({"registration_endpoint": "https://10.0.0.1/register"}, "private address"),
        ({"jwks_uri": None}, "jwks_uri"),
        ({"jwks_uri": "https://10.0.0.1/jwks"}, "private address"),
        ({"token_endpoint": "javascript:alert(1)"}, "token_endpoint"),
    ],
)
def test_a_configuration_that_is_not_the_platforms_own_registers_nothing(
    app: Flask, lms: Services, changed: dict[str, Any], why: str, caplog: pytest.LogCaptureFixture
) -> None:
    status, headers, config = lms._configuration()
    lms.answers["/.well-known/openid-configuration"] = (status, headers, {**config, **changed})
    answer = come(browser_of(app), lms, once=once(app))
    assert (answer.status_code, why in answer.text) == (503, True), answer.text
    assert why in caplog.text
    assert registered(app, lms) == []
    known = [one.registration_id for one in parts_of(app).lti.registrations.all()]
    with parts_of(app).database.reading():
        kept = parts_of(app).database.collection("lti_keys").distinct("of", {"of": {"$ne": None, "$nin": known}})
    assert kept == [], "keys that were made for it go"


def test_a_platform_that_answers_with_a_page_or_refuses_is_told_of(app: Flask, lms: Services) -> None:
    for path, said, why in (
        ("/register", (200, {"Content-Type": "text/html"}, b"<p>hello"), "text/html"),
        ("/register", (201, {}, {"client_id": ""}), "no client_id"),
        ("/register", (400, {}, {"error": "invalid_client_metadata"}), "invalid_client_metadata"),
    ):
        lms.answers = {path: said}
        assert why in come(browser_of(app), lms, once=once(app)).text
    for address in ("javascript:alert(1)", "https://a;script-src *.example/x", "http://lms.example/x", ""):
        answer = browser_of(app).get("/lti/register", query_string={"openid_configuration": address, "once": "x"})
        assert answer.status_code == 403
        assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"]
    assert registered(app, lms) == []
