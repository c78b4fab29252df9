"""Dynamic registration (LTI-DR 1.0): a platform's administrator pastes one address, and platform and server tell each other the rest.

Only for an administrator of ours: one who is logged in is asked first, since another site's page may lead here; or whoever brings a link that
one made, which is good once, for a day.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from flask import Blueprint, Response, g, make_response, render_template, request

from basics.errors import Forbidden, ProctorError, Unauthorized
from basics.texts import _
from records.lti_registrations import CANVAS, CANVAS_HOSTS, LONGEST, NAME_MAX, Registration, is_platform_url, new_id
from web.access.headers import content_security_policy
from web.calls.addresses import server_address
from web.calls.audit import note
from web.calls.errors import status_of, tell_when
from web.integrations.lti.choosing import CHOOSING
from web.integrations.lti.errors import reason_of
from web.integrations.lti.names_roles import SCOPE as NAMES_SCOPE
from web.integrations.lti.outward import Outward, away, wanted
from web.languages import said
from web.parts import parts

log = logging.getLogger(__name__)

lti_register = Blueprint("lti_register", __name__)

TOOL = "https://purl.imsglobal.org/spec/lti-tool-configuration"
PLATFORM = "https://purl.imsglobal.org/spec/lti-platform-configuration"
CONTROL_SCOPE = "https://purl.imsglobal.org/spec/lti-ap/scope/control.all"
LAUNCH, DEEP_LINK = "LtiResourceLinkRequest", "LtiDeepLinkingRequest"
PROCTORING = ("LtiStartProctoring", "LtiEndAssessment")
ENDPOINTS = ("authorization_endpoint", "token_endpoint", "jwks_uri", "registration_endpoint")
TOKEN_MAX = 10_000  # characters of a platform's registration token
ASK = "lti_register_ask"  # the part of the page with a button


@dataclass(frozen=True, slots=True)
class Asked:
    """What a platform sends an administrator here with."""

    configuration: str
    token: str

    @property
    def origin(self) -> str:
        """The site that may show our answer in a frame; empty: none."""
        if not is_platform_url(self.configuration):
            return ""
        parts_of = urlsplit(self.configuration)
        return f"{parts_of.scheme}://{parts_of.netloc}"


@lti_register.get("/lti/register")
def register() -> Response:
    """Register the learning platform that sent an administrator here: at once with a link that is good once, else after a question."""
    asked = _asked(request.args)
    try:
        _check(asked)
        once = request.args.get("once", "")
        if not once:
            _only_administrators()
            return _page(asked, ASK, host=urlsplit(asked.configuration).netloc)
        waiting = parts().lti_waiting.take("registration", once)
        if waiting is None:
            raise Forbidden(_("This link to register a learning platform was used already, or is more than a day old. Ask for a new one."))
        return _registered(asked, str(waiting.get("by", "")))
    except Unauthorized:
        raise  # a page leads to the login, and back
    except ProctorError as error:
        return _failed(asked, error)


@lti_register.post("/lti/register/confirm")
def confirm() -> Response:
    """Register it, after an administrator who is logged in said so."""
    asked = _asked(request.form)
    try:
        _check(asked)
        return _registered(asked, "proctor")
    except ProctorError as error:
        return _failed(asked, error)


def register_at(outward: Outward, asked: Asked, server: str, name: str, registration_id: str) -> dict[str, Any]:
    """Tell the platform of us; give the fields of its registration here, which is to have this id.

    Raise `ProviderAway` that says what it did not answer as it should.
    """
    config = wanted(outward.ask("GET", asked.configuration, {"Accept": "application/json"}))
    issuer = config.get("issuer")
    if not isinstance(issuer, str) or not _is_issuer_of(issuer, asked.configuration):
        raise away(_("its issuer %(issuer)s is of another host than its configuration", issuer=repr(str(issuer)[:200])))
    for endpoint in ENDPOINTS:
        if not isinstance(config.get(endpoint), str) or not is_platform_url(config[endpoint]):
            raise away(_("it does not say its %(name)s", name=endpoint))
    if not isinstance(wanted(outward.ask("GET", config["jwks_uri"], {"Accept": "application/json"})).get("keys"), list):
        raise away(_("its jwks_uri gives no keys"))  # and is an address that may be asked: launches read it
    platform = config.get(PLATFORM) if isinstance(config.get(PLATFORM), dict) else {}
    bearer = {"Authorization": f"Bearer {asked.token}"} if asked.token else {}
    headers = {"Content-Type": "application/json", "Accept": "application/json", **bearer}
    body = json.dumps(our_configuration(server, platform, name, registration_id)).encode()
    answer = wanted(outward.ask("POST", config["registration_endpoint"], headers, body))
    client_id = answer.get("client_id")
    if not isinstance(client_id, str) or not 0 < len(client_id) <= LONGEST:
        raise away(_("it gives no client_id"))
    tool = answer.get(TOOL) if isinstance(answer.get(TOOL), dict) else {}
    deployment, audience = tool.get("deployment_id"), config.get("authorization_server")
    deployments = [str(deployment)] if isinstance(deployment, str | int) and not isinstance(deployment, bool) and str(deployment) else []
    return {
        "name": _name(platform, issuer),
        "issuer": issuer,
        "client_id": client_id,
        "auth_login_url": config["authorization_endpoint"],
        "auth_token_url": config["token_endpoint"],
        "key_set_url": config["jwks_uri"],
        "audience": audience if isinstance(audience, str) else "",
        "own_keys": True,
        "registration_id": registration_id,
        "deployments": deployments,
        "accepts_deployments": not deployments,
    }


def our_configuration(server: str, platform: Mapping[str, Any], name: str, registration_id: str) -> dict[str, Any]:
    """What a platform is told of this server at `server`: of what it offers, that which we take; and where the keys for it alone are.

    What it says of its addresses and our client there is its own word, and may be another platform's: to that, what these keys sign is nothing.
    """
    offered = {one.get("type") for one in _list(platform.get("messages_supported")) if isinstance(one, dict)}
    launch = f"{server}/lti/launch"
    messages: list[dict[str, Any]] = [{"type": LAUNCH}, {"type": DEEP_LINK, "target_link_uri": f"{launch}{CHOOSING}", "label": name}]
    messages += [{"type": one, "target_link_uri": launch, "label": name} for one in PROCTORING if one in offered]
    scopes = [NAMES_SCOPE, *([CONTROL_SCOPE] if PROCTORING[0] in offered else [])]
    return {
        "application_type": "web",
        "response_types": ["id_token"],
        "grant_types": ["implicit", "client_credentials"],
        "initiate_login_uri": f"{server}/lti/login",
        "redirect_uris": [launch],
        "client_name": name,
        "jwks_uri": f"{server}/lti/jwks/{registration_id}",
        "token_endpoint_auth_method": "private_key_jwt",
        "scope": " ".join(scopes),
        TOOL: {
            "domain": urlsplit(server).netloc,
            "target_link_uri": launch,
            "claims": ["iss", "sub", "name", "given_name", "middle_name", "family_name", "email"],
            "messages": messages,
        },
    }


def framed(response: Response, origin: str, *, posts_on: bool = False) -> Response:
    """Let `origin` show this answer in a frame (empty: nobody), and keep who opened it within reach. `posts_on`: its form leads to another site."""
    g.may_be_framed = bool(origin)
    settings = parts().settings
    policy = content_security_policy(request.environ.get("HTTP_HOST", ""), settings.exam_url, parts().clips_from, framed_by=origin, posts_on=posts_on)
    response.headers["Content-Security-Policy"] = policy
    response.headers["Cross-Origin-Opener-Policy"] = "unsafe-none"
    return response


def _asked(given: Mapping[str, str]) -> Asked:
    return Asked(given.get("openid_configuration", "")[:4000], given.get("registration_token", "")[: TOKEN_MAX + 1])


def _check(asked: Asked) -> None:
    if not asked.origin:
        raise Forbidden(_("A learning platform comes here with the address of its configuration (openid_configuration), which begins with https://."))
    if len(asked.token) > TOKEN_MAX or not all(32 < ord(one) < 127 for one in asked.token):
        raise Forbidden(_("The platform's registration token can't be read."))


def _only_administrators() -> None:
    who = parts().access.caller_of(request)
    if who.kind == "nobody":
        raise Unauthorized(_("Log in as an administrator, or use a link that one made for this."))
    if not who.everywhere("server"):
        raise Forbidden(_("Only an administrator registers learning platforms. Ask one for a link that is good once."))


def _registered(asked: Asked, by: str) -> Response:
    lti, registration_id = parts().lti, new_id()
    lti.keys.signing(registration_id)  # the platform may read them at once
    try:
        fields = register_at(parts().platforms.outward, asked, server_address(request), said(_("Proctored exam")), registration_id)
        made: Registration = lti.registrations.add(**fields)
    except ProctorError:
        lti.keys.forget(registration_id)
        raise
    note("lti: registered", by, registration=made.registration_id, name=made.name, issuer=made.issuer, client_id=made.client_id)
    return _page(asked, "lti_register_done", name=made.name)


def _failed(asked: Asked, error: ProctorError) -> Response:
    told = request.remote_addr, asked.origin or "-", reason_of(error)
    log.warning("lti: a registration from %s, of %.200s, is refused: %s", *told, extra={"counted_as": "registrations"})
    response = _page(asked, "lti_register_failed", message=error.message)
    response.status_code = status_of(error)
    tell_when(response, error)
    return response


def _page(asked: Asked, part: str, **words: str) -> Response:
    """Whoever asks says who may frame the answer, so a page with a button on it is framed by nobody."""
    page = make_response(render_template("integrations_register.html", part=part, asked=asked, **words))
    return framed(page, "" if part == ASK else asked.origin)


def _is_issuer_of(issuer: str, configuration: str) -> bool:
    """May this issuer have its configuration there? The specification asks for the same host."""
    if not is_platform_url(issuer):
        return False
    mine, its = urlsplit(issuer), urlsplit(configuration)
    if mine.scheme == its.scheme and mine.netloc.casefold() == its.netloc.casefold():
        return True
    return mine.netloc in CANVAS and its.scheme == "https" and f".{its.netloc.casefold()}".endswith(CANVAS_HOSTS)


def _name(platform: Mapping[str, Any], issuer: str) -> str:
    family = platform.get("product_family_code")
    host = urlsplit(issuer).netloc
    return (f"{family} {host}" if isinstance(family, str) and family.isprintable() and family.strip() else host)[:NAME_MAX].strip()


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
