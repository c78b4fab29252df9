"""How the flags of each session of an exam stand: counted from an index alone, thousands of sessions at once."""

from __future__ import annotations

from collections.abc import Sequence

from database import Database, Document

FLAG_STATES = ("open", "confirmed", "dismissed", "disputed")
LISTED: Sequence[Document] = ({"flagged": True}, {"marked": True, "flagged": False})
"""Which intervals are for a person to decide on: those that are flagged, and those that only a proctor marked."""


def flags_of_sessions(database: Database, exam_ids: Sequence[str]) -> dict[str, dict[str, int]]:
    """Of each session that has flags or marks, how many stand in each state; `exam_ids` are all spellings of the exam. Raise `StorageError`."""
    parted = {"state": {"$ifNull": ["$review.state", "open"]}, "part": {"$substrCP": ["$session_id", 0, 1]}}  # so that no list is too long
    group: Document = {"$group": {"_id": parted, "sessions": {"$push": "$session_id"}}}
    flags: dict[str, dict[str, int]] = {}
    with database.reading():
        for which in LISTED:
            pipeline: list[Document] = [{"$match": {"exam_id": {"$in": list(exam_ids)}, **which}}, group]
            for row in database.collection("intervals").aggregate(pipeline):
                if (state := row["_id"]["state"]) in FLAG_STATES:
                    for session_id in row["sessions"]:
                        if session_id not in flags:
                            flags[session_id] = dict.fromkeys(FLAG_STATES, 0)
                        flags[session_id][state] += 1
    return flags
