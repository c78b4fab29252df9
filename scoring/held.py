"""What was different for a session's student from when on: each accommodation that was set, changed or removed while the exam ran."""

from __future__ import annotations

import logging
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from basics.signals import VIOLATION_KINDS, ViolationKind
from scoring.accommodations import Accommodation
from scoring.weights import Reweighing

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Held:
    """What held from `at` on, in seconds on the session's clock: the accommodation (None: none), the points it came to, and who set or removed it."""

    at: float
    wall: datetime
    by: str
    accommodation: Accommodation | None
    points: Mapping[ViolationKind, int]

    def to_dict(self) -> dict[str, Any]:
        """As it is stored with its session."""
        applied = self.accommodation.to_record() if self.accommodation else None
        return {"at_s": self.at, "from": self.wall, "by": self.by, "accommodation": applied, "points": dict(self.points)}

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> Held:
        """As `to_dict` gave it. Raise an error of its fields for one that was damaged."""
        at, applied, points = float(document["at_s"]), document["accommodation"], document["points"]
        if not (math.isfinite(at) and at >= 0):
            raise ValueError(f"at_s={at} is no time of a session")
        if not isinstance(document["from"], datetime):
            raise TypeError(f"from={document['from']!r} is no time")
        weighed = {kind: int(points.get(kind, 0)) for kind in VIOLATION_KINDS}
        return cls(at, document["from"], str(document["by"]), Accommodation.from_record(applied) if applied else None, weighed)


def history_of(session: Mapping[str, Any]) -> tuple[Held, ...]:
    """What held in a stored session, the first from its beginning; empty where nothing changed while it ran. What can't be read is left out."""
    found, stored = [], session.get("accommodations")
    for one in stored if isinstance(stored, Sequence) and not isinstance(stored, str) else ():
        try:
            found.append(Held.from_dict(one))
        except (AttributeError, KeyError, OverflowError, TypeError, ValueError):
            log.exception("what was different from some moment on can't be read, and is left out")
    return tuple(found)


def applied_in(session: Mapping[str, Any]) -> Accommodation | None:
    """The accommodation that holds in a stored session, or held at its end. Of one that can't be read, as what changed says it; else None."""
    stored = session.get("accommodation")
    try:
        return Accommodation.from_record(stored) if stored else None
    except TypeError:
        log.exception("a session's accommodation can't be read")
    history = history_of(session)
    return history[-1].accommodation if history else None


def reweighings(history: Iterable[Held], over: Mapping[ViolationKind, int] | None = None) -> list[Reweighing]:
    """How the points changed after the beginning; `over`: points that hold all the time, whatever else changed."""
    return [Reweighing(held.at, {**held.points, **(over or {})}) for held in changed(history)]


def changed(history: Iterable[Held]) -> list[Held]:
    """What began to hold after the beginning; all of it, where what held at the beginning could not be read."""
    held = list(history)
    return held[1:] if held and held[0].at == 0 else held
