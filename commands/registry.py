"""The commands of `flask --app app …`: one list, from which a server's app and an app for a command alone are given theirs."""

from __future__ import annotations

import os
from collections.abc import Callable

from flask import Flask

from commands import api_token, audit, backup, drain, lti, openedx, rescore, retention, scrub, users, verify
from settings.settings import Settings

COMMANDS: tuple[Callable[[Flask, Settings | None], None], ...] = (
    audit.register,
    rescore.register,
    api_token.register,
    users.register,
    verify.register,
    backup.register,
    retention.register,
    scrub.register,
    drain.register,
    lti.register,
    openedx.register,
)

NAMES = frozenset({"audit", "rescore", "token", "users", "verify", "backup", "restore", "retention", "scrub", "drain", "lti", "openedx"})


def register(app: Flask, settings: Settings | None = None) -> None:
    """Give `app` every command. Without `settings` each reads them when it runs."""
    for command in COMMANDS:
        command(app, settings)


def command_app() -> Flask:
    """An app with the commands and nothing else: no database, no worker and no lock."""
    os.umask(0o077)  # as the server's own: what is written of students is for this system user alone
    app = Flask("proctor-commands")
    register(app)
    return app
