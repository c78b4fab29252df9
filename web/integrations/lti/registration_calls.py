"""Administrators' calls and page on the learning platforms that are registered here, and what the platforms are to be told of this server."""

from __future__ import annotations

from typing import Annotated, Literal
from urllib.parse import quote

from flask import Blueprint, Response, render_template, request
from pydantic import AfterValidator, BaseModel, Field, StringConstraints

from basics.plain_text import one_line, printable
from basics.times import utc_now
from records.lti_accounts import end_platform
from records.lti_registrations import DEPLOYMENTS_MAX, FIELDS, KEPT, LONGEST, NAME_MAX, PATTERN_MAX, URL_MAX, Registration
from records.lti_waiting import LINK_FOR
from web.access.callers import signature
from web.calls.addresses import server_address
from web.calls.audit import note
from web.calls.bodies import Done, read_body, reply
from web.calls.openapi import describe
from web.calls.values import Time
from web.integrations.lti.choosing import CHOOSING
from web.operator.people_pages import for_people
from web.parts import parts

lti_registrations = Blueprint("lti_registrations", __name__)

API = "/api/integrations/lti"


def _line(most: int, least: int = 1) -> object:
    return StringConstraints(strip_whitespace=True, min_length=least, max_length=most)


Name = Annotated[str, _line(NAME_MAX), AfterValidator(printable), AfterValidator(one_line)]
Address = Annotated[str, _line(URL_MAX)]
Key = Annotated[str, _line(LONGEST), AfterValidator(printable), AfterValidator(one_line)]


class AddPlatform(BaseModel):
    """A learning platform, as its own administration shows it."""

    name: Name = Field(description="As administrators call it.")
    issuer: Address = Field(description="Its issuer or platform id.", examples=["https://moodle.uni.example"])
    client_id: Key = Field(description="The id that it gave this server.")
    auth_login_url: Address = Field(description="Its authentication request URL.")
    auth_token_url: Address = Field(description="Its access token URL.")
    key_set_url: Address = Field(description="Its public keyset URL.")
    audience: Annotated[str, _line(URL_MAX, 0)] = Field(default="", description="Of this server's own requests; empty: the access token URL.")
    deployments: list[Key] = Field(default=[], max_length=DEPLOYMENTS_MAX, description="Deployment ids.")
    accepts_deployments: bool = Field(default=False, description="For 30 days a deployment that is not known is added at its first launch.")
    course_pattern: Annotated[str, _line(PATTERN_MAX, 0)] = Field(default="", description="Put before a course's label, to make an exam's `course`.")
    own_keys: bool = Field(
        default=False,
        description="It was given `own_jwks` for our keys, in place of the address that all are told. Without it access token URL and audience are "
        "at the issuer's host or below it, and no other such platform's client has the same id.",
    )
    enabled: bool = True


class ChangePlatform(BaseModel):
    """What of it is to be another; what is left out stays."""

    name: Name | None = None
    issuer: Address | None = None
    client_id: Key | None = None
    auth_login_url: Address | None = None
    auth_token_url: Address | None = None
    key_set_url: Address | None = None
    audience: Annotated[str, _line(URL_MAX, 0)] | None = None
    deployments: list[Key] | None = Field(default=None, max_length=DEPLOYMENTS_MAX)
    accepts_deployments: bool | None = None
    course_pattern: Annotated[str, _line(PATTERN_MAX, 0)] | None = None
    own_keys: bool | None = None
    enabled: bool | None = Field(default=None, description="False: nobody comes from it any more.")


class PlatformShown(AddPlatform):
    """A registered platform."""

    registration_id: str
    created_at: Time | None
    accepts_until: Time | None = Field(description="Until when deployments that are not known are added: for 30 days.")
    own_jwks: str = Field(description="Our public keyset for this platform alone.")


class OwnAddresses(BaseModel):
    """What a platform is told of this server."""

    login: str = Field(description="Login initiation.")
    launch: str = Field(description="Target link and redirection.")
    deep_link: str = Field(description="Deep linking: the content selection URL.")
    jwks: str = Field(description="Public keyset.")
    register_at: str = Field(alias="register", description="Dynamic registration, for an administrator who is logged in.")


class PlatformList(BaseModel):
    """The registered platforms, by name."""

    registrations: list[PlatformShown]
    addresses: OwnAddresses


class PlatformAnswer(BaseModel):
    """One platform."""

    success: Literal[True] = True
    registration: PlatformShown


