"""The learning platforms (LTI 1.3) that this server knows: each as an administrator registered it. One registration is one tenant.

What was read last serves for some seconds: a whole exam launches within a minute.
"""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from pymongo import ReturnDocument
from pymongo.errors import DuplicateKeyError

from basics.errors import Conflict, InvalidInput, NotFound
from basics.texts import _, joined
from basics.times import utc_now
from records.stores import Document, Store

COLLECTION = "lti_registrations"
REGISTRATIONS_MAX = 500
DEPLOYMENTS_MAX = 100
FRESH_S = 5.0  # within which other servers and commands may have changed one
NAME_MAX, PATTERN_MAX, LONGEST = 100, 40, 255  # characters; a client's, a deployment's id
URL_MAX = 2000
LOOPBACK = ("localhost", "127.0.0.1", "::1")
DEPLOYMENTS_FOR = timedelta(days=30)  # in which deployments that aren't known are added
# Instructure's own servers have one issuer for all institutions, whose configurations and tokens stand at addresses of their own.
CANVAS = frozenset(f"canvas{kind}.instructure.com" for kind in ("", ".beta", ".test"))
CANVAS_HOSTS = (".instructure.com", ".canvaslms.com")

SHOW = _("Show this page to whoever runs your learning platform: it is registered here by an administrator of this server, on the page Integrations.")


class UnknownPlatform(NotFound):
    """Nobody registered this platform, or it can't be told which of several registrations is meant."""


@dataclass(frozen=True, slots=True)
class Registration:
    """One platform's client here. `audience` is of our client assertions, empty: `auth_token_url`. With `accepts_deployments` a deployment that
    isn't known is added at its first launch, until `accepts_until`. `course_pattern` is put before the label of a context where an exam's `course`
    is made of it. `own_keys`: it was given the address of keys that sign for it alone, else the common one's.
    """

    registration_id: str
    name: str
    issuer: str
    client_id: str
    auth_login_url: str
    auth_token_url: str
    key_set_url: str
    audience: str = ""
    deployments: tuple[str, ...] = ()
    accepts_deployments: bool = False
    course_pattern: str = ""
    own_keys: bool = False
    enabled: bool = True
    created_at: datetime | None = None
    accepts_until: datetime | None = None

    @property
    def keys_of(self) -> str:
        """Whose keys sign what it is sent, as `LtiKeys` names them."""
        return self.registration_id if self.own_keys else ""

    def takes_deployments(self, now: datetime) -> bool:
        """Is a deployment that isn't known added at `now`?"""
        return self.accepts_deployments and self.accepts_until is not None and now < self.accepts_until


KEPT = ("registration_id", "created_at", "accepts_until")  # what nobody gives
FIELDS = frozenset(Registration.__dataclass_fields__) - frozenset(KEPT)


