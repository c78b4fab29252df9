"""Who comes by a launch, and where they are led: a student to the exam's portal, whoever teaches the course to the exam's page."""

from __future__ import annotations

import logging
import secrets
from datetime import datetime, timedelta
from typing import Any

from flask import redirect, request, url_for
from pydantic import ValidationError
from werkzeug.wrappers import Response as BaseResponse

from basics.errors import Conflict, InvalidInput
from basics.identifiers import normal_id
from basics.texts import _, joined
from basics.times import utc_now
from records.accounts import LONGEST_NAME, Account
from records.exams import Exam
from records.lti_accounts import MADE_BY as BY
from records.lti_people import LtiPerson, Role, user_id_of
from records.roster_rows import Column, Student
from records.rosters import RosterRow
from scoring.exam import ExamDefinition
from web.calls.addresses import server_address
from web.calls.audit import note
from web.calls.told import tell_roster
from web.integrations.lti.bounds import check_accounts, check_exams
from web.integrations.lti.claims import Launch
from web.integrations.lti.errors import Refused
from web.integrations.lti.login import check_enabled
from web.integrations.lti.names_roles import note_course
from web.operator.sign_in import let_in
from web.parts import parts

log = logging.getLogger(__name__)

GOES_ON = 303  # a reload doesn't post the launch again
SHOWN_LINK = 20  # characters of a link's key in the id of an exam that is made for it


def arrive(launch: Launch) -> BaseResponse:
    """Lead on who comes by a resource link. Raise `Refused`, `Conflict`, `StorageError`."""
    comes_as = launch.comes_as
    withdraw(launch)
    if not comes_as:
        raise Refused(
            _("Your learning platform says that you are neither a student nor a teacher of this course. Ask whoever teaches it to enrol you."),
            "no role in the course",
        )
    exam = exam_of(launch)
    if exam is None and comes_as == "teacher":
        exam = make_exam(launch)
    if exam is None or exam.deleting:
        raise no_exam()
    if comes_as == "learner":
        return _to_portal(launch, exam)
    note_course(exam, launch)
    return _to_exam(launch, exam, comes_as)


# The exam


def exam_of(launch: Launch) -> Exam | None:
    """The exam that the launch means: what the link names by `custom.exam_id`, where it belongs to this course; else what the link was made for.

    None where it is not made yet. Raise `Refused` for an exam of another course, whether there is one or not.
    """
    links, named = parts().lti.links, launch.exam_id
    if not named:
        found = links.exam_of(launch.course, launch.link_id)
        return parts().exams.get(found) if found is not None else None
    exam = exam_named(launch, named)
    if exam is None:
        text = _("This course has no exam %(exam_id)s here.", exam_id=repr(named[:80]))
        mend = _("Whoever teaches it chooses an exam in the learning platform anew.")
        raise Refused(joined(" ", [text, mend]), f"the exam {named[:80]!r} does not belong to the course")
    return exam


def exam_named(launch: Launch, named: str) -> Exam | None:
    """The exam of this id, where it belongs to the launch's course. Raise `StorageError`."""
    try:
        exam = parts().exams.get(normal_id(named))
    except ValueError:
        return None
    return exam if exam is not None and parts().lti.links.belongs(launch.course, exam.exam_id) else None


def no_exam() -> Refused:
    """The link leads to no exam."""
    return Refused(_("No exam is set up here yet. It is when a teacher of the course has opened this link once."), "a link that has no exam")


def make_exam(launch: Launch) -> Exam:
    """A draft for a link that a teacher opens first. Raise `Conflict` where the course has too many, `StorageError`."""
    check_exams(launch.registration.registration_id)
    course, link = launch.course, launch.course.of_link(launch.link_id)
    exam_id = f"lti-{link[:SHOWN_LINK]}"
    if parts().exams.get(exam_id) is not None and not parts().lti.links.belongs(course, exam_id):  # whoever unlinked it meant it
        exam_id = f"{exam_id}-{secrets.token_hex(4)}"
    title = launch.link_title or launch.course_title or _("Exam")
    try:
        definition = ExamDefinition(exam_id=exam_id, title=str(title), course=launch.course_name)
    except ValidationError:
        definition = ExamDefinition(exam_id=exam_id, title=str(_("Exam")))
    parts().lti.links.add_exam(course, definition.exam_id, BY)
    try:
        exam = parts().exams.make(definition, BY, launch.registration.registration_id)
    except Conflict:  # another teacher's page was faster
        made = parts().exams.get(definition.exam_id)
        if made is None or made.made_by != BY:
            parts().lti.links.remove_exam(course, definition.exam_id)
            raise
        exam = made
    else:
        note("exam: made", BY, exam_id=exam.exam_id, exam_key=exam.key, registration=launch.registration.registration_id)
    parts().lti.links.set_exam(course, launch.link_id, exam.exam_id)
    parts().people.exams_changed()
    return exam


# Students


def _to_portal(launch: Launch, exam: Exam) -> BaseResponse:
    """The student's own link: the portal goes on with the session that there is, or says how the exam stands."""
    return redirect(parts().rosters.address(server_address(request), admitted(come(launch, ""), exam)), GOES_ON)


