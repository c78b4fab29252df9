"""People's accounts: who they are, which roles they have, how they prove it. All are held in memory: an outage logs nobody out.

What changes one is stored at once, by one command that the database carries out whole: two that change an account at the same moment lose nothing.
"""

from __future__ import annotations

import hashlib
import secrets
import threading
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal

from pymongo import ReturnDocument
from pymongo.errors import DuplicateKeyError

from basics.errors import Conflict, InvalidInput, NotFound
from basics.looks import look, unseen_or_mixed
from basics.texts import _
from basics.times import utc_now
from records.stores import Document, Store

ADMINISTRATOR = "administrator"
ROLES = (ADMINISTRATOR, "teacher", "proctor", "officer", "auditor")
ACCOUNTS_MAX = 20_000  # about 20 MB in memory
LONGEST_LOGIN, LONGEST_NAME = 128, 100  # characters
INVITED_FOR = timedelta(days=7)
READ_AGAIN = timedelta(minutes=10)  # what changed before the last look is read once more: another machine's clock may be behind
RESERVED = frozenset(look(name) for name in ("proctor", "server", "student", "API_TOKEN", "command", "lti"))
"""Names under which the server, its one password, students and who comes from a learning platform stand in records."""


@dataclass(frozen=True, slots=True)
class Account:
    """One person. `roles` were given here, `group_roles` and `exam_roles` (by exam id) come from the groups of a sign-in provider.

    Of whom a learning platform signs in (`registration_id`), the `exam_roles` come from the courses there, and hold until `exam_until`.

    `epoch` is raised to end all logins, `version` by every change, `revision` by what people change of it, `edited_by` last. `password` is a hash,
    `totp` a sealed secret; `invite` is the hash of an invitation's token, and until when.
    """

    id: str
    login: str
    name: str
    email: str = ""
    roles: frozenset[str] = frozenset()
    group_roles: frozenset[str] = frozenset()
    exam_roles: Mapping[str, frozenset[str]] = field(default_factory=dict)
    exam_until: Mapping[str, datetime] = field(default_factory=dict)
    registration_id: str = ""
    password: str = ""
    totp: str = ""
    recovery: int = 0
    disabled: bool = False
    single_sign_on: bool = False
    oidc: str = ""
    epoch: int = 0
    version: int = 0
    revision: int = 1
    edited_by: str = ""
    invite: str = ""
    invited_until: datetime | None = None
    made_at: datetime | None = None
    made_by: str = ""
    signed_in_at: datetime | None = None

    @property
    def all_roles(self) -> frozenset[str]:
        """The roles in force for the whole server."""
        return self.roles | self.group_roles

    def exam_roles_at(self, now: datetime) -> Mapping[str, frozenset[str]]:
        """The roles in single exams that are in force at `now`."""
        return {exam: roles for exam, roles in self.exam_roles.items() if exam not in self.exam_until or self.exam_until[exam] > now}

    @property
    def state(self) -> Literal["active", "invited", "disabled"]:
        """`disabled`, `invited` (has not set a password yet), or `active`."""
        return "disabled" if self.disabled else "active" if self.password or self.oidc else "invited"