class LtiRegistrations:
    """The registrations of one store. Safe between threads."""

    def __init__(self, store: Store, clock: Callable[[], float] = time.monotonic, *, now: Callable[[], datetime] = utc_now) -> None:
        self._store = store
        self._clock = clock
        self._wall = now
        self._known: tuple[float, Mapping[str, Registration]] | None = None
        self._reading = threading.Lock()

    def all(self) -> list[Registration]:
        """All, by name. Raise `StorageError`."""
        return sorted(self._fresh().values(), key=lambda one: (one.name.casefold(), one.registration_id))

    def get(self, registration_id: str) -> Registration:
        """The one of this id. Raise `UnknownPlatform`, `StorageError`."""
        found = self._fresh().get(registration_id)
        if found is None:
            raise _unknown_id(registration_id)
        return found

    def find(self, issuer: str, client_id: str | None) -> Registration:
        """The one of a platform's issuer and of its client; without a client the issuer's only one. Raise `UnknownPlatform`, `StorageError`."""
        of_issuer = [one for one in self._fresh().values() if one.issuer == issuer]
        found = [one for one in of_issuer if client_id is None or one.client_id == client_id]
        if len(found) > 1:
            several = _("This learning platform has several registrations here, and does not say which is meant (client_id).")
            raise UnknownPlatform(joined(" ", [several, SHOW]), field="client_id")
        if not found:
            named = repr(issuer[:200])
            unknown = _("This learning platform is not registered here: %(issuer)s.", issuer=named)
            if client_id is not None:
                told = repr(client_id[:LONGEST])
                unknown = _("This learning platform is not registered here: %(issuer)s, client %(client)s.", issuer=named, client=told)
            raise UnknownPlatform(joined(" ", [unknown, SHOW]), field="client_id" if of_issuer else "iss")
        return found[0]

    def add(
        self,
        *,
        name: str,
        issuer: str,
        client_id: str,
        auth_login_url: str,
        auth_token_url: str,
        key_set_url: str,
        audience: str = "",
        deployments: Iterable[str] = (),
        accepts_deployments: bool = False,
        course_pattern: str = "",
        own_keys: bool = False,
        enabled: bool = True,
        registration_id: str = "",
    ) -> Registration:
        """Register a platform, by the id that it was told before, if any.

        Raise `InvalidInput`, `Conflict` where its issuer and client are registered or there are too many, `StorageError`.
        """
        given = dict(locals())
        fields = _checked({field: given[field] for field in FIELDS})
        until = self._now() + DEPLOYMENTS_FOR if accepts_deployments else None
        made = Registration(registration_id or new_id(), created_at=self._now(), accepts_until=until, **fields)
        self._check_keys(made)
        with self._store.reading():
            kept = self._store.collection(COLLECTION)
            if kept.count_documents({}) >= REGISTRATIONS_MAX:
                raise Conflict(_("There are %(most)s registrations, as many as one server keeps.", most=REGISTRATIONS_MAX))
            try:
                kept.insert_one({"_id": made.registration_id, **_stored(fields), "created_at": made.created_at, "accepts_until": until})
            except DuplicateKeyError:
                raise _taken(made.issuer, made.client_id) from None
        self.forget()
        return made

    def change(self, registration_id: str, **fields: Any) -> Registration:
        """Change fields of one. Raise `UnknownPlatform`, `InvalidInput`, `Conflict`, `StorageError`."""
        before = self.get(registration_id)
        fields = _checked(fields)
        if fields.get("accepts_deployments") and not before.takes_deployments(self._now()):
            fields["accepts_until"] = self._now() + DEPLOYMENTS_FOR
        after = replace(before, **fields)
        if fields.keys() & {"issuer", "client_id", "auth_token_url", "audience", "own_keys"}:
            self._check_keys(after)
        with self._store.reading():
            try:
                found = self._store.collection(COLLECTION).update_one({"_id": registration_id}, {"$set": _stored(fields)})
            except DuplicateKeyError:
                raise _taken(after.issuer, after.client_id) from None
        self.forget()
        if not found.matched_count:
            raise _unknown_id(registration_id)
        return after

    def take_deployment(self, registration_id: str, deployment_id: str) -> Registration:
        """Add a deployment that came with a launch. Raise `UnknownPlatform` where that may not be, or there are too many, `StorageError`."""
        (deployment_id,) = _checked_deployments([deployment_id])
        room: Document = {"accepts_deployments": True, "accepts_until": {"$gt": self._now()}}
        room[f"deployments.{DEPLOYMENTS_MAX - 1}"] = {"$exists": False}
        with self._store.reading():
            found = self._store.collection(COLLECTION).find_one_and_update(
                {"_id": registration_id, **room}, {"$addToSet": {"deployments": deployment_id}}, return_document=ReturnDocument.AFTER
            )
        self.forget()
        if found is None:
            unknown = _("This deployment of the learning platform is not registered here.")
            raise UnknownPlatform(joined(" ", [unknown, SHOW]), field="deployment_id")
        return registration_of(found)

    def remove(self, registration_id: str) -> Registration:
        """Forget a platform; nobody comes from it any more. Raise `UnknownPlatform`, `StorageError`."""
        with self._store.reading():
            found = self._store.collection(COLLECTION).find_one_and_delete({"_id": registration_id})
        self.forget()
        if found is None:
            raise _unknown_id(registration_id)
        return registration_of(found)

    def forget(self) -> None:
        """Read them again at the next question: somebody may have changed one."""
        self._known = None

    def _check_keys(self, one: Registration) -> None:
        """What the common key signs must be of use to this platform alone: it is asked at its issuer's, and no other platform's client is called so.

        Raise `InvalidInput`, `Conflict`, `StorageError`.
        """
        if one.own_keys:
            return
        for name, address in (("auth_token_url", one.auth_token_url), ("audience", one.audience)):
            if address and not is_at_issuer(one.issuer, address):
                text = _(
                    "%(given)s is of another host than the issuer. Look whether it is right, or register it with keys of its own.",
                    given=repr(address),
                )
                raise InvalidInput(text, field=name)
        others: Document = {"client_id": one.client_id, "issuer": {"$ne": one.issuer}, "own_keys": {"$ne": True}, "_id": {"$ne": one.registration_id}}
        with self._store.reading():
            if self._store.collection(COLLECTION).find_one(others, {"_id": 1}) is not None:
                raise Conflict(
                    _("Another platform's client is called %(client)s, too. Give this platform keys of its own.", client=repr(one.client_id)),
                    field="client_id",
                )

    def _now(self) -> datetime:
        now = self._wall()
        return now.replace(microsecond=now.microsecond // 1000 * 1000)  # as the database keeps it

    def _fresh(self) -> Mapping[str, Registration]:
        known = self._known
        if known is not None and self._clock() - known[0] < FRESH_S:
            return known[1]
        with self._reading:  # one reads for all who come meanwhile
            known = self._known
            if known is None or self._clock() - known[0] >= FRESH_S:
                at = self._clock()
                with self._store.reading():
                    found = [registration_of(document) for document in self._store.collection(COLLECTION).find().limit(REGISTRATIONS_MAX)]
                known = self._known = (at, {one.registration_id: one for one in found})
            return known[1]


def registration_of(document: Document) -> Registration:
    """A registration as it is stored."""
    fields = {name: document[name] for name in FIELDS if name in document}
    fields["deployments"] = tuple(document.get("deployments") or ())
    moments: dict[str, Any] = {name: document.get(name) for name in ("created_at", "accepts_until")}
    return Registration(registration_id=str(document["_id"]), **moments, **fields)


def new_id() -> str:
    """The id of a registration that is to be: 16 letters, digits, `-` and `_`."""
    return secrets.token_urlsafe(12)


def is_at_issuer(issuer: str, address: str) -> bool:
    """Is this an address of the issuer's own host, of one below it, or of Canvas' for an issuer of Canvas?"""
    if not is_platform_url(address):
        return False
    mine, its = urlsplit(issuer).hostname or "", urlsplit(address).hostname or ""
    return f".{its}".endswith(f".{mine}") or (mine in CANVAS and f".{its}".endswith(CANVAS_HOSTS))


def is_platform_url(address: str) -> bool:
    """Is this an address of a platform: by HTTPS (plain HTTP to this machine only), without a user's name or a fragment?"""
    try:
        parts = urlsplit(address)
        host, _port = parts.hostname, parts.port
    except ValueError:
        return False
    plain = address.isascii() and address.isprintable() and not set(address) & set(" \\\"'<>") and len(address) <= URL_MAX
    by = parts.scheme == "https" or (parts.scheme == "http" and host in LOOPBACK)
    return bool(plain and by and host and not parts.fragment and "@" not in parts.netloc)


def _checked(fields: Mapping[str, Any]) -> dict[str, Any]:
    unknown = set(fields) - FIELDS
    if unknown:
        raise TypeError(f"a registration has no {', '.join(sorted(unknown))}")
    checked = dict(fields)
    for name in ("name", "client_id", "course_pattern", "audience"):
        if name in checked:
            checked[name] = _text(name, checked[name])
    for name in ("issuer", "auth_login_url", "auth_token_url", "key_set_url"):
        if name in checked:
            checked[name] = _url(name, checked[name])
    if "deployments" in checked:
        checked["deployments"] = _checked_deployments(checked["deployments"])
    return checked


def _text(name: str, value: str) -> str:
    least, most = {"name": (1, NAME_MAX), "client_id": (1, LONGEST), "course_pattern": (0, PATTERN_MAX), "audience": (0, URL_MAX)}[name]
    text = value.strip()
    if not least <= len(text) <= most or not text.isprintable():
        raise InvalidInput(_("It has %(least)s to %(most)s characters, on one line.", least=least, most=most), field=name)
    return text


def _url(name: str, value: str) -> str:
    if not is_platform_url(value.strip()):
        raise InvalidInput(
            _("%(given)s is no address of a learning platform: it begins with https:// and has no # and no user's name.", given=repr(value[:200])),
            field=name,
        )
    return value.strip()


def _checked_deployments(given: Iterable[str]) -> tuple[str, ...]:
    deployments = tuple(dict.fromkeys(one.strip() for one in given))
    if len(deployments) > DEPLOYMENTS_MAX or not all(1 <= len(one) <= LONGEST and one.isprintable() for one in deployments):
        raise InvalidInput(
            _("A registration has up to %(most)s deployments, each of 1 to %(longest)s characters.", most=DEPLOYMENTS_MAX, longest=LONGEST),
            field="deployments",
        )
    return deployments


def _stored(fields: Mapping[str, Any]) -> Document:
    return {name: list(value) if isinstance(value, tuple) else value for name, value in fields.items()}


def _unknown_id(registration_id: str) -> UnknownPlatform:
    return UnknownPlatform(_("There is no registration %(id)s.", id=repr(registration_id[:40])), field="registration_id")


def _taken(issuer: str, client_id: str) -> Conflict:
    return Conflict(_("The client %(client)s of %(issuer)s is registered already.", client=repr(client_id), issuer=repr(issuer)), field="client_id")
