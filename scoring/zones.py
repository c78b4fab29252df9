"""Time zones by IANA's names, and times of their clocks, which have gaps and doubles where they are put forward and back."""

from __future__ import annotations

from datetime import datetime, timezone
from functools import cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from basics.texts import _


@cache
def zone_names() -> frozenset[str]:
    """Every name that is known here."""
    return frozenset(available_timezones())


def known_zone(name: str) -> str:
    """The name. Raise `ValueError` for one that is no time zone's."""
    if name not in zone_names():
        raise ValueError(_("is no time zone that is known here; give IANA's name, such as Europe/Berlin"))
    return name


def in_utc(moment: datetime, zone: str, *, later: bool = False) -> datetime:
    """A moment in UTC; one without an offset is a time of the clocks in `zone`. Of two that a clock shows alike the first, or the `later`.

    Raise `ValueError` for a time that the clocks there leap over, and for one that no calendar has in UTC.
    """
    try:
        if moment.tzinfo is not None:
            return moment.astimezone(timezone.utc)
        found = moment.replace(tzinfo=ZoneInfo(zone), fold=int(later)).astimezone(timezone.utc)
    except (OverflowError, ValueError, ZoneInfoNotFoundError):
        raise ValueError(_("is a time that can't be told in every zone; give one of this century")) from None
    if found.astimezone(ZoneInfo(zone)).replace(tzinfo=None) != moment.replace(fold=0):
        raise ValueError(
            _(
                "is %(time)s, which no clock shows in %(zone)s on that day: it is put forward then. Give a time before or after.",
                time=f"{moment:%H:%M}",
                zone=zone,
            )
        )
    return found


def is_twice(moment: datetime, zone: str) -> bool:
    """Do the clocks of `zone` show this moment's time twice, because they are put back?"""
    there = moment.astimezone(ZoneInfo(zone)).replace(tzinfo=None)
    clock = ZoneInfo(zone)
    return there.replace(tzinfo=clock, fold=0).utcoffset() != there.replace(tzinfo=clock, fold=1).utcoffset()


def is_changed_between(first: datetime, last: datetime, zone: str) -> bool:
    """Do the clocks of `zone` stand otherwise at the last moment than at the first?"""
    clock = ZoneInfo(zone)
    return first.astimezone(clock).utcoffset() != last.astimezone(clock).utcoffset()
