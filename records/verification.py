"""Checks that what is stored is what was noted: the audit's chain, the records that were sealed, the decisions, and the clips. Reads only."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from types import MappingProxyType
from typing import Any

from pymongo.collection import Collection
from pymongo.database import Database

from basics.errors import Conflict
from basics.times import utc_now
from media.stores.base import Changed, KeptFile, sum_of
from records.identity import read_picture
from records.keep_times import part_of
from records.kept_files import KeptFiles
from records.reader import Document
from records.seals import ORDERED, SEALED, seal_hash, seal_of, stored_seal
from records.stores import PlainStore
from records.thinning import READINGS_DELETED, as_sealed
from settings.keeping import Kept
from storage.audit_chain import FIRST_PREV, UNCHAINED, before_the_chain, body_of, hash_of

DECISION = "review: "
CONCLUSION = "conclusion: "
IDENTITY = "identity: "
IDENTITY_DECISIONS = (f"{IDENTITY}accepted", f"{IDENTITY}queried")
DELETED = "sessions: deleted"
ERASED = "student: erased"
CUT = "audit: deleted"
DELETED_KINDS: Mapping[Kept, str] = MappingProxyType(
    {
        "clips_dismissed": "clips: deleted",
        "clips_confirmed": "clips: deleted",
        "clips_open": "clips: deleted",
        "readings": "readings: deleted",
        "stills": "stills: deleted",
        "identity": "identity: deleted",
        "absences": "absences: deleted",
    }
)
"""How the audit calls it that the time of a kind of record was over."""
NOT_BLANKED = frozenset({DELETED, ERASED, CUT, *DELETED_KINDS.values()})
"""By these entries it is known that something was deleted lawfully: they name who did it, and nothing of a student's."""
HASHING = 4  # files at a time: hashing lets other threads run
YOUNG = timedelta(seconds=30)  # what was decided since then may have its note under way
NAMED_MAX = 20  # records of one kind and session that are named one by one


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is not as it was: what kind of thing, which, and what is wrong with it."""

    kind: str
    which: str
    wrong: str


@dataclass(frozen=True, slots=True)
class CutAudit:
    """The entries up to a place that were deleted because their time was over, as the chain itself says."""

    upto: int = 0
    head: str = FIRST_PREV  # the hash of the last of them
    count: int = 0
    until: datetime | None = None  # when the youngest of them was made
    days: int = 0

    @classmethod
    def of(cls, entry: Mapping[str, Any] | None) -> CutAudit:
        """As the newest entry of that kind says; None: nothing was deleted."""
        if entry is None:
            return cls()
        until = entry.get("until")
        count, days = (int(entry.get(name) or 0) for name in ("count", "days"))
        return cls(int(entry["upto"]), str(entry.get("head")), count, until if isinstance(until, datetime) else None, days)

    def covers(self, at: object) -> bool:
        """May the audit's entry of what was stored at `at` be among them?"""
        return self.until is not None and isinstance(at, datetime) and at <= self.until + YOUNG


@dataclass(slots=True)
class Verified:
    """What was checked, and what was found."""

    entries: int = 0
    erased: int = 0
    sessions: int = 0
    decisions: int = 0
    clips: int = 0
    clip_bytes: int = 0
    seq: int = 0  # the newest entry of the chain,
    head: str = FIRST_PREV  # and its hash
    findings: list[Finding] = field(default_factory=list)
    seals: dict[str, str] = field(default_factory=dict)  # session → the hash of its newest seal
    deleted: set[str] = field(default_factory=set)  # sessions that were deleted, as the audit says
    decided: dict[str, list[Document]] = field(default_factory=dict)  # interval → its decisions, as the audit says
    concluded: dict[str, list[Document]] = field(default_factory=dict)  # session → the acts about its conclusion, likewise
    identified: dict[str, list[Document]] = field(default_factory=dict)  # session → the decisions about who took it, likewise
    heads: dict[int, str] = field(default_factory=dict)  # those asked for: place → hash
    beyond: list[int] = field(default_factory=list)  # those asked for that are among what was cut
    cut: CutAudit = field(default_factory=CutAudit)
    sealed_before: dict[str, str] = field(default_factory=dict)  # session → the hash before its readings were deleted
    thinned: int = 0  # sessions whose readings were deleted
    clips_deleted: int = 0
    pictures: int = 0  # of faces, cards and rooms, that are there and as they were
    names: tuple[str, ...] = ()  # of this server
    on_others: Counter[str] = field(default_factory=Counter)  # clips by the other server on whose disk they are, and which looks at them
    clips_gone: set[str] = field(default_factory=set)  # sessions of which clips were deleted because their time was over, as the audit says
    older: set[str] = field(default_factory=set)  # what the entries from before the chain may be, by their digest

    def found(self, kind: str, which: object, wrong: str) -> None:
        """Note one thing that is not as it was."""
        self.findings.append(Finding(kind, str(which), wrong))


