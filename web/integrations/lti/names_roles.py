"""Names and roles (NRPS 2.0): an exam's list of students is filled from the courses from which the exam is linked.

Filling it again updates and doubles nobody. Who has left a course, or is not active in it, is marked and stays.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import urlsplit

from flask import Blueprint, Response
from pydantic import BaseModel, Field

from basics.errors import Conflict
from basics.looks import folded
from basics.texts import _, ngettext
from records.exams import Exam
from records.lti_courses import LinkedCourse
from records.lti_links import Course
from records.lti_people import user_id_of
from records.lti_registrations import Registration, UnknownPlatform, is_platform_url
from records.roster_rows import EMAIL_MAX, NAME_MAX, Student, is_email
from records.rosters import MOST_ROWS
from web.access.callers import signature
from web.calls.audit import note
from web.calls.bodies import reply
from web.calls.openapi import describe
from web.calls.told import tell_roster
from web.integrations.lti.claims import LONGEST_ID, MEMBERSHIP, ROLES_MAX, Launch, comes_as, told
from web.integrations.lti.outward import away, wanted
from web.integrations.lti.service import Platforms
from web.parts import parts

lti_names = Blueprint("lti_names", __name__)

SCOPE = "https://purl.imsglobal.org/spec/lti-nrps/scope/contextmembership.readonly"
SERVICE_CLAIM = "https://purl.imsglobal.org/spec/lti-nrps/claim/namesroleservice"
CONTAINER = "application/vnd.ims.lti-nrps.v2.membershipcontainer+json"
PEOPLE_MAX, PAGES_MAX = MOST_ROWS, 50
WHOLE_S, ALL_S = 60.0, 180.0  # of one course's list, and of all that are read for one exam
TEST_PERSON = "person#TestUser"  # Canvas's


@dataclass(frozen=True, slots=True)
class Member:
    """One person of a course as its platform says. `sub` is the id with which the person comes by a launch."""

    sub: str
    name: str = ""
    email: str = ""
    is_active: bool = True
    is_learner: bool = False


class FilledFromCourse(BaseModel):
    """What filling the list from the course did."""

    success: Literal[True] = True
    courses: int = Field(description="Courses that were asked.")
    new: int
    changed: int
    same: int
    inactive: int = Field(description="Students of the list who are not active in the course, or not any more.")
    left_out: int = Field(description="People of the course who are not active and were never in the list.")


@lti_names.post("/api/exams/<exam_key>/roster/lti")
@describe(FilledFromCourse, errors=(404, 409, 429, 503))
def fill(exam_key: str) -> Response:
    """Fill an exam's list of students from the courses of the learning platforms from which it is linked: active learners with names and addresses.

    Doing it again updates, and doubles nobody; who left or is not active stays, marked `inactive`. 409 where no course is known yet: it is, once
    somebody has opened the exam from there. 429 while another list is filled from the same platform, or from several. 503 where a platform does not
    answer; nothing is changed then.
    """
    exam = parts().exams.by_key(exam_key)
    found = _courses_with_lists(exam)
    if not found:
        raise Conflict(_("No course with a list of people is known for this exam yet. Open the exam once from the learning platform."))
    people: dict[str, Member] = {}
    with parts().lti.listing([registration.registration_id for registration, _course in found]):
        ends = time.monotonic() + ALL_S
        for registration, course in found:
            for member in members(parts().platforms, registration, course.memberships_url, until=ends):
                if member.is_learner:
                    _add(people, user_id_of(registration.registration_id, member.sub), member)
    return reply(_take(exam, people, len(found)))


def note_course(exam: Exam, launch: Launch) -> None:
    """Remember where the people are listed of the course from which a checked launch reached the exam. Raise `StorageError`."""
    if address := memberships_of(launch):
        note_list(exam, launch.course, launch.course_title, address)


def note_list(exam: Exam, course: Course, title: str, address: str) -> None:
    """The same, of what is known of a course. Raise `StorageError`."""
    parts().lti_courses.link(LinkedCourse(exam.key, course.registration_id, course.key, title, address))


def memberships_of(launch: Launch) -> str:
    """Where a launch says that its course's people are listed; empty where it doesn't."""
    service = launch.claims.get(SERVICE_CLAIM)
    address = service.get("context_memberships_url") if isinstance(service, dict) else None
    return address if isinstance(address, str) and is_platform_url(address) else ""


def members(
    platforms: Platforms, registration: Registration, address: str, *, until: float = math.inf, clock: Callable[[], float] = time.monotonic
) -> list[Member]:
    """Everybody of a course, page by page, `until` a moment of the clock at most.

    Raise `ProviderAway`, `Conflict` where there are more than an exam takes, `StorageError`.
    """
    first, ends = urlsplit(address), min(clock() + WHOLE_S, until)
    found: list[Member] = []
    seen: set[str] = set()
    while address:
        if len(seen) == PAGES_MAX or address in seen:
            raise away(ngettext("its list has more than %(count)s page", "its list has more than %(count)s pages", PAGES_MAX))
        if urlsplit(address)[:2] != first[:2]:
            raise away(_("its list goes on at another host, which gets no token of ours"))
        if clock() > ends:
            raise away(_("it does not give its list within %(seconds)s s", seconds=int(WHOLE_S)))
        seen.add(address)
        answer = platforms.ask(registration, SCOPE, "GET", address, accept=CONTAINER)
        given = wanted(answer).get("members")
        if not isinstance(given, list):
            raise away(_("its list names no members"))
        found += [member for one in given if (member := _member(one)) is not None]
        if len(found) > PEOPLE_MAX:
            raise Conflict(_("The course has more than 5,000 people, and an exam takes 5,000 students at most."))
        address = answer.next
    return found


def _courses_with_lists(exam: Exam) -> list[tuple[Registration, LinkedCourse]]:
    found = []
    for course in parts().lti_courses.of_exam(exam.key):
        try:
            registration = parts().lti.registrations.get(course.registration_id)
        except UnknownPlatform:
            continue
        if course.memberships_url and registration.enabled:
            found.append((registration, course))
    return found


def _add(people: dict[str, Member], user_id: str, member: Member) -> None:
    """Each once: who is in two of the exam's courses is active where one of them says so."""
    before = people.get(user_id)
    if before is None or not before.is_active:
        people[user_id] = member