class RegistrationLink(BaseModel):
    """A link to register one platform, good once. It is shown this once."""

    success: Literal[True] = True
    url: str
    until: Time


class KeyRotated(BaseModel):
    """The next key is published."""

    success: Literal[True] = True
    signs_from: Time = Field(description="When this server begins to sign with it.")


@lti_registrations.get(API)
@describe(PlatformList, errors=(503,))
def listed() -> Response:
    """List the learning platforms that are registered, and the addresses of this server that they are told."""
    return reply(PlatformList(registrations=[_shown(one) for one in parts().lti.registrations.all()], addresses=_addresses()))


@lti_registrations.post(API)
@describe(PlatformAnswer, body=AddPlatform, errors=(409, 503))
def add() -> Response:
    """Register a learning platform by hand. 409 where its client is registered already."""
    made = parts().lti.registrations.add(**read_body(request, AddPlatform).model_dump())
    _note("lti: registered", made)
    return reply(PlatformAnswer(registration=_shown(made)))


@lti_registrations.patch(f"{API}/<registration_id>")
@describe(PlatformAnswer, body=ChangePlatform, errors=(404, 409, 503))
def change(registration_id: str) -> Response:
    """Change a registration. Disabled, nobody comes from the platform any more and its people's logins end; what they did stays."""
    fields = read_body(request, ChangePlatform).model_dump(exclude_none=True)
    changed = parts().lti.registrations.change(registration_id, **fields)
    if not changed.enabled:
        end_logins(registration_id)
    _note("lti: changed", changed, fields=sorted(fields))
    return reply(PlatformAnswer(registration=_shown(changed)))


@lti_registrations.delete(f"{API}/<registration_id>")
@describe(Done, errors=(404, 503))
def remove(registration_id: str) -> Response:
    """Remove a registration: nobody comes from the platform any more, its people's logins end, and nothing is asked of it.

    Its courses lead to no exam any more; exams, accounts and sessions stay.
    """
    removed = parts().lti.registrations.remove(registration_id)
    parts().lti_courses.forget_platform(registration_id)
    parts().lti.links.forget_platform(registration_id)
    end_logins(registration_id)
    parts().lti.keys.forget(registration_id)
    _note("lti: removed", removed)
    return reply(Done())


@lti_registrations.post(f"{API}/link")
@describe(RegistrationLink, errors=(409, 503))
def make_link() -> Response:
    """Make a link by which one learning platform registers itself: for the platform's administrator, good once, for a day."""
    until = utc_now() + LINK_FOR
    secret = parts().lti_waiting.keep_link({"by": signature()})
    note("lti: registration link made", signature())
    return reply(RegistrationLink(url=f"{_addresses().register_at}?once={quote(secret, safe='')}", until=until))


@lti_registrations.post(f"{API}/key")
@describe(KeyRotated, errors=(409, 503))
def rotate_key() -> Response:
    """Make the next key by which this server signs to platforms. They read it for a day before it is used. 409 where one waits already.

    A platform that has keys of its own gets a next one when they are used or read next.
    """
    signs_from = parts().lti.keys.rotate()
    note("lti: key rotated", signature())
    return reply(KeyRotated(signs_from=signs_from))


@lti_registrations.get("/integrations")
def page() -> str:
    """Show administrators the learning platforms, and what to paste into one."""
    return render_template("integrations.html", active="integrations", addresses=_addresses(), **for_people())


def end_logins(registration_id: str) -> None:
    """End the logins of a platform's people, and what they may. Raise `StorageError`."""
    end_platform(parts().database, registration_id)
    parts().people.accounts.read()
    parts().people.changed()


def _addresses() -> OwnAddresses:
    at = f"{server_address(request)}/lti"
    return OwnAddresses.model_validate(
        {"login": f"{at}/login", "launch": f"{at}/launch", "deep_link": f"{at}/launch{CHOOSING}", "jwks": f"{at}/jwks", "register": f"{at}/register"}
    )


def _shown(one: Registration) -> PlatformShown:
    takes = one.takes_deployments(utc_now())
    fields = {name: getattr(one, name) for name in (*FIELDS, *KEPT)}
    fields |= {"deployments": list(one.deployments), "accepts_deployments": takes, "accepts_until": one.accepts_until if takes else None}
    return PlatformShown.model_validate({**fields, "own_jwks": f"{_addresses().jwks}/{one.registration_id}"})


def _note(what: str, one: Registration, **more: object) -> None:
    note(what, signature(), registration=one.registration_id, name=one.name, issuer=one.issuer, client_id=one.client_id, **more)
