"""The calls on the students of an exam: a list is looked at and imported, students are listed, changed and taken out."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Iterable
from typing import Any

from flask import Blueprint, Response, render_template, request

from basics.errors import Conflict, InvalidInput
from basics.looks import folded, look
from basics.stored_fields import is_text
from basics.texts import _, ngettext
from basics.times import utc_now
from records.exams import Exam
from records.roster_file import read_list
from records.roster_rows import Fault, ReadRoster, read_roster, refused, with_known
from records.roster_states import NOT_COME, STATES, Standing, counts_of, known_ids, standings, with_sessions
from records.rosters import RosterRow
from sessions.changes import CHANGES_MAX
from web.access.callers import signature
from web.calls.audit import note, note_look
from web.calls.bodies import Done, read_body, read_query, reply
from web.calls.openapi import describe
from web.calls.told import tell_roster
from web.operator.people_pages import for_people
from web.parts import parts
from web.proctor.held import check_held
from web.proctor.roster_schemas import (
    BODY_BYTES_MAX,
    ChangeStudent,
    PreviewRow,
    RosterAnswer,
    RosterFault,
    RosterList,
    RosterPreview,
    RosterQuery,
    RosterStudent,
    RosterStudentAnswer,
    RosterTaken,
    TakeRoster,
)
from web.proctor.tables import Columns, csv_text, unreadable

rosters = Blueprint("rosters", __name__)

API = "/api/exams/<exam_key>/roster"
ROWS_SHOWN, FAULTS_SHOWN = 100, 200


@rosters.post(f"{API}/preview")
@describe(RosterPreview, body=RosterList, errors=(404, 413, 503))
def preview(exam_key: str) -> Response:
    """Show what importing a list of students would do: how it was read, which students are new or changed, and which lines can't be taken."""
    request.max_content_length = BODY_BYTES_MAX
    exam = parts().exams.by_key(exam_key)
    read = _read(exam, read_body(request, RosterList))
    store = parts().rosters
    met, missing = store.plan(exam.key, read.students)
    changes = ["new" if before is None else "changed" if store.changes(before, student, read.has) else "same" for before, student in met]
    fields = PreviewRow.model_fields.keys() - {"change"}
    rows = [
        PreviewRow.model_validate({**{name: getattr(student, name) for name in fields}, "change": change})
        for (_before, student), change in zip(met[:ROWS_SHOWN], changes, strict=False)
    ]
    return reply(
        RosterPreview(
            encoding=read.encoding,
            delimiter=read.delimiter,
            columns=list(read.columns),
            has_head=read.has_head,
            students=len(met),
            new=changes.count("new"),
            changed=changes.count("changed"),
            same=changes.count("same"),
            missing=len(missing),
            rows=rows,
            faults=_faults(read),
            faulty=len(read.faults),
        )
    )


@rosters.post(API)
@describe(RosterTaken, body=TakeRoster, errors=(404, 409, 413, 503))
def take(exam_key: str) -> Response:
    """Import a list of students, up to 5,000. Importing it again updates, and doubles nobody.

    A column that the list does not have stays as it is; an empty cell empties it. A student whom the list does not have stays, unless
    `remove_missing` takes out those without sessions: 409 (`reason`: `held`) where a legal hold names one of these, or (`meanwhile`) where they are
    not as many as `missing`, as somebody has changed the students since. Nobody is taken out by a list with faults. 422 with `faults` where a
    line can't be taken, unless `skip_faulty` leaves such lines out: among them is one that would change what is different for a student whose
    exam runs and was changed so 50 times.
    """
    request.max_content_length = BODY_BYTES_MAX
    exam = parts().exams.by_key(exam_key)
    wanted = read_body(request, TakeRoster)
    read = _read(exam, wanted)
    faults = _faults(read)
    if not read.students:
        raise InvalidInput(_("The list has no student that can be imported."), field="text", faults=[one.model_dump() for one in faults])
    if read.faults and not wanted.skip_faulty:
        text, many = "%(count)s line can't be taken. Mend it, or leave it out.", "%(count)s lines can't be taken. Mend them, or leave them out."
        raise InvalidInput(ngettext(text, many, len(read.faults)), field="text", faults=[one.model_dump() for one in faults])
    if read.faults and wanted.remove_missing:
        wrong = _("Who is not in a list can't be told while lines of it can't be taken. Mend these, or take nobody out.")
        raise InvalidInput(wrong, field="remove_missing", faults=[one.model_dump() for one in faults])
    keep = with_sessions(parts().database, exam) if wanted.remove_missing else set()
    if wanted.remove_missing:
        _met, missing = parts().rosters.plan(exam.key, read.students)
        if wanted.missing not in (None, len(missing)):
            raise Conflict(_("The exam’s students have changed since you looked at the list. Look at it again."), field="missing", reason="meanwhile")
        going = [row.user_id for row in missing if folded(row.user_id) not in keep]
        check_held("roster", going, wanted.by, exam_id=exam.exam_id, exam_key=exam.key)
    done = parts().rosters.take(
        exam.key, exam.exam_id, read.students, read.has, by=wanted.by, remove_missing=wanted.remove_missing, with_sessions=keep
    )
    note("roster: imported", wanted.by, exam_id=exam.exam_id, exam_key=exam.key, new=done.new, changed=done.changed, removed=done.gone)
    tell_roster(exam)
    skipped = len(read.faults)
    return reply(RosterTaken(new=done.new, changed=done.changed, same=done.same, removed=done.gone, kept=done.kept, skipped=skipped, faults=faults))


