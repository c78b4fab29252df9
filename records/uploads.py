"""Sends clips and pictures from this disk to the store, in a thread of its own. A file goes from here once the store has given it back unchanged.

What waits is what lies in the folders: nothing else has to be remembered over a restart, or while the store is away.
"""

from __future__ import annotations

import contextlib
import logging
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from pymongo.errors import DuplicateKeyError

from basics.backoff import Backoff
from basics.errors import Conflict, StorageError
from basics.own_files import is_own
from basics.texts import _, ngettext
from basics.times import iso_time, utc_now
from basics.worker import Worker
from database import Database, Document
from media.encode import mark_of
from media.identity_pictures import FILE
from media.stores.base import Changed, ClipStore, LocalFile, StoredFile, StoreError, sum_of
from records.keep_times import part_of
from records.kept_files import COLLECTION, KeptFiles, drop_empty, key_of_clip, key_of_picture
from storage.disks import LOW_BYTES

log = logging.getLogger(__name__)

LOOK_S = 2.0
RETRY_S = (1.0, 2.0, 5.0, 15.0, 60.0)  # after a failure of the store; the last for as long as it takes
TIDY_S = 60.0  # between two looks at what other servers deleted
ASKED = 500  # files whose records are asked for at once
LEFT_LOGGED = 1000


@dataclass(frozen=True, slots=True)
class _Due:
    """A file that a record names, and that is to be sent."""

    file_id: str
    session_id: str
    kind: str
    path: Path
    key: str
    sha256: str
    size: int


