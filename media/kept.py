"""What a flagged interval's clip will be made of, on disk from the flag on: a server that dies, or that has no time left, makes it at its next start.

One file an interval in the temporary folder, written as its pictures and sound come, by one thread of its own: nobody else waits for the disk.
What was never flagged never gets here. Whoever ends the process with a kill -9 takes with it what that thread had not written yet, well under
a second; a power cut takes what the system had not (`SYNC_S`).
"""

from __future__ import annotations

import contextlib
import errno
import logging
import os
import re
import shutil
import struct
import threading
import time
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

import numpy as np

from basics.readings import Codec, Frame, Sound
from media.clip_reasons import UNKEPT

log = logging.getLogger(__name__)

SUFFIX = ".kept"
SYNC_S = 5.0
ROOM_S = 1.0  # between two looks at how much room the disk has
WAITING_MAX = 64 << 20  # bytes that wait for the disk; an interval for which there is no more room stays in memory only
ITEM = struct.Struct("<BBBdII")  # kind or codec, key, layer, time, sequence, length
CODECS: tuple[Codec, ...] = ("jpeg", "h264")
SOUND = 255
ITEM_MAX = 64 << 20
KEY = re.compile(r"[0-9a-f]{32}-[0-9]{1,9}")


@dataclass(slots=True)
class _Kept:
    """One interval's file as the writer knows it."""

    file: BinaryIO | None = None
    synced_at: float = 0.0
    of_before: bool = False  # an earlier run began it
    whole: bool = True  # nothing that was to be written is missing
    sealed: threading.Event = field(default_factory=threading.Event)