class Accounts:
    """The accounts of one store. Safe between threads."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._by_id: dict[str, Account] = {}
        self._by_look: dict[str, str] = {}
        self._by_provider: dict[str, str] = {}
        self._lock = threading.Lock()
        self._editing = threading.Lock()  # one at a time: each looks first whether an administrator is left
        self._read_at: datetime | None = None

    # What is known

    @property
    def known(self) -> bool:
        """Were they ever read?"""
        return self._read_at is not None

    @property
    def any(self) -> bool:
        """Is there any, as far as is known?"""
        return bool(self._by_id)

    def read(self, *, whole: bool = False) -> bool:
        """Read what has changed, or all of it, whatever other machines' clocks say; True where something has. Raise `StorageError`."""
        before = frozenset(self._by_id)
        since = {"changed_at": {"$gte": self._read_at - READ_AGAIN}} if self._read_at is not None and not whole else {}
        now = utc_now()
        with self._store.reading():
            users = self._store.collection("users")
            found = [account_of(document) for document in users.find(since).limit(ACCOUNTS_MAX)]
            if since and users.count_documents({}) < len(before | {account.id for account in found}):  # another server has deleted one
                found, since = [account_of(document) for document in users.find().limit(ACCOUNTS_MAX)], {}
        gone = before - {account.id for account in found} if not since else frozenset[str]()
        for account_id in gone:
            self._drop(account_id)
        changed = [account for account in found if self._by_id.get(account.id) != account]
        for account in changed:
            self._keep(account)
        self._read_at = now
        return bool(changed or gone)

    def by_id(self, account_id: str) -> Account | None:
        """The account of this id, as it was read last."""
        return self._by_id.get(account_id)

    def by_login(self, login: str) -> Account | None:
        """The account of this login name in any case and script."""
        return self._by_id.get(self._by_look.get(look(unicodedata.normalize("NFC", login[: 4 * LONGEST_LOGIN])), ""))

    def of_provider(self, oidc: str) -> Account | None:
        """The account that signs in so at a provider."""
        found = self._by_id.get(self._by_provider.get(oidc, ""))
        return found if found is not None and found.oidc == oidc else None

    def has_ended(self, since: datetime, now: datetime) -> bool:
        """Has somebody's role in an exam come to its end between these?"""
        return any(since < end <= now for account in list(self._by_id.values()) for end in account.exam_until.values())

    def of_registration(self, registration_id: str) -> list[Account]:
        """Those whom this learning platform signs in."""
        return [account for account in list(self._by_id.values()) if account.registration_id == registration_id]

    def listed(self, search: str = "") -> list[Account]:
        """All, by name; `search` is a part of a name, a login name or an e-mail address in any case."""
        part = search.casefold()
        found = [one for one in list(self._by_id.values()) if part in f"{one.login}\n{one.name}\n{one.email}".casefold()]
        return sorted(found, key=lambda one: (one.name.casefold(), one.id))

    def get(self, account_id: str) -> Account:
        """The account of this id. Raise `NotFound`."""
        account = self._by_id.get(account_id)
        if account is None:
            raise _no_account(account_id)
        return account

    # What is changed

    def add(self, login: str, name: str, roles: frozenset[str], *, by: str, email: str = "", **more: Any) -> Account:
        """Make an account, which can't sign in before it is invited. Raise `InvalidInput`, `Conflict` for a name that is taken, `StorageError`."""
        login, name = checked_login(login), checked_name(name or login)
        if len(self._by_id) >= ACCOUNTS_MAX:
            raise Conflict(_("There are %(most)s accounts, as many as one server keeps.", most=ACCOUNTS_MAX))
        now = utc_now()
        document = {
            "_id": secrets.token_hex(12),
            "login": login,
            "login_look": look(login),
            "name": name,
            "name_look": look(name),
            "email": email,
            "roles": sorted(checked(roles)),
            "made_at": now,
            "made_by": by,
            "changed_at": now,
            "version": 1,
            "revision": 1,
            "epoch": 0,
            "disabled": False,
            **more,
        }
        with self._store.reading():
            users = self._store.collection("users")
            self._check_free(login, name, "")
            try:
                users.insert_one(document)
            except DuplicateKeyError:
                raise _taken(login) from None
        return self._keep(account_of(document))

    def change(self, account_id: str, only_if: Document | None = None, *, ends_logins: bool = False, **fields: Any) -> Account:
        """Set fields of an account, where it is as `only_if` says. Raise `NotFound` also where it isn't, `Conflict`, `StorageError`."""
        account = self.get(account_id)
        if "name" in fields:
            fields |= {"name": checked_name(fields["name"]), "name_look": look(fields["name"])}
            self._check_free(None, fields["name"], account_id)
        if "roles" in fields:
            fields["roles"] = sorted(checked(fields["roles"]))
        pulled = {"$pull": fields.pop("pull")} if "pull" in fields else {}
        counted = {"version": 1, **({"epoch": 1} if ends_logins else {})}
        with self._store.reading():
            try:
                document = self._store.collection("users").find_one_and_update(
                    {"_id": account_id, **(only_if or {})},
                    {"$set": {**fields, "changed_at": utc_now()}, "$inc": counted, **pulled},
                    return_document=ReturnDocument.AFTER,
                )
            except DuplicateKeyError:
                raise _taken(str(fields.get("name") or account.name)) from None
        if document is None:
            raise _no_account(account_id)
        return self._keep(account_of(document))

    def remove(self, account_id: str) -> None:
        """Delete an account, with all its logins. Raise `NotFound`, `StorageError`."""
        self.change(account_id, ends_logins=True, disabled=True, exam_roles=[])  # so servers know it that hear of its end a little later
        with self._store.reading():
            self._store.collection("users").delete_one({"_id": account_id})
        self._drop(account_id)

    def edit(self, account_id: str, *, by: str, revision: int | None = None, ends_logins: bool = False, **fields: Any) -> Account:
        """What a person changes of an account, seen at `revision` (None: however it is now). Raise `NotFound`, `StorageError`, and `Conflict`
        where somebody else's change came first, or where no administrator would be left.
        """
        with self._editing:
            account = self._fresh(account_id)
            if revision is not None and revision != account.revision:
                raise _edited_meanwhile(account, fields)
            roles = frozenset(fields["roles"]) | account.group_roles if "roles" in fields else account.all_roles
            if ADMINISTRATOR in account.all_roles and not account.disabled and (fields.get("disabled") or ADMINISTRATOR not in roles):
                self._check_other_administrator(account)
            seen = {"revision": account.revision if account.revision > 1 else {"$in": [1, None]}}  # None: of before there were revisions
            try:
                return self.change(account_id, seen, ends_logins=ends_logins, edited_by=by, revision=account.revision + 1, **fields)
            except NotFound:
                raise _edited_meanwhile(self._fresh(account_id), fields) from None

    def _fresh(self, account_id: str) -> Account:
        """The account as it is stored now, whoever changed it."""
        with self._store.reading():
            document = self._store.collection("users").find_one({"_id": account_id})
        if document is None:
            raise _no_account(account_id)
        return self._keep(account_of(document))

    def _check_other_administrator(self, last: Account) -> None:
        """Raise `Conflict` unless another administrator can log in; beside one who never could, one who is invited is enough."""
        either: Document = {"$or": [{"roles": ADMINISTRATOR}, {"group_roles": ADMINISTRATOR}]}
        with self._store.reading():
            found = self._store.collection("users").find({**either, "_id": {"$ne": last.id}, "disabled": {"$ne": True}}).limit(ACCOUNTS_MAX)
            if not any(last.state == "invited" or account_of(document).state == "active" for document in found):
                raise Conflict(
                    _("%(name)s is the last administrator who can log in. Make somebody else one first.", name=last.name),
                    field="roles",
                    reason="last_administrator",
                )

    def invite(self, account_id: str) -> tuple[Account, str]:
        """A token that sets the account's password once within seven days; those made before are over.

        Raise `NotFound`, `StorageError`, `Conflict` for one that signs in at the provider: by a password it would keep roles that its groups lost.
        """
        self._check_has_password(account_id)
        token = secrets.token_urlsafe(24)
        account = self.change(account_id, invite={"hash": digest(token), "until": utc_now() + INVITED_FOR})
        return account, token

    def invited(self, token: str) -> Account:
        """Whose invitation this is. Raise `NotFound` where it is none, was used, or is over; `StorageError`."""
        wanted = digest(token)
        account = next((one for one in list(self._by_id.values()) if one.invite == wanted), None)
        if account is None or account.disabled or account.invited_until is None or account.invited_until < utc_now():
            raise NotFound(_("This invitation is not valid any more: each is good once, for seven days. Ask an administrator for a new one."))
        return account

    def accept(self, token: str, password: str) -> Account:
        """Use up an invitation and set the account's password (its hash); it replaces the one before and ends all logins. Raise as `invited` does."""
        account = self.invited(token)
        try:
            return self.change(account.id, {"invite.hash": digest(token)}, ends_logins=True, invite=None, password=password)
        except NotFound:
            return self.invited("")  # somebody was faster: say it as of any other that was used

    def reset(self, account_id: str) -> tuple[Account, str]:
        """Take password and second factor away, end all logins, and give an invitation's token. Raise as `invite` does."""
        self._check_has_password(account_id)
        self.change(account_id, ends_logins=True, password="", totp="", recovery=[], totp_last=0)
        return self.invite(account_id)

    def take_code(self, account_id: str, step: int) -> bool:
        """Is this time step of the second factor's code newer than the last that was used? It is used up herewith. Raise `StorageError`."""
        try:
            self.change(account_id, {"$or": [{"totp_last": {"$lt": step}}, {"totp_last": {"$exists": False}}]}, totp_last=step)
        except NotFound:
            return False
        return True

    def take_recovery(self, account_id: str, code: str) -> bool:
        """Is this one of the account's recovery codes? It is used up herewith. Raise `StorageError`."""
        try:
            self.change(account_id, {"recovery": digest(code)}, pull={"recovery": digest(code)})
        except NotFound:
            return False
        return True

    def _check_has_password(self, account_id: str) -> None:
        if self.get(account_id).single_sign_on:
            raise Conflict(_("This account signs in through the institution, and has no password here."))

    def _keep(self, account: Account) -> Account:
        with self._lock:
            before = self._by_id.get(account.id)
            if before is not None and before.version > account.version:
                return before
            self._by_id[account.id] = account
            self._by_look[look(account.login)] = account.id
            self._by_provider[account.oidc] = account.id
        return account

    def _drop(self, account_id: str) -> None:
        with self._lock:
            account = self._by_id.pop(account_id, None)
            if account is None:
                return
            for known, name in ((self._by_look, look(account.login)), (self._by_provider, account.oidc)):
                if known.get(name) == account_id:
                    del known[name]

    def _check_free(self, login: str | None, name: str, own: str) -> None:
        wanted = [{"name_look": look(name)}, *([{"login_look": look(login)}] if login is not None else [])]
        with self._store.reading():
            other = self._store.collection("users").find_one({"$or": wanted, "_id": {"$ne": own}}, {"login": 1})
        if other is not None:
            raise _taken(login if login is not None else name)


