"""The calls for figures: the analytics page's numbers, the same as CSV, and the exams there are."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import chain, islice
from typing import Any

from flask import Blueprint, Response, request

from basics.times import iso_time
from records.analytics import Analytics, Span
from web.calls.openapi import describe
from web.calls.schemas import read_query, reply
from web.calls.schemas_desk import Analytics as AnalyticsAnswer
from web.calls.schemas_desk import AnalyticsQuery, CsvQuery, Exams
from web.parts import parts

analytics = Blueprint("analytics", __name__, url_prefix="/api")

BOM = "\ufeff"  # without it spreadsheets read UTF-8 as something else
# What a spreadsheet takes for a formula where it begins a cell. One that parts cells at semicolons, as those of most of Europe do, sees further
# beginnings within a text: our commas don't end its quoted ones.
DANGEROUS = re.compile(r"^(?=[=+\-@\t\r\n])|(?<=[;\r\n])(?=[\"\s]*[=+\-@])")
ROWS_A_CHUNK = 200

Row = Sequence[Any]


@analytics.get("/analytics")
@describe(AnalyticsAnswer, query=AnalyticsQuery, errors=(503,))
def figures() -> Response:
    """Count sessions, flags and violations by day, by exam and by kind, with what people decided about them."""
    return reply(AnalyticsAnswer.model_validate(_analytics().figures(_span(read_query(request, AnalyticsQuery)))))


@analytics.get("/analytics.csv")
@describe(query=CsvQuery, errors=(503,), media_type="text/csv")
def table() -> Response:
    """Give sessions, intervals or kinds as CSV.

    UTF-8 with a byte order mark, every cell quoted, times in ISO 8601. What a spreadsheet would take for a formula begins with an apostrophe.
    """
    query = read_query(request, CsvQuery)
    span, source = _span(query), _analytics()
    header: Row
    rows: Iterator[Row]
    if query.table == "kinds":
        header, rows = KINDS, iter([[row[name] for name in KINDS] for row in source.by_kind(span)])
    elif query.table == "sessions":
        header, rows = SESSIONS, (_session_row(row) for row in source.rows("sessions", span))
    else:
        header, rows = INTERVALS, (_interval_row(row) for row in source.rows("intervals", span))
    first = list(islice(rows, 1))  # a database that is away is an error of the whole answer, not a table that breaks off
    response = Response(_csv(chain([header], first, rows)), mimetype="text/csv")
    response.headers["Content-Disposition"] = f'attachment; filename="{query.table}.csv"'
    return response


@analytics.get("/exams")
@describe(Exams, errors=(503,))
def exams() -> Response:
    """List the exams that had sessions."""
    return reply(Exams.model_validate({"exams": _analytics().exams()}))


def cell(value: Any) -> str:
    """One cell: times in ISO 8601, numbers as they are, and no text that a spreadsheet would run."""
    if value is None:
        return ""
    if isinstance(value, datetime):
        return iso_time(value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float):
        return f"{value:g}" if isinstance(value, float) else str(value)
    return DANGEROUS.sub("'", str(value))


def _csv(rows: Iterable[Row]) -> Iterator[str]:
    """The table's text, in pieces."""
    remaining = iter(rows)
    mark = BOM
    while piece := list(islice(remaining, ROWS_A_CHUNK)):
        text = io.StringIO()
        csv.writer(text, quoting=csv.QUOTE_ALL).writerows([cell(value) for value in row] for row in piece)
        yield mark + text.getvalue()
        mark = ""


SESSIONS = (
    "session_id",
    "user_id",
    "exam_id",
    "source",
    "station",
    "state",
    "started_at",
    "ended_at",
    "end_reason",
    "intervals",
    "flagged_intervals",
    "total_score",
    "breaks",
)
INTERVALS = (
    "video_id",
    "session_id",
    "user_id",
    "exam_id",
    "interval",
    "started_at",
    "ended_at",
    "score",
    "flagged",
    "flagged_at",
    "violations",
    "state",
    "decision",
    "reason",
    "note",
    "decided_by",
    "decided_at",
    "second_decision",
    "second_by",
    "clip",
)
KINDS = ("kind", "flags", "confirmed", "dismissed", "disputed", "open")


def _session_row(row: Mapping[str, Any]) -> Row:
    return [row["_id"], *(row.get(name) for name in SESSIONS[1:-1]), len(row.get("breaks") or [])]


def _interval_row(row: Mapping[str, Any]) -> Row:
    review = row.get("review") or {}
    second = review.get("second") or {}
    violations = "; ".join(f"{one['kind']} {one['points']}" for one in row.get("violations") or [])
    state = review.get("state", "open") if row.get("flagged") else ""
    decided = [state, *(review.get(name) for name in ("decision", "reason", "note", "by", "at")), second.get("decision"), second.get("by")]
    plain = [row.get(name) for name in ("session_id", "user_id", "exam_id", "index", "started_at", "ended_at", "score", "flagged", "flagged_at")]
    return [row["_id"], *plain, violations, *decided, (row.get("clip") or {}).get("path")]


def _analytics() -> Analytics:
    return Analytics(parts().database, parts().settings.high_risk_flags)


def _span(query: AnalyticsQuery) -> Span:
    return Span(query.exam_id, query.first, query.last, query.tz)
