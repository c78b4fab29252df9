"""Launches that are refused: each with a sentence for the person and one for the log, and with nothing done."""

from __future__ import annotations

import json
import logging
import threading
import time
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask

from basics.errors import ProviderAway, StorageError, TooMany
from tests.helpers.lti import (
    FROM_PLATFORM,
    HERE,
    INSTRUCTOR,
    Platform,
    begin,
    by_secret,
    key_called,
    launch,
    platform_on_loopback,
    portal_link,
    post,
    said,
    unsigned,
)
from tests.helpers.people import browser_of
from tests.helpers.waiting import until
from tests.helpers.web import PASSWORD, MakeApp, error_of
from web.access.limits import RateLimit
from web.integrations.lti.cookies import COOKIE, State, States
from web.integrations.lti.errors import Refused
from web.integrations.lti.outward import Outward
from web.integrations.lti.tokens import AGAIN_S, FRESH_S, STALE_S, PlatformKeys, keys_of
from web.integrations.lti.tool import LINE_S, Line
from web.parts import Parts, parts_of


@pytest.fixture(scope="module")
def server() -> Iterator[Platform]:
    with platform_on_loopback() as found:
        yield found


@pytest.fixture
def platform(server: Platform) -> Platform:
    server.published, server.answer, server.asked = ["first"], None, 0
    return server


@pytest.fixture
def app(make_app: MakeApp, platform: Platform) -> Flask:
    app = make_app(proctor_password=PASSWORD, public_url=HERE, lti_private_hosts="127.0.0.1")
    platform.register(app)
    assert launch(app, platform, sub="t-1", roles=[INSTRUCTOR]).status_code == 303  # makes the exam
    return app


@pytest.fixture
def parts(app: Flask) -> Parts:
    return parts_of(app)


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def wrong(now: int) -> dict[str, tuple[dict[str, Any], str]]:
    """Claims that are not to be believed at `now`, and what is said of them."""
    return {
        "issuer": ({"iss": "https://elsewhere.example"}, "issued by 'https://elsewhere.example'"),
        "audience": ({"aud": "tool-2"}, "for 'tool-2'"),
        "audience of several": ({"aud": ["tool-1", "tool-2"]}, "azp 'None'"),
        "authorized party": ({"azp": "tool-2"}, "azp 'tool-2'"),
        "nonce": ({"nonce": "another"}, "another launch's nonce"),
        "no nonce": ({"nonce": None}, "another launch's nonce"),
        "expired": ({"exp": now - 120}, "expired"),
        "never expires": ({"exp": float("inf")}, "no exp or iat"),
        "expires beyond all numbers": ({"exp": 10**400}, "no exp or iat"),
        "no end": ({"exp": None}, "no exp or iat"),
        "made later": ({"iat": now + 3600, "exp": now + 7200}, "ahead"),
        "version": ({"version": "1.1"}, "version '1.1'"),
        "deployment": ({"deployment_id": "2"}, "unknown deployment '2'"),
        "no deployment": ({"deployment_id": None}, "no deployment_id"),
        "message": ({"message_type": "LtiSubmissionReviewRequest"}, "LtiSubmissionReviewRequest"),
        "nobody": ({"sub": None}, "missing: sub"),
        "no link": ({"resource_link": None}, "missing: resource_link"),
        "a link without an id": ({"resource_link": {"id": ""}}, "missing: resource_link"),
        "no roles": ({"roles": None, "target_link_uri": None}, "missing: target_link_uri, roles"),
        "roles that are none": ({"roles": [1, {}]}, "no role in the course"),
    }


