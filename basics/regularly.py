"""A thread that does one thing every so often, until it is stopped."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

log = logging.getLogger(__name__)

STOP_S = 10.0


class Regularly:
    """Calls `do` every `every_s` seconds after `start`, the first time after one of them. What it raises is logged, and it is called again."""

    def __init__(self, name: str, every_s: float, do: Callable[[], object]) -> None:
        self._name = name
        self._every_s = every_s
        self._do = do
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Begin. Once."""
        self._thread.start()

    def stop(self) -> None:
        """End; waits for a call that is being made, at most `STOP_S`. Does nothing where it was not started."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(STOP_S)

    def _run(self) -> None:
        while not self._stop.wait(self._every_s):
            try:
                self._do()
            except Exception:
                log.exception("%s failed; it is tried again in %g s", self._name, self._every_s)
