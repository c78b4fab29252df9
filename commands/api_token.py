"""Tokens for scripts: `flask --app app token add|list|revoke`, and by itself a line for .env with a token that may everything."""

from __future__ import annotations

import hashlib
import secrets

import click
from flask import Flask
from flask.cli import with_appcontext

from basics.times import iso_time
from commands.users import BY, opened
from records.api_tokens import SCOPES, ApiToken, ApiTokens
from records.command_acts import note_act
from records.stores import PlainStore
from settings.settings import Settings

TOKEN_BYTES = 32


def register(app: Flask, settings: Settings | None = None) -> None:
    """Give `app` the commands. Without `settings` they are read when one runs."""

    @app.cli.group("token", invoke_without_command=True, help="Tokens for scripts: add, list, revoke. Alone: make one line for .env (API_TOKEN).")
    @click.pass_context
    def token(context: click.Context) -> None:
        if context.invoked_subcommand is not None:
            return
        made = secrets.token_urlsafe(TOKEN_BYTES)
        click.echo(f"In .env, and then start again:\n  API_TOKEN=sha256:{hashlib.sha256(made.encode()).hexdigest()}")
        click.echo(f"For the script, which sends it as `Authorization: Bearer …`; it stands nowhere else:\n  {made}")
        click.echo("It may everything. A token with a name and no more rights than needed is better: flask --app app token add --help")

    @token.command("add", help="Make a named token; what the script sends is printed this once.")
    @click.argument("name")
    @click.option("--scope", "scopes", multiple=True, required=True, type=click.Choice(SCOPES), help="May be given several times.")
    @click.option("--exam", "exams", multiple=True, metavar="ID", help="Only for this exam; may be given several times. Default: all.")
    @click.option("--days", type=click.IntRange(0, 731), default=90, show_default=True, help="Days until it ends; 0: it does not end by itself.")
    @with_appcontext
    def add(name: str, scopes: tuple[str, ...], exams: tuple[str, ...], days: int) -> None:
        with opened(settings) as (store, _in_force):
            tokens = _read(store)
            made, secret = tokens.add(name, frozenset(scopes), by=BY, exams=frozenset(exams) or None, days=days or None)
            note_act(store, "token: made", token_id=made.short, name=made.name, scopes=sorted(made.scopes), exams=sorted(exams))
            click.echo(f"For the script, which sends it as `Authorization: Bearer …`; it stands nowhere else:\n  {secret}")

    @token.command("list", help="Show the tokens, by name.")
    @with_appcontext
    def listed() -> None:
        with opened(settings) as (store, _in_force):
            found = _read(store).listed()
        if not found:
            click.echo("There is no token yet: flask --app app token add NAME --scope read")
        for one in found:
            click.echo(_line(one))

    @token.command("revoke", help="End a token by its name: scripts that send it are refused within seconds.")
    @click.argument("name")
    @with_appcontext
    def revoke(name: str) -> None:
        with opened(settings) as (store, _in_force):
            tokens = _read(store)
            found = next((one for one in tokens.listed() if name.casefold() in (one.name.casefold(), one.short)), None)
            revoked = tokens.revoke(found.short if found is not None else name)
            note_act(store, "token: revoked", token_id=revoked.short, name=revoked.name)
            click.echo(f"{revoked.name} is revoked.")


def _read(store: PlainStore) -> ApiTokens:
    tokens = ApiTokens(store)
    tokens.read()
    return tokens


def _line(token: ApiToken) -> str:
    exams = f"exams: {', '.join(sorted(token.exams))}" if token.exams is not None else "all exams"
    until = ("over" if token.is_over else f"until {iso_time(token.until)}") if token.until is not None else "no end"
    used = f"used {iso_time(token.used_at)} from {token.used_from}" if token.used_at is not None else "never used"
    return f"{token.name}: {', '.join(sorted(token.scopes))}; {exams}; {until}; {used}"
