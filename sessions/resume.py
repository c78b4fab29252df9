"""Sessions of an earlier run: what was stored of each is read, and it goes on or is closed as interrupted."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol

from basics.errors import StorageError
from basics.times import utc_now
from database import Database
from media.clip import Clip
from scoring.accommodations import Accommodation
from scoring.rules import Rules
from sessions.ends import End
from sessions.identity import Identity
from sessions.session import ExamSession

log = logging.getLogger(__name__)

PAGE = 1000  # records read at once


class MakeSession(Protocol):
    """Makes a session that is not live yet, and that started `ago` seconds ago, at `started_at` in UTC."""

    def __call__(self, identity: Identity, accommodation: Accommodation | None, *, begun: bool, started_at: datetime, ago: float) -> ExamSession: ...


@dataclass(frozen=True, slots=True)
class Resumed:
    """A session that goes on. `waited` is how long one that nobody has begun has waited for its student, in seconds."""

    session: ExamSession
    nonce: str
    waited: float


def resume(database: Database, make: MakeSession, *, is_live: Callable[[str], bool], longest: float, adopt: Callable[[Resumed], None]) -> None:
    """Hand each session that ran when the server stopped to `adopt`; those away for more than `longest` seconds are closed as interrupted.

    Raise `StorageError` when the database doesn't answer: what was adopted until then stays so.
    """
    for document in database.running_sessions():
        session_id = document["_id"]
        if is_live(session_id):
            continue
        try:
            resumed = _resumed(database, make, document, longest)
        except StorageError:
            raise
        except Exception:
            log.exception("session can't be taken up; it is closed as interrupted", extra={"session_id": session_id})
            fields = {"state": "interrupted", **End("unreadable").to_dict(), "ended_at": utc_now()}
            database.write("sessions", session_id, fields)
            continue
        if resumed is not None:
            adopt(resumed)


def give_up_clips(database: Database, is_live: Callable[[str], bool]) -> None:
    """Clips that waited when the server died are lost with its memory, and their records say so."""
    for interval in database.pending_clips():
        if is_live(interval["session_id"]):
            continue
        clip = Clip("failed", reason="the server stopped before the clip was made")
        database.write("intervals", interval["_id"], {"clip": clip.to_dict()})


def _resumed(database: Database, make: MakeSession, document: dict[str, Any], longest: float) -> Resumed | None:
    session_id, begun = document["_id"], document.get("begun", True)
    checks = _all_pages(lambda after: database.checks(session_id, after, PAGE))
    intervals = _all_pages(lambda after: database.intervals(session_id, after, PAGE))
    ago = (utc_now() - document["started_at"]).total_seconds()
    last = max([check["end"] for check in checks], default=0.0)
    applied = document.get("accommodation")
    identity = Identity(session_id, document["user_id"], document["exam_id"], document["source"], document["station"])
    session = make(identity, Accommodation.from_dict(applied) if applied else None, begun=begun, started_at=document["started_at"], ago=ago)
    acts = _all_pages(lambda after: database.acts(session_id, after, PAGE))
    rules = Rules.from_dict(document["rules"])
    session.take_up(rules, checks, intervals, acts, breaks=document.get("breaks") or [], messages=document.get("messages") or [])
    session.watch_over.take_up(document, acts)
    away = ago - last
    if begun and away > longest:
        session.end_at(last, "interrupted", End("outage", str(timedelta(seconds=round(away)))))
        session.close()
        return None
    waited = 0.0 if begun else (utc_now() - (document.get("link_made_at") or document["started_at"])).total_seconds()
    log.info("session goes on after %.0f s", away, extra={"session_id": session_id})
    return Resumed(session, document.get("nonce") or "", waited)


def _all_pages(read: Callable[[str | None], list[dict[str, Any]]]) -> list[dict[str, Any]]:
    documents: list[dict[str, Any]] = []
    while page := read(documents[-1]["_id"] if documents else None):
        documents += page
        if len(page) < PAGE:
            break
    return documents
