"""Deletes what was kept for long enough: sessions with all that is theirs, kinds of their records before that, and old entries of the audit.

Nothing else deletes any by itself.

Files go before the records that name them, and a session's own record goes last: a sweep that is broken off leaves nothing that the next one would
not find. Of several servers on one database one deletes records (`is_mine`); files each deletes on its own disk, and records wait for them.
"""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from types import MappingProxyType

from basics.errors import StorageError
from basics.looks import look
from basics.texts import _, joined, ngettext
from basics.times import iso_time, utc_now
from database import Database, Document
from media.recorder import Recorder
from media.stores.base import StoreError
from records.audit_cut import cut_audit
from records.clip_sweep import ClipSweep
from records.files_elsewhere import FILES, FilesElsewhere, name_places
from records.holds import holds_of
from records.keep_times import KeepTimes, part_of
from records.kept_files import KeptFiles
from records.list_keeping import LISTS, delete_lists
from records.outbox import announce_erasure
from records.retention_kinds import NAMED_MAX, KindSweep, Swept, ended_sessions, may_go, pictures_in, why_not
from records.verified import DELETED
from settings.keeping import Kept
from storage.deleted import COLLECTION as DELETED_SESSIONS

log = logging.getLogger(__name__)

FIRST_S = 60.0  # after the start, when sessions of before were taken up again
EVERY_S = 3600.0
ASKED_EVERY_S = 20.0  # between looks at what other servers ask to be deleted here
FLUSH_S = 5.0
LEAP = timedelta(days=7)  # a server is seldom off for longer; a clock that was set wrong is
BELIEVED_AFTER = timedelta(days=1)
LEAPT = "if that is not so, set this machine's clock now; if it is, the first are deleted in a day"
ASKED = "retention: asked"  # a command's note, by which a running server sweeps at once
LATE = timedelta(days=30)  # for which what comes late of deleted sessions is looked for
LATE_AT_ONCE = 1000
MARK = "retention"  # what this server notes of its sweeps, among its own marks,
REPORT = "retention_report"  # and what the last one did
OF_A_SESSION = ("checks", "acts", "reviews", "conclusions", "student_answers", "new_looks", "student_reports", "identity", "absences", "intervals")
"""The collections whose documents name their session."""
WITH_SESSION = ("outbox", "lti_attempts")
"""Those that go in the same moment as the session's own record: until then they say what is still to be told."""


