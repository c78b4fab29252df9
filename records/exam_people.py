"""Who teaches and who proctors each exam, as the exams that somebody defined say it. What was read last is remembered."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping

from basics.looks import folded
from database import Database, Document

PeopleOfExam = tuple[frozenset[str], frozenset[str]]

FIELDS = ("exam_id", "teachers", "proctors")
NO_PEOPLE: PeopleOfExam = (frozenset(), frozenset())


class StoredExamPeople:
    """The people of every defined exam of one server's database. Safe between threads: what is read replaces what was known as a whole."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._exams: Mapping[str, tuple[str, PeopleOfExam]] | None = None  # by folded id: the id as it is written, and its people
        self._keys: Mapping[str, str] = {}
        self._spelled: frozenset[str] = frozenset()
        self._reading = threading.Lock()

    def of(self, exam_id: str | None) -> PeopleOfExam | None:
        """The ids of the exam's teachers' and proctors' accounts, None for an exam that nobody defined. Before anything could be read: nobody."""
        if exam_id is None:
            return None
        if self._exams is None:
            return NO_PEOPLE
        found = self._exams.get(folded(exam_id))
        return found[1] if found is not None else None

    def defined(self) -> Iterable[tuple[str, PeopleOfExam]]:
        """Every exam that somebody defined, by its id as it is written."""
        return (self._exams or {}).values()

    def spelled(self) -> Iterable[str]:
        """Every exam of which there are sessions, as their records spell it."""
        return self._spelled

    def exam_id_of_key(self, key: str) -> str | None:
        """The id of the exam that addresses name so."""
        return self._keys.get(key)

    def has(self, key: str) -> bool:
        """Is there an exam of this key in the database? Raise `StorageError`."""
        with self._database.reading():
            return self._database.collection("exams").find_one({"_id": key, "exam_id": {"$type": "string"}}, {"_id": 1}) is not None

    @property
    def known(self) -> bool:
        """Were they ever read?"""
        return self._exams is not None

    def read(self) -> bool:
        """Read them anew; True where somebody came or went. Raise `StorageError`."""
        with self._reading:
            with self._database.reading():
                found = list(self._database.collection("exams").find({"exam_id": {"$type": "string"}}, FIELDS))
                spelled = self._database.collection("sessions").distinct("exam_id")
            exams = {folded(document["exam_id"]): (str(document["exam_id"]), _people(document)) for document in found}
            self._keys = {str(document["_id"]): str(document["exam_id"]) for document in found}
            self._spelled = frozenset(one for one in spelled if isinstance(one, str))
            changed, self._exams = exams != self._exams, exams
        return changed


def _people(document: Document) -> PeopleOfExam:
    return _ids(document.get("teachers")), _ids(document.get("proctors"))


def _ids(stored: object) -> frozenset[str]:
    return frozenset(each for each in stored if isinstance(each, str)) if isinstance(stored, list) else frozenset()
