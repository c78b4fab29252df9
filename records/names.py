"""What students are called, beside the ids by which they are known: from the lists of their exams, unless these are reviewed without names."""

from __future__ import annotations

import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from basics.errors import StorageError
from basics.looks import folded
from database import Database
from records.exams import Exams, exam_key
from records.rosters import ROSTER, Rosters

log = logging.getLogger(__name__)

EXAMS_KEPT = 500
NAMES_KEPT = 200_000  # of all exams; about 40 MB
FRESH_S = 20.0


@dataclass(frozen=True, slots=True)
class _Known:
    names: Mapping[str, str]  # by the student's id, folded
    at: float
    version: int
    anonymous: bool = False  # none may be told


class Names:
    """The names of one server's students. What was read last is remembered. Safe between threads."""

    def __init__(
        self,
        database: Database,
        exams: Callable[[], Exams],
        rosters: Rosters,
        *,
        anonymous: bool,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`anonymous`: no name is ever told."""
        self._database, self._exams, self._rosters = database, exams, rosters
        self._anonymous = anonymous
        self._clock = clock
        self._known: OrderedDict[str, _Known] = OrderedDict()
        self._lock = threading.Lock()

    def of(self, user_id: str, exam_id: str | None) -> str:
        """The student's name in this exam, empty where none is known or told. Never raises: an id alone serves."""
        return self.of_exam(exam_id).get(folded(user_id), "")

    def of_exam(self, exam_id: str | None) -> Mapping[str, str]:
        """The names of an exam's students by their folded ids, as `of` tells them. Never raises."""
        if not isinstance(exam_id, str) or not self._may_tell(exam_id):  # none, or one that was damaged
            return {}
        return self._known_of(exam_id).names

    def are_untold(self, exam_id: str | None) -> bool:
        """Is the exam reviewed without names, as far as is known? Never raises."""
        return self._anonymous or (isinstance(exam_id, str) and (not self._may_tell(exam_id) or self._known_of(exam_id).anonymous))

    def _known_of(self, exam_id: str) -> _Known:
        key = exam_key(exam_id)
        known = self._known.get(key)
        if known is None or self._clock() - known.at > FRESH_S or known.version != self._rosters.version:
            known = self._read(key, exam_id)
        return known

    def known(self, user_id: str, exam_id: str | None) -> str:
        """The same without asking the database: for what happens many times a second."""
        if exam_id is None or not self._may_tell(exam_id):
            return ""
        known = self._known.get(exam_key(exam_id))
        return known.names.get(folded(user_id), "") if known is not None else ""

    def _may_tell(self, exam_id: str) -> bool:
        """Are names told in this exam, as far as is known without asking? What somebody has just switched off is known at each server."""
        exam = self._exams().known(exam_id)
        return not self._anonymous and (exam is None or not exam.definition.anonymous_review)

    def _read(self, key: str, exam_id: str) -> _Known:
        version = self._rosters.version
        before = self._known.get(key)
        names: Mapping[str, str] = before.names if before is not None else {}
        anonymous = before is None or before.anonymous  # until it is known: where the database is away, nobody's is told
        try:
            exam = self._exams().get(exam_id)
            anonymous = exam is not None and exam.definition.anonymous_review
            if exam is None or anonymous:
                names = {}
            else:
                with self._database.reading():
                    named = {"exam_key": key, "user_id": {"$type": "string"}, "name": {"$gt": ""}}  # both are texts, whoever wrote them
                    found = self._database.collection(ROSTER).find(named, {"_id": 0, "user_id": 1, "name": 1})
                    names = {folded(row["user_id"]): row["name"] for row in found}
        except StorageError as error:
            log.debug("names can't be read now, those known so far are used: %s", error.message)
        known = _Known(names, self._clock(), version, anonymous)
        with self._lock:
            self._known[key] = known
            self._known.move_to_end(key)
            while len(self._known) > EXAMS_KEPT or (len(self._known) > 1 and sum(len(one.names) for one in self._known.values()) > NAMES_KEPT):
                self._known.popitem(last=False)
        return known
