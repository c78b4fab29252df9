"""How well one session is seen and heard: its newest readings and their age, how much of what comes is read, and what is doubted of it.

A reading is of a moment: after a few seconds without another it says nothing of now. Nothing here counts a point.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from basics.doubts import DOUBT_CODES, DoubtCode
from basics.readings import AudioReading, Frame, GazeReading, PersonsReading, ScreenAct
from sessions.analysis import PictureReadings
from sessions.doubts import Doubts
from sessions.focus_watch import FocusWatch
from sessions.repeats import RepeatedBytes
from settings.settings import Settings

OLD_S = 5.0  # a reading older than this is none
LOOKS_OLD = 2.5  # times the pause between two looks for people
WINDOW_S = 10  # over which rates are reckoned
WINDOW_LEAST_S = 5.0  # after the first picture, a break or a lost line
HALF = 0.5  # of what is wanted; less is told
LINE_SHARE = 0.8  # of what came: where more was read, the line is slow and not the server
BLANK = frozenset({"covered", "dark", "flat", "frozen", "unreadable"})  # such pictures are all alike
MOVED_SHOWN_S = 600.0  # for how long the wall says that an exam went on elsewhere
VIRTUAL = (
    *("obs", "manycam", "snap camera", "xsplit", "splitcam", "e2esoft", "vcam", "v4l2loopback", "dummy video", "unity video", "webcamoid", "akvcam"),
    *("virtual", "mmhmm", "camtwist", "youcam", "nvidia broadcast", "droidcam", "iriun", "epoccam", "ivcam", "chromacam", "fakecam", "altercam"),
)
"""Parts of the names that programs give the cameras they make, in lower case. Some are phones' cameras: named to the proctor, and nothing more."""


@dataclass(slots=True)
class _Second:
    """What came and what was read in one second."""

    number: int
    pictures: int = 0
    read: int = 0
    sound_came: float = 0.0
    sound_read: float = 0.0


@dataclass(frozen=True, slots=True)
class Seen:
    """The newest readings that still say something of now; `unread` and `unheard` say why where one is None."""

    gaze: GazeReading | None
    persons: PersonsReading | None
    audio: AudioReading | None
    unread: str
    unheard: str


@dataclass(frozen=True, slots=True)
class Rates:
    """What came and was read a second of late; seconds of sound likewise."""

    pictures: float
    read: float
    sound_came: float
    sound_read: float


