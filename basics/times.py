"""The time of day, and how it is written."""

from __future__ import annotations

from datetime import datetime, timezone

WALL_DOUBT_S = 2 * 3600.0  # by so much the wall's clock may be wrong: a zone or summer time set badly, a start before the time server answered


def utc_now() -> datetime:
    """The time of day, in UTC."""
    return datetime.now(timezone.utc)


def iso_time(at: datetime) -> str:
    """`at` as `2026-01-31T09:30:00.000Z`, always to the millisecond: as texts, times stand in the order that they have. MongoDB keeps no more.

    A time without its zone is taken for UTC, as MongoDB keeps it.
    """
    zoned = at.replace(tzinfo=timezone.utc) if at.tzinfo is None else at.astimezone(timezone.utc)
    return zoned.isoformat(timespec="milliseconds").replace("+00:00", "Z")
