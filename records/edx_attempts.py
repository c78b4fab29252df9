"""The attempts of which an Open edX has told: who takes which exam, how far that is there, and what a person found.

A session is of the newest attempt of its student and exam that was made before it began. What was erased of a student is erased here, too.
"""

from __future__ import annotations

import base64
import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from pymongo import ASCENDING, DESCENDING, ReturnDocument

from basics.errors import Conflict
from basics.gone import of_exam, of_student
from basics.texts import _
from basics.times import utc_now
from database import Database, Document
from records.edx_exams import EdxExam
from records.stores import Store

COLLECTION = "edx_attempts"
ATTEMPTS_MAX = 100  # of one student in one exam
STUDENTS_MAX = 5000  # of one course that are listed
ONBOARDING_MAX = 100  # of a student's newest attempts at practice exams, by which their onboarding stands
ONBOARDED_FOR = timedelta(days=365)  # since a person passed it
EPOCH = datetime.fromtimestamp(0).astimezone()

Status = Literal["created", "ready_to_start", "started", "submitted", "error"]
Told = Literal["started", "submitted", "error"]
Verdict = Literal["", "passed", "suspicious", "violation"]
Onboarding = Literal["approved-in-course", "approved-in-different-course", "rejected", "expired", "pending", "no-profile"]
ORDER: dict[Status, int] = {"created": 0, "ready_to_start": 1, "started": 2, "submitted": 3, "error": 3}


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt. `exam` is the exam's id at the installation, `sub` who takes it as the installation calls them, `user_id` as we do.

    `verdict` is what people found in all sessions of it; empty: not yet, or no more. What begins after `over_at`, when Open edX said that it was
    handed in or went wrong, is no session of it. `revoked`: its deletion revoked the student's link, which the next attempt restores.
    """

    id: str
    installation_id: str
    exam: str
    exam_id: str
    exam_key: str
    course_id: str
    user_id: str
    sub: str
    practice: bool
    status: Status
    made_at: datetime
    verdict: Verdict = ""
    verdict_at: datetime | None = None
    deleted: bool = False
    over_at: datetime | None = None
    revoked: bool = False


class EdxAttempts:
    """The attempts of one server's database. Every method may raise `StorageError`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def make(self, exam: EdxExam, sub: str) -> Attempt:
        """A new attempt. Raise `Conflict` where the student has had too many, or student or exam is being erased."""
        user_id, now = student_id_of(exam.installation_id, sub), utc_now()
        fields: Document = {
            "installation_id": exam.installation_id,
            "exam": exam.id,
            "exam_id": exam.exam_id,
            "exam_key": exam.exam_key,
            "course_id": exam.course_id,
            "user_id": user_id,
            "sub": sub,
            "practice": exam.practice,
            "status": "created",
            "made_at": _kept(now),
        }
        with self._database.gone.writing(of_exam(exam.exam_key), of_student(user_id)), self._database.reading():
            kept = self._database.collection(COLLECTION)
            if kept.count_documents({"exam_key": exam.exam_key, "user_id": user_id}, limit=ATTEMPTS_MAX) >= ATTEMPTS_MAX:
                raise Conflict(_("This student has had %(most)s attempts at this exam, as many as are kept.", most=ATTEMPTS_MAX), field="user_id")
            document: Document = {"_id": f"a{secrets.token_hex(16)}", **fields}
            kept.insert_one(document)
        return _attempt(document)

    def get(self, installation_id: str, exam: str, attempt_id: str) -> Attempt | None:
        """An attempt of an installation's own at this exam; None where there is none, or not any more."""
        return self._one({"_id": attempt_id[:64], "installation_id": installation_id, "exam": exam[:64], "deleted": {"$ne": True}})

    def known(self, attempt_id: str) -> Attempt | None:
        """An attempt by its id alone."""
        return self._one({"_id": attempt_id[:64]})

    def of_student(self, exam_key: str, user_id: str) -> list[Attempt]:
        """All of a student in one exam, the oldest first, those that were deleted too."""
        with self._database.reading():
            rows = list(self._database.collection(COLLECTION).find({"exam_key": exam_key, "user_id": user_id}).sort("made_at", ASCENDING))
        return [_attempt(row) for row in rows]

    def set_status(self, attempt_id: str, status: Status) -> Attempt | None:
        """It is so far now; what comes late changes nothing. None where it is gone."""
        before = [name for name, place in ORDER.items() if place < ORDER[status]]
        with self._database.reading():
            kept = self._database.collection(COLLECTION)
            row = kept.find_one_and_update(
                {"_id": attempt_id, "status": {"$in": before}},
                {"$set": {"status": status, f"{status}_at": utc_now()}},
                return_document=ReturnDocument.AFTER,
            )
        return _attempt(row) if row is not None else self.known(attempt_id)

    def set_verdict(self, attempt_id: str, verdict: Verdict) -> None:
        """People found this; empty: it is open again."""
        with self._database.reading():
            kept = self._database.collection(COLLECTION)
            kept.update_one({"_id": attempt_id, "verdict": {"$ne": verdict}}, {"$set": {"verdict": verdict, "verdict_at": utc_now()}})

    def note_revoked(self, attempt_id: str) -> None:
        """Its deletion revokes the student's link."""
        self._set(attempt_id, {"revoked": True})

    def delete(self, attempt_id: str) -> None:
        """Open edX has deleted it: nobody enters by it any more, and nothing of it is told."""
        self._set(attempt_id, {"deleted": True})

    # Onboarding

    def onboarding(self, installation_id: str, course_id: str, sub: str) -> tuple[Onboarding, datetime | None]:
        """How a student's onboarding stands for a course, and until when it is good where it is approved."""
        query: Document = {"installation_id": installation_id, "sub": sub, "practice": True}
        with self._database.reading():
            found = self._database.collection(COLLECTION).find(query).sort("made_at", DESCENDING).limit(ONBOARDING_MAX)
            rows = [_attempt(row) for row in found]
        return _onboarding(rows, course_id, utc_now())

    def learners(self, installation_id: str, course_id: str) -> int:
        """How many have an attempt in a course, at most 5,000."""
        with self._database.reading():
            found = list(self._database.collection(COLLECTION).aggregate([*_in_course(installation_id, course_id), {"$count": "learners"}]))
        return int(found[0]["learners"]) if found else 0

    def onboardings(
        self, installation_id: str, course_id: str, skip: int = 0, limit: int = STUDENTS_MAX
    ) -> list[tuple[str, Onboarding, datetime | None]]:
        """The onboarding of those who have an attempt in a course, by how Open edX calls them: `limit` of them, without the first so many."""
        newest: list[Document] = [
            {"$match": {"installation_id": installation_id, "practice": True}},
            {"$sort": {"made_at": DESCENDING}},
            {"$limit": ONBOARDING_MAX},
        ]
        theirs = {"from": COLLECTION, "localField": "_id", "foreignField": "sub", "pipeline": newest, "as": "attempts"}
        some: list[Document] = [*_in_course(installation_id, course_id), {"$skip": skip}, {"$limit": limit}, {"$lookup": theirs}]
        with self._database.reading():
            rows, now = self._database.collection(COLLECTION).aggregate(some), utc_now()
            return [(row["_id"], *_onboarding([_attempt(one) for one in row["attempts"]], course_id, now)) for row in rows]

    def _set(self, attempt_id: str, fields: Document) -> None:
        with self._database.reading():
            self._database.collection(COLLECTION).update_one({"_id": attempt_id}, {"$set": fields})

    def _one(self, query: Document) -> Attempt | None:
        with self._database.reading():
            row = self._database.collection(COLLECTION).find_one(query)
        return _attempt(row) if row is not None else None


