"""Closes the sessions whose server is gone and whose students came to none: what nobody watches must not say for ever that it runs.

For how long that has been so is counted here, on this server's own clock, while the database answers.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from basics.errors import StorageError
from basics.regularly import Regularly
from cluster.membership import DEAD_S, Membership
from database import Database
from sessions.attendance import LINK_LIFE_S
from sessions.taking import Taking

log = logging.getLogger(__name__)

LOOK_S = 30.0


class Reaper:
    """On one server at a time, where `may_reap` says so, but for what each has of its own. Its thread starts and stops."""

    def __init__(
        self,
        taking: Taking,
        database: Database,
        membership: Membership,
        *,
        abandoned_s: float,
        may_reap: Callable[[], bool] = lambda: True,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`abandoned_s`: seconds without owner and student, after which a session that has begun is over."""
        self._taking = taking
        self._database = database
        self._membership = membership
        self._abandoned_s = abandoned_s
        self._may_reap = may_reap
        self._clock = clock
        self._alone_for: dict[str, float] = {}
        self._looked_at: float | None = None
        self._looking = Regularly("reaper", LOOK_S, self._try)

    def start(self) -> None:
        """Begin, unless there can be no other server."""
        if not self._membership.alone:
            self._looking.start()

    def stop(self) -> None:
        """End."""
        self._looking.stop()

    def _try(self) -> None:
        try:
            self.look()
        except StorageError as error:
            self._looked_at = None
            log.debug("sessions without a server are not looked for: %s", error.message)

    def look(self) -> None:
        """Declare dead whose beat stands still, and close what has been alone for long enough. Raise `StorageError`."""
        now = self._clock()
        passed = 0.0 if self._looked_at is None else min(now - self._looked_at, 2 * LOOK_S)
        self._looked_at = now
        for other in self._membership.others():
            if other.lives and other.still_s >= DEAD_S:
                self._membership.declare_dead(other.name)
        living = [self._membership.name, *(other.name for other in self._membership.others() if other.lives)]
        own = {document["_id"]: document for document in self._taking.strays()}  # of which no other server knows that nobody has them
        alone = own | {document["_id"]: document for document in self._database.running_sessions(but_of=living)}
        self._alone_for = {session_id: self._alone_for.get(session_id, -passed) + passed for session_id in alone}
        for session_id, document in (alone if self._may_reap() else own).items():
            least = self._abandoned_s if document.get("begun", True) else LINK_LIFE_S
            if self._alone_for[session_id] >= least:
                self._taking.close_abandoned(document)
