"""Who may start an exam, and who may start it again: the rule for students who come without a proctor's link.

An exam is started once. Who ended it comes in again by a link; a browser whose answer was lost gets the same answer again; a student whom an
outage put out starts anew, with the time that is left (time_used.py). While nobody can tell, because the server takes up the exams that ran, it is
asked again in some seconds.
"""

from __future__ import annotations

import hashlib
import secrets
import threading
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Literal, Protocol

from basics.errors import Conflict, NotFound, StorageError
from basics.stored_fields import is_moment
from basics.texts import _
from basics.times import utc_now
from sessions.time_used import Beginning, take_off

Record = Mapping[str, Any]

REOPENED_WITHIN_S = 24 * 3600.0  # what is unseen between is kept as unknown; after a day it is another exam


class Exams(Protocol):
    """The sessions that run here. `resumed` is set once those of an earlier run are taken up."""

    @property
    def resumed(self) -> threading.Event: ...

    def get(self, session_id: str) -> Beginning | None: ...

    def create(self, user_id: str, exam_id: str | None, source: Literal["browser"], station: str | None = None, *, nonce: str = "") -> Beginning: ...

    def was_started_with(self, session_id: str, nonce: str) -> bool: ...

    def may_be_elsewhere(self, session_id: str) -> bool: ...


class Records(Protocol):
    """The sessions that are stored."""

    def latest_session(self, user_id: str, exam_id: str | None) -> Record | None: ...

    def session(self, session_id: str) -> Record: ...


def start_by_student(exams: Exams, records: Records, user_id: str, exam_id: str | None, secret: str | None, *, keep_days: int) -> str:
    """Start the exam, or find the one that the browser with this `secret` started, and return the session's id.

    Raise `Conflict` where it runs elsewhere or has ended, `StorageError` where nobody can tell yet or it can't be stored, `TooMany`.
    """
    latest = _check_may_start(exams, records, user_id, exam_id, keep_days)
    nonce = fingerprint(secret or secrets.token_hex(16))  # by having one it is known as started by an ID alone
    try:
        session = exams.create(user_id, exam_id, "browser", nonce=nonce)
    except Conflict as conflict:  # asked by creating it: two pages that start at once must not both be let in
        if "session_id" not in conflict.details:  # the exam isn't open: nothing of the student's is in the way
            raise
        session_id: str = conflict.details["session_id"]
        if exams.was_started_with(session_id, nonce):
            return session_id
    else:
        take_off(session, latest)
        return session.session_id
    raise Conflict(
        _("An exam is already running for %(user_id)s. Go on in the window where you started it, or ask the proctor for a link.", user_id=user_id),
        field="user_id",
    )


def check_may_start_again(latest: Record | None, *, runs_here: bool, resumed: bool, keep_days: int, now: datetime) -> None:
    """Raise unless a student may start the exam of which `latest` is the student's last session, None: the first.

    `Conflict` where it has ended, until KEEP_DAYS have passed; `StorageError` where it runs and has not been taken up yet.
    """
    if latest is None:
        return
    state, ended_at = latest.get("state"), latest.get("ended_at")
    if state == "running" and not runs_here and not resumed:
        raise taking_up()
    if state != "ended" or not latest.get("begun", True):  # interrupted, or never begun: no doing of the student
        return
    kept = timedelta(days=keep_days)
    if kept and is_moment(ended_at) and ended_at + kept < now:
        return
    raise Conflict(_("This exam has ended for you already. If you must go on, ask your proctor for a link."), field="user_id", state=state)


def check_may_reopen(record: Record, *, runs_here: bool, resumed: bool, now: datetime) -> None:
    """Raise `Conflict` unless this session ended by nobody's wish and not too long ago, `StorageError` while that can't be told."""
    if runs_here:
        raise Conflict(_("The session runs already. Make a new link for its student."))
    if record["state"] == "running":
        if not resumed:
            raise taking_up()
        raise Conflict(_("The session runs at another server, or is on its way from one; its student's page finds it."))
    if record["state"] == "ended":
        raise Conflict(
            _("The session has ended (%(reason)s); only one that broke off can go on. Create a new one.", reason=record.get("end_reason") or "")
        )
    if (now - record["ended_at"]).total_seconds() > REOPENED_WITHIN_S:
        raise Conflict(_("The session broke off more than a day ago. Create a new one."))


def record_of(exams: Exams, records: Records, session_id: str) -> Record:
    """The record of a session that isn't live. Raise `NotFound`, and `StorageError` for one that may be again in a moment, as after a restart."""
    resumed = exams.resumed.is_set()
    try:
        record = records.session(session_id)
    except NotFound:
        if not resumed or exams.may_be_elsewhere(session_id):  # it may still lie in the spool
            raise taking_up() from None
        raise
    if record["state"] == "running" and not resumed:
        raise taking_up()
    return record


def fingerprint(secret: str | None) -> str:
    """What is kept of a browser's secret: enough to know it again, nothing to use; empty where there is none."""
    return hashlib.sha256(secret.encode()).hexdigest() if secret else ""


def taking_up() -> StorageError:
    """The error for a question that can be answered once the exams that ran are taken up."""
    return StorageError(_("The server has just started, and takes up the exams that ran. Try again in some seconds."))


def _check_may_start(exams: Exams, records: Records, user_id: str, exam_id: str | None, keep_days: int) -> Record | None:
    """The student's last session of the exam. Raise unless another may follow it."""
    if exam_id is None:  # without an exam's id nobody can tell whether it is the same one
        return None
    try:
        latest = records.latest_session(user_id, exam_id)
    except StorageError:  # nobody can tell: rather a second session than an exam that can't be taken
        return None
    runs_here = latest is not None and exams.get(latest["_id"]) is not None
    check_may_start_again(latest, runs_here=runs_here, resumed=exams.resumed.is_set(), keep_days=keep_days, now=utc_now())
    return latest
