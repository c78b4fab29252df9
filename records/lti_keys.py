"""The keys by which this server signs what it sends to learning platforms (RSA, RS256), the same for all servers on one database.

A registration has keys of its own, published at an address of its own: what is signed for one platform is then nothing to another, whatever the
first says that its client is called. The common ones are for platforms that were given the common address.

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
    """The keys of one store. Safe between threads. `of` is a registration's id where its own keys are meant, empty for the common ones.

    A key's `_id` counts up from 1, so that of two who make the same one the first wins.
    """

    def __init__(self, store: Store, secret: str, *, now: Callable[[], datetime] = utc_now, clock: Callable[[], float] = time.monotonic) -> None:
        """`secret` is the server's own key."""
        self._store = store
        self._seal = Fernet(base64.urlsafe_b64encode(hashlib.sha256(b"lti keys\0" + secret.encode()).digest()))
        self._now, self._clock = now, clock
        self._known: dict[str, tuple[float, list[Document]]] = {}
        self._opened: dict[str, tuple[str, RSAKey]] = {}  # the last of each, by what it was sealed as
        self._making = threading.Lock()

    def signing(self, of: str = "") -> RSAKey:
        """The private key that signs now; its `kid` goes into a token's head. It is made at the first use. Raise `StorageError`."""
        documents = self._documents(of)
        key = self._open(of, _current(documents, self._now()))
        if key is not None:
            return key
        log.warning("the key for learning platforms was sealed by another SECRET_KEY: a new one is made, which they have to read first")
        self._make(of, _number(documents[-1]) + 1, self._now())
        made = self._open(of, _current(self._documents(of), self._now()))
        if made is None:
            raise Conflict(_("Two servers on one database have different SECRET_KEYs: give them the same."))
        return made

    def public(self, of: str = "", *, make: bool = True) -> dict[str, list[dict[str, Any]]]:
        """The key set for `/lti/jwks`: what is in use, what comes next, and what was in use a day ago. Raise `StorageError`.

        Where there is none yet it is made; without `make` the set is empty.
        """
        documents, now = self._documents(of, make=make), self._now()
        return {"keys": [document["public"] for document in documents if not _is_over(document, documents, now)]}

    def rotate(self, now: datetime | None = None) -> datetime:
        """Make the next common key; give from when it signs, a day later. Registrations' own follow, each a day after its next use.

        Raise `Conflict` where one waits already, `StorageError`.
        """
        self._known.clear()
        documents = self._documents("")
        now = now or self._now()  # after the first was made, where there was none
        last = documents[-1]
        if last["signs_from"] > now:
            raise Conflict(_("The next key is published already, and signs from %(when)s on.", when=last["signs_from"].isoformat(timespec="minutes")))
        self._make_next("", documents, now)
        return now + PUBLISHED

    def forget(self, of: str) -> None:
        """A registration was removed, or came to nothing: its own keys go. Raise `StorageError`."""
        with self._store.reading():
            self._store.collection(COLLECTION).delete_many({"of": of})
        self._known.pop(of, None)
        self._opened.pop(of, None)

    def _documents(self, of: str, *, make: bool = True) -> list[Document]:
        """Those there are, oldest first; with `make` at least one."""
        known = self._known.get(of)
        if known is not None and self._clock() - known[0] <= FRESH_S:
            return known[1]
        found = self._read(of)
        if not found and not make:
            return []
        if not found or self._is_behind(of, found):
            with self._making:
                found = self._read(of)
                if not found:
                    self._make(of, 1, self._now())
                elif self._is_behind(of, found):
                    self._make_next(of, found, self._now())
                found = self._read(of)
        self._known[of] = (self._clock(), found)
        return found

    def _read(self, of: str) -> list[Document]:
        with self._store.reading():
            return list(self._store.collection(COLLECTION).find({"of": of or None}).sort("_id", DESCENDING).limit(KEPT))[::-1]

    def _is_behind(self, of: str, own: list[Document]) -> bool:
        """Was the common key rotated since the newest of a registration's own was made?"""
        if not of:
            return False
        common = self._read("")
        return bool(common) and _number(common[-1]) > 1 and bool(common[-1]["made_at"] > own[-1]["made_at"])

    def _make_next(self, of: str, documents: list[Document], now: datetime) -> None:
        """Make the one that signs a day later, and forget those that nobody reads any more."""
        self._make(of, _number(documents[-1]) + 1, now + PUBLISHED)
        over = [document["_id"] for document in documents if _is_over(document, documents, now)]
        if over:
            with self._store.reading():
                self._store.collection(COLLECTION).delete_many({"_id": {"$in": over}})

    def _make(self, of: str, number: int, signs_from: datetime) -> None:
        kid = secrets.token_urlsafe(12)
        key = RSAKey.generate_key(BITS, {"kid": kid, "use": "sig", "alg": ALGORITHM})
        sealed = self._seal.encrypt(json.dumps(key.as_dict(private=True)).encode()).decode()
        document: Document = {"public": key.as_dict(private=False), "sealed": sealed, "signs_from": signs_from, "made_at": self._now()}
        document |= {"_id": f"{of} {number:06}", "of": of, "number": number} if of else {"_id": number}
        with self._store.reading():
            try:
                self._store.collection(COLLECTION).insert_one(document)
            except DuplicateKeyError:
                log.debug("key %s was made by another server in this moment", number)
        self._known.pop(of, None)

    def _open(self, of: str, document: Document) -> RSAKey | None:
        sealed: str = document["sealed"]
        known = self._opened.get(of)
        if known is not None and known[0] == sealed:
            return known[1]
        try:
            opened = RSAKey.import_key(json.loads(self._seal.decrypt(sealed.encode())))
        except InvalidToken:
            return None
        self._opened[of] = (sealed, opened)
        return opened


def _current(documents: list[Document], now: datetime) -> Document:
    """The newest that signs at `now`; before the first does, the first."""
    return next((document for document in reversed(documents) if document["signs_from"] <= now), documents[0])


def _is_over(document: Document, documents: list[Document], now: datetime) -> bool:
    """Has a later one signed for longer than a day?"""
    return any(_number(later) > _number(document) and later["signs_from"] + PUBLISHED < now for later in documents)


def _number(document: Document) -> int:
    number: int = document["number"] if "number" in document else document["_id"]
    return number
