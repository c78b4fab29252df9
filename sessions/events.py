"""What happens in an exam, each kind a value of its own, and who is told of it.

`Events` is made first and handed to all who speak or listen; every listener is the equal of the others, and none knows of another.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from datetime import datetime

    from basics.readings import DeviceName, DeviceStateName, IntervalResult, Sound
    from media.clip import Clip
    from media.pictures import Picture
    from scoring.marks import Mark
    from sessions.break_control import BreakState
    from sessions.ends import End
    from sessions.messages import Call, Message
    from sessions.score_book import Summary
    from sessions.session import ExamSession

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class SessionEvent:
    """Something happened in `session`."""

    session: ExamSession


@dataclass(frozen=True, slots=True)
class SessionStarted(SessionEvent):
    """The session is live from now on: made, or taken up again."""


@dataclass(frozen=True, slots=True)
class FrameCame(SessionEvent):
    """A picture came in."""


@dataclass(frozen=True, slots=True)
class KeyWanted(SessionEvent):
    """A picture was lost: the student's page must send a key picture next."""


@dataclass(frozen=True, slots=True)
class SoundCame(SessionEvent):
    """A stretch of sound came in."""

    sound: Sound


@dataclass(frozen=True, slots=True)
class FaceSeen(SessionEvent):
    """A picture of the face was read at a moment at which the exam keeps one. `picture` is decoded; whoever keeps it does so elsewhere."""

    picture: Picture


@dataclass(frozen=True, slots=True)
class Updated(SessionEvent):
    """The session's status is another than before."""


@dataclass(frozen=True, slots=True)
class DeviceChanged(SessionEvent):
    """A device is in another state, or in the same for another reason."""

    device: DeviceName
    state: DeviceStateName
    reason: str


@dataclass(frozen=True, slots=True)
class NoticesChanged(SessionEvent):
    """What the student can mend is something else now; `codes` is all of it."""

    codes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class BreakChanged(SessionEvent):
    """A break has begun or ended."""

    state: BreakState


@dataclass(frozen=True, slots=True)
class MessageSent(SessionEvent):
    """Words for the student were kept, to be delivered; or the student's own, with a call."""

    message: Message


@dataclass(frozen=True, slots=True)
class MessageDelivered(SessionEvent):
    """The student's page was sent a message."""

    message_id: str


@dataclass(frozen=True, slots=True)
class MessageRead(SessionEvent):
    """The student has read a message."""

    message_id: str


@dataclass(frozen=True, slots=True)
class MomentMarked(SessionEvent):
    """A proctor has marked a moment of the interval `index`."""

    mark: Mark
    index: int


@dataclass(frozen=True, slots=True)
class CallChanged(SessionEvent):
    """The student calls the proctors, adds to it, or waits no more: then `call` is None."""

    call: Call | None


@dataclass(frozen=True, slots=True)
class IntervalFlagged(SessionEvent):
    """An interval has reached the threshold just now. `flagged_intervals` counts the session's, this one among them."""

    result: IntervalResult
    flagged_intervals: int
    at: datetime


@dataclass(frozen=True, slots=True)
class FlagsSeen(SessionEvent):
    """A proctor has seen flags."""


@dataclass(frozen=True, slots=True)
class ClipDone(SessionEvent):
    """An interval's clip is ready, or can't be made: `clip` says which."""

    interval: int
    clip: Clip


@dataclass(frozen=True, slots=True)
class SessionEnded(SessionEvent):
    """The session has ended. `state` is as it is stored: `ended` or `interrupted`."""

    summary: Summary
    end: End
    state: str


@dataclass(frozen=True, slots=True)
class SessionMoved(SessionEvent):
    """The session goes on at another server, and is live here no more."""


Event = TypeVar("Event", bound=SessionEvent)


class Events:
    """Tells each listener of the kinds of events it subscribed to, in the publisher's thread, in the order of subscribing.

    Listeners must not block. One that raises is logged, and the others are told all the same. Publishing takes no lock.
    """

    def __init__(self) -> None:
        self._listeners: dict[type[SessionEvent], tuple[Callable[[Any], None], ...]] = {}
        self._lock = threading.Lock()

    def subscribe(self, kind: type[Event], listener: Callable[[Event], None]) -> None:
        """Tell `listener` of every event of this kind from now on."""
        with self._lock:
            # a new mapping of tuples: whoever publishes meanwhile goes on with the old one
            self._listeners = self._listeners | {kind: (*self._listeners.get(kind, ()), listener)}

    def publish(self, event: SessionEvent) -> None:
        """Tell all who subscribed to this kind of event."""
        for listener in self._listeners.get(type(event), ()):
            try:
                listener(event)
            except Exception:
                log.exception("a listener to %s failed", type(event).__name__, extra={"session_id": event.session.session_id})
