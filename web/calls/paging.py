"""Lists in pages: how many rows an answer has, and where the next one goes on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

PAGE = 100  # rows in one answer, unless asked otherwise
LONGEST_PAGE = 960  # intervals (8 hours of them) and checks (2 h 40 min) in one answer; one less than the database gives at once


def next_after(documents: Sequence[Mapping[str, Any]], limit: int) -> str | None:
    """Where the page after the first `limit` documents goes on, None where there is no more."""
    return str(documents[limit - 1]["_id"]) if len(documents) > limit else None
