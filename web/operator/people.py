"""The calls on people's accounts, for administrators, and on the tokens of scripts."""

from __future__ import annotations

from urllib.parse import quote

from flask import Blueprint, Response, request

from basics.errors import Conflict, InvalidInput
from basics.texts import _
from records.accounts import Account, Accounts
from records.lti_accounts import MADE_BY, is_of_platform_alone
from web.access.callers import caller, signature
from web.calls.addresses import server_address
from web.calls.audit import note
from web.calls.bodies import Done, read_body, read_query, reply
from web.calls.openapi import describe
from web.operator.people_schemas import (
    AddPerson,
    AddToken,
    ChangePerson,
    Choice,
    Choices,
    People,
    PeopleQuery,
    Person,
    PersonAnswer,
    PersonInvited,
    TokenMade,
    Tokens,
    login_answer,
    person_of,
    token_answer,
)
from web.parts import parts

people = Blueprint("people", __name__, url_prefix="/api/people")
tokens = Blueprint("tokens", __name__, url_prefix="/api/tokens")

IN_EXAMS = frozenset({"teacher", "proctor"})
CHOICES_MAX = 2000


@people.get("")
@describe(People, query=PeopleQuery, errors=(422, 503))
def listed() -> Response:
    """List the accounts, by name."""
    query = read_query(request, PeopleQuery)
    found = _accounts().listed(query.search)
    if query.after is not None:
        place = next((number for number, one in enumerate(found) if one.id == query.after), None)
        if place is None:
            raise InvalidInput(
                _("after=%(row)s is no row of this list. Give the id of the last row of the page before.", row=repr(query.after)), field="after"
            )
        found = found[place + 1 :]
    shown = found[: query.limit]
    next_after = shown[-1].id if len(found) > query.limit else None
    return reply(People(people=[_person(account) for account in shown], count=len(shown), next_after=next_after))


@people.get("/choices")
@describe(Choices, errors=(503,))
def choices() -> Response:
    """List those who can teach or proctor an exam, by name: whoever sets one up chooses among them.

    Those who come from a learning platform are listed to administrators, and to whoever shares an exam with them.
    """
    caller().exam_filter("exams")
    found = [one for one in _accounts().listed() if not one.disabled and (one.all_roles & IN_EXAMS or one.exam_roles) and _is_seen(one)]
    return reply(Choices(people=[Choice(id=one.id, login=one.login, name=one.name, roles=sorted(one.all_roles)) for one in found[:CHOICES_MAX]]))


def _is_seen(account: Account) -> bool:
    """May the caller learn of this one? Who comes from a learning platform is known to those alone who share an exam."""
    who = caller()
    return account.made_by != MADE_BY or who.everywhere("exams") or any(who.may("exams", exam_id) for exam_id in account.exam_roles)


@people.post("")
@describe(PersonInvited, body=AddPerson, errors=(409, 422, 503))
def add() -> Response:
    """Make an account, and a link by which its person chooses a password."""
    wanted = read_body(request, AddPerson)
    roles = frozenset[str](wanted.roles)
    account = _accounts().add(
        wanted.login, wanted.name, roles, by=signature(), email=wanted.email, single_sign_on=wanted.single_sign_on and _with_provider()
    )
    note("account: made", signature(), account_id=account.id, login=account.login, roles=sorted(roles))
    if account.single_sign_on:
        return reply(PersonInvited(person=_person(account)))
    return _invited(*_accounts().invite(account.id))


@people.get("/<account_id>")
@describe(PersonAnswer, errors=(404, 503))
def shown(account_id: str) -> Response:
    """Show one account, and where its person is logged in."""
    return _answer(_accounts().get(account_id))


@people.post("/<account_id>")
@describe(PersonAnswer, body=ChangePerson, errors=(404, 409, 422, 503))
def change(account_id: str) -> Response:
    """Change an account. A role that is taken away ends what is watched by it at once; so does an account that is disabled, with all its logins.

    409 for one's own roles and for disabling oneself: another administrator does that; for the last administrator who can log in; and with `revision`
    where somebody else has changed the account since then.
    """
    wanted = read_body(request, ChangePerson)
    account = _accounts().get(account_id)
    fields = wanted.model_dump(exclude_none=True, exclude={"revision"})
    roles_stay = wanted.roles is None or frozenset(wanted.roles) >= account.roles
    if account.id == caller().account_id and (wanted.disabled or not roles_stay):
        raise Conflict(_("You can't take a role from yourself or disable your own account: another administrator does that."), field="roles")
    if wanted.roles is not None:
        fields["roles"] = frozenset[str](wanted.roles)
    changed = _accounts().edit(account_id, by=signature(), revision=wanted.revision, ends_logins=bool(wanted.disabled), **fields)
    parts().people.changed()
    told = {name: sorted(value) if isinstance(value, frozenset) else value for name, value in fields.items()}
    note("account: changed", signature(), account_id=account_id, login=account.login, changes=told)
    return _answer(changed)


