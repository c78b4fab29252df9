"""Checks that the records of sessions are those that were sealed, and that their clips and pictures are there and as they were. Reads only."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor

from pymongo.database import Database

from basics.errors import Conflict
from media.stores.base import Changed, KeptFile, sum_of
from records.identity import read_picture
from records.keep_times import part_of
from records.kept_files import KeptFiles
from records.reader import Document
from records.seals import ORDERED, is_other_session, seal_hash, seal_of, stored_seal
from records.thinning import as_sealed
from records.verified import Verified

HASHING = 4  # files at a time: hashing lets other threads run
NAMED_MAX = 20  # records of one kind and session that are named one by one


def check_sessions(database: Database[Document], files: KeptFiles, verified: Verified, only: str) -> None:
    """Check the records and clips of the sessions that are sealed; `only`: of this one. Raise pymongo's errors."""
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
    if is_other_session(seal, now):
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


def check_pictures(database: Database[Document], files: KeptFiles | None, verified: Verified, only: str) -> None:
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
