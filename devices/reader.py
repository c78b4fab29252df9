"""What every reader of a device shares: one named thread that opens, reads and opens again with back-off, and a watch for calls that hang.

Knows nothing of pictures, sound or keys: `camera.py`, `microphone.py` and `keys.py` bring those.
"""

from __future__ import annotations

import logging
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import ClassVar, Generic, Protocol, TypeVar
from urllib.parse import urlsplit, urlunsplit

from basics.backoff import Backoff
from basics.errors import DeviceError
from basics.readings import DeviceName, DeviceStateName

logger = logging.getLogger(__name__)

OPEN_LIMIT = 10.0  # s that opening may take before it counts as hung; a camera on the network has 5 s of its own
READ_LIMIT = 3.0  # s that one read may take before the device counts as lost
BACKOFF_MOST = 10  # longest wait between attempts, in units of the first
STUCK_MOST = 2  # threads that may hang in a dead driver; no third attempt until one of them comes back
PREDECESSOR_WAIT = 5.0  # s a reader waits for the former reader of the same device to let go of it
START_WAIT = 5.0  # s a file waits for the other file of its station to be opened

Clock = Callable[[], float]
OnState = Callable[[DeviceName, DeviceStateName, str], None]


class Closable(Protocol):
    """An opened device."""

    def close(self) -> None: ...


Source = TypeVar("Source", bound=Closable)


