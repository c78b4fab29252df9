"""Deep linking 2.0: a teacher in a learning platform chooses one of the own exams, or makes one, and the platform gets a link to it.

The platform mostly shows the page in a frame, where no login comes: a secret in the address, good for an hour and one answer, in the browser where
the launch was begun, stands for the teacher whom the launch's token named. Only what is launched lately, and taught still, can be chosen.
"""

from __future__ import annotations

import hmac
import logging
import re
import secrets
import time
from dataclasses import asdict
from typing import Annotated, Any

from flask import Blueprint, Response, g, make_response, redirect, render_template, request, url_for
from joserfc import jwt
from pydantic import AfterValidator, BaseModel, BeforeValidator, Field, StringConstraints, ValidationError

from basics.errors import Forbidden, InvalidInput, NotFound, ProctorError
from basics.plain_text import one_line, printable
from basics.texts import _
from basics.times import utc_now
from records.exams import Exam, exam_key
from records.lti_accounts import MADE_BY as BY
from records.lti_keys import ALGORITHM
from records.lti_links import Course
from records.lti_registrations import Registration, is_platform_url
from records.stores import Document
from scoring.exam import LONGEST_MIN, TITLE_MAX, ExamDefinition, Preset
from web.calls.addresses import server_address
from web.calls.audit import note
from web.calls.errors import status_of, tell_when
from web.integrations.lti.arrivals import checked_account, come, give_exams, withdraw
from web.integrations.lti.attempt_claims import lacks
from web.integrations.lti.bounds import check_exams
from web.integrations.lti.claims import LTI, Launch, fits
from web.integrations.lti.cookies import COOKIE, print_of
from web.integrations.lti.dynamic import framed
from web.integrations.lti.errors import Refused, reason_of
from web.integrations.lti.names_roles import memberships_of, note_list
from web.parts import parts
from web.proctor.exam_words import PRESETS

log = logging.getLogger(__name__)

lti_choose = Blueprint("lti_choose", __name__)

DEEP_LINKING = "LtiDeepLinkingRequest"
DEEP_LINK = "https://purl.imsglobal.org/spec/lti-dl/claim/"
DATA_MAX = 16_384  # characters of what the platform wants back
ANSWER_S = 300  # for which an answer is good
OFFERED_MAX = 200


class Choice(BaseModel):
    """What a teacher chose: an exam that there is, or one to be made."""

    exam: Annotated[str, Field(pattern=r"^(new|[0-9a-f]{32})$")]
    title: Annotated[str, StringConstraints(strip_whitespace=True, max_length=TITLE_MAX), AfterValidator(printable), AfterValidator(one_line)] = ""
    length_min: Annotated[int | None, BeforeValidator(lambda value: value or None), Field(ge=1, le=LONGEST_MIN)] = None
    preset: Preset = "standard"


