"""Deletes the lists of students of exams that are over for long: names, addresses, notes, links, letters, and what was different in that exam alone.

A list is kept as long as its exam's sessions, counted from when the exam was closed or last changed. Whoever still has a session of it, or is named
by a legal hold, stays.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

from basics.looks import look
from basics.stored_fields import is_moment, is_text
from database import Database, Document
from records.exam_removal import of_exam
from records.holds import held_among
from records.keep_times import KeepTimes

SHORTEST = timedelta(days=1)
BATCH = 1000
LISTS = "lists"  # as the report of a sweep names them


def delete_lists(database: Database, times: KeepTimes, now: datetime, told: Callable[[str], object] = lambda _exam_key: None) -> int:
    """Delete what is due at `now`, noted in the audit by exam; return how many students that were. Raise `StorageError`.

    `told` is told of each exam (by key) of which some went.
    """
    deleted = 0
    for exam, before in _over(database, times, now):
        students = _due(database, exam, before)
        parts = (students[first : first + BATCH] for first in range(0, len(students), BATCH))
        if count := sum(len(some) for some in parts if _is_deleted(database, exam, some)):
            database.audit({"who": "server", "what": "lists: deleted", "exam_id": exam["exam_id"], "exam_key": exam["_id"], "count": count})
            told(exam["_id"])
        deleted += count
    return deleted


def _over(database: Database, times: KeepTimes, now: datetime) -> Iterator[tuple[Document, datetime]]:
    """The exams whose lists are due, and what is too old. One that is open, or that nobody has opened and that has no end, has a list in use."""
    shown = {"exam_id": 1, "state": 1, "closes": 1, "changed_at": 1, "keep_days": 1}
    with database.reading():
        exams = list(database.collection("exams").find({"changed_at": {"$lt": now - SHORTEST}}, shown))
    for exam in exams:
        closes = exam["closes"] if is_moment(exam.get("closes")) else None
        is_over = exam.get("state") in {"closed", "archived"} or closes is not None
        before = now - timedelta(days=times.days({"exam": exam}, "records"))
        if is_over and before < now and is_text(exam.get("exam_id")) and max(exam["changed_at"], closes or exam["changed_at"]) < before:
            yield exam, before


def _due(database: Database, exam: Document, before: datetime) -> list[str]:
    """The students, as their IDs are written, of whom the exam has a row or something different, none of it new, and no session any more."""
    of_it: Document = {"exam_id": {"$in": of_exam(database, exam["exam_id"])}}
    listed: Document = {"exam_key": exam["_id"]}
    new = {"$or": [{"added_at": {"$gte": before}}, {"changed_at": {"$gte": before}}]}
    with database.reading():
        roster, different = database.collection("roster"), database.collection("accommodations")
        kept = [*database.collection("sessions").distinct("user_id", of_it), *roster.distinct("user_id", listed | new)]
        kept += different.distinct("user_id", of_it | {"at": {"$gte": before}})
        there = {one for one in (*roster.distinct("user_id", listed), *different.distinct("user_id", of_it)) if is_text(one)}
    looks = {look(str(one)) for one in kept}
    found = {one for one in there if look(one) not in looks}
    return sorted(found - {*held_among(database, found)})


def _is_deleted(database: Database, exam: Document, students: list[str]) -> bool:
    """Delete what is of these students, letters first: none is sent to whom no list names. False where somebody has changed the exam meanwhile."""
    with database.reading():
        if database.collection("exams").find_one({"_id": exam["_id"], "changed_at": exam["changed_at"]}, {"_id": 1}) is None:
            return False
        for name in ("letters", "roster"):
            database.collection(name).delete_many({"exam_key": exam["_id"], "user_id": {"$in": students}})
        database.collection("accommodations").delete_many({"exam_id": {"$in": of_exam(database, exam["exam_id"])}, "user_id": {"$in": students}})
    return True
