"""One session's devices and what is seen of its student: what the sources say, what really comes, and who is told of it."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from basics.readings import SAMPLE_RATE, AudioReading, DeviceName, DeviceStateName, Frame, ScreenAct, Sound
from sessions import events as told
from sessions.analysis import PictureReadings
from sessions.device_states import GONE, NOT_ASKED, NOTHING, DeviceStates
from sessions.documents import Documents
from sessions.events import Events
from sessions.failures import Failures
from sessions.notices import Notices
from sessions.oversight import Oversight, Seen
from sessions.seb_seen import SebSeen
from sessions.student_links import ended_in, made_in
from sessions.unwatched import UnwatchedSince, why
from settings.settings import Settings

if TYPE_CHECKING:
    from sessions.session import ExamSession

log = logging.getLogger(__name__)

SCREEN_SILENT_S = 60.0  # a page sends a still every 5 s, and none where its line is slow
NOISE = 1  # the loudest sample of a microphone that gives nothing, as a lossy codec leaves it
CONNECTIONS_KEPT = 50


class Watch:
    """Belongs to one session. Safe between threads."""

    def __init__(self, session: ExamSession, settings: Settings, store: Documents, events: Events, notices: Notices, failures: Failures) -> None:
        self.seen_of = Oversight(settings)
        self._session = session
        self._devices = DeviceStates()
        self.unwatched = UnwatchedSince()
        self._notices = notices
        self._store = store
        self._events = events
        self._failures = failures
        self._required: tuple[DeviceName, ...] = ("screen",) if settings.screen_capture == "required" else ()
        silent = settings.device_silent_s
        self._limits: Mapping[DeviceName, float] = {"camera": silent, "microphone": silent, "screen": SCREEN_SILENT_S}
        self._connections: list[dict[str, Any]] = []
        self.page_clocks: list[dict[str, Any]] = []
        self.seb = SebSeen(store)
        self._not_asked: frozenset[DeviceName] = frozenset()
        self._links_made = self._links_ended = 0  # here beside the first, and from other servers

    # What the sources say

    def device_state(self, device: DeviceName, state: DeviceStateName, reason: str = "") -> None:
        """A device's state, as its source sees it; it holds until the source says otherwise."""
        now = self._session.clock()
        before = self._devices.state(device)
        state, reason = self._as_asked(device, state, reason)
        if self._devices.tell(device, state, reason, self._session.wall(now), now):
            self._changed(device, state, reason)
            if device == "connection" and state != before:  # a page that only takes another's place brings no new time to send something
                self._connected(state == "ok", now)

    def _set(self, device: DeviceName, state: DeviceStateName, reason: str = "") -> None:
        """A device's state, as it is seen here."""
        state, reason = self._as_asked(device, state, reason)
        if self._devices.set(device, state, reason, self._session.wall(self._session.clock())):
            self._changed(device, state, reason)

    def _as_asked(self, device: DeviceName, state: DeviceStateName, reason: str) -> tuple[DeviceStateName, str]:
        """Of one that is not asked for nothing is wrong: it is off."""
        return ("off", NOT_ASKED) if device in self._not_asked and state not in {"ok", "starting"} else (state, reason)

    def not_ask(self, devices: frozenset[DeviceName]) -> None:
        """From now on these are not asked for. One that is asked for again is to send something."""
        before, self._not_asked = self._not_asked, devices
        self._notices.not_asked = devices
        now, states = self._session.clock(), self._devices.all()
        for device in devices - before:
            if device in states:
                self._set(device, states[device].state, states[device].reason)
        for device in before - devices:
            if device in states and states[device].reason == NOT_ASKED:
                self._set(device, "starting")
                self._devices.expect((device,), now)

    def _changed(self, device: DeviceName, state: DeviceStateName, reason: str) -> None:
        level = logging.INFO if state in {"ok", "off", "starting"} else logging.WARNING
        log.log(level, "%s: %s%s", device, state, f" ({reason})" if reason else "", extra={"session_id": self._session.session_id})
        self._store.session(devices=self._devices.documents())
        self._events.publish(told.DeviceChanged(self._session, device, state, reason))

    def _connected(self, there: bool, now: float) -> None:
        """The student's page came: pictures and sound are to come with it, whatever it says of its devices."""
        if there:
            asked: tuple[DeviceName, ...] = ("camera", "microphone", *self._required)
            self._devices.expect([device for device in asked if device not in self._not_asked], now)
            self.seen_of.begin(now, page=True)
        else:
            self.seen_of.stop(now)

    def page_says(self, hidden: bool, camera: str, focused: bool | None) -> None:
        """The student's page says how it is, and what its camera is called."""
        self.seen_of.page_says(hidden, self._session.clock(), focused)
        if camera:
            self._session.pictures.camera_named(camera)
        if camera and self._devices.label("camera", camera):
            self.seen_of.camera_named(camera)
            self._store.session(devices=self._devices.documents())

    def came_from(self, address: str, browser: str) -> None:
        """The student's page connects from this address, with this browser."""
        now = self._session.clock()
        self.seen_of.came_from(address, browser, now)
        newest = self._connections[-1] if self._connections else {}
        if (newest.get("address"), newest.get("browser")) != (address, browser):
            self._connections = [*self._connections, {"at": round(now, 1), "address": address, "browser": browser}][-CONNECTIONS_KEPT:]
            self._store.session(connections=self._connections)

    def keep_clocks(self, clocks: list[dict[str, Any]]) -> None:
        """By what clocks the student's pages tell their times."""
        if clocks != self.page_clocks:
            self.page_clocks = clocks
            self._store.session(page_clocks=clocks)

    @property
    def link_number(self) -> int:
        """Of the newest link that was made for its student; those before are over."""
        return self._links_made + self._links_ended

    def end_links(self) -> None:
        """Another link is made for the student: those before are over."""
        self._links_made += 1
        self._store.session(link_number=self._links_made, nonce="")

    def links_ended_elsewhere(self, count: int) -> bool:
        """Other servers have ended so many links in all. False where that was known."""
        before, self._links_ended = self._links_ended, max(self._links_ended, count)
        return self._links_ended > before

    def take_up(self, document: Mapping[str, Any], acts: Iterable[Mapping[str, Any]], until: float) -> None:
        """Take up what was stored of it before the server stopped, at `until` or soon after."""
        self.seen_of.take_acts(ScreenAct(str(act["_id"]), act["at"], act["kind"]) for act in acts)
        self.seen_of.doubts.take_up(document.get("doubts") or [], until)
        self._links_made, self._links_ended = made_in(document), ended_in(document)
        self.page_clocks = list(document.get("page_clocks") or [])
        self.seb.take_up(document)
        self._connections = list(document.get("connections") or [])
        if self._connections:
            newest = self._connections[-1]
            self.seen_of.came_from(newest["address"], newest["browser"], newest["at"])
        devices = document.get("devices") or {}
        self._devices.take_up(devices)
        if label := (devices.get("camera") or {}).get("label"):
            self.seen_of.camera_named(label)

    # What comes

    def picture_came(self, frame: Frame) -> None:
        """A picture came in."""
        now = self._session.clock()
        self.seen_of.picture_came(frame, now)
        if self._devices.came("camera", now):
            self._set("camera", "ok")

    def sound_came(self, sound: Sound) -> None:
        """Sound came in; nothing but zeros is none."""
        now = self._session.clock()
        self.seen_of.sound_came(len(sound.samples) / SAMPLE_RATE, now)
        sounds = int(sound.samples.max()) > NOISE or int(sound.samples.min()) < -NOISE
        if self._devices.came("microphone", now, sounds=sounds):
            self._set("microphone", "ok")

    def still_came(self) -> None:
        """A still of the shared screen came in."""
        if self._devices.came("screen", self._session.clock()):
            self._set("screen", "ok")

    def see(self, readings: PictureReadings) -> None:
        """Take what one picture gave."""
        self.seen_of.take_picture(readings, self._session.clock())
        state = self._devices.state("camera")
        if state in GONE or "camera" in self._not_asked:  # what waited was read after it was gone
            return
        if self._notices.covered:
            self._set("camera", "covered")
        elif readings.frozen:
            self._set("camera", "frozen")
        elif state in {"frozen", "covered"}:
            self._set("camera", "ok")

    def hear(self, reading: AudioReading) -> None:
        """Take what was heard. Speech is a reason to look closely."""
        now = self._session.clock()
        self.seen_of.take_sound(reading, now)
        if reading.speech:
            self._session.pictures.pace.wake(now)

    def acts_came(self, acts: Sequence[ScreenAct]) -> None:
        """Take screen acts. They are a reason to look closely."""
        self.seen_of.take_acts(acts)
        self._session.pictures.pace.wake(self._session.clock())

    def failed(self, error: Exception) -> None:
        """What was read could not be taken: count and log it."""
        self._failures.note("scoring", error, self._session.session_id)

    def close(self) -> None:
        """The session is over, and nothing of it is read any more."""
        self._failures.forget(self._session.session_id)

    def reading_rate(self) -> tuple[float, bool] | None:
        """How often pictures are read a second, and whether that is too seldom for what comes; None where none come, or too newly to tell."""
        return self.seen_of.reading_rate(self._session.clock())

    # As time goes on

    def forgive(self, at: float) -> None:
        """A break is over: nothing was asked for in it."""
        self._devices.forgive(at)
        self.seen_of.begin(at, page=self._session.source == "browser" and not self._devices.are_gone("connection"))

    def tick(self, now: float) -> bool:
        """Notice what gives nothing, and what is doubted at `now`. True where what the student is told has changed."""
        quiet = self._session.on_break or (self._session.source == "browser" and self._devices.state("connection") != "ok")
        if quiet:
            self.seen_of.stop(now)
        if not self._session.on_break:  # in a break no device is asked
            for device in self._devices.silent(now, self._limits):
                self._set(device, "lost", NOTHING)
        seen, heard = "camera" not in self._not_asked, "microphone" not in self._not_asked
        if self._session.on_break:
            self.unwatched.forget()
        else:
            states = {name: (one.state, one.reason) for name, one in self._devices.all().items()}
            self.unwatched.take(why(states, self.seen(now), by_camera=seen), now)
        blind, deaf = self._blind or not seen, self._deaf or not heard
        if self.seen_of.look(now, blind=blind, deaf=deaf, unshown="screen" in self._devices.unheard, quiet=quiet, by_camera=seen):
            self._store.session(doubts=self.seen_of.doubts.documents())
            self._events.publish(told.Updated(self._session))
        return self._notices.miss(() if quiet else self._devices.unheard)

    def unseen(self, now: float) -> dict[str, float]:
        """Seconds since the last asking in which there was nothing to read, by why."""
        found = self.seen_of.unread_seconds(now, blind=self._blind, deaf=self._deaf, unshown=self._devices.are_gone("screen"))
        return {why: seconds for why, seconds in found.items() if _device_of(why) not in self._not_asked}

    def end(self, now: float) -> None:
        """The session has ended."""
        self.seen_of.doubts.end(now)
        if doubts := self.seen_of.doubts.documents():
            self._store.session(doubts=doubts)

    # What others see

    @property
    def _blind(self) -> bool:
        return self._devices.are_gone("camera", "connection")

    @property
    def _deaf(self) -> bool:
        return self._devices.are_gone("microphone", "connection")

    def seen(self, now: float) -> Seen:
        """The newest readings that still say something of now."""
        return self.seen_of.seen(now, blind=self._blind, deaf=self._deaf)

    def devices(self) -> Mapping[str, dict[str, Any]]:
        """Every device, as it is answered."""
        return self._devices.documents()


def _device_of(why: str) -> DeviceName:
    """The device that gave nothing, by the reason of a check record."""
    return "microphone" if why.startswith("sound: ") else "screen" if why.startswith("screen: ") else "camera"
