"""Which exam here stands for which of an Open edX, and what it was told last of it: of one course id at two installations these are two."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field

from basics.identifiers import key_of
from basics.times import utc_now
from records.stores import Document, Store

COLLECTION = "edx_exams"
LONGEST = 255  # characters of a course's id, and of a content's


@dataclass(frozen=True, slots=True)
class EdxExam:
    """One exam. `id` is what Open edX is told as ours, `exam_id` our own; `practice`: an onboarding or practice exam; `rules`: by the names that
    this server offers. What is not `active` is proctored there no more.
    """

    id: str
    installation_id: str
    course_id: str
    content_id: str
    exam_id: str
    their_id: int = 0
    title: str = ""
    limit_min: int | None = None
    practice: bool = False
    active: bool = True
    rules: Mapping[str, bool] = field(default_factory=dict)

    @property
    def exam_key(self) -> str:
        """Of our own exam."""
        return key_of(self.exam_id)


class EdxExams:
    """The exams of one store."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def get(self, installation_id: str, exam: str) -> EdxExam | None:
        """One of an installation's own, by the id that it was told, None where there is none. Raise `StorageError`."""
        return self._found({"_id": exam[:64], "installation_id": installation_id})

    def known(self, exam: str) -> EdxExam | None:
        """One by that id alone. Raise `StorageError`."""
        return self._found({"_id": exam[:64]})

    def called(self, installation_id: str, their_id: int) -> EdxExam | None:
        """One by the installation's own number. Raise `StorageError`."""
        return self._found({"installation_id": installation_id, "their_id": their_id})

    def save(self, exam: EdxExam) -> None:
        """Keep what was told. Raise `StorageError`."""
        fields: Document = {name: getattr(exam, name) for name in EdxExam.__dataclass_fields__ if name != "id"}
        with self._store.reading():
            self._store.collection(COLLECTION).update_one(
                {"_id": exam.id}, {"$set": {**fields, "rules": dict(exam.rules), "exam_key": exam.exam_key, "told_at": utc_now()}}, upsert=True
            )

    def forget_installation(self, installation_id: str) -> None:
        """None of its exams is known any more; ours stay. Raise `StorageError`."""
        with self._store.reading():
            self._store.collection(COLLECTION).delete_many({"installation_id": installation_id})

    def _found(self, query: Document) -> EdxExam | None:
        with self._store.reading():
            row = self._store.collection(COLLECTION).find_one(query)
        if row is None:
            return None
        known = {name: row[name] for name in EdxExam.__dataclass_fields__ if name in row}
        return EdxExam(**{**known, "id": str(row["_id"])})


def id_of(installation_id: str, course_id: str, content_id: str) -> str:
    """By what an installation knows an exam of ours: always the same for one of its course's contents. 32 hexadecimal digits."""
    return hashlib.sha256("\0".join(f"{len(one)} {one}" for one in (installation_id, course_id, content_id)).encode()).hexdigest()[:32]


def prefix_of(installation_id: str) -> str:
    """How the ids of all exams begin that stand for an installation's."""
    return f"edx-{installation_id}-"
