"""A server that is to end drains first: no exam begins here, those that run go on at another server, or to their end where there is none.

It says so to the others and to who stands in front, and waits until that is noticed before the first page is sent away. While the database is away
none is: what it has not got of an exam would be missing at the other server.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path

from basics.errors import StorageError
from basics.regularly import Regularly
from cluster.drain_note import LOOK_S, Told, forget, is_asked, tell
from cluster.membership import Membership
from sessions.monitor import Monitor

log = logging.getLogger(__name__)

LEAD_S = 5.0  # in which who stands in front has noticed: HAProxy after 2 s, Caddy and Kubernetes after 4


class Draining:
    """Of one server, asked for by `cluster.drain_note`. Its thread starts and stops."""

    def __init__(
        self, monitor: Monitor, membership: Membership, data_dir: Path, *, lead_s: float = LEAD_S, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._monitor = monitor
        self._membership = membership
        self._data_dir = data_dir
        self._lead_s = lead_s
        self._clock = clock
        self._since: float | None = None
        self._on_its_way: dict[str, Future[None]] = {}  # by session, each once: who comes back then found no way to another server
        self._looking = Regularly("draining", LOOK_S, self._try)

    def start(self) -> None:
        """Begin to look whether it is asked for. Raise `StorageError`."""
        forget(self._data_dir)
        self._looking.start()

    def stop(self) -> None:
        """End."""
        self._looking.stop()

    def _try(self) -> None:
        try:
            self.look()
        except StorageError as error:
            log.warning("how far it has drained can't be told: %s", error.message)

    def look(self) -> None:
        """Do what is due. Raise `StorageError` where nobody can be told how far it is."""
        asked = is_asked(self._data_dir)
        if asked != (self._since is not None):
            self._since = self._clock() if asked else None
            self._on_its_way.clear()
            self._membership.drain(asked)
            log.warning("the server drains: no exam begins here" if asked else "the server drains no more: exams may begin here")
            if not asked:
                tell(self._data_dir, None)
        if self._since is None:
            return
        for_s = self._clock() - self._since
        if for_s >= self._lead_s and self._monitor.ownership.can_hand_over():
            self._hand_over()
        tell(self._data_dir, Told(self._running(), round(for_s, 1)))

    def _hand_over(self) -> None:
        for session in self._monitor.active():
            session_id = session.session_id
            if session.begun and session.station is None and session_id not in self._on_its_way:
                self._on_its_way[session_id] = self._monitor.taking.hand_over(session_id)

    def _running(self) -> int:
        """Exams that run here, or are not all given up yet."""
        running = {session.session_id for session in self._monitor.active() if session.begun}
        return len(running | {session_id for session_id, given in self._on_its_way.items() if not given.done()})
