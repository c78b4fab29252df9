"""A thread that does one thing again and again until its owner ends it."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

log = logging.getLogger(__name__)

AFTER_FAILURE_S = 60.0


class Worker:
    """`work` does one turn and returns the seconds until the next; it is begun `first` seconds after the start, and never while another goes on."""

    def __init__(self, name: str, work: Callable[[], float], first: float = 0.0) -> None:
        self._work = work
        self._first = first
        self._stopping = threading.Event()
        self._wake = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    @property
    def is_running(self) -> bool:
        """Was it started, and has it not ended?"""
        return self._thread.is_alive()

    @property
    def is_stopping(self) -> bool:
        """Should a turn end soon?"""
        return self._stopping.is_set()

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def wake(self) -> None:
        """Begin the next turn now."""
        self._wake.set()

    def stop(self, timeout: float = 10) -> None:
        """End, with the turn that goes on. Harmless where it was never started."""
        self._stopping.set()
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join(timeout)

    def _run(self) -> None:
        pause = self._first
        while True:
            self._wake.wait(pause)
            self._wake.clear()
            if self._stopping.is_set():
                return
            try:
                pause = self._work()
            except Exception:
                log.exception("%s failed, and is tried again", self._thread.name)
                pause = AFTER_FAILURE_S