class StartLine:
    """Lets the files of one station start their clocks in the same moment, once each of them is opened or has failed."""

    def __init__(self, parties: int, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._missing = parties
        self._zero: float | None = None
        self._opened = threading.Event()

    def arrive(self) -> None:
        """Say that one more file is opened, or can't be."""
        with self._lock:
            self._missing -= 1
            if self._missing > 0 or self._zero is not None:
                return
            self._zero = self._clock()
        self._opened.set()

    def zero(self) -> float:
        """The common start on the clock; wait for the others, at most `START_WAIT`."""
        self._opened.wait(START_WAIT)
        with self._lock:
            if self._zero is None:  # the other file's disk does not answer: go alone
                self._zero = self._clock()
            return self._zero


class Run:
    """One thread of a reader. It is told to stop, or given up when it hangs; then it changes nothing any more."""

    def __init__(self, clock: Clock) -> None:
        self.stop = threading.Event()
        self.thread: threading.Thread | None = None
        self._clock = clock
        self._limit: float | None = None  # when the blocking call under way counts as hung

    @contextmanager
    def limited(self, seconds: float) -> Iterator[None]:
        """Mark a call into a driver that may never return."""
        self._limit = self._clock() + seconds
        try:
            yield
        finally:
            self._limit = None

    def hangs(self) -> bool:
        limit = self._limit
        return limit is not None and self._clock() > limit

    def sleep_until(self, at: float) -> bool:
        """Wait until `at` on the clock. False when told to stop meanwhile."""
        while (wait := at - self._clock()) > 0:
            if self.stop.wait(wait):
                return False
        return not self.stop.is_set()


class DeviceReader(ABC, Generic[Source]):
    """Owns one device: opens it, reads it, notices its loss, opens it again after `retry_s`, doubling to ten times that.

    States: `starting` → `ok` with the first data; `missing` (or the state a `DeviceError` names) while it never worked, `lost` after it
    did; what `_read` returns when there is no more to come. `on_state` is called in order, once for each change, and must be quick.
    """

    device: ClassVar[DeviceName]

    def __init__(self, *, label: str, retry_s: float, on_state: OnState, clock: Clock) -> None:
        self.label = label
        self._clock = clock
        self._on_state = on_state
        self._lock = threading.Lock()  # guards the fields below
        self._run: Run | None = None
        self._stuck: list[Run] = []
        self._state: tuple[DeviceStateName, str] | None = None
        self._stopped = False
        self._worked = False
        self._backoff = Backoff.doubling(retry_s, retry_s * BACKOFF_MOST)
        self._restart_at = 0.0

    @abstractmethod
    def _open(self, run: Run) -> Source:
        """Open the device, or raise `DeviceError`; its details `state` and `retry=False` say what to show and that it is final."""

    @abstractmethod
    def _read(self, run: Run, source: Source) -> tuple[DeviceStateName, str]:
        """Read until `run.stop`, or to the end (return the last state and its reason), or raise `DeviceError` when it is lost."""

    def start(self, after: Sequence[threading.Thread] = ()) -> None:
        """Start the thread; it waits for the threads in `after` first, which may still hold the device."""
        with self._lock:
            self._launch(after)
            self._tell("starting", "")

    def stop(self) -> None:
        """Tell the thread to let go of the device. Returns at once."""
        with self._lock:
            self._stopped = True
            if self._run:
                self._run.stop.set()

    def threads(self) -> list[threading.Thread]:
        """Threads that may still hold the device."""
        with self._lock:
            runs = [*self._stuck, self._run] if self._run else list(self._stuck)
        return [run.thread for run in runs if run.thread and run.thread.is_alive()]

    def watch(self) -> None:
        """Give up a thread that hangs in its driver and start another when it is time. To be called about twice a second."""
        with self._lock:
            if self._stopped:
                return
            if self._run and self._run.hangs():
                self._run.stop.set()
                self._stuck.append(self._run)
                self._run = None
                self._restart_at = self._clock() + self._backoff.pause()
                self._tell("lost" if self._worked else "missing", f"{self.label} does not answer; check its cable or network")
            self._stuck = [run for run in self._stuck if run.thread and run.thread.is_alive()]
            if self._run is None and len(self._stuck) < STUCK_MOST and self._clock() >= self._restart_at:
                self._launch(())

    def _launch(self, after: Sequence[threading.Thread]) -> None:
        run = Run(self._clock)
        run.thread = threading.Thread(target=self._loop, args=(run, tuple(after)), name=f"{self.device}-{self.label}"[:60], daemon=True)
        self._run = run
        run.thread.start()

    def _loop(self, run: Run, after: Sequence[threading.Thread]) -> None:
        for thread in after:
            thread.join(PREDECESSOR_WAIT)
        while not run.stop.is_set():
            try:
                final = self._attempt(run)
            except DeviceError as error:
                final = not error.details.get("retry", True)
                self._failed(run, error.message, error.details.get("state"))
            except Exception as error:
                final = False
                logger.exception("The reader of %s failed; it is started again", self.label)
                self._failed(run, f"{self.label} can't be read: {error}", None)
            if final:
                run.stop.wait()
                return
            with self._lock:
                pause = self._backoff.pause()
            run.stop.wait(pause)

    def _attempt(self, run: Run) -> bool:
        """Open and read once. True when there is no more to come."""
        with run.limited(OPEN_LIMIT):
            source = self._open(run)
        try:
            if run.stop.is_set():
                return True
            last = self._read(run, source)
        finally:
            source.close()
        self._report(run, *last)
        return True

    def _works(self, run: Run, note: str = "") -> None:
        """Say that data has arrived. Cheap enough to be called with each piece."""
        if self._state == ("ok", note):
            return
        with self._lock:
            self._worked = True
            self._backoff.reset()
        self._report(run, "ok", note)

    def _failed(self, run: Run, reason: str, state: DeviceStateName | None) -> None:
        self._report(run, state or ("lost" if self._worked else "missing"), reason)

    def _report(self, run: Run, state: DeviceStateName, reason: str) -> None:
        with self._lock:
            if run is self._run and not run.stop.is_set():
                self._tell(state, reason)

    def _tell(self, state: DeviceStateName, reason: str) -> None:
        """Pass a change on; called with the lock held, so that changes made by two threads keep their order."""
        if self._state == (state, reason):
            return
        self._state = (state, reason)
        level = logging.WARNING if state in ("missing", "lost", "denied") else logging.INFO
        logger.log(level, "%s %s: %s%s", self.device, self.label, state, f" ({reason})" if reason else "")
        self._on_state(self.device, state, reason)


def shown(spec: str) -> str:
    """A camera or microphone as it may be shown: a URL without its user, password and query."""
    if "://" not in spec:
        return spec
    try:
        parts = urlsplit(spec)
        return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))
    except ValueError:
        return spec.partition("://")[0] + "://…"
