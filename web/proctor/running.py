"""What a proctor does with a running session: pause it, write to its student, let the student in again, end it; or reopen one that broke off."""

from __future__ import annotations

from flask import Blueprint, Response, request

from basics.errors import Conflict, InvalidInput, NotFound, StorageError
from basics.texts import _
from records.conclusions import in_force
from scoring.breaks import STUDENT
from sessions.ends import End
from sessions.session import ExamSession
from web.calls.addresses import portal_url
from web.calls.audit import note
from web.calls.bodies import read_body, reply
from web.calls.openapi import describe
from web.calls.told import tell_session
from web.calls.values import check_session_id
from web.parts import parts
from web.proctor.running_schemas import (
    BreakAnswer,
    BreakSet,
    EndSession,
    LinkMade,
    MakeLink,
    MarkAnswer,
    MarkMoment,
    MarkSeen,
    MessageAnswer,
    MessageSent,
    MomentMarked,
    Reopened,
    ReopenSession,
    Seen,
    SendMessage,
    SetBreak,
)
from web.proctor.sessions_schemas import SessionEnded

desk = Blueprint("desk", __name__, url_prefix="/api/session/<session_id>")

STORED_WITHIN_S = 10.0


@desk.post("/break")
@describe(BreakSet, body=SetBreak, errors=(404, 409, 503))
def set_break(session_id: str) -> Response:
    """Begin or end a break.

    While it is on nothing is scored, and the student's page sends no pictures and no sound. 409 where it is already so.
    """
    session = running(session_id)
    wanted = read_body(request, SetBreak)
    if wanted.by == STUDENT:
        raise InvalidInput(_("by must name the proctor: a break by %(student)s is one that the student took.", student=repr(STUDENT)), field="by")
    if wanted.on:
        session.begin_break(wanted.by, wanted.reason)
    else:
        session.end_break()
    note(f"break: {'begun' if wanted.on else 'ended'}", wanted.by, session_id=session_id, reason=wanted.reason)
    return reply(BreakSet(on_break=session.on_break, breaks=[BreakAnswer.model_validate(one) for one in session.breaks()]))


@desk.post("/seen")
@describe(Seen, body=MarkSeen, errors=(404, 503))
def mark_seen(session_id: str) -> Response:
    """Say that flags were looked at: no dashboard marks them any more.

    It decides nothing. Of a session that has ended nothing is left unseen: its flags are in the review's queue.
    """
    check_session_id(session_id)
    wanted = read_body(request, MarkSeen)
    session = parts().monitor.get(session_id)
    if session is not None:
        if seen := session.flags_seen.mark(wanted.intervals):
            note("flags: seen", wanted.by, session_id=session_id, intervals=seen)
        unseen = session.flags_seen.unseen()
        return reply(Seen(unseen=len(unseen.intervals) if unseen is not None else 0))
    document = parts().database.session(session_id)
    if wanted.intervals:  # known again where it is reopened
        all_seen = {*(document.get("flags_seen") or []), *wanted.intervals} & set(range(document.get("intervals") or 0))
        parts().database.write("sessions", session_id, {"flags_seen": sorted(all_seen)})
    tell_session("flags_seen", {"session_id": session_id, "unseen": None}, document.get("exam_id"))
    return reply(Seen(unseen=0))


@desk.post("/message")
@describe(MessageSent, body=SendMessage, errors=(404, 409, 429, 503))
def send_message(session_id: str) -> Response:
    """Write to the student, or warn them.

    409 while the student's page isn't connected: the message is stored, and delivered when it comes back (`message_id` names it).
    """
    session = running(session_id)
    wanted = read_body(request, SendMessage)
    if session.source != "browser":
        raise Conflict(_("This session watches a station of the server, whose student has no page to be written to. Speak to them."))
    message, ticket = session.talk.send(wanted.text, wanted.level, wanted.by)
    if not ticket.wait(STORED_WITHIN_S):
        raise StorageError(_("The message can't be stored now; see /api/health."))
    note(f"message: {wanted.level}", wanted.by, session_id=session_id, message_id=message.id, text=wanted.text)
    if not parts().links.connected(session_id):
        raise Conflict(
            _("The student's page isn't connected now. The message is kept, and delivered as soon as it comes back."), message_id=message.id
        )
    return reply(MessageSent(message=MessageAnswer.model_validate(message.to_dict())))


