"""One way to write a record down, so that its hash is the same wherever and whenever it is taken: JSON with sorted keys, UTF-8, times in UTC.

Anybody can do it again with a JSON library: keys sorted, no spaces, no escapes but JSON's own, times as `2024-10-05T14:30:00.000Z`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from basics.times import iso_time


def canonical(record: Any) -> bytes:
    """The record as bytes. What JSON has no word for is written as its type and its text."""
    text = json.dumps(record, sort_keys=True, ensure_ascii=False, separators=(",", ":"), default=_written)
    return text.encode("utf-8", "surrogatepass")


def digest(record: Any) -> str:
    """SHA-256 of the record, 64 hexadecimal digits."""
    return hashlib.sha256(canonical(record)).hexdigest()


def digest_of_all(records: Iterable[Any]) -> tuple[str, int]:
    """SHA-256 over the records in the order given, each on a line of its own, and how many there were."""
    found, count = hashlib.sha256(), 0
    for record in records:
        found.update(canonical(record) + b"\n")
        count += 1
    return found.hexdigest(), count


def without(record: Mapping[str, Any], *names: str) -> dict[str, Any]:
    """The record without some of its fields."""
    return {name: value for name, value in record.items() if name not in names}


def _written(value: Any) -> Any:
    if isinstance(value, datetime):
        return iso_time(value)
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, bytes):
        return value.hex()
    return f"{type(value).__name__}:{value}"
