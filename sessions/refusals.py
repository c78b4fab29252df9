"""What is said where a session can't be made or ended."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from basics.errors import Conflict, NotFound, StorageError, TooMany
from basics.texts import _, ngettext


def runs_already(user_id: str, exam_id: str | None, session_id: str) -> Conflict:
    """The student has a session of this exam."""
    values = {"user_id": repr(user_id), "exam_id": repr(exam_id)}
    if exam_id:
        return Conflict(_("%(user_id)s already has a running session of exam %(exam_id)s; end it first", **values), session_id=session_id)
    return Conflict(_("%(user_id)s already has a running session; end it first", **values), session_id=session_id)


def has_none(user_id: str, exam_id: str | None) -> NotFound:
    """The student never had one."""
    values = {"user_id": repr(user_id), "exam_id": repr(exam_id)}
    if exam_id:
        return NotFound(_("%(user_id)s has no session of exam %(exam_id)s; check the id, or create the session first", **values))
    return NotFound(_("%(user_id)s has no session; check the id, or create the session first", **values))


def has_ended(user_id: str, exam_id: str | None, session_id: str) -> Conflict:
    """The student's session is over."""
    values = {"user_id": repr(user_id), "exam_id": repr(exam_id)}
    if exam_id:
        return Conflict(_("the session of exam %(exam_id)s of %(user_id)s has ended already", **values), session_id=session_id)
    return Conflict(_("the session of %(user_id)s has ended already", **values), session_id=session_id)


def several_run(user_id: str, exam_ids: Iterable[str | None]) -> Conflict:
    """Of the student's sessions any could be meant."""
    exams = ", ".join(sorted(str(exam) for exam in exam_ids))
    return Conflict(_("%(user_id)s has several running sessions; name the exam_id: %(exams)s", user_id=repr(user_id), exams=exams), field="exam_id")


def runs_elsewhere(**details: Any) -> StorageError:
    """The session is another server's, which can't be asked now, or no server's in this moment."""
    return StorageError(_("The session runs at another server, or is on its way from one; its student's page finds it."), **details)


def room_is_full(running: int) -> TooMany:
    """As many sessions run as may."""
    return TooMany(
        ngettext(
            "%(count)s sessions run, which is the limit; end one, or raise MAX_SESSIONS",
            "%(count)s sessions run, which is the limit; end one, or raise MAX_SESSIONS",
            running,
        )
    )


def links_are_full(waiting: int) -> TooMany:
    """As many links wait as may."""
    return TooMany(
        ngettext(
            "%(count)s links wait for their students, which is the limit; end some, or raise MAX_SESSIONS",
            "%(count)s links wait for their students, which is the limit; end some, or raise MAX_SESSIONS",
            waiting,
        )
    )


def drains(*, elsewhere: bool) -> StorageError:
    """The server is about to end, and begins no exams; another takes them, or none."""
    if elsewhere:
        return StorageError(_("This server is about to end, and begins no exams. Another takes them: try again in some seconds."), retry_after_s=3)
    return StorageError(_("The server is about to end, and begins no exams. Try again once it has been started again."), retry_after_s=30)
