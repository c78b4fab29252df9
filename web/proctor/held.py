"""Keeps what a legal hold names from calls that remove single records of a student."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from basics.errors import Conflict
from records.holds import HELD, held_among
from web.calls.audit import note
from web.parts import parts

NAMED_MAX = 100  # students in the audit's entry


def check_held(kind: str, user_ids: Iterable[str], by: str, **named: Any) -> None:
    """Raise `Conflict` where a hold names one of the students whose records of this kind are to be removed; that it was refused is noted."""
    if held := held_among(parts().database, user_ids):
        note("hold: refused", by, kind=kind, students=held[:NAMED_MAX], **named)
        raise Conflict(HELD, reason="held")
