"""What other systems are still to be told, and were: one document for each notice and endpoint, made of the marks that stored documents carry.

A mark is set in the same write as what it tells of (storage/marks.py), and taken away once its notices are here. Whoever does that twice finds them,
for their ids say session, event and endpoint. The notices of one session go to an endpoint in the order of their `sequence`, one after another; what
a person asked for (`alone`: a test, one sent again) keeps no other waiting.

Whoever takes a notice to send it gets a number with it (`claim`): what came of a try counts only while that number stands.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from pymongo import ASCENDING, DESCENDING, ReturnDocument
from pymongo.errors import BulkWriteError

from basics.errors import Conflict, InvalidInput, NotFound
from basics.texts import _
from basics.times import utc_now
from database import Database, Document
from records.exams import Exams
from records.hook_events import NAMES, TEST, body_of, with_names
from records.hook_marks import Key, Marked, look, marked_of, there, unmark
from records.hooks import Endpoint, stored_endpoints
from storage.fence import DUPLICATE_KEY
from storage.marks import Mark

log = logging.getLogger(__name__)

COLLECTION = "outbox"
SESSIONS_AT_ONCE = 100  # of which notices are made in one go
ANNOUNCED_AT_ONCE = 1000
WAITING_MAX = 50_000  # notices of one endpoint
OVER_MAX = 100_000  # notices that are over, of all
ROOM = 0.9  # of them are left when the oldest had to go
OVER = ("delivered", "given_up")
CLAIM = timedelta(seconds=60)  # after which another server sends what one took and did not come back with
ORPHANED = timedelta(days=1)  # after which the mark of a session that is not there is nobody's
ERASED = "session.erased"
ACT = "platform.act"  # of people, to a learning platform (platform_acts.py): no webhook's, and kept with its session
Course = Callable[[str | None], str]
StudentName = Callable[[str, str | None], str]


@dataclass(frozen=True, slots=True)
class _Told:
    """A mark of which somebody wants to be told."""

    mark: Mark
    of: Marked
    by: Sequence[Endpoint]
    exam_id: str | None
    user_id: str | None

    @property
    def event_id(self) -> str:
        return f"{self.of.id}-{self.mark.key}"


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
        is_anonymous: Callable[[str | None], bool] = lambda _exam: False,
        over_max: int = OVER_MAX,
        waiting_max: int = WAITING_MAX,
    ) -> None:
        """`course_of` an exam, `name_of` a student in an exam, and whether it is reviewed without names, are told where they are known."""
        self._database, self._now = database, now
        self._keep = timedelta(days=keep_days)
        self._course_of, self._name_of, self._is_anonymous = course_of, name_of, is_anonymous
        self._over_max, self.waiting_max = over_max, waiting_max
        self._seen: set[Key] = set()  # what stood marked when it was looked at last,
        self._ready: dict[str, set[Key]] = {}  # and what of it stood there before that, by session
        self._erased_after = ""
        self.dropped = 0  # notices that were over and had to go early

    # From marks to notices

    def take_up(self, endpoints: Sequence[Endpoint]) -> bool:
        """Make notices of what is marked of some sessions, and of those that are erased. Is there more to take up at once?

        Only what stood there at the look before, and what came before that: whatever is stored between two reads has its place in the order.
        """
        self._note_erased()
        if not self._ready:
            present = look(self._database)
            for key, session_id in present.items():
                if key in self._seen:
                    self._ready.setdefault(session_id, set()).add(key)
            self._seen = set(present)
        some = {session_id: self._ready.pop(session_id) for session_id in list(self._ready)[:SESSIONS_AT_ONCE]}
        with ExitStack() as writing:
            for session_id in list(some):
                try:
                    writing.enter_context(self._database.gone.writing(session_id))
                except Conflict:  # it is being erased
                    del some[session_id]
            if some:
                self._tell(some, endpoints)
        return bool(self._ready)

    def _tell(self, settled: Mapping[str, set[Key]], endpoints: Sequence[Endpoint]) -> None:
        told: dict[str, tuple[list[_Told], list[Marked]]] = {}
        for session_id, documents in marked_of(self._database, settled).items():
            try:
                told[session_id] = self._wanted(documents, settled.get(session_id, set()), endpoints)
            except Exception:  # a record that was damaged keeps no other from being told
                log.exception("what other systems are to be told can't be read", extra={"session_id": session_id})
        known = self._sequences_of([one.event_id for wanted, _done in told.values() for one in wanted])
        rows: list[Document] = []
        over: list[Marked] = []
        for session_id, (wanted, done) in told.items():
            new = list(dict.fromkeys(one.event_id for one in wanted if one.event_id not in known))
            last = next_sequence(self._database, session_id, len(new)) if new else 0
            if last is None:  # its own document is not there: not yet, or not any more
                over += done if all(self._now() - one.mark.at > ORPHANED for one in wanted) else []
                continue
            known |= {event_id: last - len(new) + place for place, event_id in enumerate(new, 1)}
            rows += [row for one in wanted for row in self._rows(session_id, one, known[one.event_id])]
            over += done
        self._insert(rows)
        if gone := unmark(self._database, over):  # what was erased meanwhile must leave nothing here
            with self._database.reading():
                self._database.collection(COLLECTION).delete_many({"session_id": {"$in": sorted(gone)}})

    def _wanted(self, documents: Sequence[Marked], settled: set[Key], endpoints: Sequence[Endpoint]) -> tuple[list[_Told], list[Marked]]:
        """Of one session what is to be told now, in its order, and the documents of which nothing is left to tell then."""
        newest = max((mark.at for one in documents if one.key in settled for mark in one.marks), default=None)
        done = [one for one in documents if one.key in settled or (newest is not None and all(mark.at <= newest for mark in one.marks))]
        found = [(mark, one) for one in documents for mark in one.marks if newest is not None and mark.at <= newest]
        told = []
        for mark, one in sorted(found, key=lambda pair: (pair[0].at, pair[0].key)):
            said = {"exam_id": one.exam_id, "user_id": one.user_id, **mark.data}  # a decision's own record says neither
            exam_id, user_id = (value if isinstance(value := said[name], str) else None for name in ("exam_id", "user_id"))
            if wanting := self._wanting(endpoints, mark.kind, mark.at, exam_id):
                told.append(_Told(mark, one, wanting, exam_id, user_id))
        return told, done

    def _wanting(self, endpoints: Sequence[Endpoint], kind: str, at: datetime, exam_id: str | None) -> list[Endpoint]:
        course = self._course_of(exam_id) if any(one.courses for one in endpoints) else ""
        return [one for one in endpoints if one.wants(kind, at, exam_id, course)]

    def _rows(self, session_id: str, told: _Told, sequence: int) -> list[Document]:
        ids = {"session_id": session_id, "exam_id": told.exam_id, "user_id": told.user_id, "sequence": sequence}
        ids |= {"interval_id": str(told.of.id)} if told.of.source == "intervals" else {}
        body = body_of(told.mark.kind, told.mark.at, ids | dict(told.mark.data))
        said = {"session_id": session_id, "exam_id": told.exam_id, "user_id": told.user_id, "at": told.mark.at, "body": body}
        names = {name: value for name in NAMES if isinstance(value := told.mark.data.get(name), str)}
        return [
            self._row(one, told.event_id, told.mark.kind, session_id, sequence) | said | ({"names": names} if one.names and names else {})
            for one in told.by
        ]

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
            "claim": 0,
            "made_at": now,
        }

    def _insert(self, rows: Sequence[Document]) -> None:
        if not rows:
            return
        with self._database.reading():
            try:
                self._database.collection(COLLECTION).insert_many(rows, ordered=False)
            except BulkWriteError as error:
                if any(one["code"] != DUPLICATE_KEY for one in error.details["writeErrors"]):
                    raise

    def _sequences_of(self, event_ids: Collection[str]) -> dict[str, int]:
        if not event_ids:
            return {}
        with self._database.reading():
            rows = self._database.collection(COLLECTION).find({"event_id": {"$in": list(event_ids)}}, {"event_id": 1, "sequence": 1})
            return {str(row["event_id"]): int(row["sequence"]) for row in rows}

    def _note_erased(self) -> None:
        """What was announced of sessions that are gone now is to be sent."""
        with self._database.reading():
            rows = self._database.collection(COLLECTION)
            asked = {"state": "announced", "_id": {"$gt": self._erased_after}}
            found = list(rows.find(asked, {"of": 1}).sort("_id", ASCENDING).limit(ANNOUNCED_AT_ONCE))
        self._erased_after = str(found[-1]["_id"]) if len(found) == ANNOUNCED_AT_ONCE else ""  # sessions that can't go yet hide no others
        announced = {str(row["of"]) for row in found}
        if not (gone := announced - there(self._database, announced)):
            return
        with self._database.reading():
            rows.update_many({"state": "announced", "of": {"$in": sorted(gone)}}, {"$set": {"state": "waiting", "due_at": self._now()}})

    def announce_erasure(self, session_id: str, endpoints: Sequence[Endpoint]) -> None:
        """Note what is to be told of a session's erasure, as the last of it; it is sent once the session is gone."""
        with self._database.reading():
            session = self._database.collection("sessions").find_one({"_id": session_id}, {"exam_id": 1})
        if session is None:
            return
        exam_id, now = session["exam_id"] if isinstance(session.get("exam_id"), str) else None, self._now()
        told = self._wanting(endpoints, ERASED, now, exam_id)
        if not told or (sequence := next_sequence(self._database, session_id)) is None:
            return
        event_id = f"{session_id}-erased"
        body = body_of(ERASED, now, {"session_id": session_id, "exam_id": exam_id, "sequence": sequence})
        announced = {"state": "announced", "at": now, "body": body}
        with self._database.reading():  # as it was announced by a try that came to nothing
            self._database.collection(COLLECTION).delete_many({"event_id": event_id, "state": "announced"})
        self._insert([self._row(one, event_id, ERASED, session_id, sequence) | announced for one in told])

    # What is due

    def due(self, endpoint_id: str, limit: int, held: timedelta = CLAIM) -> list[Document]:
        """Notices of an endpoint that are due and that none of their session goes before; each is this caller's for as long as `held`."""
        now, mine = self._now(), []
        with self._database.reading():
            rows = self._database.collection(COLLECTION)
            found = rows.find({"endpoint_id": endpoint_id, "state": "waiting", "due_at": {"$lte": now}}, {"of": 1, "sequence": 1, "alone": 1})
            for row in list(found.sort([("due_at", ASCENDING), ("sequence", ASCENDING)]).limit(8 * limit)):
                before = {**_in_order(endpoint_id, row["of"]), "sequence": {"$lt": row["sequence"]}}
                first = None if row.get("alone") else rows.find_one(before, {"due_at": 1}, sort=[("sequence", ASCENDING)])
                if first is not None:  # it waits for that one
                    behind = max(first["due_at"], now) + timedelta(milliseconds=1)
                    rows.update_one({"_id": row["_id"], "state": "waiting"}, {"$set": {"due_at": behind}})
                    continue
                until = now + held
                claim = {"$set": {"due_at": until, "in_hand_until": until}, "$min": {"first_try_at": now}, "$inc": {"claim": 1}}
                taken = rows.find_one_and_update(
                    {"_id": row["_id"], "state": "waiting", "due_at": {"$lte": now}}, claim, return_document=ReturnDocument.AFTER
                )
                mine += [taken] if taken is not None else []
                if len(mine) == limit:
                    break
        return mine

    def body_for(self, endpoint: Endpoint, row: Document) -> str:
        """What is sent: with names only where they may be told now."""
        body, exam_id = str(row["body"]), row.get("exam_id")
        if not endpoint.names or self._is_anonymous(exam_id):
            return body
        names, user_id = row.get("names") or {}, row.get("user_id")
        return with_names(body, by=str(names.get("by") or ""), student=self._name_of(user_id, exam_id) if user_id else "")

    def finish(
        self,
        row: Document,
        state: str,
        last: Mapping[str, Any],
        due_at: datetime | None = None,
        *,
        tried: bool = True,
        forget: Sequence[str] = (),
    ) -> bool:
        """Note what came of a try: `state` is "delivered", "given_up", or "waiting" until `due_at`. Once it is over the next of its session goes.
        Not `tried`: it was given up without one. `forget` names fields that hold no more.

        False, and nothing is noted, where the notice is not this caller's any more.
        """
        is_over, now = state in OVER, self._now()
        fields: Document = {"state": state, "last": dict(last)}
        if not is_over:
            fields["due_at"] = due_at or now
        elif row.get("type") != ACT:  # which stays with its session
            fields["expires_at"] = now + self._keep
        change = {"$set": fields, "$inc": {"tries": int(tried)}, "$unset": dict.fromkeys(("in_hand_until", *forget), "")}
        with self._database.reading():
            rows = self._database.collection(COLLECTION)
            if not rows.update_one({"_id": row["_id"], "state": "waiting", "claim": row["claim"]}, change).matched_count:
                return False
            if is_over and not row.get("alone"):
                after = {**_in_order(row["endpoint_id"], row["of"]), "sequence": {"$gt": row["sequence"]}}
                rows.find_one_and_update(after, {"$set": {"due_at": now}}, sort=[("sequence", ASCENDING)])
        return True

    # For people

    def listed(self, endpoint_id: str, limit: int, after: str | None = None, state: str | None = None) -> list[Document]:
        """Notices of an endpoint, newest first; `after` is the `_id` of the last one already seen."""
        query = {"endpoint_id": endpoint_id, "state": state or {"$in": ["waiting", *OVER]}}
        return self._database.page(COLLECTION, query, [("made_at", DESCENDING), ("sequence", DESCENDING)], after, limit)

    def resend(self, endpoint: Endpoint, row_id: str) -> Document:
        """Send one again, or one that waits sooner. Raise `NotFound`, `InvalidInput` where nothing is sent to the endpoint."""
        _check_enabled(endpoint)
        now, one = self._now(), {"_id": row_id, "endpoint_id": endpoint.id}
        fields = {"state": "waiting", "due_at": now, "made_at": now, "tries": 0, "alone": True}
        again = {"$set": fields, "$unset": {"first_try_at": "", "expires_at": ""}}
        with self._database.reading():
            rows = self._database.collection(COLLECTION)
            found = rows.find_one_and_update({**one, "state": {"$in": OVER}}, again, return_document=ReturnDocument.AFTER)
            if found is None:
                found = rows.find_one_and_update({**one, "state": "waiting"}, [_sooner(now)], return_document=ReturnDocument.AFTER)
        if found is None:
            raise NotFound(_("There is no such notice of this webhook; it may have been deleted since."), field="delivery_id")
        return found

    def hurry(self, endpoint_id: str, session_ids: Sequence[str], kind: str) -> None:
        """What of this kind these sessions' notices were to tell, and could not so far, has its three days from now; given up or not."""
        query = {"endpoint_id": endpoint_id, "of": {"$in": list(session_ids)}, "type": kind, "state": {"$in": ["waiting", "given_up"]}}
        self._anew(query, "alone")

    def begin_again(self, endpoint_id: str) -> None:
        """What waits for an endpoint that a person enabled has its three days from now."""
        self._anew({"endpoint_id": endpoint_id, "state": "waiting"})

    def _anew(self, query: Document, *unset: str) -> None:
        """Try these from the beginning. What comes of a try that is under way counts no more."""
        anew = {"state": "waiting", "tries": 0, "claim": {"$add": [{"$ifNull": ["$claim", 0]}, 1]}}
        again = [_sooner(self._now()), {"$set": anew}, {"$unset": ["first_try_at", "expires_at", *unset]}]
        with self._database.reading():
            self._database.collection(COLLECTION).update_many(query, again)

    def test(self, endpoint: Endpoint, test_id: str) -> Document:
        """Put a notice for a test among those that wait. Raise `InvalidInput` where nothing is sent to the endpoint."""
        _check_enabled(endpoint)
        now = self._now()
        row = self._row(endpoint, test_id, TEST, test_id, 1) | {"at": now, "body": body_of(TEST, now, {"sequence": 1}), "alone": True}
        self._insert([row])
        return row

    # Bounds

    def counts(self, endpoint_id: str) -> tuple[int, datetime | None]:
        """How many notices wait for an endpoint, counted to one more than may, and since when the oldest does."""
        waiting = {"endpoint_id": endpoint_id, "state": "waiting"}
        with self._database.reading():
            rows = self._database.collection(COLLECTION)
            oldest = rows.find_one(waiting, {"made_at": 1}, sort=[("made_at", ASCENDING)])
            return rows.count_documents(waiting, limit=self.waiting_max + 1), oldest["made_at"] if oldest else None

    def make_room(self) -> None:
        """Delete the oldest of what is over, where that is too many."""
        over = {"state": {"$in": OVER}, "type": {"$ne": ACT}}
        with self._database.reading():
            rows = self._database.collection(COLLECTION)
            if rows.estimated_document_count() <= self._over_max or (count := rows.count_documents(over)) <= self._over_max:
                return
            surplus = count - int(self._over_max * ROOM)
            old = [row["_id"] for row in rows.find(over, {"_id": 1}).sort("made_at", ASCENDING).limit(min(surplus, 10_000))]
            self.dropped += rows.delete_many({"_id": {"$in": old}}).deleted_count
        log.warning("more than %d notices of webhooks were over: the oldest are deleted early", self._over_max)

    def sweep(self, endpoints: Callable[[], Sequence[Endpoint]]) -> None:
        """Delete what is left of endpoints that were removed, and let what waits for those that are disabled go in its time. They are read here."""
        with self._database.reading():
            named = {str(one) for one in self._database.collection(COLLECTION).distinct("endpoint_id")}
        there_are = endpoints()  # after that: none of them was added meanwhile
        with self._database.reading():
            rows = self._database.collection(COLLECTION)
            if gone := named - {one.id for one in there_are}:
                rows.delete_many({"endpoint_id": {"$in": sorted(gone)}, "type": {"$ne": ACT}})
            for one in there_are:
                waiting = {"endpoint_id": one.id, "state": "waiting", "expires_at": {"$exists": one.enabled}}
                change: Document = {"$unset": {"expires_at": ""}} if one.enabled else {"$set": {"expires_at": self._now() + self._keep}}
                rows.update_many(waiting, change)