@rosters.get(API)
@describe(RosterAnswer, query=RosterQuery, errors=(404, 503))
def listed(exam_key: str) -> Response:
    """List the students of an exam, with how each stands; `states` counts all of them."""
    exam = parts().exams.by_key(exam_key)
    query = read_query(request, RosterQuery)
    everybody = all_standings(exam)
    note_look("roster: looked at", "proctor", exam_id=exam.exam_id, exam_key=exam.key)
    found = _chosen(everybody, query)
    begin = next((place for place, one in enumerate(found, 1) if one.row.row_id == query.after), 0) if query.after else 0
    shown = found[begin : begin + query.limit]
    return reply(
        RosterAnswer(
            students=[student_of(one) for one in shown],
            count=len(shown),
            total=len(everybody),
            found=len(found),
            states=counts_of(everybody),
            can_mail=parts().mailer.is_on,
            next_after=shown[-1].row.row_id if begin + query.limit < len(found) else None,
        )
    )


@rosters.get(f"{API}.csv")
@describe(errors=(404, 503), media_type="text/csv")
def table(exam_key: str) -> Response:
    """Give the students of an exam as CSV, which can be imported again. No cell is a formula.

    What of a student was damaged in the database is left out, and named in the last column, `unreadable`: mend it before the list is imported.
    """
    exam = parts().exams.by_key(exam_key)
    rows = (student_of(one).model_dump() for one in all_standings(exam))
    note("table: exported", "proctor", table="students", exam_id=exam.exam_id)
    return as_csv(COLUMNS, rows, "students")


@rosters.patch(f"{API}/<row_id>")
@describe(RosterStudentAnswer, body=ChangeStudent, errors=(404, 409, 429, 503))
def change(exam_key: str, row_id: str) -> Response:
    """Change one student of an exam. The id stays: another id is another student.

    409 with `differs`, names of fields, where one of those in `seen` is no longer as the caller saw it. 429 where what is different for the
    student was changed 50 times in an exam that runs.
    """
    exam = parts().exams.by_key(exam_key)
    row = parts().rosters.row(exam.key, row_id)
    wanted = read_body(request, ChangeStudent)
    if differs := [name for name, value in wanted.seen.items() if value != (getattr(row, name) or type(value)())]:
        raise Conflict(_("Somebody has changed this student since you opened it. Close it, and look at what stands there now."), differs=differs)
    fields = wanted.model_dump(exclude={"by", "seen"}, exclude_none=True)
    if "preset" in fields:
        fields["preset"] = fields["preset"] or None
    if any(
        fields.get(name, before) != before
        for name, before in (("extra_percent", row.extra_percent), ("extra_min", row.extra_min), ("preset", row.preset))
    ):
        parts().monitor.taking_effect.check_room(row.user_id, exam.exam_id)
    after = parts().rosters.change(row, fields, wanted.by)
    note("roster: changed", wanted.by, exam_id=exam.exam_id, exam_key=exam.key, user_id=row.user_id, fields=sorted(fields))
    tell_roster(exam)
    return reply(RosterStudentAnswer(student=student_of(standings(parts().database, exam, [after], utc_now())[0])))


@rosters.delete(f"{API}/<row_id>")
@describe(Done, errors=(404, 409, 503))
def remove(exam_key: str, row_id: str) -> Response:
    """Take one student out of an exam. 409 for one who has sessions of it: whoever took part stays in the list.

    Also 409 (`reason`: `held`) while a legal hold names the student.
    """
    exam = parts().exams.by_key(exam_key)
    row = parts().rosters.row(exam.key, row_id)
    if folded(row.user_id) in with_sessions(parts().database, exam):
        raise Conflict(_("This student has taken part, and stays in the list. Revoke the link instead."), field="row_id")
    check_held("roster", [row.user_id], signature(), exam_id=exam.exam_id, exam_key=exam.key)
    parts().rosters.remove(row, signature())
    note("roster: removed", "proctor", exam_id=exam.exam_id, exam_key=exam.key, user_id=row.user_id)
    tell_roster(exam)
    return reply(Done())


