"""The calls of a student's page: start an exam by one's ID, and read what the page must know of its session."""

from __future__ import annotations

import contextlib
import logging
from typing import Any

from flask import Blueprint, Response, g, request

from basics.errors import Conflict, Forbidden, NotFound, StorageError
from basics.stored_fields import is_moment
from basics.texts import _
from basics.times import utc_now
from cluster.route import stored_route
from records.keep_times import part_of
from scoring.accommodations import document_id_of
from scoring.asked import not_asked
from scoring.held import applied_in, history_of
from scoring.session_exam import SessionExam
from sessions.resume import exam_of
from sessions.starts import Record, fingerprint, record_of, start_by_student, taking_up
from settings.settings import Settings
from web.calls.addresses import portal_url, server_address
from web.calls.bodies import Done, read_body, reply
from web.calls.openapi import describe
from web.calls.spelling import as_known
from web.calls.told import tell_roster
from web.calls.values import StudentExam
from web.parts import parts
from web.proctor.damaged import readable_part
from web.student.assessment_tickets import at_platform
from web.student.presence import there
from web.student.seb import look_for_seb, terms_of
from web.student.start_schemas import AskExam, ExamFound, Rehearsal, StudentCheck, StudentContinue, StudentSession, StudentStart, StudentStarted
from web.student.surface import exam_for_student, surface_of
from web.student.trials import count_check
from web.student.video import student_video

log = logging.getLogger(__name__)

students = Blueprint("students", __name__, url_prefix="/api/student")

STORED_WITHIN_S = 10.0
EXAM_REASONS = {"draft", "early", "closed"}  # why an exam can't be begun now


@students.post("/start")
@describe(StudentStarted, body=StudentStart, errors=(409, 429, 503))
def start() -> Response:
    """Start a student's exam from the open portal.

    Only where PORTAL_OPEN is set. A student whose exam already runs gets 409, and no token, but for the browser that started it and brings
    the same `nonce`. 409 where the student's exam has ended: a link lets the student in again. Where a password is set, 409 does not say which
    it is, and is the answer for a student with accommodations, too: an ID alone tells nothing.
    """
    settings = parts().settings
    if not settings.is_portal_open:
        raise Forbidden(_("Exams are started by a link here. Ask for yours, and open it."))
    parts().access.count_start(request.remote_addr)
    wanted = read_body(request, StudentStart)
    session_id = _start(wanted) if parts().access.protected else _start_untold(wanted)
    return _let_in(session_id, wanted)


@students.post("/continue")
@describe(StudentStarted, body=StudentContinue, errors=(404, 429, 503))
def go_on() -> Response:
    """Find the running exam that this browser started from the open portal, so that its student learns of it before anything else.

    Nothing is started. 404 for every browser that did not start it, whether it runs or not: an ID alone tells nothing.
    """
    if not parts().settings.is_portal_open:
        raise Forbidden(_("Exams are started by a link here. Open yours again: it goes on."))
    parts().access.count_start(request.remote_addr)
    wanted = read_body(request, StudentContinue)
    monitor = parts().monitor
    with contextlib.suppress(Conflict):  # a mere look-alike of a known ID is answered as any other
        wanted = as_known(wanted)
    session = monitor.find(wanted.user_id, wanted.exam_id)
    session_id = session.session_id if session is not None else monitor.ownership.running(wanted.user_id, wanted.exam_id)
    if session_id is not None and monitor.was_started_with(session_id, fingerprint(wanted.nonce)):
        return _let_in(session_id, wanted)
    if not monitor.resumed.is_set():
        raise taking_up()
    raise NotFound(_("No exam runs that this browser started."))


