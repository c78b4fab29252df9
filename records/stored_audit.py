"""Reads the audit: who did what, for a command."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime

from pymongo import DESCENDING

from records.reader import Document, stored
from settings.settings import Settings


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which entries: from `since` on and before `until`, with these parts of a name and of an act in any case, about one session."""

    since: datetime | None = None
    until: datetime | None = None
    who: str = ""
    what: str = ""
    session_id: str = ""

    def query(self) -> Document:
        """As a MongoDB query."""
        query: Document = {}
        if bounds := {sign: at for sign, at in (("$gte", self.since), ("$lt", self.until)) if at is not None}:
            query["at"] = bounds
        for field, part in (("who", self.who), ("what", self.what)):
            if part:
                query[field] = {"$regex": re.escape(part), "$options": "i"}
        if self.session_id:  # a decision names its interval only, whose id begins with its session's
            query["$or"] = [{"session_id": self.session_id}, {"video_id": {"$regex": f"^{re.escape(self.session_id)}-"}}]
        return query


def read_audit(settings: Settings, wanted: Wanted, limit: int) -> list[Document]:
    """The newest `limit` entries that are `wanted`, newest first. Raise `StorageError` when the database can't be read."""
    with stored(settings) as database:
        return list(database.audit.find(wanted.query()).sort([("at", DESCENDING), ("_id", DESCENDING)]).limit(limit))
