"""The attempts at exams that learning platforms have proctored (Proctoring Services 1.0): of each what the platform said, and the session here.

An attempt is one person's, by one link of one deployment of one registration, with the platform's own number of it. The same number of somebody
else, of another link or another deployment is another attempt.
"""

from __future__ import annotations

import hashlib
import json
import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from pymongo import DESCENDING
from pymongo.errors import DuplicateKeyError

from basics.errors import StorageError
from basics.gone import of_student
from basics.stored_fields import is_moment
from basics.times import utc_now
from database import Database, Document

COLLECTION = "lti_attempts"
AWAITED_MAX = 5_000  # sessions that are remembered as awaited
OPEN_MAX = 20  # attempts of one person and number that are looked at where the platform does not say of which link
MOMENTS = ("named_at", "started_at", "ended_at", "left_at")
BACK = ("session_data", "resource_link", "custom")  # what goes back, kept as JSON: its names may be such as no database takes


@dataclass(frozen=True, slots=True)
class Attempt:
    """What the platform's newest launch of it said. `number` is as it came, an integer or its digits; `resource_link`, `session_data` and `custom`
    go back as they are, until it is over. `names` are those that it tells of the person, by the claims of `verified_user`, since `named_at`.
    `control_url` is empty, and `actions` are none, where it takes no word on the attempt. `session_id` is the newest session here.
    Since `left_at` a later attempt stands in its place.
    """

    registration_id: str
    deployment_id: str
    link_id: str
    sub: str
    number: int | str
    user_id: str
    exam_id: str
    start_url: str
    resource_link: Mapping[str, Any] = field(default_factory=dict)
    session_data: str = ""
    custom: Mapping[str, Any] | None = None
    names: Mapping[str, str] = field(default_factory=dict)
    control_url: str = ""
    actions: Sequence[str] = ()
    session_id: str = ""
    named_at: datetime | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None
    left_at: datetime | None = None
    problem: str = ""
    problem_log: str = ""

    @property
    def id(self) -> str:
        """64 hexadecimal digits."""
        parts = (self.registration_id, self.deployment_id, self.link_id, self.sub, str(int(self.number)))
        return hashlib.sha256("\0".join(f"{len(part)} {part}" for part in parts).encode()).hexdigest()

    def is_of_link(self, other: Attempt) -> bool:
        """Are both the same person's, by the same link?"""
        mine, its = ((one.registration_id, one.deployment_id, one.link_id, one.sub) for one in (self, other))
        return mine == its


class LtiAttempts:
    """Of one database. Safe between threads; every method may raise `StorageError`, but for `is_awaited`."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._awaited: OrderedDict[str, None] = OrderedDict()
        self._lock = threading.Lock()

    def keep(self, attempt: Attempt) -> bool:
        """Keep what was launched: a newer launch of an attempt stands in place of the one before. False where another attempt has its session.

        Raise `Conflict` while the person is erased.
        """
        said = (
            "registration_id", "deployment_id", "link_id", "sub", "number", "user_id", "exam_id", "start_url", "names", "control_url", "session_id",
            "named_at", "left_at",
        )  # fmt: skip
        fields: Document = {name: getattr(attempt, name) for name in said} | {"actions": list(attempt.actions), "launched_at": utc_now()}
        fields["nth"] = int(attempt.number)
        fields["back"] = json.dumps({name: getattr(attempt, name) for name in BACK})
        with self._database.gone.writing(of_student(attempt.user_id)), self._database.reading():
            try:
                self._database.collection(COLLECTION).update_one(
                    {"_id": attempt.id}, {"$set": fields, "$setOnInsert": {"made_at": utc_now()}}, upsert=True
                )
            except DuplicateKeyError:
                return False
        return True

    def get(self, attempt_id: str) -> Attempt | None:
        """The one of this id."""
        with self._database.reading():
            return _attempt(self._database.collection(COLLECTION).find_one({"_id": attempt_id}))

    def of_session(self, session_id: str) -> Attempt | None:
        """The newest whose session here is this one."""
        with self._database.reading():
            return _attempt(self._database.collection(COLLECTION).find_one({"session_id": session_id}, sort=[("launched_at", DESCENDING)]))

    def is_awaited(self, session_id: str) -> bool:
        """Does a platform have this session proctored? While the database is away by what was known of it here. Never raises."""
        try:
            found = self.of_session(session_id) is not None
        except StorageError:
            return session_id in self._awaited
        if found:
            with self._lock:
                self._awaited[session_id] = None
                self._awaited.move_to_end(session_id)
                while len(self._awaited) > AWAITED_MAX:
                    self._awaited.popitem(last=False)
        return found

    def numbered(self, registration_id: str, deployment_id: str, sub: str, number: int | str, link_id: str = "") -> list[Attempt]:
        """A person's attempts of this number, launched last first; without a link those of every link of the deployment."""
        query: Document = {"registration_id": registration_id, "deployment_id": deployment_id, "sub": sub, "nth": int(number)}
        query |= {"link_id": link_id} if link_id else {}
        with self._database.reading():
            rows = list(self._database.collection(COLLECTION).find(query).sort("launched_at", DESCENDING).limit(OPEN_MAX))
        return [found for row in rows if (found := _attempt(row)) is not None]

    def started(self, attempt: Attempt) -> bool:
        """The platform is told to start its assessment; True the first time."""
        with self._database.reading():
            done = self._database.collection(COLLECTION).update_one({"_id": attempt.id, "started_at": None}, {"$set": {"started_at": utc_now()}})
        return done.modified_count == 1

    def left(self, attempt: Attempt) -> None:
        """The platform has begun a later one."""
        with self._database.reading():
            self._database.collection(COLLECTION).update_one({"_id": attempt.id}, {"$set": {"left_at": utc_now()}})

    def over_of(self, session_ids: Sequence[str]) -> list[Attempt]:
        """Those of these sessions that are over at the platform, by its word or since a later one was begun."""
        over: Document = {"$or": [{"ended_at": {"$type": "date"}}, {"left_at": {"$type": "date"}}]}
        with self._database.reading():
            rows = list(self._database.collection(COLLECTION).find({"session_id": {"$in": list(session_ids)}, **over}))
        return [found for row in rows if (found := _attempt(row)) is not None]

    def ended(self, attempt: Attempt, problem: str, problem_log: str) -> None:
        """The platform says that its assessment is over, and what went wrong, if anything did: nothing more goes back to it."""
        fields = {"ended_at": utc_now(), "problem": problem, "problem_log": problem_log}
        with self._database.reading():
            self._database.collection(COLLECTION).update_one({"_id": attempt.id}, {"$set": fields, "$unset": {"back": ""}})


def _attempt(document: Document | None) -> Attempt | None:
    """As it is stored; None where there is none, or it is damaged."""
    if document is None:
        return None
    fields = {name: document[name] for name in Attempt.__dataclass_fields__ if document.get(name) is not None and name not in (*BACK, *MOMENTS)}
    fields |= {name: at for name in MOMENTS if is_moment(at := document.get(name))}
    try:
        return Attempt(**fields, **json.loads(document.get("back") or "{}"))
    except (TypeError, ValueError):
        return None
