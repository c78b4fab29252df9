"""The calls on the courses of learning platforms from which an exam is reached: which those are, and that one is no more."""

from __future__ import annotations

import re
from typing import Literal

from flask import Blueprint, Response
from pydantic import BaseModel, Field

from basics.errors import NotFound
from basics.texts import _
from records.lti_registrations import UnknownPlatform
from web.access.callers import signature
from web.calls.audit import note
from web.calls.bodies import Done, reply
from web.calls.openapi import describe
from web.calls.values import Time
from web.integrations.lti.arrivals import account_of, give_exams
from web.parts import parts

lti_courses = Blueprint("lti_courses", __name__)

OWNER = re.compile(r"[0-9A-Za-z_-]{1,64}")


class CourseOfExam(BaseModel):
    """A course that leads to the exam, whose teachers are the exam's; or a whole platform, whose are not."""

    course: str = Field(description="The course's key here, or the platform's registration id.")
    whole_platform: bool
    platform: str
    title: str = Field(description="As the platform calls the course; empty where it was not told.")
    linked_at: Time


class CoursesOfExam(BaseModel):
    """The courses from which an exam is reached, linked last first."""

    success: Literal[True] = True
    courses: list[CourseOfExam]


@lti_courses.get("/api/exams/<exam_key>/courses")
@describe(CoursesOfExam, errors=(404, 503))
def listed(exam_key: str) -> Response:
    """List the courses of learning platforms from which an exam is reached."""
    exam = parts().exams.by_key(exam_key)
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
    return reply(CoursesOfExam(courses=courses))


@lti_courses.delete("/api/exams/<exam_key>/courses/<course>")
@describe(Done, errors=(404, 503))
def unlink(exam_key: str, course: str) -> Response:
    """Let a course lead to the exam no more: its teachers lose the exam at once, and its list of people is not asked any more.

    Students of it that are in the exam's list stay there.
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


def _name_of(registration_id: str) -> str:
    try:
        return parts().lti.registrations.get(registration_id).name
    except UnknownPlatform:
        installation = parts().openedx.installations.find(registration_id)
        return installation.name if installation is not None else ""
