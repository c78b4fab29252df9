"""The calls that an Open edX makes here, as edx-proctoring's REST backend knows them below its `base_url` (PUBLIC_URL/openedx).

Each but the first has the installation's token in `Authorization: JWT …`. What is asked for of another installation is not there.
"""

from __future__ import annotations

import logging
from urllib.parse import urlencode

from flask import Blueprint, Response, jsonify, request

from basics.errors import Conflict, InvalidInput, NotFound, Unauthorized
from basics.texts import _
from records.edx_attempts import Attempt
from records.edx_exams import LONGEST, EdxExam
from records.edx_installations import Installation
from web.calls.addresses import server_address
from web.calls.bodies import read_body, read_query, reply
from web.calls.openapi import describe
from web.integrations.openedx.attempts import INSTRUCTIONS, delete_attempt, make_attempt, onboarding_error, row_of
from web.integrations.openedx.attempts import set_status as set_attempt_status
from web.integrations.openedx.exams import OFFERED, rules_of
from web.integrations.openedx.exams import save_exam as take_over
from web.integrations.openedx.retiring import retired
from web.integrations.openedx.schemas import (
    AttemptMade,
    AttemptShown,
    EdxConfig,
    ExamRules,
    ExamSaved,
    MakeAttempt,
    OnboardingPage,
    OnboardingQuery,
    OnboardingShown,
    SaveExam,
    SetStatus,
    StatusAnswer,
    TokenGiven,
)
from web.integrations.openedx.tokens import TOKEN_S
from web.languages import said
from web.parts import parts

log = logging.getLogger(__name__)

openedx = Blueprint("openedx", __name__, url_prefix="/openedx")

ATTEMPT = "/api/v1/exam/<exam>/attempt/<attempt_id>/"


@openedx.post("/oauth2/access_token")
@describe(TokenGiven, errors=(401, 422, 429, 503))
def token() -> Response:
    """Give an Open edX a token for its client id and secret, as a form (`client_credentials`). Ten minutes good, and no longer than the secret."""
    form, limit = request.form, parts().openedx.wrong
    if form.get("grant_type") != "client_credentials":
        raise InvalidInput(_("grant_type must be client_credentials, in a form."), field="grant_type")
    limit.take(request.remote_addr)
    found = parts().openedx.installations.known_by(form.get("client_id", ""), form.get("client_secret", "")[:1000])
    if found is None:
        who, counted = form.get("client_id", "")[:40], {"counted_as": "tokens"}
        log.warning("openedx: %s is refused as %r: not registered, disabled, or a wrong secret", request.remote_addr, who, extra=counted)
        raise Unauthorized(_("No Open edX that may come is registered here with this client id and secret."), field="client_secret")
    limit.give_back(request.remote_addr)
    return reply(TokenGiven(access_token=parts().openedx.tokens.make(*found), expires_in=TOKEN_S))


@openedx.get("/api/v1/config/")
@describe(EdxConfig, errors=(401, 429, 503))
def config() -> Response:
    """Say which rules a course's team may set, and what students are told to do, in the language that is asked for."""
    _installation()
    return reply(EdxConfig(name=said(_("Proctoring")), rules=said(OFFERED), instructions=said(list(INSTRUCTIONS)), download_url=_portal()))


@openedx.post("/api/v1/exam/")
@describe(ExamSaved, body=SaveExam, errors=(401, 409, 429, 503))
def make_exam() -> Response:
    """Take an exam over: ours is made, and is open at once. The same again gives the same."""
    return reply(ExamSaved(id=take_over(_installation(), read_body(request, SaveExam)).id))


@openedx.post("/api/v1/exam/<exam>/")
@describe(ExamSaved, body=SaveExam, errors=(401, 404, 409, 429, 503))
def save_exam(exam: str) -> Response:
    """Take over what is otherwise of an exam than the last time. What teachers set here stays, where Open edX says nothing new of it."""
    installation, wanted = _installation(), read_body(request, SaveExam)
    known = parts().openedx.exams.get(installation.id, exam)
    if known is not None and (known.course_id, known.content_id) != (wanted.course_id, wanted.content_id):
        raise Conflict(_("This exam is of another course or content."), field="content_id")
    return reply(ExamSaved(id=take_over(installation, wanted).id))


@openedx.get("/api/v1/exam/<exam>/")
@describe(ExamRules, errors=(401, 404, 429, 503))
def show_exam(exam: str) -> Response:
    """Show an exam's rules, by our id or by the number that it has in Open edX."""
    installation = _installation()
    found = parts().openedx.exams.get(installation.id, exam)
    if found is None and exam.isascii() and exam.isdigit() and len(exam) <= 15:
        found = parts().openedx.exams.called(installation.id, int(exam))
    ours = parts().exams.get(found.exam_id) if found is not None else None
    if ours is None:
        raise _no_exam(exam)
    return reply(ExamRules(rules=rules_of(ours)))


@openedx.post("/api/v1/exam/<exam>/attempt/")
@describe(AttemptMade, body=MakeAttempt, errors=(401, 404, 409, 429, 503))
def add_attempt(exam: str) -> Response:
    """Take an attempt: the student stands in the exam's list, and may enter anew. `status` in place of `id`: an onboarding exam comes first."""
    installation = _installation()
    wanted, known = read_body(request, MakeAttempt), _exam(installation, exam)
    ours = parts().exams.get(known.exam_id)
    if ours is None or ours.deleting:
        raise _no_exam(exam)
    if not known.active:
        raise Conflict(_("This exam is not proctored any more, as Open edX has said."), field="exam")
    if (missing := onboarding_error(installation, known, wanted.user_id)) is not None:
        return _without_none(AttemptMade.model_validate({"status": missing}))
    return _without_none(AttemptMade(id=make_attempt(installation, known, ours, wanted).id))


