"""The rules in force for one session: the published weights and limits, as they are stored with it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from basics.signals import VIOLATION_KINDS, ViolationKind
from basics.stored_fields import Check, is_switch, number, read_fields, whole
from settings.rules import RuleSettings

STORED_POINTS: Check = whole(0)
STORED: Mapping[str, Check] = {
    "points": lambda value: isinstance(value, Mapping),
    "interval_duration": number(1),
    **dict.fromkeys(("flag_threshold", "looks_min", "looks_end", "looks_speak_for"), whole(1)),
    **dict.fromkeys(("gaze_min_s", "absent_min_s", "persons_min_s", "speech_min_s", "voices_min_s", "blink_max_s", "face_interval_s"), number(0)),
    **dict.fromkeys(("gaze_gap_s", "voices_gap_s", "unknown_max_s", "credit_max_s", "act_together_s", "blur_min_s"), number(0)),
    "looking_down_counts": is_switch,
}


@dataclass(frozen=True, slots=True)
class Rules:
    """The rules in force for one session. Durations in seconds. The defaults are those of the settings of the same names."""

    points: Mapping[ViolationKind, int]
    interval_duration: float = 30.0
    flag_threshold: int = 10
    gaze_min_s: float = 2.0
    absent_min_s: float = 3.0
    persons_min_s: float = 1.0
    speech_min_s: float = 1.0
    voices_min_s: float = 2.0
    blink_max_s: float = 0.8
    eyes_closed_s: float = 5.0
    eyes_lowered_deg: float = 6.0
    face_interval_s: float = 2.0
    gaze_gap_s: float = 0.5
    voices_gap_s: float = 3.0
    unknown_max_s: float = 3.0
    credit_max_s: float = 1.0
    looks_min: int = 2
    looks_end: int = 2
    looks_speak_for: int = 3
    act_together_s: float = 1.0
    blur_min_s: float = 1.0
    looking_down_counts: bool = True  # not where notes on paper are allowed

    @classmethod
    def from_settings(cls, settings: RuleSettings) -> Rules:
        """The rules of `settings`."""
        names = [name for name in cls.__dataclass_fields__ if name not in {"points", "looking_down_counts"}]
        return cls(points=settings.points(), **{name: getattr(settings, name) for name in names})

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> Rules:
        """The rules as `to_dict` gave them; kinds that are not named count 0, names that are unknown are ignored.

        Rules that a session stored by an older version does not name have their defaults: the numbers that were in force then.
        """
        known = {name: document[name] for name in cls.__dataclass_fields__ if name in document}
        points: Mapping[str, int] = known.pop("points", {})
        return cls(points={kind: int(points.get(kind, 0)) for kind in VIOLATION_KINDS}, **known)

    @classmethod
    def from_stored(cls, document: Any) -> tuple[Rules, tuple[str, ...]]:
        """The rules of a stored session as far as they can be read, and the names of what can't: that has its default, and a kind counts nothing."""
        fields, wrong = read_fields(document if isinstance(document, Mapping) else {}, STORED)
        given = fields.pop("points", {})
        points = {kind: given[kind] for kind in VIOLATION_KINDS if kind in given and STORED_POINTS(given[kind])}
        known = [kind for kind in VIOLATION_KINDS if kind in given]
        return cls.from_dict({**fields, "points": points}), (*wrong, *(["points"] if len(points) < len(known) or not given else []))

    def to_dict(self) -> dict[str, Any]:
        """The rules as they are stored with a session."""
        return asdict(self) | {"points": dict(self.points)}

    def index(self, at: float) -> int:
        """The number of the interval that holds `at`."""
        return max(0, math.floor(at / self.interval_duration))
