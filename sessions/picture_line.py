"""One session's pictures from their coming to their reading: which is due, since when, and what was read in it."""

from __future__ import annotations

import time
from collections.abc import Callable

from basics.errors import ProctorError
from basics.readings import Frame
from media.pictures import LeftOut, Picture, PictureFeed
from sessions.analysis import PictureAnalyst, PictureReadings

UNREAD = -1.0  # before any picture
DEAR_S = 0.1  # of a processor; 640×480 takes a hundredth of it to decode
SHARE = 0.2  # of one processor that decoding the pictures of one session may take, where they are that dear


class PictureLine:
    """Pictures come in from any thread; one thread at a time reads. Times are seconds on the session's clock."""

    def __init__(
        self, feed: PictureFeed, analyst: PictureAnalyst, session_id: str, seen: Callable[[Picture, PictureReadings], None] = lambda *_: None
    ) -> None:
        """`seen` is called with each picture that was read, and with what was read in it."""
        self._seen = seen
        self._feed = feed
        self._analyst = analyst
        self._session_id = session_id
        self._read_at = UNREAD
        self._due_from: float | None = None
        self._rests_until = 0.0  # on the machine's clock: what was decoded was so dear that the others come first

    def add(self, frame: Frame, now: float) -> None:
        """Take one encoded picture."""
        self._note_due(now)
        self._feed.add(frame)
        self._feed.let_viewers_go(now)
        self._note_due(now)

    def waits(self, now: float) -> float | None:
        """For how many seconds pictures have been due and unread; None when none is."""
        newest = self._due(now)
        if newest is None or time.monotonic() < self._rests_until:
            return None
        due_from = self._due_from
        return now - (newest if due_from is None else due_from)

    def _due(self, now: float) -> float | None:
        """The time of the newest picture where it is to be read."""
        newest, wanted = self._feed.newest_at, self._analyst.next_at
        viewers_want = self._feed.viewers_wait_from(now)
        if viewers_want is not None:
            wanted = min(wanted, viewers_want)
        return newest if newest > self._read_at and newest >= wanted - 1e-3 else None

    def _note_due(self, now: float) -> None:
        # From the first one on: newer ones take its place before it is read, and of many sessions the longest waiting must be next.
        newest = self._due(now)
        if newest is None:
            self._due_from = None
        elif self._due_from is None:
            self._due_from = newest

    def read(self) -> list[PictureReadings]:
        """Decode what came and read the newest picture, and those before it where it asks for them; nothing when it was only decoded for viewers."""
        newest_at = self._feed.newest_at
        begun = time.thread_time()
        late = 0.0 if self._due_from is None else newest_at - self._due_from
        try:
            picture = self._feed.decode()
        except ProctorError as error:
            self._done(newest_at)
            return [self._analyst.unreadable(newest_at, error.message)]
        except Exception as error:  # done with, whatever it was: else the same picture would be due for ever
            self._done(newest_at)
            return [self._analyst.failed(newest_at, error, self._session_id)]
        finally:
            self._rest_after(time.thread_time() - begun)
        if picture is None or picture.at < self._analyst.next_at - 1e-3:
            self._read_at, self._due_from = newest_at if picture is None else picture.at, None
            if picture is not None:
                self._feed.pass_by(picture)
            return []
        left_out = self._done(picture.at)
        try:
            readings = self._analyst.read_since(picture, left_out, late, self._session_id)
            self._seen(picture, readings[-1])
            return readings  # noqa: TRY300
        except Exception as error:
            return [self._analyst.failed(picture.at, error, self._session_id)]

    def _done(self, at: float) -> list[LeftOut]:
        self._read_at, self._due_from = at, None
        return self._feed.read(at)

    def _rest_after(self, cost: float) -> None:
        """A session whose pictures cost far more than a page's do is slowed, it alone."""
        if cost > DEAR_S:
            self._rests_until = time.monotonic() + cost * (1 / SHARE - 1)
