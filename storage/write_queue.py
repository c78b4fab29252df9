"""The write queue: takes writes from any thread without blocking, and one thread brings them, in order, to the database or the spool.

What waits in the spool is always older than what waits in memory, so while the spool holds anything, new writes go through it too.
A ticket is told "stored" only when its write is in the database (majority, journaled) or on the disk of the spool.
"""

from __future__ import annotations

import json
import logging
import os
import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Collection, Sequence
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Any

from basics.backoff import Backoff
from basics.errors import Conflict, StorageError
from basics.gone import Gone
from basics.texts import _, cut
from basics.times import iso_time, utc_now
from storage.fence import Fenced
from storage.spool import Spool
from storage.writes import DatabaseAway, Ticket, Write

log = logging.getLogger(__name__)

BATCH_MAX = 1000  # writes in one go; 1000 of 300 bytes take 40 ms (measured)
BATCH_MAX_BYTES = 8 << 20
MEMORY_MAX_BYTES = 128 << 20  # only reached when neither database nor disk takes anything
DISK_RETRY_S = 1.0
RETRY_S = (0.25, 0.5, 1.0, 2.0)  # back-off after writes that failed though the database answers
LOST_LOGGED = 100  # records
DOUBTS_MAX = 1000  # writes of which it is remembered
DOUBT_TRIES = 10  # times that one write may fail for a reason nobody foresaw before it is set aside; with the back-off about 16 s
REJECTED_MAX_BYTES = 64 << 20
LINE_END = 16  # characters, in which a line of that file says that whoever wrote was told


