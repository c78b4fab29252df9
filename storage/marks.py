"""Marks by which the outbox learns what other systems are to be told of a document: they are set in the write of what they tell of.

So neither is ever there without the other, in the database and in the spool. Each is a field of its own, and a damaged one keeps no other from being
stored. `TELLS` changes with every mark that is set: whoever takes marks away does so only while it is what was read.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

TELLS = "tells"  # when a mark was set last, in milliseconds, and something that no other has
PREFIX = "tell_"
MARKED: dict[str, Any] = {TELLS: {"$gt": ""}}
"""What finds the documents with marks."""
_KEY = re.compile(r"[a-z0-9_]{1,60}")


@dataclass(frozen=True, slots=True)
class Mark:
    """`key` tells it from the others of its document, for ever; `kind` is the event's; `data` are numbers, states and ids."""

    key: str
    kind: str
    at: datetime
    data: Mapping[str, Any] = field(default_factory=dict)

    def fields(self) -> dict[str, Any]:
        """What is stored with the document."""
        said = {"type": self.kind, "at": self.at, "data": dict(self.data)}
        return {PREFIX + self.key: said, TELLS: f"{int(self.at.timestamp() * 1000):013d}-{secrets.token_hex(6)}"}


def marks_of(document: Mapping[str, Any]) -> list[Mark]:
    """A document's marks, oldest first; one that was damaged is left out."""
    found = []
    for name in mark_names(document):
        key, said = name.removeprefix(PREFIX), document[name]
        if name == TELLS or not _KEY.fullmatch(key) or not isinstance(said, Mapping):
            continue
        kind, at, data = said.get("type"), said.get("at"), said.get("data")
        if isinstance(kind, str) and isinstance(at, datetime) and isinstance(data, Mapping):
            found.append(Mark(key, kind, at, dict(data)))
    return sorted(found, key=lambda mark: (mark.at, mark.key))


def mark_names(document: Mapping[str, Any]) -> list[str]:
    """The names of a document's fields that are marks, damaged ones too."""
    return [name for name in document if _is_mark(name)]


def without_marks(document: Mapping[str, Any]) -> dict[str, Any]:
    """The document as it is for everybody else."""
    return {name: value for name, value in document.items() if not _is_mark(name)}


def _is_mark(name: object) -> bool:
    return isinstance(name, str) and (name == TELLS or name.startswith(PREFIX))
