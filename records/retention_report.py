"""Says what is kept, by kind: for how long, how many, since when, what is due now, what a hold keeps, and what the last sweep did. Reads only.

Beside it, the one act of a command: to give sessions that have ended the days that are in force now, in place of those with which they began.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Literal

from records import absences
from records.audit_cut import due_entries
from records.files_elsewhere import FILES
from records.holds import spared
from records.keep_times import SHOWN, KeepTimes, kind_of, part_of
from records.kept_files import stored_pictures
from records.retention import REPORT
from records.retention_kinds import PAGE, clips_of, pictures_in, waiting_looks
from records.stores import Document, Store
from settings.keeping import Kept

KINDS: Sequence[Kept] = ("records", "clips_dismissed", "clips_confirmed", "clips_open", "readings", "identity", "absences", "stills")


@dataclass(slots=True)
class KindState:
    """How one kind stands. `days` are the server's own; `other` counts what has another time, of its exam or of when it began."""

    kind: Kept | Literal["audit"]
    days: int
    kept: int = 0
    due: int = 0
    held: int = 0
    other: int = 0
    oldest: datetime | None = None

    def add(self, count: int, since: object) -> None:
        """Count what is kept, of a session that ended so."""
        self.kept += count
        if isinstance(since, datetime):
            self.oldest = min(self.oldest or since, since)


@dataclass(slots=True)
class Survey:
    """All of it."""

    kinds: list[KindState]
    swept_at: datetime | None = None
    deleted: Mapping[str, int] = field(default_factory=dict)
    left: Mapping[str, int] = field(default_factory=dict)
    audit_held_at: int = 0
    trouble: str = ""  # why the server could not delete what is due


def survey(store: Store, times: KeepTimes, audit_days: int, folders: Mapping[Kept, Path], now: datetime) -> Survey:
    """How everything stands at `now`. Raise `StorageError`."""
    states = {kind: KindState(kind, times.server.get(kind, 0)) for kind in KINDS}
    pictures = {kind: pictures_in(folder, FILES[kind]) for kind, folder in folders.items()}
    asked = waiting_looks(store)
    for page in _ended(store):
        ids = [row["_id"] for row in page]
        with store.reading():
            free = {row["_id"] for row in store.collection("sessions").find({"_id": {"$in": ids}, **spared(store)}, {"_id": 1})}
        clips, away, stored = clips_of(store, ids), absences.with_pictures(store, ids), stored_pictures(store, ids)
        for session in page:
            session.setdefault("kept_from", session.get("ended_at"))  # the next sweep notes it so, where the clock is right
            there = _there(session, clips.get(session["_id"], ()), pictures, away.get(session["_id"], 0))
            if session["_id"] in stored:
                here = {path.stem for path in pictures.get("identity", {}).get(session["_id"], ())}
                there["identity"] = len(here.union(stored[session["_id"]]))
            for kind, count in there.items():
                state = states[kind]
                state.add(count, session["kept_from"])
                state.other += count * (times.days(session, kind) != state.days)
                if session["_id"] not in free or (kind != "records" and session["_id"] in asked):
                    state.held += count
                elif times.is_past(session, kind, now):
                    state.due += count
    report = _last(store)
    trouble = "; ".join(str(report[name]) for name in ("problem", "doubt") if report.get(name))
    audit, held_at = _audit(store, audit_days, now)
    return Survey([*states.values(), audit], report.get("at"), report.get("deleted") or {}, report.get("left") or {}, held_at, trouble)


def apply_times(store: Store, days: Mapping[Kept, int]) -> int:
    """Give the sessions that have ended these days; return how many had others. What their exams say goes before it still. Raise `StorageError`."""
    with store.reading():
        result = store.collection("sessions").update_many(
            {"state": {"$ne": "running"}, "keep_days": {"$ne": dict(days)}}, {"$set": {"keep_days": days}}
        )
    return result.modified_count


def _there(session: Document, clips: Sequence[Document], pictures: Mapping[Kept, Mapping[str, Sequence[Path]]], away: int) -> dict[Kept, int]:
    """How many of each kind there are of a session; readings count once."""
    found: dict[Kept, int] = {"records": 1, "readings": int("readings" not in part_of(session, "gone")), "absences": away}
    for clip in clips:
        found[kind_of(clip)] = found.get(kind_of(clip), 0) + 1
    for kind, by_session in pictures.items():
        found[kind] = len(by_session.get(session["_id"], ()))
    return {kind: count for kind, count in found.items() if count}


def _ended(store: Store) -> Iterator[list[Document]]:
    after = ""
    while True:
        with store.reading():
            query: dict[str, Any] = {"_id": {"$gt": after}, "state": {"$ne": "running"}}
            page = list(store.collection("sessions").find(query, SHOWN).sort("_id", 1).limit(PAGE))
        if not page:
            return
        yield page
        after = str(page[-1]["_id"])


def _last(store: Store) -> Document:
    with store.reading():
        return store.collection("server").find_one({"_id": REPORT}) or {}


def _audit(store: Store, days: int, now: datetime) -> tuple[KindState, int]:
    """How the audit stands, and the place of the entry that a hold keeps."""
    state = KindState("audit", days)
    with store.reading():
        entries = store.collection("audit")
        state.kept = entries.count_documents({})
        oldest = entries.find_one({}, {"at": 1}, sort=[("at", 1)])
        state.oldest = oldest.get("at") if oldest else None
        old = entries.count_documents({"at": {"$lt": now - timedelta(days=days)}}) if days else 0
    if not old:
        return state, 0
    due = due_entries(store, now - timedelta(days=days))
    state.due, state.held = due.count + due.older, old - due.count - due.older
    return state, due.held_at
