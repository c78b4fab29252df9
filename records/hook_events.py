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
BODY_MAX = 20_000  # bytes, without names
NAME_MAX = 200  # characters
NAMES = ("by",)  # of a mark's data: names of people


def body_of(kind: str, at: datetime, data: Mapping[str, Any]) -> str:
    """A notice's body, without names."""
    told = {name: value for name, value in data.items() if name not in NAMES}
    text = _written({"type": kind, "timestamp": iso_time(at), "data": told})
    if len(text.encode("utf-8", "replace")) < BODY_MAX:
        return text
    ids = {name: str(told[name])[:200] for name in ("session_id", "interval_id") if name in told} | {"sequence": told.get("sequence")}
    return json.dumps({"type": kind, "timestamp": iso_time(at), "data": ids})  # what was damaged is nobody's to send


def with_names(body: str, *, by: str, student: str) -> str:
    """The body with the names that are known."""
    said = json.loads(body)
    said["data"] |= {name: value[:NAME_MAX] for name, value in (("by", by), ("student_name", student)) if value}
    return _written(said)


def _written(said: Mapping[str, Any]) -> str:
    return json.dumps(said, ensure_ascii=False, separators=(",", ":"), default=str)
