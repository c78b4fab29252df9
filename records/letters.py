"""Letters to students that wait to be sent: kept in the database, so that neither a restart nor an outage loses one.

What waits is the text with its placeholders: the student's link and code are put in when it is sent. Whoever sends one claims it first, so that of
two servers one does. One whose server died in the moment of sending is sent again, under the same name: whether it went nobody can tell.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from pymongo import ASCENDING, ReplaceOne, UpdateOne

from basics.errors import InvalidInput
from basics.gone import of_exam, of_student
from basics.looks import look
from basics.texts import _
from basics.times import utc_now
from database import Database, Document
from records.entry_codes import shown
from records.exams import Exam
from records.rosters import ROSTER, RosterRow, Rosters

LETTERS = "letters"
PLACEHOLDERS = ("name", "id", "exam", "course", "link", "code", "address", "opens", "closes")
CLAIMED_FOR = timedelta(minutes=10)  # a letter is sent, or given back, well within it
AGAIN_AFTER = tuple(timedelta(seconds=s) for s in (30, 120, 600, 1800, 3600, 3 * 3600, 6 * 3600, 12 * 3600))
_PLACE = re.compile(r"\{\s*(\w*)\s*\}")


@dataclass(frozen=True, slots=True)
class Letter:
    """One that waits. `number` is that of the link when it was written: it is not sent with another.

    `name` tells it from all others, however often it is sent; `claim` is of whoever sends it now, empty for nobody.
    """

    row_id: str
    exam_key: str
    subject: str
    text: str
    server: str
    number: int
    tries: int = 0
    name: str = ""
    claim: str = ""


def check_text(subject: str, text: str) -> None:
    """Raise `InvalidInput` for a placeholder that there isn't, and for a letter by which nobody could enter."""
    for part, field in ((subject, "subject"), (text, "text")):
        unknown = next((name for name in _PLACE.findall(part) if name not in PLACEHOLDERS), None)
        if unknown is not None:
            names = ", ".join(f"{{{name}}}" for name in PLACEHOLDERS)
            raise InvalidInput(_("%(given)s is no placeholder. There are: %(names)s.", given=f"{{{unknown}}}", names=names), field=field)
    if not {"link", "code"} & set(_PLACE.findall(text)):
        raise InvalidInput(_("The text has neither {link} nor {code}: students could not enter by it."), field="text")
    if {"link", "code"} & set(_PLACE.findall(subject)):
        raise InvalidInput(_("A link or code must not stand in the subject, which mail servers keep in their logs."), field="subject")


def filled(text: str, values: Mapping[str, str]) -> str:
    """The text with its placeholders filled; what a name holds is never taken for a placeholder."""
    return _PLACE.sub(lambda found: values.get(found[1], found[0]), text)


def values_of(row: RosterRow, exam: Exam, rosters: Rosters, server: str) -> dict[str, str]:
    """What stands for the placeholders of one student's letter."""
    definition = exam.definition
    return {
        "name": row.name or row.user_id,
        "id": row.user_id,
        "exam": definition.title,
        "course": definition.course,
        "link": rosters.address(server, row),
        "code": shown(rosters.keys.code(row.row_id, row.number)),
        "address": f"{server}/portal",
        "opens": _local(definition.opens, definition.time_zone),
        "closes": _local(definition.closes, definition.time_zone),
    }


def _local(moment: datetime | None, zone: str) -> str:
    """A time as the exam's own zone has it, which a letter can't tell of its reader's; empty for none."""
    return "" if moment is None else f"{moment.astimezone(ZoneInfo(zone)):%Y-%m-%d %H:%M} ({zone})"


