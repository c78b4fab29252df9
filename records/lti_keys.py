"""The keys by which this server signs what it sends to learning platforms (RSA, RS256), the same for all servers on one database.

A next key is published a day before anything is signed by it, and the one before stays published for a day after: platforms keep what they read.
The private halves are sealed by the server's own key (SECRET_KEY).
"""

from __future__ import annotations

import base64
import hashlib
import json
import logging
import secrets
import threading
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from cryptography.fernet import Fernet, InvalidToken
from joserfc.jwk import RSAKey
from pymongo import DESCENDING
from pymongo.errors import DuplicateKeyError

from basics.errors import Conflict
from basics.texts import _
from basics.times import utc_now
from records.stores import Document, Store

log = logging.getLogger(__name__)

COLLECTION = "lti_keys"
ALGORITHM = "RS256"
BITS = 2048
PUBLISHED = timedelta(hours=24)  # before and after a key is in use
FRESH_S = 60.0
KEPT = 20


class LtiKeys:
    """The keys of one store. Safe between threads. A key's `_id` counts up from 1, so that of two who make the same one the first wins."""

    def __init__(self, store: Store, secret: str, *, now: Callable[[], datetime] = utc_now, clock: Callable[[], float] = time.monotonic) -> None:
        """`secret` is the server's own key."""
        self._store = store
        self._seal = Fernet(base64.urlsafe_b64encode(hashlib.sha256(b"lti keys\0" + secret.encode()).digest()))
        self._now, self._clock = now, clock
        self._known: tuple[float, list[Document]] | None = None
        self._opened: dict[str, RSAKey] = {}
        self._making = threading.Lock()

    def signing(self) -> RSAKey:
        """The private key that signs now; its `kid` goes into a token's head. It is made at the first use. Raise `StorageError`."""
        documents = self._documents()
        key = self._open(_current(documents, self._now()))
        if key is not None:
            return key
        log.warning("the key for learning platforms was sealed by another SECRET_KEY: a new one is made, which they have to read first")
        self._make(documents[-1]["_id"] + 1, self._now())
        made = self._open(_current(self._documents(), self._now()))
        if made is None:
            raise Conflict(_("Two servers on one database have different SECRET_KEYs: give them the same."))
        return made

    def public(self) -> dict[str, list[dict[str, Any]]]:
        """The key set for `/lti/jwks`: what is in use, what comes next, and what was in use a day ago. Raise `StorageError`."""
        documents, now = self._documents(), self._now()
        return {"keys": [document["public"] for document in documents if not _is_over(document, documents, now)]}

    def rotate(self, now: datetime | None = None) -> datetime:
        """Make the next key; give from when it signs, a day later. Raise `Conflict` where one waits already, `StorageError`."""
        self._known = None
        documents = self._documents()
        now = now or self._now()  # after the first was made, where there was none
        last = documents[-1]
        if last["signs_from"] > now:
            raise Conflict(_("The next key is published already, and signs from %(when)s on.", when=last["signs_from"].isoformat(timespec="minutes")))
        self._make(last["_id"] + 1, now + PUBLISHED)
        over = [document["_id"] for document in documents if _is_over(document, documents, now)]
        if over:
            with self._store.reading():
                self._store.collection(COLLECTION).delete_many({"_id": {"$in": over}})
        return now + PUBLISHED

    def _documents(self) -> list[Document]:
        """Those there are, oldest first; at least one."""
        known = self._known
        if known is None or self._clock() - known[0] > FRESH_S:
            with self._making:
                found = self._read()
                if not found:
                    self._make(1, self._now())
                    found = self._read()
                known = self._known = (self._clock(), found)
        return known[1]

    def _read(self) -> list[Document]:
        with self._store.reading():
            return list(self._store.collection(COLLECTION).find().sort("_id", DESCENDING).limit(KEPT))[::-1]

    def _make(self, number: int, signs_from: datetime) -> None:
        kid = secrets.token_urlsafe(12)
        key = RSAKey.generate_key(BITS, {"kid": kid, "use": "sig", "alg": ALGORITHM})
        sealed = self._seal.encrypt(json.dumps(key.as_dict(private=True)).encode()).decode()
        document = {"_id": number, "public": key.as_dict(private=False), "sealed": sealed, "signs_from": signs_from, "made_at": self._now()}
        with self._store.reading():
            try:
                self._store.collection(COLLECTION).insert_one(document)
            except DuplicateKeyError:
                log.debug("key %s was made by another server in this moment", number)
        self._known = None

    def _open(self, document: Document) -> RSAKey | None:
        sealed: str = document["sealed"]
        if sealed not in self._opened:
            try:
                opened = RSAKey.import_key(json.loads(self._seal.decrypt(sealed.encode())))
            except InvalidToken:
                return None
            self._opened = {sealed: opened}
        return self._opened[sealed]


def _current(documents: list[Document], now: datetime) -> Document:
    """The newest that signs at `now`; before the first does, the first."""
    return next((document for document in reversed(documents) if document["signs_from"] <= now), documents[0])


def _is_over(document: Document, documents: list[Document], now: datetime) -> bool:
    """Has a later one signed for longer than a day?"""
    return any(later["_id"] > document["_id"] and later["signs_from"] + PUBLISHED < now for later in documents)
