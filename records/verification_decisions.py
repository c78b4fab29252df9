"""Checks that what people decided about flags, identity and whole sessions is stored as the audit has it. Reads only."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from pymongo.collection import Collection
from pymongo.database import Database

from basics.times import utc_now
from records.keep_times import part_of
from records.reader import Document
from records.reviews import DECIDED, standing_of
from records.verified import CONCLUSION, DECISION, IDENTITY, YOUNG, Verified

AT_ONCE = 1000  # intervals
APART = timedelta(minutes=10)  # at most, an act and its note in the audit, or an act and what stands by it: both are of one call


def check_decisions(database: Database[Document], verified: Verified, only: str) -> None:
    """Compare every decision about flags with the audit's entries of them; `only`: of this session. Raise pymongo's errors."""
    query: Document = {"at": {"$lt": utc_now() - YOUNG}} | ({"session_id": only} if only else {})
    stored: dict[str, list[Document]] = {}
    for row in database.reviews.find(query).sort([("video_id", 1), ("at", 1)]):
        stored.setdefault(str(row["video_id"]), []).append(row)
    for video_id in {*stored, *verified.decided}:
        session_id = video_id.partition("-")[0]
        if session_id in verified.deleted or (only and session_id != only):
            continue
        noted = [one for one in verified.decided.get(video_id, []) if one["at"] < utc_now() - YOUNG and not one.get("erased")]
        if any("decided_at" in one for one in noted):  # some were noted late, behind decisions that came after them
            noted.sort(key=_decided_at)
        rows = _still_noted(stored.get(video_id, []), len(noted), verified)
        verified.decisions += len(rows)
        if len(noted) != len(rows) and not any(one.get("erased") for one in verified.decided.get(video_id, [])):
            verified.found("decisions", video_id, f"{len(noted)} are noted in the audit, {len(rows)} are stored")
        elif any(not _agree(entry, row) for entry, row in zip(_by_person(noted, "who"), _by_person(rows, "by"), strict=False)):
            verified.found("decisions", video_id, "altered: they are not those noted in the audit")


def check_standing(database: Database[Document], verified: Verified, only: str) -> None:
    """Compare where each flag stands, as every page and table shows it, with what its decisions come to. Those of older versions have no number, and
    are not compared. Raise pymongo's errors.
    """
    of_session: Document = {"session_id": only} if only else {}
    made: dict[str, list[Document]] = {}
    for row in database.reviews.find(of_session).sort([("video_id", 1), ("at", 1)]):
        made.setdefault(str(row["video_id"]), []).append(row)
    for interval in database.intervals.find({**of_session, "review.state": {"$in": list(DECIDED)}}, {"_id": 1}):
        video_id = str(interval["_id"])
        if video_id not in made and database.reviews.find_one({"video_id": video_id}, {"_id": 1}) is None and not _is_gone(video_id, verified):
            verified.found("decisions", video_id, "altered: it stands as decided, and no decision is stored")
    numbered = [video_id for video_id, rows in made.items() if standing_of(rows)[0] and not _is_gone(video_id, verified)]
    for first in range(0, len(numbered), AT_ONCE):
        some = numbered[first : first + AT_ONCE]
        shown = {str(row["_id"]): part_of(row, "review") for row in database.intervals.find({"_id": {"$in": some}}, {"review": 1})}
        for video_id in some:
            if not _stands_as_decided(database, video_id, shown.get(video_id, {}), made[video_id]):
                verified.found("decisions", video_id, "altered: what stands is not what was decided")


def _stands_as_decided(database: Database[Document], video_id: str, review: Mapping[str, Any], rows: list[Document]) -> bool:
    """Does an interval's `review` show what its decisions come to? Where more were made meanwhile, or the server is to mend it yet, none is told."""
    number, (newest, standing) = review.get("number"), standing_of(rows)
    shown = number if isinstance(number, int) else 0
    if shown == newest:
        return all(review.get(name) == value for name, value in standing.items())
    young = any(not isinstance(row.get("at"), datetime) or row["at"] >= utc_now() - YOUNG for row in rows)
    if shown > newest or young:
        return True
    deciding = (database.sessions.find_one({"_id": video_id.partition("-")[0]}, {"deciding": 1}) or {}).get("deciding")
    return isinstance(deciding, int) and deciding > 0


def _is_gone(video_id: str, verified: Verified) -> bool:
    """Was its session deleted, as the audit says?"""
    return video_id.partition("-")[0] in verified.deleted


def _decided_at(entry: Document) -> datetime:
    noted_at: datetime = entry["at"]
    return at if isinstance(at := entry.get("decided_at"), datetime) else noted_at


def _by_person(made: list[Document], name: str) -> list[Document]:
    """Each person's in their order: of several servers one may note first what another stored first."""
    return sorted(made, key=lambda one: str(one.get(name)))


def _still_noted(rows: list[Document], noted: int, verified: Verified) -> list[Document]:
    """Those of the oldest rows left out whose entries may have been deleted with the audit's oldest."""
    cut = max(0, len(rows) - noted)
    return rows[cut:] if all(verified.cut.covers(row.get("at")) for row in rows[:cut]) else rows


