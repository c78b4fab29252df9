"""How MongoDB orders values of different types: all of one type come before all of the next, so that a damaged field has its place in a list too.

A condition on a value (`$gt`, `$lt`) finds those of its own type alone; a list that goes on behind a value goes on with the other types.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from bson.objectid import ObjectId
from pymongo import ASCENDING

TYPES = (
    (),
    ("number",),
    ("string", "symbol"),
    ("object",),
    (),  # arrays have their place among the values that they hold
    ("binData",),
    ("objectId",),
    ("bool",),
    ("date",),
    ("timestamp",),
    ("regex",),
)
"""By rank; the first has what is null or missing."""
_CLASSES: tuple[tuple[Any, int], ...] = (
    (bool, 7),
    ((int, float), 1),
    (str, 2),
    (Mapping, 3),
    ((list, tuple), 4),
    (bytes, 5),
    (ObjectId, 6),
    (datetime, 8),
)


def rank_of(value: Any) -> int:
    """The place of a value's type among the others."""
    return 0 if value is None else next((rank for known, rank in _CLASSES if isinstance(value, known)), len(TYPES) - 1)


def sortable(value: Any) -> tuple[int, Any]:
    """For sorting values as MongoDB does, all of one type before the next; those that Python can't order by their text."""
    rank = rank_of(value)
    if rank == 0:
        return rank, 0
    if isinstance(value, datetime):
        return rank, value.timestamp() if value.tzinfo else 0.0
    return rank, value if isinstance(value, bool | int | float | str) else str(value)


def beyond_type(field: str, value: Any, *, ascending: bool) -> dict[str, Any] | None:
    """The condition for rows whose `field` is of a type that comes after the value's; None: there is no such type."""
    rank = rank_of(value)
    if ascending:
        later = [name for names in TYPES[rank + 1 :] for name in names]
        return {field: {"$type": later}} if later else None
    if rank == 0:
        return None
    earlier = [name for names in TYPES[:rank] for name in names]
    return {"$or": [{field: {"$in": [None, []]}}, *([{field: {"$type": earlier}}] if earlier else [])]}


def beyond(order: Sequence[tuple[str, int]], row: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The conditions for rows that come after `row` in `order`: later in one field, and equal in all before it."""
    found: list[dict[str, Any]] = []
    for number, (field, direction) in enumerate(order):
        equal = {before: row.get(before) for before, _ in order[:number]}
        found.append({**equal, field: {"$gt" if direction == ASCENDING else "$lt": row.get(field)}})
        if 0 < number < len(order) - 1 and (other := beyond_type(field, row.get(field), ascending=direction == ASCENDING)) is not None:
            found.append({"$and": [equal, other]})
    return found
