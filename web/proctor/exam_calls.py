"""The calls by which exams are defined: made, changed by one person at a time, put in another state, duplicated, ended and deleted."""

from __future__ import annotations

import logging
from contextlib import suppress
from datetime import datetime

from flask import Blueprint, Response, request

from basics.errors import Conflict, InvalidInput, NotFound, StorageError
from basics.looks import same_id
from basics.texts import _, ngettext
from basics.times import utc_now
from database import Document
from records.exam_removal import check_holds, delete_some, of_exam
from records.exams import Exam
from records.lti_accounts import take_exam_away
from records.verified import DELETED
from scoring.exam import LIMITS, ExamDefinition, bounds_of
from scoring.exam_rules import PRESETS, rules_for
from scoring.rules import Rules
from scoring.zones import is_changed_between, is_twice, zone_names
from sessions.ends import End
from sessions.session import ExamSession
from web.access.callers import caller
from web.access.hold import hold
from web.calls.addresses import server_address
from web.calls.audit import note
from web.calls.bodies import read_body, reply
from web.calls.openapi import describe
from web.calls.spelling import as_known
from web.hop.everyone import done_elsewhere
from web.parts import parts
from web.proctor.exam_schemas import (
    ChangeExam,
    DefinedExam,
    DefinedExamAnswer,
    DefineExam,
    DeleteExam,
    DuplicateExam,
    EndExam,
    ExamDeleted,
    ExamEnded,
    PresetAnswer,
    Presets,
    PutInState,
)
from web.student.seb import own_key

log = logging.getLogger(__name__)

LOOKED_AT_MIN = 24 * 60  # in a longer exam nobody reckons with an hour

exams = Blueprint("exams", __name__, url_prefix="/api/exams")


@exams.post("")
@describe(DefinedExamAnswer, body=DefineExam, errors=(409, 503))
def make() -> Response:
    """Define an exam. It is a draft, which no student can begin, until it is opened.

    An id that sessions had before is taken as it was written first. 409 with `exam_key` where it is defined already.
    """
    wanted = read_body(request, DefineExam)
    definition = as_known(wanted).definition()
    definition = _own(definition)
    _check(definition)
    exam = parts().exams.make(definition, wanted.by)
    parts().people.exams_changed()
    note("exam: made", wanted.by, exam_id=exam.exam_id, exam_key=exam.key)
    return reply(_answer(exam))


@exams.get("/presets")
@describe(Presets)
def presets() -> Response:
    """Show what each preset allows and counts on this server, the bounds of the limits, and the time zones there are."""
    shown = {}
    for name, preset in PRESETS.items():
        rules = rules_for(ExamDefinition(exam_id="-", title="-", preset=name), _defaults())
        limits = {limit: getattr(rules, limit) for limit in LIMITS}
        shown[name] = PresetAnswer(allowed=preset.allowed, points=dict(rules.points), limits=limits)
    return reply(Presets(presets=shown, bounds={limit: bounds_of(limit) for limit in LIMITS}, time_zones=sorted(zone_names())))


@exams.get("/<exam_key>")
@describe(DefinedExamAnswer, errors=(404, 503))
def show(exam_key: str) -> Response:
    """Show a defined exam, with the rules that a session would have which starts now."""
    return reply(_answer(parts().exams.by_key(exam_key)))


@exams.put("/<exam_key>")
@describe(DefinedExamAnswer, body=ChangeExam, errors=(404, 409, 503))
def change(exam_key: str) -> Response:
    """Change an exam. Sessions that run keep what they began with; `running` says how many those are.

    409 where somebody else changed it since `revision`: `changed_by`, `changed_at`, `revision` and `differs`, the names of the fields in which
    what was sent differs from what is in force, say what to look at before it is sent again.
    """
    wanted = read_body(request, ChangeExam)
    definition = wanted.definition()
    _check(definition)
    exam = parts().exams.save(exam_key, definition, revision=wanted.revision, by=wanted.by)
    parts().people.exams_changed()
    note("exam: changed", wanted.by, exam_id=exam.exam_id, exam_key=exam.key, revision=exam.revision)
    return reply(_answer(exam))


