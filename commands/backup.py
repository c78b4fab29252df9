"""Takes a backup while the server runs, `flask --app app backup DIR`, and puts one back where nothing is, `flask --app app restore DIR`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import click
from flask import Flask
from flask.cli import with_appcontext

from basics.errors import ProctorError
from records.backups import Taken, back_up, restore
from records.command_acts import note_act
from records.reader import stored
from records.stores import PlainStore
from settings.settings import Settings, load_settings


def register(app: Flask, settings: Settings | None = None) -> None:
    """Give `app` the commands. Without `settings` they are read when one runs."""

    @app.cli.command("backup", help="Back up database, clips and keys into a new folder, while the server runs.")
    @click.argument("folder", type=click.Path(path_type=Path))
    @with_appcontext
    def backup(folder: Path) -> None:
        _run("Backed up", "taken", back_up, settings, folder)

    @app.cli.command("restore", help="Put a backup back. The server must not run, and nothing may be where it goes.")
    @click.argument("folder", type=click.Path(path_type=Path))
    @with_appcontext
    def put_back(folder: Path) -> None:
        _run("Put back", "put back", restore, settings, folder)
        click.echo("Webhooks and Open edX are disabled: enable them on their pages where this server is the one that is to tell others what happens.")


def _run(done: str, said: str, act: Callable[[Settings, Path], Taken], settings: Settings | None, folder: Path) -> None:
    try:
        in_force = settings or load_settings()
        taken = act(in_force, folder.absolute())
        with stored(in_force) as database:
            note_act(PlainStore(database), f"backup: {said}", count=taken.documents)
    except ProctorError as error:
        raise click.ClickException(error.message) from None
    click.echo(f"{done}: {taken.documents} records, {taken.files} files, {taken.size / 1e6:.1f} MB")
