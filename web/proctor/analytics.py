"""The calls for figures: the analytics page's numbers, the same as CSV, and the exams there are."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from itertools import chain, islice

from flask import Blueprint, Response, request

from basics.errors import InvalidInput
from basics.texts import _
from basics.times import utc_now
from database import LIMIT_MAX, Document
from records.analytics import Analytics, Span
from records.exams import Exam, exam_key
from web.access.callers import ExamFilter, caller
from web.calls.audit import note
from web.calls.bodies import read_query, reply
from web.calls.openapi import describe
from web.calls.spelling import as_sought
from web.parts import parts
from web.proctor.analytics_schemas import Analytics as AnalyticsAnswer
from web.proctor.analytics_schemas import AnalyticsQuery, CsvQuery
from web.proctor.exam_schemas import ExamList, ExamsQuery
from web.proctor.tables import INTERVALS, KINDS, SESSIONS, SHAPES, csv_text, read_rows

analytics = Blueprint("analytics", __name__, url_prefix="/api")

COLUMNS = {"sessions": SESSIONS, "intervals": INTERVALS, "kinds": KINDS}


@analytics.get("/analytics")
@describe(AnalyticsAnswer, query=AnalyticsQuery, errors=(503,))
def figures() -> Response:
    """Count sessions, flags and violations by day, by exam and by kind, with what people decided about them."""
    found = _analytics().figures(_span(as_sought(read_query(request, AnalyticsQuery))))
    for line in found["high_risk"]:
        line["student_name"] = parts().names.of(line["user_id"], line["exam_id"])
    return reply(AnalyticsAnswer.model_validate(found))


@analytics.get("/analytics.csv")
@describe(query=CsvQuery, errors=(503,), media_type="text/csv")
def table() -> Response:
    """Give sessions, intervals or kinds as CSV.

    UTF-8 with a byte order mark, every cell quoted, times in ISO 8601. What a spreadsheet would take for a formula begins with an apostrophe.
    What of a session or interval was damaged in the database is left out, and named in its last column, `unreadable`.
    """
    query = as_sought(read_query(request, CsvQuery))
    rows = _rows(query)
    first = list(islice(rows, 1))  # a database that is away is an error of the whole answer, not a table that breaks off
    note("table: exported", "proctor", table=query.table, exam_id=query.exam_id)
    response = Response(csv_text(COLUMNS[query.table], chain(first, rows)), mimetype="text/csv")
    response.headers["Content-Disposition"] = f'attachment; filename="{query.table}.csv"'
    return response


@analytics.get("/exams")
@describe(ExamList, query=ExamsQuery, errors=(503,))
def exams() -> Response:
    """List the exams that are defined, and those that had sessions, with how these stand."""
    query = read_query(request, ExamsQuery)
    now = utc_now()
    seen = caller().exam_filter("look") or ExamFilter()
    only, never = (None if ids is None else {one for one in ids if one is not None} for ids in (seen.only, seen.never))
    defined = {exam.key: exam for exam in parts().exams.listed(exam_ids=only, never=never or (), limit=LIMIT_MAX)}
    stand = _analytics().exams(caller().exam_condition("look"))
    others = {exam_key(line["exam_id"]) for line in stand if line["exam_id"]} - defined.keys()  # whom others have outrun
    defined |= {exam.key: exam for exam in parts().exams.of_keys(others)}
    had = [line | _results(line["exam_id"]) | _line(defined.pop(exam_key(line["exam_id"]), None) if line["exam_id"] else None, now) for line in stand]
    new = [{"exam_id": exam.exam_id, "sessions": 0, "running": 0, "flags": 0} | _line(exam, now) for exam in defined.values()]
    lines = [*new, *had]
    begin = next((place for place, line in enumerate(lines, 1) if _cursor(line) == query.after), None) if query.after else 0
    if begin is None:
        raise InvalidInput(_("The exam after which the list was to go on is not in it any more. Begin anew."), field="after")
    shown = lines[begin : begin + query.limit]
    more = begin + query.limit < len(lines)
    return reply(ExamList.model_validate({"exams": shown, "count": len(shown), "next_after": _cursor(shown[-1]) if more else None}))


def _cursor(line: Document) -> str:
    """By which an exam is found again in the list."""
    return "none" if line["exam_id"] is None else exam_key(line["exam_id"])


def _results(exam_id: str | None) -> Document:
    return {"results": f"/exams/{exam_key(exam_id)}/results"} if exam_id is not None and caller().may("results", exam_id) else {}


def _line(exam: Exam | None, now: datetime) -> Document:
    if exam is None:
        return {}
    shown = exam.definition.model_dump(include={"title", "course", "opens", "closes", "time_zone"})
    if caller().may("exams", exam.exam_id):
        shown["definition"] = f"/exams/{exam.key}"
    if caller().may("roster", exam.exam_id):
        shown["roster"] = f"/exams/{exam.key}/roster"
    if exam.definition.identity_step or exam.definition.room_view:
        shown["identity"] = f"/exams/{exam.key}/identity"
    return shown | {"exam_key": exam.key, "state": exam.state_at(now), "is_open": exam.is_open(now)}


def _rows(query: CsvQuery) -> Iterator[Document]:
    if query.table == "kinds":
        return iter(_analytics().by_kind(_span(query)))
    names, rows = parts().names, read_rows(SHAPES[query.table], _analytics().rows(query.table, _span(query)))
    return ({**row, "student_name": names.of(row.get("user_id", ""), row.get("exam_id"))} for row in rows)


def _analytics() -> Analytics:
    return Analytics(parts().database, parts().settings.high_risk_flags)


def _span(query: AnalyticsQuery) -> Span:
    return Span(query.exam_id, query.first, query.last, query.tz, caller().exam_condition("look"))
