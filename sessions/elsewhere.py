"""The sessions that run at other servers on the same database, as their records have them: for what lists or counts all that run.

Where there is no other server nothing is asked.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from basics.errors import StorageError
from cluster.membership import Membership
from cluster.owning import owner_of
from cluster.route import stored_route
from database import Database, Document

MOST = 10_000  # that are listed
FIELDS = (
    *("user_id", "exam_id", "source", "station", "started_at", "begun", "owner", "state"),
    *("total_score", "flagged_intervals", "newest_interval", "devices", "breaks", "call", "route", "rules.flag_threshold"),
)
ACCOMMODATED = ("user_id", "exam_id", "begun", "accommodation", "accommodations")
SESSION_ID = re.compile(r"[0-9a-f]{32}")
ON_ITS_WAY = ""  # where a session is that no server has just now


class Elsewhere:
    """Of one server. Reads only."""

    def __init__(self, database: Database, membership: Membership | None, is_live: Callable[[str], bool]) -> None:
        """Without `membership` there is no other server; `is_live` says whether a session runs here."""
        self._database = database
        self._membership = membership
        self._is_live = is_live

    @property
    def possible(self) -> bool:
        """Is any other server known, so that sessions may run there? Asks nobody."""
        return self._membership is not None and not self._membership.alone and bool(self._membership.others())

    def running(self, exams: Document | None = None) -> list[Document]:
        """Those that run elsewhere, oldest first, with `FIELDS` of each; `exams`: a condition on their exam. Raise `StorageError`."""
        return self._found({"exam_id": exams} if exams is not None else {}, FIELDS)

    def accommodated(self, query: Document) -> list[Document]:
        """Those that run elsewhere and meet `query`, with what is different for their students; while the database is away none. Never raises."""
        try:
            return self._found(query, ACCOMMODATED)
        except StorageError:
            return []

    def _found(self, query: Document, fields: Sequence[str]) -> list[Document]:
        if self._membership is None or not self.possible:
            return []
        query = {"state": "running", "owner": {"$ne": self._membership.name}, **query}
        with self._database.reading():
            found = list(self._database.collection("sessions").find(query, fields).sort("started_at").limit(MOST))
        return [one for one in found if not self._is_live(one["_id"])]

    def where(self, session_id: str) -> tuple[str | None, str] | None:
        """The exam of a session that runs at another server, and that server's name; None where it doesn't, or nobody can tell. Never raises."""
        try:
            found = self._found({"_id": session_id}, ("exam_id", "owner")) if SESSION_ID.fullmatch(session_id) else []
        except StorageError:
            return None
        return next(((one.get("exam_id"), owner_of(one) or ON_ITS_WAY) for one in found), None)

    def instance(self, document: Mapping[str, Any]) -> str | None:
        """The name of the server at which a session runs, as its record says; None where that is this one, or it doesn't run."""
        if not self.possible or document.get("state") != "running" or self._is_live(document["_id"]):
            return None
        owner = owner_of(document)
        return None if self._membership is not None and owner == self._membership.name else owner or ON_ITS_WAY


def status_of(document: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    """How a session elsewhere is, by the names that `SessionStatus` has, as far as its record tells; `now` in UTC. Raise `KeyError`, `TypeError`."""
    newest = document.get("newest_interval") or {}
    begun = document.get("begun") is not False
    breaks = document.get("breaks") or []
    return {
        **{name: document.get(name) for name in ("user_id", "exam_id", "station", "started_at", "call")},
        "session_id": document["_id"],
        "source": document.get("source") or "browser",
        "begun": begun,
        "elapsed_s": round(max(0.0, (now - document["started_at"]).total_seconds()), 2) if begun else 0.0,
        "is_running": True,
        "interval_index": newest.get("index", 0),
        "interval_score": newest.get("score", 0),
        "total_score": document.get("total_score") or 0,
        "flagged_intervals": document.get("flagged_intervals") or 0,
        "flag_threshold": (document.get("rules") or {}).get("flag_threshold"),
        "devices": document.get("devices") or {},
        "on_break": bool(breaks) and breaks[-1].get("end") is None,
        "instance": owner_of(document) or ON_ITS_WAY,
        "route": stored_route(document),
    }
