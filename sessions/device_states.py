"""The states of one session's devices: as their sources tell them, and as their silence does."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from basics.readings import DeviceName, DeviceStateName

GONE = frozenset({"missing", "lost", "denied", "ended", "off"})  # of a device in such a state the last reading says nothing of now
SENDING = frozenset({"ok", "frozen", "covered"})  # in such a state something comes


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
        self._lock = threading.Lock()

    def set(self, device: DeviceName, state: DeviceStateName, reason: str, since: datetime) -> bool:
        """Take a device's state. False when it is known already."""
        with self._lock:
            known = self._states.get(device)
            if known is not None and (known.state, known.reason) == (state, reason):
                return False
            self._states[device] = DeviceState(state, reason, since)
            return True

    def state(self, device: DeviceName) -> DeviceStateName | None:
        """Its state; None while nothing is known of it."""
        known = self._states.get(device)
        return known.state if known is not None else None

    def all(self) -> Mapping[str, DeviceState]:
        """Every device that is known, as it is now."""
        with self._lock:
            return dict(self._states)

    def documents(self) -> dict[str, dict[str, Any]]:
        """For storage."""
        return {name: state.to_dict() for name, state in self.all().items()}

    def came(self, device: DeviceName, now: float) -> bool:
        """Something came from a device. True where its state says otherwise: it works again."""
        with self._lock:
            self._last_in[device] = now
        state = self.state(device)
        return state != "ok" and not (device == "camera" and state in {"frozen", "covered"})

    def silent(self, now: float, longest: float) -> list[DeviceName]:
        """The devices that did send, and have sent nothing for more than `longest` seconds."""
        with self._lock:
            quiet = [device for device, last in self._last_in.items() if now - last > longest]
            return [device for device in quiet if device in self._states and self._states[device].state in SENDING]

    def forgive(self, now: float) -> None:
        """Nothing was asked of the devices until now: their silence before counts for nothing."""
        with self._lock:
            self._last_in = dict.fromkeys(self._last_in, now)

    def are_gone(self, *devices: str) -> bool:
        """Is any of these in a state in which its last reading says nothing of now?"""
        with self._lock:
            return any(name in self._states and self._states[name].state in GONE for name in devices)
