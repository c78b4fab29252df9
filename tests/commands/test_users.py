"""People and tokens from the command line, beside a running server, which notices and enters it into its audit."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result
from flask import Flask

from commands import registry
from database import Database
from records.accounts import Accounts
from records.api_tokens import ApiTokens
from records.command_acts import take_command_acts
from settings.settings import load_settings

Run = Callable[..., Result]


@pytest.fixture
def run(database: Database, mongo_uri: str, db_name: str, tmp_path: Path) -> Run:
    app = Flask("commands")
    named = {"mongo_uri": mongo_uri, "db_name": db_name, "data_dir": tmp_path, "public_url": "https://proctor.uni.example"}
    registry.register(app, load_settings(_env_file=None, **named))
    return lambda *arguments: app.test_cli_runner().invoke(args=list(arguments))


def ok(answer: Result) -> str:
    assert answer.exit_code == 0, answer.output
    return str(answer.stdout)


def test_an_administrator_is_made_and_a_running_server_notices(run: Run, database: Database) -> None:
    server = Accounts(database)
    server.read()
    said = ok(run("users", "add", "Ada@uni.example", "--name", "Ada Byron", "--role", "administrator"))
    link = re.search(r"https://proctor\.uni\.example/invitation#t=(\S+)", said)
    assert link is not None
    assert server.read()
    account = server.by_login("ada@UNI.example")
    assert account is not None
    assert account.roles == frozenset({"administrator"})
    assert server.invited(link[1]).id == account.id
    assert "Ada Byron" in ok(run("users", "list"))
    last = run("users", "disable", "ada@uni.example")
    assert (last.exit_code, "the last administrator" in last.output) == (1, True)
    assert run("users", "roles", "ada@uni.example", "teacher").exit_code == 1
    ok(run("users", "add", "ben", "--role", "administrator"))
    ok(run("users", "roles", "ada@uni.example", "teacher", "proctor"))
    ok(run("users", "disable", "ada@uni.example"))
    server.read()
    changed = server.get(account.id)
    assert changed.roles == frozenset({"teacher", "proctor"})
    assert (changed.disabled, changed.epoch) == (True, 1)
    ok(run("users", "enable", "ada@uni.example"))
    assert "invitation#t=" in ok(run("users", "reset", "ada@uni.example"))
    take_command_acts(database)
    assert database.flush(30)
    entries = {entry["what"] for entry in database.audit_entries() if entry["who"] == "command"}
    assert entries == {"account: made", "account: roles", "account: disabled", "account: enabled", "account: reset"}
    take_command_acts(database)
    assert len(database.audit_entries()) == 6, "each is entered once"


def test_what_is_wrong_is_said_and_nothing_is_made(run: Run) -> None:
    assert run("users", "disable", "nobody").exit_code == 1
    assert run("users", "add", "proctor").exit_code == 1
    assert run("users", "add", "ada", "--role", "boss").exit_code == 2
    ok(run("users", "add", "ada"))
    twice = run("users", "add", "ADA")
    assert (twice.exit_code, "looks like it" in twice.output) == (1, True)


def test_tokens_are_made_listed_and_revoked(run: Run, database: Database) -> None:
    made = ok(run("token", "add", "grafana", "--scope", "read", "--exam", "math", "--days", "7"))
    secret = made.split()[-1]
    server = ApiTokens(database)
    assert server.read()
    found = server.of(secret, "192.0.2.1")
    assert found is not None
    assert (found.scopes, found.exams) == (frozenset({"read"}), frozenset({"math"}))
    assert secret not in ok(run("token", "list"))
    assert "is revoked" in ok(run("token", "revoke", "Grafana"))
    assert server.read()
    assert server.of(secret) is None
    assert run("token", "revoke", "grafana").exit_code == 1


def test_the_line_for_env_is_made_as_before(run: Run) -> None:
    said = ok(run("token"))
    assert "API_TOKEN=sha256:" in said
