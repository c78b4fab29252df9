"""The exams that somebody defined: kept, changed by one person at a time, listed, and found for a session that starts."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

from pydantic import ValidationError
from pymongo import DESCENDING

from basics.errors import Conflict, NotFound, StorageError
from basics.gone import of_exam
from basics.identifiers import key_of
from basics.looks import look
from basics.stored_fields import Check, is_moment, is_switch, is_text, one_of, read_fields, tell_unreadable, whole
from basics.texts import _
from basics.times import utc_now
from database import Database, Document
from scoring.exam import CHANGES, ExamDefinition, State, stored_definition
from scoring.exam_times import may_change, state_at

log = logging.getLogger(__name__)

EXAMS = "exams"
LOADED_AT_ONCE = 1000
EPOCH = datetime.fromtimestamp(0, timezone.utc)
FIELDS: Mapping[str, Check] = {
    "state": one_of(CHANGES),
    "revision": whole(1),
    **dict.fromkeys(("made_by", "changed_by"), is_text),
    **dict.fromkeys(("made_at", "changed_at"), is_moment),
    "deleting": is_switch,
    "registration_id": is_text,
}
# A state that can't be read keeps nobody out.
BLANK: Mapping[str, Any] = {"state": "open", "revision": 0, "made_by": "", "changed_by": "", "made_at": EPOCH, "changed_at": EPOCH}
COMPARED = ("state", *(name for name in ExamDefinition.model_fields if name != "exam_id"))


@dataclass(frozen=True, slots=True)
class Exam:
    """One exam as it is kept. `state` is what somebody put it in; `revision` grows with every change; `registration_id` is of the learning platform
    from which it was made.
    """

    key: str
    definition: ExamDefinition
    state: State
    revision: int
    made_at: datetime
    made_by: str
    changed_at: datetime
    changed_by: str
    deleting: bool = False
    registration_id: str = ""
    unreadable: tuple[str, ...] = ()  # what was damaged in the record: it has its default

    @property
    def exam_id(self) -> str:
        """As it was first written."""
        return self.definition.exam_id

    def state_at(self, now: datetime) -> State:
        """Its state at `now`."""
        return state_at(self.state, self.definition.closes, now)

    def is_open(self, now: datetime) -> bool:
        """May students begin it at `now`?"""
        opens = self.definition.opens
        return self.state_at(now) == "open" and (opens is None or now >= opens)

    def to_document(self) -> Document:
        """As it is stored."""
        return {
            **self.definition.model_dump(),
            "exam_look": look(self.exam_id),
            "state": self.state,
            "revision": self.revision,
            "made_at": self.made_at,
            "made_by": self.made_by,
            "changed_at": self.changed_at,
            "changed_by": self.changed_by,
            "deleting": self.deleting,
            **({"registration_id": self.registration_id} if self.registration_id else {}),
        }


def exam_key(exam_id: str) -> str:
    """The exam's name in addresses: 32 hexadecimal digits, the same for all spellings of its id."""
    return key_of(exam_id)


