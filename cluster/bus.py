"""How servers on one database tell each other of what they keep in memory: short notices in a collection, which each hears by a change stream.

A notice goes out behind all that was written before it, and is kept for a minute. Where some were lost, in a long outage or because there were
more than is borne, whoever remembers something is told to read it anew (`Missed`).
"""

from __future__ import annotations

import logging
import threading
import time
import uuid
from collections import OrderedDict
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta, timezone
from typing import Any, TypeVar

from pymongo import DESCENDING
from pymongo.collection import Collection
from pymongo.errors import OperationFailure, PyMongoError

from basics.backoff import Backoff
from basics.errors import StorageError
from basics.figures import Figure
from basics.times import utc_now
from basics.worker import Worker
from cluster.notices import Missed, Notice, document_of, read_notice
from database import Database, Document

log = logging.getLogger(__name__)

COLLECTION = "bus"
KEPT_S = 60
WAITING_MAX = 1000  # notices that wait to go out
TOLD_PER_S, TOLD_AT_ONCE = 50.0, 200.0  # of this server; an exam that 2,000 students begin within a minute makes 33 a second
HEARD_PER_S, HEARD_AT_ONCE = 500.0, 2000.0
MISSED_EVERY_S = 1.0  # so often at most everything is read anew, whatever others tell
IDLE_S, SOON_S = 60.0, 0.2  # until it looks again for what is to go out
AWAIT_MS = 500  # for which the database holds a question back where there is nothing new; so long an end waits for it
LOOK_S = 1.0  # between two looks where it has no change streams
LOOK_MOST = 2000  # notices that a look reads
OVERLAP = timedelta(seconds=30)  # of two such looks: a notice may come late, and a clock be somewhat wrong
AGAIN_S = (0.2, 0.5, 1.0, 2.0)
EPOCH = datetime.fromtimestamp(0, timezone.utc)
PAST: Document = {"at": {"$type": "date"}, "$expr": {"$lte": ["$at", "$$NOW"]}}  # whatever somebody stored
NO_STREAM = frozenset({13, 59, 40573, 40324})  # not allowed, or not on a single server
OUT_OF_REACH = frozenset({136, 260, 280, 286})  # where the stream was left: the database doesn't go back so far

Heard = TypeVar("Heard", bound=Notice)


class _Allowance:
    """At most `most` at once and `per_s` a second in the long run. For one thread."""

    def __init__(self, per_s: float, most: float, clock: Callable[[], float]) -> None:
        self._per_s, self._most, self._clock = per_s, most, clock
        self._left, self._at = most, clock()

    def take(self, wanted: int) -> int:
        """How many of those that are wanted are allowed now; they are taken."""
        now = self._clock()
        self._left = min(self._most, self._left + (now - self._at) * self._per_s)
        self._at = now
        allowed = min(wanted, int(self._left))
        self._left -= allowed
        return allowed


