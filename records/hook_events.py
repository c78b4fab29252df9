"""What other systems can be told of, and the body of each notice: ids, numbers and states, never a picture, names only where somebody wants them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal, get_args

from basics.times import iso_time

Event = Literal[
    "session.created",
    "session.started",
    "session.ended",
    "session.interrupted",
    "interval.flagged",
    "interval.revised",
    "clip.ready",
    "clip.failed",
    "review.decided",
    "conclusion.made",
    "session.erased",
]
EVENTS: tuple[Event, ...] = get_args(Event)
TEST = "endpoint.test"  # sent whenever somebody asks for it
BODY_MAX = 20_000  # bytes
NAMES = ("by",)  # of a mark's data: names of people


def body_of(kind: str, at: datetime, data: Mapping[str, Any], *, names: bool, student: str = "") -> str:
    """A notice's body, as it is signed and sent with every try. `student` is their name, told where `names` are."""
    told = {name: value for name, value in data.items() if names or name not in NAMES}
    if names and student:
        told["student_name"] = student[:200]
    text = json.dumps({"type": kind, "timestamp": iso_time(at), "data": told}, ensure_ascii=False, separators=(",", ":"), default=str)
    if len(text.encode("utf-8", "replace")) < BODY_MAX:
        return text
    ids = {name: str(told[name])[:200] for name in ("session_id", "interval_id") if name in told} | {"sequence": told.get("sequence")}
    return json.dumps({"type": kind, "timestamp": iso_time(at), "data": ids})  # what was damaged is nobody's to send
