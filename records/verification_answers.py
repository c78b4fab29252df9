"""Checks that what students said of their flags and asked for, and what they were answered, is stored as the audit has its hash. Reads only."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pymongo.database import Database

from basics.canonical import digest
from basics.times import utc_now
from records.keep_times import part_of
from records.reader import Document
from records.verified import ANSWERED, LOOK_ANSWERED, LOOK_ASKED, YOUNG, Verified

Said = list[tuple[Any, Any]]  # texts, oldest first, each with its time


def check_answers(database: Database[Document], verified: Verified, only: str) -> None:
    """Compare all that the audit has hashes of, of a session's (`only`) or of all. Raise pymongo's errors."""
    stored, now = _stored(database, {"session_id": only} if only else {}), utc_now()
    for (act, of), hashes in verified.said.items():
        session_id, said = of.partition("-")[0], stored.get((act, of), [])
        if session_id in verified.deleted or (only and session_id != only):
            continue
        if any(isinstance(at, datetime) and at >= now - YOUNG for _text, at in said):
            continue  # its note may be under way
        noted = hashes[-1:] if act == ANSWERED else hashes  # an answer that was changed is stored as it is now
        if [digest(text) for text, _at in said][-len(noted) :] != noted:
            verified.found("answer", of, "altered or gone: it is not the one of which the audit has the hash")


def _stored(database: Database[Document], of_session: Document) -> dict[tuple[str, str], Said]:
    found: dict[tuple[str, str], Said] = {}
    for row in database.student_answers.find({**of_session, "nothing": {"$exists": False}}):
        found[ANSWERED, str(row["_id"])] = [(row.get("text"), row.get("at"))]
    for row in database.new_looks.find(of_session).sort("_id", 1):
        session_id, done = str(row["_id"]).partition("-")[0], part_of(row, "done")
        found.setdefault((LOOK_ASKED, session_id), []).append((row.get("reason"), row.get("at")))
        if done:
            found.setdefault((LOOK_ANSWERED, session_id), []).append((done.get("text"), done.get("at")))
    return found
