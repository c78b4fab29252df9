"""A stored session as far as it can be read: what is damaged is left out and named, so that the rest is shown."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from pydantic import ValidationError

from basics.stored_fields import is_moment, tell_unreadable
from database import Document
from scoring.accommodations import Accommodation
from scoring.rules import Rules
from sessions.readable import BREAK, HELD, fitting
from web.proctor.sessions_schemas import SessionAnswer

LISTS: Mapping[str, Mapping[str, type]] = {
    "accommodations": HELD,
    "breaks": BREAK,
    "connections": {"at": float},
    "doubts": {"code": str, "start": float},
    "marks": {"at": float, "by": str},
    "seb": {"at": float, "state": str},
    "messages": {"at": float, "text": str, "level": str, "by": str},
}
CHECKED: Mapping[str, type] = {"item": str, "state": str}  # a row of what was checked before the exam, or at the rehearsal
STAND_IN: Mapping[str, Any] = {"user_id": "", "state": "interrupted", "started_at": None}


def readable_part(document: Document) -> tuple[Document, list[str]]:
    """The session without what can't be read, and the names of that. A field that must be there has a stand-in: nobody, interrupted, at no time."""
    kept = dict(document)
    wrong: set[str] = set()
    for name, needs in LISTS.items():
        if kept.get(name) is not None and _keep_fitting(kept, name, needs):
            wrong.add(name)
    kept["checks_before"], damaged = readable_check(kept.get("checks_before"))
    wrong |= {"checks_before"} if damaged else set()
    if isinstance(rules := kept.get("rules"), Mapping):
        _rules, odd = Rules.from_stored(rules)
        kept["rules"] = {name: value for name, value in rules.items() if name not in odd}
        wrong |= {"rules"} if len(kept["rules"]) < len(rules) else set()
    elif rules is not None:
        del kept["rules"]
        wrong.add("rules")
    if kept.get("exam") is not None and not isinstance(kept["exam"], Mapping):
        del kept["exam"]
        wrong.add("exam")
    if isinstance(applied := kept.get("accommodation"), Mapping) and (made := Accommodation.from_dict(applied)).unreadable:
        kept["accommodation"] = made.to_record()
        wrong.add("accommodation")
    there = {name: kept[name] for name in SessionAnswer.model_fields if kept.get(name) is not None}
    try:
        SessionAnswer.model_validate({**STAND_IN, **there, "session_id": document["_id"], "is_running": False})
    except ValidationError as error:
        for name in {str(problem["loc"][0]) for problem in error.errors(include_url=False, include_context=False, include_input=False)}:
            del kept[name]
            wrong.add(name)
    for name in ("started_at", "ended_at"):
        if isinstance(at := kept.get(name), datetime) and not is_moment(at):
            del kept[name]
            wrong.add(name)
    wrong |= {name for name in STAND_IN if kept.get(name) is None}
    if wrong:
        tell_unreadable("session", document["_id"], tuple(sorted(wrong)))
    return {**STAND_IN, **{name: value for name, value in kept.items() if value is not None}}, sorted(wrong)


def readable_check(stored: Any) -> tuple[Document | None, bool]:
    """What was checked before an exam, or at its rehearsal, without what can't be read; None where nothing was. And whether there was such."""
    if stored is None:
        return None, False
    kept = dict(stored) if isinstance(stored, Mapping) else {}
    return kept, _keep_fitting(kept, "results", CHECKED)


def _keep_fitting(of: dict[str, Any], name: str, needs: Mapping[str, type]) -> bool:
    """Keep those of a list that have the fields of `needs`. True where others were there."""
    given = of.get(name)
    rows = given if isinstance(given, list | tuple) else None
    of[name] = fitting(rows or (), needs)
    return rows is None or len(of[name]) < len(rows)
