"""The password of an exam elsewhere (a quiz of a learning platform), which a student's page shows once the check has passed and the exam has begun.

It is kept apart from the exam's definition, so that it stands in no session's record, package, copy or list.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from basics.gone import of_exam
from basics.stored_fields import is_text
from basics.times import utc_now
from database import Database

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

    def __init__(self, database: Database, *, now: Callable[[], datetime] = utc_now) -> None:
        self._database = database
        self._now = now

    def of(self, exam_key: str) -> ExamPassword:
        """That of an exam. Raise `StorageError`."""
        with self._database.reading():
            document = self._database.collection(COLLECTION).find_one({"_id": exam_key}) or {}
        return ExamPassword(**{name: document[name] for name in ("password", "text") if is_text(document.get(name))})

    def set(self, exam_key: str, given: ExamPassword, by: str) -> None:
        """Set or change it, while the exam runs, too; an empty password takes it away. Raise `Conflict`, `StorageError`."""
        with self._database.gone.writing(of_exam(exam_key)), self._database.reading():
            kept = self._database.collection(COLLECTION)
            if not given.password:
                kept.delete_one({"_id": exam_key})
                return
            fields = {"password": given.password, "text": given.text, "changed_at": self._now(), "changed_by": by, "exam_key": exam_key}
            kept.update_one({"_id": exam_key}, {"$set": fields}, upsert=True)
