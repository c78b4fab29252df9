"""People with accounts of their own, for tests."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from basics.argon import hash_of
from records.accounts import Account
from tests.helpers.web import PASSWORD
from web.parts import parts_of

OWN_PASSWORD = "kettle orbit mangrove tulip"


@dataclass(slots=True)
class Someone:
    """A person at a browser of their own."""

    account: Account
    client: FlaskClient

    def get(self, path: str) -> TestResponse:
        return self.client.get(path)

    def post(self, path: str, **body: Any) -> TestResponse:
        return self.client.post(path, json=body)


def browser_of(app: Flask, address: str = "192.0.2.7") -> FlaskClient:
    """A browser on another machine."""
    client = app.test_client()
    client.environ_base["REMOTE_ADDR"] = address
    return client


def add_person(app: Flask, login: str, *roles: str, name: str = "", **more: Any) -> Account:
    """An account with a password."""
    accounts = parts_of(app).people.accounts
    account = accounts.add(login, name or login.partition("@")[0].title(), frozenset(roles), by="a test", **more)
    return accounts.change(account.id, password=hash_of(OWN_PASSWORD))


def log_in(client: FlaskClient, login: str, password: str = OWN_PASSWORD) -> TestResponse:
    return client.post("/login", data={"username": login, "password": password})


def someone(app: Flask, login: str, *roles: str, name: str = "") -> Someone:
    """A person who is logged in."""
    account = add_person(app, login, *roles, name=name)
    client = browser_of(app)
    answer = log_in(client, login)
    assert answer.status_code == 302, answer.text
    return Someone(account, client)


def administrator(app: Flask) -> FlaskClient:
    """Whoever has the shared password."""
    client = browser_of(app)
    assert log_in(client, "proctor", PASSWORD).status_code == 302
    return client