def begin(launch: Launch) -> Response:
    """Lead a teacher who comes with a checked LtiDeepLinkingRequest to the choice. Raise `Refused`, `InvalidInput`, `Conflict`, `StorageError`."""
    withdraw(launch)
    if launch.comes_as != "teacher":
        raise Refused(_("Only a teacher of the course chooses its exams. Your learning platform says that you are none."), "a choice by no teacher")
    if not launch.course.context_id:
        raise Refused(_("An exam is chosen in a course, and your learning platform names none (context)."), "a choice in no course")
    settings = launch.claims.get(f"{DEEP_LINK}deep_linking_settings")
    settings = settings if isinstance(settings, dict) else {}
    back, data, types = settings.get("deep_link_return_url"), settings.get("data"), settings.get("accept_types")
    if not isinstance(back, str) or not is_platform_url(back):
        raise InvalidInput(_("The learning platform does not say where the choice goes (deep_link_return_url)."), field="deep_link_return_url")
    if data is not None and (not isinstance(data, str) or len(data) > DATA_MAX):
        raise InvalidInput(_("The learning platform's data has more than %(most)s characters.", most=DATA_MAX), field="data")
    if data is not None and not fits(data, 8 * DATA_MAX):  # it could not be kept
        raise lacks("data")
    if not isinstance(types, list) or "ltiResourceLink" not in types:
        raise InvalidInput(_("The learning platform does not take a link to an exam at this place (accept_types)."), field="accept_types")
    person = come(launch, "teacher")
    account = checked_account(person)
    if account is not None:
        give_exams(account, person)
    targets = settings.get("accept_presentation_document_targets")
    waiting = {
        "course": asdict(launch.course),
        "course_name": launch.course_name,
        "course_title": launch.course_title,
        "memberships": memberships_of(launch),
        "browser": print_of(request.cookies.get(COOKIE, "")),
        "back": back,
        "data": data,
        "in_window": not isinstance(targets, list) or "window" in targets,
    }
    secret = parts().lti_waiting.keep_choice(person.registration_id, person.user_id, waiting)
    return make_response(redirect(url_for("lti_choose.choose", once=secret), 303))


@lti_choose.get("/lti/choose")
def choose() -> Response:
    """Show a teacher who comes from a learning platform the own exams, to choose one or make one."""
    secret = request.args.get("once", "")
    try:
        return _form(secret, _waiting(secret))
    except ProctorError as error:
        return _failed(error)


@lti_choose.post("/lti/choose")
def chosen() -> Response:
    """Take the choice, and send it back to the learning platform."""
    secret = request.form.get("once", "")
    try:
        waiting = _waiting(secret)
        try:
            choice = Choice.model_validate(request.form.to_dict())
        except ValidationError:
            return _form(secret, waiting, _("Look at title and length: they can't be taken so."))
        if choice.exam == "new" and not choice.title:
            return _form(secret, waiting, _("Give the exam a title."))
        course = _course(waiting)
        registration = parts().lti.registrations.get(course.registration_id)
        found = next((one for one in _offered(waiting) if one.key == choice.exam), None)
        if choice.exam != "new" and found is None:
            raise NotFound(_("This exam is not one of yours any more. Go back, and choose another one."))
        if not registration.enabled or parts().lti_waiting.take("choice", secret) is None:
            raise _over()
        exam = found or _made(choice, waiting)
        parts().lti.links.add_exam(course, exam.exam_id, BY)
        if waiting["memberships"]:
            note_list(exam, course, waiting["course_title"], waiting["memberships"])
        note("lti: exam linked", BY, **_of(waiting), exam_id=exam.exam_id, exam_key=exam.key)
        answer = _answer(registration, waiting, exam)
        page = make_response(render_template("integrations_answer.html", back=waiting["back"], answer=answer, title=exam.definition.title))
        return framed(page, _origin(waiting), posts_on=True)
    except ProctorError as error:
        return _failed(error)


def _answer(registration: Registration, waiting: Document, exam: Exam) -> str:
    """The signed LtiDeepLinkingResponse."""
    now, key = int(time.time()), parts().lti.keys.signing(registration.keys_of)
    item: dict[str, Any] = {
        "type": "ltiResourceLink",
        "title": exam.definition.title,
        "url": f"{server_address(request)}/lti/launch",
        "custom": {"exam_id": exam.exam_id},
    }
    if waiting["in_window"]:  # cameras and screens need a window of their own, not a platform's frame
        item["window"] = {"targetName": "_blank"}
    claims = {
        "iss": registration.client_id,
        "aud": registration.issuer,
        "iat": now,
        "exp": now + ANSWER_S,
        "nonce": secrets.token_urlsafe(18),
        f"{LTI}message_type": "LtiDeepLinkingResponse",
        f"{LTI}version": "1.3.0",
        f"{LTI}deployment_id": waiting["course"]["deployment_id"],
        f"{DEEP_LINK}content_items": [item],
        **({f"{DEEP_LINK}data": waiting["data"]} if waiting["data"] is not None else {}),
    }
    return jwt.encode({"alg": ALGORITHM, "kid": key.kid, "typ": "JWT"}, claims, key)


