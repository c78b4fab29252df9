"""Learning platforms: registered once, found by issuer and client, and never mixed up."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from basics.errors import Conflict, InvalidInput
from database import Database
from records.lti_registrations import DEPLOYMENTS_FOR, DEPLOYMENTS_MAX, LtiRegistrations, UnknownPlatform, is_at_issuer

CANVAS = "https://canvas.instructure.com"
CANVAS_TOKEN = "https://sso.canvaslms.com/login/oauth2/token"


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def platform(**other: Any) -> dict[str, Any]:
    urls = {name: f"https://lms.example/{name}" for name in ("auth_login_url", "auth_token_url", "key_set_url")}
    return {"name": "The LMS", "issuer": "https://lms.example", "client_id": "c-1", **urls, **other}


def test_a_platform_is_found_by_its_issuer_and_client(database: Database) -> None:
    registrations = LtiRegistrations(database)
    made = registrations.add(**platform(deployments=["1", "2", "1"]))
    assert len(made.registration_id) == 16
    assert made.deployments == ("1", "2")
    assert registrations.get(made.registration_id) == made
    assert registrations.find("https://lms.example", "c-1") == made
    assert registrations.find("https://lms.example", None) == made
    for issuer, client in (("https://lms.example", "c-2"), ("https://other.example", "c-1"), ("https://lms.example/", None)):
        with pytest.raises(UnknownPlatform, match=r"not registered.*administrator of this server") as refused:
            registrations.find(issuer, client)
        assert "None" not in refused.value.message
    with pytest.raises(Conflict, match="registered already"):
        registrations.add(**platform(name="again"))


def test_two_tenants_of_one_issuer_are_told_apart_by_their_client_only(database: Database) -> None:
    registrations = LtiRegistrations(database)
    here, there = (registrations.add(**platform(name=one, issuer=CANVAS, client_id=one, auth_token_url=CANVAS_TOKEN)) for one in ("here", "there"))
    assert [registrations.find(CANVAS, one) for one in ("here", "there")] == [here, there]
    with pytest.raises(UnknownPlatform, match="does not say which"):
        registrations.find(CANVAS, None)
    with pytest.raises(Conflict):
        registrations.change(there.registration_id, client_id="here")
    assert registrations.find(CANVAS, "there") == there


def test_a_change_of_another_server_is_known_within_seconds(database: Database) -> None:
    clock = Clock()
    registrations, other = LtiRegistrations(database, clock), LtiRegistrations(database)
    made = registrations.add(**platform())
    assert registrations.get(made.registration_id).enabled
    other.change(made.registration_id, enabled=False)
    clock.now += 6
    assert not registrations.get(made.registration_id).enabled
    other.remove(made.registration_id)
    clock.now += 6
    with pytest.raises(UnknownPlatform):
        registrations.get(made.registration_id)
    assert registrations.all() == []
    with pytest.raises(UnknownPlatform):
        registrations.change(made.registration_id, name="gone")


def test_a_deployment_is_taken_at_a_launch_only_where_that_is_allowed(database: Database) -> None:
    registrations = LtiRegistrations(database)
    made = registrations.add(**platform())
    with pytest.raises(UnknownPlatform, match="deployment"):
        registrations.take_deployment(made.registration_id, "d")
    registrations.change(made.registration_id, accepts_deployments=True, deployments=[str(number) for number in range(DEPLOYMENTS_MAX - 1)])
    assert registrations.take_deployment(made.registration_id, "d").deployments[-1] == "d"
    with pytest.raises(UnknownPlatform):
        registrations.take_deployment(made.registration_id, "one too many")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", " "),
        ("name", "a\nb"),
        ("client_id", "x" * 256),
        ("issuer", "http://lms.example"),
        ("key_set_url", "file:///etc/passwd"),
        ("auth_login_url", "https://ann:secret@lms.example/"),
        ("auth_login_url", "https://lms.example/#x"),
        ("auth_token_url", "javascript:alert(1)"),
        ("auth_token_url", "https://lms.example:no/"),
        ("deployments", ["d"] * 2 + ["x" * 300]),
    ],
)
def test_what_is_no_registration_is_refused(database: Database, field: str, value: Any) -> None:
    with pytest.raises(InvalidInput) as refused:
        LtiRegistrations(database).add(**platform(**{field: value}))
    assert refused.value.field == field


def test_a_platform_on_this_machine_may_speak_plain_http(database: Database) -> None:
    urls = {"issuer": "http://127.0.0.1:8000", "auth_token_url": "http://127.0.0.1:8000/token", "key_set_url": "http://localhost:8000/keys"}
    assert LtiRegistrations(database).add(**platform(**urls))


def test_what_the_common_key_signs_goes_to_the_issuer_alone_and_names_no_other_platforms_client(database: Database) -> None:
    registrations = LtiRegistrations(database)
    registrations.add(**platform())
    evil = platform(issuer="https://evil.example", client_id="c-2", auth_token_url="https://evil.example/token")
    for field in ("auth_token_url", "audience"):
        with pytest.raises(InvalidInput, match="keys of its own") as refused:
            registrations.add(**{**evil, field: "https://lms.example/auth_token_url"})
        assert refused.value.field == field
    with pytest.raises(Conflict, match="client is called"):
        registrations.add(**{**evil, "client_id": "c-1"})
    made = registrations.add(**evil)
    with pytest.raises(Conflict):
        registrations.change(made.registration_id, client_id="c-1")
    with pytest.raises(InvalidInput):
        registrations.change(made.registration_id, audience="https://lms.example/auth_token_url")
    own = registrations.change(made.registration_id, own_keys=True, client_id="c-1", audience="https://lms.example/auth_token_url")
    assert own.keys_of == made.registration_id
    with pytest.raises(InvalidInput):
        registrations.change(made.registration_id, own_keys=False)


@pytest.mark.parametrize(
    ("issuer", "address", "is_there"),
    [
        ("https://lms.example", "https://lms.example:8443/token", True),
        ("https://blackboard.com", "https://developer.blackboard.com/api", True),
        (CANVAS, CANVAS_TOKEN, True),
        ("https://lms.example", CANVAS_TOKEN, False),
        (CANVAS, "https://notcanvaslms.com/", False),
        ("https://lms.example", "https://evil-lms.example/", False),
        ("https://lms.example", "https://lms.example.evil.example/", False),
        ("https://lms.example", "lms.example", False),
    ],
)
def test_what_is_at_an_issuers_host(issuer: str, address: str, is_there: bool) -> None:
    assert is_at_issuer(issuer, address) is is_there


def test_deployments_are_taken_for_a_month_and_anew_where_that_is_said_again(database: Database) -> None:
    today = [datetime(2026, 3, 1, tzinfo=timezone.utc)]
    registrations = LtiRegistrations(database, now=lambda: today[0])
    made = registrations.add(**platform(accepts_deployments=True))
    assert registrations.take_deployment(made.registration_id, "d").deployments == ("d",)
    registrations.change(made.registration_id, accepts_deployments=True)
    today[0] += DEPLOYMENTS_FOR + timedelta(seconds=1)
    assert not registrations.get(made.registration_id).takes_deployments(today[0]), "a month from the first"
    with pytest.raises(UnknownPlatform):
        registrations.take_deployment(made.registration_id, "e")
    registrations.change(made.registration_id, accepts_deployments=True)
    assert registrations.take_deployment(made.registration_id, "e").deployments == ("d", "e")
