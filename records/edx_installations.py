"""The Open edX installations that are registered here: where each is, by which secret it shows itself here, and by which this server does there."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from basics.errors import Conflict, InvalidInput, NotFound
from basics.seal import Seal
from basics.texts import _, from_kept, kept
from basics.times import utc_now
from records.lti_registrations import is_platform_url
from records.stores import Document, Store

COLLECTION = "edx_installations"
INSTALLATIONS_MAX = 20
NAME_MAX, URL_MAX, CLIENT_MAX, SECRET_MAX = 100, 500, 255, 1000  # characters
BOTH_FOR = timedelta(hours=24)  # for which a secret is good on that was replaced,
OLD_MAX = 3  # and so many of them
PURPOSE = "openedx"
SECRET_BYTES = 32


@dataclass(frozen=True, slots=True)
class KeptSecret:
    """One of an installation's, sealed; `until` is when it is good no more, None: it is the newest."""

    sealed: str
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Installation:
    """One Open edX. `id` is the client id that it was given here, `lms_client_id` ours there. With `onboarding` nobody takes a proctored exam before
    a person has passed an onboarding exam of theirs. Since `failing_since` it has taken nothing that it was told, for the reason `failing_why`.
    """

    id: str
    name: str
    lms_url: str
    lms_client_id: str
    onboarding: bool = False
    enabled: bool = True
    secrets: tuple[KeptSecret, ...] = field(default=(), repr=False)
    lms_secret: str = field(default="", repr=False)  # sealed
    slow_until: datetime | None = None
    failing_since: datetime | None = None
    failing_why: str = ""
    made_at: datetime | None = None
    made_by: str = ""

    @property
    def old_secret_until(self) -> datetime | None:
        """Until when the secret before the newest is good, too."""
        return max((one.until for one in self.secrets if one.until is not None), default=None)


