"""Who takes which exam: the list of its students, imported again and again without doubles, with what each enters by."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Literal

from pymongo import ASCENDING, DeleteOne, UpdateOne
from pymongo.errors import BulkWriteError

from basics.errors import Conflict, NotFound, StorageError
from basics.gone import of_exam, of_student
from basics.identifiers import key_of
from basics.looks import folded, look
from basics.stored_fields import Check, is_moment, is_switch, is_text, is_word, maybe, number, one_of, read_fields, tell_unreadable, whole
from basics.texts import _
from basics.times import utc_now
from database import Database, Document
from records.entry_codes import EntryKeys
from records.roster_rows import MINUTES_MAX, PERCENT_MAX, Column, Student
from scoring.accommodation_presets import ACCOMMODATION_PRESETS, PresetName
from scoring.accommodations import Accommodation, document_id_of

log = logging.getLogger(__name__)

ROSTER = "roster"
MOST_ROWS = 5000  # students of one exam
BATCH = 1000
_NEEDED = ("points", "reading_aloud", "breaks_allowed", "extra_percent", "extra_min")  # of an accommodation, what a list may change

FIELDS: Mapping[str, Check] = {
    **dict.fromkeys(("exam_key", "exam_id", "user_id"), is_word),
    **dict.fromkeys(("name", "email", "note"), is_text),
    "extra_percent": number(0, PERCENT_MAX),
    "extra_min": number(0, MINUTES_MAX),
    "preset": maybe(one_of(ACCOMMODATION_PRESETS)),
    "number": whole(1),
    "revoked": is_switch,
    **dict.fromkeys(("invited_at", "shown_at", "added_at"), maybe(is_moment)),
    "again_at": maybe(is_moment),
    "in_course": one_of(("", "active", "inactive")),
    "mail": maybe(lambda value: isinstance(value, Mapping)),
}

LinkAction = Literal["renew", "revoke", "restore"]
InCourse = Literal["", "active", "inactive"]


@dataclass(frozen=True, slots=True)
class RosterRow:
    """One student of one exam. `number` counts the renewals of link and code; `mail` is how the sending of the last letter stands,
    `in_course` how the learning platform's course from which the list was filled has the student; empty: it was not. A session from before `again_at`
    keeps nobody from beginning anew.
    """

    row_id: str
    exam_key: str
    exam_id: str
    user_id: str
    name: str = ""
    email: str = ""
    extra_percent: float = 0.0
    extra_min: float = 0.0
    note: str = ""
    preset: PresetName | None = None
    number: int = 1
    revoked: bool = False
    invited_at: datetime | None = None
    shown_at: datetime | None = None
    mail: Mapping[str, Any] | None = None
    added_at: datetime | None = None
    in_course: InCourse = ""
    again_at: datetime | None = None
    unreadable: tuple[str, ...] = ()  # what was damaged in the record: it has its default

    @classmethod
    def from_document(cls, document: Document) -> RosterRow:
        """As it was stored; what an older version did not have, or can't be read, is as if never set."""
        known, wrong = read_fields(document, FIELDS)
        if wrong:
            tell_unreadable("row of a list of students", str(document["_id"]), wrong)
        return cls(**{"exam_key": "", "exam_id": "", "user_id": "", **known, "row_id": document["_id"], "unreadable": wrong})


@dataclass(frozen=True, slots=True)
class Imported:
    """What an import did. `gone`: students that the list no longer has, who were taken out; `kept`: those who stay because of their sessions."""

    new: int = 0
    changed: int = 0
    same: int = 0
    gone: int = 0
    kept: int = 0


def row_id_of(exam_key: str, user_id: str) -> str:
    """The name of a student's row: the same for all spellings of the student's id."""
    return hashlib.sha256(f"{exam_key}\n{key_of(user_id)}".encode()).hexdigest()[:32]


