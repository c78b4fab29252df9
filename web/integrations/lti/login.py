"""A launch's first step: a learning platform sends somebody, and we send them back there with what the launch will be known by."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from flask import Blueprint, Response, jsonify, request

from basics.errors import NotFound, ProctorError
from basics.texts import _, joined
from records.lti_registrations import Registration
from web.calls.addresses import server_address
from web.integrations.lti.choosing import is_choosing
from web.integrations.lti.cookies import State, browser_of, give_browser, is_framed, print_of
from web.integrations.lti.errors import ASK, Refused
from web.integrations.lti.refusals import refusal, window_page
from web.parts import parts

lti = Blueprint("lti", __name__, url_prefix="/lti")

GIVEN: Mapping[str, int] = {  # what begins a login, and the most characters of each
    "iss": 2000,
    "login_hint": 8000,
    "target_link_uri": 2000,
    "client_id": 255,
    "lti_message_hint": 8000,
    "lti_deployment_id": 255,
}
JWKS_S = 3600  # that a platform may keep our keys: a new one is published for a day before it signs


@lti.route("/login", methods=["GET", "POST"])
def login() -> Response:
    """Begin a launch from a learning platform (OpenID Connect's third-party initiated login): lead on to the platform, and to nowhere else."""
    given = {name: value[:most] for name, most in GIVEN.items() if (value := request.values.get(name))}
    registration_id = ""
    try:
        parts().lti.line.take(parts().lti.logins, request.remote_addr)
        for name, most in GIVEN.items():
            if len(request.values.get(name, "")) > most:
                raise Refused(joined(" ", [_("What your learning platform sent is too long."), ASK]), f"{name} of more than {most} characters")
        registration = known(given)
        registration_id = registration.registration_id
        if is_framed(request) and not is_choosing(given):
            return window_page(given)
        return _to_platform(registration, given)
    except ProctorError as error:
        return refusal(error, registration_id, given)


def known(given: Mapping[str, str]) -> Registration:
    """The registration of who begins a login. Raise `Refused`, `UnknownPlatform`, `StorageError`."""
    missing = [name for name in ("iss", "login_hint") if not given.get(name)]
    if missing:
        text = _("Your learning platform did not send all that begins a launch (%(missing)s).", missing=", ".join(missing))
        raise Refused(joined(" ", [text, ASK]), f"a login without {', '.join(missing)}")
    registration = parts().lti.registrations.find(given["iss"], given.get("client_id"))
    check_enabled(registration)
    return registration


def check_enabled(registration: Registration) -> None:
    """Raise `Refused` where an administrator has switched the platform off."""
    if not registration.enabled:
        raise Refused(_("Your learning platform is switched off here. Ask whoever runs this server."), "a registration that is switched off")


def _to_platform(registration: Registration, given: Mapping[str, str]) -> Response:
    browser, nonce = browser_of(request), secrets.token_urlsafe(24)
    state = parts().lti.states.sign(State(registration.registration_id, nonce, print_of(browser), given))
    asked = {
        "scope": "openid",
        "response_type": "id_token",
        "response_mode": "form_post",
        "prompt": "none",
        "client_id": registration.client_id,
        "redirect_uri": f"{server_address(request)}/lti/launch",
        "login_hint": given["login_hint"],
        **({"lti_message_hint": given["lti_message_hint"]} if "lti_message_hint" in given else {}),
        "state": state,
        "nonce": nonce,
    }
    address = registration.auth_login_url
    answer = Response(status=303, headers={"Location": f"{address}{'&' if '?' in address else '?'}{urlencode(asked)}"})
    give_browser(answer, request, browser, secure=parts().access.is_secure(request))
    return answer


@lti.get("/jwks")
def jwks() -> Response:
    """Show the keys by which this server signs what it sends to learning platforms."""
    return _shown(parts().lti.keys.public())


@lti.get("/jwks/<registration_id>")
def own_jwks(registration_id: str) -> Response:
    """Show the keys by which this server signs what it sends to one learning platform alone."""
    tool = parts().lti
    keys = tool.keys.public(registration_id, make=any(one.registration_id == registration_id for one in tool.registrations.all()))
    if not keys["keys"]:
        raise NotFound(_("There is no registration %(id)s.", id=repr(registration_id[:40])))
    return _shown(keys)


def _shown(keys: Mapping[str, Any]) -> Response:
    answer = jsonify(keys)
    answer.headers["Cache-Control"] = f"public, max-age={JWKS_S}"
    return answer
