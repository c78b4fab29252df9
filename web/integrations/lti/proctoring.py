"""Proctoring Services 1.0: a platform sends a student to be checked and watched (LtiStartProctoring), and says when its assessment is over.

Between the two the student's page has the platform start its assessment, in a window of its own (assessment.py).
"""

from __future__ import annotations

import logging
from dataclasses import replace

from flask import redirect, request, url_for
from werkzeug.wrappers import Response as BaseResponse

from basics.errors import Conflict, NotFound, StorageError
from basics.texts import _, joined
from basics.times import utc_now
from cluster.notices import AttemptOver
from database import Document
from records.exams import Exam
from records.lti_accounts import MADE_BY as BY
from records.lti_attempts import Attempt
from sessions.ends import End
from sessions.time_used import take_off
from web.calls.addresses import portal_url
from web.calls.audit import note
from web.integrations.lti.arrivals import GOES_ON, admitted, come, exam_named, exam_of, no_exam
from web.integrations.lti.attempt_claims import number_of, problem_of, settings_of, started
from web.integrations.lti.claims import Launch
from web.integrations.lti.errors import BEGIN_AGAIN, Refused
from web.parts import Parts, parts
from web.student.assessment_tickets import OVER, ticket_of
from web.student.surface import AT_PLATFORM

log = logging.getLogger(__name__)

TURNS = 3  # an earlier attempt's session may have to be ended first
AGAIN_S = 3  # until who waits for that comes again
NOTE_MAX = 200  # characters of the platform's own words that stand with a session's end


def begin(launch: Launch) -> BaseResponse:
    """Lead a student who comes with a checked LtiStartProctoring to the check, in a session of this attempt alone.

    Raise `Refused`, `Conflict`, `TooMany`, `StorageError`.
    """
    exam = _exam_of(launch)
    if exam is None or exam.deleting:
        raise no_exam()
    asked = started(launch, exam.exam_id)
    known = parts().lti_attempts.get(asked.id)
    if known is not None and known.exam_id != exam.exam_id and runs(known):  # linked anew while it is taken: it goes on where it was begun
        exam = parts().exams.get(known.exam_id) or exam
        asked = replace(asked, exam_id=exam.exam_id)
    if admitted(come(launch, None), exam).revoked:
        raise Refused(_("You were taken off this exam’s list. Ask whoever teaches it."), "a student whose link is revoked")
    named_at = known.named_at if known is not None and known.names == asked.names else utc_now()
    attempt = _placed(replace(asked, named_at=named_at), known)
    note("lti: proctoring begun", BY, **_of(attempt), exam_key=exam.key, registration=attempt.registration_id)
    token = parts().access.make_student_token(attempt.session_id)
    page, _hash, fragment = portal_url(request, token, session_id=attempt.session_id).partition("#")
    return redirect(f"{page}{'&' if '?' in page else '?'}at={AT_PLATFORM}#{fragment}", GOES_ON)


def end(launch: Launch) -> BaseResponse:
    """End the session of the attempt that a checked LtiEndAssessment names. Raise `Refused`, `StorageError`.

    Of one that has ended it says so once more.
    """
    number = number_of(launch)
    found = parts().lti_attempts.numbered(launch.registration.registration_id, launch.deployment_id, launch.sub, number, launch.link_id)
    going_on = [one for one in found if one.ended_at is None]
    if len(going_on) > 1:  # a platform need not say that one has ended
        going_on = [one for one in going_on if runs(one)] or going_on[:1]
    if len(going_on) > 1:
        raise Refused(
            _("Your learning platform does not say which of your exams is over. End it here, on the page that records you."),
            f"the end of one of {len(going_on)} attempts, without a resource_link",
        )
    if not found:
        text = _("Your learning platform says that an exam of yours is over, and none of that attempt was begun here.")
        raise Refused(joined(" ", [text, BEGIN_AGAIN]), f"the end of attempt {number}, which was not begun")
    attempt = (going_on or found)[0]
    if going_on:
        problem, more = problem_of(launch)
        parts().lti_attempts.ended(attempt, problem, more)
        note("lti: assessment over", BY, **_of(attempt), problem=problem, registration=attempt.registration_id)
        if problem or more:
            log.warning("lti: an assessment ended with an error: %s %s", problem, more, extra={"session_id": attempt.session_id})
        attempt = replace(attempt, problem=problem)
    if not end_here(attempt):
        parts().tell(AttemptOver(attempt.session_id))  # beside the page to which the student is led: its window may be closed
    return redirect(url_for("lti_assessment.over", session_id=attempt.session_id, t=ticket_of(attempt.session_id, OVER)), GOES_ON)