@exams.post("/<exam_key>/state")
@describe(DefinedExamAnswer, body=PutInState, errors=(404, 409, 503))
def put_in_state(exam_key: str) -> Response:
    """Open, close or archive an exam, or make it a draft again.

    A draft is opened or archived, an open one closed or a draft again, a closed one opened or archived, an archived one closed. Sessions that run
    go on when it is closed by hand; `POST /api/exams/<exam_key>/end` ends them.
    """
    wanted = read_body(request, PutInState)
    exam = parts().exams.set_state(exam_key, wanted.state, by=wanted.by, revision=wanted.revision)
    note(f"exam: {wanted.state}", wanted.by, exam_id=exam.exam_id, exam_key=exam.key)
    return reply(_answer(exam))


@exams.post("/<exam_key>/duplicate")
@describe(DefinedExamAnswer, body=DuplicateExam, errors=(404, 409, 503))
def duplicate(exam_key: str) -> Response:
    """Make another exam like this one, with an id of its own and without its times. It is a draft."""
    wanted = as_known(read_body(request, DuplicateExam))
    hold("exams", wanted.exam_id)  # sessions may have it already, whose exam nobody defined
    first = parts().exams.by_key(exam_key).definition
    title = (wanted.title or "").strip() or first.title
    copy = ExamDefinition.model_validate({**first.model_dump(), "exam_id": wanted.exam_id, "title": title, "opens": None, "closes": None})
    exam = parts().exams.make(_own(copy), wanted.by)
    parts().people.exams_changed()
    note("exam: made", wanted.by, exam_id=exam.exam_id, exam_key=exam.key, copy_of=first.exam_id)
    return reply(_answer(exam))


@exams.post("/<exam_key>/end")
@describe(ExamEnded, body=EndExam, errors=(403, 404, 503))
def end(exam_key: str) -> Response:
    """End every session of an exam that runs, with the reason that the students are told. Those whose student has not come end, too.

    While the database is away the sessions of this server end all the same.
    """
    wanted = read_body(request, EndExam)
    exam = parts().exams.shown(exam_key) or parts().exams.by_key(exam_key)  # which says why it is not known
    if wanted.close:
        hold("exams", exam.exam_id)
    closed = wanted.close and _is_closed(exam, wanted.by)
    ended = not_begun = 0
    for session in _running(exam.exam_id):
        try:
            parts().monitor.end_session(session.session_id, End("proctor", wanted.reason), wait_s=0)
        except StorageError:  # it has ended, and its record waits
            log.debug("its record waits to be stored", extra={"session_id": session.session_id})
        except NotFound:  # by its student in this moment, or it goes on at another server, which is asked below
            continue
        ended += 1
        not_begun += not session.begun
    note("exam: ended", wanted.by, exam_id=exam.exam_id, exam_key=exam.key, sessions=ended, reason=wanted.reason)
    answers, missed = done_elsewhere(_elsewhere(exam.exam_id))
    if missed:
        raise StorageError(
            ngettext(
                "%(count)s session of this exam runs at a server that does not answer, and goes on. Try again in some seconds.",
                "%(count)s sessions of this exam run at a server that does not answer, and go on. Try again in some seconds.",
                len(missed),
            ),
            running=len(missed),
        )
    there = [ExamEnded.model_validate(answer) for answer in answers]
    ended, not_begun = ended + sum(one.ended for one in there), not_begun + sum(one.not_begun for one in there)
    return reply(ExamEnded(ended=ended, not_begun=not_begun, closed=closed))


