"""Administrators' calls and page on the Open edX installations that are registered here, and what each was told."""

from __future__ import annotations

from typing import Annotated, Literal

from flask import Blueprint, Response, render_template, request
from pydantic import AfterValidator, BaseModel, Field, StringConstraints

from basics.errors import InvalidInput
from basics.plain_text import one_line, printable
from basics.texts import _
from basics.times import utc_now
from records.edx_attempts import forget_attempts
from records.edx_installations import CLIENT_MAX, INSTALLATIONS_MAX, NAME_MAX, SECRET_MAX, URL_MAX, Installation
from web.access.callers import signature
from web.calls.addresses import server_address
from web.calls.audit import note
from web.calls.bodies import Done, read_body, read_query, reply
from web.calls.openapi import describe
from web.calls.paging import next_after
from web.calls.values import Time
from web.integrations.hook_schemas import DeliveryAnswer, DeliveryList, DeliveryQuery, delivery_answer
from web.integrations.lti.registration_calls import end_logins
from web.integrations.openedx.telling import wanted_by
from web.operator.people_pages import for_people
from web.parts import parts

edx_installations = Blueprint("edx_installations", __name__)

API = "/api/integrations/openedx"


def _line(most: int) -> object:
    return StringConstraints(strip_whitespace=True, min_length=1, max_length=most)


Name = Annotated[str, _line(NAME_MAX), AfterValidator(printable), AfterValidator(one_line)]
Address = Annotated[str, _line(URL_MAX)]
Client = Annotated[str, _line(CLIENT_MAX), AfterValidator(printable), AfterValidator(one_line)]
Secret = Annotated[str, _line(SECRET_MAX), AfterValidator(printable), AfterValidator(one_line)]


class AddInstallation(BaseModel):
    """An Open edX whose exams are proctored here by edx-proctoring's REST backend."""

    name: Name = Field(description="As administrators call it.")
    lms_url: Address = Field(description="Its LMS.", examples=["https://courses.uni.example"])
    lms_client_id: Client = Field(description="Of the OAuth 2 application that was made for this server there.")
    lms_client_secret: Secret = Field(description="Of the same. It is shown nowhere here.")
    onboarding: bool = Field(
        default=False, description="Nobody takes a proctored exam before a person here has concluded an onboarding exam of theirs without a finding."
    )
    enabled: bool = True


class ChangeInstallation(BaseModel):
    """What of it is to be another; what is left out stays."""

    name: Name | None = None
    lms_url: Address | None = None
    lms_client_id: Client | None = None
    lms_client_secret: Secret | None = None
    onboarding: bool | None = None
    enabled: bool | None = Field(default=None, description="False: it may ask nothing, and what is to be told to it waits.")


class InstallationShown(BaseModel):
    """One that is registered."""

    installation_id: str = Field(description="Its client id here.")
    name: str
    lms_url: str
    lms_client_id: str
    onboarding: bool
    enabled: bool
    old_secret_until: Time | None = Field(description="Until when the secret from before the newest is good, too.")
    made_at: Time | None
    made_by: str


class InstallationList(BaseModel):
    """Those that are registered, by name; `base_url` is what each is told of this server."""

    installations: list[InstallationShown]
    most: int = INSTALLATIONS_MAX
    base_url: str


class InstallationAnswer(BaseModel):
    """One installation."""

    success: Literal[True] = True
    installation: InstallationShown


class InstallationMade(InstallationAnswer):
    """The installation, and the secret for its configuration: shown this once."""

    secret: str


@edx_installations.get(API)
@describe(InstallationList, errors=(503,))
def listed() -> Response:
    """List the Open edX installations that are registered, and the address that they are told."""
    return reply(InstallationList(installations=[_shown(one) for one in parts().openedx.installations.all()], base_url=_base_url()))


@edx_installations.post(API)
@describe(InstallationMade, body=AddInstallation, errors=(409, 503))
def add() -> Response:
    """Register an Open edX. The secret by which it shows itself is told this once."""
    made, secret = parts().openedx.installations.add(by=signature(), **read_body(request, AddInstallation).model_dump())
    _changed()
    note("openedx: registered", signature(), **_named(made))
    return reply(InstallationMade(installation=_shown(made), secret=secret))