@desk.post("/mark")
@describe(MomentMarked, body=MarkMoment, errors=(404, 409, 429, 503))
def mark_moment(session_id: str) -> Response:
    """Mark a moment of a running session: the clip of its interval is kept and stands in the review queue, with the note.

    It counts POINTS_PROCTOR_MARK, which is 0 by default. 409 where nothing is recorded: before the student has come, in a break.
    """
    session = running(session_id)
    wanted = read_body(request, MarkMoment)
    mark, index, ticket = session.marks.add(wanted.note, wanted.by, wanted.seconds_ago)
    if not ticket.wait(STORED_WITHIN_S):
        raise StorageError(_("The mark can't be stored now; see /api/health."))
    video_id = session.interval_id(index)
    note("moment: marked", wanted.by, session_id=session_id, video_id=video_id, text=wanted.note)
    return reply(MomentMarked(mark=MarkAnswer(**mark.to_dict(), interval=index, video_id=video_id)))


@desk.post("/link")
@describe(LinkMade, body=MakeLink, errors=(404, 409, 503))
def make_link(session_id: str) -> Response:
    """Make another link for the student of a running browser session, who lost the page or goes on at another computer.

    It ends every link made before: a page that is open by one of them stops.
    """
    session = running(session_id)
    wanted = read_body(request, MakeLink)
    if session.source != "browser":
        raise Conflict(_("This session watches a station of the server, whose student needs no link."))
    parts().monitor.link_made(session)
    parts().links.let_go(session_id)
    note("link: made", wanted.by, session_id=session_id)
    return reply(
        LinkMade(
            session_id=session_id,
            portal_url=portal_url(request, parts().access.make_student_token(session_id), wanted.language, session_id=session_id),
        )
    )


@desk.post("/reopen")
@describe(Reopened, body=ReopenSession, errors=(404, 409, 429, 503))
def reopen_session(session_id: str) -> Response:
    """Let a session go on that was interrupted: by an outage, or because the student's page stayed away.

    What was not seen since then stays unknown. 409 where it runs, where somebody ended it, or a day has passed, and with `reason` `concluded` while
    a conclusion is in force. The student goes on by `portal_url`, or where the exam's page is still open, by its button.
    """
    check_session_id(session_id)
    wanted = read_body(request, ReopenSession)
    if (kept := parts().conclusions.of_session(session_id)) is not None:  # what comes now is no part of what was concluded
        wrong = _("%(by)s has concluded on this session. Withdraw the conclusion first, with a reason; then the session can go on.", by=kept.by)
        raise Conflict(wrong, reason="concluded", **in_force(kept))
    session = parts().monitor.reopen(session_id)
    note("session: reopened", wanted.by, session_id=session_id)
    answer = Reopened(session_id=session_id)
    if session.source == "browser":
        answer.portal_url = portal_url(request, parts().access.make_student_token(session_id), wanted.language, session_id=session_id)
    return reply(answer)


@desk.post("/end")
@describe(SessionEnded, body=EndSession, errors=(404, 409, 503))
def end_session(session_id: str) -> Response:
    """End a running session, with the reason that its student is told."""
    running(session_id)
    wanted = read_body(request, EndSession)
    summary = parts().monitor.end_session(session_id, End("proctor", wanted.reason))
    note("session: ended", wanted.by, session_id=session_id, reason=wanted.reason)
    return reply(SessionEnded(**summary.to_dict()))


def running(session_id: str) -> ExamSession:
    """The running session of this id. Raise `NotFound` for one that never was, `Conflict` for one that has ended, `StorageError`."""
    check_session_id(session_id)
    session = parts().monitor.get(session_id)
    if session is not None:
        return session
    document = parts().database.session(session_id)
    if document["state"] == "running":
        raise NotFound(_("The session runs, and this server hasn't taken it up again yet. Try again in some seconds."))
    raise Conflict(_("The session has ended already."), session_id=session_id)
