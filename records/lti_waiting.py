"""What waits for somebody to come back with a secret: an administrator's link for one registration, a teacher's choice of an exam.

Only a secret's hash is kept, and what waits goes at its end.
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
WAITING_MAX = 20_000
LINK_FOR, CHOICE_FOR = timedelta(hours=24), timedelta(hours=1)
SECRET_BYTES = 32

Kind = Literal["registration", "choice"]


class LtiWaiting:
    """Of one store."""

    def __init__(self, store: Store, *, now: Callable[[], datetime] = utc_now) -> None:
        self._store = store
        self._now = now

    def keep(self, kind: Kind, fields: Mapping[str, Any], how_long: timedelta) -> str:
        """Keep it; give the secret. Raise `Conflict` where too much waits, `StorageError`."""
        secret = secrets.token_urlsafe(SECRET_BYTES)
        with self._store.reading():
            kept = self._store.collection(COLLECTION)
            if kept.estimated_document_count() >= WAITING_MAX:
                raise Conflict(_("Too much of the learning platforms waits here already. Try again in an hour."))
            kept.insert_one({"_id": _hash(kind, secret), "kind": kind, "until": self._now() + how_long, **fields})
        return secret

    def look(self, kind: Kind, secret: str) -> Document | None:
        """What waits for this secret, which stays; None: nothing, or no more. Raise `StorageError`."""
        with self._store.reading():
            return self._store.collection(COLLECTION).find_one(self._query(kind, secret))

    def take(self, kind: Kind, secret: str) -> Document | None:
        """The same, once: of two who come at the same moment one gets it. Raise `StorageError`."""
        with self._store.reading():
            return self._store.collection(COLLECTION).find_one_and_delete(self._query(kind, secret))

    def _query(self, kind: Kind, secret: str) -> Document:
        return {"_id": _hash(kind, secret), "until": {"$gt": self._now()}}


def _hash(kind: Kind, secret: str) -> str:
    return hashlib.sha256(f"{kind}\0{secret[:200]}".encode("utf-8", "replace")).hexdigest()
