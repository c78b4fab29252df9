"""Links of students whose sessions run at another server: they are ended in the session's record, and who has the session reads that.

Who has it counts the links that it makes (`link_number`), all others those that they end (`links_ended`): where both do so in one moment nothing is
lost, as nobody writes what the other counts. The number of the newest link is the sum.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from basics.looks import folded, same_id
from database import Database, Document
from records.exam_removal import of_exam

if TYPE_CHECKING:
    from sessions.monitor import Monitor
    from sessions.session import ExamSession

ENDED = "links_ended"


def made_in(document: Mapping[str, Any]) -> int:
    """How many links were made where a stored session was, beside the first."""
    return _count(document.get("link_number"))


def ended_in(document: Mapping[str, Any]) -> int:
    """How many were ended from other servers."""
    return _count(document.get(ENDED))


def number_in(document: Mapping[str, Any]) -> int:
    """The number of a stored session's newest link; 0 for the first."""
    return made_in(document) + ended_in(document)


def end_links(monitor: Monitor, database: Database, exam_id: str, user_ids: Iterable[str]) -> None:
    """The links of these students' sessions of an exam, wherever they run, open nothing any more. Raise `StorageError`."""
    whose = {folded(user_id) for user_id in user_ids}
    for session in monitor.active():
        if same_id(session.exam_id, exam_id) and folded(session.user_id) in whose:
            monitor.link_made(session)
    running: Document = {"exam_id": {"$in": of_exam(database, exam_id)}, "state": "running"}
    with database.reading():
        sessions = database.collection("sessions")
        elsewhere = [
            one["_id"]
            for one in sessions.find(running, {"user_id": 1})
            if folded(str(one.get("user_id"))) in whose and not monitor.is_live(one["_id"])
        ]
        if elsewhere:
            sessions.update_many({"_id": {"$in": elsewhere}, "state": "running"}, {"$inc": {ENDED: 1}, "$set": {"nonce": "", "vouched": True}})
    read_again(monitor, database, [taken for one in elsewhere if (taken := monitor.get(one)) is not None])  # taken up here meanwhile


def read_again(monitor: Monitor, database: Database, sessions: Iterable[ExamSession]) -> None:
    """Other servers may have ended links of these sessions, which run here. Raise `StorageError`."""
    by_id = {session.session_id: session for session in sessions}
    if not by_id:
        return
    with database.reading():
        found = list(database.collection("sessions").find({"_id": {"$in": list(by_id)}, ENDED: {"$gt": 0}}, {ENDED: 1}))
    for document in found:
        session = by_id[document["_id"]]
        if session.watch_over.links_ended_elsewhere(ended_in(document)):
            monitor.link_is_new(session)


def _count(stored: object) -> int:
    return stored if isinstance(stored, int) and stored > 0 else 0
