"""A server as another one sees it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

LIVING = ("up", "draining")
ALSO = "also"  # the fact that says which names it has had before, under which files of its disk are known
ALSO_MOST = 20

State = Literal["up", "draining", "dead"]


@dataclass(frozen=True, slots=True)
class Instance:
    """`still_s`: for so long its beat has stood still while the database answered. `facts` is what it tells."""

    name: str
    url: str
    state: State
    still_s: float
    facts: Mapping[str, Any] = field(default_factory=dict)

    @property
    def lives(self) -> bool:
        """Nobody has declared it dead."""
        return self.state != "dead"

    @property
    def database_ahead_s(self) -> float | None:
        """By so many seconds the database's clock is ahead of that machine's, as it says; None where it doesn't."""
        told = self.facts.get("database_ahead_s")
        return float(told) if isinstance(told, int | float) else None


@dataclass(slots=True)
class Seen:
    """Its row, as it was read last."""

    row: dict[str, Any]
    still_s: float = 0.0
    beat: bool = False  # was it seen to count on?

    @property
    def instance(self) -> Instance:
        row = self.row
        return Instance(row["_id"], row.get("url") or "", row.get("state", "dead"), round(self.still_s, 2), row.get("facts") or {})
