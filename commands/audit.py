"""Shows who did what, for operators and for who must answer for an exam: `flask --app app audit --since 2024-10-05 --who Ada`.

Reads only, beside a running server or without one.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime, timezone
from typing import Any

import click
from flask import Flask
from flask.cli import with_appcontext

from basics.errors import InvalidInput, ProctorError
from basics.times import iso_time
from records.reader import Document
from records.stored_audit import Wanted, moment, read_audit
from settings.settings import Settings, load_settings
from storage.audit_chain import NOT_SAID

LIMIT = 200  # entries shown unless asked otherwise: some screens full, newest last
LIMIT_MAX = 100_000
COLUMNS = ("time (UTC)", "who", "what", "about", "from", "details")
WIDEST = 42  # characters of a column but the last; what is longer pushes its own line only
SHOWN_APART = (*NOT_SAID, "at", "who", "what", "address", "session_id", "video_id", "user_id", "exam_id")


def table(entries: Sequence[Document]) -> str:
    """The entries as a table, in the order given."""
    rows = [COLUMNS, *(_cells(entry) for entry in entries)]
    widths = [min(max(len(row[column]) for row in rows), WIDEST) for column in range(len(COLUMNS) - 1)]
    return "\n".join("  ".join([*(text.ljust(width) for text, width in zip(row, widths, strict=False)), row[-1]]).rstrip() for row in rows)


def register(app: Flask, settings: Settings | None = None) -> None:
    """Give `app` the command. Without `settings` they are read when the command runs."""

    @app.cli.command("audit", help="Show who did what: decisions, messages, breaks, links, accommodations, deletions. Newest last.")
    @click.option("--since", metavar="TIME", help="Only from this day or time (UTC) on.")
    @click.option("--until", metavar="TIME", help="Only until this day (its end) or before this time (UTC).")
    @click.option("--who", default="", help="Only by somebody whose name has this in it.")
    @click.option("--what", default="", help="Only acts that have this in their name, such as `review` or `link`.")
    @click.option("--session", "session_id", default="", metavar="ID", help="Only about this session and its intervals.")
    @click.option("--limit", default=LIMIT, show_default=True, type=click.IntRange(1, LIMIT_MAX), help="Most entries; the newest ones are shown.")
    @click.option("--json", "as_json", is_flag=True, help="Print each entry as a line of JSON.")
    @with_appcontext
    def audit(since: str | None, until: str | None, who: str, what: str, session_id: str, limit: int, as_json: bool) -> None:
        try:
            wanted = _wanted(since, until, who, what, session_id)
            found = read_audit(settings or load_settings(), wanted, limit + 1)
        except ProctorError as error:
            raise click.ClickException(error.message) from None
        shown = found[:limit][::-1]
        if as_json:
            for entry in shown:
                click.echo(json.dumps({name: value for name, value in entry.items() if name != "_id"}, ensure_ascii=False, default=_plain))
        elif shown:
            click.echo(table(shown))
        else:
            narrow = wanted != Wanted()
            click.echo("Nothing in the audit is as you asked. Try fewer options." if narrow else "The audit is empty: nobody has done anything yet.")
        if len(found) > limit:
            click.echo(f"These are the newest {limit}; there are older ones: see --until and --limit.", err=True)


def _wanted(since: str | None, until: str | None, who: str, what: str, session_id: str) -> Wanted:
    first = moment(since, "--since") if since is not None else None
    end = moment(until, "--until", whole_day=True) if until is not None else None
    if first is not None and end is not None and end <= first:
        raise InvalidInput(f"--until {until} is not after --since {since}: nothing lies between them.", field="--until")
    return Wanted(first, end, who, what, session_id)


def _cells(entry: Document) -> tuple[str, ...]:
    at = entry.get("at")
    about = entry.get("video_id") or entry.get("session_id") or " / ".join(str(entry[name]) for name in ("user_id", "exam_id") if entry.get(name))
    details = ", ".join(f"{name}: {_plain(value)}" for name, value in entry.items() if name not in SHOWN_APART and value not in ("", None))
    when = f"{at.astimezone(timezone.utc):%Y-%m-%d %H:%M:%S}" if isinstance(at, datetime) else ""
    return tuple(_one_line(str(text or "")) for text in (when, entry.get("who"), entry.get("what"), about, entry.get("address"), details))


def _plain(value: Any) -> str:
    return iso_time(value) if isinstance(value, datetime) else str(value)


def _one_line(text: str) -> str:
    """What somebody wrote, without line ends or what a terminal would take for an order."""
    return "".join(character if character.isprintable() else " " for character in text)
