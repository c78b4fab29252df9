"""The threads that read pictures and sound: of all sessions the one that has waited longest is next."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from sessions.events import Events, FrameCame, SoundCame
from sessions.session import ExamSession

READ_SHARE = 0.02  # of the newest reading in what one costs: the last fifty or so count
READ_LEAST = 20  # readings before anything is said of what one costs
LOOK_AGAIN_S = 1.0  # between two looks at what waits, where nothing comes
SOUND_EVERY_S = 0.5  # from one round of reading sound to the next: a call of a network has a price of its own, however little it reads
HAND_OVER_S = 10.0  # for how long whoever ends a session waits for the picture of it that is being read
STOP_S = 10.0


class Workers:
    """Reads what comes into the sessions. One picture of a session is in hand at a time; which ones are is known here alone."""

    def __init__(self, sessions: Callable[[], Sequence[ExamSession]], events: Events, count: int) -> None:
        """`sessions` gives all that are live; `count` threads read pictures, and one more reads sound."""
        self.count = count
        self.pictures_read = 0
        self.persons_looks = 0
        self.cpu_s = 0.0  # of the threads that read pictures
        self._read_s = 0.0  # what a reading takes of late, looks for persons among them
        self._sessions = sessions
        self._work = threading.Condition(threading.Lock())
        self._in_hand: set[str] = set()
        self._news = 0  # pictures that became due, so that none is missed between looking and waiting
        self._sound = threading.Event()
        self._stopping = threading.Event()
        self._threads: list[threading.Thread] = []
        events.subscribe(FrameCame, self._frame_came)
        events.subscribe(SoundCame, lambda _: self._sound.set())

    def start(self) -> None:
        """Start to read."""
        jobs = [(f"pictures-{number}", self._read_pictures) for number in range(self.count)]
        self._threads = [threading.Thread(target=job, name=name, daemon=True) for name, job in [*jobs, ("sound", self._read_sound)]]
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Read what is in hand to its end, and no more."""
        self._stopping.set()
        self._sound.set()
        with self._work:
            self._work.notify_all()
        for thread in self._threads:
            thread.join(STOP_S)

    @property
    def pictures_a_second(self) -> float | None:
        """How many pictures could be read a second as things stand; None while too few were read to tell."""
        with self._work:
            return self.count / self._read_s if self.pictures_read >= READ_LEAST and self._read_s > 0 else None

    @contextmanager
    def held(self, session_id: str) -> Iterator[None]:
        """Within it no worker has a picture of this session in hand, or takes one."""
        with self._work:
            self._work.wait_for(lambda: session_id not in self._in_hand, HAND_OVER_S)
            self._in_hand.add(session_id)
        try:
            yield
        finally:
            self._put_down(session_id)

    def _frame_came(self, event: FrameCame) -> None:
        session = event.session
        if session.session_id in self._in_hand or session.picture_waits() is None:
            return
        with self._work:
            self._news += 1
            self._work.notify()

    def _read_pictures(self) -> None:
        while not self._stopping.is_set():
            session = self._take_in_hand()
            if session is None:
                continue
            begun, cpu = time.monotonic(), time.thread_time()
            try:
                readings = session.read_picture()
                took = time.monotonic() - begun
                with self._work:
                    self._read_s += (took - self._read_s) * max(READ_SHARE, 1 / (self.pictures_read + 1))
                    self.pictures_read += 1
                    self.persons_looks += any(one.persons is not None for one in readings)
                    self.cpu_s += time.thread_time() - cpu
            except Exception as error:
                session.watch_over.failed(error)
            finally:
                self._put_down(session.session_id)

    def _take_in_hand(self) -> ExamSession | None:
        """The session that has waited longest, which is in this worker's hand from now on; None after a while in which nothing was due."""
        with self._work:
            news = self._news
        session = self._longest_waiting()
        with self._work:
            if session is None:
                if news == self._news and not self._stopping.is_set():
                    self._work.wait(LOOK_AGAIN_S)
                return None
            if session.session_id in self._in_hand:  # another was quicker
                return None
            self._in_hand.add(session.session_id)
        return session

    def _put_down(self, session_id: str) -> None:
        with self._work:
            self._in_hand.discard(session_id)
            self._news += 1  # what came meanwhile may be due
            self._work.notify_all()

    def _longest_waiting(self) -> ExamSession | None:
        best, longest = None, None
        for session in self._sessions():
            waits = None if session.session_id in self._in_hand else session.picture_waits()
            if waits is not None and (longest is None or waits > longest):
                best, longest = session, waits
        return best

    def _read_sound(self) -> None:
        while not self._stopping.is_set():
            self._sound.wait(LOOK_AGAIN_S)
            self._sound.clear()
            next_at = time.monotonic() + SOUND_EVERY_S
            for session in self._sessions():
                try:
                    session.read_sound()
                except Exception as error:
                    session.watch_over.failed(error)
            self._stopping.wait(max(0.0, next_at - time.monotonic()))
