"""What is different for one student: other weights, signals off, reading aloud, breaks. Set for one exam or for every exam of theirs."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from typing import Any

from basics.signals import VIOLATION_KINDS, ViolationKind
from basics.stored_fields import Check, is_moment, is_switch, is_text, is_word, maybe, number, read_fields, whole
from scoring.rules import Rules

POINTS: Check = whole(0, 100)
FIELDS: Mapping[str, Check] = {
    "user_id": is_word,
    "exam_id": maybe(is_word),
    "points": lambda value: isinstance(value, Mapping),
    "reading_aloud": is_switch,
    "breaks_allowed": whole(0, 20),
    "break_minutes": number(1e-3, 240),
    "extra_percent": number(0, 300),
    "extra_min": number(0, 1440),
    "note": is_text,
    "set_by": is_text,
    "at": maybe(is_moment),
}


@dataclass(frozen=True, slots=True)
class Accommodation:
    """One student's. `exam_id` None: in every exam. `points` are in place of the rules' own, 0 turns a signal off."""

    user_id: str
    exam_id: str | None = None
    points: Mapping[ViolationKind, int] = field(default_factory=dict)
    reading_aloud: bool = False
    breaks_allowed: int = 0
    break_minutes: float = 5.0
    extra_percent: float = 0.0  # of the exam's length
    extra_min: float = 0.0
    note: str = ""
    set_by: str = ""
    at: datetime | None = None
    unreadable: tuple[str, ...] = field(default=(), compare=False)  # what was damaged in the record, and is as if it had never been set

    @classmethod
    def from_dict(cls, document: Mapping[str, Any], user_id: str = "") -> Accommodation:
        """As it was stored, of `user_id` where it doesn't say whose it is. What can't be read is left out, and named in `unreadable`."""
        fields, wrong = read_fields(document, FIELDS)
        given = fields.get("points", {})
        points = {kind: given[kind] for kind in VIOLATION_KINDS if kind in given and POINTS(given[kind])}
        if len(points) < len(given):
            wrong = (*wrong, "points")
        return cls(**{"user_id": user_id, **fields, "points": points, "unreadable": wrong})

    @classmethod
    def from_record(cls, document: Any) -> Accommodation:
        """As it was stored beside a session. Raise a `TypeError` for one that was damaged."""
        if not isinstance(document, Mapping):
            raise TypeError(f"{document!r:.100} is no accommodation")
        made = cls.from_dict(document)
        if made.unreadable or not made.user_id:
            raise TypeError(f"an accommodation can't be read: {', '.join(made.unreadable) or 'user_id'}")
        return made

    def to_dict(self) -> dict[str, Any]:
        """For storage."""
        return {name: value for name, value in asdict(self).items() if name != "unreadable"} | {"points": dict(self.points)}

    def to_record(self) -> dict[str, Any]:
        """What is kept and shown of it beside a session: the note stays with the accommodation, for those who may set it."""
        return {name: value for name, value in self.to_dict().items() if name != "note"}

    @property
    def document_id(self) -> str:
        """Told from student and exam, so that setting it again replaces it. 32 hexadecimal digits."""
        return document_id_of(self.user_id, self.exam_id)

    def apply(self, rules: Rules) -> Rules:
        """The rules under it."""
        return replace(rules, points=self.points_under(rules.points))

    def points_under(self, usual: Mapping[ViolationKind, int]) -> dict[ViolationKind, int]:
        """The points under it, of those that count otherwise.

        Reading aloud takes them from speech, and from several voices: a screen reader or a reader's echo is a second one. Whoever wants these
        to count all the same gives them points of their own.
        """
        aloud: dict[ViolationKind, int] = {"multiple_voices": 0} if self.reading_aloud else {}
        points = {**usual, **aloud, **self.points}
        return points | {"speech": 0} if self.reading_aloud else points

    def words(self) -> dict[str, Any]:
        """What the student is told: no points."""
        return {
            "signals_off": sorted(kind for kind, points in self.points.items() if points == 0),
            "signals_weighed": sorted(kind for kind, points in self.points.items() if points > 0),
            "reading_aloud": self.reading_aloud,
            "breaks_allowed": self.breaks_allowed,
            "break_minutes": self.break_minutes,
            "extra_percent": self.extra_percent,
            "extra_min": self.extra_min,
            "set_by": self.set_by,
        }


def document_id_of(user_id: str, exam_id: str | None) -> str:
    # A newline is in no id, so no two pairs are written alike.
    return hashlib.sha256(f"{user_id}\n{exam_id or ''}".encode()).hexdigest()[:32]
