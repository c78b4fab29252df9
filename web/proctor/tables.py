"""The tables as CSV: which columns each has and where a row takes them from, and cells that no spreadsheet runs.

A new column is one line here. What of a row was damaged in the database is left out, and named in its last column, `unreadable`.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from itertools import chain, islice
from typing import Any

from basics.shapes import Rows, Shape
from basics.stored_fields import is_text
from basics.times import iso_time
from records.keep_times import part_of
from records.shapes import COUNT, INTERVAL, SECONDS, SESSION, UNREAD, VIOLATION
from sessions.readable import fitting

Row = Mapping[str, Any]
Columns = Mapping[str, Callable[[Row], Any]]

BOM = "\ufeff"  # without it spreadsheets read UTF-8 as something else
# What a spreadsheet takes for a formula where it begins a cell. One that parts cells at semicolons, as those of most of Europe do, sees further
# beginnings within a text: our commas don't end its quoted ones.
DANGEROUS = re.compile(r"^(?=[=+\-@\t\r\n])|(?<=[;\r\n])(?=[\"\s]*[=+\-@])")
ROWS_A_CHUNK = 200
SHAPES: Mapping[str, Shape] = {
    "sessions": Shape(
        {
            **SESSION.fields,
            **dict.fromkeys(("source", "station", "end_reason"), is_text),
            "intervals": COUNT,
            "unread": Shape(UNREAD.fields),  # of each part by itself
            "breaks": Rows(Shape({"start": SECONDS, "by": is_text}, needs=("start", "by"))),
        },
        needs=SESSION.needs,
    ),
    "intervals": Shape(
        {**INTERVAL.fields, "violations": Rows(Shape(VIOLATION.fields, needs=("kind", "points")))}, needs=("session_id", "user_id", "index")
    ),
}
"""Of the rows that are as they are stored, by table."""


def csv_text(columns: Columns, rows: Iterable[Row]) -> Iterator[str]:
    """The table's text, in pieces."""
    values = ([value(row) for value in columns.values()] for row in rows)
    remaining = chain([list(columns)], values)
    mark = BOM
    while piece := list(islice(remaining, ROWS_A_CHUNK)):
        text = io.StringIO()
        csv.writer(text, quoting=csv.QUOTE_ALL).writerows([cell(value) for value in row] for row in piece)
        yield mark + text.getvalue()
        mark = ""


def read_rows(shape: Shape, rows: Iterable[Row]) -> Iterator[Row]:
    """The rows without what can't be read, which is named under `unreadable`."""
    for row in rows:
        kept, wrong = shape.fit(row)
        yield kept | {"unreadable": wrong}


def unreadable(row: Row) -> str:
    """What of a row was damaged."""
    return "; ".join(row.get("unreadable") or ())


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


def _field(name: str, within: str = "") -> Callable[[Row], Any]:
    """The stored field of this name; `within` names the document in the row that has it."""
    return lambda row: (part_of(row, within) if within else row).get(name)


def _violations(row: Row) -> str:
    return "; ".join(f"{one['kind']} {one['points']}" for one in fitting(_rows(row, "violations"), {"kind": str, "points": float}))


def _rows(row: Row, name: str) -> list[Any]:
    """A list that a row has; empty where it has none, or it was damaged."""
    found = row.get(name)
    return found if isinstance(found, list) else []


def _review_state(row: Row) -> str:
    return part_of(row, "review").get("state", "open") if row.get("flagged") or row.get("marked") else ""


def _opinion(which: str, name: str) -> Callable[[Row], Any]:
    return lambda row: part_of(part_of(row, "review"), which).get(name)


def _sums(row: Row, part: str) -> Mapping[str, Any]:
    """How much of a session could be told of a part; empty where that isn't known, or can't be read."""
    sums = part_of(part_of(row, "unread"), part)
    return sums if all(isinstance(sums.get(name), (int, float)) for name in ("of_s", "unread_s")) and sums["of_s"] > 0 else {}