class WriteQueue:
    """The queue, its spool and its thread.

    `send` takes a batch to the database: it sets `error` on writes that can never succeed, and raises `DatabaseAway` when the batch must be
    repeated. Any other exception is taken for one write's: they are sent one by one to find it. `parse` makes a write of a spooled record.
    """

    def __init__(
        self,
        send: Callable[[Sequence[Write]], None],
        parse: Callable[[bytes], Write],
        spool: Spool,
        rejected_path: Path,
        suspect: Callable[[], None] = lambda: None,
        memory_max_bytes: int = MEMORY_MAX_BYTES,
        refuse: Callable[[Sequence[Write]], None] = lambda _writes: None,
    ) -> None:
        """`suspect` is told when the database failed to answer, so that somebody looks after it.

        `refuse` sets `error` on writes of the spool that nobody wants any more, or raises `DatabaseAway`.
        """
        self._send = send
        self._parse = parse
        self._spool = spool
        self._rejected_path = rejected_path
        self._suspect = suspect
        self._refuse = refuse
        self._memory_max_bytes = memory_max_bytes
        self.gone = Gone()
        self._changed = threading.Condition()  # guards the fields up to `_closed`
        self._waiting: deque[Write] = deque()
        self._waiting_bytes = 0
        self._reachable: bool | None = None  # None: nobody has looked yet
        self._stopping = False
        self._closed = False
        self._trouble = ""  # why the last batch could not be written to the database
        self._disk_trouble = ""
        self._backoff = Backoff(*RETRY_S)
        self._retry_at = 0.0  # not before this time.monotonic() to the database,
        self._disk_retry_at = 0.0  # and to the spool
        self._batch_max = BATCH_MAX
        self._doubts: OrderedDict[tuple[str, str], int] = OrderedDict()  # which writes failed of late for an unforeseen reason, and how often
        self._rejected = 0
        self._mended = 0
        self._fenced = 0  # writes of sessions that another server has taken since, or that were deleted
        self._refusal = _refused_before(rejected_path)  # the last refusal that nobody expected
        self._refusal_kept = bool(self._refusal)
        self._lost = 0
        self._stored = 0
        self._spooled_at = time.monotonic() if len(spool) else None  # since then something waits in the spool
        self._thread = threading.Thread(target=self._run, name="database-writer", daemon=True)

    def start(self) -> None:
        """Start the writer."""
        self._thread.start()

    def put(self, write: Write, keys: Collection[str] = ()) -> Ticket:
        """Queue a write. A write that was refused (`error` set) goes through the queue as well, so that it is kept in the file of rejected ones.

        One of something that is gone (`keys`) doesn't.
        """
        try:
            with self.gone.writing(*keys):
                return self._put(write)
        except Conflict as gone:
            write.ticket.resolve(gone)
            return write.ticket

    def _put(self, write: Write) -> Ticket:
        with self._changed:
            if self._closed:
                write.ticket.resolve(StorageError(_("The server is shutting down and takes no more writes.")))
            elif self._waiting_bytes + len(write.record) > self._memory_max_bytes:
                self._lost += 1
                if self._lost <= LOST_LOGGED:
                    log.error("a record is lost, neither database nor spool takes any: %s/%s", write.collection, write.document_id)
                message = _(
                    "Neither the database nor the spool takes writes, and %(size)s MB already wait in memory. "
                    "Bring the database back, or free the disk.",
                    size=self._memory_max_bytes >> 20,
                )
                write.ticket.resolve(StorageError(message))
            else:
                self._waiting.append(write)
                self._waiting_bytes += len(write.record)
                self._changed.notify_all()
        return write.ticket

    def set_reachable(self, reachable: bool) -> None:
        """Say whether the database answers."""
        with self._changed:
            self._reachable = reachable
            self._changed.notify_all()

    def flush(self, timeout: float) -> bool:
        """Wait until queue and spool are empty, so that reads see everything; False when `timeout` seconds passed."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._waiting and not len(self._spool), timeout)

    def stop(self, timeout: float) -> None:
        """Take no more, bring what waits to the database or the spool, and end the thread."""
        with self._changed:
            self._stopping = True
            self._closed = True
            self._changed.notify_all()
        if self._thread.is_alive():
            self._thread.join(timeout)
        if self._thread.is_alive():
            log.error("the database writer did not end within %g s", timeout)
            return
        self._spool.close()
        if self._waiting:
            log.error("%d writes were lost: neither the database nor the disk took them", len(self._waiting))
            while self._waiting:
                lost = StorageError(_("Neither the database nor the disk took this write before the server ended."))
                self._waiting.popleft().ticket.resolve(lost)

    def health(self) -> dict[str, Any]:
        """Counts, and `trouble` / `disk_trouble` with reasons (empty: none)."""
        with self._changed:
            return {
                "queued": len(self._waiting),
                "queued_bytes": self._waiting_bytes,
                "spooled": len(self._spool),
                "spooled_bytes": self._spool.size_bytes,
                "spooled_s": round(time.monotonic() - since, 1) if (since := self._spooled_at) is not None else 0.0,
                "stored": self._stored,
                "rejected": self._rejected,
                "stored_in_part": self._mended,
                "fenced": self._fenced,
                "lost": self._lost,
                "trouble": self._trouble,
                "disk_trouble": self._disk_trouble,
                "damaged": self._spool.damaged,
                "refusal": self._refusal_now(),
            }

    def _refusal_now(self) -> str:
        """The last refusal, until somebody has moved the file of refused writes away."""
        if self._refusal_kept and not self._rejected_path.exists():
            self._refusal, self._refusal_kept = "", False
        return self._refusal

    # The writer's thread

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.notify_all()
                self._changed.wait_for(self._may_work, self._pause())
                if self._stopping and not self._waiting:
                    return
                now = time.monotonic()
                database = bool(self._reachable) and now >= self._retry_at
                direct = database and not len(self._spool)
                disk = not direct and now >= self._disk_retry_at and (self._reachable is not None or self._stopping)
                batch = self._take()
            try:
                if direct:
                    self._write_directly(batch)
                    continue
                if disk:
                    self._write_to_spool(batch)
                if database and not self._stopping:
                    self._play_back()
                if self._stopping and self._disk_trouble:
                    return
            except Exception as error:
                log.exception("the database writer failed; it goes on")
                self._note_failure(f"{type(error).__name__}: {error}")

    def _may_work(self) -> bool:
        """With the lock held: whether there is something that can be done now."""
        now = time.monotonic()
        database = bool(self._reachable) and now >= self._retry_at
        if self._stopping:
            return True
        if self._waiting and ((database and not len(self._spool)) or (self._reachable is not None and now >= self._disk_retry_at)):
            return True
        return database and len(self._spool) > 0

    def _pause(self) -> float | None:
        """With the lock held: seconds until waiting may be over by itself, None: only by a notice."""
        now = time.monotonic()
        times = [at - now for at in (self._retry_at, self._disk_retry_at) if at > now]
        return min(times) if times else None

    def _take(self) -> list[Write]:
        """With the lock held: the oldest writes, which stay in the queue until they are stored."""
        batch: list[Write] = []
        size = 0
        for write in islice(self._waiting, self._batch_max):
            size += len(write.record)
            if batch and size > BATCH_MAX_BYTES:
                break
            batch.append(write)
        return batch

    def _write_directly(self, batch: list[Write]) -> None:
        if not self._deliver(batch):
            return
        self._note_success()
        self._disk_trouble = ""
        self._spooled_at = self._spooled_at or time.monotonic()
        self._set_aside_if_possible(batch)
        self._finish(batch)

    def _write_to_spool(self, batch: list[Write]) -> None:
        if not batch:
            return
        try:
            self._spool.append([write.record for write in batch if write.error is None])
        except StorageError as error:
            if not self._disk_trouble:
                log.error("writes wait in memory: %s", error)  # noqa: TRY400 — the cause is in the message
            self._disk_trouble = error.message
            self._disk_retry_at = time.monotonic() + DISK_RETRY_S
            return
        self._disk_trouble = ""
        self._set_aside_if_possible(batch)
        self._finish(batch)

    def _play_back(self) -> None:
        try:
            records = self._spool.peek(self._batch_max, BATCH_MAX_BYTES)
            batch = [self._parse_any(record) for record in records]
            self._refuse(batch)
            if not self._deliver(batch):
                return
            # These were acknowledged: what the database refuses of them must be on the disk before the spool forgets it.
            self._set_aside(batch)
            self._spool.drop(len(records))
            self._note_success()
        except DatabaseAway as away:
            self._note_failure(away.reason)
            self._suspect()
        except StorageError as error:
            self._note_failure(error.message)
        except OSError as error:
            path, why = self._rejected_path, error.strerror
            self._note_failure(_("%(path)s can't be written (%(error)s). Free the disk.", path=path, error=why))
        if not len(self._spool):
            self._spooled_at = None
            log.info("all spooled writes are in the database")

    def _parse_any(self, record: bytes) -> Write:
        try:
            return self._parse(record)
        except Exception as error:  # whatever an older version wrote, the rest of the spool must go on
            why = f"{type(error).__name__}: {error}"
            refusal = StorageError(_("unreadable record in the spool (%(error)s)", error=why))
            return Write("?", "?", "set", frozenset(), record, record, error=refusal)

    def _deliver(self, batch: list[Write]) -> bool:
        """Take a batch to the database, marking what it refuses; False when it must be repeated."""
        wanted = [write for write in batch if write.error is None]
        needed = _without_superseded(wanted)
        try:
            self._send(needed)
            if len(needed) < len(wanted) and any(write.error for write in needed):
                # What was refused can't stand for the earlier writes that it made needless. Writes are repeatable: all again.
                self._send([write for write in wanted if write.error is None])
        except DatabaseAway as away:
            if away.slow:
                self._batch_max = max(self._batch_max // 2, 1)
            self._note_failure(away.reason)
            self._suspect()
            return False
        except Exception as error:
            if len(wanted) > 1:
                return all(self._deliver([write]) for write in wanted)  # finds the one at fault
            if not self._hopeless(wanted[0], f"{type(error).__name__}: {error}"):
                return False
        return True

    def _hopeless(self, write: Write, reason: str) -> bool:
        """An unforeseen failure may be the moment's (a disk that fills up) or the write's own: the latter is refused after many tries."""
        key = (write.collection, write.document_id)
        self._doubts[key] = self._doubts.get(key, 0) + 1
        self._doubts.move_to_end(key)
        if len(self._doubts) > DOUBTS_MAX:
            self._doubts.popitem(last=False)
        if self._doubts[key] < DOUBT_TRIES:
            self._note_failure(reason[:300])
            self._suspect()
            return False
        write.error = StorageError(_("failed %(tries)s times: %(error)s", tries=DOUBT_TRIES, error=reason[:300]))
        return True

    def _note_success(self) -> None:
        if self._trouble:
            log.info("the database takes writes again")
        self._backoff.reset()
        self._doubts.clear()
        self._trouble, self._batch_max = "", min(self._batch_max * 2, BATCH_MAX)

    def _note_failure(self, reason: str) -> None:
        if not self._trouble:
            log.warning("the database takes no writes, they go to the spool: %s", reason)
        self._trouble = reason
        self._retry_at = time.monotonic() + self._backoff.pause()

    def _finish(self, batch: list[Write]) -> None:
        with self._changed:
            for write in batch:
                self._waiting.popleft()
                self._waiting_bytes -= len(write.record)
                self._stored += write.error is None
        for write in batch:
            write.ticket.resolve(write.error)

    def _set_aside_if_possible(self, batch: list[Write]) -> None:
        """For writes that nobody was promised: their tickets say that they were refused."""
        try:
            self._set_aside(batch)
        except OSError as error:
            log.error("refused writes are not kept, %s can't be written: %s", self._rejected_path, error.strerror)  # noqa: TRY400

    def _set_aside(self, batch: list[Write]) -> None:
        """Keep refused writes, with the reason, for a person to look at. Raise `OSError` where the disk takes nothing."""
        for write in batch:
            if isinstance(write.error, Fenced):
                self._fenced += 1
                continue
            if write.error is None and not write.mended:
                continue
            path = self._rejected_path
            reason = str(write.error or write.mended)
            done = "was refused, and is set aside" if write.error else "is stored in part, and all of it is set aside"
            log.error("a write to %s/%s %s in %s: %s", write.collection, write.document_id, done, path, reason)
            if not isinstance(write.error, Conflict):  # whoever wrote that is told
                self._refusal, self._refusal_kept = _told_of(write), False
            line = {
                "at": iso_time(utc_now()),
                "reason": reason,
                "collection": write.collection,
                "id": write.document_id,
                "mode": write.mode,
                "fields": write.original if write.mended else write.fields,
                **({"told": True} if isinstance(write.error, Conflict) else {}),
            }
            if path.exists() and path.stat().st_size > REJECTED_MAX_BYTES:
                path.replace(path.with_suffix(".1.jsonl"))
            with path.open("a", encoding="utf-8", errors="backslashreplace") as file:
                file.write(json.dumps(line, ensure_ascii=False, default=_plain) + "\n")
                file.flush()
                os.fsync(file.fileno())
            self._refusal_kept = bool(self._refusal)
            if write.error is None:
                self._mended += 1
            else:
                self._rejected += 1


def _told_of(write: Write) -> str:
    """What health says of a write that was refused, or is stored only in part."""
    record = f"{write.collection}/{write.document_id}"
    if write.error is not None:
        return cut(_("%(record)s was refused: %(reason)s", record=record, reason=write.error.message), 400)
    return cut(_("%(record)s is stored in part: %(reason)s", record=record, reason=write.mended), 400)


def _without_superseded(batch: Sequence[Write]) -> list[Write]:
    """The batch without writes all of whose fields a later write of the same document, and the same epoch, sets again."""
    kept: list[Write] = []
    later: dict[tuple[str, str], tuple[int | None, frozenset[str], frozenset[str]]] = {}  # what later plain writes set, and where it is new
    for write in reversed(batch):
        key, new = (write.collection, write.document_id), frozenset(write.new)
        epoch, fields, made = later.get(key, (write.epoch, frozenset(), frozenset()))
        if write.mode != "set" or any("." in name for name in write.keys):
            later.pop(key, None)  # its outcome depends on what stands before it
        elif epoch != write.epoch:  # one of them may be fenced, and the other not
            later[key] = write.epoch, write.keys, new
        elif write.keys <= fields and new <= fields | made and write.keys:
            continue
        else:
            later[key] = epoch, fields | write.keys, made | new
        kept.append(write)
    kept.reverse()
    return kept


def _refused_before(path: Path) -> str:
    """What health says of a file of refused writes that an earlier run left: it stands until somebody has moved the file away."""
    try:
        with path.open(encoding="utf-8", errors="replace") as file:
            unexpected = any('"told": true' not in line[-LINE_END:] for line in file)
    except FileNotFoundError:
        return ""
    except OSError as error:
        return _("%(path)s can't be read (%(error)s)", path=path, error=error.strerror)
    return _("an earlier run of the server set aside records that the database refused") if unexpected else ""


def _plain(value: Any) -> Any:
    """What JSON doesn't know: documents as objects, dates as ISO texts, the rest as Python writes it."""
    if hasattr(value, "items"):
        return dict(value.items())
    return iso_time(value) if isinstance(value, datetime) else repr(value)
