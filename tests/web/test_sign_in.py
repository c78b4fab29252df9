"""Signing in with an account: passwords, the second factor, logins that live on the server, and what an outage does to them."""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import Any

import pytest
from argon2 import PasswordHasher
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse
from werkzeug.wrappers import Request

from basics import argon
from basics.errors import StorageError
from basics.seal import Seal
from database import Database
from records.logins import OF_ONE, EndedLogins, LoginBook
from tests.helpers.people import OWN_PASSWORD, add_person, administrator, browser_of, log_in, someone
from tests.helpers.web import PASSWORD, MakeApp, error_of
from web.access.logins import FREE_TRIES
from web.access.people import People
from web.access.second_factor import new_recovery_codes, plain_recovery_code, step_of
from web.access.sign_in import CODES
from web.access.who_may import Access
from web.parts import parts_of

SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"


@pytest.fixture
def app(make_app: MakeApp) -> Flask:
    return make_app(proctor_password=PASSWORD)


def audited(app: Flask, what: str) -> list[dict[str, Any]]:
    database = parts_of(app).database
    assert database.flush(30)
    return [entry for entry in database.audit_entries(200) if entry["what"] == what]


def test_a_person_logs_in_by_name_in_any_case_and_is_kept_in_the_audit(app: Flask) -> None:
    account = add_person(app, "Ada@Uni.example", "proctor", name="Ada Byron")
    client = browser_of(app)
    assert log_in(client, "ada@uni.EXAMPLE").headers["Location"] == "/"
    who = client.get("/api/account").get_json()
    assert (who["kind"], who["name"], who["rights"]) == ("account", "Ada Byron", ["decide", "desk", "look"])
    cookie = client.get_cookie(parts_of(app).access.login_cookie)
    assert cookie is not None
    assert cookie.value not in str(list(parts_of(app).database.collection("logins").find()))
    (entry,) = audited(app, "signed in")
    assert (entry["who"], entry["account"], entry["address"]) == ("Ada Byron", account.id, "192.0.2.7")


def test_unknown_names_and_wrong_passwords_are_answered_alike(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    add_person(app, "ada", "proctor")
    disabled = add_person(app, "eve", "proctor")
    parts_of(app).people.accounts.change(disabled.id, disabled=True, ends_logins=True)
    looked: list[str] = []
    monkeypatch.setattr(argon, "HASHER", HasherSpy(argon.HASHER, looked))
    said = set()
    for name, password in (("ada", "wrong"), ("nobody", "wrong"), ("eve", OWN_PASSWORD), ("proctor", "wrong"), ("ada", "x" * 5000)):
        answer = log_in(browser_of(app), name, password)
        assert answer.status_code == 401
        said.add(re.sub(r'value="[^"]*"', "", answer.text))
    assert len(said) == 1, "what is said tells nothing of who there is"
    assert len(looked) == 5, "and so does the time: each is hashed once"
    assert len(audited(app, "sign-in: failed")) == 5


class HasherSpy:
    """Notes each hash that is made."""

    def __init__(self, hasher: Any, looked: list[str]) -> None:
        self._hasher, self._looked = hasher, looked

    def verify(self, kept: str, password: bytes) -> bool:
        self._looked.append(kept)
        return bool(self._hasher.verify(kept, password))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._hasher, name)


def test_who_guesses_one_account_from_many_addresses_is_held_up(app: Flask) -> None:
    add_person(app, "ada", "proctor")
    answers = [log_in(browser_of(app, f"198.51.100.{number}"), "ada", "wrong").status_code for number in range(FREE_TRIES)]
    assert answers == [401] * (FREE_TRIES - 1) + [429]


def test_a_hash_with_older_parameters_is_made_anew_at_the_login(app: Flask) -> None:
    account = add_person(app, "ada", "proctor")
    old = PasswordHasher(memory_cost=8192, time_cost=1, parallelism=1).hash(OWN_PASSWORD)
    parts_of(app).people.accounts.change(account.id, password=old)
    assert log_in(browser_of(app), "ada").status_code == 302
    kept = parts_of(app).people.accounts.get(account.id).password
    assert kept != old
    assert not argon.is_outdated(kept)


