"""People's accounts from the server's own machine: `flask --app app users add|list|disable|enable|reset|roles`.

Works beside a running server, which notices within seconds, or without one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from urllib.parse import quote

import click
from flask import Flask
from flask.cli import with_appcontext

from basics.errors import NotFound, ProctorError
from basics.times import iso_time
from records.accounts import ROLES, Account, Accounts
from records.command_acts import note_act
from records.reader import stored
from records.stores import PlainStore
from settings.settings import Settings, load_settings

BY = "command"


@contextmanager
def opened(settings: Settings | None) -> Iterator[tuple[PlainStore, Settings]]:
    """Where people are stored, within a `with`; errors are told as a command tells them."""
    try:
        in_force = settings or load_settings()
        with stored(in_force) as database:
            yield PlainStore(database), in_force
    except ProctorError as error:
        raise click.ClickException(error.message) from None


def register(app: Flask, settings: Settings | None = None) -> None:
    """Give `app` the commands. Without `settings` they are read when one runs."""

    @app.cli.group("users", help="People's accounts: add, list, disable, enable, reset, roles.")
    def users() -> None:
        """The group of the commands."""

    @users.command("add", help="Make an account; print the link by which its person chooses a password. It is good once, for seven days.")
    @click.argument("login")
    @click.option("--name", default="", help="As colleagues call the person; it stands under decisions. Default: the login name.")
    @click.option("--email", default="", help="For colleagues to see.")
    @click.option("--role", "roles", multiple=True, type=click.Choice(ROLES), help="May be given several times.")
    @click.option("--sso", is_flag=True, help="The person signs in through the institution (OIDC_ISSUER), and needs no password here.")
    @with_appcontext
    def add(login: str, name: str, email: str, roles: tuple[str, ...], sso: bool) -> None:
        with opened(settings) as (store, in_force):
            accounts = _read(store)
            account = accounts.add(login, name, frozenset(roles), by=BY, email=email, single_sign_on=sso)
            note_act(store, "account: made", account_id=account.id, login=account.login, roles=sorted(roles))
            click.echo(f"{account.login} has an account, with {_roles(account)}.")
            if not sso:
                _tell(in_force, *accounts.invite(account.id))

    @users.command("list", help="Show the accounts, by name.")
    @with_appcontext
    def listed() -> None:
        with opened(settings) as (store, _in_force):
            found = _read(store).listed()
        if not found:
            click.echo("Nobody has an account yet: flask --app app users add LOGIN --role administrator")
            return
        rows = [("login", "name", "roles", "state", "last login"), *map(_row, found)]
        widths = [max(len(row[column]) for row in rows) for column in range(4)]
        for row in rows:
            click.echo("  ".join([*(text.ljust(width) for text, width in zip(row, widths, strict=False)), row[-1]]).rstrip())

    @users.command("disable", help="Keep somebody out: all logins end at once. What the person decided stays.")
    @click.argument("login")
    @with_appcontext
    def disable(login: str) -> None:
        account = _change(settings, login, "account: disabled", lambda accounts, one: accounts.edit(one.id, by=BY, disabled=True, ends_logins=True))
        click.echo(f"{account.login} is disabled.")

    @users.command("enable", help="Let somebody in again who was disabled.")
    @click.argument("login")
    @with_appcontext
    def enable(login: str) -> None:
        account = _change(settings, login, "account: enabled", lambda accounts, one: accounts.edit(one.id, by=BY, disabled=False))
        click.echo(f"{account.login} can log in again.")

    @users.command("reset", help="Take password and second factor away, end all logins, and print a link for a new password.")
    @click.argument("login")
    @with_appcontext
    def reset(login: str) -> None:
        with opened(settings) as (store, in_force):
            accounts = _read(store)
            account = _of(accounts, login)
            found = accounts.reset(account.id)
            note_act(store, "account: reset", account_id=account.id, login=account.login)
            _tell(in_force, *found)

    @users.command("roles", help="Give somebody these roles and no others; none: take all away.")
    @click.argument("login")
    @click.argument("roles", nargs=-1, type=click.Choice(ROLES))
    @with_appcontext
    def roles(login: str, roles: tuple[str, ...]) -> None:
        account = _change(settings, login, "account: roles", lambda accounts, one: accounts.edit(one.id, by=BY, roles=frozenset(roles)))
        click.echo(f"{account.login} has {_roles(account)}.")


def _read(store: PlainStore) -> Accounts:
    accounts = Accounts(store)
    accounts.read()
    return accounts


def _of(accounts: Accounts, login: str) -> Account:
    account = accounts.by_login(login)
    if account is None:
        raise NotFound(f"There is no account {login!r}. These there are: flask --app app users list")
    return account


def _change(settings: Settings | None, login: str, what: str, change: Callable[[Accounts, Account], Account]) -> Account:
    with opened(settings) as (store, _in_force):
        accounts = _read(store)
        changed = change(accounts, _of(accounts, login))
        note_act(store, what, account_id=changed.id, login=changed.login, roles=sorted(changed.roles))
    return changed


def _tell(settings: Settings, account: Account, token: str) -> None:
    base = settings.public_url.rstrip("/") or f"http://localhost:{settings.flask_port}"
    click.echo(f"For {account.name} alone; good once, for seven days:\n  {base}/invitation#t={quote(token, safe='')}")


def _roles(account: Account) -> str:
    return ", ".join(sorted(account.roles)) or "no role"


def _row(account: Account) -> tuple[str, ...]:
    roles = ", ".join(sorted(account.all_roles)) or "-"
    last = iso_time(account.signed_in_at) if account.signed_in_at is not None else "-"
    return account.login, account.name, roles, account.state, last
