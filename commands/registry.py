"""The commands of `flask --app app …`: one list, from which a server's app and an app for a command alone are given theirs."""

from __future__ import annotations

from collections.abc import Callable

from flask import Flask

from commands import audit, rescore, token
from settings.settings import Settings

COMMANDS: tuple[Callable[[Flask, Settings | None], None], ...] = (audit.register, rescore.register, token.register)


def register(app: Flask, settings: Settings | None = None) -> None:
    """Give `app` every command. Without `settings` each reads them when it runs."""
    for command in COMMANDS:
        command(app, settings)


def command_app() -> Flask:
    """An app with the commands and nothing else: no database, no worker and no lock."""
    app = Flask("proctor-commands")
    register(app)
    return app