class Retention:
    """Sweeps once an hour in a thread of its own. Without any days nothing is deleted, and clips and records are compared all the same."""

    def __init__(
        self,
        database: Database,
        clips_dir: Path,
        stills_dir: Path,
        keep_days: int,
        *,
        clips: ClipSweep,
        recorder: Recorder,
        identity_dir: Path | None = None,
        kinds: Mapping[Kept, int] = MappingProxyType({}),
        audit_days: int = 0,
        files: KeptFiles | None = None,
        names: Sequence[str] = (),
        is_mine: Callable[[], bool] = lambda: True,
    ) -> None:
        """`keep_days` are a session's, `kinds` the days of kinds of its records, 0: as long as the session; `audit_days` 0: the audit for ever.

        `files`: where clips and pictures lie, if not in the folders alone; `names` are this server's, the present one first; `is_mine` says whether
        it deletes the records.
        """
        self._database = database
        self._files = files or KeptFiles(database, clips_dir, identity_dir)
        self._folders: dict[Kept, Path] = {"stills": stills_dir}
        if identity_dir is not None:
            self._folders["identity"] = identity_dir
        self._clips = clips
        self._recorder = recorder
        self._times = KeepTimes({**kinds, "records": keep_days})
        self._audit_days = audit_days
        self._names = tuple(names)
        self._is_mine = is_mine
        self._led = True  # did it delete records at its last turn?
        self._elsewhere = FilesElsewhere(database, names, clips_dir, self._folders, self.forget_clips)
        clips.elsewhere = self._elsewhere
        self._kinds = KindSweep(database, self._times, self._folders, self._files, self._elsewhere, next(iter(names), ""))
        self._left = 0  # files that can't be deleted, as the last sweep found
        self._last: dict[str, object] = {}  # when it was, and what went
        self.problem = ""  # why the last sweep could not do all
        self.doubt = ""  # why nothing is deleted now
        self.lists_deleted: Callable[[str], object] = lambda _exam_key: None  # told of each exam of whose students some went, by its key
        self._stop = threading.Event()
        self._wake = threading.Event()
        self._thread = threading.Thread(target=self._run, name="retention", daemon=True)

    def start(self) -> None:
        """Begin to sweep, the first time a minute from now."""
        if days := self._times.server["records"]:
            log.info("sessions are deleted %d days after their end (KEEP_DAYS)", days)
        self._thread.start()

    def health(self) -> dict[str, object]:
        """For `/api/health`: how it does, and what the last sweep of this run deleted."""
        left = ngettext("%(count)s file whose time is over can't be deleted", "%(count)s files whose time is over can't be deleted", self._left)
        reason = joined("; ", (each for each in (self.problem, self.doubt, left if self._left else "") if each))
        return {"state": "degraded" if reason else "ok", "reason": reason, **self._last}

    def wake(self) -> None:
        """Sweep now."""
        self._wake.set()

    def stop(self, timeout: float = 10) -> None:
        """End; a sweep that runs ends with the session it is at."""
        self._stop.set()
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join(timeout)

    def sweep(self, now: datetime | None = None) -> int:
        """Delete what is due at `now` and return how many whole sessions that were. Raise `StorageError` when the database is away.

        A session whose files can't be deleted keeps its records, and is tried again by the next sweep.
        """
        now = now or utc_now()
        if not self._believes(now):
            return 0
        if self._names:
            name_places(self._database, self._names[0])
        self._stamp(now)
        swept = Swept()
        deleted = self._sweep_sessions(now, swept)
        self._kinds.sweep(now, swept, stopped=self._is_over)
        lists = delete_lists(self._database, self._times, now, self.lists_deleted)  # after the sessions: who has one yet stays in the list
        self._delete_aside(now)
        self._delete_strays()
        self._delete_late()
        entries = cut_audit(self._database, now - timedelta(days=self._audit_days), self._audit_days) if self._audit_days else 0
        self._left = swept.left.total()
        counts = {"records": deleted, **swept.counts(), LISTS: lists, "audit": entries}
        self._last = {"swept_at": iso_time(now), "deleted": counts}
        self._say(at=now, deleted=counts, left=dict(swept.left))
        return deleted

    def sweep_own(self) -> None:
        """Delete the files here whose time is over, where another server deletes the records. Raise `StorageError`.

        As of that server's newest sweep: whether the clock is right has been looked at there.
        """
        with self._database.reading():
            mark = self._database.collection("server").find_one({"_id": MARK}) or {}
        if not isinstance(mark.get("swept_at"), datetime) or "doubted_at" in mark:
            return
        swept = Swept()
        self._kinds.sweep(mark["swept_at"], swept, stopped=self._stop.is_set, leads=False)
        self._delete_aside(mark["swept_at"])
        self._delete_strays()
        self._left = swept.left.total()

    def _is_over(self) -> bool:
        return self._stop.is_set() or not self._is_mine()

    def _sweep_sessions(self, now: datetime, swept: Swept) -> int:
        deleted: list[str] = []
        try:
            for session_id in self._delete_due(now, swept):
                deleted.append(session_id)  # noqa: PERF402 (one by one: those that are gone are named, whatever stops the rest)
        finally:  # what is gone is in the audit, whatever kept the others
            if deleted:
                log.info("deleted %d sessions whose time was over (KEEP_DAYS)", len(deleted))
            for first in range(0, len(deleted), NAMED_MAX):
                named = deleted[first : first + NAMED_MAX]
                self._database.audit({"who": "server", "what": DELETED, "count": len(named), "sessions": named})
        if days := self._times.server["records"]:
            self._delete_rehearsals({"at": {"$lt": now - timedelta(days=days)}})
        return len(deleted)

    def _delete_rehearsals(self, due: Document) -> None:
        """Those that are due, but for the students' whom a hold names."""
        held = {look(str(one["user_id"])) for one in holds_of(self._database) if one.get("user_id")}
        with self._database.reading():
            rehearsals = self._database.collection("rehearsals")
            spared = [one for one in rehearsals.distinct("user_id", due) if look(str(one)) in held] if held else []
            rehearsals.delete_many({**due, "user_id": {"$nin": spared}})

    def _delete_due(self, now: datetime, swept: Swept) -> Iterator[str]:
        """Delete sessions; name each once it is gone."""
        for page in ended_sessions(self._database, now):
            for session in page:
                if self._is_over():
                    return
                if not self._times.is_past(session, "records", now) or not may_go(self._database, session["_id"]):
                    continue
                if self._elsewhere.has_others(session) and not self._elsewhere.are_gone(session, self._clips_of(session["_id"]).values()):
                    continue  # the next sweep finds it
                if self._is_deleted(session["_id"]):
                    yield session["_id"]
                else:
                    swept.left["records"] += 1

    def _is_deleted(self, session_id: str) -> bool:
        """Delete a session, with what is being stored of it just now. False where that can't be done now; one with damaged records keeps no other."""
        if not self.forget_clips(session_id):
            return False
        gone, deleted = self._database.gone, False
        gone.bar([session_id])
        try:
            deleted = self.delete_session(session_id)
        except StorageError:
            raise
        except Exception:
            log.exception("it can't be deleted, and is tried again in an hour", extra={"session_id": session_id})
        finally:
            if not deleted:
                gone.lift([session_id])
        return deleted

    def _run(self) -> None:
        due = time.monotonic() + FIRST_S
        while not self._stop.is_set():
            woken = self._wake.wait(max(0.0, min(due - time.monotonic(), ASKED_EVERY_S)))
            self._wake.clear()
            if self._stop.is_set():
                return
            asked = _problem_of(self._elsewhere.delete_asked)
            leads = self._is_mine()
            if not woken and time.monotonic() < due and (self._led or not leads):  # else at once: the one that led is gone
                continue
            due, self._led = time.monotonic() + EVERY_S, leads
            sweeps = (self._sweep_clips, self.sweep if leads else self.sweep_own, self._elsewhere.note_looked)
            self.problem = "; ".join(problem for problem in (asked, *map(_problem_of, sweeps)) if problem)
            if not leads:
                continue
            with contextlib.suppress(StorageError):  # whoever asked is told that it has not answered
                self._say(looked_at=utc_now(), problem=self.problem, doubt=self.doubt)

    def _say(self, **fields: object) -> None:
        """Note what the last sweep did, for whoever asks (`flask --app app retention`)."""
        with self._database.reading():
            self._database.collection("server").update_one({"_id": REPORT}, {"$set": fields}, upsert=True)

    def _sweep_clips(self) -> None:
        self._clips.sweep(stopped=self._stop.is_set, leads=self._is_mine())

    def _believes(self, now: datetime) -> bool:
        """Is the clock right? Nobody gets back what a machine that starts in another year deletes.

        One that leapt by more than a week since the last sweep is believed once it has gone on so for a day, over starts of the server too.
        """
        with self._database.reading():
            marks = self._database.collection("server")
            mark = marks.find_one({"_id": MARK}) or {}
            last, seen, doubted = (mark.get(name) for name in ("swept_at", "seen_at", "doubted_at"))
            self.doubt = ""
            if isinstance(last, datetime) and last - now > LEAP:
                self.doubt = _(
                    "The clock stands at %(now)s, and has been at %(before)s: set it. Until then no session is deleted.",
                    now=iso_time(now),
                    before=iso_time(last),
                )
                return False
            if isinstance(last, datetime) and now - last > LEAP:
                if not (isinstance(doubted, datetime) and isinstance(seen, datetime) and doubted <= now <= seen + LEAP):
                    doubted = now
                    log.warning("old sessions were last looked for at %s, and now it is %s: %s", iso_time(last), iso_time(now), LEAPT)
                if now - doubted < BELIEVED_AFTER:
                    marks.update_one({"_id": MARK}, {"$set": {"seen_at": now, "doubted_at": doubted}})
                    self.doubt = _(
                        "The clock leapt from %(before)s to %(now)s: "
                        "if that is not so, set this machine's clock now; if it is, the first are deleted in a day.",
                        before=iso_time(last),
                        now=iso_time(doubted),
                    )
                    return False
                # Sessions of just before a leap may have ended by a clock that stood in another year: they are kept as if they had ended now.
                self._database.collection("sessions").update_many({"kept_from": {"$gte": last - LEAP}}, {"$set": {"kept_from": now}})
            marks.update_one({"_id": MARK}, {"$set": {"swept_at": now}, "$unset": {"seen_at": "", "doubted_at": ""}}, upsert=True)
        return True

    def _stamp(self, now: datetime) -> None:
        """Note from when on each session that has ended is kept: from its end, or, where that can't be true, from when it was first seen here.

        An exam that was held while the machine's clock stood in another year is not deleted as soon as the clock is right.
        """
        with self._database.reading():
            sessions, marks = self._database.collection("sessions"), self._database.collection("server")
            new = {"ended_at": {"$type": "date"}, "state": {"$ne": "running"}, "kept_from": {"$exists": False}}
            stamps = marks.find_one({"_id": MARK, "stamps": True})
            told = new if stamps is None else new | {"ended_at": {"$gte": now - LEAP, "$lte": now + LEAP}}  # older versions noted none
            sessions.update_many(told, [{"$set": {"kept_from": "$ended_at"}}])
            sessions.update_many(new, {"$set": {"kept_from": now}})
            marks.update_one({"_id": MARK}, {"$set": {"stamps": True}}, upsert=True)

    def _delete_aside(self, now: datetime) -> None:
        """Records that the database refused, or the disk damaged, are of students, too."""
        if not (days := self._times.server["records"]):
            return
        before = now - timedelta(days=days)
        folder = self._database.set_aside_in
        for path in (*folder.glob("rejected*.jsonl"), *folder.glob("*.damaged")):
            with contextlib.suppress(OSError):
                if path.stat().st_mtime < before.timestamp():
                    path.unlink()
                    log.info("deleted %s, which is as old as sessions that are deleted (KEEP_DAYS)", path)

    def _delete_strays(self) -> None:
        """Stills of clips that lay on another server, whose session is gone: they can be made again of any clip that is there."""
        found = pictures_in(self._folders["stills"], FILES["stills"])
        with self._database.reading():
            there = {row["_id"] for row in self._database.collection("sessions").find({"_id": {"$in": list(found)}}, {"_id": 1})}
        for still in (one for session_id, stills in found.items() if session_id not in there for one in stills):
            with contextlib.suppress(OSError):
                still.unlink(missing_ok=True)

    def delete_session(self, session_id: str, *, erased: bool = False) -> bool:
        """Delete one session that runs no more, files first. False where a file can't be deleted now. Raise `StorageError`.

        `erased`: with its student, of whom what the audit says comes back from no spool, either.
        """
        if not self.forget_clips(session_id):
            return False
        self._database.flush(FLUSH_S)  # a clip that was made just now is in its record before that is read
        clips = self._clips_of(session_id)
        if not self._elsewhere.are_gone(self._places(session_id), clips.values()):
            log.info("other servers are to delete its files first", extra={"session_id": session_id})
            return False
        announce_erasure(self._database, session_id)
        try:
            for video_id, clip in clips.items():
                self._files.delete_clip(video_id, clip)
            self._files.drop_session(session_id)
            for kind, folder in self._folders.items():
                for picture in folder.glob(f"{FILES[kind]}-{session_id}-*"):
                    picture.unlink(missing_ok=True)
            self._note_deleted(session_id, whole=False, erased=erased)
            for name in OF_A_SESSION:
                with self._database.reading():
                    self._database.collection(name).delete_many({"session_id": session_id})
            self._files.drop_session(session_id)  # of what was sent in this moment: from now on nothing is, for no record names it
        except (OSError, StoreError) as error:
            log.error("%s; its session is kept until that can be", why_not(error), extra={"session_id": session_id})  # noqa: TRY400
            return False
        with self._database.reading():
            for name in WITH_SESSION:
                self._database.collection(name).delete_many({"session_id": session_id})
            self._database.collection("seals").delete_one({"_id": session_id})
            self._database.collection("sessions").delete_one({"_id": session_id})
            self._database.collection("outbox").delete_many({"session_id": session_id})  # what another server told meanwhile of what was there yet
        self._note_deleted(session_id, whole=True, erased=erased)
        self._elsewhere.forget(session_id)
        return True

    def _note_deleted(self, session_id: str, *, whole: bool, erased: bool) -> None:
        """Let no server's spool bring back anything of it; `whole`: nothing of it is there any more."""
        with self._database.reading():
            deleted = self._database.collection(DELETED_SESSIONS)
            deleted.update_one({"_id": session_id}, {"$set": {"at": utc_now(), "whole": whole} | ({"erased": True} if erased else {})}, upsert=True)

    def _delete_late(self) -> None:
        """What was stored of deleted sessions all the same: in the moment of it, or by a server of an older version that was away."""
        with self._database.reading():
            deleted = self._database.collection(DELETED_SESSIONS)
            ids = [row["_id"] for row in deleted.find({"whole": True, "at": {"$gte": utc_now() - LATE}}, {"_id": 1})]
            for first in range(0, len(ids), LATE_AT_ONCE):
                some = {"$in": ids[first : first + LATE_AT_ONCE]}
                for name in (*OF_A_SESSION, *WITH_SESSION):
                    self._database.collection(name).delete_many({"session_id": some})
                self._database.collection("sessions").delete_many({"_id": some})

    def other_servers(self) -> list[str]:
        """The names of the others that have shared the database. Raise `StorageError`."""
        return self._elsewhere.others()

    def _clips_of(self, session_id: str) -> dict[str, str]:
        """The paths of its clips, by interval."""
        with self._database.reading():
            named = self._database.collection("intervals").find({"session_id": session_id, "clip.path": {"$gt": ""}}, {"clip.path": 1})
            return {str(interval["_id"]): str(part_of(interval, "clip").get("path")) for interval in named}

    def _places(self, session_id: str) -> Document:
        with self._database.reading():
            return self._database.collection("sessions").find_one({"_id": session_id}, {"on": 1}) or {"_id": session_id}

    def forget_clips(self, session_id: str) -> bool:
        """Make no clip of the session any more. False where that can't be done now."""
        if self._recorder.forget(session_id):
            return True
        log.warning("a clip of it is being made; it is kept until that is done", extra={"session_id": session_id})
        return False


def _problem_of(sweep: Callable[[], object]) -> str:
    """Sweep; say why that could not be done to its end. It is tried again an hour later."""
    try:
        sweep()
    except StorageError as error:
        log.warning("sweeping is done later: %s", error.message)
    except Exception as error:
        log.exception("sweeping failed, and is tried again in an hour")
        return f"{type(error).__name__}: {error}"[:200]
    return ""