def _in_course(installation_id: str, course_id: str) -> list[Document]:
    """Stages that give the learners of a course, in order."""
    of_course: Document = {"installation_id": installation_id, "course_id": course_id, "deleted": {"$ne": True}}
    return [{"$match": of_course}, {"$group": {"_id": "$sub"}}, {"$sort": {"_id": 1}}, {"$limit": STUDENTS_MAX}]


def attempt_at(attempts: list[Attempt], began: datetime) -> Attempt | None:
    """Which of a student's attempts, oldest first, a session is of that began then. One server's clock may be behind: then it is the first."""
    return next((one for one in reversed(attempts) if one.made_at <= began), attempts[0] if attempts else None)


def forget_attempts(store: Store, installation_id: str) -> None:
    """Nothing of an installation's attempts is known any more. Raise `StorageError`."""
    with store.reading():
        store.collection(COLLECTION).delete_many({"installation_id": installation_id})


def student_id_of(installation_id: str, sub: str) -> str:
    """Our id of who an installation calls so: always the same, and it tells nobody who it is. `edx-` and 16 letters and digits."""
    digest = hashlib.sha256(f"openedx\0{installation_id}\0{sub}".encode()).digest()
    return f"edx-{base64.b32encode(digest[:10]).decode().lower()}"


def _onboarding(attempts: list[Attempt], course_id: str, now: datetime) -> tuple[Onboarding, datetime | None]:
    """The best that there is: what was passed and is good yet, in this course before others; else how the newest stands."""
    passed = [one for one in attempts if one.verdict == "passed" and one.verdict_at is not None]
    good = [one for one in passed if one.verdict_at is not None and one.verdict_at + ONBOARDED_FOR > now]
    if good:
        here = [one for one in good if one.course_id == course_id]
        until = max(one.verdict_at + ONBOARDED_FOR for one in here or good if one.verdict_at is not None)
        return ("approved-in-course" if here else "approved-in-different-course"), until
    handed_in = sorted((one for one in attempts if one.status == "submitted" and not one.deleted), key=lambda one: one.made_at)
    if not handed_in:
        return ("expired" if passed else "no-profile"), None
    verdict = handed_in[-1].verdict
    return ("pending" if not verdict else "expired" if verdict == "passed" else "rejected"), None


def _attempt(row: Document) -> Attempt:
    texts: dict[str, Any] = {
        name: str(row.get(name) or "") for name in ("installation_id", "exam", "exam_id", "exam_key", "course_id", "user_id", "sub")
    }
    made, decided, over = row.get("made_at"), row.get("verdict_at"), row.get("submitted_at") or row.get("error_at")
    return Attempt(
        id=str(row["_id"]),
        **texts,
        practice=row.get("practice") is True,
        status=row["status"] if row.get("status") in ORDER else "error",
        made_at=made if isinstance(made, datetime) else EPOCH,
        verdict=row.get("verdict") or "",
        verdict_at=decided if isinstance(decided, datetime) else None,
        deleted=row.get("deleted") is True,
        over_at=over if isinstance(over, datetime) else None,
        revoked=row.get("revoked") is True,
    )


def _kept(now: datetime) -> datetime:
    return now.replace(microsecond=now.microsecond // 1000 * 1000)  # as the database keeps it