@students.get("/session")
@describe(StudentSession, errors=(404, 503))
def session() -> Response:
    """Show a student's page its own session."""
    session_id: str = g.student_session_id
    settings = parts().settings
    running = parts().monitor.get(session_id)
    elapsed: float | None
    if running is not None:
        there(running)
        rules = {**running.rules, "points": running.changes.points}
        state, elapsed = "running" if running.is_running else "ended", running.clock()
        user_id, exam_id, begun, end, route = running.user_id, running.exam_id, running.begun, {}, running.identity.route
        started_at, ended_at = running.started_at if begun else None, None
        accommodation, on_break, left = running.accommodation, running.on_break, running.breaks_left()
        report_open = False
        ends_at, left_s = running.limit.ends_at, running.limit.left()
        exam, refusal = (running.limit.exam, None) if begun else _before(user_id, exam_id)
        exam = running.limit.with_used(exam)
    else:
        stored = _stored(session_id)
        document, _unreadable = readable_part({**stored, "_id": session_id})
        rules = {**part_of(document, "rules"), **({"points": held[-1].points} if (held := history_of(document)) else {})}
        state, elapsed = document["state"], document.get("ended_after_s")
        user_id, exam_id, begun = document["user_id"], document.get("exam_id"), document.get("begun", True)
        started_at, ended_at = document["started_at"] if begun else None, document.get("ended_at")
        end = {name: document.get(name) or "" for name in ("end_reason", "end_code", "end_note")}
        accommodation, on_break, left = applied_in({**document, "accommodation": stored.get("accommodation")}), False, 0
        ends_at, left_s, refusal = at if is_moment(at := document.get("ends_at")) else None, None, None
        exam, route = exam_of(document), stored_route(document)
        report_open = begun and parts().answers.opening({**document, "_id": session_id}) == "open"
    surface = surface_of(exam.definition if exam else None, settings, parts().exam_page, server_address(request))
    return reply(
        StudentSession.model_validate(
            {
                "session_id": session_id,
                "user_id": user_id,
                "exam_id": exam_id,
                "state": state,
                **end,
                "begun": begun,
                "connected": parts().links.connected(session_id),
                "rules": _rules_for_student(rules, settings),
                "video": student_video(settings),
                "interval_s": rules.get("interval_duration", settings.interval_duration),
                "elapsed_s": elapsed,
                "started_at": started_at,
                "ended_at": ended_at,
                "accommodation": accommodation.words() if accommodation else None,
                "not_asked": list(running.changes.not_asked) if running is not None else [],
                "breaks_left": left,
                "on_break": on_break,
                "screen_capture": surface.screen_capture,
                **((state == "running" and at_platform(session_id, route)) or {"exam_url": surface.address}),
                "ends_at": ends_at,
                "time_left_s": left_s,
                "exam": exam_for_student(exam, refusal=refusal) if exam else None,
                "seb": terms_of(session_id, exam, route) if state == "running" else None,
                "report_open": report_open,
                "route": route,
            }
        )
    )


@students.post("/exam")
@describe(ExamFound, body=AskExam, errors=(429, 503))
def exam() -> Response:
    """Tell a student who enters an exam's id of that exam: when it opens, how long it is, and what is allowed. Only where PORTAL_OPEN is set."""
    if not parts().settings.is_portal_open:
        raise Forbidden(_("Exams are started by a link here. Ask for yours, and open it."))
    parts().access.count_start(request.remote_addr)
    exam_id = read_body(request, AskExam).exam_id
    found, refusal = _before("", exam_id)
    unasked = list(not_asked(parts().monitor.maker.surroundings("", exam_id).rules.points))
    return reply(ExamFound.model_validate({"exam": exam_for_student(found, refusal=refusal) if found else None, "not_asked": unasked}))


@students.post("/check")
@describe(Done, body=StudentCheck, errors=(404, 409, 429, 503))
def check() -> Response:
    """Store what the check before the exam found on the student's machine; a later one replaces it."""
    session_id: str = g.student_session_id
    count_check(session_id)
    found = read_body(request, StudentCheck)
    running = parts().monitor.get(session_id)
    if running is None:
        _stored(session_id)
        raise Conflict(_("This exam has ended."))
    if found.seb is not None:
        look_for_seb(running, found.seb)
    _store("sessions", session_id, {"checks_before": {"at": utc_now(), **found.model_dump(exclude={"seb"})}})
    return reply(Done())