def _is_closed(exam: Exam, by: str) -> bool:
    """Close an open exam. False where that can't be stored now: what runs is to end all the same."""
    if exam.state != "open":
        return True
    try:
        parts().exams.set_state(exam.key, "closed", by=by)
    except (Conflict, StorageError) as error:
        log.warning("exam %s can't be closed: %s", exam.exam_id, error.message)
        return False
    note("exam: closed", by, exam_id=exam.exam_id, exam_key=exam.key)
    return True


@exams.delete("/<exam_key>")
@describe(ExamDeleted, body=DeleteExam, errors=(404, 409, 503))
def delete(exam_key: str) -> Response:
    """Delete an exam with everything of it: sessions, intervals, checks, acts, reviews, clips, stills, accommodations, rehearsals and its roster.

    Each call deletes some; it is made again until `done`. 409 while students take it, and (`reason`: `held`) while a legal hold names something of
    it. From the first call on nobody can begin or change it.
    """
    wanted = read_body(request, DeleteExam)
    exam = parts().exams.by_key(exam_key)
    if wanted.title.strip() != exam.definition.title:
        raise InvalidInput(_("title is not the exam's. Type it as it stands there: what is deleted can't be had back."), field="title")
    elsewhere = _elsewhere(exam.exam_id)
    if running := sum(session.begun for session in _running(exam.exam_id)) + sum(map(_has_begun, elsewhere)):
        text = "%(count)s student takes this exam now. End it first."
        raise Conflict(ngettext(text, "%(count)s students take this exam now. End it first.", running), running=running)
    remover = parts().retention
    if remover is None:
        raise StorageError(_("This server keeps no sessions to be deleted."))
    check_holds(parts().database, exam.exam_id, exam.key)
    parts().erased.set()
    if not exam.deleting:
        exam = parts().exams.begin_removal(exam_key)
        note("exam: deletion begun", wanted.by, exam_id=exam.exam_id, exam_key=exam.key, title=exam.definition.title)
    for session in _running(exam.exam_id):  # links that nobody has used
        with suppress(NotFound):  # used, or ended, in this moment
            parts().monitor.end_session(session.session_id, End("closed"), "interrupted")
    if elsewhere:
        raise StorageError(_("Links of this exam that nobody has used are being ended at another server. Try again in some seconds."))
    deleted: list[str] = []
    try:
        left = delete_some(parts().database, remover, exam.exam_id, exam.key, deleted)
    finally:
        if deleted:  # named, whatever kept the rest: whoever verifies the records knows where they are
            note(DELETED, wanted.by, exam_id=exam.exam_id, exam_key=exam.key, count=len(deleted), sessions=deleted)
    if not left:
        parts().monitor.accommodations.forget_exam(exam.exam_id)
        parts().rosters.forget()
        take_exam_away(parts().database, exam.exam_id)
        parts().people.accounts.read()
        parts().exams.forget(exam.key)
        parts().people.exams_changed()
        note("exam: deleted", wanted.by, exam_id=exam.exam_id, exam_key=exam.key, title=exam.definition.title)
    return reply(ExamDeleted(sessions=len(deleted), left=left, done=not left))


def _running(exam_id: str) -> list[ExamSession]:
    return [session for session in parts().monitor.active() if same_id(session.exam_id, exam_id)]


def _elsewhere(exam_id: str) -> list[Document]:
    elsewhere = parts().monitor.elsewhere
    return elsewhere.running({"$in": [exam_id, *of_exam(parts().database, exam_id)]}) if elsewhere.possible else []


def _has_begun(document: Document) -> bool:
    return document.get("begun") is not False


def _defaults() -> Rules:
    return Rules.from_settings(parts().settings)


def _own(definition: ExamDefinition) -> ExamDefinition:
    """An exam that somebody makes who has only their own: it would be nobody's else."""
    account_id = caller().account_id
    if account_id is None or caller().everywhere("exams") or account_id in definition.teachers:
        return definition
    return definition.model_copy(update={"teachers": [*definition.teachers, account_id]})


