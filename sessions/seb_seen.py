"""Whether a session's student is in Safe Exam Browser, as far as the page has shown it, and the passes by which its link comes in then."""

from __future__ import annotations

import hmac
import secrets
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any, Literal, get_args

from sessions.documents import Documents

SebState = Literal["yes", "no", "unknown"]
"""`yes`: an allowed key was proved. `no`: an ordinary browser. `unknown`: it says that it is Safe Exam Browser, and proved no allowed key; or nothing
was heard of it."""

PASS_S = 60.0  # from the proof to the link's beginning; over a narrow line both take some seconds
PASSES = 4  # a page that comes again, and another tab
KEPT = 50  # changes


class SebSeen:
    """Belongs to one session. Safe between threads."""

    def __init__(self, store: Documents, clock: Callable[[], float] = time.monotonic) -> None:
        self._store, self._clock = store, clock
        self._lock = threading.Lock()
        self._changes: list[dict[str, Any]] = []
        self._passes: deque[tuple[str, float]] = deque(maxlen=PASSES)

    def see(self, state: SebState, version: str, at: float) -> None:
        """How it is from `at` on (seconds on the session's clock). `version` is what the browser calls itself."""
        with self._lock:
            newest = self._changes[-1] if self._changes else {}
            if (newest.get("state"), newest.get("version")) == (state, version):
                return
            self._changes = [*self._changes, {"at": round(at, 1), "state": state, "version": version}][-KEPT:]
            self._store.session(seb=self._changes)

    def documents(self) -> list[dict[str, Any]]:
        """Each change: `at`, `state`, `version`; empty where nothing was to be told."""
        with self._lock:
            return [dict(change) for change in self._changes]

    def take_up(self, document: Mapping[str, Any]) -> None:
        """Take up what was stored of it before the server stopped."""
        kept = document.get("seb")
        if isinstance(kept, list):
            self._changes = [one for one in kept if isinstance(one, dict) and one.get("state") in get_args(SebState)]

    def make_pass(self) -> str:
        """A pass for one connection that begins soon."""
        made = secrets.token_urlsafe(18)
        with self._lock:
            self._passes.append((made, self._clock()))
        return made

    def take_pass(self, given: str) -> bool:
        """Is it one that was made here a moment ago? It is used up with that."""
        now = self._clock()
        with self._lock:
            found = [one for one in self._passes if hmac.compare_digest(one[0].encode(), given.encode("utf-8", "replace")) and now - one[1] <= PASS_S]
            for one in found:
                self._passes.remove(one)
        return bool(found)