class Installations:
    """The installations of one store."""

    def __init__(self, store: Store, key: str) -> None:
        """`key` opens the secrets."""
        self._store = store
        self._seal = Seal(key, PURPOSE)

    def all(self) -> list[Installation]:
        """All, by name. Raise `StorageError`."""
        with self._store.reading():
            found = [_installation(row) for row in self._store.collection(COLLECTION).find().limit(2 * INSTALLATIONS_MAX)]
        return sorted(found, key=lambda one: (one.name.casefold(), one.id))

    def find(self, installation_id: str) -> Installation | None:
        """One; None where there is none. Raise `StorageError`."""
        with self._store.reading():
            row = self._store.collection(COLLECTION).find_one({"_id": installation_id[:64]})
        return _installation(row) if row is not None else None

    def get(self, installation_id: str) -> Installation:
        """One. Raise `NotFound`, `StorageError`."""
        found = self.find(installation_id)
        if found is None:
            raise NotFound(_("There is no Open edX %(id)s.", id=repr(installation_id[:40])), field="installation_id")
        return found

    def add(
        self, name: str, lms_url: str, lms_client_id: str, lms_client_secret: str, *, by: str, onboarding: bool = False, enabled: bool = True
    ) -> tuple[Installation, str]:
        """Register one; give it and its secret, which nobody is shown again. Raise `InvalidInput`, `Conflict`, `StorageError`."""
        wanted = {"name": name, "lms_url": lms_url, "lms_client_id": lms_client_id, "lms_client_secret": lms_client_secret}
        fields = self._checked({**wanted, "onboarding": onboarding, "enabled": enabled})
        if len(self.all()) >= INSTALLATIONS_MAX:
            raise Conflict(_("%(most)s Open edX are registered, as many as one server has. Remove one that nobody needs.", most=INSTALLATIONS_MAX))
        secret = secrets.token_urlsafe(SECRET_BYTES)
        document: Document = {"_id": secrets.token_hex(8), **fields, "secrets": [self._newest(secret)], "made_at": utc_now(), "made_by": by}
        with self._store.reading():
            self._store.collection(COLLECTION).insert_one(document)
        return _installation(document), secret

    def change(self, installation_id: str, **wanted: Any) -> Installation:
        """Change `name`, `lms_url`, `lms_client_id`, `lms_client_secret`, `onboarding`, `enabled`. Raise `NotFound`, `InvalidInput`."""
        return self._set(installation_id, self._checked(wanted))

    def rotate(self, installation_id: str) -> tuple[Installation, str]:
        """Give one a new secret; each from before is good until 24 h after it was replaced. Raise `NotFound`, `Conflict`, `StorageError`."""
        found, secret, now = self.get(installation_id), secrets.token_urlsafe(SECRET_BYTES), utc_now()
        before = [{"sealed": one.sealed, "until": one.until or now + BOTH_FOR} for one in found.secrets if one.until is None or one.until > now]
        newest = [one.sealed for one in found.secrets if one.until is None]
        with self._store.reading():
            done = self._store.collection(COLLECTION).update_one(
                {"_id": installation_id, **({"secrets": {"$elemMatch": {"sealed": newest[0], "until": None}}} if newest else {})},
                {"$set": {"secrets": [self._newest(secret), *before[:OLD_MAX]]}},
            )
        if not done.matched_count:
            raise Conflict(_("This Open edX was given another secret in this moment. Look again before you make one more."))
        return self.get(installation_id), secret

    def remove(self, installation_id: str) -> Installation:
        """Forget one, with what waits to be told to it. Raise `NotFound`, `StorageError`."""
        found = self.get(installation_id)
        with self._store.reading():
            self._store.collection(COLLECTION).delete_one({"_id": installation_id})
            self._store.collection("outbox").delete_many({"endpoint_id": installation_id})
        return found

    def slow_down(self, installation_id: str, until: datetime) -> None:
        """Tell it nothing before then. Raise `StorageError`."""
        self._update(installation_id, {"$set": {"slow_until": until}})

    def took(self, installation_id: str) -> None:
        """Note that it took what it was told. Raise `StorageError`."""
        self._update(installation_id, {"$unset": {"failing_since": "", "failing_why": ""}})

    def failed(self, installation_id: str, at: datetime, why: str) -> None:
        """Note that it did not. Raise `StorageError`."""
        self._update(installation_id, {"$min": {"failing_since": at}, "$set": {"failing_why": kept(why)}})

    def secrets_of(self, one: Installation) -> list[str]:
        """Its secrets that are good now, the newest first; none where this server's key is another than the one that sealed them."""
        now = utc_now()
        opened = (self._seal.open(kept.sealed) for kept in one.secrets if kept.until is None or kept.until > now)
        return [secret for secret in opened if secret]

    def lms_secret_of(self, one: Installation) -> str:
        """By what this server shows itself there; empty where it can't be opened."""
        return self._seal.open(one.lms_secret) if one.lms_secret else ""

    def known_by(self, client_id: str, secret: str) -> tuple[Installation, str] | None:
        """Which installation shows itself so, and the mark of the secret by which it did; None: none that is enabled. Raise `StorageError`."""
        found = self.find(client_id)
        given = secret.encode("utf-8", "replace")
        right = [one for one in (self.secrets_of(found) if found is not None else [""]) if hmac.compare_digest(one.encode(), given)]
        return (found, mark_of(right[0])) if found is not None and found.enabled and right else None

    def _newest(self, secret: str) -> Document:
        return {"sealed": self._seal.seal(secret), "until": None}

    def _set(self, installation_id: str, fields: Document) -> Installation:
        self.get(installation_id)
        if fields:
            self._update(installation_id, {"$set": fields, "$unset": {"slow_until": "", "failing_since": "", "failing_why": ""}})
        return self.get(installation_id)

    def _update(self, installation_id: str, change: Document) -> None:
        with self._store.reading():
            self._store.collection(COLLECTION).update_one({"_id": installation_id}, change)

    def _checked(self, wanted: Mapping[str, Any]) -> Document:
        fields = dict(wanted)
        for name, most in (("name", NAME_MAX), ("lms_client_id", CLIENT_MAX), ("lms_client_secret", SECRET_MAX)):
            if name in fields:
                fields[name] = _line(fields[name], name, most)
        if "lms_url" in fields:
            fields["lms_url"] = _lms_url(fields["lms_url"])
        if "lms_client_secret" in fields:
            fields["lms_secret"] = self._seal.seal(fields.pop("lms_client_secret"))
        return fields


def mark_of(secret: str) -> str:
    """Tells one secret from another, and nobody what it is."""
    return hashlib.sha256(f"openedx mark\0{secret}".encode()).hexdigest()[:16]


def _installation(row: Document) -> Installation:
    """As it was stored; what was damaged lets nobody in."""
    stored = row.get("secrets")
    moments: dict[str, Any] = {
        name: value if isinstance(value := row.get(name), datetime) else None for name in ("slow_until", "failing_since", "made_at")
    }
    texts: dict[str, Any] = {name: str(row.get(name) or "") for name in ("name", "lms_url", "lms_client_id", "lms_secret", "made_by")}
    return Installation(
        id=str(row["_id"]),
        **texts,
        failing_why=from_kept(row.get("failing_why")),
        onboarding=row.get("onboarding") is True,
        enabled=row.get("enabled") is True,
        secrets=tuple(KeptSecret(str(one["sealed"]), one.get("until")) for one in stored if isinstance(one, Mapping) and one.get("sealed"))
        if isinstance(stored, list)
        else (),
        **moments,
    )


def _line(text: str, name: str, most: int) -> str:
    text = text.strip()
    if not 1 <= len(text) <= most or not text.isprintable():
        raise InvalidInput(_("%(name)s has 1 to %(most)s characters, on one line.", name=name, most=most), field=name)
    return text


def _lms_url(value: str) -> str:
    address = value.strip().rstrip("/")
    if len(address) > URL_MAX or "?" in address or not is_platform_url(address):
        text = _("%(given)s is no address of an LMS: it begins with https:// and has no ?, # and no user's name.", given=repr(value[:200]))
        raise InvalidInput(text, field="lms_url")
    return address
