"""The calls by which people give a student the link to the own report, read the answers, and answer a request for a new look."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal

from flask import Blueprint, Response, request
from pydantic import BaseModel, Field

from basics.canonical import digest
from basics.errors import Conflict
from basics.shapes import Shape
from basics.stored_fields import is_moment, is_text
from basics.texts import _
from records.exam_removal import of_exam
from records.shapes import NEW_LOOK
from records.student_answers import is_good, unsaid
from web.access.callers import caller, signature
from web.access.hold import hold
from web.calls.addresses import report_url
from web.calls.audit import note
from web.calls.bodies import read_body, read_query, reply
from web.calls.openapi import describe
from web.calls.paging import LONGEST_PAGE, PAGE, next_after
from web.calls.values import Person, Time, check_session_id
from web.parts import parts
from web.proctor.answers import each
from web.proctor.tables import Columns, Row, csv_text, read_rows, unreadable
from web.student.own_report_schemas import ReportLink, Said

student_side = Blueprint("student_side", __name__, url_prefix="/api")


def _field(name: str) -> Callable[[Row], Any]:
    return lambda row: row.get(name)


OF_SESSION = Shape({"user_id": is_text, "started_at": is_moment}, needs=("user_id", "started_at"))
CSV_COLUMNS: Columns = {
    "user_id": _field("user_id"),
    "session_id": _field("_id"),
    "started_at": _field("started_at"),
    "link": _field("link"),
    "until": _field("until"),
    "unreadable": unreadable,
}


class MakeReportLink(BaseModel):
    """For how long."""

    days: int | None = Field(default=None, ge=1, le=731, description="Null: REPORT_LINK_DAYS.")
    by: Person = "proctor"


class LinksEnded(BaseModel):
    """The links open nothing any more."""

    success: Literal[True] = True
    ended: int


class NewLookLine(BaseModel):
    """A student's request for a new look at what was concluded, and what came of it."""

    session_id: str
    user_id: str
    student_name: str = Field(default="", description="As the exam's list has it; empty where none is known or told.")
    exam_id: str | None
    reason: str
    at: Time
    state: Literal["open", "done"]
    answer: str | None = None
    answered_by: str | None = None
    answered_at: Time | None = None


class StudentSide(BaseModel):
    """How a session stands with its student."""

    report: Literal["open", "off", "running", "later"] = Field(description="May the student read the report now? `later`: once it is concluded.")
    links: int = Field(description="Links to the report that are good.")
    first_link_at: Time | None
    opened_at: Time | None = Field(description="When the student first opened one.")
    answered: int = Field(description="Flags that the student answered.")
    flags: int
    nothing_to_add: bool
    why_not_yet: str | None = Field(description="Why no finding may be concluded yet; null: it may.")
    new_look: NewLookLine | None = Field(default=None, description="Only for those with the right `results` in the exam.")


class NewLooksQuery(BaseModel):
    """Which requests."""

    state: Literal["open", "done"] = "open"
    limit: int = Field(PAGE, ge=1, le=LONGEST_PAGE)
    after: str | None = Field(default=None, max_length=64, pattern="^[0-9a-f]{32}(-[0-9]{3})?$")


class NewLooks(BaseModel):
    """Requests for a new look, newest first."""

    new_looks: list[NewLookLine]
    count: int
    next_after: str | None = None


class AnswerNewLook(BaseModel):
    """What came of it. The student reads the text."""

    text: Said
    by: Person


@student_side.get("/session/<session_id>/student-side")
@describe(StudentSide, errors=(404, 503))
def shown(session_id: str) -> Response:
    """Show how a session stands with its student: may the report be read, was it, what is answered, and is a new look asked for."""
    check_session_id(session_id)
    return reply(_side(session_id))


@student_side.post("/session/<session_id>/student-report")
@describe(ReportLink, body=MakeReportLink, errors=(404, 409, 503))
def make_link(session_id: str) -> Response:
    """Make a link to the student's own report. It is shown once; links that were made before stay good.

    409 where the exam allows no report. Until its session is ended, or concluded where the exam waits for that, the link says so.
    """
    check_session_id(session_id)
    wanted = read_body(request, MakeReportLink)
    session = parts().database.session(session_id)
    if parts().answers.opening(session) == "off":
        raise Conflict(_("In this exam students read no report. Change that on the exam's page first."), reason="off")
    token, until = parts().answers.make_link(session, by=signature(wanted.by), days=wanted.days)
    note("own report: link made", wanted.by, session_id=session_id, until=until)
    return reply(ReportLink(url=report_url(request, token), token=token, until=until))


