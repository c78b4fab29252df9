"""One row of the table, and how a row says that this machine can't make its fault."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bench.faults.ground import Ground


class LeftOut(Exception):
    """The fault can't be made on this machine; the message says why."""


@dataclass(frozen=True, slots=True)
class Row:
    """One fault. `run` makes it on a ground of its own; `health` and `wall` are what must be told of it, as regular expressions (empty: nothing)."""

    name: str
    what: str
    run: Callable[[Ground], None]
    health: str = ""
    wall: str = ""
    quick: bool = False
