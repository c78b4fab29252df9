"""Reads the marks by which stored documents say what other systems are to be told of them, and takes away those that were told."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pymongo import ASCENDING, UpdateOne

from database import Database, Document
from storage.marks import MARKED, PREFIX, TELLS, Mark, mark_names, marks_of

SOURCES = ("sessions", "intervals", "reviews", "conclusions")
LOOKED_AT = 2000  # documents of each, the oldest marks first
WITH_SESSION = ("intervals", "reviews")  # name the session; the others have its id
Key = tuple[str, str, str]
_MARKS = {"$filter": {"input": {"$objectToArray": "$$ROOT"}, "as": "one", "cond": {"$regexMatch": {"input": "$$one.k", "regex": f"^{PREFIX}"}}}}


@dataclass(frozen=True, slots=True)
class Marked:
    """A document with marks, without the rest of it. `names` are its fields that are marks, damaged ones too."""

    source: str
    id: Any
    tells: str
    session_id: str
    exam_id: str | None
    user_id: str | None
    marks: tuple[Mark, ...]
    names: tuple[str, ...]

    @property
    def key(self) -> Key:
        """It, with the marks that it has now."""
        return self.source, str(self.id), self.tells


def look(database: Database) -> dict[Key, str]:
    """Which documents are marked, and the session of each; those that were marked first come first."""
    found: dict[Key, str] = {}
    for source in SOURCES:
        with database.reading():
            for row in database.collection(source).find(MARKED, {TELLS: 1, "session_id": 1}).sort(TELLS, ASCENDING).limit(LOOKED_AT):
                found[source, str(row["_id"]), row[TELLS]] = _session_of(source, row)
    return dict(sorted(found.items(), key=lambda one: one[0][2]))


def marked_of(database: Database, session_ids: Collection[str]) -> dict[str, list[Marked]]:
    """Everything that is marked of these sessions, however much else is."""
    ids, found = {"$in": list(session_ids)}, dict[str, list[Marked]]()
    for source in SOURCES:
        whose = {"$or": [{"session_id": ids}, {"_id": ids}]} if source in WITH_SESSION else {"_id": ids}
        fields = {TELLS: 1, "session_id": 1, "exam_id": 1, "user_id": 1, "marks": _MARKS}
        with database.reading():
            for row in database.collection(source).aggregate([{"$match": {**MARKED, **whose}}, {"$project": fields}]):
                one = _marked(source, row)
                found.setdefault(one.session_id, []).append(one)
    return found


def unmark(database: Database, told: Collection[Marked]) -> set[str]:
    """Take the marks away, unless others came meanwhile; return the sessions that are not there any more."""
    missed: set[str] = set()
    for source in SOURCES:
        of_source = [one for one in told if one.source == source]
        if not of_source:
            continue
        changes = [UpdateOne({"_id": one.id, TELLS: one.tells}, {"$unset": dict.fromkeys(one.names, "")}) for one in of_source]
        with database.reading():
            if database.collection(source).bulk_write(changes, ordered=False).matched_count < len(changes):
                missed |= {one.session_id for one in of_source}
    return missed - there(database, missed)


def there(database: Database, session_ids: Collection[str]) -> set[str]:
    """Which of these sessions have their document."""
    if not session_ids:
        return set()
    with database.reading():
        return {str(row["_id"]) for row in database.collection("sessions").find({"_id": {"$in": sorted(session_ids)}}, {"_id": 1})}


def _marked(source: str, row: Document) -> Marked:
    fields = dict(_pairs(row.get("marks")))
    exam_id, user_id = (value if isinstance(value := row.get(name), str) else None for name in ("exam_id", "user_id"))
    names = tuple(mark_names({TELLS: "", **fields}))
    return Marked(source, row["_id"], row[TELLS], _session_of(source, row), exam_id, user_id, tuple(marks_of(fields)), names)


def _pairs(found: object) -> Iterator[tuple[str, Any]]:
    for one in found if isinstance(found, list) else []:
        yield str(one["k"]), one["v"]


def _session_of(source: str, row: Mapping[str, Any]) -> str:
    return str(row["session_id"] if source in WITH_SESSION and isinstance(row.get("session_id"), str) else row["_id"])
