"""The calls on one's own account: password, second factor, and where one is logged in."""

from __future__ import annotations

from typing import Any, TypeVar

from flask import Blueprint, Response, request
from pydantic import BaseModel, Field

from basics.errors import Conflict, Forbidden, InvalidInput, NotFound
from basics.texts import _
from records.accounts import Account, digest
from web.access.callers import caller
from web.access.second_factor import address_of, new_recovery_codes, new_secret, picture_of, step_of
from web.access.sign_in import checked_password
from web.calls.audit import note
from web.calls.bodies import Done, read_body, reply
from web.calls.openapi import describe
from web.operator.people_schemas import LoginAnswer, Person, login_answer, person_of
from web.parts import parts

account = Blueprint("account", __name__, url_prefix="/api/account")


class WhoAmI(BaseModel):
    """Who calls, and what they may: `rights` somewhere at least. `person` is null for whoever has no account: the shared password, a token."""

    kind: str
    name: str
    rights: list[str]
    person: Person | None = None
    recovery_codes: int = Field(default=0, description="Recovery codes that are left.")
    has_password: bool = False


class Confirm(BaseModel):
    """One's own password, so that nobody changes an account in a browser that was left open."""

    password: str = Field(default="", max_length=1000)


Asked = TypeVar("Asked", bound=Confirm)


class ChangePassword(Confirm):
    """The password that stands, and the new one."""

    new_password: str = Field(min_length=1, max_length=1000)


class FactorOffered(BaseModel):
    """A secret for a telephone's app, as text, address and QR code (an SVG). It counts once a code of it was given."""

    secret: str
    address: str
    picture: str


class ConfirmFactor(Confirm):
    """The secret that was offered, and the code that the app shows now."""

    secret: str = Field(min_length=16, max_length=64, pattern=r"^[A-Z2-7]+$")
    code: str = Field(min_length=6, max_length=20)


class RecoveryCodes(BaseModel):
    """Codes of which each lets in once without the telephone; shown this once. Those made before are over."""

    codes: list[str]


class OwnLogins(BaseModel):
    """Where one is logged in, the login used last first."""

    logins: list[LoginAnswer]


@account.get("")
@describe(WhoAmI, errors=(503,))
def who_am_i() -> Response:
    """Show who calls, and what they may."""
    who = caller()
    answer = WhoAmI(kind=who.kind, name=who.name, rights=sorted(who.rights()))
    if who.signs:
        mine = _own()
        answer.person = person_of(mine, len(parts().people.logins.of_account(mine)))
        answer.recovery_codes, answer.has_password = mine.recovery, bool(mine.password)
    return reply(answer)


@account.post("/password")
@describe(Done, body=ChangePassword, errors=(409, 422, 429, 503))
def set_password() -> Response:
    """Change one's password. One's other logins end. 409 for an account that signs in through the institution."""
    mine, wanted = _confirmed(ChangePassword)
    hashed = checked_password(wanted.new_password)
    changed = parts().people.accounts.change(mine.id, password=hashed, invite=None)
    _end_others(changed)
    note("account: password set", mine.name, account_id=mine.id)
    return reply(Done())


@account.post("/second-factor")
@describe(FactorOffered, body=Confirm, errors=(409, 422, 429, 503))
def offer_factor() -> Response:
    """Offer a second factor. Nothing changes before a code of it is given."""
    mine, _wanted = _confirmed(Confirm)
    _check_no_factor(mine)
    secret = new_secret()
    address = address_of(secret, mine.login)
    return reply(FactorOffered(secret=secret, address=address, picture=picture_of(address)))


@account.post("/second-factor/confirm")
@describe(RecoveryCodes, body=ConfirmFactor, errors=(409, 422, 429, 503))
def confirm_factor() -> Response:
    """Take up a second factor that was offered, with the code that its app shows now. The answer has recovery codes."""
    mine, wanted = _confirmed(ConfirmFactor)
    _check_no_factor(mine)
    step = step_of(wanted.secret, wanted.code)
    if step is None:
        raise InvalidInput(
            _("That is not the code of this moment. Look whether the telephone's clock is right, and give the next one."), field="code"
        )
    codes = new_recovery_codes()
    sealed = parts().sign_in.seal.seal(wanted.secret)
    changed = parts().people.accounts.change(mine.id, totp=sealed, totp_last=step, recovery=[digest(code) for code in codes])
    _end_others(changed)
    note("account: second factor set", mine.name, account_id=mine.id)
    return reply(RecoveryCodes(codes=codes))


@account.post("/second-factor/remove")
@describe(Done, body=Confirm, errors=(422, 429, 503))
def remove_factor() -> Response:
    """Go on without a second factor."""
    mine, _wanted = _confirmed(Confirm, local=False)
    parts().people.accounts.change(mine.id, totp="", totp_last=0, recovery=[])
    note("account: second factor removed", mine.name, account_id=mine.id)
    return reply(Done())


@account.post("/recovery-codes")
@describe(RecoveryCodes, body=Confirm, errors=(409, 422, 429, 503))
def renew_recovery_codes() -> Response:
    """Make new recovery codes; those made before are over."""
    mine, _wanted = _confirmed(Confirm, local=False)
    if not mine.totp:
        raise Conflict(_("There is no second factor that could be lost."))
    codes = new_recovery_codes()
    parts().people.accounts.change(mine.id, recovery=[digest(code) for code in codes])
    note("account: recovery codes made", mine.name, account_id=mine.id)
    return reply(RecoveryCodes(codes=codes))


@account.get("/logins")
@describe(OwnLogins, errors=(503,))
def logins() -> Response:
    """List where one is logged in."""
    present = caller().login_id
    return reply(OwnLogins(logins=[login_answer(login, present) for login in parts().people.logins.of_account(_own())]))


@account.delete("/logins/<login_id>")
@describe(Done, errors=(404, 503))
def end_login(login_id: str) -> Response:
    """End one of one's logins, at once."""
    found = next((login for login in parts().people.logins.of_account(_own()) if login.short == login_id), None)
    if found is None:
        raise NotFound(_("You have no such login; it may have ended."), field="login_id")
    parts().people.logins.end(found.id)
    parts().people.changed()
    note("account: login ended", caller().name, from_address=found.address)
    return reply(Done())


@account.delete("/logins")
@describe(Done, errors=(503,))
def end_logins() -> Response:
    """End all of one's logins but the one that asks, at once."""
    _end_others(_own())
    note("account: other logins ended", caller().name)
    return reply(Done())


def _own() -> Account:
    """The account of whoever calls. Raise `Forbidden` for callers without one."""
    found = parts().people.accounts.by_id(caller().account_id or "")
    if found is None:
        raise Forbidden(_("This is for people with an account of their own. The shared password and tokens have none."))
    return found


def _confirmed(body: type[Asked], *, local: bool = True) -> tuple[Account, Asked]:
    """The caller's account and the body, once its password is right; `local`: raise `Conflict` where password and factor are the institution's."""
    mine, wanted = _own(), read_body(request, body)
    if local and (mine.single_sign_on or not mine.password):
        raise Conflict(_("You sign in through your institution: password and second factor are set there."))
    parts().sign_in.check_own_password(mine, wanted.password, request.remote_addr)
    return mine, wanted


def _check_no_factor(mine: Account) -> None:
    if mine.totp:
        raise Conflict(_("There is a second factor already. Remove it first."))


def _end_others(mine: Account) -> None:
    present: Any = caller().login_id
    for login in parts().people.logins.of_account(mine):
        if login.id != present:
            parts().people.logins.end(login.id)
    parts().people.changed()
