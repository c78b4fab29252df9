"""Which exam a learning platform's link leads to, and which exams belong to which of its courses.

A course is one context of one deployment of one registration: the same id elsewhere is another course. What one course may launch, another may not.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

from pymongo import DESCENDING

from basics.errors import Conflict
from basics.identifiers import key_of
from basics.texts import _
from basics.times import utc_now
from records.stores import Document, Store

LINKS, EXAMS = "lti_links", "lti_exams"
EXAMS_MAX = 200  # of one course
EXAMS_OF_PLATFORM_MAX = 2000  # that all courses of one registration may launch
OWNERS_MAX = 200  # of one exam that are listed


@dataclass(frozen=True, slots=True)
class Course:
    """One context. `context_id` is empty where the platform names none: then each of its links is a course of its own."""

    registration_id: str
    deployment_id: str
    context_id: str
    link_id: str = ""

    @property
    def key(self) -> str:
        """32 hexadecimal digits."""
        own = ("context", self.context_id) if self.context_id else ("link", self.link_id)
        return _key(self.registration_id, self.deployment_id, *own)

    def of_link(self, link_id: str) -> str:
        """The key of one of its resource links."""
        return _key(self.registration_id, self.deployment_id, "context", self.context_id, "link", link_id)


@dataclass(frozen=True, slots=True)
class LinkedTo:
    """What may launch an exam: `owner` is a course's key, or the id of a registration all of whose courses may."""

    owner: str
    registration_id: str
    by: str
    at: datetime


class LtiLinks:
    """The links and courses' exams of one store."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def exam_of(self, course: Course, link_id: str) -> str | None:
        """The id of the exam to which a resource link leads, None where nobody has opened it as a teacher yet. Raise `StorageError`."""
        with self._store.reading():
            found = self._store.collection(LINKS).find_one({"_id": course.of_link(link_id)}, {"exam_id": 1})
        return str(found["exam_id"]) if found is not None else None

    def set_exam(self, course: Course, link_id: str, exam_id: str) -> None:
        """Let a resource link lead to an exam. Raise `StorageError`."""
        fields = {"exam_id": exam_id, "exam_key": key_of(exam_id), "course": course.key, "registration_id": course.registration_id, "at": utc_now()}
        with self._store.reading():
            self._store.collection(LINKS).update_one({"_id": course.of_link(link_id)}, {"$set": fields}, upsert=True)

    def belongs(self, course: Course, exam_id: str) -> bool:
        """May this course launch the exam: is it the course's own, or linked to the course or the platform by somebody? Raise `StorageError`."""
        key = key_of(exam_id)
        with self._store.reading():
            found = self._store.collection(EXAMS).find_one({"_id": {"$in": [f"{course.key} {key}", f"{course.registration_id} {key}"]}}, {"_id": 1})
        return found is not None

    def add_exam(self, owner: Course | str, exam_id: str, by: str) -> bool:
        """Let a course launch an exam, whose teachers are then the exam's; a registration's id lets all its courses, and makes nobody a teacher.

        False where it could already. Raise `Conflict` where there are too many of it, `StorageError`.
        """
        key, most = (owner.key, EXAMS_MAX) if isinstance(owner, Course) else (owner, EXAMS_OF_PLATFORM_MAX)
        registration_id = owner.registration_id if isinstance(owner, Course) else owner
        fields = {"owner": key, "registration_id": registration_id, "exam_id": exam_id, "exam_key": key_of(exam_id), "by": by, "at": utc_now()}
        with self._store.reading():
            kept = self._store.collection(EXAMS)
            if kept.count_documents({"owner": key, "exam_key": {"$ne": key_of(exam_id)}}, limit=most) >= most:
                if isinstance(owner, Course):
                    raise Conflict(_("This course has %(most)s exams here, as many as one may have.", most=most))
                raise Conflict(_("Every course of this platform may launch %(most)s exams, as many as can be. Unlink one of them first.", most=most))
            done = kept.update_one({"_id": f"{key} {key_of(exam_id)}"}, {"$setOnInsert": fields}, upsert=True)
        return done.upserted_id is not None

    def remove_exam(self, owner: Course | str, exam_id: str) -> None:
        """Let a course, or a registration, launch an exam no more. Raise `StorageError`."""
        key = owner.key if isinstance(owner, Course) else owner
        with self._store.reading():
            self._store.collection(EXAMS).delete_one({"_id": f"{key} {key_of(exam_id)}"})

    def owners_of(self, exam_key: str) -> list[LinkedTo]:
        """The courses and registrations that may launch an exam, linked last first; at most 200. Raise `StorageError`."""
        with self._store.reading():
            rows = list(self._store.collection(EXAMS).find({"exam_key": exam_key}).sort("at", DESCENDING).limit(OWNERS_MAX))
        return [LinkedTo(row["owner"], row["registration_id"], str(row.get("by") or ""), row["at"]) for row in rows]

    def unlink(self, owner: str, exam_key: str) -> bool:
        """Let a course, or a registration, launch an exam no more, by no link of its own either; False where it could not. Raise `StorageError`."""
        with self._store.reading():
            self._store.collection(LINKS).delete_many({"course": owner, "exam_key": exam_key})
            return self._store.collection(EXAMS).delete_one({"_id": f"{owner} {exam_key}"}).deleted_count > 0

    def forget_platform(self, registration_id: str) -> None:
        """A registration was removed: none of its courses launches anything any more. Raise `StorageError`."""
        with self._store.reading():
            for name in (LINKS, EXAMS):
                self._store.collection(name).delete_many({"registration_id": registration_id})

    def exams_of(self, courses: Collection[str]) -> Mapping[str, list[str]]:
        """The ids of the exams of each of these courses, by the course's key. Raise `StorageError`."""
        found: dict[str, list[str]] = {course: [] for course in courses}
        query: Document = {"owner": {"$in": list(courses)}}
        with self._store.reading():
            for row in self._store.collection(EXAMS).find(query, {"owner": 1, "exam_id": 1}).limit(EXAMS_MAX * max(1, len(courses))):
                found[row["owner"]].append(row["exam_id"])
        return found


def _key(*parts: str) -> str:
    return hashlib.sha256("\0".join(f"{len(part)} {part}" for part in parts).encode()).hexdigest()[:32]
