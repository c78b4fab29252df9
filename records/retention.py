"""Deletes what was kept for long enough: records, clips and stills of sessions that ended more than `KEEP_DAYS` ago. Nothing else deletes any.

Files go before the records that name them, and a session's own record goes last: a sweep that is broken off leaves nothing that the next
one would not find.
"""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path

from basics.errors import StorageError
from basics.texts import _, joined
from basics.times import iso_time, utc_now
from database import Database, Document
from media.recorder import Recorder
from records.clip_sweep import ClipSweep
from records.holds import Holds
from records.verification import DELETED

log = logging.getLogger(__name__)

FIRST_S = 60.0  # after the start, when sessions of before were taken up again
EVERY_S = 3600.0
FLUSH_S = 5.0
LEAP = timedelta(days=7)  # a server is seldom off for longer; a clock that was set wrong is
BELIEVED_AFTER = timedelta(days=1)
LEAPT = "if that is not so, set this machine's clock now; if it is, the first are deleted in a day"
PAGE = 100  # sessions asked for in one go
NAMED_MAX = 10_000  # sessions that one entry of the audit names
OF_A_SESSION = ("checks", "acts", "reviews", "conclusions", "student_answers", "new_looks", "student_reports", "identity", "intervals")
"""The collections whose documents name their session."""


