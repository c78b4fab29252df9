"""Makes a token for scripts, and the fingerprint that is all the server needs of it: `flask --app app token`."""

from __future__ import annotations

import hashlib
import secrets

import click
from flask import Flask

from settings.settings import Settings

TOKEN_BYTES = 32


def register(app: Flask, _settings: Settings | None = None) -> None:
    """Give `app` the command."""

    @app.cli.command("token", help="Make an API token: one line for .env, and the token itself, which is shown this once.")
    def token() -> None:
        made = secrets.token_urlsafe(TOKEN_BYTES)
        click.echo(f"In .env, and then start again:\n  API_TOKEN=sha256:{hashlib.sha256(made.encode()).hexdigest()}")
        click.echo(f"For the script, which sends it as `Authorization: Bearer …`; it stands nowhere else:\n  {made}")
