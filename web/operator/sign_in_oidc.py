"""Signing in at the institution's provider: the way there, and the way back."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
from typing import TYPE_CHECKING, cast

from cryptography.fernet import Fernet, InvalidToken
from flask import Blueprint, Flask, current_app, redirect, request, url_for
from flask.sansio.blueprints import BlueprintSetupState
from werkzeug.wrappers import Response as BaseResponse

from basics.errors import NotFound, ProctorError, Unauthorized
from basics.texts import _
from web.access.limits import RateLimit
from web.access.provider_people import account_of_claims
from web.calls.addresses import server_address
from web.landing import own_path
from web.operator.sign_in import let_in, login_page
from web.parts import parts, parts_of

if TYPE_CHECKING:
    from web.access.oidc import Provider

sign_in_oidc = Blueprint("sign_in_oidc", __name__, url_prefix="/login/oidc")

COOKIE = "proctor_sign_in"
WAY_S = 600  # at the provider, with a second factor there
TRIES, TRIES_WINDOW = 60, 60.0  # of one address: a whole university may be one
EXTENSION = "sign_in_oidc"


class _State:
    """What one app keeps: how often each address tried, and the key of what the browser carries to the provider and back."""

    def __init__(self, key: str) -> None:
        self.tries = RateLimit(TRIES, TRIES_WINDOW, _("Too many sign-ins were begun from this address."))
        self.seal = Fernet(base64.urlsafe_b64encode(hashlib.sha256(b"sign-in\0" + key.encode()).digest()))


@sign_in_oidc.record
def _set_up(state: BlueprintSetupState) -> None:
    state.app.extensions[EXTENSION] = _State(parts_of(cast(Flask, state.app)).access.secret_key)


@sign_in_oidc.get("")
def begin() -> BaseResponse:
    """Send the caller to the provider, with what shows on the way back that it was this browser."""
    wanted = own_path(request.args.get("next", ""))
    try:
        provider = _provider()
        _own().tries.take(request.remote_addr)
        way = {"state": secrets.token_urlsafe(24), "nonce": secrets.token_urlsafe(24), "verifier": secrets.token_urlsafe(48)}
        answer = redirect(provider.begin(_callback(), **way))
    except ProctorError as error:
        parts().sign_in.note_failed("", request.remote_addr, how="oidc", reason=error.message)
        return login_page(wanted, error)
    sealed = _own().seal.encrypt(json.dumps(way | {"next": wanted}).encode()).decode()
    secure = parts().access.is_secure(request)
    answer.set_cookie(COOKIE, sealed, max_age=WAY_S, httponly=True, samesite="Lax", secure=secure, path=url_for("sign_in_oidc.begin"))
    return answer


@sign_in_oidc.get("/callback")
def back() -> BaseResponse:
    """Take what the provider sends back, and log in whom it names."""
    wanted = url_for("pages.dashboard")
    try:
        provider = _provider()
        _own().tries.take(request.remote_addr)
        way = _way()
        wanted = way["next"]
        _check_answer(provider, way["state"])
        claims = provider.finish(_callback(), request.args["code"], nonce=way["nonce"], verifier=way["verifier"])
        parts().people.ready()
        settings, groups = parts().settings, provider.groups_of(claims)
        account = account_of_claims(
            parts().people.accounts, claims, groups, settings.group_roles(), provider.issuer, join_claim=settings.oidc_join_claim
        )
        parts().people.changed()  # a role that a group gave may be gone: other logins of this person watch no longer by it
        answer = let_in(account, "oidc", wanted)
    except ProctorError as error:
        parts().sign_in.note_failed("", request.remote_addr, how="oidc", reason=error.message)
        answer = login_page(wanted, error)
    answer.delete_cookie(COOKIE, path=url_for("sign_in_oidc.begin"))
    return answer


def _way() -> dict[str, str]:
    try:
        way: dict[str, str] = json.loads(_own().seal.decrypt(request.cookies.get(COOKIE, "").encode(), ttl=WAY_S))
    except (InvalidToken, ValueError):
        raise Unauthorized(_("This sign-in was not begun in this browser, or more than ten minutes ago. Begin again.")) from None
    return way


def _check_answer(provider: Provider, state: str) -> None:
    given = request.args
    if not hmac.compare_digest(given.get("state", "").encode("utf-8", "replace"), state.encode()):
        raise Unauthorized(_("This answer belongs to another sign-in. Begin again."))
    if given.get("iss", provider.issuer).rstrip("/") != provider.issuer:  # RFC 9207
        raise Unauthorized(_("This answer comes from another provider. Begin again."))
    if "error" in given or not given.get("code"):
        why = "".join(one for one in given.get("error", "no code")[:80] if one.isalnum() or one in "_ -")
        raise Unauthorized(_("The provider did not let you in (%(why)s). Begin again, or ask your institution.", why=why))


def _provider() -> Provider:
    provider = parts().provider
    if provider is None:
        raise NotFound(_("This server has no sign-in through an institution (OIDC_ISSUER)."))
    return provider


def _callback() -> str:
    return f"{server_address(request)}/login/oidc/callback"


def _own() -> _State:
    state: _State = current_app.extensions[EXTENSION]
    return state
