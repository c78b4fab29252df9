"""Where the people are listed of the courses of learning platforms from which an exam is reached."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from pymongo import DESCENDING

from basics.stored_fields import is_text
from basics.times import utc_now
from records.stores import Document, Store

COLLECTION = "lti_courses"
OF_AN_EXAM_MAX = 20


@dataclass(frozen=True, slots=True)
class LinkedCourse:
    """A course from which an exam is reached, by the course's key, and where its list of people is read."""

    exam_key: str
    registration_id: str
    course: str
    title: str
    memberships_url: str


class LtiCourses:
    """Of one store."""

    def __init__(self, store: Store, *, now: Callable[[], datetime] = utc_now) -> None:
        self._store = store
        self._now = now

    def link(self, course: LinkedCourse) -> None:
        """Remember it. Call only with what a verified token said. Raise `StorageError`."""
        fields: Document = {name: getattr(course, name) for name in LinkedCourse.__dataclass_fields__}
        with self._store.reading():
            self._store.collection(COLLECTION).update_one(
                {"_id": f"{course.course} {course.exam_key}"}, {"$set": {**fields, "seen_at": self._now()}}, upsert=True
            )

    def of_exam(self, exam_key: str) -> list[LinkedCourse]:
        """The courses of an exam, seen last first; at most 20. Raise `StorageError`."""
        with self._store.reading():
            found = list(self._store.collection(COLLECTION).find({"exam_key": exam_key}).sort("seen_at", DESCENDING).limit(OF_AN_EXAM_MAX))
        names = LinkedCourse.__dataclass_fields__
        return [LinkedCourse(**{name: one[name] if is_text(one.get(name)) else "" for name in names}) for one in found]

    def forget(self, course: str, exam_key: str) -> None:
        """An exam is reached from this course no more. Raise `StorageError`."""
        with self._store.reading():
            self._store.collection(COLLECTION).delete_one({"_id": f"{course} {exam_key}"})

    def forget_platform(self, registration_id: str) -> None:
        """A registration was removed: nothing of it is asked any more. Raise `StorageError`."""
        with self._store.reading():
            self._store.collection(COLLECTION).delete_many({"registration_id": registration_id})
