"""Reads the audit: who did what, for a command, a page and scripts."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, timezone

from pymongo import DESCENDING

from basics.errors import InvalidInput
from basics.texts import _
from database import Database
from records.reader import Document, stored
from records.sought import with_part
from settings.settings import Settings


def moment(given: str, option: str, *, whole_day: bool = False) -> datetime:
    """The time that `given` says, UTC unless it has an offset of its own; a day is its first moment, with `whole_day` the first of the next one.

    Raise `InvalidInput`.
    """
    text = given.strip()
    try:
        if len(text) == len("2024-10-05"):
            day = datetime.combine(date.fromisoformat(text), time(), timezone.utc)
            return day + timedelta(days=1) if whole_day else day
        at = datetime.fromisoformat(text[:-1] + "+00:00" if text[-1:] in ("Z", "z") else text)
        return (at if at.tzinfo else at.replace(tzinfo=timezone.utc)).astimezone(timezone.utc)
    except (ValueError, OverflowError):
        wrong = _(
            '%(option)s %(given)s is no day and no time. Give a day such as 2024-10-05, or a time such as "2024-10-05 14:30" (UTC) '
            "or 2024-10-05T14:30+02:00.",
            option=option,
            given=repr(given[:100]),
        )
        raise InvalidInput(wrong, field=option) from None


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which entries: from `since` on and before `until`, with these parts of a name and of an act in any case (or of one of the kinds `acts`), about
    one session, student or exam."""

    since: datetime | None = None
    until: datetime | None = None
    who: str = ""
    what: str = ""
    session_id: str = ""
    user_id: str = ""
    exam_id: str = ""
    acts: tuple[str, ...] = ()

    def query(self) -> Document:
        """As a MongoDB query."""
        query: Document = {}
        if bounds := {sign: at for sign, at in (("$gte", self.since), ("$lt", self.until)) if at is not None}:
            query["at"] = bounds
        for field, part in (("who", self.who), ("what", self.what)):
            if part:
                query[field] = {"$regex": re.escape(part), "$options": "i"}
        query |= {name: value for name, value in (("user_id", self.user_id), ("exam_id", self.exam_id)) if value}
        if self.session_id:  # a decision names its interval only, whose id begins with its session's
            query["$or"] = [{"session_id": self.session_id}, {"video_id": {"$regex": f"^{re.escape(self.session_id)}-"}}]
        return query


def audit_page(database: Database, wanted: Wanted, after: str | None, limit: int) -> list[Document]:
    """One page of the entries that are `wanted`, newest first, from behind the row `after`. Raise `InvalidInput`, `StorageError`."""
    query = wanted.query()
    query |= {field: with_part(database, "audit", field, part, {}) for field, part in (("who", wanted.who), ("what", wanted.what)) if part}
    if wanted.acts:
        query["what"] = {"$in": [*query["what"].get("$in", [re.compile(re.escape(wanted.what), re.IGNORECASE)]), *wanted.acts]}
    return database.page("audit", query, [("at", DESCENDING)], after, limit)


def read_audit(settings: Settings, wanted: Wanted, limit: int) -> list[Document]:
    """The newest `limit` entries that are `wanted`, newest first. Raise `StorageError` when the database can't be read."""
    with stored(settings) as database:
        return list(database.audit.find(wanted.query()).sort([("at", DESCENDING), ("_id", DESCENDING)]).limit(limit))
