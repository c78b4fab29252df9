"""The pages and calls at the door: the second factor's code, and invitations, by which a new account chooses its password."""

from __future__ import annotations

from flask import Blueprint, Response, render_template, request
from pydantic import BaseModel, Field
from werkzeug.wrappers import Response as BaseResponse

from basics.errors import ProctorError
from records.accounts import Account
from web.access.sign_in import checked_password
from web.calls.bodies import Done, read_body, reply
from web.calls.errors import status_of, tell_when
from web.calls.openapi import describe
from web.calls.values import Time
from web.landing import landing, own_path, redirect_to
from web.languages import said
from web.parts import parts

sign_in = Blueprint("sign_in", __name__)


class Invitation(BaseModel):
    """What the invitation's link carries."""

    token: str = Field(min_length=1, max_length=200)


class Invited(BaseModel):
    """Whom an invitation is for, and until when it is good."""

    login: str
    name: str
    until: Time | None


class AcceptInvitation(Invitation):
    """The invitation, and the password that is chosen."""

    password: str = Field(min_length=1, max_length=1000)


def let_in(account: Account, how: str, wanted: str) -> BaseResponse:
    """Log an account in, and go on to the page that was wanted. Raise `StorageError`."""
    answer = redirect_to(landing(wanted, account))
    _remember(account, how, answer)
    return answer


def _remember(account: Account, how: str, answer: BaseResponse) -> None:
    _login, cookie = parts().sign_in.begin(account, how, request.remote_addr, request.headers.get("User-Agent", ""))
    parts().access.give_login(request, answer, account.login, cookie, parts().settings.login_max_h * 3600)


def login_page(wanted: str, error: ProctorError | None = None, *, ticket: str = "", reason: str = "") -> Response:
    """The login; with a `ticket` the question for the second factor's code. `reason`: what else to say above it."""
    settings = parts().settings
    message, status = (said(error.message), status_of(error)) if error is not None else (reason, 401 if reason else 200)
    shown = {"next": wanted, "error": message, "portal_open": settings.is_portal_open, "ticket": ticket, "provider": settings.provider_name}
    shown |= {"accounts": bool(settings.provider_name) or parts().people.accounts.any}
    page = Response(render_template("login.html", **shown), status=status, mimetype="text/html")
    if error is not None:
        tell_when(page, error)
    return page


@sign_in.post("/login/code")
def code() -> BaseResponse:
    """Take the second factor's code; with the right one go on to the page that was wanted."""
    wanted, ticket = own_path(request.form.get("next", "")), request.form.get("ticket", "")
    try:
        known = request.cookies.get(parts().access.browser_cookie, "")
        account = parts().sign_in.by_code(ticket, request.form.get("code", "")[:100], request.remote_addr, known)
        return let_in(account, "password and code", wanted)
    except ProctorError as error:
        return login_page(wanted, error, ticket=ticket if parts().sign_in.is_half_way(ticket) else "")


@sign_in.get("/invitation")
def invitation() -> str:
    """Show where an invited person chooses a password. The page reads its token from the address's fragment, which never comes here."""
    return render_template("invitation.html")


@sign_in.post("/api/invitation")
@describe(Invited, body=Invitation, errors=(404, 429, 503))
def look_at_invitation() -> Response:
    """Show whom an invitation is for. It stays good."""
    parts().sign_in.invitations.take(request.remote_addr)
    parts().people.ready()
    account = parts().people.accounts.invited(read_body(request, Invitation).token)
    return reply(Invited(login=account.login, name=account.name, until=account.invited_until))


@sign_in.post("/api/invitation/accept")
@describe(Done, body=AcceptInvitation, errors=(404, 429, 503))
def accept_invitation() -> Response:
    """Choose a password by an invitation, which is used up, and log in. Logins made before end."""
    parts().sign_in.invitations.take(request.remote_addr)
    parts().people.ready()
    wanted = read_body(request, AcceptInvitation)
    parts().people.accounts.invited(wanted.token)  # said before the password is looked at
    account = parts().people.accounts.accept(wanted.token, checked_password(wanted.password))
    parts().people.changed()
    parts().sign_in.note("account: password set", account.name, request.remote_addr, account=account.id)
    answer = reply(Done())
    if not account.totp:  # whose second factor stands is asked for it at the login
        _remember(account, "invitation", answer)
    return answer