class Rosters:
    """The lists of one server's database."""

    def __init__(self, database: Database, keys: EntryKeys) -> None:
        self._database = database
        self.keys = keys
        self.version = 0  # grows with each change made by this server
        self.route_of: Callable[[RosterRow], str] = lambda _row: ""  # the key by which the student comes to one of several servers
        self.accommodated: Callable[[Sequence[RosterRow], str], None] = lambda _rows, _by: None  # told whose accommodations are others now, by whom

    def forget(self) -> None:
        """Rows may have changed without this object: whoever remembers any reads them again."""
        self.version += 1

    def rows(self, exam_key: str) -> list[RosterRow]:
        """Every student of an exam, by id. Raise `StorageError`."""
        with self._database.reading():
            fields = dict.fromkeys(RosterRow.__dataclass_fields__, 1)
            found = self._database.collection(ROSTER).find({"exam_key": exam_key}, fields).sort("user_id", ASCENDING).limit(MOST_ROWS)
            read = [RosterRow.from_document(document) for document in found]
            return [row for row in read if row.user_id]  # one that doesn't say whose it is is nobody's

    def count(self, exam_key: str) -> int:
        """How many students an exam has. Raise `StorageError`."""
        with self._database.reading():
            return self._database.collection(ROSTER).count_documents({"exam_key": exam_key})

    def row(self, exam_key: str, row_id: str) -> RosterRow:
        """One student. Raise `NotFound`, `StorageError`."""
        with self._database.reading():
            document = self._database.collection(ROSTER).find_one({"_id": row_id[:64], "exam_key": exam_key})
        if document is None:
            raise NotFound(_("This student is not in the exam’s list any more."), field="row_id")
        return RosterRow.from_document(document)

    def address(self, server: str, row: RosterRow) -> str:
        """The student's own link at this server. Its secret stands in the fragment, which no browser sends and no log holds."""
        route = self.route_of(row)
        return f"{server}/portal?exam={row.exam_key}{f'&e={route}' if route else ''}#r={self.keys.link(row.row_id, row.number)}"

    def entering(self, *, code: str = "", link: tuple[str, int] | None = None) -> RosterRow | None:
        """Whose code or link this is; None where it is nobody's, renewed or revoked. Raise `StorageError`."""
        query: Document = {"code_hash": self.keys.code_hash(code)}
        if link is not None:  # a number that can't be read shuts nobody out: the code's hash is of the same renewal
            query = {"_id": link[0], "$or": [{"number": link[1]}, {"code_hash": self.keys.code_hash(self.keys.code(*link))}]}
        with self._database.reading():
            document = self._database.collection(ROSTER).find_one({**query, "revoked": {"$ne": True}})
        row = None if document is None else RosterRow.from_document(document)
        return row if row is not None and row.user_id and row.exam_id else None

    # Changes

    def plan(self, exam_key: str, students: Sequence[Student]) -> tuple[list[tuple[RosterRow | None, Student]], list[RosterRow]]:
        """What an import would meet: of each student the row that is there, and the rows that the list does not have."""
        there = {row.row_id: row for row in self.rows(exam_key)}
        met = [(there.pop(row_id_of(exam_key, student.user_id), None), student) for student in students]
        return met, list(there.values())

    def changes(self, before: RosterRow | None, student: Student, has: Collection[Column]) -> Document:
        """The fields in which the list differs from what is there. What the list has no column for stays."""
        wanted: Document = {name: getattr(student, name) for name in ("name", "email", "note", "preset") if name in has}
        if "extra" in has:
            wanted |= {"extra_percent": student.extra_percent or 0.0, "extra_min": student.extra_min or 0.0}
        return {name: value for name, value in wanted.items() if before is None or getattr(before, name) != value}

    def accommodates(self, before: RosterRow | None, student: Student, has: Collection[Column]) -> bool:
        """Would the import give this student another accommodation than there is?"""
        after = replace(before or RosterRow("", "", "", student.user_id), **self.changes(before, student, has))
        return _needs(after) != _needs(before)

    def take(
        self,
        exam_key: str,
        exam_id: str,
        students: Sequence[Student],
        has: Collection[Column],
        *,
        by: str,
        remove_missing: bool,
        with_sessions: set[str],
    ) -> Imported:
        """Import. Those of `with_sessions` (folded ids) are never taken out. Raise `Conflict` beyond 5,000 students, `StorageError`."""
        with self._database.gone.writing(of_exam(exam_key), *{of_student(student.user_id) for student in students}):
            return self._take(exam_key, exam_id, students, has, by=by, remove_missing=remove_missing, with_sessions=with_sessions)

    def _take(
        self,
        exam_key: str,
        exam_id: str,
        students: Sequence[Student],
        has: Collection[Column],
        *,
        by: str,
        remove_missing: bool,
        with_sessions: set[str],
    ) -> Imported:
        met, missing = self.plan(exam_key, students)
        going = [row for row in missing if remove_missing and folded(row.user_id) not in with_sessions]
        if len(met) + len(missing) - len(going) > MOST_ROWS:
            raise Conflict(_("An exam takes 5,000 students at most."), field="text")
        now = utc_now()
        writes: list[Any] = []
        changed_rows: list[RosterRow] = []
        new = changed = 0
        for before, student in met:
            fields = self.changes(before, student, has)
            if before is not None and not fields:
                continue
            row_id = row_id_of(exam_key, student.user_id)
            made = self._made(row_id, exam_key, exam_id, student.user_id, by, now)
            writes.append(UpdateOne({"_id": row_id}, {"$set": fields or {"changed_at": now}, "$setOnInsert": _without(made, fields)}, upsert=True))
            after = replace(before or RosterRow(row_id, exam_key, exam_id, student.user_id), **fields)
            changed_rows.append(after)
            new += before is None
            changed += before is not None
        # First what they need: a list that breaks off here is imported again, and finds these rows still to be changed.
        self._accommodate(changed_rows, {row.row_id: row for row, _student in met if row is not None}, by)
        self._write(writes)
        if going:
            self._accommodate(going, {row.row_id: row for row in going}, by, removed=True)
            with self._database.reading():
                self._database.collection(ROSTER).delete_many({"_id": {"$in": [row.row_id for row in going]}})
        return Imported(new, changed, len(met) - new - changed, len(going), len(missing) - len(going))

    def admit(
        self, exam_key: str, exam_id: str, student: Student, has: Collection[Column], *, by: str, again_at: datetime | None = None
    ) -> tuple[RosterRow, bool]:
        """Put one student into the list, or take over what is new of one who stands in it; the row, and whether it was made now.

        It reads no other row: a whole exam's students may come within a minute. `again_at`: a session from before that is over for this student.
        Raise `Conflict` beyond 5,000 students, `StorageError`.
        """
        row_id, now = row_id_of(exam_key, student.user_id), utc_now()
        with self._database.gone.writing(of_exam(exam_key), of_student(student.user_id)):
            with self._database.reading():
                document = self._database.collection(ROSTER).find_one({"_id": row_id})
            before = RosterRow.from_document(document) if document is not None else None
            fields = self.changes(before, student, has) | ({"again_at": again_at} if again_at is not None else {})
            if before is not None and not fields:
                return before, False
            if before is None and self.count(exam_key) >= MOST_ROWS:
                raise Conflict(_("An exam takes 5,000 students at most."))
            made = self._made(row_id, exam_key, exam_id, student.user_id, by, now)
            after = replace(before or RosterRow(row_id, exam_key, exam_id, student.user_id), **fields)
            self._accommodate([after], {row_id: before} if before is not None else {}, by)
            with self._database.reading():
                change = {"$set": fields or {"changed_at": now}, "$setOnInsert": _without(made, fields)}
                self._database.collection(ROSTER).update_one({"_id": row_id}, change, upsert=True)
        return after, before is None

    def change(self, row: RosterRow, fields: Document, by: str) -> RosterRow:
        """Change one student. Raise `NotFound` for one who was taken out or erased meanwhile, `Conflict`, `StorageError`."""
        self.version += 1
        with self._database.gone.writing(of_exam(row.exam_key), of_student(row.user_id)):
            after = replace(self.row(row.exam_key, row.row_id), **fields)
            self._accommodate([after], {row.row_id: row}, by)
            with self._database.reading():
                self._database.collection(ROSTER).update_one({"_id": row.row_id}, {"$set": {**fields, "changed_at": utc_now(), "changed_by": by}})
        return after

    def remove(self, row: RosterRow, by: str) -> None:
        """Take one student out of the list, with what the list made different. Raise `StorageError`."""
        self.version += 1
        self._accommodate([row], {row.row_id: row}, by, removed=True)
        with self._database.reading():
            self._database.collection(ROSTER).delete_one({"_id": row.row_id})

    def set_links(self, rows: Iterable[RosterRow], action: LinkAction) -> list[RosterRow]:
        """Renew, revoke or restore links and codes; return the rows that changed. Raise `StorageError`."""
        after: list[RosterRow] = []
        writes: list[Any] = []
        for row in rows:
            if action == "renew":
                later = replace(row, number=row.number + 1, revoked=False, invited_at=None, shown_at=None)
                fields = {"number": later.number, "revoked": False, "code_hash": self._hash(later), "invited_at": None, "shown_at": None}
            elif row.revoked == (action == "revoke"):
                continue
            else:
                later = replace(row, revoked=action == "revoke")
                fields = {"revoked": later.revoked}
            after.append(later)
            writes.append(UpdateOne({"_id": row.row_id}, {"$set": fields}))
        self._write(writes)
        return after

    def mark_course(self, exam_key: str, active: Iterable[str], inactive: Iterable[str]) -> int:
        """Mark who is active in the course from which the list was filled, and who is not, or not any more; give how many the latter are."""
        self.version += 1
        ids, others = ([row_id_of(exam_key, user_id) for user_id in some] for some in (active, inactive))
        with self._database.reading():
            rows = self._database.collection(ROSTER)
            left: Document = {"$or": [{"_id": {"$in": others}}, {"in_course": "active", "_id": {"$nin": ids}}]}
            rows.update_many({"exam_key": exam_key, **left}, {"$set": {"in_course": "inactive"}})
            rows.update_many({"exam_key": exam_key, "_id": {"$in": ids}}, {"$set": {"in_course": "active"}})
            return rows.count_documents({"exam_key": exam_key, "in_course": "inactive"})

    def links_shown(self, rows: Iterable[RosterRow]) -> None:
        """Links or codes of these students were given out as a table or on paper. Raise `StorageError`."""
        ids = [row.row_id for row in rows if row.shown_at is None]
        if ids:
            with self._database.reading():
                self._database.collection(ROSTER).update_many({"_id": {"$in": ids}}, {"$set": {"shown_at": utc_now()}})

    def _made(self, row_id: str, exam_key: str, exam_id: str, user_id: str, by: str, now: datetime) -> Document:
        row = RosterRow(row_id, exam_key, exam_id, user_id)
        return {
            **{name: getattr(row, name) for name in FIELDS},
            "user_look": look(user_id),
            "code_hash": self._hash(row),
            "added_at": now,
            "added_by": by,
        }

    def _hash(self, row: RosterRow) -> str:
        return self.keys.code_hash(self.keys.code(row.row_id, row.number))

    def _write(self, writes: Sequence[Any], collection: str = ROSTER) -> None:
        self.version += 1
        for begin in range(0, len(writes), BATCH):
            with self._database.reading():
                try:
                    self._database.collection(collection).bulk_write(writes[begin : begin + BATCH], ordered=False)
                except BulkWriteError as error:  # two of a million million codes are the same one
                    log.exception("some of a list's rows could not be stored: %s", str(error.details)[:500])
                    raise StorageError(_("Some students could not be stored. Import the list again.")) from None

    def _accommodate(self, rows: Iterable[RosterRow], before: Mapping[str, RosterRow], by: str, *, removed: bool = False) -> None:
        """Give the students what changed of what they need, as the accommodation of this exam. What was set by hand beside it stays.

        `removed`: the list has them no more, and takes back what it gave.
        """
        rows = [replace(row, extra_percent=0.0, extra_min=0.0, preset=None) for row in rows] if removed else rows
        due = [row for row in rows if _needs(row) != _needs(before.get(row.row_id))]
        if not due:
            return
        known = self._known_spellings(due)
        spelled = {row.row_id: known.get(folded(row.user_id), row.user_id) for row in due}
        ids = [document_id_of(spelled[row.row_id], exam_id) for row in due for exam_id in (row.exam_id, None)]
        with self._database.reading():
            there = {one["_id"]: one for one in self._database.collection("accommodations").find({"_id": {"$in": ids}})}
        writes: list[Any] = []
        for row in due:
            user_id, now = spelled[row.row_id], utc_now()
            own, usual = (there.get(document_id_of(user_id, exam_id)) for exam_id in (row.exam_id, None))
            every = Accommodation.from_dict(usual or {}, user_id)
            if removed and own is None:  # somebody removed it by hand
                continue
            first = replace(every, exam_id=row.exam_id, note="", set_by=by) if own is None else Accommodation.from_dict(own, user_id)
            wanted = with_needs(first, every, row, before.get(row.row_id))
            if removed:
                wanted = _without_extra(wanted, first, every, before[row.row_id])
            if own is not None and wanted == replace(every, exam_id=row.exam_id, note="", set_by=wanted.set_by, at=wanted.at):
                writes.append(DeleteOne({"_id": first.document_id}))  # it would hide what is set for every exam later
                continue
            fields = wanted.to_dict() | {"at": now, "user_look": look(user_id), "exam_look": look(row.exam_id)}
            if own is not None:
                fields = {name: fields[name] for name in ("at", *(name for name in _NEEDED if getattr(wanted, name) != getattr(first, name)))}
            writes.append(UpdateOne({"_id": wanted.document_id}, {"$set": fields}, upsert=own is None))  # what is removed just now stays so
        self._write(writes, "accommodations")
        self.accommodated(due, by)

    def _known_spellings(self, rows: Sequence[RosterRow]) -> dict[str, str]:
        """How the ids are written that are known here, by folded id: under those their sessions will be looked for."""
        found: dict[str, str] = {}
        for collection, newest in (("accommodations", "at"), ("sessions", "started_at")):  # as `known_spelling` has it, sessions go before
            pipeline: list[Document] = [
                {"$match": {"user_look": {"$in": [look(row.user_id) for row in rows]}, "user_id": {"$type": "string"}}},
                {"$group": {"_id": "$user_id", "at": {"$max": f"${newest}"}}},
                {"$sort": {"at": 1}},
            ]
            with self._database.reading():
                found |= {folded(row["_id"]): row["_id"] for row in self._database.collection(collection).aggregate(pipeline)}
        return found


