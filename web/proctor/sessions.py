"""The REST calls on sessions: create and end them, list them, and read what was found in them."""

from __future__ import annotations

from functools import partial
from typing import Any

from flask import Blueprint, Response, request

from basics.errors import Conflict, InvalidInput, StorageError
from basics.texts import _
from database import Document
from records.analytics import Span
from scoring.accommodations import document_id_of
from sessions.refusals import has_none
from sessions.session import ExamSession
from web.access.callers import caller, signature
from web.access.hold import exam_of_session
from web.calls.addresses import portal_url
from web.calls.audit import note, note_look
from web.calls.bodies import read_body, read_query, reply
from web.calls.openapi import describe
from web.calls.paging import next_after
from web.calls.spelling import as_known, as_sought
from web.calls.values import StudentExam, check_session_id
from web.languages import said
from web.parts import parts
from web.proctor.answers import (
    active_elsewhere,
    active_session,
    check_answer,
    each,
    flagged_answer,
    interval_answer,
    session_answer,
    session_line,
    with_live,
)
from web.proctor.damaged import readable_check, readable_part
from web.proctor.sessions_schemas import (
    ActiveSessions,
    CreateSession,
    DetailsQuery,
    FlaggedList,
    FlaggedQuery,
    SessionCreated,
    SessionDetails,
    SessionEnded,
    SessionLine,
    Sessions,
    SessionsQuery,
    Stats,
    UnreadableParts,
)

LINE_FIELDS = (*SessionLine.model_fields, "owner")

api = Blueprint("api", __name__, url_prefix="/api")


@api.post("/session/create")
@describe(SessionCreated, body=CreateSession, errors=(404, 409, 429, 503))
def create_session() -> Response:
    """Start a session.

    It is answered once the session is stored. A student who already has a running session of that exam gets 409 with its `session_id`.
    """
    wanted = as_known(read_body(request, CreateSession))
    source = wanted.source or parts().settings.default_source
    if source == "browser" and wanted.station is not None:
        raise InvalidInput(_("station is for source `local` only; leave it out for `browser`."), field="station")
    session = parts().monitor.create(wanted.user_id, wanted.exam_id, source, wanted.station)
    note("session: created", signature(), session_id=session.session_id, user_id=session.user_id, exam_id=session.exam_id)
    answer = SessionCreated(session_id=session.session_id, user_id=session.user_id, exam_id=session.exam_id)
    if session.source == "browser":
        parts().monitor.attendance.vouch(session.session_id)
        session.storage.write("sessions", session.session_id, {"vouched": True})
        answer.portal_url = portal_url(request, parts().access.make_student_token(session.session_id), wanted.language, session_id=session.session_id)
        return reply(answer)
    return Response(answer.model_dump_json(exclude={"portal_url"}), mimetype="application/json")


@api.post("/session/end")
@describe(SessionEnded, body=StudentExam, errors=(404, 409, 503))
def end_session() -> Response:
    """End a student's running session."""
    wanted = as_known(read_body(request, StudentExam))
    try:
        summary = parts().monitor.end(wanted.user_id, wanted.exam_id)
    except Conflict as error:  # one of whatever exam has ended
        if (past := error.details.get("session_id")) is None or caller().may("look", exam_of_session(past)):
            raise
        raise has_none(wanted.user_id, wanted.exam_id) from None
    note("session: ended", signature(), session_id=summary.session_id)
    return reply(SessionEnded(**summary.to_dict()))


@api.get("/sessions")
@describe(Sessions, query=SessionsQuery, errors=(503,))
def sessions() -> Response:
    """List sessions, those that run and those that have ended, newest first."""
    query = as_sought(read_query(request, SessionsQuery))
    days = Span(first=query.first, last=query.last, tz=query.tz).days()
    equal = query.model_dump(include={"exam_id", "user_id", "state"}, exclude_none=True) | ({"exam_id": None} if query.without_exam else {})
    named: dict[str, Any] = {"search": query.search or None, "started": days, "fields": LINE_FIELDS}
    found = parts().database.sessions(query.limit + 1, query.after, **named, exams=caller().exam_condition("look"), **equal)
    decisions = parts().reviews.counts_of_sessions([document["_id"] for document in found])
    shown = [_line(document, decisions.get(document["_id"], {})) for document in found[: query.limit]]
    return reply(Sessions(sessions=shown, count=len(shown), next_after=next_after(found, query.limit)))


