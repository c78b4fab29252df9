"""Moments of an exam that proctors marked, as data. Pure; times are seconds on the session's clock."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Mark:
    """A moment that `by` marked, with a `note` for who reviews it. Its interval keeps its clip, whatever its score."""

    id: str
    at: float
    by: str
    note: str = ""

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> Mark:
        """A mark as `to_dict` gave it."""
        return cls(document["id"], document["at"], document["by"], document.get("note") or "")

    def to_dict(self) -> dict[str, Any]:
        """For storage and answers."""
        return asdict(self)
