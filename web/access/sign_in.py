"""How people prove who they are: name and password, then the second factor where their account has one. What fails is kept."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import has_request_context, request
from itsdangerous import BadData, URLSafeTimedSerializer

from basics.argon import hash_of, is_outdated, is_right
from basics.errors import InvalidInput, ProctorError, StorageError, TooMany, Unauthorized
from basics.looks import look
from basics.passwords import why_too_weak
from basics.seal import Seal
from basics.texts import _, joined
from records.accounts import Account, digest
from records.logins import Login
from web.access.limits import RateLimit
from web.access.logins import Logins
from web.access.people import People
from web.access.second_factor import is_of_moment, plain_recovery_code, step_of
from web.access.signing import opened
from web.access.who_may import PROCTOR, Access

HALF_WAY_S = 300  # from the password to the second factor's code
CLOCKS_S = 60.0  # by which two servers' clocks may differ
FAILURES_KEPT, FAILURES_WINDOW = 60, 60.0  # failed sign-ins that are kept in the audit in so many seconds: a flood of them is one line in the log
CODES, CODES_WINDOW = 10, 3600.0  # wrong codes of one account in so many seconds, at each server: whoever guesses has the password already
INVITATIONS = 30  # invitations that one address may look at in a minute


class SignIn:
    """Lets people in. Safe between threads."""

    def __init__(self, access: Access, people: People, audit: Callable[[dict[str, Any]], Any]) -> None:
        self._access = access
        self._people = people
        self._audit = audit
        self.seal = Seal(access.secret_key, "second factor")
        self._half_way = URLSafeTimedSerializer(access.secret_key, salt="half way in")
        self._by_account = Logins(sleep=access.sleep)
        self._kept = RateLimit(FAILURES_KEPT, FAILURES_WINDOW, "")
        self._codes = RateLimit(CODES, CODES_WINDOW, _("Too many wrong codes were given for this account. A recovery code is still taken."))
        self.invitations = RateLimit(INVITATIONS, 60.0, _("Too many invitations were looked at from this address."))

    def by_password(self, name: str, password: str, address: str | None, browser: str = "") -> Account | None:
        """Whose name and password these are; None: the server's one shared password's.

        Raise `Unauthorized`, the same and after the same time whether there is such a name or not, `TooMany`, `StorageError`.
        """
        self._people.ready()
        found: list[Account | None] = []

        def right() -> bool:
            if name == PROCTOR:
                is_right(password, "")
                if self._access.is_password(password):
                    found.append(None)
                return bool(found)
            account = self._people.accounts.by_login(name)
            usable = account is not None and not account.disabled
            if is_right(password, account.password if account is not None and usable else ""):
                found.append(account)
            return bool(found)

        self._count("password", name, address, browser, right)
        account = found[0]
        if account is not None and is_outdated(account.password):
            account = self._people.accounts.change(account.id, {"password": account.password}, password=hash_of(password))
        return account

    def half_way(self, account: Account) -> str:
        """What shows that its bearer has given this account's password: good for the second factor, and for five minutes of that password."""
        return str(self._half_way.dumps([account.id, account.epoch, digest(account.password)]))

    def is_half_way(self, ticket: str) -> bool:
        """Is this still good?"""
        return self._of_ticket(ticket) is not None

    def _of_ticket(self, ticket: str) -> Account | None:
        try:
            account_id, epoch, password = opened(self._half_way, ticket, HALF_WAY_S, CLOCKS_S)
        except (BadData, TypeError, ValueError):
            return None
        account = self._people.accounts.by_id(str(account_id))
        good = account is not None and account.epoch == epoch and digest(account.password) == password and not account.disabled and account.totp
        return account if good else None

    def by_code(self, ticket: str, code: str, address: str | None, browser: str = "") -> Account:
        """Whose second factor this is: a code of the moment, or a recovery code. Either is good once.

        Wrong codes of the moment are counted for the account, and the right password makes none of them forgotten; in a browser from which its owner
        has logged in before they are counted apart. Recovery codes are too long to be guessed.

        Raise `Unauthorized`, `TooMany`, `StorageError`.
        """
        self._people.ready()
        account = self._of_ticket(ticket)
        if account is None:
            raise Unauthorized(_("That took longer than five minutes. Log in again."))
        counted = f"{account.id} {self._access.known_browser(browser, account.login)}" if is_of_moment(code) else None
        if counted is not None:
            self._take_try(counted, account, address)
        try:
            self._count("second factor", account.login, address, browser, lambda: self.is_code(account, code))
        except StorageError:
            self._give_back(counted)
            raise
        self._give_back(counted)
        return account

    def _take_try(self, counted: str, account: Account, address: str | None) -> None:
        """Count a code as wrong before it is looked at: many that come at once are no more than ten. Raise `TooMany`."""
        try:
            self._codes.take(counted)
        except TooMany as error:
            self.note_failed(account.login, address, how="second factor", reason=error.code)
            raise

    def _give_back(self, counted: str | None) -> None:
        if counted is not None:
            self._codes.give_back(counted)

    def is_code(self, account: Account, code: str) -> bool:
        """Is this the second factor's code of the moment, or a recovery code? It is used up. Raise `StorageError`."""
        step = step_of(self.seal.open(account.totp), code)
        if step is not None:
            return self._people.accounts.take_code(account.id, step)
        return self._people.accounts.take_recovery(account.id, plain_recovery_code(code))

    def check_own_password(self, account: Account, password: str, address: str | None) -> None:
        """Raise `Unauthorized` unless this is the password of an account that is signed in; tries are counted as at the login."""
        try:
            self._count("password", account.login, address, "", lambda: is_right(password, account.password))
        except Unauthorized:
            raise InvalidInput(_("That is not your password."), field="password") from None

    def begin(self, account: Account, how: str, address: str | None, browser: str) -> tuple[Login, str]:
        """Log an account in; give the login and its cookie. Raise `StorageError`: in an outage nobody new is let in."""
        login, cookie = self._people.logins.begin(account, how, address or "", browser)
        self._people.accounts.change(account.id, signed_in_at=login.made_at)
        self.note("signed in", account.name, address, browser, account=account.id, how=how)
        return login, cookie

    def note(self, what: str, who: str, address: str | None, browser: str = "", **details: Any) -> None:
        """Keep in the audit what happened at the door, with the browser that asked where none is named."""
        browser = browser or (request.headers.get("User-Agent", "") if has_request_context() else "")
        self._audit({"who": who[:128], "what": what, "address": address, **({"browser": browser[:300]} if browser else {}), **details})

    def note_failed(self, name: str, address: str | None, **details: Any) -> None:
        """Keep in the audit that somebody was not let in; of a flood only so many."""
        try:
            self._kept.take("")
        except TooMany:
            return
        self.note("sign-in: failed", name, address, **details)

    def _count(self, how: str, name: str, address: str | None, browser: str, right: Callable[[], bool]) -> None:
        """Ask `right` when it is the turn of this address and of this name. One browser known from before stands in nobody's row but its own."""
        known = self._access.known_browser(browser, name[:512])
        whose = f"{'browser ' + known if known else 'name'} {look(name[:512])}"

        def of_account() -> bool:
            try:
                self._by_account.check(whose, right)
            except Unauthorized:
                return False
            return True

        try:
            self._access.count_login(address, known, of_account)
        except ProctorError as error:
            self.note_failed(name, address, how=how, reason=error.code)
            raise


def checked_password(password: str) -> str:
    """The hash of a password that somebody chose. Raise `InvalidInput` where it is too weak."""
    if why := why_too_weak(password):
        mend = _("Four words that nobody else would put together are good.")
        raise InvalidInput(joined(" ", [_("The password %(why)s.", why=why), mend]), field="password")
    if len(password) > 200:
        raise InvalidInput(_("The password has more than 200 characters."), field="password")
    return hash_of(password)
