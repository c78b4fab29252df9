"""Writes the embedded database's files anew, `flask --app app scrub`, so that nothing that was erased or deleted is left in them."""

from __future__ import annotations

import click
from flask import Flask
from flask.cli import with_appcontext

from basics.errors import ProctorError
from records.scrubbing import scrub
from settings.settings import Settings, load_settings


def register(app: Flask, settings: Settings | None = None) -> None:
    """Give `app` the command. Without `settings` they are read when it runs."""

    @app.cli.command("scrub", help="Write the embedded database's files anew, so that nothing erased is in them. The server must not run.")
    @with_appcontext
    def command() -> None:
        try:
            scrub(settings or load_settings(), click.echo)
        except ProctorError as error:
            raise click.ClickException(error.message) from None
        click.echo("Nothing that was erased or deleted is in the database's files any more.")