def _check(definition: ExamDefinition) -> None:
    """Raise `InvalidInput` for what fits no exam of this server."""
    rules, settings = rules_for(definition, _defaults()), parts().settings
    if rules.interval_duration < settings.check_interval:
        values = {"value": f"{rules.interval_duration:g}", "least": f"{settings.check_interval:g}"}
        wrong = _("limits has interval_duration=%(value)s, which must not be shorter than CHECK_INTERVAL=%(least)s.", **values)
        raise InvalidInput(wrong, field="limits")
    parts().exam_page.look_soon(definition.address, definition.opens_in)


def _answer(exam: Exam) -> DefinedExamAnswer:
    now, definition = utc_now(), exam.definition
    shown = DefinedExam.model_validate(
        {
            **exam.to_document(),
            "exam_key": exam.key,
            "state": exam.state_at(now),
            "is_open": exam.is_open(now),
            "rules": rules_for(definition, _defaults()).to_dict(),
            "notes": _notes(exam),
            "seb_config_key": own_key(exam),
            "framed": parts().exam_page.shown_in(server_address(request), definition.address, definition.opens_in) if definition.address else "",
        }
    )
    running = sum(session.begun for session in _running(exam.exam_id)) + sum(map(_has_begun, _elsewhere(exam.exam_id)))
    return DefinedExamAnswer(exam=shown, running=running)


def _notes(exam: Exam) -> list[str]:
    """What needs to be known of it, in sentences: what its times do, and what of its record can't be read."""
    definition = exam.definition
    zone = definition.time_zone
    notes: list[str] = []
    if exam.unreadable:
        fields = ", ".join(exam.unreadable)
        notes.append(_("Of this exam’s record can’t be read, and is as if never set: %(fields)s. Look at it, and save the exam anew.", fields=fields))
    if definition.seb == "required" and not (
        definition.seb_own_file or definition.seb_config_keys or definition.seb_browser_exam_keys or parts().settings.config_keys
    ):
        notes.append(_("Nobody can begin it: it is taken in Safe Exam Browser only, and no key is allowed. Allow its own file, or name a key."))
    if definition.snippet_origins and not parts().snippet_secrets.of(exam.key):
        notes.append(_("No page can start it yet: its site signs who comes with a secret, which is made below."))
    if strangers := [one for one in (*definition.teachers, *definition.proctors) if parts().people.accounts.by_id(one) is None]:
        notes.append(_("Nobody has an account of the id %(ids)s: whoever is meant sees nothing of this exam.", ids=", ".join(strangers[:5])))
    if definition.closes is not None and definition.opens is None and definition.length_min is None:
        notes.append(_("Extra time in per cent comes to nothing: say of how much it is, by when it opens or by the minutes for each student."))
    if definition.opens is not None and is_twice(definition.opens, zone):
        notes.append(_("Clocks in %(zone)s are put back when it opens: of the two times that look alike the first is meant.", zone=zone))
    if definition.closes is not None and is_twice(definition.closes, zone):
        notes.append(_("Clocks in %(zone)s are put back when it closes: of the two times that look alike the second is meant.", zone=zone))
    if definition.opens is not None and definition.closes is not None:
        notes += _clocks_changed(definition.opens, definition.closes, zone)
    return notes


def _clocks_changed(opens: datetime, closes: datetime, zone: str) -> list[str]:
    """That an exam of some hours is open for longer, or less long, than its times look."""
    minutes = round((closes - opens).total_seconds() / 60)
    if minutes > LOOKED_AT_MIN or not is_changed_between(opens, closes, zone):
        return []
    return [
        ngettext(
            "Clocks in %(zone)s are changed between its opening and its end: it is open for %(count)s minute.",
            "Clocks in %(zone)s are changed between its opening and its end: it is open for %(count)s minutes.",
            minutes,
            zone=zone,
        )
    ]