@rosters.get("/exams/<exam_key>/roster")
def page(exam_key: str) -> str:
    """Show the students of an exam: import, links and codes, how each stands."""
    exam = parts().exams.by_key(exam_key)
    courses = parts().lti_courses.of_exam(exam.key)
    return render_template("exam_roster.html", active="exams", exam=exam, courses=courses, **for_people())


def all_standings(exam: Exam) -> list[Standing]:
    """Every student of the exam. Raise `StorageError`."""
    return standings(parts().database, exam, parts().rosters.rows(exam.key), utc_now())


def student_of(one: Standing) -> RosterStudent:
    """A student as the calls show one."""
    fields = RosterRow.__dataclass_fields__.keys() & RosterStudent.model_fields.keys() - {"mail"}
    mail = one.row.mail or {}
    return RosterStudent.model_validate(
        {
            **{name: getattr(one.row, name) for name in fields},
            **{name: getattr(one, name) for name in ("state", "rehearsed_at", "started_at", "ended_at")},
            **{name: list(getattr(one, name)) for name in ("failed", "warned", "sessions")},
            **{field: mail[name] for field, name in (("mail", "state"), ("mail_error", "error")) if is_text(mail.get(name))},
        }
    )


def as_csv(columns: Columns, rows: Iterable[dict[str, Any]], name: str) -> Response:
    """A table to be downloaded."""
    response = Response(csv_text(columns, rows), mimetype="text/csv")
    response.headers["Content-Disposition"] = f'attachment; filename="{name}.csv"'
    return response


def extra_words(row: Any) -> str:
    """A student's extra time as a list has it, so that it can be imported again."""
    kinds = (("{:g}%", row["extra_percent"]), ("{:g} min", row["extra_min"]))
    return " + ".join(words.format(number) for words, number in kinds if number)


def _field(name: str) -> Callable[[Any], Any]:
    return lambda row: row[name]


COLUMNS: Columns = {
    **{head: _field(name) for head, name in (("id", "user_id"), ("name", "name"), ("e-mail", "email"))},
    "extra time": extra_words,
    "note": _field("note"),
    "accommodation": lambda row: row["preset"] or "",
    "state": _field("state"),
    **{name: _field(name) for name in ("invited_at", "rehearsed_at", "started_at", "ended_at")},
    "rehearsal not ready": lambda row: ", ".join(row["failed"]),
    "link revoked": _field("revoked"),
    "in the course": _field("in_course"),
    "unreadable": unreadable,
}


def _read(exam: Exam, wanted: RosterList) -> ReadRoster:
    """The list, with ids as they are known here. Raise `TooLarge`, `InvalidInput`, `StorageError`."""
    if bool(wanted.text.strip()) == bool(wanted.file):
        raise InvalidInput(_("Paste a list, or choose a file."), field="text")
    try:
        data: bytes | str = base64.b64decode(wanted.file, validate=True) if wanted.file else wanted.text
    except (binascii.Error, ValueError):
        raise InvalidInput(_("file must be the file's bytes in base64."), field="file") from None
    read = read_roster(read_list(data))
    known = known_ids(parts().database, {look(student.user_id) for student in read.students})
    known |= {look(row.user_id): row.user_id for row in parts().rosters.rows(exam.key)}
    return _that_can_hold(exam, with_known(read, known))


def _that_can_hold(exam: Exam, read: ReadRoster) -> ReadRoster:
    """The list without those for whom something would be different from now on, and whose exam runs and can keep no further change."""
    full = parts().monitor.taking_effect.full_in(exam.exam_id)
    rosters = parts().rosters
    met = rosters.plan(exam.key, read.students)[0] if full else []
    what = _("What is different for this student has changed %(most)s times in the exam that runs.", most=CHANGES_MAX)
    mend = _("Import this line again when the exam has ended for this student.")
    late = [student for before, student in met if folded(student.user_id) in full and rosters.accommodates(before, student, read.has)]
    return refused(read, [Fault(student.line, "preset" if "preset" in read.has else "extra", what, mend) for student in late])


def _faults(read: ReadRoster) -> list[RosterFault]:
    return [RosterFault(line=one.line, column=one.column, what=one.what, mend=one.mend) for one in read.faults[:FAULTS_SHOWN]]


def _chosen(everybody: list[Standing], query: RosterQuery) -> list[Standing]:
    wanted = query.search.strip().casefold()
    states = NOT_COME if query.state == "not_come" else {query.state} if query.state else set(STATES)
    found = [one for one in everybody if one.state in states and (not wanted or wanted in _searched(one.row))]
    keys: dict[str, Callable[[Standing], Any]] = {
        "user_id": lambda one: folded(one.row.user_id),
        "name": lambda one: (not one.row.name, one.row.name.casefold()),
        "state": lambda one: STATES.index(one.state),
    }
    return sorted(found, key=keys[query.sort], reverse=query.down)


def _searched(row: RosterRow) -> str:
    return f"{row.user_id}\n{row.name}\n{row.email}".casefold()