@api.get("/sessions/active")
@describe(ActiveSessions)
def active_sessions() -> Response:
    """List the running sessions."""
    note_look("live: looked at", "proctor")
    sessions = [active_session(session, parts().names.of(session.user_id, session.exam_id)) for session in _running()]
    note = ""
    try:
        sessions += each(active_elsewhere, parts().monitor.elsewhere.running(caller().exam_condition("look")))
    except StorageError:
        note = str(said(_("The database is away: what runs at other servers is not in this list.")))
    alone = not parts().monitor.ownership.living()
    return reply(ActiveSessions(sessions=sessions, count=len(sessions), note=note, alone=alone))


@api.get("/sessions/stats")
@describe(Stats, errors=(503,))
def session_stats() -> Response:
    """Count sessions and flags."""
    stats = parts().database.stats(parts().settings.high_risk_flags, caller().exam_condition("look"))
    if not parts().monitor.elsewhere.possible:  # what begins just now is not in the database yet; of others only that knows
        stats["active_sessions"] = len(_running())
    return reply(Stats(**stats))


@api.get("/session/<session_id>/details")
@describe(SessionDetails, query=DetailsQuery, errors=(404, 503))
def session_details(session_id: str) -> Response:
    """Show a session: its rules, intervals with violations and clips, and checks.

    A session that runs is shown with the interval that is going on. What was damaged in the database is left out, and named under `unreadable`.
    """
    query = read_query(request, DetailsQuery)
    check_session_id(session_id)
    database = parts().database
    document = database.session(session_id)
    intervals = database.intervals(session_id, after=query.after, limit=query.limit + 1)
    session = parts().monitor.get(session_id)
    if session is not None:
        document |= {"breaks": session.breaks(), "messages": session.messages.documents(), "marks": session.marks.documents()}
        document |= {"accommodations": session.changes.documents()}
        intervals = with_live(intervals, session.intervals(), session_id, query.after)
    document, unreadable = readable_part(document)
    note_look("session: looked at", "proctor", session_id=session_id, user_id=document["user_id"], exam_id=document.get("exam_id"))
    document["accommodation_note"] = _note_of(document)
    document["rehearsal"], damaged = readable_check(database.get("rehearsals", document_id_of(document["user_id"], document.get("exam_id"))))
    unreadable += ["rehearsal"] if damaged else []
    checks = _checks(session_id, query.checks_after, query.limit + 1, readings=query.readings)
    left_out: list[str] = []
    return reply(
        SessionDetails(
            session=session_answer(document, session),
            rules=document.get("rules") or {},
            intervals=each(interval_answer, parts().answers.with_answers(intervals[: query.limit]), left_out),
            checks=each(partial(check_answer, readings=query.readings), checks[: query.limit], left_out),
            unreadable=UnreadableParts(fields=unreadable, records=left_out),
            next_after=next_after(intervals, query.limit),
            next_checks_after=next_after(checks, query.limit),
        )
    )


@api.get("/flagged/all")
@describe(FlaggedList, query=FlaggedQuery, errors=(404, 503))
def flagged() -> Response:
    """List flagged intervals, newest first, with the reasons and the clip."""
    query = as_sought(read_query(request, FlaggedQuery))
    documents = parts().database.flagged(
        query.limit + 1, query.after, exam_id=query.exam_id, user_id=query.user_id, exams=caller().exam_condition("look")
    )
    note_look("flags: looked at", "proctor")
    shown = each(flagged_answer, documents[: query.limit])
    return reply(FlaggedList(flagged=shown, count=len(shown), next_after=next_after(documents, query.limit)))


def _line(document: Document, decisions: dict[str, int]) -> SessionLine:
    known, unreadable = readable_part(document)
    return session_line({**known, "decisions": decisions, "unreadable": unreadable}, parts().monitor.get(document["_id"]))


def _note_of(document: Document) -> str | None:
    """The note of the accommodation that holds for the session's student; None for whoever may not set accommodations there."""
    user_id, exam_id = document["user_id"], document.get("exam_id")
    if not caller().may("accommodations", exam_id):
        return None
    found = parts().monitor.accommodations.find(user_id, exam_id)
    if found is not None:  # one for every exam is of more exams than some may set any in
        return found.note if caller().may("accommodations", found.exam_id) else None
    applied = document.get("accommodation")
    return str(applied.get("note") or "") if isinstance(applied, dict) else ""


def _running() -> list[ExamSession]:
    """The running sessions that the caller may see."""
    running, who = parts().monitor.active(), caller()
    return running if who.exam_filter("look") is None else [session for session in running if who.may("look", session.exam_id)]


def _checks(session_id: str, after: str | None, limit: int, *, readings: bool) -> list[dict[str, Any]]:
    try:
        return parts().database.checks(session_id, after=after, limit=limit, readings=readings)
    except InvalidInput as error:
        error.field = "checks_after"  # the database knows its own parameter's name only
        raise
