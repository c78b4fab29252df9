"""The clips' queue: one encoder at low priority; a file with a final name is whole, and a clip that can't be made now is tried again."""

from __future__ import annotations

import contextlib
import hashlib
import heapq
import itertools
import logging
import math
import os
import queue
import re
import secrets
import shutil
import sys
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol

import av

from basics.backoff import Backoff
from basics.texts import _
from media import clip_reasons
from media.clip import Clip, ClipJob, file_name, folder_name
from media.encode import NothingToShow, encode, mark_of
from media.kept import KeptMedia

log = logging.getLogger(__name__)

RETRY_AFTER_S = (1.0, 5.0, 20.0, 60.0)  # a disk that is full or away is tried again this often, the last for as long as it takes
FAILED_AFTER = 3  # tries, and the record says that the clip could not be made, and that it is tried again
MADE_MAX = 1000
LOOK_S = 1.0  # between two looks at records that are on their way
FORGOTTEN_WITHIN_S = 30.0
STUCK_S = 5.0  # given to an encoder that is in the middle of a clip when the server stops
NEAR = 0.4  # of the time between two pictures: jitter brings none so near
MIN_FREE_MB = 64  # stay free on the clips' disk: the database and the logs may share it

PIECE = 1 << 20  # bytes of a clip that are read at once for its sum
HALF = re.compile(r"[0-9a-f]{32}-[0-9]+(-[0-9a-f]+)?(-[0-9a-f]+)?\.part")
AGAIN = "disk:"  # so begin the reasons that may pass
ENCODER = "encoder:"  # so begin those that seldom do: it is tried so often, for some eight minutes, and again at the next start
ENCODER_TRIES = 10


class Ticket(Protocol):
    """Says whether a record is safe (`storage.writes`)."""

    @property
    def done(self) -> bool: ...

    def wait(self, timeout: float | None = None) -> bool: ...


Done = Callable[[Clip], "Ticket | None"]  # returns the ticket of the clip's record, where there is one


@dataclass(slots=True)
class _Waiting:
    """A clip that waits to be made, or to be tried again."""

    job: ClipJob
    done: Done
    tries: int = 0
    wanted: bool = True  # its session has not been deleted, and no newer clip of its interval stands for it
    backoff: Backoff = field(default_factory=lambda: Backoff(*RETRY_AFTER_S))