@openedx.get(ATTEMPT)
@describe(AttemptShown, errors=(401, 404, 429, 503))
def attempt(exam: str, attempt_id: str) -> Response:
    """Show an attempt: how far it is, what its student is to do, and the student's own link."""
    found = _attempt(_installation(), exam, attempt_id)
    row = row_of(found)
    address = parts().rosters.address(server_address(request), row) if row is not None and not row.revoked else ""
    return reply(AttemptShown(status=found.status, instructions=said(list(INSTRUCTIONS)), download_url=address))


@openedx.patch(ATTEMPT)
@describe(StatusAnswer, body=SetStatus, errors=(401, 404, 429, 503))
def set_status(exam: str, attempt_id: str) -> Response:
    """Take how far an attempt is. What was handed in, or went wrong, ends the student's session; what comes late changes nothing."""
    installation = _installation()
    wanted = read_body(request, SetStatus)
    now = set_attempt_status(installation, _attempt(installation, exam, attempt_id), wanted.status)
    return reply(StatusAnswer(status=now.status))


@openedx.delete(ATTEMPT)
@describe(StatusAnswer, errors=(401, 429, 503))
def remove_attempt(exam: str, attempt_id: str) -> Response:
    """Delete an attempt: nobody enters by it any more. What was recorded stays for as long as records are kept. What is not there is deleted, too."""
    installation = _installation()
    found = parts().openedx.attempts.get(installation.id, exam, attempt_id)
    if found is not None:
        delete_attempt(installation, found)
    return reply(StatusAnswer(status="deleted"))


@openedx.delete("/api/v1/user/<user_id>/")
@describe(errors=(401, 429, 503))
def retire(user_id: str) -> Response:
    """Erase everything of a person whom Open edX retires, with the account by which they came as staff: `true`.

    `false` while a session runs or a legal hold is set, or where it can't be done now. An account that somebody here gave a role or a password stays.
    """
    return jsonify(retired(_installation(), user_id[:LONGEST]))


@openedx.get("/api/v1/courses/<path:course_id>/onboarding_statuses")
@describe(OnboardingPage, query=OnboardingQuery, errors=(401, 429, 503))
def onboarding_statuses(course_id: str) -> Response:
    """Say how onboarding stands: of one student, where `user_id` is given, else of all who have an attempt in the course, some at a time."""
    installation, query = _installation(), read_query(request, OnboardingQuery)
    course_id = course_id[:LONGEST]
    if query.user_id is not None:
        status, until = parts().openedx.attempts.onboarding(installation.id, course_id, query.user_id)
        return reply(OnboardingShown(user_id=query.user_id, status=status, expiration_date=until))
    attempts, begin = parts().openedx.attempts, (query.page - 1) * query.page_size
    if query.status is None:
        count, rows = attempts.learners(installation.id, course_id), attempts.onboardings(installation.id, course_id, begin, query.page_size)
    else:
        found = [row for row in attempts.onboardings(installation.id, course_id) if row[1] == query.status]
        count, rows = len(found), found[begin : begin + query.page_size]
    pages = max(1, -(-count // query.page_size))
    shown = [OnboardingShown(user_id=sub, status=status, expiration_date=until) for sub, status, until in rows]

    def page(number: int) -> str | None:
        more = {"status": query.status} if query.status else {}
        asked = urlencode({"page": number, "page_size": query.page_size, **more})
        return f"{server_address(request)}{request.path}?{asked}" if 1 <= number <= pages else None

    return reply(OnboardingPage(results=shown, count=count, num_pages=pages, next=page(query.page + 1), previous=page(query.page - 1)))


def _installation() -> Installation:
    """Who asks. Raise `Unauthorized`, `TooMany`, `StorageError`."""
    scheme, _space, given = request.headers.get("Authorization", "").partition(" ")
    try:
        found = parts().openedx.tokens.read(given.strip() if scheme.casefold() in ("jwt", "bearer") else "")
    except Unauthorized as refused:
        log.warning("openedx: a call from %s is refused: %s", request.remote_addr, refused.message, extra={"counted_as": "calls"})
        raise
    parts().openedx.calls.take(found.id)
    return found


def _exam(installation: Installation, exam: str) -> EdxExam:
    found = parts().openedx.exams.get(installation.id, exam)
    if found is None:
        raise _no_exam(exam)
    return found


def _attempt(installation: Installation, exam: str, attempt_id: str) -> Attempt:
    found = parts().openedx.attempts.get(installation.id, exam, attempt_id)
    if found is None:
        raise NotFound(_("There is no attempt %(id)s.", id=repr(attempt_id[:64])), field="attempt_id")
    return found


def _no_exam(exam: str) -> NotFound:
    return NotFound(_("There is no exam %(id)s.", id=repr(exam[:64])), field="exam")


def _portal() -> str:
    return f"{server_address(request)}/portal"


def _without_none(answer: AttemptMade) -> Response:
    return Response(answer.model_dump_json(exclude_none=True), mimetype="application/json")