def verify(
    database: Database[Document],
    clips_dir: Path,
    *,
    session_id: str = "",
    heads: Mapping[int, str] | None = None,
    files: KeptFiles | None = None,
    names: tuple[str, ...] = (),
) -> Verified:
    """Check everything, or of the records and clips those of one session. `heads`: places of the chain and the hashes that were anchored elsewhere.

    `names` are this server's, where others share the database: clips on their disks are counted, and not looked at.

    Raise pymongo's errors when the database can't be read.
    """
    verified = Verified(cut=CutAudit.of(newest_cut(database.audit)), names=names)
    for entry in database.audit.find({**UNCHAINED, "what": {"$regex": f"^{DECISION}"}}).sort("at", 1):
        verified.decided.setdefault(str(entry.get("video_id")), []).append(entry)
    older = before_the_chain(database.audit.find(UNCHAINED).sort("_id", 1))
    check_chain(database.audit.find({"seq": {"$gt": 0}}).sort("seq", 1), older, verified, wanted=set(heads or {}))
    for seq, expected in (heads or {}).items():
        if seq < verified.cut.upto:
            verified.beyond.append(seq)
        elif verified.heads.get(seq) != expected:
            verified.found(
                "audit", seq, "is not the entry whose hash was kept elsewhere" if seq in verified.heads else "is gone: the chain ends before"
            )
    _check_sessions(database, files or KeptFiles(PlainStore(database), clips_dir), verified, session_id)
    _check_decisions(database, verified, session_id)
    _check_conclusions(database, verified, session_id)
    _check_identity(database, verified, session_id)
    _check_pictures(database, files, verified, session_id)
    return verified


def newest_cut(audit: Collection[Document]) -> Document | None:
    """The chain's newest entry that says which entries were deleted because their time was over."""
    return audit.find_one({"what": CUT, "seq": {"$gt": 0}, "upto": {"$type": "number"}}, sort=[("seq", -1)])


def check_chain(entries: Iterable[Mapping[str, Any]], older: Mapping[str, Any], verified: Verified, *, wanted: set[int] | None = None) -> None:
    """Go through the chain; `older` is what there is of entries from before it.

    Of entries that were cut some may still be there, oldest first gone: they are checked as all others, and end in the one that the cut names.
    """
    cut = verified.cut
    expected, prev, then = cut.upto + 1, cut.head, None
    if wanted and cut.upto in wanted:
        verified.heads[cut.upto] = cut.head
    for entry in entries:
        seq = int(entry["seq"])
        verified.entries += 1
        if seq <= cut.upto and expected > cut.upto and verified.entries == 1:
            expected, prev = seq, FIRST_PREV if seq == 1 else str(entry.get("prev"))
        if seq != expected:
            gone = f"{expected}" if seq == expected + 1 else f"{expected} to {seq - 1}"
            verified.found("audit", gone, "gone from the chain")
        elif entry.get("prev") != prev:
            verified.found("audit", seq, "does not follow the entry before it")
        if entry.get("erased"):
            verified.erased += 1
        elif entry.get("body") != body_of(entry):
            verified.found("audit", seq, "its words were altered")
        if entry.get("hash") != hash_of({name: entry.get(name) for name in ("seq", "prev", "body")}):
            verified.found("audit", seq, "its hash was altered")
        if seq == cut.upto and entry.get("hash") != cut.head:
            verified.found("audit", seq, "is not the entry up to which all were deleted")
        if seq == 1:
            verified.older, then = {str(entry.get("older_sha256"))}, entry.get("older")
        if wanted and seq in wanted:
            verified.heads[seq] = str(entry.get("hash"))
        _remember(entry, verified)
        expected, prev = seq + 1, str(entry.get("hash"))
        verified.seq, verified.head = seq, prev
    if cut.upto and cut.upto >= verified.seq:
        verified.found("audit", cut.upto, "is said to be deleted by an entry that stands before it")
    _check_older(older, verified, then)


def _check_older(older: Mapping[str, Any], verified: Verified, then: object) -> None:
    """The entries from before the chain: as many as `then`, and as they were. Those go first where the oldest are deleted."""
    now = older["older"]
    if verified.cut.upto and (now == 0 or (isinstance(then, int) and now < then)):
        return
    if not verified.older:
        if verified.cut.upto:
            verified.found("audit", "before the chain", f"{now} entries stand where all were deleted")
    elif then != now or older["older_sha256"] not in verified.older:
        verified.found("audit", "before the chain", f"altered: {then} entries were there, {now} are")