def admitted(person: LtiPerson, exam: Exam) -> RosterRow:
    """The student's row in the exam's list. Raise `Conflict`, `StorageError`."""
    has: set[Column] = {"name"} if person.name else set()
    has |= {"email"} if person.email else set()
    student = Student(0, person.user_id, person.name, person.email)
    row, is_new = parts().rosters.admit(exam.key, exam.exam_id, student, has, by=BY)
    if is_new:
        note("lti: student new", BY, user_id=person.user_id, exam_id=exam.exam_id, registration=person.registration_id)
        tell_roster(exam)
    return row


def come(launch: Launch, role: Role | None) -> LtiPerson:
    """Note who came, as what; None: that is not told. Raise `Conflict`, `StorageError`."""
    _before, person = parts().lti.people.come(
        launch.registration.registration_id,
        launch.sub,
        name=launch.name,
        email=launch.email,
        course=launch.course.key,
        role=role,
        holds=timedelta(hours=parts().settings.login_max_h),
    )
    return person


def withdraw(launch: Launch) -> None:
    """Whoever was something else in this course the last time is it no more, whether let in now or not. Raise `Conflict`, `StorageError`."""
    comes_as = launch.comes_as
    role: Role = "" if comes_as == "learner" else comes_as
    known = parts().lti.people.by_user_id(user_id_of(launch.registration.registration_id, launch.sub))
    if known is not None and known.courses.get(launch.course.key, (role, None))[0] != role:
        person = come(launch, role)
        account = account_of(person)
        if account is not None:
            give_exams(account, person)


# Teachers and proctors


def _to_exam(launch: Launch, exam: Exam, role: Role) -> BaseResponse:
    """Sign in whoever teaches or proctors, with the exams of the courses from which they came of late, and show the exam."""
    person = come(launch, role)
    account = checked_account(person)
    account = give_exams(account or made_account(person, launch.registration.name), person)
    if exam.exam_id not in account.exam_roles:  # linked for the whole platform
        raise Refused(
            _("This exam is linked for students of every course. Who teaches it is said on its own page here, not by your learning platform."),
            "a teacher of a course to which the exam does not belong",
        )
    note(
        "lti: teacher launched",
        account.name,
        account=account.id,
        exam_id=exam.exam_id,
        exam_key=exam.key,
        role=role,
        registration=person.registration_id,
    )
    parts().lti.registrations.forget()  # a login lasts for hours: another server may have switched the platform off this moment
    check_enabled(parts().lti.registrations.get(person.registration_id))
    page = url_for("pages.exam", exam_key=exam.key) if role == "teacher" else url_for("pages.dashboard")
    answer = let_in(account, "lti", page)
    answer.status_code = GOES_ON
    return answer


def account_of(person: LtiPerson) -> Account | None:
    """The account of who teaches or proctors; None where there is none yet. Raise `StorageError`."""
    parts().people.ready()
    return parts().people.accounts.of_provider(person.account_key)


def checked_account(person: LtiPerson) -> Account | None:
    """The same. Raise `Refused` where no platform may sign it in."""
    account = account_of(person)
    if account is not None and account.disabled:
        raise Refused(_("Your account here is disabled. Ask an administrator."), f"the account {account.login} is disabled")
    if account is not None and account.all_roles:  # whoever runs the platform could sign in as anybody
        raise Refused(
            _("Your account has roles on the whole server, with which no learning platform signs anybody in. Ask an administrator."),
            f"the account {account.login} has roles on the whole server",
        )
    return account


def made_account(person: LtiPerson, platform: str) -> Account:
    """An account by our own id of the person, so that it stands in nobody's way; the name says from which platform it comes. Raise `Refused`."""
    check_accounts(person.registration_id)
    own = {"oidc": person.account_key, "single_sign_on": True, "registration_id": person.registration_id}
    accounts, login = parts().people.accounts, person.user_id
    of_platform = f" ({platform})"
    called = (person.name or person.email or login)[: max(1, LONGEST_NAME - len(of_platform))]
    for name in (f"{called}{of_platform}", f"{called[: LONGEST_NAME - len(login) - 3]} ({login})", login):
        try:
            return accounts.add(login, name, frozenset(), by=BY, email=person.email, **own)
        except InvalidInput:
            continue
        except Conflict:
            made = accounts.of_provider(person.account_key)
            if made is not None:  # another page of theirs was faster
                return made
    raise Refused(_("No account can be made for you here. Ask an administrator."), "no name for an account")


def give_exams(account: Account, person: LtiPerson) -> Account:
    """The account has the exams of its courses for as long as each role holds, and no other right. Raise `StorageError`."""
    found: dict[str, tuple[bool, datetime]] = {}
    for course, exams in parts().lti.links.exams_of(person.role_at(utc_now())).items():
        role, until = person.courses[course]
        for exam_id in exams:  # of several the one that may more, and of these the longest
            found[exam_id] = max(found.get(exam_id, (False, until)), (role == "teacher", until))
    rows = [{"exam_id": one, "roles": ["teacher" if teaches else "proctor"], "until": until} for one, (teaches, until) in sorted(found.items())]
    told: dict[str, Any] = {"email": person.email} if person.email else {}
    changed = parts().people.accounts.change(account.id, exam_roles=rows, **told)
    parts().people.changed()  # what a course gave may be gone: other logins watch no longer by it
    return changed
