"""The password of the exam elsewhere, for a student who has begun, whose check has passed and whose camera is seen here; for nobody before that."""

from __future__ import annotations

from typing import Literal

from flask import Blueprint, Response, g
from pydantic import BaseModel, Field

from basics.errors import Conflict
from basics.texts import _
from records.exam_passwords import ExamPassword
from web.calls.audit import note
from web.calls.bodies import reply
from web.calls.openapi import describe
from web.parts import parts
from web.student.ready import lacks

student_password = Blueprint("student_password", __name__, url_prefix="/api/student")

NOTED_FOR_S = 30 * 86_400.0  # that it is known that a session's student was shown it: longer than any session lasts


class PasswordShown(BaseModel):
    """The password, and what to do with it; both empty where the exam has none."""

    success: Literal[True] = True
    password: str
    text: str = Field(description="As the teacher wrote it; empty: type it where the exam asks for a password.")


@student_password.get("/password")
@describe(PasswordShown, errors=(404, 409, 503))
def shown() -> Response:
    """Show a student the password that the exam elsewhere asks for, as it is now.

    409 (`reason`) before the exam has begun (`not_begun`), after its end (`over`), where the check before it has not passed (`check`), and, where the
    exam asks for a camera, while no picture of it is read here (`picture`). That it was shown is in the audit, once for each session.
    """
    session_id: str = g.student_session_id
    session = parts().monitor.get(session_id)
    if session is None or not session.is_running:
        raise Conflict(_("This exam has ended."), reason="over")
    if not session.begun:
        raise Conflict(_("The password is shown once your exam has begun."), reason="not_begun")
    exam = session.limit.exam
    found = parts().exam_passwords.of(exam.key) if exam is not None else ExamPassword()
    if not found.password or exam is None:
        return reply(PasswordShown(password="", text=""))
    missing = lacks(session)
    if missing == "check":
        raise Conflict(
            _("The password is shown once your camera check has passed. Call the proctor: your check is not stored as passed."), reason="check"
        )
    if missing == "picture":
        raise Conflict(_("The password is shown once your camera’s picture has arrived. Wait a moment, and try again."), reason="picture")
    if parts().lti.used.take("password shown", session_id, NOTED_FOR_S):
        note("exam: password shown", "student", exam_id=session.exam_id, exam_key=exam.key, session_id=session_id, user_id=session.user_id)
    return reply(PasswordShown(password=found.password, text=found.text))
