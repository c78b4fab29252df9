"""The states of one session's devices: as their sources tell them, and as their silence does."""

from __future__ import annotations

import math
import threading
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from basics.readings import DeviceName, DeviceStateName

GONE = frozenset({"missing", "lost", "denied", "ended", "off"})  # of a device in such a state the last reading says nothing of now
SENDING = frozenset({"ok", "frozen", "covered"})  # in such a state something comes
EXPECTED = SENDING | {None, "starting"}  # in such a state something is to come from a device that is asked for
NOTHING = "nothing_comes"
NOT_ASKED = "not_asked"  # why a device is off without which the exam goes on as well
SOUNDLESS_S = 8.0  # zeros for so long are no room: a track that has ended, or a muted microphone. A noise gate opens sooner where somebody sits


@dataclass(frozen=True, slots=True)
class DeviceState:
    """`since` is UTC."""

    state: DeviceStateName
    reason: str
    since: datetime

    def to_dict(self) -> dict[str, Any]:
        """As it is stored and answered."""
        return asdict(self)


class DeviceStates:
    """What each device is, and when it last sent something (seconds on the session's clock). Safe between threads."""

    def __init__(self) -> None:
        self._states: dict[str, DeviceState] = {}
        self._last_in: dict[DeviceName, float] = {}
        self._heard_at: float | None = None  # when there was sound in what the microphone sent
        self._unheard: set[str] = set()  # said to be lost by us, for nothing came; their sources believe that they are well
        self._labels: dict[str, str] = {}
        self._worked: set[str] = set()  # something came from them in this session
        self._owes: set[str] = set()  # were given time once more, and nothing came since
        self._lock = threading.Lock()

    def set(self, device: DeviceName, state: DeviceStateName, reason: str, since: datetime) -> bool:
        """Take what is seen here of a device. False when it is known already."""
        with self._lock:
            (self._unheard.add if reason == NOTHING else self._unheard.discard)(device)
            return self._set(device, state, reason, since)

    def tell(self, device: DeviceName, state: DeviceStateName, reason: str, since: datetime, now: float) -> bool:
        """Take what a device's own source says of it, which holds until the source says otherwise. False when nothing changes by it.

        Of one that gives nothing its source's "ok" is not believed until something comes.
        """
        with self._lock:
            known = self._states.get(device)
            if state in {"ok", "starting"}:
                if device in self._unheard:
                    return False
                if known is not None and known.state in GONE and device not in self._owes:
                    self._expect(device, now)
                    self._owes.add(device)
            else:
                self._unheard.discard(device)
            if device == "screen" and state == "ok":
                self._last_in.setdefault(device, now)
            return self._set(device, state, reason, since)

    def _set(self, device: DeviceName, state: DeviceStateName, reason: str, since: datetime) -> bool:
        known = self._states.get(device)
        if known is not None and (known.state, known.reason) == (state, reason):
            return False
        self._states[device] = DeviceState(state, reason, since)
        return True

    def label(self, device: DeviceName, label: str) -> bool:
        """Take the name that the student's system gives a device. False when it is known already."""
        with self._lock:
            known, self._labels[device] = self._labels.get(device, ""), label
            return known != label

    def state(self, device: DeviceName) -> DeviceStateName | None:
        """Its state; None while nothing is known of it."""
        known = self._states.get(device)
        return known.state if known is not None else None

    def all(self) -> Mapping[str, DeviceState]:
        """Every device that is known, as it is now."""
        with self._lock:
            return dict(self._states)

    def documents(self) -> dict[str, dict[str, Any]]:
        """For storage and answers: whether it has `worked` in this session, and its `label` where one is known."""
        labels, worked = dict(self._labels), set(self._worked)
        return {
            name: state.to_dict() | {"worked": name in worked} | ({"label": labels[name]} if labels.get(name) else {})
            for name, state in self.all().items()
        }

    def take_up(self, stored: Mapping[str, Any]) -> None:
        """Take up what was stored of the devices before the server stopped: which have worked, and what they are called."""
        with self._lock:
            self._worked = {name for name, device in stored.items() if device.get("worked")}
            self._labels = {name: device["label"] for name, device in stored.items() if device.get("label")}

    def expect(self, devices: Iterable[DeviceName], now: float) -> None:
        """Something is to come from these from now on, whether or not their source says that they are there."""
        with self._lock:
            for device in devices:
                self._expect(device, now)

    def _expect(self, device: DeviceName, now: float) -> None:
        self._last_in[device] = now
        if device == "microphone":
            self._heard_at = now

    def came(self, device: DeviceName, now: float, *, sounds: bool = True) -> bool:
        """Something came from a device; `sounds=False`: a microphone's zeros. True where it works again that was said to give nothing."""
        with self._lock:
            self._last_in[device] = now
            self._worked.add(device)
            self._owes.discard(device)
            if device == "microphone":
                if sounds or self._heard_at is None:
                    self._heard_at = now
                if not sounds and device in self._unheard:
                    return False
            known = self._states.get(device)
            return known is None or known.state == "starting" or device in self._unheard

    def silent(self, now: float, limits: Mapping[DeviceName, float]) -> list[DeviceName]:
        """The devices that are to send, and have sent nothing for more than their limit in seconds."""
        with self._lock:
            return [device for device in self._last_in if self._is_silent(device, now, limits.get(device, math.inf))]

    def _is_silent(self, device: DeviceName, now: float, limit: float) -> bool:
        known = self._states.get(device)
        if (known.state if known is not None else None) not in EXPECTED:
            return False
        heard_at = self._heard_at if device == "microphone" else None
        return now - self._last_in[device] > limit or (heard_at is not None and now - heard_at > max(limit, SOUNDLESS_S))

    @property
    def unheard(self) -> frozenset[str]:
        """The devices of which nothing comes although nobody says why."""
        return frozenset(self._unheard)

    def forgive(self, now: float) -> None:
        """Nothing was asked of the devices until now: their silence before counts for nothing."""
        with self._lock:
            for device in self._last_in:
                self._expect(device, now)

    def are_gone(self, *devices: str) -> bool:
        """Is any of these in a state in which its last reading says nothing of now?"""
        with self._lock:
            return any(name in self._states and self._states[name].state in GONE for name in devices)