class Uploads:
    """Of one server."""

    def __init__(self, database: Database, files: KeptFiles, store: ClipStore, stills_dir: Path | None = None) -> None:
        """`stills_dir`: of pictures out of clips, which go when another server deleted their clip."""
        self._database = database
        self._files = files
        self._store = store
        self._stills_dir = stills_dir
        self._worker = Worker("clip-store", self._turn)
        self._backoff = Backoff(*RETRY_S)
        self._waiting = (0, 0)  # files and bytes
        self._waits_since: float | None = None  # by the monotonic clock, as of this run
        self._problem: tuple[str, datetime] | None = None
        self._left: dict[Path, str] = {}  # files that are not sent, with the reason
        self._sent = 0
        self._room: int | None = None  # bytes that are free on the store, where that can be told
        self._is_prepared = False
        self._behind = ""  # the file at which the store failed last: the next turn begins behind it, so that none keeps the others
        self._untidied_s = TIDY_S
        self.start, self.stop = self._worker.start, self._worker.stop

    def health(self) -> dict[str, Any]:
        """For `/api/health`: what waits, and since when and why the store takes nothing."""
        (count, size), problem = self._waiting, self._problem
        since = self._waits_since if count else None
        known: dict[str, Any] = {"waiting": count, "waiting_mb": round(size / 1e6, 1), "sent": self._sent, "left": len(self._left)}
        known["waiting_s"] = 0.0 if since is None else round(time.monotonic() - since, 1)
        if problem is not None:
            files = ngettext("%(count)s file waits on this disk", "%(count)s files wait on this disk", count)
            reason = _("%(why)s Since %(since)s; %(files)s.", why=problem[0], since=iso_time(problem[1]), files=files)
            return {"state": "degraded", "reason": reason, "since": iso_time(problem[1]), **known}
        if self._left:
            path, why = next(iter(self._left.items()))
            return {"state": "degraded", "reason": _("%(path)s stays on this disk: %(why)s", path=path.name, why=why), **known}
        if self._room is not None and self._room < LOW_BYTES:
            return {"state": "degraded", "reason": _("The store has %(left)s MB left: make room on its disk.", left=self._room >> 20), **known}
        return {"state": "ok", **known}

    def send_waiting(self) -> int:
        """Send what there is, and return how much that was. Raise `StoreError` where the store fails, `StorageError` where the database is away."""
        due = list(self._due())
        self._waiting = len(due), sum(one.size for one in due)
        self._waits_since = (self._waits_since or time.monotonic()) if due else None
        if not self._is_prepared or self._problem is not None:
            with self._database.reading():
                empty = self._database.collection(COLLECTION).find_one({"there": True}, {"_id": 1}) is None
            self._store.prepare(empty=empty)
            self._is_prepared = True
        self._room = self._store.room()
        due.sort(key=lambda one: (one.file_id <= self._behind, one.file_id))
        sent = 0
        for one in due:
            if self._worker.is_stopping:
                break
            self._behind = one.file_id
            sent += self._is_sent(one)
            count, size = self._waiting
            self._waiting = count - 1, size - one.size
        self._behind = ""
        self._sent += sent
        return sent

    def _turn(self) -> float:
        try:
            self.send_waiting()
            self._untidied_s += LOOK_S
            if self._untidied_s >= TIDY_S:
                self._tidy()
                self._untidied_s = 0.0
        except StoreError as error:
            if self._problem is None:
                log.warning("clips wait on this disk: %s", error.message)
            self._problem = error.message, self._problem[1] if self._problem is not None else utc_now()
            return self._backoff.pause()
        except StorageError:  # the database is away, and says so itself
            return self._backoff.pause()
        if self._problem is not None:
            log.info("the store takes clips again")
        self._problem = None
        self._backoff.reset()
        return LOOK_S

    # What there is

    def _due(self) -> Iterator[_Due]:
        clips = {path.relative_to(self._files.clips_dir).as_posix(): path for path in self._local_clips()}
        pictures = {
            path.stem: path for path in (self._files.identity_dir or Path("?")).glob("identity-*.jpg") if FILE.fullmatch(path.name) and is_own(path)
        }
        self._left = {path: why for path, why in self._left.items() if path.is_file()}
        yield from self._clips(clips)
        yield from self._pictures(pictures)

    def _local_clips(self) -> list[Path]:
        """All there are now; folders of students may go while they are looked at."""
        found = (Path(folder) / name for folder, _folders, names in os.walk(self._files.clips_dir) for name in names)
        return [path for path in found if path.suffix == ".mp4" and is_own(path)]

    def _clips(self, clips: dict[str, Path]) -> Iterator[_Due]:
        shown = {"session_id": 1, "exam_id": 1, "clip": 1}
        for paths in _parts(sorted(clips)):
            with self._database.reading():
                rows = list(
                    self._database.collection("intervals").find({"clip.path": {"$in": paths}, "clip.state": {"$in": ["ready", "deleted"]}}, shown)
                )
            for row in rows:
                clip, file_id = part_of(row, "clip"), str(row["_id"])
                path, sha256 = clips[str(clip["path"])], str(clip.get("sha256") or "")
                if clip["state"] == "deleted":  # another server did, which has no copy of it
                    self._delete_late(path, file_id)
                    continue
                if self._files.is_others(clip.get("on")):  # that one sends its own
                    continue
                with contextlib.suppress(FileNotFoundError):
                    yield _Due(
                        file_id, str(row["session_id"]), "clip", path, key_of_clip(row.get("exam_id"), file_id, sha256), sha256, path.stat().st_size
                    )

    def _pictures(self, pictures: dict[str, Path]) -> Iterator[_Due]:
        sessions = sorted({stem.split("-")[1] for stem in pictures})
        shown = {"exam_id": 1, "pictures": 1, "pictures_deleted_at": 1}
        for ids in _parts(sessions):
            with self._database.reading():
                rows = {row["_id"]: row for row in self._database.collection("identity").find({"_id": {"$in": ids}}, shown)}
            for stem, path in pictures.items():
                _begins, session_id, name = stem.split("-", 2)
                named = part_of(part_of(rows.get(session_id, {}), "pictures"), name)
                if rows.get(session_id, {}).get("pictures_deleted_at") is not None:
                    path.unlink(missing_ok=True)
                elif named.get("sha256"):
                    key = key_of_picture(rows[session_id].get("exam_id"), stem)
                    with contextlib.suppress(FileNotFoundError):
                        yield _Due(stem, session_id, "identity", path, key, str(named["sha256"]), path.stat().st_size)

    def _delete_late(self, path: Path, file_id: str) -> None:
        """Delete a file of a clip whose time is over; of the same name there may be one of another session."""
        mark = mark_of(path)
        if mark is not None and mark["clip"] == file_id:
            path.unlink(missing_ok=True)
            drop_empty(path.parent, self._files.clips_dir)

    # Sending

    def _is_sent(self, one: _Due) -> bool:
        try:
            with self._database.gone.writing(one.session_id):
                return self._send(one)
        except (Conflict, FileNotFoundError):  # it is being deleted
            return False
        except OSError as error:
            self._leave(one.path, str(error.strerror or error))
            return False

    def _send(self, one: _Due) -> bool:
        """Send one file; False where it isn't what its record says, or is wanted no more."""
        row = self._row(one)
        if row is None or not (row.get("there") and row.get("sha256") == one.sha256):
            if sum_of(LocalFile(one.path)) != one.sha256:
                self._leave(one.path, _("it was changed after it was made, and is no evidence."))
                return False
            if row is not None and row.get("key") != one.key:
                self._store.delete(str(row["key"]))
            if not self._begin(one):
                return False
            try:
                self._store.put(one.path, one.key, one.sha256)
            except FileNotFoundError:  # it was deleted just now
                self._forget(one)
                return False
            self._check(one)
        if not self._end(one):
            return False
        one.path.unlink(missing_ok=True)
        if one.kind == "clip":
            drop_empty(one.path.parent, self._files.clips_dir)
        self._left.pop(one.path, None)
        return True

    def _row(self, one: _Due) -> Document | None:
        with self._database.reading():
            return self._database.collection(COLLECTION).find_one({"_id": one.file_id})

    def _begin(self, one: _Due) -> bool:
        """Note that it is on its way, so that whoever deletes its session finds it. False where somebody did."""
        fields = {"session_id": one.session_id, "kind": one.kind, "key": one.key, "sha256": one.sha256, "size": one.size}
        with self._database.reading(), contextlib.suppress(DuplicateKeyError):
            rows = self._database.collection(COLLECTION)
            change = {"$set": {**fields, "by": self._files.own, "there": False, "at": utc_now()}}
            rows.update_one({"_id": one.file_id, "gone": {"$ne": True}}, change, upsert=True)
            return True
        return False

    def _check(self, one: _Due) -> None:
        """Read back what was sent: the copy here goes next."""
        held = self._store.stat(one.key)
        try:
            right = held is not None and held.size == one.size and sum_of(StoredFile(self._store, one.key, held)) == one.sha256
        except Changed:
            right = False
        if not right:
            self._store.delete(one.key)
            raise StoreError(_("The store gave back other bytes than it was sent: look after it."))

    def _end(self, one: _Due) -> bool:
        """Note that it is there, in its record first. False where that names it no more, or it was deleted: then the store's goes, too."""
        there = 0
        if self._is_named(one):
            with self._database.reading():
                query = {"_id": one.file_id, "key": one.key, "gone": {"$ne": True}}
                change = {"$set": {"there": True, "at": utc_now()}}
                there = self._database.collection(COLLECTION).update_one(query, change).matched_count
        if not there:
            self._forget(one)
        return bool(there)

    def _forget(self, one: _Due) -> None:
        """Nothing of it is to be on the store."""
        self._store.delete(one.key)
        with self._database.reading():
            self._database.collection(COLLECTION).delete_one({"_id": one.file_id, "key": one.key, "gone": {"$ne": True}})

    def _is_named(self, one: _Due) -> bool:
        """Does a record name this very file? A clip's says from now on that it lies on the store."""
        with self._database.reading():
            if one.kind == "clip":
                query: Document = {"_id": one.file_id, "clip.state": "ready", "clip.sha256": one.sha256}
                return bool(self._database.collection("intervals").update_one(query, {"$set": {"clip.on": ""}}).matched_count)
            query = {"_id": one.session_id, f"pictures.{one.file_id.split('-', 2)[2]}.sha256": one.sha256, "pictures_deleted_at": None}
            return self._database.collection("identity").find_one(query, {"_id": 1}) is not None

    def _leave(self, path: Path, why: str) -> None:
        if path not in self._left and len(self._left) < LEFT_LOGGED:
            log.error("%s is not sent to the store: %s", path, why)
            self._left[path] = why

    # What other servers deleted

    def _tidy(self) -> None:
        with self._database.reading():
            rows = self._database.collection(COLLECTION)
            gone = {str(row["_id"]) for row in rows.find({"by": self._files.own, "gone": True}, {"_id": 1}).limit(ASKED)}
        if gone:
            for path in self._local_clips():
                mark = mark_of(path)
                if mark is not None and mark["clip"] in gone:
                    path.unlink(missing_ok=True)
                    drop_empty(path.parent, self._files.clips_dir)
            for name in gone:
                if self._files.identity_dir is not None and name.startswith("identity-"):
                    (self._files.identity_dir / f"{name}.jpg").unlink(missing_ok=True)
            with self._database.reading():
                rows.delete_many({"_id": {"$in": list(gone)}, "by": self._files.own, "gone": True})
        self._tidy_stills()

    def _tidy_stills(self) -> None:
        """Pictures out of clips that are no more."""
        stills = {path: "-".join(path.name.split("-")[1:3]) for path in (self._stills_dir or Path("?")).glob("still-*-*-*.jpg")}
        for keys in _parts(sorted(set(stills.values()))):
            with self._database.reading():
                there = set(self._database.collection("intervals").distinct("_id", {"_id": {"$in": keys}, "clip.state": "ready"}))
            for path, key in stills.items():
                if key in keys and key not in there:
                    path.unlink(missing_ok=True)


def _parts(names: list[str]) -> Iterator[list[str]]:
    for first in range(0, len(names), ASKED):
        yield names[first : first + ASKED]
