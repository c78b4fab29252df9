"""Signing in at a real OpenID provider on loopback: the whole way, with groups that give roles and take them away."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit

import pytest
import requests
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from basics.errors import Unauthorized
from basics.paths import ROOT
from database import Database
from records.accounts import Account, Accounts
from tests.helpers.people import add_person, browser_of
from tests.helpers.web import PASSWORD, MakeApp
from web.access.provider_people import account_of_claims
from web.parts import parts_of

HERE = "http://127.0.0.1:5999"
CALLBACK = f"{HERE}/login/oidc/callback"
ROLES = "staff=proctor; it=administrator; ta-math=proctor@math-101"

pytestmark = pytest.mark.skipif(not (ROOT / "node_modules" / "oidc-provider").is_dir(), reason="needs npm's oidc-provider (./setup.sh)")


class Institution:
    """The provider, and who has which groups."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self.issuer = f"http://127.0.0.1:{self.line()}"

    def line(self) -> str:
        assert self._process.stdout is not None
        while line := self._process.stdout.readline():
            if line.strip().isdigit() or line.strip() == "known":
                return line.strip()
        raise AssertionError("the provider ended")

    def knows(self, **people: Any) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(people) + "\n")
        self._process.stdin.flush()
        assert self.line() == "known"


@pytest.fixture(scope="module")
def institution() -> Iterator[Institution]:
    script = Path(__file__).parent.parent / "helpers" / "oidc-provider.mjs"
    command = ["node", str(script), CALLBACK]
    process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        yield Institution(process)
    finally:
        process.terminate()
        process.communicate(timeout=30)


@pytest.fixture
def app(make_app: MakeApp, institution: Institution) -> Flask:
    named = {"oidc_issuer": institution.issuer, "oidc_client_id": "proctor", "oidc_client_secret": "a-secret-of-the-test"}
    return make_app(proctor_password=PASSWORD, public_url=HERE, oidc_roles=ROLES, oidc_name="Uni", **named)


def go_to_provider(client: FlaskClient, wanted: str = "/review") -> str:
    """Begin at the login page; give the address to which the browser is sent."""
    answer = client.get(f"/login/oidc?next={wanted}", base_url=HERE)
    assert answer.status_code == 302, answer.text
    return str(answer.headers["Location"])


def log_in_there(address: str, who: str) -> str:
    """What a person does at the provider: gives a name, and agrees; gives the address to which the provider sends the browser back."""
    with requests.Session() as browser:
        answer = browser.get(address, allow_redirects=False)
        for _ in range(12):
            if answer.is_redirect:
                address = urljoin(address, answer.headers["Location"])
                if address.startswith(CALLBACK):
                    return address
                answer = browser.get(address, allow_redirects=False)
                continue
            form = re.search(r'action="([^"]+)"', answer.text)
            prompt = re.search(r'name="prompt" value="([^"]+)"', answer.text)
            assert form is not None, answer.text[:500]
            assert prompt is not None
            address = urljoin(address, form[1])
            answer = browser.post(address, data={"prompt": prompt[1], "login": who, "password": "any"}, allow_redirects=False)
    raise AssertionError("the provider never sent the browser back")


def come_back(client: FlaskClient, address: str) -> TestResponse:
    parts = urlsplit(address)
    from_elsewhere = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "User-Agent": "Mozilla/5.0 a browser"}
    return client.get(f"{parts.path}?{parts.query}", base_url=HERE, headers=from_elsewhere)


def sign_in(app: Flask, who: str) -> tuple[FlaskClient, TestResponse]:
    client = browser_of(app)
    return client, come_back(client, log_in_there(go_to_provider(client), who))


def who_am_i(client: FlaskClient) -> dict[str, Any]:
    answer: dict[str, Any] = client.get("/api/account", base_url=HERE).get_json()
    return answer


def test_a_person_signs_in_and_is_what_the_groups_of_the_day_say(app: Flask, institution: Institution) -> None:
    ada = {"name": "Ada Byron", "preferred_username": "ada", "email": "ada@uni.example"}
    institution.knows(**{"u-1": {**ada, "groups": ["staff", "ta-math", "choir"]}})
    client, answer = sign_in(app, "u-1")
    assert (answer.status_code, answer.headers.get("Location")) == (302, "/review"), answer.text
    who = who_am_i(client)
    assert (who["name"], who["person"]["login"], who["person"]["email"]) == ("Ada Byron", "ada", "ada@uni.example")
    assert who["person"]["group_roles"] == ["proctor"]
    assert who["person"]["exam_roles"] == {"math-101": ["proctor"]}
    assert client.get("/api/sessions/active", base_url=HERE).status_code == 200
    cookies = answer.headers.getlist("Set-Cookie")
    assert any("SameSite=Lax" in cookie and "proctor_login=" in cookie for cookie in cookies), "a stricter one would not come back from here"

    # Groups that are gone take their roles at the next sign-in, in the person's other browsers too.
    institution.knows(**{"u-1": {**ada, "groups": ["choir"]}})
    again, answer = sign_in(app, "u-1")
    assert who_am_i(again)["person"]["id"] == who["person"]["id"]
    assert who_am_i(again)["rights"] == []
    for browser in (again, client):
        assert browser.get("/api/sessions/active", base_url=HERE).status_code == 403