def end_here(attempt: Attempt, of: Parts | None = None) -> bool:
    """End the session where it runs at this server, as the platform's word. False for one that doesn't run here."""
    try:
        (of or parts()).monitor.end_session(attempt.session_id, End("platform", attempt.problem[:NOTE_MAX]))
    except NotFound:
        log.debug("it does not run here", extra={"session_id": attempt.session_id})
        return False
    except StorageError:
        log.warning("it has ended; its record waits to be stored", extra={"session_id": attempt.session_id})
    return True


def _exam_of(launch: Launch) -> Exam | None:
    """The exam that the link names; else that of our own settings, where they name one of the course; else the link's. Raise `Refused`."""
    ours = settings_of(launch)
    return (exam_named(launch, ours) if ours and not launch.exam_id else None) or exam_of(launch)


def runs(attempt: Attempt) -> bool:
    """Does its session go on, at whatever server? Raise `StorageError`."""
    try:
        return parts().monitor.is_live(attempt.session_id) or parts().database.session(attempt.session_id).get("state") == "running"
    except NotFound:
        return False


def _placed(attempt: Attempt, known: Attempt | None) -> Attempt:
    """The attempt, kept with its session: the one that waits or runs, else a new one. Raise `Refused`, `Conflict`, `TooMany`, `StorageError`."""
    monitor, attempts = parts().monitor, parts().lti_attempts
    if known is not None and known.ended_at is not None:
        end_here(known)  # where the end did not come here
        raise _has_ended()
    running = monitor.find(attempt.user_id, attempt.exam_id)
    session_id = running.session_id if running is not None else monitor.ownership.running(attempt.user_id, attempt.exam_id)
    made = None
    for _turn in range(TURNS):
        if session_id is None:
            if _is_over(known):
                raise _has_ended()
            monitor.maker.check_open(attempt.exam_id, monitor.maker.surroundings(attempt.user_id, attempt.exam_id))
            try:
                made = monitor.create(attempt.user_id, attempt.exam_id, "browser")
                session_id = made.session_id
            except Conflict as conflict:  # another page of the student's came in the same moment
                session_id = conflict.details.get("session_id")
                if not isinstance(session_id, str):
                    raise
        placed = replace(attempt, session_id=session_id)
        other = attempts.of_session(session_id)
        if other is None or other.id == attempt.id:
            if attempts.keep(placed):
                if made is not None:
                    take_off(made, _record_of(known))
                return placed
            other = attempts.of_session(session_id)  # launched in the same moment, it has the session
            if other is not None and other.id == attempt.id:
                continue
        if other is not None:
            _end_earlier(other, attempt)
        session_id = made = None
    text = _("An earlier attempt of yours is being ended. If this goes on, end it on the page that records you, then come again.")
    raise Conflict(text, retry_after_s=AGAIN_S)


def _end_earlier(other: Attempt, attempt: Attempt) -> None:
    """End the attempt whose session is in the way: the platform has begun a later one. Raise `Refused` where it is not earlier, `StorageError`."""
    if not attempt.is_of_link(other) or int(attempt.number) < int(other.number):
        raise Refused(
            _("Another attempt of yours at this exam runs here. End it on its own page first, then come again."),
            f"attempt {attempt.number} while attempt {other.number} runs",
        )
    if not end_here(other):  # it runs at another server
        parts().lti_attempts.left(other)
        parts().tell(AttemptOver(other.session_id))


def _has_ended() -> Refused:
    return Refused(_("This attempt has ended here already. If you must go on, ask your proctor."), "an attempt that has ended here")


def _is_over(known: Attempt | None) -> bool:
    record = _record_of(known)
    return record is not None and record.get("state") == "ended" and record.get("begun") is not False


def _record_of(attempt: Attempt | None) -> Document | None:
    try:
        return parts().database.session(attempt.session_id) if attempt is not None else None
    except NotFound:
        return None


def _of(attempt: Attempt) -> dict[str, object]:
    return {"user_id": attempt.user_id, "exam_id": attempt.exam_id, "session_id": attempt.session_id, "attempt": attempt.number}
