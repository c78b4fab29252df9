"""Which devices an exam asks for: one none of whose signals has points may be missing, and nothing is made of it. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from basics.readings import DeviceName
from basics.signals import ViolationKind

SIGNALS_OF: Mapping[DeviceName, tuple[ViolationKind, ...]] = MappingProxyType(
    {"camera": ("gaze_distracted", "no_face", "multiple_faces", "prohibited_object"), "microphone": ("speech", "multiple_voices")}
)


def not_asked(points: Mapping[ViolationKind, int]) -> tuple[DeviceName, ...]:
    """The devices that are not asked for under these points."""
    return tuple(device for device, kinds in SIGNALS_OF.items() if not any(points.get(kind) for kind in kinds))