class Retention:
    """Sweeps once an hour in a thread of its own. `keep_days` 0: nothing is deleted, and clips and records are compared all the same."""

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
    ) -> None:
        self._database = database
        self._clips_dir = clips_dir.resolve()
        self._stills_dir = stills_dir
        self._identity_dir = identity_dir
        self._clips = clips
        self._recorder = recorder
        self._keep = timedelta(days=keep_days)
        self.problem = ""  # why the last sweep could not do all
        self.doubt = ""  # why nothing is deleted now
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="retention", daemon=True)

    def start(self) -> None:
        """Begin to sweep, the first time a minute from now."""
        if self._keep:
            log.info("sessions are deleted %d days after their end (KEEP_DAYS)", self._keep.days)
        self._thread.start()

    def health(self) -> dict[str, str]:
        """For `/api/health`."""
        reason = joined("; ", (each for each in (self.problem, self.doubt) if each))
        return {"state": "degraded" if reason else "ok", "reason": reason}

    def stop(self, timeout: float = 10) -> None:
        """End; a sweep that runs ends with the session it is at."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(timeout)

    def sweep(self, now: datetime | None = None) -> int:
        """Delete what is due at `now` and return how many sessions that were. Raise `StorageError` when the database is away.

        A session whose files can't be deleted keeps its records, and is tried again by the next sweep.
        """
        now = now or utc_now()
        if not self._keep:
            return 0
        if not self._believes(now):
            return 0
        before = now - self._keep
        self._stamp(now)
        self._delete_aside(before)
        deleted: list[str] = []
        try:
            for session_id in self._delete_due(before):
                deleted.append(session_id)  # noqa: PERF402 (one by one: those that are gone are named, whatever stops the rest)
        finally:  # what is gone is in the audit, whatever kept the others
            if deleted:
                log.info("deleted %d sessions that ended before %s (KEEP_DAYS)", len(deleted), f"{before:%Y-%m-%d %H:%M} UTC")
            for first in range(0, len(deleted), NAMED_MAX):
                named = deleted[first : first + NAMED_MAX]
                self._database.audit({"who": "server", "what": DELETED, "count": len(named), "ended_before": before, "sessions": named})
        with self._database.reading():
            self._database.collection("rehearsals").delete_many({"at": {"$lt": before}})
        return len(deleted)

    def _delete_due(self, before: datetime) -> Iterator[str]:
        """Delete sessions; name each once it is gone."""
        kept: list[str] = []
        while due := self._due(before, kept):
            for session in due:
                if self._stop.is_set():
                    return
                if self.delete_session(session["_id"]):
                    yield session["_id"]
                else:
                    kept.append(session["_id"])

    def _run(self) -> None:
        pause = FIRST_S
        while not self._stop.wait(pause):
            pause = EVERY_S
            self.problem = "; ".join(problem for sweep in (self._sweep_clips, self.sweep) if (problem := _problem_of(sweep)))

    def _sweep_clips(self) -> None:
        self._clips.sweep(stopped=self._stop.is_set)

    def _believes(self, now: datetime) -> bool:
        """Is the clock right? Nobody gets back what a machine that starts in another year deletes.

        One that leapt by more than a week since the last sweep is believed once it has gone on so for a day, over starts of the server too.
        """
        with self._database.reading():
            marks = self._database.collection("server")
            mark = marks.find_one({"_id": "retention"}) or {}
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
                    marks.update_one({"_id": "retention"}, {"$set": {"seen_at": now, "doubted_at": doubted}})
                    self.doubt = _(
                        "The clock leapt from %(before)s to %(now)s: "
                        "if that is not so, set this machine's clock now; if it is, the first are deleted in a day.",
                        before=iso_time(last),
                        now=iso_time(doubted),
                    )
                    return False
                # Sessions of just before a leap may have ended by a clock that stood in another year: they are kept as if they had ended now.
                self._database.collection("sessions").update_many({"kept_from": {"$gte": last - LEAP}}, {"$set": {"kept_from": now}})
            marks.update_one({"_id": "retention"}, {"$set": {"swept_at": now}, "$unset": {"seen_at": "", "doubted_at": ""}}, upsert=True)
        return True

    def _stamp(self, now: datetime) -> None:
        """Note from when on each session that has ended is kept: from its end, or, where that can't be true, from when it was first seen here.

        An exam that was held while the machine's clock stood in another year is not deleted as soon as the clock is right.
        """
        with self._database.reading():
            sessions, marks = self._database.collection("sessions"), self._database.collection("server")
            new = {"ended_at": {"$type": "date"}, "state": {"$ne": "running"}, "kept_from": {"$exists": False}}
            stamps = marks.find_one({"_id": "retention", "stamps": True})
            told = new if stamps is None else new | {"ended_at": {"$gte": now - LEAP, "$lte": now + LEAP}}  # older versions noted none
            sessions.update_many(told, [{"$set": {"kept_from": "$ended_at"}}])
            sessions.update_many(new, {"$set": {"kept_from": now}})
            marks.update_one({"_id": "retention"}, {"$set": {"stamps": True}}, upsert=True)

    def _due(self, before: datetime, kept: list[str]) -> list[Document]:
        query = {"kept_from": {"$lt": before}, "state": {"$ne": "running"}, "_id": {"$nin": kept}, **Holds(self._database).spared()}
        with self._database.reading():
            return list(self._database.collection("sessions").find(query, {"_id": 1}).sort("kept_from", 1).limit(PAGE))

    def _delete_aside(self, before: datetime) -> None:
        """Records that the database refused, or the disk damaged, are of students, too."""
        folder = self._database.set_aside_in
        for path in (*folder.glob("rejected*.jsonl"), *folder.glob("*.damaged")):
            with contextlib.suppress(OSError):
                if path.stat().st_mtime < before.timestamp():
                    path.unlink()
                    log.info("deleted %s, which is as old as sessions that are deleted (KEEP_DAYS)", path)

    def delete_session(self, session_id: str) -> bool:
        """Delete one session that runs no more, files first. False where a file can't be deleted now. Raise `StorageError`."""
        self._recorder.forget(session_id)
        self._database.flush(FLUSH_S)  # a clip that was made just now is in its record before that is read
        with self._database.reading():
            clips = [
                str(interval["clip"]["path"])
                for interval in self._database.collection("intervals").find({"session_id": session_id, "clip.path": {"$gt": ""}}, {"clip.path": 1})
            ]
        try:
            for clip in clips:
                self._delete_clip(clip)
            for still in self._stills_dir.glob(f"still-{session_id}-*"):
                still.unlink(missing_ok=True)
            for picture in self._identity_dir.glob(f"identity-{session_id}-*") if self._identity_dir is not None else ():
                picture.unlink(missing_ok=True)
        except OSError as error:
            log.error("%s can't be deleted (%s); its session is kept until it can", error.filename, error.strerror, extra={"session_id": session_id})  # noqa: TRY400
            return False
        for name in OF_A_SESSION:
            with self._database.reading():
                self._database.collection(name).delete_many({"session_id": session_id})
        with self._database.reading():
            self._database.collection("seals").delete_one({"_id": session_id})
            self._database.collection("sessions").delete_one({"_id": session_id})
        return True

    def _delete_clip(self, path: str) -> None:
        clip = (self._clips_dir / path).resolve()
        if not clip.is_relative_to(self._clips_dir):  # nothing outside is ours to delete, whatever a record says
            return
        clip.unlink(missing_ok=True)
        if clip.parent != self._clips_dir:
            with contextlib.suppress(OSError):  # it has other clips; a recorder that misses its folder makes it again
                clip.parent.rmdir()


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