class Oversight:
    """Of one session. Safe between threads. `now` is always on the session's clock."""

    def __init__(self, settings: Settings) -> None:
        self.doubts = Doubts()
        self._wanted = settings.gaze_fps
        self._looks_old = max(OLD_S, LOOKS_OLD * settings.face_interval_s)
        self._lock = threading.Lock()
        self._gaze: tuple[GazeReading, float] | None = None
        self._persons: tuple[PersonsReading, float] | None = None
        self._audio: tuple[AudioReading, float] | None = None
        self._picture_at: float | None = None  # when the newest picture came
        self._sound_at: float | None = None
        self._since: float | None = None  # from when rates are reckoned
        self._seconds: deque[_Second] = deque(maxlen=WINDOW_S + 1)
        self._bytes = RepeatedBytes()
        self._same = False
        self._loop: float | None = None
        self._denied = False  # the page says that its camera stands still, and it does not
        self._focus = FocusWatch()
        self._leaving_counts = settings.leaving_counts
        self._moved: tuple[float, str] | None = None  # when, and what was another than before
        self._virtual: str | None = None  # the camera's name, where a program makes its pictures
        self._came_from: tuple[str, str] | None = None
        self._ticked_at = 0.0

    # In

    def picture_came(self, frame: Frame, now: float) -> None:
        """A picture came in."""
        with self._lock:
            self._picture_at = now
            self._since = now if self._since is None else self._since
            self._second(now).pictures += 1
            if frame.codec == "jpeg":
                self._same = self._bytes.take(frame.data)

    def sound_came(self, seconds: float, now: float) -> None:
        """Sound came in."""
        with self._lock:
            self._sound_at = now
            self._since = now if self._since is None else self._since
            self._second(now).sound_came += seconds

    def take_picture(self, readings: PictureReadings, now: float) -> None:
        """Take what one picture gave."""
        with self._lock:
            self._gaze = readings.gaze, now
            if readings.persons is not None:
                self._persons = readings.persons, now
            self._second(now).read += readings.gaze.reason != "error"
            self._loop = readings.loop_s
            self._denied = readings.denied

    def take_sound(self, reading: AudioReading, now: float) -> None:
        """Take what was heard."""
        with self._lock:
            self._audio = reading, now
            self._second(now).sound_read += reading.duration if reading.reason not in {"error", "lost"} else 0.0

    def take_acts(self, acts: Iterable[ScreenAct]) -> None:
        """Screen acts came in."""
        with self._lock:
            self._focus.take_acts(acts)

    def page_says(self, hidden: bool, now: float, focused: bool | None = None) -> None:
        """The student's page says whether it is hidden, and whether it has the focus."""
        with self._lock:
            self._focus.say(hidden, now, focused)

    def begin(self, now: float, *, page: bool) -> None:
        """Something is asked of the student from now on: the page came (back), or a break is over."""
        with self._lock:
            self._since = None
            self._seconds.clear()
            if page:
                self._focus.begin(now)

    def stop(self, now: float) -> None:
        """Nothing is asked for now: the page is away, or a break is on."""
        with self._lock:
            self._since = None
            self._focus.stop()

    def came_from(self, address: str, browser: str, now: float) -> None:
        """The student's page connected from this address, with this browser."""
        with self._lock:
            before, self._came_from = self._came_from, (address, browser)
            if before is not None and before != (address, browser):
                pairs = zip(before, (address, browser), strict=True)
                self._moved = now, "; ".join(f"{old or 'nothing'} → {new or 'nothing'}" for old, new in pairs if old != new)

    def camera_named(self, label: str) -> None:
        """The camera's name came."""
        with self._lock:
            self._virtual = label if any(part in label.lower() for part in VIRTUAL) else None

    def _second(self, now: float) -> _Second:
        number = int(now)
        if not self._seconds or self._seconds[-1].number < number:
            self._seconds.append(_Second(number))
        return self._seconds[-1]

    # Out

    def seen(self, now: float, *, blind: bool, deaf: bool) -> Seen:
        """What the newest readings say of now. `blind` and `deaf`: the device, or the connection, is gone."""
        with self._lock:
            gaze = self._fresh(self._gaze, now, OLD_S)
            persons = self._fresh(self._persons, now, self._looks_old)
            audio = self._fresh(self._audio, now, OLD_S)
            unread = self._why("starting" if self._gaze is None else "lost", self._picture_at, now, blind)
            unheard = self._why("starting" if self._audio is None else "lost", self._sound_at, now, deaf)
        return Seen(None if blind else gaze, None if blind else persons, None if deaf else audio, unread, unheard)

    def _fresh(self, taken: tuple[Any, float] | None, now: float, longest: float) -> Any:
        return taken[0] if taken is not None and now - taken[1] <= longest else None

    def _why(self, otherwise: str, came_at: float | None, now: float, gone: bool) -> str:
        if gone:
            return "lost"
        if came_at is None or self._since is None or now - came_at > OLD_S:
            return otherwise
        return "not_read" if now - self._since > OLD_S else "starting"

    def rates(self, now: float) -> Rates | None:
        """What came and was read a second; None where too little time has gone by."""
        with self._lock:
            return self._rates(now)

    def _rates(self, now: float) -> Rates | None:
        since = self._since
        if since is None or now - since < WINDOW_LEAST_S:
            return None
        first = max(int(now) - WINDOW_S + 1, int(since) + 1)
        kept = [second for second in self._seconds if first <= second.number < int(now)]
        length = int(now) - first
        if length <= 0:
            return None
        sums = (sum(getattr(second, name) for second in kept) / length for name in ("pictures", "read", "sound_came", "sound_read"))
        return Rates(*sums)

    # As time goes on

    def look(self, now: float, *, blind: bool, deaf: bool, unshown: bool, quiet: bool, by_camera: bool = True) -> bool:
        """See what is doubted at `now`. `quiet`: nothing is asked for (a break, no page); `by_camera`: one is. True where something changed."""
        found: dict[DoubtCode, str | None] = dict.fromkeys(DOUBT_CODES)
        if not quiet:
            found |= self._doubted(now, blind=blind, deaf=deaf)
            found["screen_unshown"] = "" if unshown else None
        with self._lock:
            found["virtual_camera"] = self._virtual if by_camera else None
            found["moved"] = self._moved[1] if self._moved is not None and now - self._moved[0] < MOVED_SHOWN_S else None
        changed = [self.doubts.set(code, detail is not None, now, detail or "") for code, detail in found.items()]
        return any(changed)

    def _doubted(self, now: float, *, blind: bool, deaf: bool) -> dict[DoubtCode, str | None]:
        seen = self.seen(now, blind=blind, deaf=deaf)
        with self._lock:
            rates = self._rates(now)
            failed = [name for name, reading in (("gaze", seen.gaze), ("people", seen.persons), ("sound", seen.audio)) if _failed(reading)]
            blank = seen.gaze is not None and seen.gaze.reason in BLANK
            loop = None if blank or blind else "" if self._same else None if self._loop is None else f"every {self._loop:g} s"
            found, denied = self._focus.doubts(now), self._denied
        if not self._leaving_counts:  # the exam is elsewhere, and so is its student
            found["out_of_sight"] = found["unfocused"] = None
        found["not_read"] = "" if seen.gaze is None and seen.unread == "not_read" else None
        found["sound_not_read"] = "" if seen.audio is None and seen.unheard == "not_read" else None
        found["detector_failed"] = ", ".join(failed) or None
        found["still_denied"] = "" if denied and not blind else None
        found["same_pictures"] = loop if loop != "" else "the same to the last bit"
        if rates is not None and not blind:
            few, lags = rates.pictures < HALF * self._wanted, self.is_behind(rates)
            found["read_seldom"] = f"{rates.read:.1f} of {self._wanted:g} a second" if lags and rates.read else None
            found["pictures_seldom"] = f"{rates.pictures:.1f} a second" if few and rates.pictures and not lags else None
        if rates is not None and not deaf and rates.sound_came > HALF and rates.sound_read < HALF * rates.sound_came:
            found["sound_not_read"] = ""
        return found

    def reading_rate(self, now: float) -> tuple[float, bool] | None:
        """How often pictures are read a second, and whether that is too seldom for what comes; None where none come, or too newly to tell."""
        rates = self.rates(now)
        return None if rates is None or not rates.pictures else (round(rates.read, 3), self.is_behind(rates))

    def is_behind(self, rates: Rates) -> bool:
        """Does the server read less than half of what is wanted, of pictures that did come?"""
        return rates.read < HALF * self._wanted and rates.read < LINE_SHARE * min(rates.pictures, self._wanted)

    def unread_seconds(self, now: float, *, blind: bool, deaf: bool, unshown: bool) -> dict[str, float]:
        """Seconds since the last asking in which nothing was seen, heard or shown, by the reasons that check records have."""
        passed, self._ticked_at = max(0.0, min(now - self._ticked_at, OLD_S)), now
        seen = self.seen(now, blind=blind, deaf=deaf)
        found: dict[str, float] = {}
        if seen.gaze is None and seen.unread != "starting":
            found |= {seen.unread: passed, f"persons: {seen.unread}": passed}
        if seen.audio is None and seen.unheard != "starting":
            found[f"sound: {seen.unheard}"] = passed
        if unshown:
            found["screen: lost"] = passed
        return found


def _failed(reading: GazeReading | PersonsReading | AudioReading | None) -> bool:
    return reading is not None and reading.reason == "error"
