"""A course's staff who come from Open edX to what was recorded: signed in as teachers of that course's exams, as those from other platforms are."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from flask import request, url_for
from werkzeug.wrappers import Response as BaseResponse

from basics.errors import ProctorError
from basics.texts import _, joined
from records.edx_attempts import Attempt
from records.edx_exams import LONGEST
from records.edx_installations import Installation
from records.roster_rows import EMAIL_MAX, NAME_MAX, is_email
from web.calls.audit import note
from web.calls.openapi import describe
from web.integrations.lti.arrivals import GOES_ON, checked_account, give_exams, made_account
from web.integrations.lti.claims import is_id, told
from web.integrations.lti.errors import Refused
from web.integrations.lti.refusals import refusal
from web.integrations.openedx.calls import openedx
from web.integrations.openedx.exams import course_of
from web.integrations.openedx.telling import sessions_of
from web.operator.sign_in import let_in
from web.parts import parts

USED_S = 1200.0  # that a way in is remembered as used: longer than any is good
AGAIN = _("Go back to Open edX and open it there again.")


@openedx.get("/api/v1/instructor/<client_id>/")
@describe(media_type="text/html", errors=(401, 429, 503))
def instructor(client_id: str) -> BaseResponse:
    """Sign in whom Open edX sends as a course's staff, once for each way in, and show the course's exams, the exam, or the attempt."""
    known = ""
    try:
        parts().openedx.comings.take(request.remote_addr)
        installation = parts().openedx.installations.find(client_id)
        if installation is None or not installation.enabled:
            raise Refused(_("This Open edX is not registered here. Ask whoever runs this server."), f"no installation {client_id[:40]!r}")
        known = installation.id
        return _come(installation, parts().openedx.tokens.signed_by(installation, request.args.get("jwt", "")))
    except ProctorError as error:
        return refusal(error, known)


def _come(installation: Installation, said: Mapping[str, Any]) -> BaseResponse:
    once, course_id, user = said.get("jti"), said.get("course_id"), said.get("user")
    sub = user.get("id") if isinstance(user, dict) else None
    if not is_id(once) or not is_id(course_id) or not is_id(sub) or not isinstance(user, dict):
        raise Refused(joined(" ", [_("What Open edX sent does not say all that it must."), AGAIN]), "no jti, course_id or user")
    if not parts().lti.used.take("openedx", f"{installation.id} {once}", USED_S):
        raise Refused(joined(" ", [_("This way in was used already."), AGAIN]), "a way in that was used already")
    course = course_of(installation, str(course_id))
    if not parts().lti.links.exams_of([course.key])[course.key]:
        raise Refused(_("No exam of this course is here yet. It is once it was published in Open edX."), "a course without exams")
    email = told(user.get("email"), EMAIL_MAX + 1)
    _before, person = parts().lti.people.come(
        installation.id,
        str(sub),
        name=told(user.get("full_name"), NAME_MAX),
        email=email if is_email(email) else "",
        course=course.key,
        role="teacher",
        holds=timedelta(hours=parts().settings.login_max_h),
    )
    account = checked_account(person) or made_account(person, installation.name)
    account = give_exams(account, person)
    page = _page(installation, str(course_id), said)
    note("openedx: teacher came", account.name, account=account.id, installation=installation.id, course=str(course_id)[:LONGEST])
    answer = let_in(account, "lti", page)
    answer.status_code = GOES_ON
    return answer


def _page(installation: Installation, course_id: str, said: Mapping[str, Any]) -> str:
    """What is to be seen: an attempt's newest session, an exam's settings or results, else all exams."""
    exam, attempt_id = said.get("exam_id"), said.get("attempt_id")
    known = parts().openedx.exams.get(installation.id, str(exam)) if is_id(exam) else None
    if known is None or known.course_id != course_id or parts().exams.get(known.exam_id) is None:
        return url_for("pages.exams")
    if said.get("config") is True:
        return url_for("pages.exam", exam_key=known.exam_key)
    attempt: Attempt | None = parts().openedx.attempts.get(installation.id, known.id, str(attempt_id)) if is_id(attempt_id) else None
    by_name = attempt is not None and not parts().names.are_untold(known.exam_id)  # Open edX's dashboard says whose attempt it is
    sessions = sessions_of(parts().database, parts().openedx.attempts, attempt) if attempt is not None and by_name else []
    return url_for("pages.session", session_id=sessions[0]) if sessions else url_for("pages.results", exam_key=known.exam_key)


__all__ = ["openedx"]