def _agree(entry: Mapping[str, Any], row: Mapping[str, Any]) -> bool:
    decision = str(entry["what"]).removeprefix(DECISION)
    noted = (decision, entry.get("who"), entry.get("reason") or "", entry.get("note", row.get("note")))
    return noted == (row.get("decision") or "taken back", row.get("by"), row.get("reason") or "", row.get("note"))


def check_conclusions(database: Database[Document], verified: Verified, only: str) -> None:
    """Compare every act about conclusions with the audit's entries of them, and what stands with the newest."""
    fields = ("act", "by", "conclusion", "reason")
    _check_acts("conclusion", CONCLUSION, fields, database.conclusions, verified.concluded, _stands, verified, only)


def check_identity(database: Database[Document], verified: Verified, only: str) -> None:
    """The same of the decisions about who took an exam."""
    fields = ("decision", "by", "text")
    _check_acts("identity", IDENTITY, fields, database.identity, verified.identified, _is_last_decided, verified, only)


def _check_acts(
    kind: str,
    prefix: str,
    fields: Sequence[str],
    stored_in: Collection[Document],
    noted_of: Mapping[str, list[Document]],
    stands: Callable[[Document], bool],
    verified: Verified,
    only: str,
) -> None:
    """Compare the `history` of each session's document with what the audit has of it: the act (after `prefix`), who did it, and other `fields`."""
    stored = {str(row["_id"]): row for row in stored_in.find({"_id": only} if only else {})}
    for session_id in {*stored, *noted_of}:
        if session_id in verified.deleted or (only and session_id != only):
            continue
        entries, row = noted_of.get(session_id, []), stored.get(session_id, {})
        history = row.get("history") or []
        acts = [one for one in history if isinstance(one, dict) and isinstance(one.get("at"), datetime)] if isinstance(history, list) else []
        verified.decisions += len(acts)
        if not isinstance(history, list) or len(acts) < len(history):
            verified.found(kind, session_id, "altered: its acts can't be read")
            continue
        if any(one["at"] >= utc_now() - YOUNG for one in (*entries, *acts)) or any(one.get("erased") for one in entries):
            continue  # its note may be under way, or its words are gone lawfully
        noted = [(str(one["what"]).removeprefix(prefix), one.get("who"), *(one.get(name) or "" for name in fields[2:])) for one in entries]
        counted = _still_noted(acts, len(noted), verified)
        kept = [(one.get(fields[0]), one.get("by"), *(one.get(name) or "" for name in fields[2:])) for one in counted]
        if noted == kept and any(abs(entry["at"] - act["at"]) > APART for entry, act in zip(entries, counted, strict=True)):
            verified.found(kind, session_id, "altered: it says another time than the audit")
        elif noted != kept:
            how = f"{len(noted)} acts are noted in the audit, {len(kept)} are stored" if len(noted) != len(kept) else "altered"
            verified.found(kind, session_id, how)
        elif not stands(row):
            verified.found(kind, session_id, "altered: what stands is not what its last act says")


def _is_last_decided(row: Mapping[str, Any]) -> bool:
    """Is what stands of who took the exam what was decided last?"""
    history = row.get("history") or []
    return row.get("decision") == (history[-1] if history else None) and (row.get("revision") or 0) == len(history)


def _stands(row: Mapping[str, Any]) -> bool:
    """Is what is in force what the acts amount to?"""
    if not row.get("history"):
        return True
    made = [act for act in row["history"] if act.get("act") in ("concluded", "settled")]
    last = row["history"][-1].get("act")
    state = {"agreed": "concluded", "disagreed": "contested", "settled": "concluded", "withdrawn": "withdrawn"}.get(str(last))
    state = state or ("proposed" if row.get("four_eyes") else "concluded")
    named = tuple(made[-1].get(name) for name in ("conclusion", "reason", "by")) if made else ()
    stands = row.get("state") == state and named == (row.get("conclusion"), row.get("reason"), row.get("by"))
    return stands and _is_of(row.get("at"), made[-1]) and _is_second(row)


def _is_second(row: Mapping[str, Any]) -> bool:
    """Is the second person, and what they said, who and what the acts since the newest conclusion say?"""
    said: Mapping[str, Any] | None = None
    for act in row["history"]:
        if act.get("act") in ("agreed", "disagreed"):
            said = act
        elif act.get("act") == "concluded":
            said = None
    second = row.get("second")
    if said is None or not isinstance(second, Mapping):
        return said is None and second is None
    agrees = said.get("act") == "agreed"
    same = (second.get("by"), second.get("reason"), second.get("agrees")) == (said.get("by"), said.get("reason"), agrees)
    return same and _is_of(second.get("at"), said)


def _is_of(at: object, act: Mapping[str, Any]) -> bool:
    """Is this the time of the act?"""
    return isinstance(at, datetime) and isinstance(act.get("at"), datetime) and abs(at - act["at"]) <= APART