def _remember(entry: Mapping[str, Any], verified: Verified) -> None:
    what = str(entry.get("what"))
    if what == SEALED and not entry.get("erased"):
        session_id = str(entry.get("session_id"))
        if entry.get("again") == READINGS_DELETED:
            verified.sealed_before.setdefault(session_id, verified.seals.get(session_id, ""))  # broken off, it is done again
        else:
            verified.sealed_before.pop(session_id, None)
        verified.seals[session_id] = str(entry.get("sha256"))
    elif what in (DELETED, ERASED) and not entry.get("erased"):  # nobody erases one
        verified.deleted.update(str(one) for one in entry.get("sessions") or ())
        if what == ERASED and entry.get("older_erased"):
            _follow_older(entry, verified)
    elif what == DELETED_KINDS["clips_open"] and not entry.get("erased"):
        verified.clips_gone.update(str(one) for one in entry.get("sessions") or ())
    elif what.startswith(DECISION) and entry.get("video_id"):
        verified.decided.setdefault(str(entry["video_id"]), []).append(dict(entry))
    elif what.startswith(CONCLUSION) and entry.get("session_id"):
        verified.concluded.setdefault(str(entry["session_id"]), []).append(dict(entry))
    elif what in IDENTITY_DECISIONS and entry.get("session_id"):
        verified.identified.setdefault(str(entry["session_id"]), []).append(dict(entry))


def _follow_older(erasure: Mapping[str, Any], verified: Verified) -> None:
    """An erasure says of the entries from before the chain how they were and how they are: as they were is sound too, if it was broken off."""
    before, after = (str(erasure.get(name)) for name in ("older_before", "older_after"))
    if before in verified.older:
        verified.older = {before, after}


def _check_sessions(database: Database[Document], files: KeptFiles, verified: Verified, only: str) -> None:
    sealed = [only] if only else list(verified.seals)
    with ThreadPoolExecutor(HASHING) as pool:
        for one in sealed:
            for video_id, name, size, right in pool.map(_hashed, _check_session(database, files, verified, one)):
                verified.clips += 1
                verified.clip_bytes += size
                if not right:
                    verified.found("clip", video_id, f"the file {name} was altered")


def _check_session(database: Database[Document], files: KeptFiles, verified: Verified, session_id: str) -> Iterator[tuple[str, KeptFile, str]]:
    """Check the records of one session; give its clips that are there, each with the hash it must have."""
    if session_id in verified.deleted:
        return
    session, document = database.sessions.find_one({"_id": session_id}), database.seals.find_one({"_id": session_id})
    if session is None:
        verified.found("session", session_id, "gone, and no deletion is noted")
        return
    verified.sessions += 1
    if session.get("state") == "running" or (session.get("sealed_at") is None and session_id not in verified.seals):
        return  # it goes on, or has just ended
    if document is None:
        verified.found("seal", session_id, "gone")
        return
    seal, thinned = stored_seal(document), session_id in verified.sealed_before
    verified.thinned += thinned
    if seal_hash(seal) not in (verified.seals.get(session_id), verified.sealed_before.get(session_id) or None):
        verified.found("seal", session_id, "altered: it is not the one of which the audit has the hash")
    records: dict[str, Iterable[Document]] = {kind: database[kind].find({"session_id": session_id}).sort(order, 1) for kind, order in ORDERED.items()}
    if thinned:  # a server that stopped in between has left checks as they were before, or a seal
        records["checks"] = as_sealed(records["checks"], seal["checks"])
    now = seal_of(session, records)
    if now["session"] != seal["session"]:
        verified.found("session", session_id, "its record was altered")
    for kind in ORDERED:
        _compare(kind, seal[kind], now[kind], verified)
    yield from _sealed_clips(database, files, verified, session_id, seal["clips"])


def _sealed_clips(
    database: Database[Document], files: KeptFiles, verified: Verified, session_id: str, sealed: Mapping[str, str]
) -> Iterator[tuple[str, KeptFile, str]]:
    intervals = {row["_id"]: part_of(row, "clip") for row in database.intervals.find({"session_id": session_id}, {"clip": 1})}
    for video_id, sha256 in sealed.items():
        clip = intervals.get(video_id, {})
        if clip.get("sha256") != sha256 and clip.get("state") == "ready":
            verified.found("clip", video_id, "its record was altered: it names another file's hash")
        if clip.get("state") != "ready":
            if clip.get("state") == "deleted":
                verified.clips_deleted += 1
                if session_id not in verified.clips_gone and not verified.cut.covers(clip.get("deleted_at")):
                    verified.found("clip", video_id, "deleted, and no deletion is noted")
            continue  # its time was over, or the sweep says that it is gone
        if (on := clip.get("on")) and verified.names and on not in verified.names:
            verified.on_others[str(on)] += 1
            continue
        file = files.clip(str(video_id), clip)
        if file is not None:
            yield video_id, file, sha256
        else:
            verified.found("clip", video_id, f"the file {clip.get('path')} is gone")