@students.post("/rehearsal")
@describe(Done, body=Rehearsal, errors=(429, 503))
def rehearsal() -> Response:
    """Store a rehearsal of that check, for which no exam need run; a student's later one of the same exam replaces it.

    Where PORTAL_OPEN is not set it needs the token of an exam's link, and is of that student and exam.
    """
    settings = parts().settings
    if not settings.is_portal_open and request.authorization is None:
        raise Forbidden(_("Exams are started by a link here. Open yours: its page has the rehearsal."))
    parts().access.count_start(request.remote_addr)
    found = read_body(request, Rehearsal)
    if not settings.is_portal_open:
        own = parts().monitor.get(parts().access.student_session(request))
        if own is None:
            raise Conflict(_("Your exam does not run: ask for a new link."))
        found = found.model_copy(update={"user_id": own.user_id, "exam_id": own.exam_id})
    else:
        with contextlib.suppress(Conflict):  # a mere look-alike is nobody: that it looks like a known ID is no stranger's business
            found = as_known(found)
    _store("rehearsals", document_id_of(found.user_id, found.exam_id), {"at": utc_now(), **found.model_dump()})
    tell_roster(parts().exams.get(found.exam_id))
    return reply(Done())


def _before(user_id: str, exam_id: str | None) -> tuple[SessionExam | None, dict[str, Any] | None]:
    """The exam as it is now for a student who has not begun, and why it can't be begun; empty: it can."""
    maker = parts().monitor.maker
    around = maker.surroundings(user_id, exam_id)
    try:
        maker.check_open(exam_id, around)
    except Conflict as conflict:
        return around.exam, conflict.details
    return around.exam, None


def _let_in(session_id: str, wanted: StudentExam) -> Response:
    token = parts().access.make_student_token(session_id)
    return reply(
        StudentStarted(
            session_id=session_id,
            user_id=wanted.user_id,
            exam_id=wanted.exam_id,
            portal_url=portal_url(request, token, session_id=session_id),
            token=token,
        )
    )


def _start(wanted: StudentStart) -> str:
    wanted, keep_days = as_known(wanted), parts().settings.keep_days
    return start_by_student(parts().monitor, parts().database, wanted.user_id, wanted.exam_id, wanted.nonce, keep_days=keep_days)


def _start_untold(wanted: StudentStart) -> str:
    """Start it for somebody who is known by nothing but an ID, which others may know, too: whatever is in the way, the answer is the same."""
    if not parts().monitor.resumed.is_set():
        raise StorageError(_("The server has just started, and takes up the exams that ran. Try again in some seconds."))
    try:
        known = as_known(wanted)
        if parts().monitor.accommodations.find(known.user_id, known.exam_id) is None:
            return _start(wanted)
    except Conflict as conflict:
        if conflict.details.get("reason") in EXAM_REASONS:  # said of the exam, to everybody
            raise
        log.info("not started by the ID alone: %s", conflict.message, extra={"counted_as": f"exam {wanted.exam_id}"})
    raise Conflict(
        _("This exam can’t be started by the ID alone. Go on in the window where you started it, or ask your proctor for your link."), field="user_id"
    )


def _stored(session_id: str) -> Record:
    return record_of(parts().monitor, parts().database, session_id)


def _store(collection: str, document_id: str, fields: dict[str, Any]) -> None:
    if not parts().database.write(collection, document_id, fields).wait(STORED_WITHIN_S):
        raise StorageError(_("The check can't be stored now. The exam can start all the same."))


def _rules_for_student(rules: dict[str, Any], settings: Settings) -> dict[str, Any]:
    """What is watched and kept, so that the page can say so; not what each thing counts."""
    points = part_of(rules, "points")
    return {
        "watched": [kind for kind, count in points.items() if count],
        "clip_preroll_s": settings.clip_preroll_s,
        "clip_postroll_s": settings.clip_postroll_s,
    }
