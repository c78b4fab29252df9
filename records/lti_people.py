"""The people whom learning platforms send: who each is there, what our id of each is, and what each is in which course.

A person is one subject of one registration: the same subject at another platform, or at another tenant of the same one, is somebody else.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal

from pymongo import ReturnDocument

from basics.gone import of_student
from basics.times import utc_now
from database import Database, Document

COLLECTION = "lti_people"
Role = Literal["", "teacher", "proctor"]
STAFF_MAX = 2_000  # of one course
COURSES_MAX = 100  # in which somebody teaches at a time
KEPT = timedelta(days=400)  # since somebody came last


@dataclass(frozen=True, slots=True)
class LtiPerson:
    """One person. `courses`: of each course, by its key, the role there and until when it holds unless it is launched again."""

    registration_id: str
    sub: str
    user_id: str
    name: str = ""
    email: str = ""
    courses: Mapping[str, tuple[Role, datetime]] = field(default_factory=dict)

    def role_at(self, now: datetime) -> Mapping[str, Role]:
        """What the person is at `now` in each course, by its key."""
        return {course: role for course, (role, until) in self.courses.items() if until > now}

    @property
    def account_key(self) -> str:
        """By which the account of a teacher is found: no sign-in provider has such a one."""
        return hashlib.sha256(f"lti\0{self.registration_id}\0{self.sub}".encode()).hexdigest()


class LtiPeople:
    """The people of one server's database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def come(
        self, registration_id: str, sub: str, *, name: str, email: str, course: str, role: Role | None, holds: timedelta
    ) -> tuple[LtiPerson | None, LtiPerson]:
        """Somebody comes to a course, as what the platform says today: the person as known before, None for a new one, and as known now.

        A name, an address or a role (None) that isn't told stays as it was. Raise `Conflict` while everything of the person is being erased,
        `StorageError`.
        """
        user_id, now = user_id_of(registration_id, sub), utc_now()
        told = {key: value for key, value in (("name", name), ("email", email)) if value}
        here = f"courses.{course}"
        change: Document = {
            "$set": {**told, "seen_at": now, **({here: {"role": role, "until": now + holds}} if role else {})},
            "$setOnInsert": {"registration_id": registration_id, "sub": sub, "user_id": user_id, "made_at": now},
            **({"$unset": {here: ""}} if role == "" else {}),
        }
        with self._database.gone.writing(of_student(user_id)), self._database.reading():
            found = self._database.collection(COLLECTION).find_one_and_update(
                {"_id": user_id}, change, upsert=True, return_document=ReturnDocument.BEFORE
            )
        before = _person(found) if found is not None else None
        known = before or LtiPerson(registration_id, sub, user_id)
        courses = {key: (was, until) for key, (was, until) in known.courses.items() if until > now and (key != course or role is None)}
        if role:
            courses = {**dict(sorted(courses.items(), key=lambda one: one[1][1])[1 - COURSES_MAX :]), course: (role, now + holds)}
        after = LtiPerson(registration_id, sub, user_id, told.get("name", known.name), told.get("email", known.email), courses)
        if len(known.courses) > len(after.courses) + 1:  # roles that hold no more
            kept = {key: {"role": was, "until": until} for key, (was, until) in courses.items()}
            with self._database.reading():
                self._database.collection(COLLECTION).update_one({"_id": user_id}, {"$set": {"courses": kept}})
        return before, after

    def by_user_id(self, user_id: str) -> LtiPerson | None:
        """Who a student of ours is at a platform, None where nobody came so. Raise `StorageError`."""
        with self._database.reading():
            found = self._database.collection(COLLECTION).find_one({"_id": user_id})
        return _person(found) if found is not None else None

    def of_course(self, course: str) -> list[LtiPerson]:
        """Those who teach or proctor in a course, by its key; at most 2,000. Raise `StorageError`."""
        with self._database.reading():
            return [_person(row) for row in self._database.collection(COLLECTION).find({f"courses.{course}": {"$exists": True}}).limit(STAFF_MAX)]


def user_id_of(registration_id: str, sub: str) -> str:
    """Our id of a platform's subject: always the same, and it tells nobody who it is. `lti-` and 16 letters and digits."""
    digest = hashlib.sha256(f"{registration_id}\0{sub}".encode()).digest()
    return f"lti-{base64.b32encode(digest[:10]).decode().lower()}"


def _person(document: Mapping[str, Any]) -> LtiPerson:
    courses = {key: (row["role"], row["until"]) for key, row in (document.get("courses") or {}).items()}
    texts = {name: str(document.get(name) or "") for name in ("registration_id", "sub", "user_id", "name", "email")}
    return LtiPerson(**texts, courses=courses)