class KeptMedia:
    """The files of all flagged intervals whose clip isn't made. `key` is always the interval's id. Safe between threads; only `read` waits."""

    def __init__(self, folder: Path, min_free: int = 0) -> None:
        """`min_free`: bytes that stay free on the folder's disk, which the database and the logs may share."""
        self.folder = folder
        self._min_free = min_free
        self._room = 0
        self._looked_at = -ROOM_S
        self.last_error = ""
        self._known: dict[str, _Kept] = {}
        self._work: deque[tuple[str, bytes | None]] = deque()  # None: seal
        self._waiting = 0
        self._wake = threading.Condition()
        self._busy = False
        self._stopping = False
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Find what an earlier run left, and begin to write."""
        for path in self.folder.glob(f"*{SUFFIX}"):
            if KEY.fullmatch(path.stem):
                with contextlib.suppress(OSError):
                    _cut_off_torn(path)
                self._known.setdefault(path.stem, _Kept(of_before=True))
        self._thread = threading.Thread(target=self._run, name="clip-keeper", daemon=True)
        self._thread.start()

    def stop(self, timeout: float = 5.0) -> None:
        """Write what waits, for at most `timeout` seconds, and close every file."""
        if self._thread is None:
            return
        with self._wake:
            self._stopping = True
            self._wake.notify_all()
        self._thread.join(timeout)
        self._thread = None

    def intervals(self) -> list[str]:
        """The intervals of which something is kept."""
        with self._wake:
            return list(self._known)

    def has(self, key: str) -> bool:
        """Is something kept of this interval?"""
        return key in self._known

    def path(self, key: str) -> Path:
        """Where it is kept."""
        return self.folder / f"{key}{SUFFIX}"

    def is_whole(self, key: str) -> bool:
        """Is all kept that was handed in for it?"""
        kept = self._known.get(key)
        return kept is not None and kept.whole

    def is_of_before(self, key: str) -> bool:
        """Did an earlier run of the server begin to keep it?"""
        kept = self._known.get(key)
        return kept is not None and kept.of_before

    def add(self, key: str, items: Iterable[Frame | Sound]) -> None:
        """Keep pictures and sound for an interval, after what is kept of it already."""
        packed = [pack(item) for item in items]
        with self._wake:
            kept = self._known.setdefault(key, _Kept())
            size = sum(len(one) for one in packed)
            if self._waiting + size > WAITING_MAX or self._thread is None:
                kept.whole = False
            if not kept.whole:
                return
            kept.sealed.clear()
            self._waiting += size
            self._work.extend((key, one) for one in packed)
            self._wake.notify()

    def seal(self, key: str) -> None:
        """Nothing more comes for this interval."""
        with self._wake:
            if key in self._known:
                self._work.append((key, None))
                self._wake.notify()

    def read(self, key: str, timeout: float = 10.0) -> tuple[list[Frame], list[Sound]]:
        """What is kept, each once and in the order of its time: as much of it as is whole. Raise `OSError`."""
        kept = self._known.get(key)
        if kept is not None and self._thread is not None:
            self.seal(key)
            kept.sealed.wait(timeout)
        path = self.path(key)
        items = list(unpack(path.read_bytes())) if path.exists() else []  # nothing came
        # What came while the first of it was handed in may be there twice.
        frames = {(item.at, item.sequence): item for item in items if isinstance(item, Frame)}
        sounds = {item.at: item for item in items if isinstance(item, Sound)}
        return sorted(frames.values(), key=lambda frame: frame.at), sorted(sounds.values(), key=lambda sound: sound.at)

    def keep_now(self, key: str, items: Iterable[Frame | Sound]) -> None:
        """Write an interval's file anew in the caller's thread: what could not be written before. Raise `OSError`."""
        path = self.path(key)
        partial = path.with_suffix(".part")
        with partial.open("wb") as file:
            for item in items:
                file.write(pack(item))
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)

    def drop(self, key: str) -> None:
        """Forget an interval and delete its file: its clip is made, or never will be."""
        with self._wake:
            kept = self._known.pop(key, None)
            self._work = deque(item for item in self._work if item[0] != key)
            self._waiting = sum(len(data) for _, data in self._work if data)
        if kept is not None and kept.file is not None:
            with contextlib.suppress(OSError):
                kept.file.close()
        with contextlib.suppress(OSError):
            self.path(key).unlink(missing_ok=True)

    # The writer

    def _run(self) -> None:
        while True:
            with self._wake:
                while not self._work and not self._stopping:
                    self._wake.wait()
                if not self._work:
                    break
                key, data = self._work.popleft()
                self._waiting -= len(data or b"")
                kept = self._known.get(key)
            if kept is not None:
                self._write(key, kept, data)
        for kept in list(self._known.values()):
            self._close(kept)

    def _write(self, key: str, kept: _Kept, data: bytes | None) -> None:
        if data is None:
            self._close(kept)
            kept.sealed.set()
            return
        try:
            self._check_room(len(data))
            if kept.file is None:
                kept.file = self.path(key).open("ab", buffering=0)
                kept.synced_at = time.monotonic()
                if key not in self._known:  # dropped just now: nothing stays behind
                    self._close(kept)
                    self.path(key).unlink(missing_ok=True)
                    return
            _write_all(kept.file, data)
            if time.monotonic() - kept.synced_at > SYNC_S:
                os.fsync(kept.file.fileno())
                kept.synced_at = time.monotonic()
            self.last_error = ""
        except (OSError, ValueError) as error:  # ValueError: it was dropped just now, and its file is closed
            if key not in self._known:
                return
            kept.whole = False
            reason = UNKEPT % {"error": getattr(error, "strerror", None) or error, "folder": self.folder}
            if not self.last_error:
                log.error("what flagged intervals' clips will be made of is in memory only: %s", reason)  # noqa: TRY400 — the cause is in the message
            self.last_error = reason
            self._close(kept)

    def _check_room(self, size: int) -> None:
        now = time.monotonic()
        if self._min_free and now - self._looked_at >= ROOM_S:
            self._looked_at, self._room = now, shutil.disk_usage(self.folder).free
        self._room -= size
        if self._min_free and self._room < self._min_free:
            raise OSError(errno.ENOSPC, f"less than {self._min_free >> 20} MB are free (MIN_FREE_MB)")

    @staticmethod
    def _close(kept: _Kept) -> None:
        file, kept.file = kept.file, None
        if file is not None:
            with contextlib.suppress(OSError, ValueError):  # ValueError: `drop` closed it just now
                os.fsync(file.fileno())
            with contextlib.suppress(OSError):
                file.close()


def _write_all(file: BinaryIO, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[file.write(view) :]


def pack(item: Frame | Sound) -> bytes:
    """One item as it stands in a file."""
    if isinstance(item, Sound):
        data = item.samples.astype("<i2", copy=False).tobytes()
        return ITEM.pack(SOUND, 0, 0, item.at, 0, len(data)) + data
    return ITEM.pack(CODECS.index(item.codec), item.key, item.layer & 255, item.at, item.sequence & 0xFFFFFFFF, len(item.data)) + item.data


def unpack(data: bytes) -> Iterator[Frame | Sound]:
    """The items of a file; one that was broken off, or is damaged, ends it."""
    return (item for item, _ in _unpack(data))


def _unpack(data: bytes) -> Iterator[tuple[Frame | Sound, int]]:
    """The items of a file, each with where it ends in it."""
    position = 0
    while position + ITEM.size <= len(data):
        codec, key, layer, at, sequence, length = ITEM.unpack_from(data, position)
        position += ITEM.size
        payload = data[position : position + length]
        position += length
        if length > ITEM_MAX or len(payload) < length or not np.isfinite(at):
            return
        if codec == SOUND:
            yield Sound(at, np.frombuffer(payload[: length // 2 * 2], "<i2").astype(np.int16)), position
        elif codec < len(CODECS):
            yield Frame(at, payload, CODECS[codec], bool(key), layer, sequence), position
        else:
            return


def _cut_off_torn(path: Path) -> None:
    """Cut off an item that a process did not live to write whole: what is written behind it could not be read. Raise `OSError`."""
    data = path.read_bytes()
    whole = max((end for _, end in _unpack(data)), default=0)
    if whole < len(data):
        os.truncate(path, whole)
