"""Jobs that one server at a time does, however many share the database: each is a lease there, which passes on when its holder is silent.

An expiry is right here: a sweep that comes late harms nobody.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

from basics.errors import StorageError
from basics.figures import Figure
from basics.worker import Worker
from database import Database
from storage.lease import COLLECTION, SURE, TTL_S, ask, give_back

log = logging.getLogger(__name__)


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
                    give_back(self._database.collection(COLLECTION), self.job, self.owner)
            except StorageError as error:
                log.debug("the lease of %s is not given back: %s", self.job, error.message)

    def _ask(self) -> bool:
        try:
            with self._database.reading():
                found = ask(self._database.collection(COLLECTION), self.job, self.owner, self._ttl_s)
        except StorageError as error:
            log.debug("nobody can tell whose job %s is: %s", self.job, error.message)
            return False
        if found is None:
            return False
        if found.get("taken"):
            self.takeovers += 1
            log.info("%s is done here now", self.job)
        return True


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