def _in_order(endpoint_id: str, of: str) -> Document:
    """What waits of a session, one for the other."""
    return {"endpoint_id": endpoint_id, "of": of, "state": "waiting", "alone": {"$exists": False}}


def _sooner(now: datetime) -> Document:
    """Due now, or when who has it in hand must have come back."""
    return {"$set": {"due_at": {"$max": [now, "$in_hand_until"]}}}


def _check_enabled(endpoint: Endpoint) -> None:
    if not endpoint.enabled:
        raise InvalidInput(_("The webhook is disabled. Enable it first."), field="enabled")


def next_sequence(database: Database, session_id: str, count: int = 1) -> int | None:
    """The last of the next numbers of a session's notices, of which so many are taken; None where there is no such session."""
    more = {"$add": [{"$convert": {"input": "$told", "to": "long", "onError": 0, "onNull": 0}}, count]}
    with database.reading():
        found = database.collection("sessions").find_one_and_update(
            {"_id": session_id}, [{"$set": {"told": more}}], {"told": 1}, return_document=ReturnDocument.AFTER
        )
    return int(found["told"]) if found is not None else None


def announce_erasure(database: Database, session_id: str) -> None:
    """Before a session is erased: note what is to be told of that once it is gone. Only its own id is kept. Raise `StorageError`."""
    if endpoints := stored_endpoints(database):
        exams = Exams(database)
        Outbox(database, utc_now, course_of=lambda exam_id: exam.definition.course if (exam := exams.get(exam_id)) else "").announce_erasure(
            session_id, endpoints
        )