class Letters:
    """The letters of one server's database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def queue(self, rows: Iterable[RosterRow], subject: str, text: str, server: str) -> int:
        """Let these students be written to; a letter that still waits for one of them is replaced. Raise `Conflict`, `StorageError`.

        Not those who are in no list any more: they may have been erased since it was read.
        """
        rows = list(rows)
        with self._database.gone.writing(*{of_student(row.user_id) for row in rows}, *{of_exam(row.exam_key) for row in rows}):
            with self._database.reading():
                there = self._database.collection(ROSTER).find({"_id": {"$in": [row.row_id for row in rows]}}, {"_id": 1})
                ids = {row["_id"] for row in there}
            return self._queue([row for row in rows if row.row_id in ids], subject, text, server)

    def _queue(self, rows: Iterable[RosterRow], subject: str, text: str, server: str) -> int:
        now = utc_now()
        writes: list[Any] = []
        marks: list[Any] = []
        for row in rows:
            whose = {"user_id": row.user_id, "user_look": look(row.user_id)}  # by which it is found when everything of the student is erased
            document = {"exam_key": row.exam_key, "subject": subject, "text": text, "server": server, "number": row.number, "tries": 0, **whose}
            written = {**document, "name": secrets.token_hex(16), "due_at": now, "queued_at": now}
            writes.append(ReplaceOne({"_id": row.row_id}, written, upsert=True))
            marks.append(UpdateOne({"_id": row.row_id}, {"$set": {"mail": {"state": "queued", "error": "", "at": now}}}))
        if writes:
            with self._database.reading():
                self._database.collection(LETTERS).bulk_write(writes, ordered=False)
                self._database.collection(ROSTER).bulk_write(marks, ordered=False)
        return len(writes)

    def due(self, limit: int) -> list[Letter]:
        """Letters to be sent now, those that wait longest first. Raise `StorageError`."""
        with self._database.reading():
            found = self._database.collection(LETTERS).find({"due_at": {"$lte": utc_now()}}).sort("due_at", ASCENDING).limit(limit)
            names = Letter.__dataclass_fields__.keys() - {"row_id"}
            return [Letter(**{name: row[name] for name in names if row.get(name) is not None}, row_id=row["_id"]) for row in found]

    def claim(self, letter: Letter) -> Letter | None:
        """Take a letter in hand that is due: the same with its claim. None where another was quicker, or it waits no more. Raise `StorageError`."""
        now, claim = utc_now(), secrets.token_hex(8)
        with self._database.reading():
            due = {"_id": letter.row_id, "number": letter.number, "claim": letter.claim or None, "due_at": {"$lte": now}}
            found = self._database.collection(LETTERS).update_one(due, {"$set": {"claim": claim, "due_at": now + CLAIMED_FOR}})
        return replace(letter, claim=claim) if found.modified_count else None

    def waiting(self) -> int:
        """How many letters wait. Raise `StorageError`."""
        with self._database.reading():
            return self._database.collection(LETTERS).estimated_document_count()

    def sent(self, letter: Letter) -> None:
        """One is sent. Raise `StorageError`."""
        now = utc_now()
        self._over(letter, {"mail": {"state": "sent", "error": "", "at": now}, "invited_at": now})

    def failed(self, letter: Letter, error: str) -> None:
        """One can't be sent, now or ever. Raise `StorageError`."""
        self._over(letter, {"mail": {"state": "failed", "error": error[:200], "at": utc_now()}})

    def dropped(self, letter: Letter) -> None:
        """One is not to be sent any more. Raise `StorageError`."""
        self._over(letter, {"mail": None})

    def later(self, letter: Letter, error: str) -> bool:
        """Try one again, later from time to time; False, and it has failed, after the last time. Raise `StorageError`."""
        if letter.tries >= len(AGAIN_AFTER):
            self.failed(letter, error)
            return False
        now: datetime = utc_now()
        change: Document = {"tries": letter.tries + 1, "due_at": now + AGAIN_AFTER[letter.tries], "claim": None}
        with self._database.reading():
            self._database.collection(LETTERS).update_one(_as_it_was(letter), {"$set": change})
            self._database.collection(ROSTER).update_one(
                {"_id": letter.row_id}, {"$set": {"mail": {"state": "queued", "error": error[:200], "at": now}}}
            )
        return True

    def _over(self, letter: Letter, fields: Document) -> None:
        with self._database.reading():
            self._database.collection(ROSTER).update_one({"_id": letter.row_id}, {"$set": fields})
            self._database.collection(LETTERS).delete_one(_as_it_was(letter))


def _as_it_was(letter: Letter) -> Document:
    """The letter, where no newer one stands for it and nobody else has it in hand."""
    return {"_id": letter.row_id, "number": letter.number, "claim": letter.claim or None}
