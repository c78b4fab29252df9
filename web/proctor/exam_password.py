"""The password of an exam elsewhere: whoever may change the exam sets it, while it runs, too; students are shown it once their check has passed."""

from __future__ import annotations

from typing import Annotated, Literal

from flask import Blueprint, Response, request
from pydantic import AfterValidator, BaseModel, Field, StringConstraints

from basics.plain_text import one_line, printable
from records.exam_passwords import PASSWORD_MAX, TEXT_MAX, ExamPassword
from web.access.callers import signature
from web.calls.audit import note, note_look
from web.calls.bodies import read_body, reply
from web.calls.openapi import describe
from web.parts import parts

exam_password = Blueprint("exam_password", __name__, url_prefix="/api/exams/<exam_key>/password")


class SetExamPassword(BaseModel):
    """The password from now on, for students who are in the exam already, too."""

    password: Annotated[
        str, StringConstraints(strip_whitespace=True, max_length=PASSWORD_MAX), AfterValidator(printable), AfterValidator(one_line)
    ] = Field(description="Such as a quiz of a learning platform asks for; empty: none.")
    text: Annotated[str, StringConstraints(strip_whitespace=True, max_length=TEXT_MAX), AfterValidator(printable)] = Field(
        default="", description="What the student is to do with it; empty: the page's own words say it."
    )


class ExamPasswordAnswer(BaseModel):
    """The password of an exam elsewhere."""

    success: Literal[True] = True
    password: str
    text: str


@exam_password.get("")
@describe(ExamPasswordAnswer, errors=(404, 503))
def shown(exam_key: str) -> Response:
    """Show the password that students are given for the exam elsewhere, to whoever may change the exam."""
    exam = parts().exams.by_key(exam_key)
    found = parts().exam_passwords.of(exam.key)
    if found.password:
        note_look("exam: password seen", signature(), exam_id=exam.exam_id, exam_key=exam.key)
    return reply(ExamPasswordAnswer(password=found.password, text=found.text))


@exam_password.put("")
@describe(ExamPasswordAnswer, body=SetExamPassword, errors=(404, 409, 503))
def change(exam_key: str) -> Response:
    """Set, change or take away the password that students are given for the exam elsewhere. It stands in no record, package, copy or list."""
    exam = parts().exams.by_key(exam_key)
    wanted = read_body(request, SetExamPassword)
    parts().exam_passwords.set(exam.key, ExamPassword(wanted.password, wanted.text), signature())
    note("exam: password set" if wanted.password else "exam: password taken away", signature(), exam_id=exam.exam_id, exam_key=exam.key)
    return reply(ExamPasswordAnswer(password=wanted.password, text=wanted.text))