# The second factor


def code_at(step: int) -> str:
    import pyotp

    return str(pyotp.TOTP(SECRET).generate_otp(step))


def code_now() -> str:
    """The code of the moment in which it is given: it is good for the half-minute after its own, too."""
    return code_at(int(time.time() // 30))


def with_factor(app: Flask, recovery: tuple[str, ...] = ()) -> FlaskClient:
    from records.accounts import digest

    account = add_person(app, "ada", "proctor")
    parts = parts_of(app)
    kept = [digest(code) for code in recovery]
    parts.people.accounts.change(account.id, totp=parts.sign_in.seal.seal(SECRET), totp_last=0, recovery=kept)
    return browser_of(app)


def give_code(client: FlaskClient, page: TestResponse, code: str) -> TestResponse:
    ticket = re.search(r'name="ticket" value="([^"]+)"', page.text)
    assert ticket is not None, page.text
    return client.post("/login/code", data={"ticket": ticket[1], "code": code, "next": "/review"})


def test_a_password_alone_opens_nothing_where_there_is_a_second_factor(app: Flask) -> None:
    client = with_factor(app)
    page = log_in(client, "ada")
    assert page.status_code == 200
    assert client.get("/api/account").status_code == 401
    assert give_code(client, page, "000000").status_code == 401
    code = code_now()
    assert give_code(client, page, code).headers["Location"] == "/review"
    assert client.get("/api/account").status_code == 200
    again = browser_of(app)
    assert give_code(again, log_in(again, "ada"), code).status_code == 401, "each code is good once"


def test_a_recovery_code_lets_in_once_however_it_is_typed(app: Flask) -> None:
    codes = new_recovery_codes()
    client = with_factor(app, tuple(codes))
    typed = codes[0].upper().replace("-", " ")
    assert give_code(client, log_in(client, "ada"), typed).status_code == 302
    assert client.get("/api/account").get_json()["recovery_codes"] == len(codes) - 1
    again = browser_of(app)
    assert give_code(again, log_in(again, "ada"), typed).status_code == 401


def test_who_has_the_password_guesses_ten_codes_an_hour_and_the_owner_gets_in_all_the_while(app: Flask) -> None:
    codes = new_recovery_codes()
    owner = with_factor(app, tuple(codes))
    assert give_code(owner, log_in(owner, "ada"), codes[0]).status_code == 302, "their browser is known from here on"
    guesser = browser_of(app, "198.51.100.7")
    add_person(app, "bob", "proctor")
    assert log_in(guesser, "bob").status_code == 302, "so is the guesser's: as bob's"
    step = int(time.time() // 30)
    good = {code_at(step + off) for off in range(-2, 40)}  # of the next twenty minutes
    wrong = next(code for code in map(str, range(100_000, 100_050)) if code not in good)
    for _try in range(CODES):
        assert give_code(guesser, log_in(guesser, "ada"), wrong).status_code == 401, "the right password before each makes none forgotten"
    refused = give_code(guesser, log_in(guesser, "ada"), code_now())
    assert (refused.status_code, int(refused.headers["Retry-After"]) > 3000) == (429, True)
    told = audited(app, "sign-in: failed")[0]
    assert (told["who"], told["how"], told["reason"]) == ("ada", "second factor", "too_many")
    elsewhere = browser_of(app)
    assert give_code(elsewhere, log_in(elsewhere, "ada"), codes[1]).status_code == 302, "a recovery code is nothing that could be guessed"
    assert give_code(owner, log_in(owner, "ada"), code_now()).status_code == 302
    assert give_code(guesser, log_in(guesser, "ada"), wrong).status_code == 429, "the owner's coming in frees nothing"


def test_a_ticket_from_the_password_to_the_code_cannot_be_forged(app: Flask) -> None:
    client = with_factor(app)
    answer = client.post("/login/code", data={"ticket": "x.y", "code": code_now()})
    assert answer.status_code == 401
    assert "Log in again" in answer.text


def test_a_ticket_is_over_with_the_password_that_it_was_given_for(app: Flask) -> None:
    thief = with_factor(app)
    page = log_in(thief, "ada")
    accounts = parts_of(app).people.accounts
    ada = accounts.by_login("ada")
    assert ada is not None
    accounts.change(ada.id, password=argon.hash_of("another mangrove kettle tulip"))
    assert "Log in again" in give_code(thief, page, code_now()).text


def test_codes_of_the_moment_and_their_neighbours_are_known() -> None:
    now = 1_700_000_000.0
    step = int(now // 30)
    assert [step_of(SECRET, code_at(step + off), now) for off in (-2, -1, 0, 1, 2)] == [None, step - 1, step, step + 1, None]
    assert step_of(SECRET, f"{code_at(step)[:3]} {code_at(step)[3:]}", now) == step
    for odd in ("", "12345", "1234567", "abcdef", "１２３４５６", "²²²²²²"):
        assert step_of(SECRET, odd, now) is None
    assert step_of("", code_at(step), now) is None


def test_a_sealed_secret_opens_with_its_own_key_only() -> None:
    assert Seal("one", "x").open(Seal("one", "x").seal("secret")) == "secret"
    assert Seal("other", "x").open(Seal("one", "x").seal("secret")) == ""
    assert plain_recovery_code("ABCD efgh-jkmn PQRS") == "abcd-efgh-jkmn-pqrs"


def test_the_own_page_sets_a_second_factor_and_takes_it_away(app: Flask) -> None:
    ada = someone(app, "ada", "proctor")
    elsewhere = browser_of(app)
    log_in(elsewhere, "ada")
    assert ada.post("/api/account/second-factor", password="wrong").status_code == 422
    offered = ada.post("/api/account/second-factor", password=OWN_PASSWORD).get_json()
    assert offered["picture"].startswith("<svg")
    assert "style" not in offered["picture"]
    import pyotp

    wrong = {"password": OWN_PASSWORD, "secret": offered["secret"], "code": "000000"}
    assert error_of(ada.post("/api/account/second-factor/confirm", **wrong), 422)["field"] == "code"
    code = pyotp.TOTP(offered["secret"]).now()
    codes = ada.post("/api/account/second-factor/confirm", **wrong | {"code": code}).get_json()["codes"]
    assert len(set(codes)) == 10
    assert elsewhere.get("/api/account").status_code == 401, "other logins end"
    stored = str(list(parts_of(app).database.collection("users").find()))
    assert offered["secret"] not in stored
    assert codes[0] not in stored
    assert ada.get("/api/account").get_json()["person"]["second_factor"]
    assert ada.post("/api/account/second-factor", password=OWN_PASSWORD).status_code == 409
    assert ada.post("/api/account/second-factor/remove", password=OWN_PASSWORD).status_code == 200
    assert not ada.get("/api/account").get_json()["person"]["second_factor"]


# Logins on the server


def test_logins_are_listed_and_ended_one_or_all(app: Flask) -> None:
    ada = someone(app, "ada", "proctor")
    others = [browser_of(app, f"198.51.100.{number}") for number in range(3)]
    for other in others:
        log_in(other, "ada")
    logins = ada.get("/api/account/logins").get_json()["logins"]
    assert [login["present"] for login in logins].count(True) == 1
    one = next(login for login in logins if login["address"] == "198.51.100.1")
    assert ada.client.delete(f"/api/account/logins/{one['id']}").status_code == 200
    assert [other.get("/api/account").status_code for other in others] == [200, 401, 200]
    assert ada.client.delete("/api/account/logins").status_code == 200
    assert [other.get("/api/account").status_code for other in others] == [401, 401, 401]
    assert ada.get("/api/account").status_code == 200


def test_a_login_ends_by_logout_and_its_copy_opens_nothing(app: Flask) -> None:
    ada = someone(app, "ada", "proctor")
    cookie = ada.client.get_cookie(parts_of(app).access.login_cookie)
    assert cookie is not None
    ada.client.post("/logout")
    copy = {"Cookie": f"{parts_of(app).access.login_cookie}={cookie.value}"}
    assert app.test_client(use_cookies=False).get("/api/account", headers=copy).status_code == 401


def test_changing_the_password_ends_the_other_logins(app: Flask) -> None:
    ada = someone(app, "ada", "proctor")
    other = browser_of(app)
    log_in(other, "ada")
    weak = ada.post("/api/account/password", password=OWN_PASSWORD, new_password="password1234")
    assert error_of(weak, 422)["field"] == "password"
    assert ada.post("/api/account/password", password=OWN_PASSWORD, new_password="four other words here").status_code == 200
    assert (ada.get("/api/account").status_code, other.get("/api/account").status_code) == (200, 401)
    assert log_in(browser_of(app), "ada").status_code == 401
    assert log_in(browser_of(app), "ada", "four other words here").status_code == 302


def test_logins_outlive_the_server_and_an_outage_and_no_new_one_is_made_then(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    ada = someone(app, "ada", "proctor")
    parts = parts_of(app)
    again = People(parts.database, parts.settings)  # as after a restart
    monkeypatch.setattr(parts.access, "sign_ins", again)
    monkeypatch.setattr(parts, "people", again)
    assert ada.get("/api/account").status_code == 200

    def away() -> Any:
        raise StorageError("The database is away.")

    monkeypatch.setattr(parts.database, "reading", away)
    assert ada.get("/api/account").status_code == 200
    assert ada.get("/api/sessions/active").status_code == 200
    refused = log_in(browser_of(app), "ada")
    assert refused.status_code == 503
    assert "The database is away" in refused.text
    unread = People(parts.database, parts.settings)  # started in the outage: it can't tell, and says so
    monkeypatch.setattr(parts.access, "sign_ins", unread)
    assert error_of(ada.get("/api/account"), 503)["code"] == "storage"


def test_a_login_that_nobody_uses_ends_and_so_does_each_in_the_end(app: Flask, database: Database, tmp_path: Path) -> None:
    account, now = add_person(app, "ada", "proctor"), 0.0
    ended: list[str] = []
    book = LoginBook(database, ended.append, idle_s=100, longest_s=250, clock=lambda: now)
    login, cookie = book.begin(account, "password", "192.0.2.1", "curl")
    for now in (90.0, 180.0):  # noqa: B007 (it is the book's clock)
        assert book.of(cookie) == login
    now = 251.0
    assert book.of(cookie) is None
    login, cookie = book.begin(account, "password", "192.0.2.1", "curl")
    now = 352.0
    assert book.of(cookie) is None
    assert ended[-1] == login.id
    for _ in range(OF_ONE + 3):
        book.begin(account, "password", "192.0.2.1", "curl")
    assert len(book.of_account(account)) == OF_ONE
    assert book.of("s.nobody's") is None
    assert book.of("x" * 5000) is None


def test_the_shared_password_goes_on_as_an_administrator(app: Flask) -> None:
    client = administrator(app)
    who = client.get("/api/account").get_json()
    assert (who["kind"], who["name"], who["person"]) == ("password", "proctor", None)
    assert "people" in who["rights"]
    assert client.get("/people").status_code == 200
    assert client.post("/api/account/password", json={"password": "x", "new_password": "y"}).status_code == 403


def test_a_login_by_the_shared_password_that_was_logged_out_opens_nothing_after_a_restart(app: Flask) -> None:
    client, other, parts = administrator(app), administrator(app), parts_of(app)
    copies = [browser.get_cookie(parts.access.login_cookie) for browser in (client, other)]
    assert client.post("/logout").status_code == 302
    assert parts.database.flush(30)
    again = Access(parts.settings)
    again.ended_logins = EndedLogins(parts.database)
    asked = [Request({"HTTP_COOKIE": f"{copy.key}={copy.value}"}) for copy in copies if copy is not None]
    assert [again.is_proctor(request) for request in asked] == [False, True]


def test_people_sign_in_where_accounts_alone_are_asked_for(make_app: MakeApp) -> None:
    app = make_app(sign_in="accounts")
    add_person(app, "ada", "auditor")
    client = browser_of(app)
    assert client.get("/").headers["Location"].startswith("/login")
    assert log_in(client, "proctor", "").status_code == 401
    assert log_in(client, "ada").headers["Location"] == "/audit"
    assert client.get("/").headers["Location"] == "/audit", "who may watch nothing is led to what there is"
    assert client.get("/review").status_code == 403