def _compare(kind: str, then: Mapping[str, str], now: Mapping[str, str], verified: Verified) -> None:
    wrong = [(one, "gone") for one in then if one not in now]
    wrong += [(one, "was altered") for one, sha in now.items() if one in then and then[one] != sha]
    wrong += [(one, "was added afterwards") for one in now if one not in then]
    for one, what in wrong[:NAMED_MAX]:
        verified.found(kind, one, what)
    if len(wrong) > NAMED_MAX:
        verified.found(kind, f"{len(wrong) - NAMED_MAX} more", "altered, gone or added")


def _hashed(clip: tuple[str, KeptFile, str]) -> tuple[str, str, int, bool]:
    video_id, file, expected = clip
    try:
        return video_id, file.name, file.size, sum_of(file) == expected
    except (OSError, Changed):
        return video_id, file.name, 0, False


def _check_decisions(database: Database[Document], verified: Verified, only: str) -> None:
    query: Document = {"at": {"$lt": utc_now() - YOUNG}} | ({"session_id": only} if only else {})
    stored: dict[str, list[Document]] = {}
    for row in database.reviews.find(query).sort([("video_id", 1), ("at", 1)]):
        stored.setdefault(str(row["video_id"]), []).append(row)
    for video_id in {*stored, *verified.decided}:
        session_id = video_id.partition("-")[0]
        if session_id in verified.deleted or (only and session_id != only):
            continue
        noted = [one for one in verified.decided.get(video_id, []) if one["at"] < utc_now() - YOUNG and not one.get("erased")]
        rows = _still_noted(stored.get(video_id, []), len(noted), verified)
        verified.decisions += len(rows)
        if len(noted) != len(rows) and not any(one.get("erased") for one in verified.decided.get(video_id, [])):
            verified.found("decisions", video_id, f"{len(noted)} are noted in the audit, {len(rows)} are stored")
        elif any(not _agree(entry, row) for entry, row in zip(_by_person(noted, "who"), _by_person(rows, "by"), strict=False)):
            verified.found("decisions", video_id, "altered: they are not those noted in the audit")


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


def _check_conclusions(database: Database[Document], verified: Verified, only: str) -> None:
    """Compare every act about conclusions with the audit's entries of them, and what stands with the newest."""
    fields = ("act", "by", "conclusion", "reason")
    _check_acts("conclusion", CONCLUSION, fields, database.conclusions, verified.concluded, _stands, verified, only)


def _check_identity(database: Database[Document], verified: Verified, only: str) -> None:
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
        if noted != kept:
            how = f"{len(noted)} acts are noted in the audit, {len(kept)} are stored" if len(noted) != len(kept) else "altered"
            verified.found(kind, session_id, how)
        elif not stands(row):
            verified.found(kind, session_id, "altered: what stands is not what its last act says")


def _check_pictures(database: Database[Document], files: KeptFiles | None, verified: Verified, only: str) -> None:
    """The pictures of faces and cards must be those that were taken. One that isn't here is gone where no other server may have it."""
    if files is None or files.identity_dir is None:
        return
    for row in database.identity.find({"pictures_deleted_at": None, **({"_id": only} if only else {})}, {"pictures": 1}):
        session_id = str(row["_id"])
        for name in part_of(row, "pictures") if session_id not in verified.deleted else ():
            try:
                data = read_picture(files, session_id, name, part_of(part_of(row, "pictures"), name))
            except Conflict:
                verified.found("picture", f"{session_id} {name}", "was altered")
                continue
            verified.pictures += data is not None
            if data is None and not _may_be_elsewhere(database, verified, session_id):
                verified.found("picture", f"{session_id} {name}", "gone, and no deletion is noted")


def _may_be_elsewhere(database: Database[Document], verified: Verified, session_id: str) -> bool:
    """May a picture lie on another server's disk, or was its time over just now?"""
    if database.identity.find_one({"_id": session_id, "pictures_deleted_at": None}, {"_id": 1}) is None:
        return True
    on = (database.sessions.find_one({"_id": session_id}, {"on": 1}) or {}).get("on")
    return bool(verified.names) and isinstance(on, list) and any(one not in verified.names for one in on)


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
    return row.get("state") == state and named == (row.get("conclusion"), row.get("reason"), row.get("by"))