def account_of(document: Document) -> Account:
    """An account as it is stored."""
    invite = document.get("invite") or {}
    names = {name: document[name] for name in _PLAIN if document.get(name) is not None}
    return Account(
        id=str(document["_id"]),
        roles=frozenset(document.get("roles") or ()),
        group_roles=frozenset(document.get("group_roles") or ()),
        exam_roles={row["exam_id"]: frozenset(row["roles"]) for row in document.get("exam_roles") or ()},
        exam_until={row["exam_id"]: row["until"] for row in document.get("exam_roles") or () if "until" in row},
        recovery=len(document.get("recovery") or ()),
        invite=invite.get("hash", ""),
        invited_until=invite.get("until"),
        **names,
    )


_PLAIN = (
    "login",
    "name",
    "email",
    "password",
    "totp",
    "disabled",
    "single_sign_on",
    "oidc",
    "epoch",
    "version",
    "revision",
    "edited_by",
    "made_at",
    "made_by",
    "registration_id",
    "signed_in_at",
)


def digest(secret: str) -> str:
    """What is kept of a secret that has more bits than anybody could try."""
    return hashlib.sha256(secret.encode("utf-8", "replace")).hexdigest()


def checked_login(login: str) -> str:
    """A login name in NFC. Raise `InvalidInput`."""
    login = unicodedata.normalize("NFC", login.strip()[: 4 * LONGEST_LOGIN])
    if not 1 <= len(login) <= LONGEST_LOGIN or any(one.isspace() or not one.isprintable() for one in login):
        raise InvalidInput(_("A login name has 1 to 128 characters and no spaces, such as an e-mail address."), field="login")
    return _seen(login, "login")