def test_the_same_answer_is_taken_once_and_in_the_browser_that_asked_only(app: Flask, institution: Institution) -> None:
    institution.knows(**{"u-2": {"name": "Grace Hopper", "preferred_username": "grace", "groups": ["it"]}})
    client = browser_of(app)
    back = log_in_there(go_to_provider(client), "u-2")
    stranger = come_back(browser_of(app), back)
    assert stranger.status_code == 401
    assert "not begun in this browser" in stranger.text
    tampered = come_back(client, back.replace("state=", "state=x"))
    assert (tampered.status_code, "another sign-in" in tampered.text) == (401, True)
    client = browser_of(app)
    back = log_in_there(go_to_provider(client), "u-2")
    assert come_back(client, back).status_code == 302
    assert come_back(client, back).status_code == 401
    assert "people" in who_am_i(client)["rights"]


def test_no_local_account_is_taken_over_by_a_name_and_one_that_waits_is_joined(app: Flask, institution: Institution) -> None:
    add_person(app, "eve", "administrator")
    institution.knows(
        **{
            "u-3": {"name": "Eve Two", "preferred_username": "EVE", "groups": []},
            "u-4": {"name": "Mary", "preferred_username": "mary", "email": "mary@uni.example", "email_verified": True},
        }
    )
    client, answer = sign_in(app, "u-3")
    assert answer.status_code == 401
    assert "There is an account" in answer.text
    assert client.get("/api/account", base_url=HERE).status_code == 401
    mary = parts_of(app).people.accounts.add("mary@uni.example", "Mary Somerville", frozenset({"teacher"}), by="a test", single_sign_on=True)
    client, answer = sign_in(app, "u-4")
    assert who_am_i(client)["person"]["id"] == mary.id
    assert who_am_i(client)["person"]["roles"] == ["teacher"]
    parts_of(app).people.accounts.change(mary.id, disabled=True, ends_logins=True)
    _client, answer = sign_in(app, "u-4")
    assert (answer.status_code, "is disabled" in answer.text) == (401, True)


def test_an_address_that_the_provider_has_not_verified_leads_to_nobodys_account(app: Flask, institution: Institution) -> None:
    unverified = {"email": "grace@uni.example", "email_verified": False}
    institution.knows(**{"u-5": {"name": "Mallory", "preferred_username": None, **unverified}})
    accounts = parts_of(app).people.accounts
    grace = accounts.add("grace@uni.example", "Grace Hopper", frozenset({"administrator"}), by="a test", single_sign_on=True)
    client, _answer = sign_in(app, "u-5")
    assert who_am_i(client)["person"]["id"] != grace.id
    institution.knows(**{"u-6": {"name": "Grace", "preferred_username": None, **unverified, "email_verified": True}})
    client, _answer = sign_in(app, "u-6")
    assert who_am_i(client)["person"]["id"] == grace.id


def test_an_account_that_waits_is_joined_by_what_its_owner_alone_can_have(database: Database) -> None:
    accounts = Accounts(database)
    ada = accounts.add("ada", "Ada Byron", frozenset({"administrator"}), by="a test", single_sign_on=True)
    accounts.add("ada@uni.example", "Ada King", frozenset({"administrator"}), by="a test", single_sign_on=True)

    def come(join_claim: str = "email", **claims: Any) -> Account:
        return account_of_claims(accounts, {"sub": "m", **claims}, [], [], "https://uni.example", join_claim=join_claim)

    for chosen in ({"preferred_username": "ada"}, {"email": "ada@uni.example"}):
        with pytest.raises(Unauthorized, match="OIDC_JOIN_CLAIM"):
            come(**chosen)
    assert come(email="ada@uni.example", email_verified=True, preferred_username="ada").name == "Ada King"
    assert come("preferred_username", sub="n", preferred_username="ADA").id == ada.id


def test_who_signs_in_first_at_two_servers_at_once_gets_one_account(database: Database) -> None:
    here, there = Accounts(database), Accounts(database)
    claims = {"sub": "m", "preferred_username": "ada", "name": "Ada Byron", "email": "ada@uni.example"}
    for accounts in (here, there):
        accounts.read()
    made = [account_of_claims(accounts, claims, [], [], "https://uni.example", join_claim="email") for accounts in (there, here)]
    assert [(one.id, one.login) for one in made] == [(made[0].id, "ada")] * 2


def test_whoever_is_refused_there_is_told_so_here(app: Flask) -> None:
    client = browser_of(app)
    state = re.search(r"[?&]state=([^&]+)", go_to_provider(client))
    assert state is not None
    answer = come_back(client, f"{CALLBACK}?error=access_denied%22%3E%3Cscript%3E&state={state[1]}")
    assert answer.status_code == 401
    assert "access_deniedscript" in answer.text
    database = parts_of(app).database
    assert database.flush(30)
    assert any(entry["what"] == "sign-in: failed" and entry["how"] == "oidc" for entry in database.audit_entries())
