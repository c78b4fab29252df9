"""Lets the server of this DATA_DIR drain, `flask --app app drain`: no exam begins there, and those that run end or move to another server.

Waits until none runs there any more. `--off` takes it back; a restart does, too.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path

import click
from flask import Flask
from flask.cli import with_appcontext

from basics.errors import NotFound, ProctorError
from cluster.drain_note import LOOK_S, ask, is_asked, take_back, told
from settings.settings import Settings, load_settings

NOTICED_WITHIN_S = 15.0
STILL_RUN = 3  # the exit status where exams still run


def register(app: Flask, settings: Settings | None = None) -> None:
    """Give `app` the command. Without `settings` they are read when it runs."""

    @app.cli.command("drain", help="Begin no exams on this DATA_DIR's server, and wait until none runs there. Status 3: some still do.")
    @click.option("--wait", "wait_s", type=click.FloatRange(0, 86400), metavar="SECONDS", help="Wait so long at most; else DRAIN_S.")
    @click.option("--off", is_flag=True, help="Take it back: exams may begin there again.")
    @with_appcontext
    def command(wait_s: float | None, off: bool) -> None:
        try:
            in_force = settings or load_settings()
            if off:
                end(in_force.data_dir, click.echo)
                return
            left = drain(in_force.data_dir, in_force.drain_s if wait_s is None else wait_s, click.echo)
        except ProctorError as error:
            raise click.ClickException(error.message) from None
        if left:
            sys.exit(STILL_RUN)


def drain(data_dir: Path, wait_s: float, say: Callable[[str], object], *, noticed_s: float = NOTICED_WITHIN_S) -> int:
    """Let the server drain; return how many exams still run there after `wait_s`. Raise `NotFound` where none runs, `StorageError`."""
    ask(data_dir)
    begun, said = time.monotonic(), -1
    while True:
        now = told(data_dir)
        waited = time.monotonic() - begun
        if now is None and waited > noticed_s:
            take_back(data_dir)
            raise NotFound(f"No server answers that runs with DATA_DIR={data_dir}. Is it the server's own, and does it run?")
        if now is not None:
            if now.exams != said:
                said = now.exams
                say(
                    f"Exams that still run: {said}."
                    if said
                    else "No exam runs on this server, and none begins; --off takes that back, as a restart does."
                )
            if said == 0 or waited >= wait_s:
                return said
        time.sleep(LOOK_S)


def end(data_dir: Path, say: Callable[[str], object], *, noticed_s: float = NOTICED_WITHIN_S) -> None:
    """Let exams begin again. Raise `NotFound` where no server notices, `StorageError`."""
    if not is_asked(data_dir):
        say("Nobody has asked this server to drain.")
        return
    take_back(data_dir)
    begun = time.monotonic()
    while told(data_dir) is not None:
        if time.monotonic() - begun > noticed_s:
            raise NotFound(f"No server answers that runs with DATA_DIR={data_dir}; the next start does not drain.")
        time.sleep(LOOK_S)
    say("Exams may begin on this server.")
