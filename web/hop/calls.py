"""Which calls need the server at which a session runs, and which of them go on there; the same for files that lie on another server's disk.

Who may is asked here as for any call, and there again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from flask import Flask, Response, g, request
from werkzeug.wrappers import Response as BaseResponse

from basics.errors import NotFound, ProctorError, StorageError
from basics.looks import same_id
from basics.texts import _
from cluster.owning import owner_of
from records.edx_attempts import student_id_of
from records.spellings import sought_spelling
from sessions.refusals import runs_elsewhere, several_run
from web.access.signing import SESSION_ID
from web.access.who_may import SAFE_METHODS
from web.calls.bodies import given_id
from web.calls.errors import NotHere, answer_error
from web.hop.arrival import TAKEN
from web.hop.sending import ASKED_MAX, Unanswered, Unreached
from web.parts import parts
from web.student.identity import PICTURE_BYTES_MAX

Named = Literal["session", "video", "token", "student", "attempt", "attempts"]
"""How a call names its session: in its address, by an interval of it there, by the student's token, by the student (and exam) in its body, by an
attempt of Open edX in its address, or by the exam there and who takes it in the body."""

BUSY_RETRY_S = 1


@dataclass(frozen=True, slots=True)
class Call:
    """Of an endpoint: how it names its session, and whether only the session itself can answer (else what is stored answers, with less)."""

    named: Named
    needed: bool = True
    body_bytes: int | None = None  # where it takes more than others


CALLS: Mapping[str, Call] = {
    "api.end_session": Call("student"),
    "api.session_details": Call("session", needed=False),
    "desk.set_break": Call("session"),
    "desk.mark_seen": Call("session"),
    "desk.send_message": Call("session"),
    "desk.end_session": Call("session"),
    "desk.make_link": Call("session"),
    "desk.mark_moment": Call("session"),
    "stills.screen": Call("session"),
    "identity.shown": Call("session", needed=False),
    "identity.decide": Call("session", needed=False),
    "identity.ask": Call("session"),
    "reviews.decide": Call("video", needed=False),
    "students.session": Call("token", needed=False),
    "students.check": Call("token"),
    "seb.check": Call("token", needed=False),
    "lti_assessment.start": Call("session", needed=False),
    "lti_assessment.over": Call("session", needed=False),
    "student_password.shown": Call("token"),
    "students.rehearsal": Call("token"),
    "openedx.add_attempt": Call("attempts", needed=False),
    "openedx.set_status": Call("attempt", needed=False),
    "openedx.remove_attempt": Call("attempt", needed=False),
    "student_identity.say": Call("token"),
    "student_identity.answer": Call("token"),
    "student_identity.take": Call("token", body_bytes=PICTURE_BYTES_MAX),
}
"""What is not here is answered from the database, wherever it comes; or is of no single session (lists, whole exams); or brings the session to the
server at which its student's page is (the link, the way in; `seb.check`, where the session's own can't be asked)."""


def register_hop(app: Flask) -> None:
    """Send calls on that came to the wrong server. To be registered behind what asks who may."""
    app.before_request(_send_on)
    app.register_error_handler(NotHere, _ask_for_file)


def _send_on() -> Response | None:
    call = CALLS.get(request.endpoint or "")
    if call is None or request.method == "OPTIONS" or not parts().hops.has_others:
        return None
    at = _AT[call.named]()
    if at is None:
        return None
    if TAKEN in request.environ:  # it went on from there in this moment
        if call.needed:
            raise runs_elsewhere()
        return None
    if call.body_bytes is not None:
        request.max_content_length = call.body_bytes
    try:
        return parts().hops.send(at, request)
    except Unreached as error:
        if call.needed:
            raise runs_elsewhere(**({"retry_after_s": BUSY_RETRY_S} if error.busy else {})) from None
        return None
    except Unanswered:
        if call.needed or request.method not in SAFE_METHODS:
            raise _unanswered() from None
        return None


