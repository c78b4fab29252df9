"""Fields of a stored record, each taken only where it is what it should be. A damaged one is left out, and never takes its record with it."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Collection, Mapping
from datetime import datetime
from functools import lru_cache
from typing import Any, TypeGuard

log = logging.getLogger(__name__)

Check = Callable[[Any], bool]

MIN_YEAR, MAX_YEAR = 1900, 8999


def read_fields(document: Mapping[str, Any], checks: Mapping[str, Check]) -> tuple[dict[str, Any], tuple[str, ...]]:
    """The fields that can be read, and the names of those that can't. One that is missing is neither."""
    there = [name for name in checks if name in document]
    wrong = tuple(name for name in there if not checks[name](document[name]))
    return {name: document[name] for name in there if name not in wrong}, wrong


@lru_cache(4096)
def tell_unreadable(what: str, name: str, wrong: tuple[str, ...]) -> None:
    """Say in the log, once, what of a record can't be read: lists are read several times a minute."""
    log.error("%s %s can't all be read, and holds without: %s. Set it anew.", what, name, ", ".join(wrong))


def is_text(value: Any) -> TypeGuard[str]:
    """Any text."""
    return isinstance(value, str)


def is_word(value: Any) -> bool:
    """A text that is not empty."""
    return isinstance(value, str) and bool(value)


def is_switch(value: Any) -> bool:
    """Yes or no."""
    return isinstance(value, bool)


def is_moment(value: Any) -> TypeGuard[datetime]:
    """A day and a time, and none so far off that nothing can be counted from it."""
    return isinstance(value, datetime) and MIN_YEAR <= value.year <= MAX_YEAR


def number(least: float, most: float = math.inf) -> Check:
    """A number in these bounds, and no yes or no."""
    return lambda value: isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value) and least <= value <= most


def whole(least: int, most: float = math.inf) -> Check:
    """A whole number in these bounds."""
    return lambda value: isinstance(value, int) and not isinstance(value, bool) and least <= value <= most


def maybe(check: Check) -> Check:
    """The same, or nothing."""
    return lambda value: value is None or check(value)


def one_of(values: Collection[Any]) -> Check:
    """One of these texts."""
    return lambda value: isinstance(value, str) and value in values
