"""A lock for each of many things, made when it is wanted and forgotten when nobody holds it or waits for it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager


class KeyedLocks:
    """One lock a key. It holds as many locks as are in use, however many keys there ever were."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[threading.Lock, int]] = {}  # by key: the lock, and how many hold it or wait for it
        self._lock = threading.Lock()

    @contextmanager
    def held(self, key: str) -> Iterator[None]:
        """Hold the lock of `key`; wait while another does."""
        with self._lock:
            lock, users = self._known.get(key, (threading.Lock(), 0))
            self._known[key] = (lock, users + 1)
        try:
            with lock:
                yield
        finally:
            with self._lock:
                lock, users = self._known.pop(key)
                if users > 1:
                    self._known[key] = (lock, users - 1)

    def __len__(self) -> int:
        """How many keys are in use."""
        return len(self._known)
