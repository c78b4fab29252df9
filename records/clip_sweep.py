"""Makes clips and their records agree: what one of them lost, the other may still know.

A file without a record is one whose server died between the two; a record without a file lost it on the disk. Each is mended or said. Of several
servers each looks at its own disk, and at the clips that lie there by their records; who finds the very clip of a server that is gone on its disk has
that server's disk, and the record names this one from then on.
"""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from basics.errors import NotFound
from basics.times import utc_now
from database import Database, Document
from media.clip import Clip
from media.clip_reasons import GONE
from media.encode import mark_of
from media.recorder import half_clips, hash_of
from records.clip_told import clip_fields
from records.files_elsewhere import FilesElsewhere
from records.keep_times import part_of
from records.kept_files import COLLECTION, KeptFiles
from storage.deleted import COLLECTION as DELETED_SESSIONS

log = logging.getLogger(__name__)

FLUSH_S = 5.0
SENT_WITHIN = timedelta(days=1)  # a clip of which neither this disk nor the store knows may be on another server that is off
SETTLED_S = 3 * 3600.0  # a file that is younger may have its record under way; the machine's clock may have been an hour or two wrong


class ClipSweep:
    """Looks at all files and all records of clips. For one thread."""

    def __init__(self, database: Database, clips_dir: Path, temp_dir: Path, files: KeptFiles | None = None) -> None:
        """`files`: where clips lie, if not in the folder alone."""
        self._database = database
        self._files = files or KeptFiles(database, clips_dir)
        self._sent: dict[str, Document] = {}  # what is on the store, or on its way there, by interval
        self._clips_dir = clips_dir.resolve()
        self._temp_dir = temp_dir.resolve()
        self.elsewhere = FilesElsewhere(database, (), clips_dir, {})  # what lies here, where there are several servers
        self.lives: Callable[[str], bool] = lambda _name: True  # is another server of this name there?
        self.strangers = 0  # files that are no clip of ours
        self._told: dict[str, int] = {}

    def sweep(self, *, settled_s: float = SETTLED_S, stopped: Callable[[], bool] = lambda: False, leads: bool = True) -> dict[str, int]:
        """Mend what doesn't agree; return how many clips were found again, are gone, doubled, or nobody's. Raise `StorageError`, `OSError`.

        `stopped` says that the server ends: a sweep that is broken off is done by the next one. `leads`: also clips that lie nowhere by their
        records.

        A file is deleted only where its interval's record names another that is there: who points the server at another database loses none.
        """
        self._remove_half(settled_s)
        self._database.flush(FLUSH_S)
        with self._database.reading():  # first: what is sent meanwhile is on this disk or among these
            self._sent = {row["_id"]: row for row in self._database.collection(COLLECTION).find({"kind": "clip"})}
            found = self._database.collection("intervals").find({"clip.state": "ready"}, {"clip": 1, "started_at": 1})
            clips = [(document["_id"], part_of(document, "clip"), document.get("started_at")) for document in found]
        if leads:
            self._say_what_is_sent(clips)
        clips = [(key, clip, at) for key, clip, at in clips if self.elsewhere.is_here(clip.get("on"), or_nobodys=leads)]
        ready = {str(clip.get("path")): (key, str(clip.get("sha256"))) for key, clip, _at in clips if clip}
        stored, now = self._stored(), utc_now()
        away = {key for key, clip, at in clips if clip and self._is_away(key, clip, at, stored, now)}
        counts = dict.fromkeys(("found", "gone", "doubled", "nobodys"), 0)
        self.strangers = 0
        gone = {key: (path, sha256) for path, (key, sha256) in ready.items() if path and key not in away and not (self._clips_dir / path).is_file()}
        for file in self._local(settled_s):
            path = file.relative_to(self._clips_dir).as_posix()
            if path not in ready and (judged := self._judge(file, path, gone)):
                counts[judged] += 1
            if stopped():
                return counts
        if gone and len(gone) == len(ready) and not any(self._clips_dir.rglob("*.mp4")):
            log.error("no clip at all is in %s: is its disk mounted? No record is changed", self._clips_dir)
            return counts
        for key, (path, sha256) in gone.items():
            if self._is_made_again(key, path):
                continue
            counts["gone"] += 1
            log.error("clip %s: %s", path, GONE)
            missed = {"clip.state": "ready", "clip.path": path, "clip.sha256": sha256}
            self._set(key, Clip("failed", path=path, sha256=sha256, reason=str(GONE)), missed)
        news = any(count for name, count in counts.items() if name != "nobodys" or count != self._told.get(name, 0))
        self._told = counts
        if news:
            log.warning("clips and records were made to agree: %s", ", ".join(f"{name} {count}" for name, count in counts.items() if count))
            self._database.audit({"who": "server", "what": "clips: reconciled", **counts})
        return counts

    def _say_what_is_sent(self, clips: Iterable[tuple[str, Mapping[str, Any], object]]) -> None:
        """Let no record name a server where its file is on the store: an older release that noted the one behind the other died in between, or wrote
        over it."""
        for key, clip, _at in clips:
            row, sha256 = self._sent.get(key, {}), clip.get("sha256")
            if clip.get("on") and row.get("there") and row.get("sha256") == sha256:
                self._database.change("intervals", key, {"clip.on": ""}, {"clip.state": "ready", "clip.sha256": sha256})

    def _stored(self) -> frozenset[str] | None:
        """The keys of what is on the store; None where that can't be told. Raise `StoreError`."""
        there = {str(row["key"]) for row in self._sent.values() if row.get("there")}
        if self._files.store is None or not there:
            return None
        listed = frozenset(self._files.store.listed())
        if listed.isdisjoint(there):
            log.error("no clip at all is on the store: is it the right one? No record is changed")
            return None
        return listed

    def _is_away(self, key: str, clip: Mapping[str, object], at: object, stored: frozenset[str] | None, now: datetime) -> bool:
        """Is a clip that isn't on this disk somewhere else, as far as can be told?"""
        row = self._sent.get(key)
        if row is not None and (row.get("there") or clip.get("on") == ""):
            return row.get("sha256") == clip.get("sha256") and (stored is None or row["key"] in stored)
        if clip.get("on"):  # here, by its record
            return False
        if row is None:
            return self._files.store is not None and isinstance(at, datetime) and now - at < SENT_WITHIN
        return row.get("by") != self._files.own

    def _local(self, settled_s: float) -> Iterator[Path]:
        for file in sorted(self._clips_dir.rglob("*.mp4")):
            with contextlib.suppress(OSError):
                if file.is_file() and not file.is_symlink() and time.time() - file.stat().st_mtime >= settled_s:
                    yield file

    def _remove_half(self, settled_s: float) -> None:
        """Half clips that nobody writes any more."""
        for folder in {self._clips_dir, self._temp_dir}:
            for part in half_clips(folder):
                with contextlib.suppress(OSError):
                    if time.time() - part.stat().st_mtime >= settled_s:
                        part.unlink()

    def _judge(self, file: Path, path: str, gone: dict[str, tuple[str, str]]) -> str:
        """Do what is to be done about a file that no record named when they were read; one in `gone` under another name is taken out of it."""
        mark = mark_of(file)
        try:
            interval = self._database.interval(str(mark["clip"])) if mark else None
        except NotFound:
            interval = None
        if mark is None or interval is None:
            if mark is not None and self._is_deleted(str(mark["clip"]).rpartition("-")[0]):
                file.unlink(missing_ok=True)
            else:
                self.strangers += 1
            return "nobodys"
        key, clip = interval["_id"], part_of(interval, "clip")
        if clip.get("state") == "deleted":  # on another server, or from the store: its time was over
            file.unlink(missing_ok=True)
            return "doubled"
        sha256 = hash_of(file)
        recorded = gone[key][1] if key in gone else clip.get("sha256")
        if clip.get("state") != "ready" or key in gone:
            if recorded and sha256 != recorded:  # it isn't what was made
                self.strangers += 1
                return "nobodys"
            gone.pop(key, None)
        elif self._has_come_here(clip, sha256):
            log.warning("clip %s was on the server %s, which is away, and is on this one now", path, clip["on"])
        elif (judged := self._judge_second(file, key, clip, sha256)) is not None:
            return judged
        start = float(mark["start"])
        marks = [[one["kind"], round(one["start"] - start, 2), round(one["end"] - start, 2)] for one in interval.get("violations") or []]
        size, on = file.stat().st_size, self.elsewhere.name
        as_read = {"clip.state": clip.get("state"), "clip.sha256": clip.get("sha256")}
        self._set(key, Clip("ready", path, sha256, round(float(mark["duration"]), 3), size, "", start, marks, on), as_read)
        return "found"

    def _is_deleted(self, session_id: str) -> bool:
        """Was a session deleted, perhaps while this server was away? No record named a second clip of it, which nobody else deletes."""
        with self._database.reading():
            deleted = self._database.collection(DELETED_SESSIONS).find_one({"_id": session_id, "whole": True}, {"_id": 1})
        return deleted is not None or self.elsewhere.is_asked_for(session_id)

    def _has_come_here(self, clip: Mapping[str, object], sha256: str) -> bool:
        """Is this the clip of a server that is gone, so that its disk, or a copy of it, is here now?"""
        on = clip.get("on")
        return isinstance(on, str) and on != "" and clip.get("sha256") == sha256 and not self.elsewhere.is_here(on) and not self.lives(on)

    def _judge_second(self, file: Path, key: str, clip: Mapping[str, object], sha256: str) -> str | None:
        """What another run or server made of an interval that has a clip goes once that one is safe. None where it is the one that was recorded."""
        row, recorded = self._sent.get(key, {}), clip.get("sha256")
        is_sent = bool(row) and row.get("sha256") == recorded and bool(row.get("there") or clip.get("on") == "")
        other = self._clips_dir / str(clip.get("path"))
        if not is_sent and (other == file or not other.is_file()):
            return ""  # it got its record just now, or the next sweep will find that the other is gone
        if is_sent or hash_of(other) == recorded:
            file.unlink(missing_ok=True)
            return "doubled"
        if sha256 != recorded:  # neither is what was made
            self.strangers += 1
            return "nobodys"
        return None

    def _is_made_again(self, key: str, path: str) -> bool:
        """Has the clip that was gone been made anew since the records were read?"""
        try:
            clip = self._database.interval(key).get("clip") or {}
        except NotFound:
            return True  # deleted, with its session
        return clip.get("path") != path or self._files.clip(key, clip) is not None

    def _set(self, key: str, clip: Clip, where: Mapping[str, object]) -> None:
        is_news = where["clip.state"] != clip.state  # else it was ready before, and lies elsewhere now
        self._database.change("intervals", key, clip_fields(clip) if is_news else {"clip": clip.to_dict()}, where)
