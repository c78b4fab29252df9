"""What other systems are still to be told, and were: one document for each notice and endpoint, made of the marks that stored documents carry.

A mark is set in the same write as what it tells of (storage/marks.py), and taken away once its notices are here. Whoever does that twice finds them,
for their ids say session, event and endpoint. The notices of one session go to an endpoint in the order of their `sequence`, one after another.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from pymongo import ASCENDING, DESCENDING, ReturnDocument
from pymongo.errors import BulkWriteError

from basics.errors import Conflict, InvalidInput, NotFound, StorageError
from basics.texts import _
from basics.times import utc_now
from database import Database, Document
from records.exams import Exams
from records.hook_events import TEST, body_of
from records.hooks import Endpoint, stored_endpoints
from storage.fence import DUPLICATE_KEY
from storage.marks import MARKED, TELLS, Mark, mark_names, marks_of

log = logging.getLogger(__name__)

COLLECTION = "outbox"
SOURCES = ("sessions", "intervals", "reviews", "conclusions")
AT_ONCE = 1000  # documents of each that one turn looks at
ROWS_MAX = 100_000
ROOM = 0.9  # of them are left when the oldest had to go
OVER = ("delivered", "given_up")
CLAIM = timedelta(seconds=60)  # after which another server sends what one took and did not come back with
ORPHANED = timedelta(days=1)  # after which the mark of a session that is not there is nobody's
ERASED = "session.erased"
Course = Callable[[str | None], str]
StudentName = Callable[[str, str | None], str]


class Outbox:
    """The notices of one database. Every method may raise `StorageError`; `now` is the clock by which they are due."""

    def __init__(
        self,
        database: Database,
        now: Callable[[], datetime],
        *,
        keep_days: int = 30,
        course_of: Course = lambda _exam: "",
        name_of: StudentName = lambda _user, _exam: "",
        rows_max: int = ROWS_MAX,
    ) -> None:
        """`course_of` an exam, and `name_of` a student in an exam, are told where they are known."""
        self._database, self._now = database, now
        self._keep = timedelta(days=keep_days)
        self._course_of, self._name_of = course_of, name_of
        self._rows_max = rows_max
        self._seen: set[tuple[str, str, str]] = set()  # what stood marked at the turn before
        self.dropped = 0  # notices that were over and had to go early
        self.is_full = False

    # From marks to notices

    def take_up(self, endpoints: Sequence[Endpoint]) -> int:
        """Make notices of what is marked, and of the sessions that are erased; return of how many documents. Marks stay where there is no room.

        Only what stood there at the turn before, and what came before that: whatever is stored between two reads has its place in the order.
        """
        if not self._has_room():
            return 0
        self._note_erased()
        marked = list(self._marked())
        present = {(source, str(document["_id"]), str(document[TELLS])) for source, document in marked}
        settled, self._seen = present & self._seen, present
        by_session: dict[str, list[tuple[str, Document]]] = {}
        for source, document in marked:
            by_session.setdefault(_session_of(source, document), []).append((source, document))
        done = 0
        for session_id, documents in by_session.items():
            old = [one for one in documents if (one[0], str(one[1]["_id"]), str(one[1][TELLS])) in settled]
            newest = max((mark.at for _source, document in old for mark in marks_of(document)), default=None)
            ready = [one for one in documents if one in old or (newest is not None and all(mark.at <= newest for mark in marks_of(one[1])))]
            try:
                done += self._tell(session_id, ready, endpoints) if ready else 0
            except Conflict:
                pass  # it is being erased
            except StorageError:
                raise
            except Exception:  # a record that was damaged keeps no other from being told
                log.exception("what other systems are to be told can't be read", extra={"session_id": session_id})
        return done

    def _marked(self) -> Iterator[tuple[str, Document]]:
        for source in SOURCES:
            with self._database.reading():
                for document in self._database.collection(source).find(MARKED).sort(TELLS, ASCENDING).limit(AT_ONCE):
                    yield source, document

    def _tell(self, session_id: str, documents: Sequence[tuple[str, Document]], endpoints: Sequence[Endpoint]) -> int:
        marks = [(mark, source, document) for source, document in documents for mark in marks_of(document)]
        with self._database.gone.writing(session_id):
            for mark, source, document in sorted(marks, key=lambda one: (one[0].at, one[0].key)):
                if not self._give(session_id, source, document, mark, endpoints):
                    return 0
            for source, document in documents:
                self._unmark(session_id, source, document)
        return len(documents)

    def _give(self, session_id: str, source: str, document: Document, mark: Mark, endpoints: Sequence[Endpoint]) -> bool:
        """Make the notices of one mark. False where the session's own document is not there: not yet, or not any more."""
        said = {**document, **mark.data}  # a decision's own record says neither
        exam_id, user_id = (value if isinstance(value := said.get(name), str) else None for name in ("exam_id", "user_id"))
        told = self._wanting(endpoints, mark.kind, mark.at, exam_id)
        if not told:
            return True
        event_id = f"{document['_id']}-{mark.key}"
        sequence = self._sequence_of(event_id) or next_sequence(self._database, session_id)
        if sequence is None:
            return self._now() - mark.at > ORPHANED
        ids = {"session_id": session_id, "exam_id": exam_id, "user_id": user_id, "sequence": sequence}
        ids |= {"interval_id": str(document["_id"])} if source == "intervals" else {}
        student = self._name_of(user_id or "", exam_id) if any(one.names for one in told) else ""
        rows = [
            self._row(one, event_id, mark.kind, session_id, sequence)
            | {"session_id": session_id, "user_id": user_id, "at": mark.at}
            | {"body": body_of(mark.kind, mark.at, ids | dict(mark.data), names=one.names, student=student)}
            for one in told
        ]
        self._insert(rows)
        return True

    def _wanting(self, endpoints: Sequence[Endpoint], kind: str, at: datetime, exam_id: str | None) -> list[Endpoint]:
        course = self._course_of(exam_id) if any(one.courses for one in endpoints) else ""
        return [one for one in endpoints if one.wants(kind, at, exam_id, course)]

    def _row(self, endpoint: Endpoint, event_id: str, kind: str, of: str, sequence: int) -> Document:
        now = self._now()
        return {
            "_id": f"{event_id}:{endpoint.id}",
            "event_id": event_id,
            "endpoint_id": endpoint.id,
            "type": kind,
            "of": of,
            "sequence": sequence,
            "state": "waiting",
            "due_at": now,
            "tries": 0,
            "made_at": now,
            "expires_at": now + self._keep,
        }

    def _insert(self, rows: Sequence[Document]) -> None:
        with self._database.reading():
            try:
                self._database.collection(COLLECTION).insert_many(rows, ordered=False)
            except BulkWriteError as error:
                if any(one["code"] != DUPLICATE_KEY for one in error.details["writeErrors"]):
                    raise

    def _sequence_of(self, event_id: str) -> int | None:
        with self._database.reading():
            row = self._database.collection(COLLECTION).find_one({"event_id": event_id}, {"sequence": 1})
        return int(row["sequence"]) if row is not None else None

    def _unmark(self, session_id: str, source: str, document: Document) -> None:
        """Take the marks away, unless another came meanwhile. What was erased meanwhile must leave nothing here."""
        fields = dict.fromkeys(mark_names(document), "")
        with self._database.reading():
            found = self._database.collection(source)
            if found.update_one({"_id": document["_id"], TELLS: document[TELLS]}, {"$unset": fields}).matched_count:
                return
            if self._database.collection("sessions").find_one({"_id": session_id}, {"_id": 1}) is None:
                self._database.collection(COLLECTION).delete_many({"session_id": session_id})

    def _note_erased(self) -> None:
        """What was announced of sessions that are gone now is to be sent."""
        with self._database.reading():
            rows = self._database.collection(COLLECTION)
            announced = {str(row["of"]) for row in rows.find({"state": "announced"}, {"of": 1}).limit(AT_ONCE)}
            if not announced:
                return
            there = {str(row["_id"]) for row in self._database.collection("sessions").find({"_id": {"$in": sorted(announced)}}, {"_id": 1})}
            rows.update_many({"state": "announced", "of": {"$in": sorted(announced - there)}}, {"$set": {"state": "waiting", "due_at": self._now()}})

    def _has_room(self) -> bool:
        """Is there room for more? The oldest of those that are over go for it."""
        with self._database.reading():
            rows = self._database.collection(COLLECTION)
            count = rows.estimated_document_count()
            if count > self._rows_max:
                surplus = count - int(self._rows_max * ROOM)
                old = [row["_id"] for row in rows.find({"state": {"$in": OVER}}, {"_id": 1}).sort("made_at", ASCENDING).limit(min(surplus, 10_000))]
                if old:
                    self.dropped += rows.delete_many({"_id": {"$in": old}}).deleted_count
                    log.warning("there are more than %d notices of webhooks: the oldest that are over are deleted early", self._rows_max)
                count = rows.estimated_document_count()
            self.is_full = count > self._rows_max
        return not self.is_full

    def announce_erasure(self, session_id: str, endpoints: Sequence[Endpoint]) -> None:
        """Note what is to be told of a session's erasure; it is sent once the session is gone."""
        with self._database.reading():
            session = self._database.collection("sessions").find_one({"_id": session_id}, {"exam_id": 1})
        if session is None:
            return
        exam_id, now = session["exam_id"] if isinstance(session.get("exam_id"), str) else None, self._now()
        told = self._wanting(endpoints, ERASED, now, exam_id)
        event_id = f"{session_id}-erased"
        if not told or (sequence := self._sequence_of(event_id) or next_sequence(self._database, session_id)) is None:
            return
        body = body_of(ERASED, now, {"session_id": session_id, "exam_id": exam_id, "sequence": sequence}, names=False)
        announced = {"state": "announced", "at": now, "body": body}
        self._insert([self._row(one, event_id, ERASED, session_id, sequence) | announced for one in told])

    # What is due

    def due(self, endpoint_id: str, limit: int) -> list[Document]:
        """Notices of an endpoint that are due and that none of their session goes before; each is this caller's for a minute."""
        now, mine = self._now(), []
        with self._database.reading():
            rows = self._database.collection(COLLECTION)
            found = rows.find({"endpoint_id": endpoint_id, "state": "waiting", "due_at": {"$lte": now}}, {"of": 1, "sequence": 1})
            for row in list(found.sort([("due_at", ASCENDING), ("sequence", ASCENDING)]).limit(8 * limit)):
                before = {"endpoint_id": endpoint_id, "of": row["of"], "state": "waiting", "sequence": {"$lt": row["sequence"]}}
                first = rows.find_one(before, {"due_at": 1}, sort=[("sequence", ASCENDING)])
                if first is not None:  # it waits for that one
                    behind = max(first["due_at"], now) + timedelta(milliseconds=1)
                    rows.update_one({"_id": row["_id"], "state": "waiting"}, {"$set": {"due_at": behind}})
                    continue
                claim = {"$set": {"due_at": now + CLAIM}, "$min": {"first_try_at": now}}
                taken = rows.find_one_and_update(
                    {"_id": row["_id"], "state": "waiting", "due_at": {"$lte": now}}, claim, return_document=ReturnDocument.AFTER
                )
                mine += [taken] if taken is not None else []
                if len(mine) == limit:
                    break
        return mine

    def finish(self, row: Document, state: str, last: Mapping[str, Any], due_at: datetime | None = None) -> None:
        """Note what came of a try: `state` is "delivered", "given_up", or "waiting" until `due_at`. Once it is over the next of its session goes."""
        fields = {"state": state, "last": dict(last), **({"due_at": due_at} if due_at is not None else {})}
        with self._database.reading():
            rows = self._database.collection(COLLECTION)
            rows.update_one({"_id": row["_id"]}, {"$set": fields, "$inc": {"tries": 1}})
            if state in OVER:
                after = {"endpoint_id": row["endpoint_id"], "of": row["of"], "state": "waiting", "sequence": {"$gt": row["sequence"]}}
                rows.find_one_and_update(after, {"$set": {"due_at": self._now()}}, sort=[("sequence", ASCENDING)])

    # For people

    def listed(self, endpoint_id: str, limit: int, after: str | None = None, state: str | None = None) -> list[Document]:
        """Notices of an endpoint, newest first; `after` is the `_id` of the last one already seen."""
        query = {"endpoint_id": endpoint_id, "state": state or {"$in": ["waiting", *OVER]}}
        return self._database.page(COLLECTION, query, [("made_at", DESCENDING)], after, limit)

    def resend(self, endpoint_id: str, row_id: str) -> Document:
        """Send one again, now. Raise `NotFound`."""
        now = self._now()
        fields = {"state": "waiting", "due_at": now, "made_at": now, "expires_at": now + self._keep, "tries": 0}
        again = {"$set": fields, "$unset": {"first_try_at": ""}}
        with self._database.reading():
            found = self._database.collection(COLLECTION).find_one_and_update(
                {"_id": row_id, "endpoint_id": endpoint_id, "state": {"$in": ["waiting", *OVER]}}, again, return_document=ReturnDocument.AFTER
            )
        if found is None:
            raise NotFound(_("There is no such notice of this webhook; it may have been deleted since."), field="delivery_id")
        return found

    def hurry(self, endpoint_id: str, session_ids: Sequence[str], kind: str) -> None:
        """What of this kind these sessions' notices were to tell, and could not so far, is tried now; given up or not."""
        now = self._now()
        query = {"endpoint_id": endpoint_id, "of": {"$in": list(session_ids)}, "type": kind, "state": {"$in": ["waiting", "given_up"]}}
        again = {"$set": {"state": "waiting", "due_at": now, "expires_at": now + self._keep, "tries": 0}, "$unset": {"first_try_at": ""}}
        with self._database.reading():
            self._database.collection(COLLECTION).update_many(query, again)

    def begin_again(self, endpoint_id: str) -> None:
        """What waits for an endpoint that a person enabled has its three days from now."""
        again = {"$set": {"due_at": self._now(), "tries": 0}, "$unset": {"first_try_at": ""}}
        with self._database.reading():
            self._database.collection(COLLECTION).update_many({"endpoint_id": endpoint_id, "state": "waiting"}, again)

    def test(self, endpoint: Endpoint, test_id: str) -> Document:
        """Put a notice for a test among those that wait. Raise `InvalidInput` where nothing is sent to the endpoint."""
        if not endpoint.enabled:
            raise InvalidInput(_("The webhook is disabled. Enable it first."), field="enabled")
        now = self._now()
        row = self._row(endpoint, test_id, TEST, test_id, 1) | {"at": now, "body": body_of(TEST, now, {"sequence": 1}, names=False)}
        self._insert([row])
        return row

    def counts(self) -> tuple[int, datetime | None]:
        """How many notices wait, and since when the oldest does."""
        with self._database.reading():
            rows = self._database.collection(COLLECTION)
            oldest = rows.find_one({"state": "waiting"}, {"made_at": 1}, sort=[("made_at", ASCENDING)])
            return rows.count_documents({"state": "waiting"}), oldest["made_at"] if oldest else None


def _session_of(source: str, document: Document) -> str:
    return str(document["session_id"] if source in ("intervals", "reviews") and isinstance(document.get("session_id"), str) else document["_id"])


def next_sequence(database: Database, session_id: str) -> int | None:
    """The next number of a session's notices; None where there is no such session."""
    one_more = {"$add": [{"$convert": {"input": "$told", "to": "long", "onError": 0, "onNull": 0}}, 1]}
    with database.reading():
        found = database.collection("sessions").find_one_and_update(
            {"_id": session_id}, [{"$set": {"told": one_more}}], {"told": 1}, return_document=ReturnDocument.AFTER
        )
    return int(found["told"]) if found is not None else None


def announce_erasure(database: Database, session_id: str) -> None:
    """Before a session is erased: note what is to be told of that once it is gone. Only its own id is kept. Raise `StorageError`."""
    if endpoints := stored_endpoints(database):
        exams = Exams(database)
        Outbox(database, utc_now, course_of=lambda exam_id: exam.definition.course if (exam := exams.get(exam_id)) else "").announce_erasure(
            session_id, endpoints
        )