@student_side.delete("/session/<session_id>/student-report")
@describe(LinksEnded, errors=(404, 503))
def end_links(session_id: str) -> Response:
    """End all links to the student's own report. The student's answers stay."""
    check_session_id(session_id)
    parts().database.session(session_id)
    ended = parts().answers.end_links(session_id)
    note("own report: links ended", "proctor", session_id=session_id, count=ended)
    return reply(LinksEnded(ended=ended))


@student_side.post("/exams/<exam_key>/student-reports")
@describe(body=MakeReportLink, errors=(404, 409, 503), media_type="text/csv")
def make_links(exam_key: str) -> Response:
    """Make a link to the own report for each session of an exam that has ended, as CSV.

    The columns are student, session, when it began, link, until when it is good, and what of the session was damaged in the database.
    Those that began last come first, 5,000 at most. A session that has as many links as one may have is left without another.
    """
    wanted = read_body(request, MakeReportLink)
    exam = parts().exams.by_key(exam_key)
    answers, definition = parts().answers, exam.definition
    if definition.student_report == "off" and not definition.answer_first:
        raise Conflict(_("In this exam students read no report. Change that on the exam's page first."), reason="off")
    made = answers.make_links(of_exam(parts().database, exam.exam_id), by=signature(wanted.by), days=wanted.days)
    note("own report: links made", wanted.by, exam_id=exam.exam_id, count=len(made))
    rows = [{**session, "link": report_url(request, token), "until": until} for session, token, until in made]
    text = csv_text(CSV_COLUMNS, read_rows(OF_SESSION, rows))
    return Response(text, mimetype="text/csv", headers={"Content-Disposition": 'attachment; filename="reports.csv"', "Cache-Control": "no-store"})


@student_side.get("/new-looks")
@describe(NewLooks, query=NewLooksQuery, errors=(503,))
def new_looks() -> Response:
    """List students' requests for a new look, newest first."""
    query = read_query(request, NewLooksQuery)
    found = parts().answers.new_looks(query.state, caller().exam_condition("results"), query.limit + 1, query.after)
    lines = each(_line, found[: query.limit])
    return reply(NewLooks(new_looks=lines, count=len(lines), next_after=next_after(found, query.limit)))


@student_side.post("/session/<session_id>/new-look")
@describe(StudentSide, body=AnswerNewLook, errors=(404, 409, 503))
def answer_new_look(session_id: str) -> Response:
    """Answer a student's request for a new look, in words that the student reads. What was concluded is changed by itself, not hereby."""
    check_session_id(session_id)
    hold("decide", parts().database.session(session_id).get("exam_id"))
    wanted = read_body(request, AnswerNewLook)
    parts().answers.close_new_look(session_id, wanted.text, signature(wanted.by))
    note("own report: new look answered", wanted.by, session_id=session_id, sha256=digest(wanted.text))
    return reply(_side(session_id))


def _side(session_id: str) -> StudentSide:
    answers = parts().answers
    session = parts().database.session(session_id)
    links, written, flags = answers.links(session_id), answers.answers(session_id), answers.flags(session_id)
    asked = answers.new_look(session_id) if caller().may("results", session.get("exam_id")) else None
    return StudentSide(
        report=answers.opening(session),
        links=sum(is_good(link) for link in links),
        first_link_at=links[0]["made_at"] if links else None,
        opened_at=min((link["opened_at"] for link in links if link.get("opened_at")), default=None),
        answered=sum(one != session_id for one in written),
        flags=len(flags),
        nothing_to_add=session_id in written and not unsaid(flags, written),
        why_not_yet=answers.may_conclude(session_id),
        new_look=None if asked is None else _line(asked),
    )


def _line(stored: Mapping[str, Any]) -> NewLookLine:
    stored = NEW_LOOK.fit(stored)[0]
    done: Mapping[str, Any] = stored.get("done") or {}
    named = {name: stored.get(name) for name in ("session_id", "user_id", "exam_id", "reason", "at", "state")}
    user_id = str(named["user_id"] or "")
    named |= {"session_id": str(stored["_id"]).partition("-")[0], "user_id": user_id, "student_name": parts().names.of(user_id, named["exam_id"])}
    return NewLookLine.model_validate({**named, "answer": done.get("text"), "answered_by": done.get("by"), "answered_at": done.get("at")})
