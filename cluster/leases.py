"""Jobs that one server at a time does, however many share the database: each is a lease there, which passes on when its holder is silent.

The database's own clock says when a lease is over, so that servers need not agree on the time. An expiry is right here: a sweep that comes late
harms nobody.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from datetime import datetime, timezone

from pymongo import ReturnDocument
from pymongo.errors import DuplicateKeyError

from basics.errors import StorageError
from basics.figures import Figure
from basics.worker import Worker
from database import Database, Document

log = logging.getLogger(__name__)

COLLECTION = "leases"
TTL_S = 60.0
SURE = 1 / 3  # of a lease's time, for which its holder need not ask again
OVER = datetime(1970, 1, 1, tzinfo=timezone.utc)


class JobLease:
    """The lease of one job for one server. Safe between threads."""

    def __init__(self, database: Database, job: str, owner: str, ttl_s: float = TTL_S, *, clock: Callable[[], float] = time.monotonic) -> None:
        """`owner` is this server's name; `ttl_s` seconds after its last word another may take the job. `clock` is for its own memory alone."""
        self.job = job
        self.owner = owner
        self.takeovers = 0  # times that this server took it from another
        self._database = database
        self._ttl_s = ttl_s
        self._clock = clock
        self._lock = threading.Lock()
        self._sure_until = -1.0

    def held(self) -> bool:
        """Is the job this server's? Acquire or renew the lease where that is not sure; False too where the database is away."""
        with self._lock:
            now = self._clock()  # before the question: the lease begins no earlier
            if now < self._sure_until:
                return True
            self._sure_until = now + self._ttl_s * SURE if self._ask() else -1.0
            return self._sure_until > now

    @property
    def is_sure(self) -> bool:
        """Was the job this server's when it last asked? Asks nobody."""
        return self._clock() < self._sure_until

    def release(self) -> None:
        """Let another server go on at once. Harmless where the lease is not held; where the database is away it runs out."""
        with self._lock:
            if self._sure_until < 0:
                return
            self._sure_until = -1.0
            try:
                with self._database.reading():
                    leases = self._database.collection(COLLECTION)
                    leases.update_one({"_id": self._id, "owner": self.owner}, {"$set": {"owner": None, "until": OVER}})
            except StorageError as error:
                log.debug("the lease of %s is not given back: %s", self.job, error.message)

    @property
    def _id(self) -> str:
        return f"job:{self.job}"

    def _ask(self) -> bool:
        try:
            with self._database.reading():
                leases = self._database.collection(COLLECTION)
                try:
                    found = leases.find_one_and_update({"_id": self._id}, self._taking(), upsert=True, return_document=ReturnDocument.AFTER)
                except DuplicateKeyError:  # another made it in this moment
                    return False
        except StorageError as error:
            log.debug("nobody can tell whose job %s is: %s", self.job, error.message)
            return False
        if found is None or found.get("owner") != self.owner:
            return False
        if found.get("taken"):
            self.takeovers += 1
            log.info("%s is done here now", self.job)
        return True

    def _taking(self) -> list[Document]:
        """Take it where it is free, this server's, or over; else leave it. In the pipeline: a filter of an upsert may not compare with `$$NOW`."""
        mine: Document = {"$literal": self.owner}
        owner: Document = {"$ifNull": ["$owner", None]}
        free: Document = {"$or": [{"$in": [owner, [None, mine]]}, {"$lt": [{"$ifNull": ["$until", OVER]}, "$$NOW"]}]}
        changes: Document = {"$and": ["$taken", {"$ne": [owner, mine]}]}
        return [
            {"$set": {"taken": free}},
            {
                "$set": {
                    "until": {"$cond": ["$taken", {"$add": ["$$NOW", round(self._ttl_s * 1000)]}, "$until"]},
                    "epoch": {"$add": [{"$ifNull": ["$epoch", 0]}, {"$cond": [changes, 1, 0]}]},
                    "owner": {"$cond": ["$taken", mine, "$owner"]},
                    "taken": {"$and": [changes, {"$ne": [owner, None]}]},  # from another, who did not give it back
                }
            },
        ]


class Leases:
    """The leases of one server's jobs: what it has it keeps, and what is free it takes, in a thread of its own."""

    def __init__(self, database: Database, owner: str, ttl_s: float = TTL_S) -> None:
        self.owner = owner
        self._database = database
        self._ttl_s = ttl_s
        self._leases: dict[str, JobLease] = {}
        self._worker = Worker("job-leases", self._keep)
        self.start = self._worker.start

    def of(self, job: str) -> JobLease:
        """The lease of a job, which is kept from now on."""
        return self._leases.setdefault(job, JobLease(self._database, job, self.owner, self._ttl_s))

    def all(self) -> list[JobLease]:
        """Every lease that was asked for, held or not."""
        return list(self._leases.values())

    def figures(self) -> list[Figure]:
        """For `/metrics`: which are held, and how often one was taken from a server that was silent."""
        held, taken = "1 where this server does the job.", "Times that a job was taken from a silent server."
        return [
            *(Figure("job_lease_held", held, one.is_sure, {"job": one.job}) for one in self.all()),
            *(Figure("job_takeovers_total", taken, one.takeovers, {"job": one.job}) for one in self.all()),
        ]

    def stop(self) -> None:
        """Let other servers go on with all of them. The jobs themselves have ended."""
        self._worker.stop()
        for lease in self.all():
            lease.release()

    def _keep(self) -> float:
        for lease in self.all():
            if not self._worker.is_stopping:
                lease.held()
        return self._ttl_s * SURE
