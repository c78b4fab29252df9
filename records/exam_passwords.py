"""The password of an exam elsewhere (a quiz of a learning platform), which a student's page shows once the check has passed and the exam has begun.

It is kept apart from the exam's definition, so that it stands in no session's record, package, copy or list, and sealed by the server's own key
(SECRET_KEY), so that it stands in no backup.
"""

from __future__ import annotations

import base64
import hashlib
import json
import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from cryptography.fernet import Fernet, InvalidToken

from basics.gone import of_exam
from basics.stored_fields import is_text
from basics.times import utc_now
from database import Database

log = logging.getLogger(__name__)

COLLECTION = "exam_passwords"
PASSWORD_MAX, TEXT_MAX = 200, 500


@dataclass(frozen=True, slots=True)
class ExamPassword:
    """`text` tells the student what to do with it; empty: the page's own words do. Without a password there is nothing to show."""

    password: str = ""
    text: str = ""

    def __repr__(self) -> str:
        return f"ExamPassword(password={'…' if self.password else ''!r})"  # it may stand in a log


class ExamPasswords:
    """Of one database."""

    def __init__(self, database: Database, secret: str, *, now: Callable[[], datetime] = utc_now) -> None:
        """`secret` is the server's own key."""
        self._database = database
        self._seal = Fernet(base64.urlsafe_b64encode(hashlib.sha256(b"exam passwords\0" + secret.encode()).digest()))
        self._now = now

    def of(self, exam_key: str) -> ExamPassword:
        """That of an exam. Raise `StorageError`."""
        with self._database.reading():
            document = self._database.collection(COLLECTION).find_one({"_id": exam_key}) or {}
        sealed = document.get("sealed")
        if not is_text(sealed):
            return ExamPassword()
        try:
            opened = json.loads(self._seal.decrypt(sealed.encode()))
        except InvalidToken:
            log.warning("the password of exam %s was sealed by another SECRET_KEY, and can't be shown: set it anew", exam_key)
            return ExamPassword()
        return ExamPassword(opened["password"], opened["text"])

    def set(self, exam_key: str, given: ExamPassword, by: str) -> None:
        """Set or change it, while the exam runs, too; an empty password takes it away. Raise `Conflict`, `StorageError`."""
        with self._database.gone.writing(of_exam(exam_key)), self._database.reading():
            kept = self._database.collection(COLLECTION)
            if not given.password:
                kept.delete_one({"_id": exam_key})
                return
            sealed = self._seal.encrypt(json.dumps({"password": given.password, "text": given.text}).encode()).decode()
            fields = {"sealed": sealed, "changed_at": self._now(), "changed_by": by, "exam_key": exam_key}
            kept.update_one({"_id": exam_key}, {"$set": fields}, upsert=True)
