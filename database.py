"""Every MongoDB query, and the way of each write: `Database` is what the other parts know of MongoDB.

Writes are repeatable upserts by id. They never block and never fail because the database is away: they are queued, and a `Ticket` tells
when one is safe (in the database with majority and journal, or in the fsynced spool). Reads ask the database at once and raise
`StorageError` when it is away. Documents come back as they are stored; dates are UTC, aware, in whole milliseconds.
"""

from __future__ import annotations

import logging
import re
import threading
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timezone
from pathlib import Path
from typing import Any, Literal

import pymongo
from bson.codec_options import CodecOptions, DatetimeConversion
from bson.min_key import MinKey
from pymongo import ASCENDING, DESCENDING
from pymongo.collection import Collection
from pymongo.errors import PyMongoError
from pymongo.read_preferences import ReadPreference
from pymongo.write_concern import WriteConcern

from basics.backoff import Backoff
from basics.errors import ConfigError, InvalidInput, NotFound, StorageError
from basics.folder_lock import FolderLock
from basics.gone import keys_of
from basics.texts import _, joined, ngettext
from basics.times import utc_now
from storage.connecting import connect, why_away
from storage.indexes import make_indexes
from storage.marks import without_marks
from storage.migrations import MIGRATIONS, Migrating, Migration
from storage.ranks import beyond, beyond_type
from storage.sending import Sender
from storage.spool import Spool
from storage.write_queue import WriteQueue
from storage.writes import NONE, Fields, Ticket, encode, parse, reason_of

log = logging.getLogger(__name__)

Document = dict[str, Any]

LIMIT_MAX = 1000  # rows of one page
LOOK_S = 1.5  # between looks at a database that answers; an outage is noticed within this and one time-out, so within 5 s
LOOK_TIMEOUT_S = 3.0
AWAY_LOOK_S = (0.2, 0.5, 1.0, 2.0)  # back-off while it is away
ANY_TIME: Document = {"$gte": MinKey()}  # a damaged one as well; an index is asked from its first field on only
_UTC: CodecOptions[Document] = CodecOptions(
    tz_aware=True,
    tzinfo=timezone.utc,
    unicode_decode_error_handler="replace",
    datetime_conversion=DatetimeConversion.DATETIME_CLAMP,  # one that Python has no word for would take its document with it
)