class Recorder:
    """Encodes clips one after the other, in a thread of its own."""

    def __init__(
        self,
        clips_dir: Path,
        temp_dir: Path,
        *,
        crf: int = 28,
        max_waiting_bytes: int = 512 << 20,
        min_free_mb: int = MIN_FREE_MB,
        fps: float = math.inf,
        own: str = "0",
        server: str = "",
        earlier: Iterable[str] = (),
    ) -> None:
        """`fps`: pictures a second that pages are asked for; of far more some are left out.

        `own`: hexadecimal digits that tell this server's half clips from those of others that may use the same folders.
        `server` is this server's name, by which a clip's record says where its file is; `earlier` are those that it has had before.
        """
        self.clips_dir = clips_dir
        self._own = own
        self.server = server
        self._names = frozenset(("", server, *earlier))
        self.temp_dir = temp_dir
        self.kept = KeptMedia(temp_dir, min_free_mb << 20)
        self._crf = crf
        self._step = NEAR / fps
        self._max_waiting_bytes = max_waiting_bytes
        self._min_free = min_free_mb << 20
        self._jobs: queue.Queue[_Waiting | None] = queue.Queue()
        self._later: list[tuple[float, int, _Waiting]] = []  # a heap, by the time of the next try
        self._number = itertools.count()
        self._waiting_bytes = 0
        self._lock = threading.Lock()
        self._over = threading.Condition(self._lock)
        self._in_hand = ""  # the session of the clip that is being made
        self._publishing = threading.Lock()
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self._queued: dict[str, _Waiting] = {}  # by the interval's id
        self._told: list[tuple[str, Ticket | None]] = []  # clips that are made and whose records are on their way
        self._made: OrderedDict[str, Clip] = OrderedDict()  # the newest, for sessions that are opened again while their clips are made
        self._failing: dict[str, str] = {}  # clips that could not be made and are tried again, with the reason
        self.last_error = ""

    def start(self) -> None:
        """Make the folders, remove half clips of this server's earlier runs and start the encoder."""
        for folder in (self.clips_dir, self.temp_dir):
            folder.mkdir(parents=True, exist_ok=True)
            for part in half_clips(folder, self._own):
                with contextlib.suppress(OSError):
                    part.unlink(missing_ok=True)
        self.kept.start()
        self._thread = threading.Thread(target=self._run, name="clip-encoder", daemon=True)
        self._thread.start()

    def stop(self, timeout: float = 30.0) -> None:
        """Encode what waits, for at most `timeout` seconds, then end. What is left is made at the next start."""
        if self._thread is None:
            return
        self._jobs.put(None)
        self._thread.join(timeout)
        self._stopping.set()
        self._jobs.put(None)
        self._thread.join(STUCK_S)
        self._thread = None
        self.kept.stop()
        self._drop_told()
        self._keep_the_rest()

    def submit(self, job: ClipJob, done: Done) -> None:
        """Queue a clip. `done` is called from the encoder's thread with what became of it, or at once when there is no room.

        It may be called again: of a clip that failed for the disk's sake and could be made later. A second one of the same interval stands for
        the first, unless nothing is there to make it of.
        """
        size, waits = job.nbytes, _Waiting(job, done)
        with self._lock:
            before, empty = self._queued.get(job.key), not job.kept and not job.frames + job.sounds
            made = self._made.get(job.key) if empty and before is None else None
            freed = before.job.nbytes if before is not None else 0
            full = self._waiting_bytes - freed + size > self._max_waiting_bytes
            if before is not None and (empty or full):
                before.done = done  # it has what there is
                return
            if before is not None:
                before.wanted = False
            if not full and made is None:
                self._waiting_bytes += size
                self._queued[job.key] = waits
        if made is not None:
            done(made)
            return
        if full:
            waiting = self._waiting_bytes >> 20
            done(Clip("failed", reason=clip_reasons.BEHIND % {"waiting": waiting}, start=job.start))
            return
        self._jobs.put(waits)

    def is_others(self, on: str) -> bool:
        """Does another server keep what a clip is made of, by the name in its record?"""
        return on not in self._names

    def waiting(self) -> int:
        """How many clips wait."""
        return self._jobs.qsize() + len(self._later)

    def has(self, key: str) -> bool:
        """Does the clip of this interval wait to be made?"""
        with self._lock:
            return key in self._queued

    def forget(self, session_id: str) -> bool:
        """Make no clip of a session any more, and delete what is kept for one: the session itself is being deleted.

        False where one is being made just now, and is not done with in time.
        """
        with self._lock:
            for key, waiting in self._queued.items():
                waiting.wanted = waiting.wanted and not key.startswith(f"{session_id}-")
            if not self._over.wait_for(lambda: self._in_hand != session_id, FORGOTTEN_WITHIN_S):
                return False
        for key in self.kept.intervals():
            if key.startswith(f"{session_id}-"):
                self.kept.drop(key)
        return True

    def problem(self) -> str:
        """Why clips can't be made now; empty where nothing is known against it."""
        with self._lock:
            failing = list(self._failing.values())
        if failing:
            return _(
                "clips that can't be made and are tried again: %(count)s. %(reason)s", count=len(failing), reason=clip_reasons.known(failing[-1])
            )
        return clip_reasons.known(self.last_error or self.kept.last_error)

    def make(self, job: ClipJob) -> Clip:
        """Make a clip now, in the caller's thread. Never raises: a clip that can't be made has state `failed` and the reason."""
        part = self.temp_dir / f"{job.session_id}-{job.index}-{self._own}-{secrets.token_hex(4)}.part"
        try:
            job = self._with_media(job)
            if not job.frames and not job.sounds:
                return Clip("failed", reason=str(clip_reasons.NOTHING_KEPT), start=job.start)
            self._check_room()
            start, duration = encode(job, part, self._crf, quick=len(self._queued) > 1, step=self._step)  # it is one of them
            size, sha256 = part.stat().st_size, hash_of(part)
            final = self._publish(part, job)
        except Exception as error:
            with contextlib.suppress(OSError):
                part.unlink(missing_ok=True)
            if isinstance(error, NothingToShow):
                return Clip("failed", reason=str(clip_reasons.NOTHING_TO_SHOW), start=job.start)
            if not isinstance(error, (OSError, ValueError, av.error.FFmpegError)):
                log.exception("the encoder failed", extra={"session_id": job.session_id})
            return Clip("failed", reason=_reason(error, self.clips_dir), start=job.start)
        marks = [[kind, round(begin - start, 2), round(end - start, 2)] for kind, begin, end in job.marks]
        return Clip("ready", final.relative_to(self.clips_dir).as_posix(), sha256, round(duration, 3), size, "", start, marks, self.server)

    def _with_media(self, job: ClipJob) -> ClipJob:
        """`job` with its pictures and sound, from the disk where they are there."""
        if not job.kept:
            return job
        frames, sounds = self.kept.read(job.key)
        return replace(job, frames=frames, sounds=sounds, start=min([job.start] + [frame.at for frame in frames[:1]]))

    def _check_room(self) -> None:
        self.clips_dir.mkdir(parents=True, exist_ok=True)
        if shutil.disk_usage(self.clips_dir).free < self._min_free:
            raise OSError(28, f"less than {self._min_free >> 20} MB are free (MIN_FREE_MB)")

    def _publish(self, part: Path, job: ClipJob) -> Path:
        """Give the finished file its final name, without ever replacing another. It is on the disk before it has that name."""
        folder = self.clips_dir / folder_name(job.user_id)
        folder.mkdir(parents=True, exist_ok=True)
        if part.stat().st_dev != folder.stat().st_dev:  # nothing can be renamed from one disk to another
            here = folder / part.name
            try:
                shutil.copyfile(part, here)
                part.unlink()
            except OSError:
                here.unlink(missing_ok=True)
                raise
            part = here
        try:
            _sync(part)
            for number in range(1, 1000):
                final = folder / file_name(job, number)
                if self._rename(part, final):
                    _sync(folder)
                    self._remove_earlier(job, final)
                    return final
        except OSError:
            part.unlink(missing_ok=True)
            raise
        raise ValueError(f"a thousand clips are named {file_name(job)} in {folder}")

    def _remove_earlier(self, job: ClipJob, final: Path) -> None:
        """A clip of what an earlier run kept may have been made by that already, and its record been lost with it."""
        for other in final.parent.glob("*.mp4") if self.kept.is_of_before(job.key) else ():
            mark = mark_of(other) if other != final else None
            if mark is not None and mark["clip"] == job.key:
                with contextlib.suppress(OSError):  # the sweep finds it
                    other.unlink(missing_ok=True)

    def _rename(self, part: Path, final: Path) -> bool:
        """Give `part` the name `final`; False where there is one of that name."""
        try:
            os.link(part, final)  # unlike a rename, it replaces nothing
        except FileExistsError:
            return False
        except OSError:  # a file system without links: only this process gives names in it
            with self._publishing:
                if final.exists():
                    return False
                part.replace(final)
            return True
        part.unlink()
        return True

    # The encoder's thread

    def _run(self) -> None:
        _lower_priority()
        while not self._stopping.is_set():
            waiting = self._next()
            if waiting is None:
                return
            with self._lock:
                self._in_hand = waiting.job.session_id
            try:
                self._take(waiting)
            except Exception:
                log.exception("clip of interval %d was lost", waiting.job.index, extra={"session_id": waiting.job.session_id})
            with self._lock:
                self._in_hand = ""
                self._over.notify_all()
            del waiting

    def _next(self) -> _Waiting | None:
        """The clip to be made next; None where the recorder stops."""
        while True:
            pauses = [max(0.0, self._later[0][0] - time.monotonic())] if self._later else []
            pauses += [LOOK_S] if self._told else []
            try:
                return self._jobs.get(timeout=min(pauses, default=None))
            except queue.Empty:
                self._drop_told()
                if self._later and self._later[0][0] <= time.monotonic():
                    return heapq.heappop(self._later)[2]

    def _take(self, waiting: _Waiting) -> None:
        job = waiting.job
        clip = self.make(job) if waiting.wanted else Clip("none")
        waiting.tries += 1
        encoder_failed = clip.reason.startswith(ENCODER) and waiting.tries < ENCODER_TRIES
        if waiting.wanted and clip.state != "ready" and (clip.reason.startswith(AGAIN) or encoder_failed):
            pause = waiting.backoff.pause()
            if waiting.tries <= FAILED_AFTER:
                log.warning("clip of interval %d: %s; trying again in %g s", job.index, clip.reason, pause, extra={"session_id": job.session_id})
            if waiting.tries == FAILED_AFTER:
                waiting.done(replace(clip, reason=clip_reasons.AGAIN % {"reason": clip.reason}))
            with self._lock:
                self._failing[job.key] = clip.reason
            heapq.heappush(self._later, (time.monotonic() + pause, next(self._number), waiting))
            return
        with self._lock:
            self._failing.pop(job.key, None)
            if self._queued.get(job.key) is waiting:
                del self._queued[job.key]
            self._waiting_bytes -= job.nbytes
        if not waiting.wanted:
            if clip.path:
                (self.clips_dir / clip.path).unlink(missing_ok=True)
            return
        ours = clip.reason.startswith((AGAIN, ENCODER))  # else nothing came that a clip can be made of: no fault of the recorder's
        if ours or clip.state == "ready":
            self.last_error = clip.reason
        if clip.state != "ready":
            level = logging.ERROR if ours else logging.WARNING
            log.log(level, "clip of interval %d can't be made: %s", job.index, clip.reason, extra={"session_id": job.session_id})
        with self._lock:
            self._made[job.key] = clip
            while len(self._made) > MADE_MAX:
                self._made.popitem(last=False)
        ticket = waiting.done(clip)
        if not clip.reason.startswith(ENCODER):  # else the next start tries again
            self._told.append((job.key, ticket))
            self._drop_told()

    def _drop_told(self) -> None:
        """Delete what was kept for clips whose records are safe: with a record that is lost the next start makes the clip again."""
        waiting: list[tuple[str, Ticket | None]] = [(key, ticket) for key, ticket in self._told if ticket is not None and not ticket.done]
        for key, ticket in self._told:
            if (ticket is None or (ticket.done and ticket.wait(0))) and not self.has(key):
                self.kept.drop(key)
        self._told = waiting

    def _keep_the_rest(self) -> None:
        """What could not be made in time goes to the disk, where it isn't there already."""
        rest = [waiting for _, _, waiting in self._later]
        while not self._jobs.empty():
            waiting = self._jobs.get_nowait()
            rest += [waiting] if waiting is not None else []
        for waiting in rest:
            job = waiting.job
            if waiting.wanted and not job.kept and job.frames + job.sounds:
                try:
                    self.kept.keep_now(job.key, [*job.frames, *job.sounds])
                except OSError as error:
                    log.error("clip of interval %d is lost: %s", job.index, _reason(error, self.temp_dir), extra={"session_id": job.session_id})  # noqa: TRY400
        if rest:
            log.info("clips that waited are made at the next start: %d", len(rest))


def _sync(path: Path) -> None:
    """Have a file, or a folder's names, on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def half_clips(folder: Path, own: str = "") -> Iterator[Path]:
    """What clips are written to until they are whole; the folder may be one that others use as well.

    `own`: only those of this server, and of a release that named none in them.
    """
    for path in folder.rglob("*.part"):
        found = HALF.fullmatch(path.name)
        if found and (not own or found[2] is None or found[1] == f"-{own}"):
            yield path


def hash_of(path: Path) -> str:
    """The SHA-256 of a file, in hexadecimal digits."""
    with path.open("rb") as file:
        digest = hashlib.sha256()
        while piece := file.read(PIECE):
            digest.update(piece)
    return digest.hexdigest()


def _reason(error: Exception, folder: Path) -> str:
    if isinstance(error, OSError):
        return clip_reasons.DISK % {"error": error.strerror or error, "folder": folder}
    return clip_reasons.ENCODING % {"error": error}


def _lower_priority() -> None:
    """Clips may wait; pictures may not. Linux knows priorities of single threads."""
    if sys.platform == "linux":
        with contextlib.suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), 10)
