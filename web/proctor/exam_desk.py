"""What a proctor does with all the sessions of one exam that run: write to their students."""

from __future__ import annotations

import time
from typing import Any

from flask import Blueprint, Response, request

from basics.errors import NotFound, StorageError, TooMany
from basics.texts import _
from database import Document
from sessions.session import ExamSession
from web.calls.audit import note
from web.calls.bodies import read_body, reply
from web.calls.openapi import describe
from web.calls.spelling import as_known
from web.hop.everyone import done_elsewhere
from web.parts import parts
from web.proctor.running import STORED_WITHIN_S
from web.proctor.running_schemas import ExamMessageSent, NotReached, SendToExam

exam_desk = Blueprint("exam_desk", __name__, url_prefix="/api/exam")


@exam_desk.post("/message")
@describe(ExamMessageSent, body=SendToExam, errors=(404, 409, 503))
def send_to_exam() -> Response:
    """Write to every student who takes part in an exam now, or warn them.

    A page that isn't connected is told when it comes back; who can't be written to is named in `not_reached`. 404 where there is none.
    """
    wanted = as_known(read_body(request, SendToExam))
    running = [session for session in parts().monitor.active() if session.begun and session.exam_id == wanted.exam_id]
    elsewhere = _elsewhere(wanted.exam_id)
    if not running and not elsewhere:
        raise NotFound(_("Nobody takes part in this exam now. GET /api/sessions/active lists those that do."), field="exam_id")
    tickets: list[tuple[ExamSession, Any]] = []
    missed: list[NotReached] = []
    for session in running:
        if session.source != "browser":
            missed.append(NotReached(session_id=session.session_id, user_id=session.user_id, reason="no_page"))
            continue
        try:
            _message, ticket = session.talk.send(wanted.text, wanted.level, wanted.by)
        except TooMany:
            missed.append(NotReached(session_id=session.session_id, user_id=session.user_id, reason="limit"))
            continue
        tickets.append((session, ticket))
    note(f"exam: {wanted.level}", wanted.by, exam_id=wanted.exam_id, sessions=len(tickets), text=wanted.text)
    until = time.monotonic() + STORED_WITHIN_S
    if not all(ticket.wait(max(0.0, until - time.monotonic())) for _session, ticket in tickets):
        raise StorageError(_("The messages are delivered, and can't all be stored now; see /api/health."))
    connected = sum(parts().links.connected(session.session_id) for session, _ticket in tickets)
    answers, unasked = done_elsewhere(elsewhere)
    there = [ExamMessageSent.model_validate(answer) for answer in answers]
    missed += [one for answer in there for one in answer.not_reached]
    missed += [NotReached(session_id=one["_id"], user_id=one["user_id"], reason="elsewhere") for one in unasked]
    sent, waiting = (sum(getattr(answer, name) for answer in there) for name in ("sent", "waiting"))
    return reply(ExamMessageSent(sent=len(tickets) + sent, waiting=len(tickets) - connected + waiting, not_reached=missed))


def _elsewhere(exam_id: str | None) -> list[Document]:
    """Those who take part at other servers. While the database is away nobody can tell, and those here are written to all the same."""
    try:
        return [one for one in parts().monitor.elsewhere.running({"$eq": exam_id}) if one.get("begun") is not False]
    except StorageError:
        return []