class Database:
    """The database of one server, for all threads. `start` it once, `stop` it at the end."""

    def __init__(
        self,
        uri: str,
        db_name: str,
        spool_dir: Path,
        timeout_s: float = 3,
        spool_max_mb: int = 2048,
        *,
        migrations: Sequence[Migration] = MIGRATIONS,
    ) -> None:
        """`timeout_s` bounds each query; `spool_max_mb` what waits on disk; `migrations` are those that this program knows.

        Raise `ConfigError` for a wrong URI, `StorageError` for a bad folder.
        """
        self._timeout_s = timeout_s
        self._client = connect(uri, timeout_s)
        # Said here, so that no option of the URI can weaken it.
        self._db = self._client.get_database(db_name, _UTC, ReadPreference.PRIMARY, WriteConcern("majority", j=True))
        # One session for all writes: a batch that timed out may still lie in a stopped server's socket. When the server goes on, it
        # refuses that batch, because a younger one of the same session came first; so nothing old overwrites what is new.
        self._session = self._client.start_session(causal_consistency=False)
        self._lock = FolderLock(spool_dir, "spool.lock")
        self._lock.acquire("set DATA_DIR to another folder")
        try:
            spool = Spool(spool_dir, spool_max_mb << 20)
        except BaseException:
            self._lock.release()
            raise
        self._rejected_path = spool_dir / "rejected.jsonl"
        sender = Sender(self._db, self._session, timeout_s)
        self._queue = WriteQueue(sender.send, parse, spool, self._rejected_path, self._suspect, refuse=sender.refuse_deleted)
        self.gone = self._queue.gone
        self.is_listened_to = False  # is there somebody who takes the marks away (storage.marks)? Else none are stored
        self._stop = threading.Event()
        self._look_now = threading.Event()
        self._looked = threading.Event()
        self._ready = threading.Event()
        self._migrating = Migrating(self._db, migrations)
        self._reachable: bool | None = None
        self._reason = ""
        self._watcher = threading.Thread(target=self._watch, name="database-watch", daemon=True)

    def start(self) -> None:
        """Start the writer and the watch over the database; returns at once, whether it answers or not."""
        self._queue.start()
        self._watcher.start()

    def wait_ready(self, timeout: float) -> bool:
        """Wait until the database answered and has its indexes; False when `timeout` seconds passed."""
        return self._ready.wait(timeout)

    def check_readable(self, timeout: float) -> None:
        """Raise `ConfigError` where a newer version of the program has made the database what this one can't read.

        One that is away, or does not answer within `timeout` seconds, is looked at when it does: it is as away then.
        """
        self._looked.wait(timeout)
        if self._migrating.refused:
            raise ConfigError(self._migrating.refused, field="DB_NAME")

    @property
    def schema(self) -> int:
        """How many changes of the database this program knows."""
        return len(self._migrating.known)

    def flush(self, timeout: float) -> bool:
        """Wait until every write so far, spooled ones of an earlier run too, is in the database; False when `timeout` seconds passed."""
        return self._queue.flush(timeout)

    def stop(self, timeout: float = 10) -> None:
        """Bring what waits to the database, or else to the spool, and end."""
        self._stop.set()
        self._look_now.set()
        self._queue.stop(timeout)
        if self._watcher.is_alive():
            self._watcher.join(timeout)
        self._client.close()
        self._lock.release()

    def health(self) -> Document:
        """`state` ("starting", "ok", "degraded", "away"), `reason`, `todo`, and the queue's counts: queued, spooled, rejected, lost, …"""
        counts = self._queue.health()
        trouble, disk_trouble, refusal, damaged = (counts.pop(name) for name in ("trouble", "disk_trouble", "refusal", "damaged"))
        reasons = [reason for reason in (self._reason or trouble, disk_trouble, refusal) if reason]
        state = "starting" if self._reachable is None else "ok" if self._reachable and not trouble else "away"
        todo = []
        if self._migrating.refused:
            todo.append(_("Start the newer version here, too. What was written waits on this machine's disk until then."))
        if refusal:
            todo.append(
                _(
                    "Look into %(path)s: it has the whole records. Move it away when you have seen them; this line goes then.",
                    path=self._rejected_path,
                )
            )
        if damaged:
            files = ", ".join(damaged[:3])
            reasons.append(_("the disk damaged records that waited on it: what can't be read is in %(files)s", files=files))
            todo.append(_("Have the disk looked at, and move the files away from %(folder)s; this line goes then.", folder=self.set_aside_in))
        if counts["lost"]:
            reasons.append(
                ngettext(
                    "%(count)s records were lost: for a while neither the database nor the spool's disk took any",
                    "%(count)s records were lost: for a while neither the database nor the spool's disk took any",
                    counts["lost"],
                )
            )
            todo.append(_("What is lost can't be had again; the log names it. Give the spool's disk more room. This line goes with the next start."))
        if state == "away" and disk_trouble:
            todo.insert(0, _("Bring the database back, or free the disk of DATA_DIR: records wait in memory, which has room for so many only."))
        if state == "ok" and todo:
            state = "degraded"
        return {"state": state, "reason": joined("; ", reasons), **({"todo": joined(" ", todo)} if todo else {}), **counts}

    @property
    def set_aside_in(self) -> Path:
        """The folder of the files with records that the database refused (`rejected*.jsonl`) or the disk damaged (`*.damaged`)."""
        return self._rejected_path.parent

    # Writes

    def write(
        self, collection: str, document_id: str, fields: Fields, *, insert_only: bool = False, epoch: int | None = None, new: Fields = NONE
    ) -> Ticket:
        """Queue an upsert of `fields` (dotted keys allowed) on the document `document_id`; `insert_only` sets them only if it is new (`new`: always).

        The fields are copied at once. What can't be stored is set aside in `rejected.jsonl`, and its ticket has an `error`, as that of what is gone.
        `epoch`: a document on which somebody wrote with a later one stays as it is, and the ticket's error is `Fenced`.
        """
        fields = self.marked(fields)
        write = encode(collection, document_id, fields, "insert" if insert_only else "set", epoch, new)
        return self._queue.put(write, keys_of(collection, document_id, fields))

    def change(self, collection: str, document_id: str, fields: Fields, where: Fields = NONE) -> Ticket:
        """Queue a change of `fields` on a document that is there and of which `where` holds by then; else nothing is written; that is no error."""
        fields = self.marked(fields)
        return self._queue.put(encode(collection, document_id, fields, "change", where=where), keys_of(collection, document_id, fields))

    def marked(self, fields: Fields) -> Fields:
        """The fields as they are to be stored, by a direct write too: with their marks where somebody listens."""
        return fields if self.is_listened_to else without_marks(fields)

    def delete(self, collection: str, document_id: str, *, epoch: int | None = None) -> Ticket:
        """Queue the removal of one document; harmless when there is none, or when somebody wrote on it with a later epoch."""
        return self._queue.put(encode(collection, document_id, {}, "delete", epoch))

    def audit(self, entry: Mapping[str, Any]) -> Ticket:
        """Note who did what; `at` is now unless given."""
        return self.write("audit", uuid.uuid4().hex, {"at": utc_now(), **entry}, insert_only=True)

    # Reads

    def running_sessions(self, *, but_of: Sequence[str] = ()) -> list[Document]:
        """The sessions that are stored as running, oldest first, but those of these owners."""
        query: Document = {"state": "running", **({"owner": {"$nin": [*but_of]}} if but_of else {})}
        with self.reading():
            return list(self._db.sessions.find(query).sort("started_at", ASCENDING))

    def session(self, session_id: str) -> Document:
        """One session; raise `NotFound`."""
        return self._one("sessions", session_id, _("There is no session %(id)s.", id=repr(session_id)))

    def latest_session(self, user_id: str, exam_id: str | None) -> Document | None:
        """The session of this student and exam that started last, running or not; an `exam_id` of None is the exam without an id."""
        with self.reading():
            return self._db.sessions.find_one({"user_id": user_id, "exam_id": exam_id}, sort=[("started_at", DESCENDING)])

    def latest_of_student(self, user_id: str) -> Document | None:
        """The student's session that started last, of whatever exam."""
        with self.reading():
            return self._db.sessions.find_one({"user_id": user_id}, sort=[("started_at", DESCENDING)])

    def sessions(
        self,
        limit: int = 100,
        after: str | None = None,
        *,
        search: str | None = None,
        started: Document | None = None,
        fields: Sequence[str] | None = None,
        exams: Document | None = None,
        **equal: str | None,
    ) -> list[Document]:
        """Sessions, those that started last first; `equal` are fields and their values, None too; `started` a condition on when they did.

        `search` is part of a student's id, in any case; `exams` a condition on the exam. `after` is the `_id` of the last one already seen.
        """
        started = started or (ANY_TIME if search is not None else None)
        query: Document = {**equal, **({"started_at": started} if started else {})}
        also = [{"user_id": {"$regex": re.escape(search), "$options": "i"}}] if search is not None else []
        also += [{"exam_id": exams}] if exams is not None else []
        query |= {"$and": also} if also else {}
        return self.page("sessions", query, [("started_at", DESCENDING)], after, limit, fields)

    def intervals(self, session_id: str, after: str | None = None, limit: int = LIMIT_MAX) -> list[Document]:
        """The session's intervals in order; `after` is the `_id` of the last one already seen."""
        return self.page("intervals", {"session_id": session_id}, [("index", ASCENDING)], after, limit)

    def interval(self, video_id: str) -> Document:
        """One interval; raise `NotFound`."""
        return self._one("intervals", video_id, _("There is no interval %(id)s.", id=repr(video_id)))

    def checks(self, session_id: str, after: str | None = None, limit: int = LIMIT_MAX, *, readings: bool = True) -> list[Document]:
        """The session's check records in order, each with its single `readings` or without; `after` is the `_id` of the last one already seen."""
        return self.page("checks", {"session_id": session_id}, [("number", ASCENDING)], after, limit, None if readings else {"readings": 0})

    def acts(self, session_id: str, after: str | None = None, limit: int = LIMIT_MAX) -> list[Document]:
        """The session's screen acts in the order of their time; `after` is the `_id` of the last one already seen."""
        return self.page("acts", {"session_id": session_id}, [("at", ASCENDING)], after, limit)

    def flagged(
        self, limit: int = 100, after: str | None = None, exam_id: str | None = None, user_id: str | None = None, exams: Document | None = None
    ) -> list[Document]:
        """Flagged intervals of all sessions (of one exam, of one student), newest first; `after` is the `_id` of the last one already seen."""
        query: Document = {"flagged": True, **({"$and": [{"exam_id": exams}]} if exams is not None else {})}
        if exam_id is not None:
            query["exam_id"] = exam_id
        if user_id is not None:
            query["user_id"] = user_id
        return self.page("intervals", query, [("flagged_at", DESCENDING)], after, limit)

    def interval_of_clip(self, path: str) -> Document | None:
        """The interval whose clip lies at `path` under the folder of clips."""
        with self.reading():
            return self._db.intervals.find_one({"clip.path": {"$eq": path, "$gt": ""}})

    def pending_clips(self) -> list[Document]:
        """Intervals whose clip was still to be made, oldest first."""
        with self.reading():
            return list(self._db.intervals.find({"clip.state": "pending"}).sort("started_at", ASCENDING))

    def stats(self, high_risk_flags: int, exams: Document | None = None) -> dict[str, int]:
        """Counts over all sessions (`exams`: a condition on theirs); `high_risk` are those with `high_risk_flags` flagged intervals or more."""
        among = {"exam_id": exams} if exams is not None else {}
        with self.reading():
            by_state = self._db.sessions.aggregate([{"$match": {"state": {"$gt": ""}, **among}}, {"$group": {"_id": "$state", "count": {"$sum": 1}}}])
            counts = {row["_id"]: int(row["count"]) for row in by_state}
            flagged = self._db.intervals.count_documents({"flagged": True, **among})
            high_risk = self._db.sessions.count_documents({"flagged_intervals": {"$gte": high_risk_flags}, **among})
        return {
            "total_sessions": sum(counts.values()),
            "active_sessions": counts.get("running", 0),
            "flagged_intervals": flagged,
            "high_risk": high_risk,
        }

    def audit_entries(self, limit: int = 100, after: str | None = None) -> list[Document]:
        """Who did what, newest first; `after` is the `_id` of the last one already seen."""
        return self.page("audit", {}, [("at", DESCENDING)], after, limit)

    def get(self, collection: Literal["users", "tokens", "rehearsals"], document_id: str) -> Document | None:
        """One document by its id, None where there is none."""
        with self.reading():
            return self._db[collection].find_one({"_id": document_id})

    def documents(self, collection: Literal["users", "tokens"], after: str = "", limit: int = LIMIT_MAX) -> list[Document]:
        """The collection's documents by id; `after` is the last id already seen."""
        with self.reading():
            return list(self._db[collection].find({"_id": {"$gt": after}}).sort("_id", ASCENDING).limit(_bounded(limit)))

    def _one(self, collection: str, document_id: str, missing: str) -> Document:
        with self.reading():
            document = self._db[collection].find_one({"_id": document_id})
        if document is None:
            raise NotFound(missing)
        return document

    def page(
        self,
        collection: str,
        query: Document,
        order: Sequence[tuple[str, int]],
        after: str | None,
        limit: int,
        fields: Sequence[str] | Mapping[str, int] | None = None,
    ) -> list[Document]:
        """One page of `query`, ordered by fields and then by `_id` (in the last field's direction), from behind the row `after`.

        Only `fields` of each are read (a mapping: as MongoDB has it), None: all. Raise `InvalidInput` if there is no such row.
        """
        order = [*order, ("_id", order[-1][1])]
        parts: list[Document] = [{}]
        with self.reading():
            if after is not None:
                row = self._row_of(collection, query, after, [field for field, _direction in order])
                first, direction = order[0]
                # The first condition bounds the index, the second leaves out what was seen of the rows that are equal in it.
                # Beside the query's own conditions, which may bound the same field.
                bound = {first: {"$gte" if direction == ASCENDING else "$lte": row.get(first)}}
                parts = [{"$and": [bound, {"$or": beyond(order, row)}]}]
                # Behind all of this type: those whose field was damaged, and is of another.
                parts += [other] if (other := beyond_type(first, row.get(first), ascending=direction == ASCENDING)) is not None else []
            rows: list[Document] = []
            for part in parts:
                if (left := _bounded(limit) - len(rows)) > 0:
                    asked = {"$and": [query, part]} if part else query
                    rows += self._db[collection].find(asked, fields).sort(list(order)).limit(left)
            return rows

    def _row_of(self, collection: str, query: Document, after: str, fields: Sequence[str]) -> Document:
        """The row `after` of a list. Raise `InvalidInput` where it is none."""
        row = self._db[collection].find_one({"_id": after}, dict.fromkeys(fields, 1))
        if row is not None and any(field not in row for field in fields):  # a damaged one, or one of another list
            row = self._db[collection].find_one({"$and": [{"_id": after}, query]}, dict.fromkeys(fields, 1))
        if row is None:
            wrong = _("after=%(row)s is no row of this list. Give the id of the last row of the page before.", row=repr(after))
            raise InvalidInput(wrong, field="after")
        return row

    def collection(self, name: str) -> Collection[Document]:
        """A collection, for modules with queries of their own; use it inside `reading()`."""
        return self._db[name]

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Within it queries have their time limit, and a database that is away is a `StorageError`."""
        # Until the first look nobody knows whether this program can read it.
        looked_at = self._reachable is not None or not self._watcher.is_alive() or self._looked.wait(self._timeout_s)
        if not looked_at or self._reachable is False:
            raise StorageError(_("The database is away: %(reason)s. What is written waits; try again soon.", reason=self._reason))
        try:
            with pymongo.timeout(self._timeout_s):
                yield
        except PyMongoError as error:
            self._suspect()
            raise StorageError(
                _("The database can't be read: %(reason)s. What is written waits; try again soon.", reason=reason_of(error))
            ) from error

    # The watch over the database

    def _suspect(self) -> None:
        """Somebody's query failed: look at once."""
        self._look_now.set()

    def _watch(self) -> None:
        backoff = Backoff(*AWAY_LOOK_S)
        indexed = False
        while not self._stop.is_set():
            reason = self._look()
            if self._stop.is_set():
                return
            if reason:
                if self._reachable is not False:
                    log.warning("the database is away: %s", reason)
                self._reason, indexed = reason, False
            else:
                if self._reachable is not True:
                    log.info("the database answers")
                self._reason = ""
                backoff.reset()
            self._reachable = not reason
            self._queue.set_reachable(not reason)
            self._looked.set()
            if not reason and not indexed and (indexed := make_indexes(self._db)):
                self._ready.set()
            self._look_now.wait(backoff.pause() if reason else LOOK_S)
            self._look_now.clear()

    def _look(self) -> str:
        """Why the database can't be used now; empty when it can. What this version changes in it is made here, without a time limit."""
        try:
            with pymongo.timeout(min(self._timeout_s, LOOK_TIMEOUT_S)):
                reply = self._client.admin.command("hello")
                if not reply.get("isWritablePrimary"):
                    return _("the server takes no writes (it is not primary)")
                due = self._migrating.look()
            return self._migrating.make(due, self._say) if due else self._migrating.refused
        except PyMongoError as error:
            self._migrating.reset()
            return why_away(self._client, error)
        except Exception as error:  # the watch must not end
            log.exception("looking after the database failed")
            return f"{type(error).__name__}: {error}"

    def _say(self, reason: str) -> None:
        self._reason = reason


def _bounded(limit: int) -> int:
    return max(1, min(limit, LIMIT_MAX))
