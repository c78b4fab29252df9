"""The screen of this machine's own station: its keys and its clipboard as screen acts, as the browser sends them of a student's.

What was typed or copied is never read, kept or logged. What counts as one act is `scoring.occurrences`' to say.
"""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable

from basics.readings import ActKind, DeviceStateName, ScreenAct
from devices.keys import HooksReader

OnActs = Callable[[list[ScreenAct]], None]
OnScreenState = Callable[[DeviceStateName, str], None]


class ScreenHooks:
    """Hears this machine's keys and clipboard. Where it can't (no display, no rights) it says so once and harms nothing; a lost display is retried.

    May be started again after `stop`. Acts carry `at` on `clock`, and an id of their own.
    """

    def __init__(self, retry_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._retry_s = retry_s
        self._clock = clock
        self._reader: HooksReader | None = None

    def start(self, on_acts: OnActs, on_state: OnScreenState) -> None:
        """Begin to listen. Both callbacks come from the hooks' own threads."""
        former = self.threads()

        def heard(kind: ActKind) -> None:
            on_acts([ScreenAct(id=uuid.uuid4().hex, at=self._clock(), kind=kind)])

        self._reader = HooksReader(
            retry_s=self._retry_s, clock=self._clock, on_act=heard, on_state=lambda _device, state, reason: on_state(state, reason)
        )
        self._reader.start(former)

    def watch(self) -> None:
        """Notice a display that hangs; called about twice a second by the owner."""
        if self._reader:
            self._reader.watch()

    def stop(self, timeout: float = 0.0) -> None:
        """Stop listening, and wait up to `timeout` seconds for the threads to end."""
        if not self._reader:
            return
        self._reader.stop()
        for thread in self.threads():
            thread.join(timeout)

    def threads(self) -> list[threading.Thread]:
        """Threads that have not ended yet."""
        return self._reader.threads() if self._reader else []
