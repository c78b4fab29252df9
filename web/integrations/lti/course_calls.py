"""The calls on the courses of learning platforms from which an exam is reached: which those are, that every course of a platform is, or that one is
no more.
"""

from __future__ import annotations

import re
from typing import Annotated, Literal

from flask import Blueprint, Response, request
from pydantic import BaseModel, Field, StringConstraints

from basics.errors import Conflict, NotFound
from basics.texts import _
from records.exams import Exam
from records.lti_registrations import Registration, UnknownPlatform
from web.access.callers import caller, signature
from web.calls.audit import note
from web.calls.bodies import Done, read_body, reply
from web.calls.openapi import describe
from web.calls.values import Time
from web.integrations.lti.arrivals import account_of, give_exams
from web.parts import parts

lti_courses = Blueprint("lti_courses", __name__)

API = "/api/exams/<exam_key>/courses"
OWNER = re.compile(r"^[0-9A-Za-z_-]{1,64}$")


class CourseOfExam(BaseModel):
    """A course that leads to the exam, whose teachers are the exam's; or a whole platform, whose are not."""

    course: str = Field(description="The course's key here, or the platform's registration id.")
    whole_platform: bool
    platform: str
    title: str = Field(description="As the platform calls the course; empty where it was not told.")
    linked_at: Time


class PlatformOffered(BaseModel):
    """A registered platform that may be let launch an exam."""

    registration_id: str
    name: str
    issuer: str


class CoursesOfExam(BaseModel):
    """The courses from which an exam is reached, linked last first."""

    success: Literal[True] = True
    courses: list[CourseOfExam]
    any_registered: bool = Field(description="Is any learning platform registered here?")
    platforms: list[PlatformOffered] = Field(description="For administrators: those that are registered and enabled, by name. Else empty.")


class LetPlatform(BaseModel):
    """Which platform is to launch the exam, from every course."""

    platform: Annotated[str, StringConstraints(pattern=OWNER.pattern)] = Field(description="Its registration id.")


@lti_courses.get(API)
@describe(CoursesOfExam, errors=(404, 503))
def listed(exam_key: str) -> Response:
    """List the courses of learning platforms from which an exam is reached."""
    return _list(parts().exams.by_key(exam_key))


@lti_courses.post(API)
@describe(CoursesOfExam, body=LetPlatform, errors=(404, 409, 503))
def let_platform(exam_key: str) -> Response:
    """Let every course of a registered platform launch an exam, by the custom parameter `exam_id`; nobody becomes a teacher of it. Again: the same.

    So an exam is had by a platform whose launches are of students alone, such as one that only has its own exams proctored. Administrators only:
    whoever runs the platform decides from then on who comes, in courses of which the exam's teachers know nothing. 404 where there is no such
    platform, 409 where it is disabled, or is an installation of Open edX, which says itself which exams it has.
    """
    exam, given = parts().exams.by_key(exam_key), read_body(request, LetPlatform)
    if exam.deleting:
        raise Conflict(_("The exam is being deleted."))
    platform = _platform(given.platform)
    if parts().lti.links.add_exam(platform.registration_id, exam.exam_id, signature()):
        note("lti: platform linked", signature(), exam_id=exam.exam_id, exam_key=exam.key, registration=platform.registration_id, name=platform.name)
    return _list(exam)


@lti_courses.delete(f"{API}/<course>")
@describe(Done, errors=(404, 503))
def unlink(exam_key: str, course: str) -> Response:
    """Let a course lead to the exam no more: its teachers lose the exam at once, and its list of people is not asked any more.

    Students of it that are in the exam's list stay there. The same for a platform that was let launch it from every course.
    """
    exam = parts().exams.by_key(exam_key)
    if not OWNER.fullmatch(course) or not parts().lti.links.unlink(course, exam.key):
        raise NotFound(_("The exam is reached from no such course."), field="course")
    parts().lti_courses.forget(course, exam.key)
    note("lti: exam unlinked", signature(), exam_id=exam.exam_id, exam_key=exam.key, course=course)
    for person in parts().lti.people.of_course(course):
        account = account_of(person)
        if account is not None and exam.exam_id in account.exam_roles:
            give_exams(account, person)
    return reply(Done())


def _list(exam: Exam) -> Response:
    titles = {one.course: one.title for one in parts().lti_courses.of_exam(exam.key)}
    courses = [
        CourseOfExam(
            course=one.owner,
            whole_platform=one.owner == one.registration_id,
            platform=_name_of(one.registration_id),
            title=titles.get(one.owner, ""),
            linked_at=one.at,
        )
        for one in parts().lti.links.owners_of(exam.key)
    ]
    registered = parts().lti.registrations.all()
    offered = [one for one in registered if one.enabled] if caller().everywhere("server") else []
    platforms = [PlatformOffered(registration_id=one.registration_id, name=one.name, issuer=one.issuer) for one in offered]
    return reply(CoursesOfExam(courses=courses, any_registered=bool(registered), platforms=platforms))


def _platform(registration_id: str) -> Registration:
    try:
        found = parts().lti.registrations.get(registration_id)
    except UnknownPlatform:
        if parts().openedx.installations.find(registration_id) is not None:
            raise Conflict(
                _("Open edX says itself which of its exams are proctored here: an installation can’t be let launch another."), field="platform"
            ) from None
        known = _("There is no learning platform %(id)s. Those there are stand on the page Integrations.", id=repr(registration_id))
        raise NotFound(known, field="platform") from None
    if not found.enabled:
        raise Conflict(_("The learning platform %(name)s is disabled: enable it first.", name=found.name), field="platform")
    return found


def _name_of(registration_id: str) -> str:
    try:
        return parts().lti.registrations.get(registration_id).name
    except UnknownPlatform:
        installation = parts().openedx.installations.find(registration_id)
        return installation.name if installation is not None else ""
