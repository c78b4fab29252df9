"""The bodies and answers of the calls on people's accounts and on tokens."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, Field, StringConstraints

from basics.times import utc_now
from records.accounts import Account
from records.api_tokens import ApiToken
from records.logins import Login
from records.lti_accounts import is_of_platform_alone
from web.calls.paging import LONGEST_PAGE, PAGE
from web.calls.values import Identifier, Time, one_line, printable

RoleName = Literal["administrator", "teacher", "proctor", "officer", "auditor"]
ScopeName = Literal["read", "sessions", "exams", "administer"]
Line = Annotated[str, StringConstraints(strip_whitespace=True, max_length=200), AfterValidator(printable), AfterValidator(one_line)]
Roles = Annotated[list[RoleName], Field(max_length=5)]


class LoginAnswer(BaseModel):
    """Where somebody is logged in."""

    id: str
    how: str
    made_at: Time
    seen_at: Time
    until: Time
    address: str
    browser: str
    present: bool = Field(default=False, description="The one that asks.")


class Person(BaseModel):
    """One account. `group_roles` and `exam_roles` come from the groups of the sign-in provider, or a platform's courses, and are changed there."""

    id: str
    login: str
    name: str
    email: str
    roles: list[str]
    group_roles: list[str]
    exam_roles: dict[str, list[str]]
    state: Literal["active", "invited", "disabled"]
    disabled: bool
    single_sign_on: bool
    deletable: bool = Field(description="A learning platform made it, and nobody here gave it a role.")
    second_factor: bool
    invited_until: Time | None
    made_at: Time | None
    made_by: str
    signed_in_at: Time | None
    revision: int = Field(description="Grows with what people change of it.")
    logins: int = Field(description="Places where the person is logged in now.")


class PeopleQuery(BaseModel):
    """Which accounts."""

    search: str = Field(default="", max_length=128, description="A part of a name, a login name or an e-mail address.")
    limit: int = Field(PAGE, ge=1, le=LONGEST_PAGE)
    after: str | None = Field(default=None, max_length=64, description="`next_after` of the answer before.")


class People(BaseModel):
    """Accounts, by name."""

    people: list[Person]
    count: int
    next_after: str | None = None


class AddPerson(BaseModel):
    """A new account. `single_sign_on`: it is joined by the first sign-in at the provider under this login name, and needs no invitation."""

    login: str = Field(min_length=1, max_length=512, description="The login name, such as an e-mail address; upper and lower case are one.")
    name: str = Field(default="", max_length=400, description="As colleagues call them; it stands under decisions. Empty: the login name.")
    email: Line = ""
    roles: Roles = Field(default_factory=list)
    single_sign_on: bool = False


class ChangePerson(BaseModel):
    """What is to be different; what is left out stays."""

    name: str | None = Field(default=None, min_length=1, max_length=400)
    email: Line | None = None
    roles: Roles | None = None
    disabled: bool | None = None
    revision: int | None = Field(default=None, ge=1, description="The `revision` from which the change was made; left out: whatever it is now.")


class PersonAnswer(BaseModel):
    """The account as it is now, with where its person is logged in."""

    person: Person
    logins: list[LoginAnswer] = Field(default_factory=list)


class PersonInvited(BaseModel):
    """The account, and the link by which its person chooses a password: good once, for seven days, and shown this once."""

    person: Person
    invitation_url: str | None = None


class Choice(BaseModel):
    """A person who can teach or proctor an exam."""

    id: str
    login: str
    name: str
    roles: list[str]


class Choices(BaseModel):
    """Those who can teach or proctor an exam, by name."""

    people: list[Choice]


class Token(BaseModel):
    """A token for scripts. `exams` null: all of them."""

    id: str
    name: str
    scopes: list[str]
    exams: list[str] | None
    made_at: Time | None
    made_by: str
    until: Time | None
    is_over: bool
    used_at: Time | None
    used_from: str


class Tokens(BaseModel):
    """The tokens, by name. `api_token`: there is one in the settings too (API_TOKEN), which may everything and has no name."""

    tokens: list[Token]
    api_token: bool


class AddToken(BaseModel):
    """A new token."""

    name: str = Field(min_length=1, max_length=400, description="What it is for; it stands in the audit.")
    scopes: Annotated[list[ScopeName], Field(min_length=1, max_length=4)]
    exams: Annotated[list[Identifier], Field(max_length=200)] | None = Field(default=None, description="The only exams that it is for; null: all.")
    days: int | None = Field(default=90, ge=1, le=731, description="Days until it ends; null: it does not end by itself.")


class TokenMade(BaseModel):
    """The token, and what the script sends as `Authorization: Bearer …`: shown this once."""

    token: Token
    secret: str


def person_of(account: Account, logins: int) -> Person:
    """An account as it is answered."""
    return Person(
        id=account.id,
        login=account.login,
        name=account.name,
        email=account.email,
        roles=sorted(account.roles),
        group_roles=sorted(account.group_roles),
        exam_roles={exam: sorted(roles) for exam, roles in account.exam_roles_at(utc_now()).items()},
        state=account.state,
        disabled=account.disabled,
        single_sign_on=account.single_sign_on,
        deletable=is_of_platform_alone(account),
        second_factor=bool(account.totp),
        invited_until=account.invited_until,
        made_at=account.made_at,
        made_by=account.made_by,
        signed_in_at=account.signed_in_at,
        revision=account.revision,
        logins=logins,
    )


def login_answer(login: Login, present: str = "") -> LoginAnswer:
    """A login as it is answered."""
    fields: dict[str, str | datetime] = {name: getattr(login, name) for name in ("how", "made_at", "seen_at", "until", "address", "browser")}
    return LoginAnswer.model_validate({**fields, "id": login.short, "present": login.id == present})


def token_answer(token: ApiToken) -> Token:
    """A token as it is answered."""
    return Token(
        id=token.short,
        name=token.name,
        scopes=sorted(token.scopes),
        exams=sorted(token.exams) if token.exams is not None else None,
        made_at=token.made_at,
        made_by=token.made_by,
        until=token.until,
        is_over=token.is_over,
        used_at=token.used_at,
        used_from=token.used_from,
    )
