"""The account of a person whom the institution's provider names: found, joined or made at each sign-in, with the roles of the groups of today."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from typing import Any

from basics.errors import Conflict, InvalidInput, Unauthorized
from basics.group_roles import GroupRole, roles_of
from basics.texts import _
from records.accounts import Account, Accounts

LONGEST_EMAIL = 200


def account_of_claims(
    accounts: Accounts, claims: Mapping[str, Any], groups: list[str], pairs: list[GroupRole], issuer: str, *, join_claim: str
) -> Account:
    """The account of whoever signs in. Raise `Unauthorized` where there is none for them, `StorageError`.

    To one that waits for them they come by their `sub`, or by `join_claim`: many providers let people choose their `preferred_username`.
    """
    key = hashlib.sha256(f"{issuer}\0{claims['sub']}".encode()).hexdigest()
    whole, in_exams = roles_of(groups, pairs)
    told: dict[str, Any] = {
        "group_roles": sorted(whole),
        "exam_roles": [{"exam_id": exam, "roles": sorted(roles)} for exam, roles in in_exams.items()],
    }
    email = claims.get("email")
    if isinstance(email, str) and len(email) <= LONGEST_EMAIL and email.isprintable():
        told["email"] = email
    found = accounts.of_provider(key) or _to_join(accounts, claims, join_claim)
    if found is None:
        return _made(accounts, claims, told | {"oidc": key, "single_sign_on": True})
    if found.disabled:
        raise Unauthorized(_("Your account here is disabled. Ask an administrator."))
    return accounts.change(found.id, **told, oidc=key)


def _to_join(accounts: Accounts, claims: Mapping[str, Any], join_claim: str) -> Account | None:
    """An account that an administrator has made for this person to come to."""
    for name in (join_claim, "sub"):
        login = claims.get(name)
        if not isinstance(login, str) or (name == "email" and claims.get("email_verified") not in (True, "true")):
            continue  # an address may be anybody's who wrote it there (OpenID Connect Core 1.0, 5.7)
        found = accounts.by_login(login.strip())
        if found is not None and _waits(found):
            return found
    return None


def _waits(account: Account) -> bool:
    return account.single_sign_on and not account.oidc


def _made(accounts: Accounts, claims: Mapping[str, Any], told: dict[str, Any]) -> Account:
    for login in _logins(claims):
        there = accounts.by_login(login)
        if there is not None and there.oidc == told["oidc"]:  # another page of theirs was faster
            return there
        if there is not None and _waits(there):
            raise Unauthorized(
                _(
                    "The account %(login)s waits for somebody from your institution, and its sign-in does not tell surely that it is you. Ask an "
                    "administrator: the setting OIDC_JOIN_CLAIM says by what people are known.",
                    login=repr(login),
                )
            )
        if there is not None:
            raise Unauthorized(
                _(
                    "There is an account %(login)s here already, which is not joined with your institution's sign-in. Log in by its password, or "
                    "ask an administrator.",
                    login=repr(login),
                )
            )
        for name in _names(claims, login):
            try:
                return accounts.add(login, name, frozenset(), by="sign-in", **told)
            except InvalidInput:  # one that the provider allows and we don't
                continue
            except Conflict:
                accounts.read()
                if (made := accounts.of_provider(told["oidc"])) is not None:  # likewise, perhaps at another server
                    return made
    raise Unauthorized(_("No account can be made of the name that your institution tells. Ask an administrator for one."))


def _logins(claims: Mapping[str, Any]) -> Iterator[str]:
    for name in ("preferred_username", "email", "sub"):
        value = claims.get(name)
        if name == "email" and claims.get("email_verified", True) is not True:
            continue  # anybody may have written it there: it leads to nobody's account (OpenID Connect Core 1.0, 5.7)
        if isinstance(value, str) and value.strip():
            yield value.strip()


def _names(claims: Mapping[str, Any], login: str) -> Iterator[str]:
    parts = [claims.get(part) for part in ("given_name", "family_name")]
    whole = claims.get("name") or " ".join(part for part in parts if isinstance(part, str))
    if isinstance(whole, str) and whole.strip():
        yield whole
        yield f"{whole} ({login})"
    yield login