@edx_installations.patch(f"{API}/<installation_id>")
@describe(InstallationAnswer, body=ChangeInstallation, errors=(404, 503))
def change(installation_id: str) -> Response:
    """Change an installation. Disabled, it may ask nothing, its teachers' logins end, and what is to be told to it waits."""
    fields = read_body(request, ChangeInstallation).model_dump(exclude_none=True)
    changed = parts().openedx.installations.change(installation_id, **fields)
    if not changed.enabled:
        end_logins(installation_id)
    elif fields.get("enabled"):
        parts().outbox.begin_again(installation_id)
    _changed()
    note("openedx: changed", signature(), **_named(changed), fields=sorted(fields))
    return reply(InstallationAnswer(installation=_shown(changed)))


@edx_installations.delete(f"{API}/<installation_id>")
@describe(Done, errors=(404, 503))
def remove(installation_id: str) -> Response:
    """Remove an installation: it may ask nothing more, and is told nothing. Exams, accounts and sessions stay."""
    removed = parts().openedx.installations.remove(installation_id)
    parts().openedx.exams.forget_installation(installation_id)
    forget_attempts(parts().database, installation_id)
    parts().lti.links.forget_platform(installation_id)
    end_logins(installation_id)
    _changed()
    note("openedx: removed", signature(), **_named(removed))
    return reply(Done())


@edx_installations.post(f"{API}/<installation_id>/secret")
@describe(InstallationMade, errors=(404, 409, 503))
def make_secret(installation_id: str) -> Response:
    """Give an installation a new secret, told this once. The one before is good beside it for 24 hours."""
    changed, secret = parts().openedx.installations.rotate(installation_id)
    note("openedx: secret made", signature(), **_named(changed))
    return reply(InstallationMade(installation=_shown(changed), secret=secret))


@edx_installations.get(f"{API}/<installation_id>/deliveries")
@describe(DeliveryList, query=DeliveryQuery, errors=(404, 422, 503))
def deliveries(installation_id: str) -> Response:
    """List what an installation was told and is still to be told, newest first."""
    query = read_query(request, DeliveryQuery)
    one = parts().openedx.installations.get(installation_id)
    found = parts().outbox.listed(one.id, query.limit + 1, query.after, query.state)
    shown = [delivery_answer(row) for row in found[: query.limit]]
    return reply(DeliveryList(deliveries=shown, count=len(shown), next_after=next_after(found, query.limit)))


@edx_installations.post(f"{API}/<installation_id>/deliveries/<delivery_id>/resend")
@describe(DeliveryAnswer, errors=(404, 422, 503))
def resend(installation_id: str, delivery_id: str) -> Response:
    """Tell it again, as it is known now: three tries at most. 422 where it is switched off."""
    one = parts().openedx.installations.get(installation_id)
    if not one.enabled:
        raise InvalidInput(_("This Open edX is switched off. Switch it on first."), field="enabled")
    row = parts().outbox.resend(wanted_by(one), delivery_id)
    _changed()
    note("openedx: sent again", signature(), **_named(one), kind=str(row.get("type")))
    return reply(DeliveryAnswer(delivery=delivery_answer(row)))


@edx_installations.get("/integrations/openedx")
def page() -> str:
    """Show administrators the Open edX installations, and what to paste into one."""
    return render_template("openedx.html", active="integrations", base_url=_base_url(), **for_people())


def _base_url() -> str:
    return f"{server_address(request)}/openedx"


def _shown(one: Installation) -> InstallationShown:
    names = ("name", "lms_url", "lms_client_id", "onboarding", "enabled", "made_at", "made_by")
    until = one.old_secret_until
    old = until if until is not None and until > utc_now() else None
    return InstallationShown.model_validate({name: getattr(one, name) for name in names} | {"installation_id": one.id, "old_secret_until": old})


def _named(one: Installation) -> dict[str, str]:
    return {"installation": one.id, "name": one.name}


def _changed() -> None:
    if (sender := parts().hook_sender) is not None:
        sender.wake()