def _read_share(part: str) -> Callable[[Row], Any]:
    """The share of an exam that could be told; nothing where that isn't known."""

    def share(row: Row) -> Any:
        sums = _sums(row, part)
        return round(1 - sums["unread_s"] / sums["of_s"], 3) if sums else None

    return share


def _unread_reasons(row: Row) -> str:
    found = [(part, part_of(part_of(part_of(row, "unread"), part), "reasons")) for part in part_of(row, "unread")]
    return "; ".join(
        f"{part} {why} {seconds:g} s" for part, reasons in found for why, seconds in reasons.items() if isinstance(seconds, (int, float))
    )


def _watched_seconds(row: Row) -> Any:
    """For how long it could be told where the student looked; nothing where that isn't known."""
    sums = _sums(row, "gaze")
    return round(sums["of_s"] - sums["unread_s"], 1) if sums else None


def _second(name: str) -> Callable[[Row], Any]:
    return lambda row: part_of(part_of(row, "concluded"), "second").get(name)


SESSIONS: Columns = {
    "session_id": _field("_id"),
    "user_id": _field("user_id"),
    "exam_id": _field("exam_id"),
    "source": _field("source"),
    "station": _field("station"),
    "state": _field("state"),
    "started_at": _field("started_at"),
    "ended_at": _field("ended_at"),
    "end_reason": _field("end_reason"),
    "intervals": _field("intervals"),
    "flagged_intervals": _field("flagged_intervals"),
    "total_score": _field("total_score"),
    "gaze_read_share": _read_share("gaze"),
    "people_read_share": _read_share("people"),
    "sound_read_share": _read_share("sound"),
    "unread_because": _unread_reasons,
    "breaks": lambda row: len(_rows(row, "breaks")),
    "student_name": _field("student_name"),
    "unreadable": unreadable,
}
INTERVALS: Columns = {
    "video_id": _field("_id"),
    "session_id": _field("session_id"),
    "user_id": _field("user_id"),
    "exam_id": _field("exam_id"),
    "interval": _field("index"),
    "started_at": _field("started_at"),
    "ended_at": _field("ended_at"),
    "score": _field("score"),
    "flagged": _field("flagged"),
    "marked": lambda row: bool(row.get("marked")),
    "flagged_at": _field("flagged_at"),
    "violations": _violations,
    "state": _review_state,
    "decision": _field("decision", "review"),
    "reason": _field("reason", "review"),
    "note": _field("note", "review"),
    "decided_by": _field("by", "review"),
    "decided_at": _field("at", "review"),
    "second_decision": _opinion("second", "decision"),
    "second_by": _opinion("second", "by"),
    "third_decision": _opinion("third", "decision"),
    "third_by": _opinion("third", "by"),
    "clip": lambda row: "" if part_of(row, "clip").get("state") == "deleted" else part_of(row, "clip").get("path"),
    "student_name": _field("student_name"),
    "unreadable": unreadable,
}
RESULTS: Columns = {
    "session_id": _field("_id"),
    "user_id": _field("user_id"),
    "name": _field("name"),
    "exam_id": _field("exam_id"),
    "state": _field("state"),
    "started_at": _field("started_at"),
    "ended_at": _field("ended_at"),
    "watched_s": _watched_seconds,
    "of_s": lambda row: _sums(row, "gaze").get("of_s"),
    "gaze_read_share": _read_share("gaze"),
    "unread_because": _unread_reasons,
    "total_score": _field("total_score"),
    "flags_open": _field("open", "flags"),
    "flags_confirmed": _field("confirmed", "flags"),
    "flags_dismissed": _field("dismissed", "flags"),
    "flags_disputed": _field("disputed", "flags"),
    "conclusion": _field("conclusion", "concluded"),
    "conclusion_state": _field("state", "concluded"),
    "reason": _field("reason", "concluded"),
    "concluded_by": _field("by", "concluded"),
    "concluded_at": _field("at", "concluded"),
    "second_by": _second("by"),
    "second_at": _second("at"),
    "second_agrees": _second("agrees"),
    "unreadable": unreadable,
}
KINDS: Columns = {name: _field(name) for name in ("kind", "flags", "confirmed", "dismissed", "disputed", "open")}
