"""An exam of Open edX here: made when it first tells of it, and changed only in what it says otherwise than before: what teachers set stays."""

from __future__ import annotations

from typing import Any

from basics.errors import Conflict
from basics.texts import _
from records.edx_exams import EdxExam, id_of, prefix_of
from records.edx_installations import Installation
from records.exams import Exam
from records.lti_links import Course
from scoring.exam import LONGEST_MIN, TITLE_MAX, Allowed, ExamDefinition
from web.calls.audit import note
from web.integrations.lti.bounds import check_exams
from web.integrations.lti.claims import told
from web.integrations.openedx.schemas import SaveExam
from web.parts import parts

BY = "openedx"
DEPLOYMENT = "openedx"  # of the courses, among those of learning platforms
SLACK_MIN = 60  # that a session may go on behind the exam's own time, which Open edX alone keeps: the way from the check to its first question
OFFERED = {
    "notes_on_paper": _("Notes on paper are allowed"),
    "speaking_aloud": _("Speaking aloud is allowed"),
    "calculator": _("A calculator is allowed"),
    "phone": _("A phone is allowed"),
}


def course_of(installation: Installation, course_id: str) -> Course:
    """A course of an installation, whose teachers are its exams' teachers here."""
    return Course(installation.id, DEPLOYMENT, course_id)


def save_exam(installation: Installation, wanted: SaveExam) -> EdxExam:
    """Take over what an Open edX says of an exam. Raise `Refused` where it has made too many, `Conflict`, `StorageError`."""
    before = parts().openedx.exams.get(installation.id, id_of(installation.id, wanted.course_id, wanted.content_id))
    now = _told(installation, wanted, before)
    exam, is_new = parts().exams.get(now.exam_id), before is None
    if exam is not None and exam.deleting:
        raise Conflict(_("This exam is being deleted here. Tell of it again when that is done."), field="content_id")
    if exam is None:
        exam, is_new = _made(installation, now), True
    elif before is not None and (changes := _changes(before, now)):
        changed = parts().exams.save(exam.key, _changed(exam.definition, changes), revision=exam.revision, by=BY)
        parts().people.exams_changed()
        note("exam: changed", BY, exam_id=exam.exam_id, exam_key=exam.key, revision=changed.revision, installation=installation.id)
    if is_new:  # whoever unlinks it later means it
        parts().lti.links.add_exam(course_of(installation, now.course_id), now.exam_id, BY)
    parts().openedx.exams.save(now)
    return now


def rules_of(exam: Exam | None) -> dict[str, bool]:
    """Which of the offered rules hold in an exam."""
    allowed = exam.definition.allowed if exam is not None else Allowed()
    return {name: bool(getattr(allowed, name)) for name in OFFERED}


def _told(installation: Installation, wanted: SaveExam, before: EdxExam | None) -> EdxExam:
    one = id_of(installation.id, wanted.course_id, wanted.content_id)
    rules = {name: bool(wanted.rules[name]) for name in OFFERED if name in wanted.rules} if wanted.rules else {}
    return EdxExam(
        id=one,
        installation_id=installation.id,
        course_id=wanted.course_id,
        content_id=wanted.content_id,
        exam_id=before.exam_id if before is not None else f"{prefix_of(installation.id)}{one[:20]}",
        their_id=wanted.id,
        title=told(wanted.exam_name, TITLE_MAX),
        limit_min=wanted.time_limit_mins or None,
        practice=wanted.is_practice_exam,
        active=wanted.is_active and (wanted.is_proctored or wanted.is_practice_exam),
        rules=rules,
    )


def _made(installation: Installation, now: EdxExam) -> Exam:
    """Ours, open at once: who may take it, and when, is said in Open edX."""
    check_exams(installation.id)
    title, course = now.title or told(now.content_id, TITLE_MAX), told(now.course_id, TITLE_MAX)
    blank = ExamDefinition(exam_id=now.exam_id, title=title, course=course, place="tab")
    try:
        exam = parts().exams.make(_changed(blank, _fields(now)), BY, installation.id)
    except Conflict:  # the same call came twice at once
        made = parts().exams.get(now.exam_id)
        if made is None:
            raise
        return made
    exam = parts().exams.set_state(exam.key, "open", by=BY)
    parts().people.exams_changed()
    note("exam: made", BY, exam_id=exam.exam_id, exam_key=exam.key, installation=installation.id)
    return exam


def _fields(now: EdxExam) -> dict[str, Any]:
    fields: dict[str, Any] = {"length_min": min(now.limit_min + SLACK_MIN, LONGEST_MIN) if now.limit_min else None}
    return fields | ({"title": now.title} if now.title else {}) | ({"allowed": dict(now.rules)} if now.rules else {})


def _changes(before: EdxExam, now: EdxExam) -> dict[str, Any]:
    """What Open edX says otherwise than the last time."""
    then = _fields(before)
    return {name: value for name, value in _fields(now).items() if name not in then or then[name] != value}


def _changed(definition: ExamDefinition, changes: dict[str, Any]) -> ExamDefinition:
    whole = definition.model_dump()
    if "allowed" in changes:
        changes = {**changes, "allowed": {**whole["allowed"], **changes["allowed"]}}
    return ExamDefinition.model_validate({**whole, **changes})
