"""Safe Exam Browser: the file that opens an exam in it, where it begins, a page's proof that it is there, and keys of uploaded files."""

from __future__ import annotations

import re

from flask import Blueprint, Response, g, redirect, request
from pydantic import BaseModel, Field
from werkzeug.wrappers import Response as BaseResponse

from basics.errors import NotFound, TooLarge
from basics.texts import _
from records.seb import FILE_MAX_BYTES, config_key, read_seb, write_seb
from web.calls.bodies import read_body, reply
from web.calls.openapi import describe
from web.calls.values import DOCUMENT_ID_PATTERN
from web.parts import parts
from web.student.entry import brought
from web.student.seb import here, look_for_seb, session_of_ticket, settings_of
from web.student.seb_said import SebChecked, SebSaid
from web.student.trials import count_check

seb = Blueprint("seb", __name__)

MEDIA_TYPE = "application/seb"


class SebKey(BaseModel):
    """The key of a `.seb` file."""

    config_key: str
    start_url: str = Field(description="Where the file begins; empty: it doesn't say.")


@seb.post("/api/student/seb")
@describe(SebChecked, body=SebSaid, errors=(404, 409, 429, 503))
def check() -> Response:
    """Take a page's proof that it is in Safe Exam Browser, and say what follows.

    Headers prove it, which are hashed with the address of this call and count where `seb` in its query is the session's own; or what the page reads,
    which is hashed with the page's address (`seb.page` of `GET /api/student/session`). What it proved is kept with the session, and never counts
    against the student; where the exam is taken in Safe Exam Browser only, `link_pass` lets its link in. A session whose server is gone is taken up
    for it.
    """
    session_id: str = g.student_session_id
    count_check(session_id)
    said = read_body(request, SebSaid)
    return reply(look_for_seb(brought(parts(), session_id), said))


@seb.get("/exams/<exam_key>.seb")
@describe(errors=(404, 503), media_type=MEDIA_TYPE, description="Safe Exam Browser's settings for this exam: a property list in XML.")
def file(exam_key: str) -> Response:
    """Give the file that opens an exam in Safe Exam Browser, where the exam asks for it: by `sebs://` in place of `https://`, or downloaded."""
    exam = parts().exams.by_key(exam_key)
    if exam.definition.seb == "off":
        raise NotFound(_("This exam is taken in any browser: it has no file for Safe Exam Browser."))
    answer = Response(write_seb(settings_of(exam.key, exam.definition)), mimetype=MEDIA_TYPE)
    answer.headers["Content-Disposition"] = f'attachment; filename="{exam.key[:8]}.seb"'
    answer.headers["Cache-Control"] = "no-store"
    return answer


@seb.get("/seb/<exam_key>")
def start(exam_key: str) -> BaseResponse:
    """Lead on to the exam's page; with the ticket of a student's own link as that student."""
    if not re.fullmatch(DOCUMENT_ID_PATTERN, exam_key):
        raise NotFound(_("There is no exam of this address."), field="exam_key")
    session_id = session_of_ticket(request.args.get("t", ""))
    token = f"#t={parts().access.make_student_token(session_id)}" if session_id else ""
    answer = redirect(f"{here()}/portal?exam={exam_key}{token}")
    answer.headers["Cache-Control"] = "no-store"
    answer.headers["Referrer-Policy"] = "no-referrer"
    return answer


@seb.post("/api/seb/config-key")
@describe(SebKey, errors=(413, 422), takes=MEDIA_TYPE, description="The body is the file itself.")
def read_key() -> Response:
    """Say which Config Key a `.seb` file has, so that an exam can allow it. The file is not kept."""
    request.max_content_length = FILE_MAX_BYTES
    if (request.content_length or 0) > FILE_MAX_BYTES:
        raise TooLarge(_("A file of Safe Exam Browser’s settings has at most %(kb)s KB.", kb=FILE_MAX_BYTES >> 10))
    settings = read_seb(request.get_data(cache=False))
    begins = settings.get("startURL")
    return reply(SebKey(config_key=config_key(settings), start_url=begins[:500] if isinstance(begins, str) else ""))