class Bus:
    """Of one server. `post` never blocks; listeners are called in the bus's own thread, and may read the database."""

    def __init__(self, database: Database, *, ahead: Callable[[], float | None] = lambda: None, clock: Callable[[], float] = time.monotonic) -> None:
        """`ahead`: by so many seconds the database's clock is before this machine's. `clock` is for how much is borne, and how long it was deaf."""
        self._database = database
        self._ahead = ahead
        self._clock = clock
        self._run = uuid.uuid4().hex  # by which its own are known
        self._listeners: dict[type[Notice], tuple[Callable[[Any], object], ...]] = {}
        self._waiting: dict[Notice, None] = {}  # in their order; the same one twice is told once
        self._lock = threading.Lock()  # guards `_waiting`
        self._told, self._heard, self._refused = 0, 0, 0
        self._may_tell = _Allowance(TOLD_PER_S, TOLD_AT_ONCE, clock)
        self._may_hear = _Allowance(HEARD_PER_S, HEARD_AT_ONCE, clock)
        self._sender = Worker("bus-sender", self._send)
        # Of the thread that hears alone
        self._token: Mapping[str, Any] | None = None  # where the stream is
        self._is_stuck = False  # the database refused to go on from there
        self._since: datetime | None = None  # the newest that a look has seen
        self._known: OrderedDict[str, None] = OrderedDict()  # heard so far
        self._heard_at: float | None = None  # when it last knew that it had heard all
        self._skipped = False
        self._missed_at = -MISSED_EVERY_S
        self._by_stream = False
        self._hears = threading.Event()
        self._stopping = threading.Event()
        self._listener = threading.Thread(target=self._listen, name="bus-listener", daemon=True)

    def start(self) -> None:
        """Begin; whether the database answers or not."""
        self._sender.start()
        self._listener.start()

    def stop(self, timeout: float = 10) -> None:
        """End. What has not gone out is not told."""
        self._stopping.set()
        self._sender.stop(timeout)
        if self._listener.is_alive():
            self._listener.join(timeout)

    def wait_hearing(self, timeout: float) -> bool:
        """Wait until it hears; False when `timeout` seconds passed."""
        return self._hears.wait(timeout)

    def subscribe(self, kind: type[Heard], listener: Callable[[Heard], object]) -> None:
        """Call `listener` for each notice of this kind by another server. Before `start`."""
        self._listeners[kind] = (*self._listeners.get(kind, ()), listener)

    def post(self, notice: Notice) -> None:
        """Tell the other servers, soon. Never raises: what it tells of is done."""
        try:
            document_of(notice)
        except ValueError as error:
            log.error("the other servers are not told: %s", error)  # noqa: TRY400 (it says all)
            return
        with self._lock:
            if len(self._waiting) >= WAITING_MAX:
                self._waiting = {Missed(): None}
            self._waiting[notice] = None
        self._sender.wake()

    def figures(self) -> list[Figure]:
        """For `/metrics`."""
        about = "Notices between the servers of one database: told and heard here, and refused because they can't be read."
        counts = {"told": self._told, "heard": self._heard, "refused": self._refused}
        stream = "1 where notices come by a change stream, 0 where the database is looked at once a second."
        told = [Figure("bus_notices_total", about, count, {"way": way}) for way, count in counts.items()]
        return [*told, Figure("bus_stream", stream, self._by_stream)]

    @property
    def _rows(self) -> Collection[Document]:
        return self._database.collection(COLLECTION)

    # Telling

    def _send(self) -> float:
        if not self._waiting:
            return IDLE_S
        try:
            with self._database.reading():
                pass  # while it is away they wait here, each of them once, and not in the spool
        except StorageError:
            return AGAIN_S[-1]
        with self._lock:
            batch = list(self._waiting)[: self._may_tell.take(len(self._waiting))]
            for notice in batch:
                del self._waiting[notice]
        at = utc_now() + timedelta(seconds=self._ahead() or 0.0)
        for notice in batch:  # behind all that was written before
            self._database.write(COLLECTION, uuid.uuid4().hex, {"by": self._run, "at": at, **document_of(notice)}, insert_only=True)
        self._told += len(batch)
        return SOON_S if self._waiting else IDLE_S

    # Hearing

    def _listen(self) -> None:
        backoff = Backoff(*AGAIN_S)
        while not self._stopping.is_set():
            try:
                self._make_index()
                self._follow(backoff)
            except (PyMongoError, StorageError) as error:
                if isinstance(error, OperationFailure):
                    if error.code in OUT_OF_REACH or self._is_stuck:
                        self._token = None
                    self._is_stuck = True
                log.debug("the other servers can't be heard now: %s", error)
            except Exception:
                log.exception("hearing the other servers failed, and begins anew")
                self._token = None
            self._hears.clear()
            if not self._stopping.is_set():
                self._stopping.wait(backoff.pause())

    def _make_index(self) -> None:
        with self._database.reading():
            self._rows.create_index("at", expireAfterSeconds=KEPT_S)

    def _follow(self, backoff: Backoff) -> None:
        """Hear by a stream until it breaks off. Raise `PyMongoError`."""
        others = [{"$match": {"operationType": "insert", "fullDocument.by": {"$ne": self._run}}}]
        try:
            stream = self._rows.watch(others, resume_after=self._token, max_await_time_ms=AWAIT_MS)
        except OperationFailure as error:
            if error.code not in NO_STREAM:
                raise
            log.info("the database has no change streams for this server: what others tell is looked for each second")
            self._look_again_and_again(backoff)
            return
        with stream:
            self._begin(gapless=self._token is not None, by_stream=True)
            backoff.reset()
            while not self._stopping.is_set() and stream.alive:
                change = stream.try_next()
                self._token, self._heard_at, self._is_stuck = stream.resume_token, self._clock(), False
                if change is not None:
                    self._take(change.get("fullDocument"))
                self._say_what_was_skipped()
        self._token = None  # the collection was dropped, as where a backup is put back

    def _look_again_and_again(self, backoff: Backoff) -> None:
        """Hear by looking, where there is no stream. Raise `StorageError`."""
        if self._since is None:
            with self._database.reading():
                newest = self._rows.find_one(PAST, {"at": 1}, sort=[("at", DESCENDING)])
            self._since = newest["at"] if newest is not None else EPOCH
            for row in self._new_rows():
                self._is_new(row)
        self._begin(gapless=self._heard_at is not None and self._clock() - self._heard_at < KEPT_S / 2, by_stream=False)
        backoff.reset()
        while not self._stopping.wait(LOOK_S):
            for row in self._new_rows():
                self._take(row)
            self._heard_at = self._clock()
            self._say_what_was_skipped()

    def _new_rows(self) -> list[Document]:
        since = self._since or EPOCH
        with self._database.reading():
            found = self._rows.find({"$and": [PAST, {"at": {"$gte": since - OVERLAP}, "by": {"$ne": self._run}}]})
            rows = list(found.sort("at", DESCENDING).limit(LOOK_MOST))[::-1]
        if len(rows) == LOOK_MOST and _name_in(rows[0]) not in self._known:
            self._skipped = True
        self._since = max([since, *(row["at"] for row in rows)])
        return rows

    def _begin(self, *, gapless: bool, by_stream: bool) -> None:
        """It hears from now on. What was told since it last did is lost where that was too long ago."""
        if not gapless:  # at a start, too: something may have been read before
            self._tell(Missed())
        self._heard_at, self._by_stream = self._clock(), by_stream
        self._hears.set()

    def _take(self, document: object) -> None:
        """Hear a notice as it is stored, by whomever."""
        if not isinstance(document, dict) or not self._is_new(document) or document.get("by") == self._run:
            return
        if not self._may_hear.take(1):
            self._skipped = True
            return
        notice = read_notice(document)
        if notice is None:  # by a newer version, or by hand
            self._refused += 1
            log.debug("a notice that can't be read: %.200r", document)
            return
        self._heard += 1
        if isinstance(notice, Missed):
            self._skipped = True
        else:
            self._tell(notice)

    def _is_new(self, document: Document) -> bool:
        name = _name_in(document)
        if name in self._known:
            return False
        self._known[name] = None
        while len(self._known) > 2 * HEARD_AT_ONCE:
            self._known.popitem(last=False)
        return True

    def _say_what_was_skipped(self) -> None:
        now = self._clock()
        if self._skipped and now - self._missed_at >= MISSED_EVERY_S and self._may_hear.take(1):
            self._skipped, self._missed_at = False, now
            self._tell(Missed())

    def _tell(self, notice: Notice) -> None:
        for listener in self._listeners.get(type(notice), ()):
            try:
                listener(notice)
            except StorageError as error:
                log.info("what another server told can't be looked at now, and is a little later: %s", error.message)
                self._skipped = True
            except Exception:
                log.exception("a listener to what other servers tell failed")


def _name_in(document: Document) -> str:
    return str(document.get("_id"))[:64]
