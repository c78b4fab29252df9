"""Which key each session of this server's database goes by among several servers; see `cluster.route`."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable

from basics.errors import StorageError
from basics.identifiers import key_of
from cluster.membership import Membership
from cluster.route import keys_for, route_of
from database import Database
from records.rosters import MOST_ROWS, ROSTER

COUNTED_S = 30.0  # for which a list's length is remembered: students begin by the thousand
EXAMS_MAX = 1000  # whose keys are remembered


class Routing:
    """Gives keys to sessions and links. A session keeps the one that it was made with, however long the list of its exam becomes. Thread-safe."""

    def __init__(self, database: Database, students_a_key: int, membership: Membership | None, clock: Callable[[], float] = time.monotonic) -> None:
        self._database = database
        self._students_a_key = students_a_key
        self._membership = membership
        self._clock = clock
        self._known: OrderedDict[str, tuple[float, int]] = OrderedDict()  # by the exam's key until when it holds, and how many keys it has
        self._lock = threading.Lock()

    @property
    def alone(self) -> bool:
        """Can there be no other server? Then nothing has a key."""
        return self._membership is None or self._membership.alone

    def of(self, user_id: str, exam_id: str | None, session_id: str = "") -> str:
        """The key for one student in one exam, or without an exam for this session; empty where there can be no other server. Never raises."""
        if self.alone:
            return ""
        return route_of(session_id, user_id, exam_id, 1 if exam_id is None else self._keys(key_of(exam_id)))

    def _keys(self, exam_key: str) -> int:
        """While the database is away as many as there were."""
        now = self._clock()
        with self._lock:
            until, keys = self._known.get(exam_key, (now, 1))
        if now < until:
            return keys
        try:
            with self._database.reading():
                students = self._database.collection(ROSTER).count_documents({"exam_key": exam_key}, limit=MOST_ROWS)
        except StorageError:
            return keys
        keys = keys_for(students, self._students_a_key)
        with self._lock:
            self._known[exam_key] = (now + COUNTED_S, keys)
            while len(self._known) > EXAMS_MAX:
                self._known.popitem(last=False)
        return keys
