"""How a student who is known by a link or a code of an exam's list comes in: the session that waits or runs is taken up, else one is made."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Protocol

from basics.errors import Conflict, StorageError
from basics.stored_fields import is_moment
from basics.times import utc_now
from sessions.starts import Record, check_may_start_again
from sessions.time_used import take_off

if TYPE_CHECKING:
    from sessions.monitor import Monitor


class Records(Protocol):
    """The sessions that are stored."""

    def latest_session(self, user_id: str, exam_id: str | None) -> Record | None: ...


def enter_by_list(monitor: Monitor, records: Records, user_id: str, exam_id: str, *, keep_days: int, again_at: datetime | None = None) -> str:
    """The session of this student in this exam; its id. Who holds the student's own link or code is taken for the student.

    What has ended and began before `again_at` is in nobody's way. Raise `Conflict`, with `reason` where the exam is not open and `state` where it has
    ended for this student; `TooMany`, `StorageError`.
    """
    running = monitor.find(user_id, exam_id)
    if running is not None:
        return running.session_id
    around = monitor.maker.surroundings(user_id, exam_id)
    monitor.maker.check_open(exam_id, around)
    try:
        latest = records.latest_session(user_id, exam_id)
    except StorageError:  # nobody can tell: rather a second session than an exam that can't be taken
        latest = None
    if latest is not None and again_at is not None and latest.get("state") != "running" and is_moment(began := latest.get("started_at")):
        latest = None if began < again_at else latest
    check_may_start_again(latest, runs_here=False, resumed=monitor.resumed.is_set(), keep_days=keep_days, now=utc_now())
    try:
        session = monitor.create(user_id, exam_id, "browser")
    except Conflict as conflict:  # another page of the student's came in the same moment
        session_id = conflict.details.get("session_id")
        if isinstance(session_id, str):
            return session_id
        raise
    take_off(session, latest)
    return session.session_id
