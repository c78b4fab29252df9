"""An attempt of Open edX here: its student stands in the exam's list and enters by their own link; what Open edX says of it, the session does."""

from __future__ import annotations

import logging

from basics.errors import Conflict, NotFound, StorageError
from basics.texts import Text, _
from records.edx_attempts import Attempt, Onboarding, Told, attempt_at, student_id_of
from records.edx_exams import EdxExam
from records.edx_installations import Installation
from records.exams import Exam
from records.roster_rows import EMAIL_MAX, MINUTES_MAX, NAME_MAX, NOTE_MAX, Column, Student, is_email
from records.rosters import RosterRow, row_id_of
from sessions.ends import End
from web.calls.audit import note
from web.calls.told import tell_roster
from web.integrations.lti.claims import told
from web.integrations.openedx.exams import BY
from web.integrations.openedx.schemas import MakeAttempt
from web.integrations.openedx.telling import CONCLUDED, sessions_of
from web.parts import parts

log = logging.getLogger(__name__)

INSTRUCTIONS: tuple[Text, ...] = (
    _("Open the link: the proctoring page opens in a tab of its own."),
    _("Follow its steps. It says what is watched and who sees it, and looks at camera, microphone and light."),
    _("Begin there, and leave that page open until you have handed in."),
    _("Come back to this page, which lets you begin the exam some seconds later."),
)
ONBOARDING_ERRORS = {
    "no-profile": "onboarding_missing",
    "pending": "onboarding_pending",
    "rejected": "onboarding_failed",
    "expired": "onboarding_expired",
}


def make_attempt(installation: Installation, exam: EdxExam, ours: Exam, wanted: MakeAttempt) -> Attempt:
    """Put the student into the exam's list, and keep the attempt. Raise `Conflict`, `StorageError`."""
    before = parts().openedx.attempts.of_student(ours.key, student_id_of(installation.id, wanted.user_id))
    attempt = parts().openedx.attempts.make(exam, wanted.user_id)
    row, is_new = _admit(ours, attempt, exam, wanted)
    if row.revoked and before and before[-1].revoked:  # by what Open edX deleted; what a person here revoked stays so
        parts().rosters.set_links([row], "restore")
    _end_session(attempt, of_others=True)
    note("openedx: attempt made", BY, installation=installation.id, attempt=attempt.id, user_id=attempt.user_id, exam_id=ours.exam_id)
    if is_new:
        tell_roster(ours)
    return attempt


def onboarding_error(installation: Installation, exam: EdxExam, sub: str) -> str | None:
    """Why a student may not take a proctored exam yet; None: they may. Raise `StorageError`."""
    if exam.practice or not installation.onboarding:
        return None
    stands: Onboarding = parts().openedx.attempts.onboarding(installation.id, exam.course_id, sub)[0]
    return ONBOARDING_ERRORS.get(stands)


def row_of(attempt: Attempt) -> RosterRow | None:
    """The student's row in the exam's list; None for one that was taken out. Raise `StorageError`."""
    try:
        return parts().rosters.row(attempt.exam_key, row_id_of(attempt.exam_key, attempt.user_id))
    except NotFound:
        return None


def set_status(installation: Installation, attempt: Attempt, status: Told) -> Attempt:
    """Open edX says so: what was handed in, or went wrong, ends the session here, and lets a verdict out that waited. Raise `StorageError`."""
    now = parts().openedx.attempts.set_status(attempt.id, status) or attempt
    if status != "started":
        _end_session(attempt)
        sessions = sessions_of(parts().database, parts().openedx.attempts, attempt)
        parts().outbox.hurry(installation.id, sessions, CONCLUDED)
        if (sender := parts().hook_sender) is not None:
            sender.wake()
    return now


def delete_attempt(installation: Installation, attempt: Attempt) -> None:
    """Its student does not enter by it any more. What was recorded stays, for as long as records are kept here. Raise `StorageError`."""
    attempts, row = parts().openedx.attempts, row_of(attempt)
    newest = attempts.of_student(attempt.exam_key, attempt.user_id)[-1:]
    if row is not None and not row.revoked and newest and newest[0].id == attempt.id:
        attempts.note_revoked(attempt.id)
        parts().rosters.set_links([row], "revoke")
    _end_session(attempt)
    attempts.delete(attempt.id)  # last: what breaks off is asked for again
    note("openedx: attempt deleted", BY, installation=installation.id, attempt=attempt.id, user_id=attempt.user_id, exam_id=attempt.exam_id)


def _admit(ours: Exam, attempt: Attempt, exam: EdxExam, wanted: MakeAttempt) -> tuple[RosterRow, bool]:
    email = told(wanted.email, EMAIL_MAX + 1)
    more = max(0, (wanted.time_limit_mins or 0) - (exam.limit_min or 0)) if exam.limit_min else 0
    student = Student(
        0,
        attempt.user_id,
        told(wanted.full_name, NAME_MAX),
        email if is_email(email) else "",
        0.0,
        min(float(more), MINUTES_MAX),
        told(wanted.review_policy_exception, NOTE_MAX),
    )
    given: dict[Column, bool] = {"name": bool(student.name), "email": bool(student.email), "note": bool(student.note), "extra": more > 0}
    has = {column for column, is_given in given.items() if is_given}
    return parts().rosters.admit(ours.key, ours.exam_id, student, has, by=BY, again_at=attempt.made_at)


def _end_session(attempt: Attempt, *, of_others: bool = False) -> None:
    """End the session of this attempt, or the one `of_others` of its student and exam, where it runs here.

    Of several servers the one that has it gets the call (`web.hop.calls`).
    """
    session = parts().monitor.find(attempt.user_id, attempt.exam_id)
    if session is None:
        return
    its = attempt_at(parts().openedx.attempts.of_student(attempt.exam_key, attempt.user_id), session.started_at)
    if (its is not None and its.id == attempt.id) is of_others:
        return
    try:
        parts().monitor.end_session(session.session_id, End("call"))
    except (NotFound, Conflict):  # somebody else has ended it in this moment
        return
    except StorageError:
        log.debug("its record waits to be stored", extra={"session_id": session.session_id})
    note("session: ended", BY, session_id=session.session_id, reason="")
