"""The students' pages that are connected by HTTP: what is kept of each between two of its calls, and who lets it go.

No call waits for anything: it takes a batch, answers with what is to be said, and holds nothing. A session has a few connections at most, each
with one answer and a bounded number of messages that wait; who is silent for as long as a WebSocket may be is forgotten.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections import OrderedDict
from collections.abc import Callable

from basics.errors import Conflict, TooMany
from basics.regularly import Regularly
from sessions.session import ExamSession
from web.links import PLACES, Attempt
from web.student.batches import STOPS, Exchange, Heard, unpack_batch
from web.student.budget import Budget
from web.student.conversation import DEAD_S
from web.student.protocol import Message

BATCH_FRAMES = 4  # a call is as dear as so many messages
READ_COST_BYTES = 2048  # with its head
TURN_S = 5.0  # for the batch before, where a page is in a hurry
LOOK_S = 2.0


class HttpLink:
    """One page's connection. `say` and `close` are safe from any thread."""

    def __init__(self, session: ExamSession, exchange: Exchange, budget: Budget, heard_at: float, attempt: Attempt | None = None) -> None:
        self.session = session
        self.attempt = attempt
        self.exchange = exchange
        self.budget = budget
        self.turn = threading.Lock()
        self.heard_at = heard_at
        self.closing = False

    def say(self, message: Message) -> None:
        """Queue a message for the page's next call."""
        self.exchange.talk.say(message)

    def close(self) -> None:
        """The server stops: the next call is told so."""
        self.closing = True


class HttpLinks:
    """By session, the newest last. Safe between threads."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._links: dict[str, OrderedDict[str, HttpLink]] = {}
        self._lock = threading.Lock()
        self._looking: Regularly | None = None

    def now(self) -> float:
        """Seconds on the clock by which silence is told."""
        return self._clock()

    def start(self, leave: Callable[[HttpLink], object]) -> None:
        """Begin to let go of who is silent; `leave` tells the others."""
        self._looking = Regularly("http-links", LOOK_S, lambda: self.look(leave))
        self._looking.start()

    def stop(self) -> None:
        """End it."""
        if self._looking is not None:
            self._looking.stop()

    def find(self, session_id: str, connection: str) -> HttpLink | None:
        """A connection that is known."""
        with self._lock:
            own = self._links.get(session_id)
            return own.get(connection) if own is not None else None

    def add(self, connection: str, new: HttpLink) -> HttpLink | None:
        """Keep a new one; return the oldest, which is forgotten, where its session has too many. Raise `Conflict` where the name is taken."""
        with self._lock:
            own = self._links.setdefault(new.session.session_id, OrderedDict())
            if connection in own:
                raise Conflict("This connection is being opened already.", retry_after_s=1)
            own[connection] = new
            return own.popitem(last=False)[1] if len(own) > PLACES else None

    def forget(self, gone: HttpLink) -> None:
        """It is over, and need not be told so again."""
        session_id = gone.session.session_id
        with self._lock:
            own = self._links.get(session_id, OrderedDict())
            for name in [name for name, link in own.items() if link is gone]:
                del own[name]
            if not own:
                self._links.pop(session_id, None)

    def __len__(self) -> int:
        with self._lock:
            return sum(map(len, self._links.values()))

    def look(self, leave: Callable[[HttpLink], object]) -> None:
        """Let go of those whose pages are silent. One that is just being served is not."""
        with self._lock:
            links = [link for own in self._links.values() for link in own.values()]
        for link in links:
            if not link.turn.acquire(blocking=False):
                continue
            silent = self._clock() - link.heard_at > DEAD_S
            link.turn.release()
            if silent:
                with contextlib.suppress(TooMany):  # all its session's places are taken: the next look
                    leave(link)
                    self.forget(link)

    def take(self, link: HttpLink, number: int, body: bytes) -> Heard:
        """Take a batch of a connection, whose turn must be held. Raise `InvalidInput`, `TooLarge` or `TooMany`."""
        known = link.exchange.repeated(number)
        if known is not None:
            return known
        if link.closing:
            return Heard(number, (), STOPS)
        messages = unpack_batch(body)
        _count(link.budget, len(messages))
        if messages:  # a page that calls, and answers nothing, is gone as one is whose socket is open
            link.heard_at = self._clock()
        return link.exchange.take(number, messages, link.session.clock())


def charge(budget: Budget, size: int) -> None:
    """Count a call with a body of so many bytes, before it is read. Raise `TooMany`."""
    if not budget.bytes(max(size, READ_COST_BYTES)):
        raise TooMany(f"more than {budget.bytes_a_second:,.0f} bytes a second were sent; send less", retry_after_s=2)
    _count(budget, BATCH_FRAMES)


def _count(budget: Budget, frames: int) -> None:
    if not budget.frames(frames):
        raise TooMany(f"more than {budget.frames_a_second:g} messages a second were sent; send fewer", retry_after_s=2)