def _unanswered() -> StorageError:
    return StorageError(_("The server at which the session runs does not answer. It may have been done: look first, then try again."))


def _ask_for_file(error: NotHere) -> BaseResponse:
    """The file from a server that has it, else what is said where none can be asked."""
    said = error.otherwise
    if TAKEN not in request.environ:
        for name in parts().hops.living(error.servers)[:ASKED_MAX]:
            try:
                answer = parts().hops.send(name, request)
            except (Unreached, Unanswered):
                continue
            if answer.status_code != 404:
                return answer
            answer.close()
            said = error.missing
    return answer_error(said)


# At which server it is: None where it is answered here, be it that the session runs here, has ended or is not known; empty where no server has it.


def _at(session_id: str) -> str | None:
    monitor = parts().monitor
    if not SESSION_ID.fullmatch(session_id) or monitor.is_live(session_id):
        return None
    try:
        document = parts().database.session(session_id)
    except (NotFound, StorageError):  # the view says so
        return None
    if document.get("state") != "running" or owner_of(document) == monitor.ownership.name:
        return None
    return owner_of(document) or ""


def _by_address() -> str | None:
    return _at(str((request.view_args or {})["session_id"]))


def _by_interval() -> str | None:
    return _at(str((request.view_args or {})["video_id"]).partition("-")[0])


def _by_token() -> str | None:
    session_id: str | None = g.get("student_session_id")
    if session_id is None and request.authorization is not None and not parts().settings.is_portal_open:
        try:
            session_id = parts().access.student_session(request)
        except ProctorError:  # the view says so
            return None
    return _at(session_id) if session_id is not None else None


def _by_student() -> str | None:
    """By the rule of `Monitor.end`: of several sessions the one without an exam. Raise `Conflict` where several could be meant."""
    user_id, exam_id = given_id(request, "user_id"), given_id(request, "exam_id")
    if not isinstance(user_id, str) or not isinstance(exam_id, str | None):
        return None  # the view says what is wrong with it
    known = sought_spelling(parts().database, "user_id", user_id)
    here: list[tuple[Any, str | None]] = [(one.exam_id, None) for one in parts().monitor.active() if same_id(one.user_id, user_id)]
    elsewhere = [(one.get("exam_id"), owner_of(one) or "") for one in parts().monitor.ownership.running_elsewhere(known)]
    meant = [one for one in (*here, *elsewhere) if exam_id is None or same_id(one[0], exam_id)]
    if len(meant) > 1:
        meant = [one for one in meant if one[0] is None] or meant
    if len(meant) > 1:
        raise several_run(user_id, [exam for exam, _server in meant])
    return meant[0][1] if meant else None


def _by_attempt() -> str | None:
    """By the session that its student has in the exam. Who asks is looked at there as here: an attempt's id can't be guessed."""
    try:
        found = parts().openedx.attempts.known(str((request.view_args or {})["attempt_id"]))
    except StorageError:  # the view says so
        return None
    return _at_running(found.user_id, found.exam_id) if found is not None else None


def _by_attempts() -> str | None:
    """By the session of an earlier attempt, which ends with a new one."""
    sub = given_id(request, "user_id")
    try:
        found = parts().openedx.exams.known(str((request.view_args or {})["exam"]))
    except StorageError:  # the view says so
        return None
    if found is None or not isinstance(sub, str):
        return None
    return _at_running(student_id_of(found.installation_id, sub), found.exam_id)


def _at_running(user_id: str, exam_id: str) -> str | None:
    session_id = parts().monitor.ownership.running(user_id, exam_id)
    return _at(session_id) if session_id is not None else None


_AT: Mapping[Named, Callable[[], str | None]] = {
    "session": _by_address,
    "video": _by_interval,
    "token": _by_token,
    "student": _by_student,
    "attempt": _by_attempt,
    "attempts": _by_attempts,
}
