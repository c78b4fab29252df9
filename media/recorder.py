"""The clips' queue: one encoder at low priority; a file with a final name is whole."""

from __future__ import annotations

import contextlib
import hashlib
import logging
import os
import queue
import secrets
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import av

from media.clip import Clip, ClipJob, file_name, folder_name
from media.encode import encode

log = logging.getLogger(__name__)

RETRY_AFTER_S = (1.0, 5.0, 20.0)  # a disk that is full or away is tried again this often


class Recorder:
    """Encodes clips one after the other, in a thread of its own."""

    def __init__(self, clips_dir: Path, temp_dir: Path, *, crf: int = 28, max_waiting_bytes: int = 512 << 20) -> None:
        self.clips_dir = clips_dir
        self.temp_dir = temp_dir
        self._crf = crf
        self._max_waiting_bytes = max_waiting_bytes
        self._jobs: queue.Queue[tuple[ClipJob, Callable[[Clip], None]] | None] = queue.Queue()
        self._waiting_bytes = 0
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self.last_error = ""

    def start(self) -> None:
        """Make the folders, remove half clips of an earlier run and start the encoder."""
        self.clips_dir.mkdir(parents=True, exist_ok=True)
        self.temp_dir.mkdir(parents=True, exist_ok=True)
        for part in self.temp_dir.glob("*.part"):
            part.unlink(missing_ok=True)
        self._thread = threading.Thread(target=self._run, name="clip-encoder", daemon=True)
        self._thread.start()

    def stop(self, timeout: float = 30.0) -> None:
        """Encode what waits, for at most `timeout` seconds, then end."""
        if self._thread is None:
            return
        self._jobs.put(None)
        self._thread.join(timeout)
        self._stopping.set()
        self._thread.join(5)
        self._thread = None

    def submit(self, job: ClipJob, done: Callable[[Clip], None]) -> None:
        """Queue a clip. `done` is called from the encoder's thread with what became of it, or at once when there is no room."""
        size = job.nbytes
        with self._lock:
            full = self._waiting_bytes + size > self._max_waiting_bytes
            if not full:
                self._waiting_bytes += size
        if full:
            waiting = self._waiting_bytes >> 20
            done(Clip("failed", reason=f"the encoder is behind ({waiting} MB wait); raise CLIP_QUEUE_MB or free a core", start=job.start))
            return
        self._jobs.put((job, done))

    def waiting(self) -> int:
        """How many clips wait."""
        return self._jobs.qsize()

    def make(self, job: ClipJob) -> Clip:
        """Make a clip now, in the caller's thread. Never raises: a clip that can't be made has state `failed` and the reason."""
        if not job.frames and not job.sounds:
            return Clip("failed", reason="no picture and no sound of this time was kept", start=job.start)
        part = self.temp_dir / f"{job.session_id}-{job.index}-{secrets.token_hex(4)}.part"
        try:
            start, duration = encode(job, part, self._crf)
            size, sha256 = part.stat().st_size, _sha256(part)
            final = self._publish(part, job)
        except (OSError, ValueError, av.error.FFmpegError) as error:
            part.unlink(missing_ok=True)
            return Clip("failed", reason=_reason(error, self.clips_dir), start=job.start)
        marks = [[kind, round(begin - start, 2), round(end - start, 2)] for kind, begin, end in job.marks]
        return Clip("ready", final.relative_to(self.clips_dir).as_posix(), sha256, round(duration, 3), size, "", start, marks)

    def _publish(self, part: Path, job: ClipJob) -> Path:
        """Give the finished file its final name, without ever replacing another."""
        folder = self.clips_dir / folder_name(job.user_id)
        folder.mkdir(parents=True, exist_ok=True)
        for number in range(1, 1000):
            final = folder / file_name(job, number)
            try:
                final.touch(exist_ok=False)  # reserves the name; the rename below replaces our own empty file
            except FileExistsError:
                continue
            try:
                part.replace(final)
            except OSError:
                final.unlink(missing_ok=True)
                raise
            return final
        raise ValueError(f"a thousand clips are named {file_name(job)} in {folder}")

    def _run(self) -> None:
        _lower_priority()
        while True:
            item = self._jobs.get()
            if item is None:
                return
            job, done = item
            try:
                clip = self._make_with_patience(job)
                done(clip)
            except Exception:
                log.exception("clip of interval %d was lost", job.index, extra={"session_id": job.session_id})
            finally:
                with self._lock:
                    self._waiting_bytes -= job.nbytes
                del item, job, done

    def _make_with_patience(self, job: ClipJob) -> Clip:
        clip = self.make(job)
        for wait in RETRY_AFTER_S:
            if clip.state == "ready" or not clip.reason.startswith("disk:") or self._stopping.is_set():
                break
            log.warning("clip of interval %d: %s; trying again in %g s", job.index, clip.reason, wait, extra={"session_id": job.session_id})
            self.last_error = clip.reason
            self._stopping.wait(wait)
            clip = self.make(job)
        self.last_error = clip.reason
        if clip.state != "ready":
            log.error("clip of interval %d can't be made: %s", job.index, clip.reason, extra={"session_id": job.session_id})
        return clip


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest() if sys.version_info >= (3, 11) else hashlib.sha256(file.read()).hexdigest()


def _reason(error: Exception, folder: Path) -> str:
    if isinstance(error, OSError):
        return f"disk: {error.strerror or error} ({folder}); free some space or mend the folder's rights"
    return f"encoder: {error}"


def _lower_priority() -> None:
    """Clips may wait; pictures may not. Linux knows priorities of single threads."""
    if sys.platform == "linux":
        with contextlib.suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), 10)