def _needs(row: RosterRow | None) -> tuple[Any, ...]:
    return (0.0, 0.0, None) if row is None else (row.extra_percent, row.extra_min, row.preset)


def _without_extra(wanted: Accommodation, first: Accommodation, every: Accommodation, row: RosterRow) -> Accommodation:
    """An accommodation without the row's extra time, in whose place stands that of every exam, or what was set by hand (`first`)."""
    given = (first.extra_percent, first.extra_min) == (row.extra_percent, row.extra_min)
    left = every if given else first
    return replace(wanted, extra_percent=left.extra_percent, extra_min=left.extra_min)


def _without(document: Document, fields: Document) -> Document:
    return {name: value for name, value in document.items() if name not in fields}


def with_needs(first: Accommodation, every: Accommodation, row: RosterRow, old: RosterRow | None) -> Accommodation:
    """An accommodation with what a row needs otherwise than it did. `every` is what the student has in every exam."""
    wanted, before, after = first, old.preset if old is not None else None, row.preset
    if _needs(row)[:2] != _needs(old)[:2]:
        wanted = replace(wanted, extra_percent=row.extra_percent, extra_min=row.extra_min)
    if before != after and before is not None:
        taken = ACCOMMODATION_PRESETS[before]
        left = {kind: points for kind, points in wanted.points.items() if taken.points.get(kind) != points}
        wanted = replace(
            wanted,
            points=left | {kind: points for kind, points in every.points.items() if kind in taken.points and kind not in left},
            reading_aloud=every.reading_aloud if taken.reading_aloud else wanted.reading_aloud,
            breaks_allowed=every.breaks_allowed if 0 < taken.breaks_allowed == wanted.breaks_allowed else wanted.breaks_allowed,
        )
    if before != after and after is not None:
        given = ACCOMMODATION_PRESETS[after]
        wanted = replace(
            wanted,
            points={**wanted.points, **given.points},
            reading_aloud=wanted.reading_aloud or given.reading_aloud,
            breaks_allowed=max(wanted.breaks_allowed, given.breaks_allowed),
        )
    return wanted
