"""Open edX installations from the server's own machine: `flask --app app openedx list|add|secret|remove`. A running server notices within seconds."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import click
from flask import Flask
from flask.cli import with_appcontext

from commands.users import BY, opened
from records.command_acts import note_act
from records.edx_attempts import forget_attempts
from records.edx_exams import EdxExams
from records.edx_installations import Installations
from records.lti_accounts import end_platform
from records.lti_links import LtiLinks
from records.server_key import find_key
from records.stores import PlainStore
from settings.settings import Settings


def register(app: Flask, settings: Settings | None = None) -> None:
    """Give `app` the commands. Without `settings` they are read when one runs."""

    @app.cli.group("openedx", help="Open edX by its REST proctoring backend: list, add, secret, remove.")
    def openedx() -> None:
        """The group of the commands."""

    @openedx.command("list", help="Show the registered installations, by name.")
    @with_appcontext
    def listed() -> None:
        with _installations(settings) as (_store, installations, _in_force):
            found = installations.all()
        if not found:
            click.echo("No Open edX is registered yet: flask --app app openedx add --help")
        for one in found:
            state = ("; onboarding comes first" if one.onboarding else "") + ("" if one.enabled else "; disabled")
            click.echo(f"{one.id}  {one.name}: {one.lms_url}, as {one.lms_client_id} there{state}")

    @openedx.command("add", help="Register one; print what its configuration needs. The secret is shown this once.")
    @click.argument("name")
    @click.option("--lms-url", required=True, help="Its LMS, an https:// address.")
    @click.option("--lms-client-id", required=True, help="Of the OAuth 2 application that was made for this server there.")
    @click.option("--lms-client-secret", prompt=True, hide_input=True, help="Of the same; asked for where it is left out.")
    @click.option("--onboarding", is_flag=True, help="An onboarding exam that a person has concluded without a finding comes first.")
    @with_appcontext
    def add(name: str, lms_url: str, lms_client_id: str, lms_client_secret: str, onboarding: bool) -> None:
        with _installations(settings) as (store, installations, in_force):
            made, secret = installations.add(name, lms_url, lms_client_id, lms_client_secret, by=BY, onboarding=onboarding)
            note_act(store, "openedx: registered", installation=made.id, name=made.name)
            click.echo(f"{made.name} is registered. For its PROCTORING_BACKENDS; the secret is shown this once:")
            base = in_force.public_url.rstrip("/") or f"http://localhost:{in_force.flask_port}"
            click.echo(f"  base_url: {base}/openedx\n  client_id: {made.id}\n  client_secret: {secret}")

    @openedx.command("secret", help="Give one, by its client id here, a new secret. The one before is good beside it for 24 hours.")
    @click.argument("client_id")
    @with_appcontext
    def secret(client_id: str) -> None:
        with _installations(settings) as (store, installations, _in_force):
            changed, new = installations.rotate(client_id)
            note_act(store, "openedx: secret made", installation=changed.id, name=changed.name)
            click.echo(f"The new secret of {changed.name}, shown this once: {new}")

    @openedx.command("remove", help="Forget one by its client id here: it may ask nothing more, and is told nothing.")
    @click.argument("client_id")
    @click.confirmation_option(prompt="It may ask nothing more, and is told nothing of what people conclude. Remove it?")
    @with_appcontext
    def remove(client_id: str) -> None:
        with _installations(settings) as (store, installations, _in_force):
            removed = installations.remove(client_id)
            EdxExams(store).forget_installation(client_id)
            forget_attempts(store, client_id)
            LtiLinks(store).forget_platform(client_id)
            end_platform(store, client_id)
            note_act(store, "openedx: removed", installation=removed.id, name=removed.name)
            click.echo(f"{removed.name} is removed.")


@contextmanager
def _installations(settings: Settings | None) -> Iterator[tuple[PlainStore, Installations, Settings]]:
    with opened(settings) as (store, in_force):
        yield store, Installations(store, find_key(in_force)), in_force
