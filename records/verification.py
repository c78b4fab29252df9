"""Checks that what is stored is what was noted: the audit's chain, and by it the records, the decisions, and the clips. Reads only."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from pymongo.collection import Collection
from pymongo.database import Database

from records.kept_files import KeptFiles
from records.reader import Document
from records.seals import SEALED
from records.stores import PlainStore
from records.thinning import READINGS_DELETED
from records.verification_answers import check_answers
from records.verification_decisions import check_conclusions, check_decisions, check_identity, check_standing
from records.verification_records import check_pictures, check_sessions
from records.verified import (
    ANSWERED,
    CONCLUSION,
    CUT,
    DECISION,
    DELETED,
    DELETED_KINDS,
    ERASED,
    IDENTITY_DECISIONS,
    LOOK_ANSWERED,
    LOOK_ASKED,
    CutAudit,
    Verified,
)
from storage.audit_chain import FIRST_PREV, UNCHAINED, before_the_chain, body_of, hash_of


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
    check_sessions(database, files or KeptFiles(PlainStore(database), clips_dir), verified, session_id)
    check_decisions(database, verified, session_id)
    check_standing(database, verified, session_id)
    check_conclusions(database, verified, session_id)
    check_identity(database, verified, session_id)
    check_answers(database, verified, session_id)
    check_pictures(database, files, verified, session_id)
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
    elif what in (ANSWERED, LOOK_ASKED, LOOK_ANSWERED) and entry.get("sha256") and not entry.get("erased"):
        verified.said.setdefault((what, str(entry.get("video_id") or entry.get("session_id"))), []).append(str(entry["sha256"]))


def _follow_older(erasure: Mapping[str, Any], verified: Verified) -> None:
    """An erasure says of the entries from before the chain how they were and how they are: as they were is sound too, if it was broken off."""
    before, after = (str(erasure.get(name)) for name in ("older_before", "older_after"))
    if before in verified.older:
        verified.older = {before, after}
