"""The audit for people and scripts: who did what, searched, in pages and as CSV."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from itertools import chain, islice
from typing import Any
from urllib.parse import urlencode

from flask import Blueprint, Response, render_template, request, url_for
from pydantic import BaseModel, Field

from basics.errors import InvalidInput, ProctorError
from basics.shapes import Shape
from basics.stored_fields import is_moment, is_text, whole
from basics.texts import _
from basics.times import iso_time
from database import Database, Document
from records.stored_audit import Wanted, audit_page, moment
from storage.audit_chain import NOT_SAID
from web.calls.audit import note
from web.calls.bodies import read_query, reply
from web.calls.errors import status_of
from web.calls.openapi import describe
from web.calls.paging import PAGE, next_after
from web.calls.spelling import as_sought
from web.calls.values import Identifier, Time
from web.languages import said
from web.operator.audit_words import ACTS, act_of, acts_said_with, detail_of
from web.parts import parts
from web.proctor.tables import Columns, csv_text

audit_calls = Blueprint("audit", __name__)

CSV_MAX = 100_000  # entries of one table
SHOWN_APART = frozenset({*NOT_SAID, "at", "who", "what", "address", "browser", "session_id", "video_id", "user_id", "exam_id", "erased"})


ENTRY = Shape(
    {
        **dict.fromkeys(("who", "what", "address", "browser", "session_id", "video_id", "user_id", "exam_id", "prev", "body", "hash"), is_text),
        "at": is_moment,
        "seq": whole(0),
    }
)
"""An entry as it is shown: somebody may have written to the database by hand, which `verify` tells."""


class AuditFilter(BaseModel):
    """Which entries: from a time on, before a time (a day: to its end), with parts of a name or an act, about a session, a student, an exam."""

    since: str = Field(default="", max_length=40, description="A day or a time, UTC unless it has an offset.")
    until: str = Field(default="", max_length=40)
    who: str = Field(default="", max_length=128)
    what: str = Field(default="", max_length=100)
    as_said: bool = Field(default=False, description="Is `what` also a part of how the page calls acts, in the caller's language?")
    session_id: str = Field(default="", max_length=32)
    user_id: Identifier | None = None
    exam_id: Identifier | None = None

    def wanted(self) -> Wanted:
        """As the records know it. Raise `InvalidInput`."""
        since = moment(self.since, "since") if self.since else None
        until = moment(self.until, "until", whole_day=True) if self.until else None
        what = self.what.strip()
        acts = acts_said_with(what, said(ACTS).items()) if self.as_said and what else ()
        return Wanted(since, until, self.who.strip(), what, self.session_id.strip().lower(), self.user_id or "", self.exam_id or "", acts)


class AuditQuery(AuditFilter):
    """Which entries, and which page of them."""

    limit: int = Field(default=PAGE, ge=1, le=500)
    after: str | None = Field(default=None, max_length=128, description="The `id` of the last entry already seen.")


class AuditEntry(BaseModel):
    """Who did what. `seq`, `prev`, `body` and `hash` are its place in the chain; `details` what else it says."""

    id: str
    at: Time | None = Field(default=None, description="Null: it can't be read.")
    who: str = ""
    what: str = ""
    address: str = ""
    browser: str = ""
    session_id: str | None = None
    video_id: str | None = None
    user_id: str | None = None
    exam_id: str | None = None
    erased: bool = Field(default=False, description="Its words were erased, as the law asks; the chain still holds.")
    details: dict[str, Any] = Field(default_factory=dict)
    seq: int | None = Field(default=None, description="Its place in the chain; null for what was noted before there was one.")
    prev: str | None = None
    body: str | None = None
    hash: str | None = None


class Audit(BaseModel):
    """Entries, newest first."""

    entries: list[AuditEntry]
    count: int
    next_after: str | None = None


def details_of(row: Mapping[str, Any]) -> str:
    """What an entry says beside its columns, as one text."""
    said_beside = ((name, value) for name, value in row.items() if name not in SHOWN_APART and value not in ("", None))
    return ", ".join(f"{name}: {_plain(value)}" for name, value in said_beside)


def _plain(value: Any) -> str:
    if isinstance(value, list):
        return f"{len(value)}" if len(value) > 20 else " ".join(str(one) for one in value)
    return iso_time(value) if isinstance(value, datetime) else str(value)


def _shown(row: Mapping[str, Any]) -> dict[str, Any]:
    """An entry for the page, in the reader's words."""
    beside = [detail_of(name, value) for name, value in row.items() if name not in SHOWN_APART and value not in ("", None)]
    row = {**ENTRY.fit(row)[0], "erased": bool(row.get("erased"))}
    return {**row, "act": said(act_of(row.get("what"))), "details": [replace(one, name=said(one.name), text=said(one.text)) for one in beside]}


