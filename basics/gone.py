"""What is being deleted, or was: whoever is in the middle of storing something of it is waited for, and nobody begins to any more."""

from __future__ import annotations

import re
import threading
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from basics.errors import Conflict, StorageError
from basics.identifiers import key_of
from basics.looks import look
from basics.texts import _

SETTLED_WITHIN_S = 30.0
_SESSION = re.compile(r"[0-9a-f]{32}(?=-|$)")


class Gone:
    """The sessions (by id), students (by the look of theirs) and exams (by key) that nothing may be stored of. Safe between threads.

    A session that was deleted stays gone for as long as the server runs: its id says nothing of its student. A student is only while being erased,
    an exam until one of the same ID is made.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._barred: set[str] = set()
        self._writing: Counter[str] = Counter()

    @contextmanager
    def writing(self, *keys: str) -> Iterator[None]:
        """While something of these is stored. Raise `Conflict` where one of them is gone."""
        with self._changed:
            if not self._barred.isdisjoint(keys):
                raise Conflict(_("This was deleted, or is being deleted now."), reason="gone")
            self._writing.update(keys)
        try:
            yield
        finally:
            with self._changed:
                self._writing.subtract(keys)
                for key in keys:
                    if not self._writing[key]:
                        del self._writing[key]
                if self._barred:
                    self._changed.notify_all()

    def bar(self, keys: Collection[str], timeout: float = SETTLED_WITHIN_S) -> None:
        """Let nobody store anything of these any more, once those who do now are through. Raise `StorageError` where that takes too long."""
        with self._changed:
            new = set(keys) - self._barred
            self._barred |= new
            if self._changed.wait_for(lambda: not any(self._writing[key] for key in keys), timeout):
                return
            self._barred -= new
        raise StorageError(_("Something of it is being stored now. Try again in some seconds."))

    def lift(self, keys: Collection[str]) -> None:
        """Something of these may be stored again."""
        with self._changed:
            self._barred.difference_update(keys)


def of_student(user_id: str) -> str:
    """The key of a student, by whatever spelling of the ID."""
    return f"student {look(user_id)}"


def of_exam(exam_key: str) -> str:
    """The key of an exam that somebody defined: of its list of students, and what came of that."""
    return f"exam {exam_key}"


def keys_of(collection: str, document_id: str, fields: Mapping[str, Any]) -> list[str]:
    """The keys of what a document is of: its session, its student; of a rehearsal, which a student of a list makes, the exam. What the audit says of
    sessions that were deleted is of none."""
    if collection == "audit" and "sessions" in fields:
        return []
    user_id, exam_id = (fields.get(name) for name in ("user_id", "exam_id"))
    keys = sessions_of(collection, document_id, fields)
    keys += [of_student(user_id)] if isinstance(user_id, str) else []
    keys += [of_exam(key_of(exam_id))] if collection == "rehearsals" and isinstance(exam_id, str) else []
    return list(dict.fromkeys(keys))


def sessions_of(collection: str, document_id: str, fields: Mapping[str, Any]) -> list[str]:
    """The ids of the sessions that a document is of, at most two of them, where it was damaged; what is none may be among them."""
    if collection == "audit" and "sessions" in fields:
        return []
    found, session_id = _SESSION.match(str(document_id)), fields.get("session_id")
    return ([found[0]] if found else []) + ([session_id] if isinstance(session_id, str) else [])
