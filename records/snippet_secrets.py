"""The secret of an exam by which the server of another site signs who starts it there (the snippet).

It is sealed by the server's own key (SECRET_KEY), shown once when it is made, and stands in no session's record, package, copy or list.
"""

from __future__ import annotations

import base64
import hashlib
import logging
import secrets
from collections.abc import Callable
from datetime import datetime

from cryptography.fernet import Fernet, InvalidToken

from basics.gone import of_exam
from basics.stored_fields import is_moment, is_text
from basics.times import utc_now
from database import Database, Document

log = logging.getLogger(__name__)

COLLECTION = "snippet_secrets"
SECRET_BYTES = 32


class SnippetSecrets:
    """Of one database."""

    def __init__(self, database: Database, key: str, *, now: Callable[[], datetime] = utc_now) -> None:
        """`key` is the server's own."""
        self._database = database
        self._seal = Fernet(base64.urlsafe_b64encode(hashlib.sha256(b"snippet secrets\0" + key.encode()).digest()))
        self._now = now

    def of(self, exam_key: str) -> str:
        """The exam's secret, in ASCII; empty where it has none that can be read. Raise `StorageError`."""
        sealed = self._document(exam_key).get("sealed")
        if not is_text(sealed):
            return ""
        try:
            return self._seal.decrypt(sealed.encode()).decode("ascii")
        except (InvalidToken, UnicodeError):
            log.warning("the start secret of exam %s was sealed by another SECRET_KEY: make a new one", exam_key)
            return ""

    def made_at(self, exam_key: str) -> datetime | None:
        """Since when the exam has its secret, None where it has none. Raise `StorageError`."""
        made = self._document(exam_key).get("made_at")
        return made if is_moment(made) else None

    def renew(self, exam_key: str, by: str) -> str:
        """Make a secret; the one before is worth nothing from now on. Raise `Conflict` where the exam is being deleted, `StorageError`."""
        secret = secrets.token_urlsafe(SECRET_BYTES)
        fields = {"sealed": self._seal.encrypt(secret.encode()).decode(), "made_at": self._now(), "made_by": by, "exam_key": exam_key}
        with self._database.gone.writing(of_exam(exam_key)), self._database.reading():
            self._database.collection(COLLECTION).update_one({"_id": exam_key}, {"$set": fields}, upsert=True)
        return secret

    def _document(self, exam_key: str) -> Document:
        with self._database.reading():
            return self._database.collection(COLLECTION).find_one({"_id": exam_key}) or {}