def test_a_token_that_is_not_all_that_it_must_be_is_refused(app: Flask, parts: Parts, platform: Platform, caplog: pytest.LogCaptureFixture) -> None:
    not_believed = wrong(int(time.time()))
    for name, (claims, reason) in not_believed.items():
        caplog.clear()
        with caplog.at_level(logging.WARNING):
            answer = launch(app, platform, **claims)
        assert (answer.status_code, reason in caplog.text) == (403, True), (name, caplog.text, said(answer))
        assert parts.lti.registrations.all()[0].registration_id in caplog.text
        assert "eyJ" not in caplog.text, "no token stands in the log"
        assert "Location" not in answer.headers
    with parts.database.reading():
        assert parts.database.collection("lti_people").count_documents({}) == 1, "the teacher of before"
    portal_link(launch(app, platform, aud=["tool-1", "tool-2"], azp="tool-1"))
    assert parts.database.flush(10)
    refused = [entry for entry in parts.database.audit_entries() if entry["what"] == "lti: refused"]
    assert len(refused) == len(not_believed)


def test_a_token_that_nobody_signed_or_somebody_changed_is_refused(app: Flask, platform: Platform) -> None:
    def forged(make: Any) -> str:
        client = browser_of(app)
        state, nonce = begin(client, platform)
        answer = post(client, state=state, id_token=make(nonce))
        assert answer.status_code == 403
        return said(answer)

    def changed(nonce: str) -> str:
        head, _body, signature = platform.token(nonce).split(".")
        return ".".join([head, platform.token(nonce, sub="u-2").split(".")[1], signature])

    assert "RS256" in forged(lambda nonce: unsigned(platform.claims(nonce)))
    assert "RS256" in forged(lambda nonce: by_secret(platform.claims(nonce)))
    assert "signature is wrong" in forged(changed)
    assert "does not publish" in forged(lambda nonce: platform.token(nonce, kid="second"))
    for broken in ("", "a.b", "a.b.c", "e30.e30.e30", "x" * 40_000, "\N{SNOWMAN}.b.c"):
        assert "not believed" in forged(lambda _nonce, broken=broken: broken)


def test_each_launch_is_good_once_in_the_browser_that_began_it(app: Flask, parts: Parts, platform: Platform) -> None:
    client = browser_of(app)
    state, nonce = begin(client, platform)
    token = platform.token(nonce)
    portal_link(post(client, state=state, id_token=token))
    assert "used already" in said(post(client, state=state, id_token=token))
    later, _other = begin(client, platform)
    assert "belongs to another launch" in said(post(client, state=later, id_token=token)), "an old token under a new state"

    state, nonce = begin(client, platform)
    token = platform.token(nonce)
    other = browser_of(app)
    begin(other, platform)
    assert "in another browser" in said(post(other, state=state, id_token=token))
    bare = post(browser_of(app), state=state, id_token=token)
    assert (bare.status_code, "did not keep the cookie" in said(bare)) == (403, True)
    assert 'target="_blank"' in bare.text
    portal_link(post(client, state=state, id_token=token))

    registration = parts.lti.registrations.all()[0]
    foreign = States("another server's key").sign(State(registration.registration_id, nonce, "", {}))
    for wrong in ("", "x", foreign, state[:-2]):
        assert "not begun here" in said(post(client, state=wrong, id_token=token))


def test_keys_that_rotate_in_mid_exam_are_found_and_a_platform_is_not_asked_again_and_again(app: Flask, parts: Parts, platform: Platform) -> None:
    registration, clock = parts.lti.registrations.all()[0], Clock()
    keys = parts.lti.platform_keys = PlatformKeys(Outward(["127.0.0.1"]), clock)
    portal_link(launch(app, platform))
    before = platform.asked
    for _ in range(3):
        assert launch(app, platform, kid="made-up-by-somebody").status_code == 403
    assert platform.asked == before + 1
    platform.published = ["first", "second"]
    portal_link(launch(app, platform, kid="second"))
    portal_link(launch(app, platform))
    assert platform.asked == before + 2, "another name that was made up keeps no new key out"
    assert launch(app, platform, kid="third").status_code == 403
    assert platform.asked == before + 2, "three times a minute, whatever is made up"
    clock.now += AGAIN_S + 1
    platform.published = ["first", "second", "third"]
    portal_link(launch(app, platform, kid="third"))

    platform.answer = (503, b"")
    clock.now += FRESH_S + 1
    assert keys.key(registration, "first").kid == "first", "what was known serves while the platform is away"
    asking = keys._of(registration).asking
    assert asking is not None
    asking.result(30)
    clock.now += STALE_S
    away = launch(app, platform)
    assert (away.status_code, "status 503" in said(away)) == (503, True)
    assert away.headers["Retry-After"]


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        ((200, b"<!doctype html><p>Maintenance"), "no set of keys"),
        ((200, b'{"keys": [{"kty": "EC", "kid": "first"}, 7]}'), "none for RS256"),
        ((302, b"http://127.0.0.1:1/keys"), "leads on to another address"),
        ((200, b" " * (257 * 1024)), "more than 262144 bytes"),
        ((404, b"{}"), "status 404"),
    ],
)
def test_a_platform_that_gives_no_keys_lets_nobody_in(app: Flask, parts: Parts, platform: Platform, answer: tuple[int, bytes], why: str) -> None:
    platform.answer = answer
    registration, keys = parts.lti.registrations.all()[0], PlatformKeys(Outward(["127.0.0.1"]))
    with pytest.raises(ProviderAway, match=why):
        keys.key(registration, "first")