class Exams:
    """The exams of one server's database. What was read last is remembered, for sessions that start while the database is away."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._known: dict[str, Exam] = {}
        self.told: Callable[[str], object] = lambda _key: None  # told of each change made here, by the exam's key

    def get(self, exam_id: str | None) -> Exam | None:
        """The exam of this id, None where nobody defined it. Never raises: an exam starts in an outage too, and a session's record may be damaged."""
        if not isinstance(exam_id, str):
            return None
        key = exam_key(exam_id)
        try:
            return self._read(key)
        except StorageError as error:
            log.warning("exam %s can't be read, what was known of it so far is used: %s", exam_id, error.message)
        return self._known.get(key)

    def by_key(self, key: str) -> Exam:
        """The exam of this key. Raise `NotFound`, `StorageError`."""
        found = self._read(key) if re.fullmatch(r"[0-9a-f]{32}", key) else None
        if found is None:
            raise NotFound(_("There is no exam %(key)s; GET /api/exams lists those there are.", key=repr(key[:64])), field="exam_key")
        return found

    def shown(self, key: str) -> Exam | None:
        """The exam of this key for a student's page, None where there is none. Never raises: what was known of it serves in an outage."""
        try:
            return self.by_key(key)
        except NotFound:
            return None
        except StorageError:
            return self._known.get(key)

    def known(self, exam_id: str | None) -> Exam | None:
        """What was last read of an exam, without asking the database: for what is done several times a second."""
        return None if exam_id is None else self._known.get(exam_key(exam_id))

    def listed(
        self,
        *,
        state: State | None = None,
        exam_ids: Collection[str] | None = None,
        never: Collection[str] = (),
        limit: int = 100,
        after: str | None = None,
    ) -> list[Exam]:
        """Those in a state (as somebody put them in it), of these ids (None: all, but `never` those); changed last first.

        `after` is the key of the last one seen.
        """
        query: Document = {} if state is None else {"state": state}
        if never:
            query["_id"] = {"$nin": [exam_key(exam_id) for exam_id in never]}
        if exam_ids is not None:
            query["_id"] = {"$in": [exam_key(exam_id) for exam_id in exam_ids]}
        documents = self._database.page(EXAMS, query, [("changed_at", DESCENDING)], after, limit)
        return self._remembered(documents)

    def of_keys(self, keys: Collection[str]) -> list[Exam]:
        """Those of these keys, however many. Raise `StorageError`."""
        with self._database.reading():
            found = list(self._database.collection(EXAMS).find({"_id": {"$in": list(keys)}})) if keys else []
        return self._remembered(found)

    def in_use(self, keys: Collection[str], *, limit: int) -> list[Exam]:
        """Those of these keys that are not archived; changed last first. Raise `StorageError`."""
        query: Document = {"_id": {"$in": list(keys)}, "state": {"$ne": "archived"}, "deleting": {"$ne": True}}
        with self._database.reading():
            found = list(self._database.collection(EXAMS).find(query).sort("changed_at", DESCENDING).limit(limit))
        return self._remembered(found)

    def count_of_platform(self, registration_id: str, since: datetime = EPOCH) -> int:
        """How many there are that were made from this learning platform since then. Raise `StorageError`."""
        with self._database.reading():
            return self._database.collection(EXAMS).count_documents({"registration_id": registration_id, "made_at": {"$gte": since}})

    def make(self, definition: ExamDefinition, by: str, registration_id: str = "") -> Exam:
        """Keep a new exam, as a draft. Raise `Conflict` where one of its id is defined, `StorageError`."""
        now = utc_now()
        exam = Exam(exam_key(definition.exam_id), definition, "draft", 1, now, by, now, by, registration_id=registration_id)
        with self._database.reading():
            made = self._database.collection(EXAMS).update_one({"_id": exam.key}, {"$setOnInsert": exam.to_document()}, upsert=True)
        if made.upserted_id is None:
            raise Conflict(_("The exam %(exam_id)s is defined already.", exam_id=repr(definition.exam_id)), field="exam_id", exam_key=exam.key)
        self._known[exam.key] = exam
        self._database.gone.lift([of_exam(exam.key)])
        self.told(exam.key)
        return exam

    def save(self, key: str, definition: ExamDefinition, *, revision: int, by: str) -> Exam:
        """Keep a change that was made from `revision`. Raise `NotFound`, `StorageError`, and `Conflict` where somebody else's came first."""
        before = self._staying(key)
        if exam_key(definition.exam_id) != key:
            raise Conflict(_("An exam's id stays as it is. Duplicate the exam, and give the copy another id."), field="exam_id")
        definition = definition.model_copy(update={"exam_id": before.exam_id})  # as it was first written
        return self._change(before, definition.model_dump(), revision=revision, by=by)

    def set_state(self, key: str, state: State, *, by: str, revision: int | None = None, now: datetime | None = None) -> Exam:
        """Put an exam in another state. Raise `NotFound`, `StorageError`, `Conflict` where that can't follow on the state it is in, or where somebody
        has changed it since `revision`.
        """
        before = self._staying(key)
        if revision not in (None, before.revision):
            text = _("%(by)s has changed this exam since you opened it. Look at what is in force now, and do it again.", by=before.changed_by)
            raise Conflict(text, field="revision", reason="meanwhile", revision=before.revision)
        here = before.state_at(now or utc_now())
        if not may_change(here, state):
            raise Conflict(_("The exam is %(state)s, and can't become %(wanted)s from there.", state=here, wanted=state), field="state")
        closes = before.definition.closes
        if state == "open" and closes is not None and (now or utc_now()) >= closes:
            raise Conflict(_("The exam's end is past. Give it a later one first."), field="closes")
        return self._change(before, {"state": state}, revision=before.revision, by=by)

    def begin_removal(self, key: str) -> Exam:
        """Let nobody begin the exam any more: it is being deleted."""
        before = self.by_key(key)
        if before.deleting:
            return before
        return self._change(before, {"deleting": True, "state": "archived"}, revision=before.revision, by=before.changed_by)

    def forget(self, key: str) -> None:
        """Delete the exam's own document. Raise `StorageError`."""
        with self._database.reading():
            self._database.collection(EXAMS).delete_one({"_id": key})
        self._known.pop(key, None)
        self.told(key)

    def read_again(self, *keys: str) -> None:
        """Other servers have changed these, or any where none is named. Raise `StorageError`."""
        asked = keys or tuple(self._known)
        with self._database.reading():
            found = list(self._database.collection(EXAMS).find({"_id": {"$in": asked}}))
        self._remembered(found)
        for key in {*asked} - {document["_id"] for document in found}:
            self._known.pop(key, None)

    def remember(self) -> None:
        """Read those changed last, so that they are known when the database goes away. Raise `StorageError`."""
        self.listed(limit=LOADED_AT_ONCE)

    def _staying(self, key: str) -> Exam:
        """The exam, to be changed. Raise `Conflict` for one whose deletion has begun: some of it is gone, and nobody is to begin what is left."""
        exam = self.by_key(key)
        if exam.deleting:
            raise Conflict(_("This exam is being deleted, and some of it is gone. Delete the rest of it."), reason="deleting")
        return exam

    def _change(self, before: Exam, fields: Document, *, revision: int, by: str) -> Exam:
        changed = {**fields, "revision": revision + 1, "changed_at": utc_now(), "changed_by": by}
        known = revision or {"$not": {"$type": "number"}}  # 0: it can't be read
        with self._database.reading():
            result = self._database.collection(EXAMS).update_one({"_id": before.key, "revision": known}, {"$set": changed})
        if result.matched_count == 0:
            raise _changed_meanwhile(self.by_key(before.key), fields)
        self.told(before.key)
        return self.by_key(before.key)

    def _read(self, key: str) -> Exam | None:
        with self._database.reading():
            document = self._database.collection(EXAMS).find_one({"_id": key})
        if document is None:
            self._known.pop(key, None)
            return None
        return next(iter(self._remembered([document])), self._known.get(key))

    def _remembered(self, documents: Iterable[Document]) -> list[Exam]:
        found = []
        for document in documents:
            try:
                exam = _exam(document)
            except ValidationError:  # somebody wrote to the database by hand
                log.exception("exam %s can't be read", document.get("_id"))
                continue
            if exam.unreadable:
                tell_unreadable("exam", exam.exam_id, exam.unreadable)
            self._known[exam.key] = exam
            found.append(exam)
        return found


def differences(mine: Document, theirs: Exam) -> list[str]:
    """The names of the fields in which what somebody wants to save differs from what is in force."""
    there: dict[str, Any] = {**theirs.definition.model_dump(), "state": theirs.state}
    return [name for name in COMPARED if name in mine and mine[name] != there[name]]


def _exam(document: Document) -> Exam:
    definition, wrong = stored_definition(document)
    fields, also = read_fields(document, FIELDS)
    return Exam(**{**BLANK, **fields, "key": document["_id"], "definition": definition, "unreadable": (*wrong, *also)})


def _changed_meanwhile(theirs: Exam, mine: Document) -> Conflict:
    """The second of two who change an exam is told by whom and in what it differs now; what they wrote is still on their page."""
    return Conflict(
        _("%(by)s has changed this exam since you opened it. Look at what differs, and save again.", by=theirs.changed_by),
        field="revision",
        revision=theirs.revision,
        changed_by=theirs.changed_by,
        changed_at=theirs.changed_at.isoformat(),
        differs=differences(mine, theirs),
    )
