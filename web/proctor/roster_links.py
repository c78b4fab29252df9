"""What students enter an exam by: their links and codes as a table, on paper, one by one; renewed and revoked."""

from __future__ import annotations

import io

import segno
from flask import Blueprint, Response, render_template, request

from cluster.notices import LinksEnded
from records.entry_codes import shown as shown_code
from records.exams import Exam
from records.rosters import RosterRow
from sessions.student_links import end_links
from web.calls.addresses import server_address
from web.calls.audit import note
from web.calls.bodies import read_body, reply
from web.calls.openapi import describe
from web.calls.told import tell_roster
from web.operator.people_pages import for_people
from web.parts import parts
from web.proctor.roster_calls import API, as_csv
from web.proctor.roster_schemas import LinksSet, SetLinks, StudentEntry
from web.proctor.tables import Columns

roster_links = Blueprint("roster_links", __name__)

QR_MASK = 0  # readers take any; to try all eight for the prettiest takes ten times as long, on a sheet of hundreds seconds
BODY_BYTES_MAX = 256 << 10  # the ids of 5,000 rows

COLUMNS: Columns = {name: lambda row, name=name: row[name] for name in ("id", "name", "e-mail", "code", "link")}  # type: ignore[misc]


@roster_links.post(f"{API}/links")
@describe(LinksSet, body=SetLinks, errors=(404, 503))
def set_links(exam_key: str) -> Response:
    """Renew, revoke or restore the links and codes of an exam's students, of some or of all.

    What was renewed or revoked lets nobody in any more, and ends the student's token: a page that is connected stays so, and can't come again.
    """
    request.max_content_length = BODY_BYTES_MAX
    exam = parts().exams.by_key(exam_key)
    wanted = read_body(request, SetLinks)
    chosen = set(wanted.rows)
    rows = [row for row in parts().rosters.rows(exam.key) if not chosen or row.row_id in chosen]
    changed = parts().rosters.set_links(rows, wanted.action)
    touched = rows if wanted.action == "revoke" else changed  # those that are revoked already: an outage may have come between this and the next line
    if wanted.action != "restore" and touched:
        end_links(parts().monitor, parts().database, exam.exam_id, [row.user_id for row in touched])
        parts().tell(LinksEnded(exam.key))
    note(f"roster: links {wanted.action}", wanted.by, exam_id=exam.exam_id, exam_key=exam.key, students=len(changed))
    tell_roster(exam)
    return reply(LinksSet(changed=len(changed)))


@roster_links.get(f"{API}/links.csv")
@describe(errors=(404, 503), media_type="text/csv")
def table(exam_key: str) -> Response:
    """Give each student's link and code as CSV, for a mail merge or a learning platform. Those that are revoked are left out."""
    exam = parts().exams.by_key(exam_key)
    rows = [row for row in parts().rosters.rows(exam.key) if not row.revoked]
    parts().rosters.links_shown(rows)
    tell_roster(exam)
    note("roster: links given out", "proctor", exam_id=exam.exam_id, exam_key=exam.key, students=len(rows))
    lines = [{"id": row.user_id, "name": row.name, "e-mail": row.email, "code": code_of(row), "link": link_of(row)} for row in rows]
    return as_csv(COLUMNS, lines, "links")


@roster_links.get(f"{API}/<row_id>/entry")
@describe(StudentEntry, errors=(404, 503))
def shown(exam_key: str, row_id: str) -> Response:
    """Show one student's link and code, good until the exam closes."""
    exam = parts().exams.by_key(exam_key)
    row = parts().rosters.row(exam.key, row_id)
    parts().rosters.links_shown([row])
    note("roster: link given out", "proctor", exam_id=exam.exam_id, exam_key=exam.key, user_id=row.user_id)
    return reply(StudentEntry(user_id=row.user_id, link=link_of(row), code=code_of(row), revoked=row.revoked))


@roster_links.get(f"{API}/<row_id>/qr.svg")
@describe(errors=(404, 503), media_type="image/svg+xml")
def qr(exam_key: str, row_id: str) -> Response:
    """Draw one student's link as a QR code."""
    row = parts().rosters.row(parts().exams.by_key(exam_key).key, row_id)
    drawn = io.BytesIO()
    segno.make(link_of(row), error="m", micro=False, mask=QR_MASK).save(
        drawn, kind="svg", border=2, omitsize=True, xmldecl=False, dark="#000", light="#fff"
    )
    return Response(drawn.getvalue(), mimetype="image/svg+xml")


@roster_links.get("/exams/<exam_key>/roster/sheet")
def sheet(exam_key: str) -> str:
    """Show every student's code and QR code on a sheet to be printed and cut."""
    exam = parts().exams.by_key(exam_key)
    rows = [row for row in parts().rosters.rows(exam.key) if not row.revoked]
    parts().rosters.links_shown(rows)
    tell_roster(exam)
    note("roster: links given out", "proctor", exam_id=exam.exam_id, exam_key=exam.key, students=len(rows))
    cards = [{"row": row, "code": code_of(row)} for row in rows]
    return render_template("exam_codes.html", active="exams", exam=exam, cards=cards, address=_portal(exam), **for_people())


def link_of(row: RosterRow) -> str:
    """The student's address."""
    return parts().rosters.address(server_address(request), row)


def code_of(row: RosterRow) -> str:
    """The student's code as people read it."""
    return shown_code(parts().rosters.keys.code(row.row_id, row.number))


def _portal(exam: Exam) -> str:
    return f"{server_address(request)}/portal".removeprefix("https://").removeprefix("http://")