def test_a_platform_that_hangs_holds_up_a_few_and_none_of_another(
    app: Flask, parts: Parts, platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    registration = parts.lti.registrations.all()[0]
    other = platform.register(app, "tool-2")
    hangs = threading.Event()
    came = threading.Semaphore(0)
    keys = PlatformKeys(Outward([]))
    real = keys._wait

    def wait(known: Any, asking: Any) -> None:
        came.release()
        real(known, asking)

    def fetched(_outward: Outward, _address: str) -> Any:
        if threading.current_thread().name == "lti-keys" and not hangs.is_set():
            hangs.wait(60)
        return json.loads(platform.key_set()[1])

    monkeypatch.setattr("web.integrations.lti.tokens.fetched", fetched)
    monkeypatch.setattr("web.integrations.lti.tokens.WHOLE_S", 600.0)  # whoever waits is there until the test is through
    monkeypatch.setattr(keys, "_wait", wait)
    threads = [threading.Thread(target=lambda: keys.key(registration, "first")) for _ in range(8)]
    for thread in threads:
        thread.start()
    for _ in threads:
        assert came.acquire(timeout=60)
    until(lambda: not keys._of(registration).waiting._value, what="that all of them wait")
    with pytest.raises(TooMany):
        keys.key(registration, "first")
    monkeypatch.setattr("web.integrations.lti.tokens.fetched", lambda _outward, _address: json.loads(platform.key_set()[1]))
    assert keys.key(other, "first").kid == "first"
    hangs.set()
    for thread in threads:
        thread.join(30)
        assert not thread.is_alive()


def test_no_key_set_inside_the_own_network_is_read(make_app: MakeApp, platform: Platform) -> None:
    app = make_app(proctor_password=PASSWORD, public_url=HERE)
    platform.register(app)
    answer = launch(app, platform)
    assert (answer.status_code, "LTI_PRIVATE_HOSTS" in said(answer), platform.asked) == (503, True, 0)


def test_weak_keys_are_none() -> None:
    good = key_called("first").as_dict(private=False)
    weak = {**good, "kid": "weak", "n": str(good["n"])[:171]}
    assert list(keys_of({"keys": [weak, good]})) == ["first"]


def test_nobody_is_sent_anywhere_but_to_the_platform_that_is_registered(app: Flask, parts: Parts, platform: Platform) -> None:
    client = browser_of(app)
    good = {"iss": platform.issuer, "login_hint": "h", "target_link_uri": "https://evil.example/", "lti_message_hint": "m"}
    for method in ("GET", "POST"):
        given: dict[str, Any] = {"query_string": good} if method == "GET" else {"data": good}
        answer = client.open("/lti/login", method=method, base_url=HERE, headers=FROM_PLATFORM, **given)
        assert answer.headers["Location"].startswith(
            f"{platform.issuer}/auth?scope=openid&response_type=id_token&response_mode=form_post&prompt=none&"
        )
        assert "evil.example" not in answer.headers["Location"]
        assert f"redirect_uri={HERE.replace(':', '%3A').replace('/', '%2F')}%2Flti%2Flaunch" in answer.headers["Location"]
    for wrong in ({"iss": "https://evil.example"}, {"client_id": "tool-9"}, {"login_hint": ""}, {"iss": ""}, {"login_hint": "x" * 8001}):
        refused = client.get("/lti/login", query_string={**good, **wrong}, base_url=HERE)
        assert refused.status_code in (403, 404), wrong
        assert "Location" not in refused.headers
    parts.lti.registrations.change(parts.lti.registrations.all()[0].registration_id, enabled=False)
    off = client.get("/lti/login", query_string=good, base_url=HERE)
    assert (off.status_code, "switched off" in said(off)) == (403, True)


def test_what_the_platform_says_in_place_of_a_token_is_shown_as_text_and_cut(app: Flask, platform: Platform) -> None:
    client = browser_of(app)
    state, _nonce = begin(client, platform)
    answer = post(client, state=state, error="login_required", error_description="<script>alert(1)</script>" + "x" * 1000)
    assert (answer.status_code, "login_required" in said(answer)) == (403, True)
    assert "<script>alert" not in answer.text
    assert "x" * 400 not in answer.text
    unknown = post(browser_of(app), state=state, error="login_required", error_description="words of somebody else's")
    assert "somebody else" not in unknown.text


def test_inside_another_page_there_is_one_button_that_opens_a_window(app: Flask, platform: Platform) -> None:
    framed = {**FROM_PLATFORM, "Sec-Fetch-Dest": "iframe"}
    client = browser_of(app)
    given = {"iss": platform.issuer, "login_hint": 'h"&<', "client_id": "tool-1"}
    answer = client.get("/lti/login", query_string=given, base_url=HERE, headers=framed)
    assert (answer.status_code, answer.text.count('<a class="button'), 'target="_blank"' in answer.text) == (200, 1, True)
    assert "login_hint=h%22%26%3C" in answer.text
    assert "X-Frame-Options" not in answer.headers
    assert "frame-ancestors" not in answer.headers["Content-Security-Policy"]
    assert "Set-Cookie" not in answer.headers, "nothing that was not begun in a window of its own is good"
    state, nonce = begin(client, platform)
    token = platform.token(nonce)
    assert 'target="_blank"' in post(client, framed, state=state, id_token=token).text
    portal_link(post(client, state=state, id_token=token))
    old = {name: value for name, value in FROM_PLATFORM.items() if not name.startswith("Sec-")}  # a browser that says nothing of frames
    state, nonce = begin(client, platform)
    inside = platform.token(nonce, launch_presentation={"document_target": "iframe"})
    assert 'target="_blank"' in post(client, old, state=state, id_token=inside).text
    other = client.get("/login", base_url=HERE)
    assert (other.headers["X-Frame-Options"], "frame-ancestors 'none'" in other.headers["Content-Security-Policy"]) == ("DENY", True)


def test_the_cookie_is_for_other_sites_by_https_and_only_the_launch_may_be_posted_from_one(make_app: MakeApp, platform: Platform) -> None:
    app = make_app(proctor_password=PASSWORD, public_url="https://proctor.example")
    platform.register(app)
    given = {"iss": platform.issuer, "login_hint": "h"}
    answer = app.test_client().get("/lti/login", query_string=given, base_url="https://proctor.example", headers=FROM_PLATFORM)
    (cookie,) = answer.headers.getlist("Set-Cookie")
    assert cookie.startswith(f"{COOKIE}=")
    assert {"Secure", "HttpOnly", "Path=/lti", "SameSite=None", "Partitioned"} <= set(cookie.split("; "))
    plain = app.test_client().get("/lti/login", query_string=given, base_url=HERE).headers["Set-Cookie"]
    assert "SameSite" not in plain or "Secure" in plain
    for path in ("/login", "/api/student/enter", "/lti/jwks"):
        assert app.test_client().post(path, base_url="https://proctor.example", headers=FROM_PLATFORM).status_code in (403, 405), path
    assert app.test_client().post("/api/student/enter", base_url="https://proctor.example", headers=FROM_PLATFORM).status_code == 403


def test_of_too_many_at_once_some_are_told_to_come_again_and_do_so_by_themselves(app: Flask, parts: Parts, platform: Platform) -> None:
    parts.lti.of_registration = RateLimit(1, 600.0, "Many come at once.")
    client = browser_of(app)
    portal_link(launch(app, platform, client))
    state, nonce = begin(client, platform)
    busy = post(client, state=state, id_token=platform.token(nonce))
    assert (busy.status_code, int(busy.headers["Retry-After"]) <= 600) == (429, True)
    assert 'http-equiv="refresh"' in busy.text
    assert "/lti/login?" in busy.text
    parts.lti.of_registration = RateLimit(9, 600.0, "")
    portal_link(launch(app, platform, client))
    parts.lti.launches = RateLimit(1, 600.0, "Many come at once.")
    assert post(client, state="x").status_code == 403
    state, nonce = begin(client, platform)
    assert 'http-equiv="refresh"' in post(client, state=state, id_token=platform.token(nonce)).text
    assert post(client, state="x").status_code == 429


def test_ten_thousand_who_come_at_once_come_again_one_after_the_other(app: Flask, parts: Parts, platform: Platform) -> None:
    line = Line(15.0, Clock())
    waits = [line.place("one", 3.0) for _ in range(10_000)]
    assert (waits[0], waits == sorted(waits)) == (3, True)
    assert max(Counter(waits).values()) <= 16, "in no second more come than can be taken"
    assert waits[-1] < LINE_S
    assert line.place("another", 3.0) == 3
    assert [line.place("one", 3.0) for _ in range(10_000)][-1] == LINE_S

    parts.lti.line, parts.lti.launches = Line(0.1, Clock()), RateLimit(1, 600.0, "")
    client, told = browser_of(app), []
    for _ in range(3):
        state, nonce = begin(client, platform)
        told.append(post(client, state=state, id_token=platform.token(nonce)))
    first, second = (int(answer.headers["Retry-After"]) for answer in told[1:])
    assert second == first + 10
    assert f"again in {second} s" in said(told[2])
    assert 'http-equiv="refresh"' in told[2].text


def test_who_sends_one_launch_again_and_again_uses_up_nothing_that_others_need(app: Flask, parts: Parts, platform: Platform) -> None:
    parts.lti.of_registration = parts.lti.of_all = RateLimit(4, 600.0, "")
    client = browser_of(app)
    state, nonce = begin(client, platform)
    token = platform.token(nonce)
    portal_link(post(client, state=state, id_token=token))
    for _ in range(4):
        assert "used already" in said(post(client, state=state, id_token=token))
    portal_link(launch(app, platform))


def test_a_deployment_that_may_come_is_added_and_noted(app: Flask, parts: Parts, platform: Platform) -> None:
    registration = parts.lti.registrations.all()[0]
    parts.lti.registrations.change(registration.registration_id, accepts_deployments=True)
    assert "No exam is set up" in said(launch(app, platform, deployment_id="2")), "the same course of another deployment is another"
    assert parts.lti.registrations.get(registration.registration_id).deployments == ("1", "2")
    assert parts.database.flush(10)
    assert [entry["deployment"] for entry in parts.database.audit_entries() if entry["what"] == "lti: deployment new"] == ["2"]


def test_our_keys_are_published_without_their_private_half(app: Flask) -> None:
    answer = app.test_client().get("/lti/jwks", base_url=HERE)
    assert answer.headers["Cache-Control"] == "public, max-age=3600"
    assert [sorted(key) for key in answer.get_json()["keys"]] == [["alg", "e", "kid", "kty", "n", "use"]]


def test_an_outage_is_said_to_be_one(app: Flask, parts: Parts, platform: Platform, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*_given: Any) -> bool:
        raise StorageError("The database is away.")

    monkeypatch.setattr(parts.lti.used, "take", away)
    answer = launch(app, platform)
    assert (answer.status_code, 'http-equiv="refresh"' in answer.text) == (503, True)
    with pytest.raises(Refused):
        parts.lti.states.read("x")
    assert error_of(browser_of(app).get("/api/exams", base_url=HERE), 401)