def _offered(waiting: Document) -> list[Exam]:
    """The exams that the teacher may choose: this course's, which stand first, and those of the other courses that the person teaches as yet."""
    course, person = _course(waiting).key, parts().lti.people.by_user_id(waiting["user_id"])
    taught = [key for key, role in person.role_at(utc_now()).items() if role == "teacher"] if person is not None else []
    if person is None or course not in taught:
        raise Refused(_("You teach this course no more. Begin again in the learning platform."), "a choice of who teaches the course no more")
    checked_account(person)
    found = parts().lti.links.exams_of(taught)
    own, others = {exam_key(one) for one in found[course]}, {exam_key(one) for exams in found.values() for one in exams}
    return sorted(parts().exams.in_use(own | others, limit=OFFERED_MAX), key=lambda exam: exam.key not in own)


def _made(choice: Choice, waiting: Document) -> Exam:
    """A draft of the course, whose teachers are the exam's."""
    check_exams(waiting["course"]["registration_id"])
    stem = re.sub(r"[^0-9A-Za-z]+", "-", waiting["course_name"]).strip("-")[:40] or "exam"
    fields = choice.model_dump(include={"title", "length_min", "preset"})
    definition = ExamDefinition.model_validate({**fields, "exam_id": f"{stem}-{secrets.token_hex(4)}", "course": waiting["course_name"]})
    parts().lti.links.add_exam(_course(waiting), definition.exam_id, BY)  # first: a course that has as many as it may gets none that nobody teaches
    exam = parts().exams.make(definition, BY, waiting["course"]["registration_id"])
    parts().people.exams_changed()
    note("exam: made", BY, **_of(waiting), exam_id=exam.exam_id, exam_key=exam.key)
    return exam


def _of(waiting: Document) -> dict[str, str]:
    """Who chose, for the audit: our own id, and never the name that the platform tells, which could be anybody's here."""
    return {"user_id": waiting["user_id"], "registration": waiting["course"]["registration_id"]}


def _form(secret: str, waiting: Document, problem: str = "") -> Response:
    presets = [(name, title) for name, title, _words in PRESETS]
    page = render_template(
        "integrations_choose.html",
        secret=secret,
        exams=_offered(waiting),
        course=waiting["course_name"],
        presets=presets,
        problem=problem,
        given=request.form,
    )
    response = framed(make_response(page), _origin(waiting))
    response.status_code = 422 if problem else 200
    return response


def _failed(error: ProctorError) -> Response:
    log.warning("lti: a choice from %s is refused: %s", request.remote_addr, reason_of(error), extra={"counted_as": "choices"})
    page = make_response(render_template("integrations_register.html", part="lti_choice_failed", message=error.message))
    page.status_code = status_of(error)
    tell_when(page, error)
    g.may_be_framed = True  # nothing on it can be clicked on by mistake, and the platform's frame is where it is read
    return page


def _waiting(secret: str) -> Document:
    found = parts().lti_waiting.look("choice", secret)
    if found is None:
        raise _over()
    if not hmac.compare_digest(print_of(request.cookies.get(COOKIE, "")).encode(), str(found["browser"]).encode()):
        raise Forbidden(_("This choice was begun in another browser, or yours keeps no cookies here. Begin again in the learning platform."))
    return found


def _over() -> Forbidden:
    return Forbidden(_("This choice is over: an hour has passed, or it was made already. Begin again in the learning platform."))


def _course(waiting: Document) -> Course:
    return Course(**waiting["course"])


def _origin(waiting: Document) -> str:
    """The site that shows this in a frame: the one where the answer goes."""
    return "/".join(str(waiting["back"]).split("/")[:3])