COLUMNS: Columns = {
    "seq": lambda row: row.get("seq"),
    "at": lambda row: row.get("at"),
    **{
        name: lambda row, name=name: row.get(name)  # type: ignore[misc]
        for name in ("who", "what", "address", "browser", "session_id", "video_id", "user_id", "exam_id")
    },
    "details": details_of,
    "hash": lambda row: row.get("hash"),
}


@audit_calls.get("/api/audit")
@describe(Audit, query=AuditQuery, errors=(503,))
def entries() -> Response:
    """List who did what, newest first."""
    query = as_sought(read_query(request, AuditQuery))
    found = _page(query)
    answers = [_answer(row) for row in found[: query.limit]]
    return reply(Audit(entries=answers, count=len(answers), next_after=next_after(found, query.limit)))


@audit_calls.get("/api/audit.csv")
@describe(query=AuditFilter, errors=(503,), media_type="text/csv")
def table() -> Response:
    """Give who did what as CSV, newest first, at most 100,000 entries. That it was taken is noted."""
    rows = _rows(parts().database, as_sought(read_query(request, AuditFilter)).wanted())
    first = list(islice(rows, 1))  # a database that is away is an error of the whole answer, not a table that breaks off
    note("audit: exported", "proctor")
    response = Response(csv_text(COLUMNS, chain(first, rows)), mimetype="text/csv")
    response.headers["Content-Disposition"] = 'attachment; filename="audit.csv"'
    return response


@audit_calls.get("/audit")
def page() -> Response:
    """Show who did what, to be searched."""
    asked = request.args.to_dict()
    found: list[Document] = []
    error, status = "", 200
    try:
        query = as_sought(read_query(request, AuditQuery).model_copy(update={"as_said": True}))
        found = _page(query)
        more = next_after(found, query.limit)
    except ProctorError as problem:
        error, status, more, query = said(problem.message), status_of(problem), None, AuditQuery()
    filters = {name: value for name, value in asked.items() if name in AuditFilter.model_fields and name != "as_said" and value}
    shown = render_template(
        "audit.html",
        active="audit",
        logged_in=not parts().access.protected,
        asked=asked,
        error=error,
        entries=[_shown(row) for row in found[: query.limit]],
        acts=sorted(said(ACTS).values(), key=str.casefold),
        iso_time=iso_time,
        csv=_address("audit.table", filters | ({"as_said": "1"} if "what" in filters else {})),
        older=_address("audit.page", filters | {"after": more}) if more else "",
    )
    return Response(shown, status=status, mimetype="text/html")


def _address(endpoint: str, query: Mapping[str, str]) -> str:
    return f"{url_for(endpoint)}?{urlencode(query)}" if query else url_for(endpoint)


def _answer(row: Document) -> AuditEntry:
    beside = {name: value for name, value in row.items() if name not in SHOWN_APART}
    known = {name: value for name, value in ENTRY.fit(row)[0].items() if name in AuditEntry.model_fields}
    return AuditEntry.model_validate({**known, "id": str(row["_id"]), "erased": bool(row.get("erased")), "details": beside})


def _page(query: AuditQuery) -> list[Document]:
    return audit_page(parts().database, query.wanted(), query.after, query.limit + 1)


def _rows(database: Database, wanted: Wanted) -> Iterator[Document]:
    """All entries, page by page. They are read while the answer is sent, when no request is at hand any more."""
    if wanted.since and wanted.until and wanted.until <= wanted.since:
        raise InvalidInput(_("until must be after since."), field="until")
    after: str | None = None
    for _number in range(0, CSV_MAX, PAGE):
        found = audit_page(database, wanted, after, PAGE)
        yield from found
        if len(found) < PAGE:
            return
        after = str(found[-1]["_id"])
