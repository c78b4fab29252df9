"""Local stations: each a camera and a microphone, opened with the first listener and closed with the last, so that the camera's light says the truth.

The keyboard and clipboard of this machine belong to the station `default`.
"""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from basics.errors import NotFound
from basics.readings import DeviceName, DeviceStateName, Frame, ScreenAct, Sound
from basics.texts import _
from basics.times import iso_time, utc_now
from devices import camera, microphone
from devices.camera import CameraReader
from devices.microphone import MicrophoneReader
from devices.reader import Clock, DeviceReader, StartLine
from screenmonitor import ScreenHooks
from settings.settings import Settings

logger = logging.getLogger(__name__)

DEFAULT = "default"  # the station this machine's keyboard belongs to
DEVICES: tuple[DeviceName, ...] = ("camera", "microphone", "screen")
WATCH_S = 0.5  # s between looks for readers that hang
CLOSE_S = 5.0  # s that close() waits for all threads together
OFF = "none"  # the camera or microphone of a station that has none


class StationListener(Protocol):
    """Who is told. Calls come from the readers' threads, and one may still be under way when `detach` returns; `at` is on the stations' clock."""

    def take_frame(self, frame: Frame) -> None: ...
    def take_sound(self, sound: Sound) -> None: ...
    def take_acts(self, acts: list[ScreenAct]) -> None: ...
    def device_state(self, device: DeviceName, state: DeviceStateName, reason: str) -> None: ...


@dataclass(frozen=True, slots=True)
class DeviceState:
    """How a device is, with the reason, and since when."""

    state: DeviceStateName
    reason: str
    since: datetime


_Note = tuple["Station", tuple[StationListener, ...], DeviceName, DeviceState]


class Stations:
    """All local stations of this server. Thread-safe; `close` ends every thread."""

    def __init__(self, settings: Settings, clock: Clock = time.monotonic) -> None:
        self._notes: queue.SimpleQueue[_Note | None] = queue.SimpleQueue()
        self._stations = {
            name: Station(name, specs["camera"], specs["microphone"], settings, clock, self._notes.put)
            for name, specs in settings.all_stations().items()
        }
        self._lock = threading.Lock()  # guards _watcher and _closed
        self._watcher: threading.Thread | None = None
        self._closed = False

    def names(self) -> list[str]:
        """The names of the stations, `default` first."""
        return list(self._stations)

    def attach(self, name: str, listener: StationListener) -> None:
        """Give `listener` what the station sees and hears from now on; its devices' states are told before this returns, changes later.

        Opens the devices when it is the first listener, without waiting for them. Raise `NotFound` for an unknown name.
        """
        station = self._station(name)
        with self._lock:
            if self._closed:
                raise NotFound(_("station %(name)s is closed: the server is ending", name=repr(name)))
            if self._watcher is None:
                self._watcher = threading.Thread(target=self._watch, name="stations-watch", daemon=True)
                self._watcher.start()
        station.attach(listener)

    def detach(self, name: str, listener: StationListener) -> None:
        """Give `listener` nothing more; the devices are let go with the last one. Nothing happens when it isn't attached."""
        self._station(name).detach(listener)

    def states(self) -> dict[str, dict[str, dict[str, str]]]:
        """For health: station → device → `{state, reason, since}`; `since` is UTC in ISO 8601."""
        return {name: station.shown_states() for name, station in self._stations.items()}

    def close(self) -> None:
        """Let go of every device and end the threads; one that hangs in its driver is left behind after `CLOSE_S` and said so."""
        with self._lock:
            self._closed = True
            watcher, self._watcher = self._watcher, None
        threads = [thread for station in self._stations.values() for thread in station.close()]
        self._notes.put(None)
        if watcher:
            threads.append(watcher)
        end = time.monotonic() + CLOSE_S
        for thread in threads:
            thread.join(max(0.0, end - time.monotonic()))
            if thread.is_alive():
                logger.warning("Thread %s hangs in its driver and was left behind", thread.name)

    def _station(self, name: str) -> Station:
        station = self._stations.get(name)
        if station is None:
            raise NotFound(
                _("there is no station %(name)s; there are %(stations)s", name=repr(name), stations=", ".join(self._stations)), field="station"
            )
        return station

    def _watch(self) -> None:
        """Tell listeners of changes, one after the other and in order, and look for readers that hang."""
        looked = time.monotonic()
        while True:
            try:
                note = self._notes.get(timeout=WATCH_S)
                if note is None:
                    return
                station, listeners, device, state = note
                station.tell(listeners, device, state)
            except queue.Empty:
                pass
            if time.monotonic() - looked >= WATCH_S:
                looked = time.monotonic()
                for station in self._stations.values():
                    station.watch()


