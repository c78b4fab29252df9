"""Learning platforms from the server's own machine: `flask --app app lti list|add|remove|link|rotate`. A running server notices within seconds."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import quote

import click
from flask import Flask
from flask.cli import with_appcontext

from basics.times import iso_time
from commands.users import BY, opened
from records.command_acts import note_act
from records.lti_accounts import end_platform
from records.lti_courses import LtiCourses
from records.lti_keys import LtiKeys
from records.lti_links import LtiLinks
from records.lti_registrations import LtiRegistrations
from records.lti_waiting import LtiWaiting
from records.server_key import find_key
from records.stores import PlainStore
from settings.settings import Settings


def register(app: Flask, settings: Settings | None = None) -> None:
    """Give `app` the commands. Without `settings` they are read when one runs."""

    @app.cli.group("lti", help="Learning platforms (LTI 1.3): list, add, remove, link, rotate.")
    def lti() -> None:
        """The group of the commands."""

    @lti.command("list", help="Show the registered platforms, by name.")
    @with_appcontext
    def listed() -> None:
        with _registrations(settings) as (_store, registrations, _in_force):
            found = registrations.all()
        if not found:
            click.echo("No learning platform is registered yet: flask --app app lti link, or lti add --help")
        for one in found:
            state = "" if one.enabled else "; disabled"
            click.echo(
                f"{one.registration_id}  {one.name}: {one.issuer}, client {one.client_id}, deployments {', '.join(one.deployments) or '-'}{state}"
            )

    @lti.command("add", help="Register a platform by hand, with what its own administration shows.")
    @click.argument("name")
    @click.option("--issuer", required=True, help="Its issuer or platform id, an https:// address.")
    @click.option("--client-id", required=True, help="The id that it gave this server.")
    @click.option("--login-url", required=True, help="Its authentication request URL.")
    @click.option("--token-url", required=True, help="Its access token URL.")
    @click.option("--keys-url", required=True, help="Its public keyset URL.")
    @click.option("--audience", default="", help="Of this server's own requests. Default: the access token URL.")
    @click.option(
        "--deployment",
        "deployments",
        multiple=True,
        help="A deployment id; may be given several times. None: for 30 days each is taken at its first launch.",
    )
    @click.option("--own-keys", is_flag=True, help="Sign for it by keys of its own, whose address is printed, in place of /lti/jwks.")
    @with_appcontext
    def add(
        name: str,
        issuer: str,
        client_id: str,
        login_url: str,
        token_url: str,
        keys_url: str,
        audience: str,
        deployments: tuple[str, ...],
        own_keys: bool,
    ) -> None:
        urls: dict[str, Any] = {"auth_login_url": login_url, "auth_token_url": token_url, "key_set_url": keys_url}
        more: dict[str, Any] = {"deployments": deployments, "accepts_deployments": not deployments, "own_keys": own_keys}
        with _registrations(settings) as (store, registrations, in_force):
            made = registrations.add(name=name, issuer=issuer, client_id=client_id, audience=audience, **urls, **more)
            note_act(store, "lti: registered", registration=made.registration_id, name=made.name, issuer=made.issuer, client_id=made.client_id)
            click.echo(f"{made.name} is registered, as {made.registration_id}.")
            if made.own_keys:
                click.echo(f"Its key set URL there: {_address(in_force)}/lti/jwks/{made.registration_id}")

    @lti.command("remove", help="Forget a platform by its id here: nobody comes from it any more.")
    @click.argument("registration_id")
    @click.confirmation_option(prompt="Nobody will come from this platform any more. Remove it?")
    @with_appcontext
    def remove(registration_id: str) -> None:
        with _registrations(settings) as (store, registrations, in_force):
            removed = registrations.remove(registration_id)
            LtiCourses(store).forget_platform(registration_id)
            LtiLinks(store).forget_platform(registration_id)
            end_platform(store, registration_id)
            LtiKeys(store, find_key(in_force)).forget(registration_id)
            note_act(store, "lti: removed", registration=registration_id, name=removed.name, issuer=removed.issuer, client_id=removed.client_id)
            click.echo(f"{removed.name} is removed.")

    @lti.command("link", help="Print a link by which one platform registers itself. It is good once, for a day.")
    @with_appcontext
    def link() -> None:
        with _registrations(settings) as (store, _registrations_of, in_force):
            secret = LtiWaiting(store).keep_link({"by": BY})
            note_act(store, "lti: registration link made")
            base = _address(in_force)
            click.echo(f"For the platform's administrator alone; good once, for a day:\n  {base}/lti/register?once={quote(secret, safe='')}")

    @lti.command("rotate", help="Make the next key for what this server signs. It is published for a day before it signs.")
    @with_appcontext
    def rotate() -> None:
        with _registrations(settings) as (store, _registrations_of, in_force):
            signs_from = LtiKeys(store, find_key(in_force)).rotate()
            note_act(store, "lti: key rotated")
            click.echo(f"The next key is published, and signs from {iso_time(signs_from)} on.")


def _address(in_force: Settings) -> str:
    return in_force.public_url.rstrip("/") or f"http://localhost:{in_force.flask_port}"


@contextmanager
def _registrations(settings: Settings | None) -> Iterator[tuple[PlainStore, LtiRegistrations, Settings]]:
    with opened(settings) as (store, in_force):
        yield store, LtiRegistrations(store), in_force