def checked_name(name: str) -> str:
    """A person's name in NFC, on one line. Raise `InvalidInput`."""
    name = unicodedata.normalize("NFC", " ".join(name[: 4 * LONGEST_NAME].split()))
    if not 1 <= len(name) <= LONGEST_NAME or not name.isprintable():
        raise InvalidInput(_("A name has 1 to 100 characters, on one line."), field="name")
    return _seen(name, "name")


def checked(roles: frozenset[str]) -> frozenset[str]:
    """The roles. Raise `InvalidInput` where one is none."""
    for role in roles:
        if role not in ROLES:
            raise InvalidInput(_("There is no role %(role)s; there are: %(roles)s.", role=repr(role[:40]), roles=", ".join(ROLES)), field="roles")
    return frozenset(roles)


def _seen(name: str, field: str) -> str:
    if look(name) in RESERVED:
        raise InvalidInput(_("%(name)s is a name of the server's own; choose another.", name=repr(name)), field=field)
    if odd := unseen_or_mixed(name):
        raise InvalidInput(_("The name has %(odd)s: it looks like another. Write it as the person does.", odd=odd), field=field)
    return name


def _taken(name: str) -> Conflict:
    return Conflict(
        _("There is somebody called %(name)s, or by a name that looks like it. Add what tells the two apart.", name=repr(name)), field="name"
    )


def _edited_meanwhile(theirs: Account, mine: Mapping[str, Any]) -> Conflict:
    """The second of two who change an account is told by whom, and in what it differs now from what was wanted."""
    there = {"name": theirs.name, "email": theirs.email, "roles": theirs.roles, "disabled": theirs.disabled}
    differs = [name for name, value in there.items() if name in mine and (frozenset(mine[name]) if name == "roles" else mine[name]) != value]
    return Conflict(
        _(
            "%(by)s has changed this account since you opened it. Look at it again; to put yours in its place, save again.",
            by=theirs.edited_by or "–",
        ),
        field="revision",
        revision=theirs.revision,
        changed_by=theirs.edited_by,
        differs=differs,
    )


def _no_account(account_id: str) -> NotFound:
    return NotFound(_("There is no account %(id)s.", id=repr(account_id[:64])), field="account_id")
