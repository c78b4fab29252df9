"""What a limit may be beside its own bounds: not more than another one."""

from __future__ import annotations

from pydantic import BaseModel


def in_order(model: BaseModel, *pairs: tuple[str, str]) -> None:
    """Raise `ValueError` that names both fields where the first of a pair is greater than the second."""
    for lower, upper in pairs:
        if getattr(model, lower) > getattr(model, upper):
            raise ValueError(f"{lower.upper()}={getattr(model, lower):g} must not be greater than {upper.upper()}={getattr(model, upper):g}")
