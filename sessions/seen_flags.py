"""Which of a running session's flags a proctor has seen: one answer for all who watch, which outlives the server's restart."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from basics.readings import IntervalResult
from scoring.documents import violation_document
from sessions import events as told
from sessions.documents import Documents
from sessions.events import Events
from sessions.score_book import ScoreBook

if TYPE_CHECKING:
    from sessions.session import ExamSession

SHOWN = 100  # of the unseen, the newest


@dataclass(frozen=True, slots=True)
class UnseenFlags:
    """Flags that nobody has seen. `intervals` are their numbers, oldest first; `newest` is the last of them."""

    intervals: tuple[int, ...]
    newest: IntervalResult

    def to_dict(self) -> dict[str, Any]:
        """As it is answered: `at` is when the newest was raised, in seconds on the session's clock."""
        newest = self.newest
        return {
            "intervals": list(self.intervals),
            "at": round(newest.end if newest.flagged_at is None else newest.flagged_at, 1),
            "score": newest.score,
            "violations": [violation_document(violation) for violation in newest.violations],
        }


class SeenFlags:
    """Of one session. Safe between threads."""

    def __init__(self, session: ExamSession, book: ScoreBook, store: Documents, events: Events) -> None:
        self._session = session
        self._book = book
        self._store = store
        self._events = events
        self._seen: frozenset[int] = frozenset()
        self._lock = threading.Lock()

    def take_up(self, document: Mapping[str, Any]) -> None:
        """Take up what was stored of it before the server stopped."""
        stored = document.get("flags_seen") or []
        self._seen = frozenset(index for index in stored if isinstance(index, int))

    def mark(self, intervals: Iterable[int] | None = None) -> list[int]:
        """Somebody has seen the flags of these intervals; None: every flag so far. Return those that are new; what isn't flagged is left out."""
        flagged = self._book.flagged()
        with self._lock:
            new = flagged & (flagged if intervals is None else frozenset(intervals)) - self._seen
            if not new:
                return []
            self._seen |= new
            seen = sorted(self._seen)
        self._store.session(flags_seen=seen)
        self._events.publish(told.FlagsSeen(self._session))
        return sorted(new)

    def unseen(self) -> UnseenFlags | None:
        """The flags that nobody has seen; None: all were."""
        left = sorted(self._book.flagged() - self._seen)[-SHOWN:]
        return UnseenFlags(tuple(left), self._book.interval(left[-1])) if left else None
