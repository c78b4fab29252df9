"""A figure that operators watch, as the parts of a server tell it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Figure:
    """`name` as Prometheus has it, without `proctor_`: in base units, and ending in `_total` where it only grows. `about` is one sentence."""

    name: str
    about: str
    value: float
    labels: Mapping[str, str] = field(default_factory=dict)