class Station:
    """One camera and one microphone with their listeners; the station `default` has the screen too."""

    def __init__(self, name: str, camera_spec: str, microphone_spec: str, settings: Settings, clock: Clock, post: Callable[[_Note], None]) -> None:
        self.name = name
        self._specs = {"camera": camera_spec, "microphone": microphone_spec}
        self._settings = settings
        self._clock = clock
        self._post = post
        self._hooks = ScreenHooks(settings.device_retry_s, clock) if name == DEFAULT and settings.screen_hooks else None
        self._change = threading.Lock()  # held while readers are started and stopped, which takes no time
        self._readers: list[DeviceReader[Any]] = []
        self._former: list[DeviceReader[Any]] = []  # stopped, perhaps still letting go of the device
        self._lock = threading.Lock()  # guards the fields below
        self._listeners: tuple[StationListener, ...] = ()
        self._blamed: set[tuple[int, str]] = set()  # listener and method whose failure was logged
        self._states = {device: self._idle(device) for device in DEVICES}

    def attach(self, listener: StationListener) -> None:
        with self._change, self._lock:
            told = {device: self._coming(device, state) for device, state in self._states.items()}
        for device, state in told.items():
            self._call(listener, "device_state", device, state.state, state.reason)
        with self._change:
            with self._lock:
                if any(known is listener for known in self._listeners):
                    return
                first = not self._listeners
                if first:
                    self._states = {device: self._coming(device, state) for device, state in self._states.items()}
                self._listeners += (listener,)
                for device, state in self._states.items():
                    if (state.state, state.reason) != (told[device].state, told[device].reason):
                        self._post((self, (listener,), device, state))
            if first:
                self._open()

    def detach(self, listener: StationListener) -> None:
        with self._change:
            with self._lock:
                left = tuple(known for known in self._listeners if known is not listener)
                last = bool(self._listeners) and not left
                self._listeners = left
                self._blamed = {key for key in self._blamed if key[0] != id(listener)}
            if last:
                self._let_go()

    def close(self) -> list[threading.Thread]:
        """Let go of everything; the threads that are still to end."""
        with self._change:
            with self._lock:
                self._listeners = ()
            self._let_go()
            return [thread for reader in self._former for thread in reader.threads()] + (self._hooks.threads() if self._hooks else [])

    def watch(self) -> None:
        with self._change:
            readers = list(self._readers)
        for reader in readers:
            reader.watch()
        if self._hooks:
            self._hooks.watch()

    def tell(self, listeners: tuple[StationListener, ...], device: DeviceName, state: DeviceState) -> None:
        """Tell these listeners of a state, those that are still attached."""
        for listener in listeners:
            if any(known is listener for known in self._listeners):
                self._call(listener, "device_state", device, state.state, state.reason)

    def shown_states(self) -> dict[str, dict[str, str]]:
        with self._lock:
            states = dict(self._states)
        return {name: {"state": s.state, "reason": s.reason, "since": iso_time(s.since)} for name, s in states.items()}

    def _open(self) -> None:
        """Start the readers. Files start their clocks together, so that footage stays aligned."""
        files = [
            tell(self._specs[name]) for name, tell in (("camera", camera.is_file), ("microphone", microphone.is_file)) if self._specs[name] != OFF
        ]
        line = StartLine(sum(files), self._clock)
        former = [thread for reader in self._former for thread in reader.threads()]
        self._former = []
        retry_s, clock = self._settings.device_retry_s, self._clock
        if self._specs["camera"] != OFF:
            fps = self._settings.video_fps
            self._readers.append(
                CameraReader(
                    self._specs["camera"], fps=fps, retry_s=retry_s, clock=clock, start_line=line, on_frame=self._frame, on_state=self._changed
                )
            )
        if self._specs["microphone"] != OFF:
            self._readers.append(
                MicrophoneReader(
                    self._specs["microphone"], retry_s=retry_s, clock=clock, start_line=line, on_sound=self._sound, on_state=self._changed
                )
            )
        for reader in self._readers:
            reader.start(former)
        if self._hooks:
            self._hooks.start(self._acts, lambda state, reason: self._changed("screen", state, reason))

    def _let_go(self) -> None:
        for reader in self._readers:
            reader.stop()
        self._former += self._readers
        self._readers = []
        if self._hooks:
            self._hooks.stop()
        with self._lock:
            self._states = {device: self._idle(device) for device in DEVICES}

    def _idle(self, device: DeviceName) -> DeviceState:
        """The state of a device nobody listens to."""
        reason = "not in use"
        if device == "screen" and self._hooks is None:
            reason = "SCREEN_HOOKS is off" if self.name == DEFAULT else f"the keyboard belongs to the station {DEFAULT!r}"
        elif self._specs.get(device) == OFF:
            reason = f"the station has no {device}"
        return DeviceState("off", reason, utc_now())

    def _coming(self, device: DeviceName, state: DeviceState) -> DeviceState:
        """The state a listener is told who is about to have the devices opened."""
        return DeviceState("starting", "", utc_now()) if state.state == "off" and state.reason == "not in use" else state

    def _frame(self, frame: Frame) -> None:
        for listener in self._listeners:
            self._call(listener, "take_frame", frame)

    def _sound(self, sound: Sound) -> None:
        for listener in self._listeners:
            self._call(listener, "take_sound", sound)

    def _acts(self, acts: list[ScreenAct]) -> None:
        for listener in self._listeners:
            self._call(listener, "take_acts", acts)

    def _changed(self, device: DeviceName, state: DeviceStateName, reason: str) -> None:
        """A reader's state changed; the listeners are told by the watch thread, in order."""
        with self._lock:
            known = self._states[device]
            if not self._listeners or (known.state, known.reason) == (state, reason):
                return  # a reader's last word after everybody left; or what the listeners were told at their coming
            self._states[device] = DeviceState(state, reason, utc_now())
            self._post((self, self._listeners, device, self._states[device]))

    def _call(self, listener: StationListener, method: str, *values: object) -> None:
        """Call one listener. What it raises must not harm the others; it is logged once for each method."""
        try:
            getattr(listener, method)(*values)
        except Exception:
            with self._lock:
                known = (id(listener), method) in self._blamed
                self._blamed.add((id(listener), method))
            if not known:
                logger.exception("A listener of station %s failed in %s; it is called on", self.name, method)
