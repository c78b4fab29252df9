"""What waits for somebody to come back with a secret: an administrator's link for one registration, a teacher's choice of an exam.

Only a secret's hash is kept, and what waits goes at its end. Each platform has room of its own, and each of its people one place.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any, Literal

from basics.errors import Conflict
from basics.texts import _
from basics.times import utc_now
from records.stores import Document, Store

COLLECTION = "lti_waiting"
LINKS_MAX = 1_000
CHOICES_MAX = 1_000  # of one platform
LINK_FOR, CHOICE_FOR = timedelta(hours=24), timedelta(hours=1)
SECRET_BYTES = 32

Kind = Literal["registration", "choice"]


class LtiWaiting:
    """Of one store."""

    def __init__(self, store: Store, *, now: Callable[[], datetime] = utc_now) -> None:
        self._store = store
        self._now = now

    def keep_link(self, fields: Mapping[str, Any]) -> str:
        """Keep what a link to register a platform needs; give the link's secret. Raise `Conflict` where too many wait, `StorageError`."""
        return self._keep("registration", "", LINKS_MAX, fields, LINK_FOR)

    def keep_choice(self, registration_id: str, user_id: str, fields: Mapping[str, Any]) -> str:
        """Keep a person's choice in place of the one before; give its secret. Raise `Conflict` where the platform has too many, `StorageError`."""
        with self._store.reading():
            self._store.collection(COLLECTION).delete_many({"kind": "choice", "of": registration_id, "user_id": user_id})
        return self._keep("choice", registration_id, CHOICES_MAX, {**fields, "user_id": user_id}, CHOICE_FOR)

    def look(self, kind: Kind, secret: str) -> Document | None:
        """What waits for this secret, which stays; None: nothing, or no more. Raise `StorageError`."""
        with self._store.reading():
            return self._store.collection(COLLECTION).find_one(self._query(kind, secret))

    def take(self, kind: Kind, secret: str) -> Document | None:
        """The same, once: of two who come at the same moment one gets it. Raise `StorageError`."""
        with self._store.reading():
            return self._store.collection(COLLECTION).find_one_and_delete(self._query(kind, secret))

    def _keep(self, kind: Kind, of: str, most: int, fields: Mapping[str, Any], how_long: timedelta) -> str:
        secret = secrets.token_urlsafe(SECRET_BYTES)
        with self._store.reading():
            kept = self._store.collection(COLLECTION)
            if kept.count_documents({"kind": kind, "of": of}, limit=most) >= most:
                raise Conflict(_("Too much of the learning platforms waits here already. Try again in an hour."))
            kept.insert_one({"_id": _hash(kind, secret), "kind": kind, "of": of, "until": self._now() + how_long, **fields})
        return secret

    def _query(self, kind: Kind, secret: str) -> Document:
        return {"_id": _hash(kind, secret), "until": {"$gt": self._now()}}


def _hash(kind: Kind, secret: str) -> str:
    return hashlib.sha256(f"{kind}\0{secret[:200]}".encode("utf-8", "replace")).hexdigest()