def _take(exam: Exam, people: Mapping[str, Member], courses: int) -> FilledFromCourse:
    rosters = parts().rosters
    there = {folded(row.user_id): row for row in rosters.rows(exam.key)}
    students = []
    for line, (user_id, member) in enumerate(people.items(), 1):
        row = there.get(folded(user_id))
        if member.is_active or row is not None:  # who was never active isn't put into the list
            name, email = member.name or (row.name if row else ""), member.email or (row.email if row else "")
            students.append(Student(line, row.user_id if row else user_id, name, email))
    done = rosters.take(exam.key, exam.exam_id, students, {"id", "name", "email"}, by=signature(), remove_missing=False, with_sessions=set())
    ids = {state: [user_id for user_id, member in people.items() if member.is_active is state] for state in (True, False)}
    inactive = rosters.mark_course(exam.key, ids[True], ids[False])
    facts: dict[str, Any] = {"new": done.new, "changed": done.changed, "inactive": inactive}
    note("roster: filled from course", signature(), exam_id=exam.exam_id, exam_key=exam.key, **facts)
    tell_roster(exam)
    return FilledFromCourse(courses=courses, same=done.same, left_out=len(people) - len(students), **facts)


def _member(said: Any) -> Member | None:
    if not isinstance(said, dict):
        return None
    given, roles = said.get("user_id"), said.get("roles")
    sub = str(given) if isinstance(given, int) and not isinstance(given, bool) else given
    if not isinstance(sub, str) or not 0 < len(sub) <= LONGEST_ID or not sub.isprintable():
        return None
    named = " ".join(part for one in ("given_name", "family_name") if (part := told(said.get(one), NAME_MAX)))
    name, email = told(said.get("name"), NAME_MAX) or named[:NAME_MAX], told(said.get("email"), EMAIL_MAX + 1)
    is_active = said.get("status") in (None, "Active")
    return Member(sub, name, email if email and is_email(email) else "", is_active, _is_learner(roles if isinstance(roles, list) else []))


def _is_learner(roles: list[Any]) -> bool:
    """Platforms may write a role of the course by its short name; their test students are nobody."""
    given = [role if ":" in role else f"{MEMBERSHIP}#{role}" for role in roles[:ROLES_MAX] if isinstance(role, str)]
    return comes_as(given) == "learner" and not any(role.endswith(TEST_PERSON) for role in given)
