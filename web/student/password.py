"""The password of the exam elsewhere, for a student who has begun and whose check has passed; for nobody before that."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from flask import Blueprint, Response, g
from pydantic import BaseModel, Field

from basics.errors import Conflict
from basics.texts import _
from records.exam_passwords import ExamPassword
from web.calls.bodies import reply
from web.calls.openapi import describe
from web.parts import parts

student_password = Blueprint("student_password", __name__, url_prefix="/api/student")

BORNE = frozenset({"microphone"})  # an exam may be begun without it, as the page has it


class PasswordShown(BaseModel):
    """The password, and what to do with it; both empty where the exam has none."""

    success: Literal[True] = True
    password: str
    text: str = Field(description="As the teacher wrote it; empty: type it where the exam asks for a password.")


@student_password.get("/password")
@describe(PasswordShown, errors=(404, 409, 503))
def shown() -> Response:
    """Show a student the password that the exam elsewhere asks for, as it is now.

    409 (`reason`) before the exam has begun (`not_begun`), after its end (`over`), and where the check before it has not passed (`check`).
    """
    session_id: str = g.student_session_id
    session = parts().monitor.get(session_id)
    if session is None or not session.is_running:
        raise Conflict(_("This exam has ended."), reason="over")
    if not session.begun:
        raise Conflict(_("The password is shown once your exam has begun."), reason="not_begun")
    exam = session.limit.exam
    found = parts().exam_passwords.of(exam.key) if exam is not None else ExamPassword()
    if found.password and not has_passed(parts().database.session(session_id).get("checks_before")):
        raise Conflict(
            _("The password is shown once your camera check has passed. Call the proctor: your check is not stored as passed."), reason="check"
        )
    return reply(PasswordShown(password=found.password, text=found.text))


def has_passed(check: Any) -> bool:
    """Has the check before the exam passed: was it made, and is nothing not ready without which an exam isn't begun?"""
    results = check.get("results") if isinstance(check, Mapping) else None
    if not isinstance(results, list) or not results:
        return False
    return all(isinstance(one, Mapping) and (one.get("state") != "not_ready" or one.get("item") in BORNE) for one in results)
