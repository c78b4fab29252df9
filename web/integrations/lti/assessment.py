"""The two pages of an attempt that a platform has proctored: the one that has the platform start its assessment, and the one after its end.

The first opens in a window beside the page that records the student, whenever the student opens the exam there: only once recording has begun, the
check has passed and the camera is seen here. It posts the signed LtiStartAssessment on, in the student's own browser.
"""

from __future__ import annotations

import logging
import secrets
import time
from typing import Any

from flask import Blueprint, Response, make_response, render_template, request
from joserfc import jwt

from basics.errors import Conflict, ProctorError, StorageError
from basics.texts import _, joined
from records.keep_times import part_of
from records.lti_attempts import Attempt
from records.lti_keys import ALGORITHM
from records.lti_registrations import Registration
from web.calls.audit import note
from web.calls.errors import status_of, tell_when
from web.calls.values import check_session_id
from web.integrations.lti.attempt_claims import is_of_platform
from web.integrations.lti.claims import LTI, PROCTORING, VERSION
from web.integrations.lti.dynamic import framed
from web.integrations.lti.errors import reason_of
from web.integrations.lti.login import check_enabled
from web.integrations.lti.proctoring import end_here, runs
from web.parts import parts
from web.student.assessment_tickets import OVER, START, check_ticket
from web.student.ready import Lacks, lacks

log = logging.getLogger(__name__)

lti_assessment = Blueprint("lti_assessment", __name__, url_prefix="/lti/session/<session_id>")

GOOD_S = 300  # for which a message is good
WAITS: dict[Lacks, Any] = {  # lti-waits.js asks again; a check is stored a moment after it was made, and a proctor who is called may help
    "not_begun": _("Your exam opens once the page that records you is connected. Leave this window open: it goes on by itself."),
    "check": _("Your exam opens once your camera check has passed. Call the proctor: your check is not stored as passed."),
    "picture": _("Your exam opens once your camera’s picture has arrived. Leave this window open: it goes on by itself."),
}
STOPS = _("Your exam has ended at your learning platform, and recording is being stopped. If this takes long, end it on the page that records you.")
BACK = _("Go back to your course and begin again there.")
PASSES = frozenset({429, 503})  # statuses after which the page asks again by itself


@lti_assessment.get("/assessment")
def start(session_id: str) -> Response:
    """Have the learning platform start its assessment, for a student whose check has passed and who is recorded now."""
    try:
        attempt = _attempt(session_id, START)
        parts().lti.assessments.take(session_id)
        session = parts().monitor.get(session_id)
        if session is None and attempt.ended_at is None and runs(attempt):  # it is taken up, or brought here by its page, in a moment
            return _page("waits", message=WAITS["not_begun"], status=202)
        if session is None or not session.is_running or attempt.ended_at is not None:
            raise Conflict(_("This exam has ended. You may close this window."))
        if missing := lacks(session):
            return _page("waits", message=WAITS[missing], status=202)
        registration = parts().lti.registrations.get(attempt.registration_id)
        check_enabled(registration)
        if not is_of_platform(registration, attempt.start_url):  # the registration was changed since
            raise Conflict(joined(" ", [_("The learning platform’s address has changed."), BACK]))
        message = start_message(registration, attempt, verified(attempt))
        if parts().lti_attempts.started(attempt):
            whose = {"session_id": session_id, "user_id": attempt.user_id, "exam_id": attempt.exam_id}
            note("lti: assessment started", "student", **whose, attempt=attempt.number)
        return framed(_page("go", to=attempt.start_url, message=message), "", posts_on=True)
    except ProctorError as error:
        return _failed(error)


@lti_assessment.get("/over")
def over(session_id: str) -> Response:
    """Show a student whose assessment is over at the learning platform that it is over here, too, once it is."""
    try:
        attempt = _attempt(session_id, OVER)
        # It may run where the launch that said so did not come, or be taken up by a server that has just started.
        if not end_here(attempt) and runs(attempt):
            return _page("waits", message=STOPS, status=202)
        return _page("over", message=attempt.problem)
    except ProctorError as error:
        return _failed(error)


def start_message(registration: Registration, attempt: Attempt, who: dict[str, str]) -> str:
    """The signed LtiStartAssessment: what the platform gave goes back as it was; `who` are the names that were verified, none: nobody did."""
    now, key = int(time.time()), parts().lti.keys.signing(registration.keys_of)
    claims = {
        "iss": registration.client_id,
        "aud": registration.issuer,
        "iat": now,
        "exp": now + GOOD_S,
        "nonce": secrets.token_urlsafe(18),
        f"{LTI}message_type": "LtiStartAssessment",
        f"{LTI}version": VERSION,
        f"{LTI}deployment_id": attempt.deployment_id,
        f"{LTI}resource_link": dict(attempt.resource_link),
        f"{PROCTORING}session_data": attempt.session_data,
        f"{PROCTORING}attempt_number": attempt.number,
        f"{PROCTORING}end_assessment_return": True,
        **({f"{PROCTORING}verified_user": who} if who else {}),
        **({f"{LTI}custom": dict(attempt.custom)} if attempt.custom is not None else {}),
    }
    return jwt.encode({"alg": ALGORITHM, "kid": key.kid, "typ": "JWT"}, claims, key)


def verified(attempt: Attempt) -> dict[str, str]:
    """The names that a person has verified: who compared the student's face with a card, under the names as the platform tells them now, and
    accepted. Empty where nobody has, or that can't be told.
    """
    try:
        kept = parts().identity.of_session(attempt.session_id) or {}
    except StorageError:
        return {}
    decision, pictures = part_of(kept, "decision"), part_of(kept, "pictures")
    compared = decision.get("compared")
    kinds = {part_of(pictures, name).get("kind") for name in compared if isinstance(name, str)} if isinstance(compared, list) else set()
    if decision.get("decision") != "accepted" or not kinds >= {"face", "card"}:
        return {}
    is_same = attempt.named_at is not None and decision.get("at") is not None and attempt.named_at <= decision["at"]
    return dict(attempt.names) if is_same else {}


def _attempt(session_id: str, purpose: Any) -> Attempt:
    check_session_id(session_id)
    check_ticket(session_id, purpose, request.args.get("t", ""))
    attempt = parts().lti_attempts.of_session(session_id)
    if attempt is None:
        raise Conflict(joined(" ", [_("No learning platform waits for this exam."), BACK]))
    return attempt


def _failed(error: ProctorError) -> Response:
    log.warning("lti: an assessment's page is refused: %s", reason_of(error), extra={"counted_as": "assessments"})
    status = status_of(error)
    page = _page("failed", message=error.message, again=status in PASSES, status=status)
    tell_when(page, error)
    return page


def _page(part: str, *, status: int = 200, **words: Any) -> Response:
    response = make_response(render_template("lti_assessment.html", part=part, **words))
    response.status_code = status
    return response