@people.delete("/<account_id>")
@describe(Done, errors=(404, 409, 503))
def remove(account_id: str) -> Response:
    """Delete an account that a learning platform made, with all its logins.

    409 for any other: it is disabled instead, since its name may stand under decisions. Whoever comes from the platform again has a new one;
    disabled, nobody does.
    """
    account = _accounts().get(account_id)
    if not is_of_platform_alone(account):
        raise Conflict(_("Only an account that a learning platform made, and nobody gave a role here, can be deleted. Disable this one."))
    _accounts().remove(account_id)
    parts().people.changed()
    note("account: deleted", signature(), account_id=account_id, login=account.login, registration=account.registration_id)
    return reply(Done())


@people.post("/<account_id>/invite")
@describe(PersonInvited, errors=(404, 409, 503))
def invite(account_id: str) -> Response:
    """Make a new link by which the person chooses a password. Links made before are over; a password that stands goes on until it is replaced."""
    account = _accounts().get(account_id)
    if account.disabled:
        raise Conflict(_("The account is disabled. Enable it first."))
    note("account: invited", signature(), account_id=account_id, login=account.login)
    return _invited(*_accounts().invite(account_id))


@people.post("/<account_id>/reset")
@describe(PersonInvited, errors=(404, 409, 503))
def reset(account_id: str) -> Response:
    """Take password and second factor away, end all logins, and make a link by which the person chooses a new password."""
    account = _accounts().get(account_id)
    if account.disabled:
        raise Conflict(_("The account is disabled. Enable it first."))
    found = _accounts().reset(account_id)
    parts().people.changed()
    note("account: reset", signature(), account_id=account_id, login=account.login)
    return _invited(*found)


@people.post("/<account_id>/log-out")
@describe(PersonAnswer, errors=(404, 503))
def log_out(account_id: str) -> Response:
    """End every login of a person, at once."""
    account = _accounts().change(account_id, ends_logins=True)
    parts().people.changed()
    note("account: logged out", signature(), account_id=account_id, login=account.login)
    return _answer(account)


@tokens.get("")
@describe(Tokens, errors=(503,))
def listed_tokens() -> Response:
    """List the tokens of scripts, by name."""
    parts().people.ready()
    found = [token_answer(token) for token in parts().people.tokens.listed()]
    return reply(Tokens(tokens=found, api_token=bool(parts().settings.api_token.get_secret_value())))


@tokens.post("")
@describe(TokenMade, body=AddToken, errors=(409, 422, 503))
def add_token() -> Response:
    """Make a token. What the script sends is shown this once."""
    parts().people.ready()
    wanted = read_body(request, AddToken)
    exams = frozenset(wanted.exams) if wanted.exams else None
    made, secret = parts().people.tokens.add(wanted.name, frozenset(wanted.scopes), by=signature(), exams=exams, days=wanted.days)
    note("token: made", signature(), token_id=made.short, name=made.name, scopes=sorted(made.scopes), exams=sorted(exams or ()))
    return reply(TokenMade(token=token_answer(made), secret=secret))


@tokens.delete("/<token_id>")
@describe(Done, errors=(404, 503))
def revoke_token(token_id: str) -> Response:
    """Revoke a token: the script is refused from now on, and what it watches ends."""
    parts().people.ready()
    revoked = parts().people.tokens.revoke(token_id)
    parts().people.changed()
    note("token: revoked", signature(), token_id=revoked.short, name=revoked.name)
    return reply(Done())


def _accounts() -> Accounts:
    parts().people.ready()
    return parts().people.accounts


def _with_provider() -> bool:
    return bool(parts().settings.provider_name)


def _person(account: Account) -> Person:
    return person_of(account, len(parts().people.logins.of_account(account)))


def _answer(account: Account) -> Response:
    logins = [login_answer(login, caller().login_id) for login in parts().people.logins.of_account(account)]
    return reply(PersonAnswer(person=_person(account), logins=logins))


def _invited(account: Account, token: str) -> Response:
    return reply(PersonInvited(person=_person(account), invitation_url=invitation_url(token)))


def invitation_url(token: str) -> str:
    """The address of an invitation. Its token stands in the fragment, which no browser sends and no log holds."""
    return f"{server_address(request)}/invitation#t={quote(token, safe='')}"
