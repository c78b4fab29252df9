"""The spool: records that wait on disk, first in first out, safe from the moment `append` returns.

Files `<number>.spool` of about 16 MB hold them: a magic word, then for each record its length and CRC-32 (two little endian u32) and its
bytes. A file is deleted when its last record was dropped. `position` says how far the oldest file was read; it is a hint that saves
repeating, not a promise: after a power cut records may come again, in order, never be lost. SQLite would cost more an append: bench/NOTES.md.
"""

from __future__ import annotations

import contextlib
import logging
import os
import struct
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path

from basics.errors import StorageError
from basics.own_files import sync_folder
from basics.texts import _

log = logging.getLogger(__name__)

MAGIC = b"PRSPOOL1"
SEGMENT_BYTES = 16 << 20
RECORD_MAX_BYTES = 17 << 20  # a document of MongoDB's 16 MB and its address
_HEAD = struct.Struct("<II")  # length, CRC-32
_POSITION = struct.Struct("<QQI")  # file number, offset, CRC-32 of both


class Spool:
    """One folder of records. Used by one thread; `len` and `size_bytes` may be read by any."""

    def __init__(self, folder: Path, max_bytes: int, segment_bytes: int = SEGMENT_BYTES) -> None:
        """Open the folder with what an earlier run left. Raise `StorageError` where it can't be read or made."""
        self._folder = folder
        self._max_bytes = max_bytes
        self._segment_bytes = segment_bytes
        self._sizes: dict[int, int] = {}  # bytes of each file by number, oldest first
        self._left: dict[int, int] = {}  # records that wait in each of them
        self._read = (0, len(MAGIC))  # number of the oldest file, offset of its first record that waits
        self._peeked: list[tuple[int, int]] = []  # where each record of the last `peek` ends
        self._writer: int | None = None  # descriptor of the newest file
        self._position: int | None = None
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._recover()
            self._keep_position()  # the file is there before the disk is full
        except OSError as error:
            raise StorageError(
                _(
                    "The spool %(folder)s can't be used (%(error)s). Free the disk, or give this user the right to it.",
                    folder=folder,
                    error=error.strerror,
                )
            ) from error

    def __len__(self) -> int:
        """Records that wait."""
        return sum(list(self._left.values()))

    @property
    def size_bytes(self) -> int:
        """Bytes on disk."""
        return sum(list(self._sizes.values()))

    @property
    def damaged(self) -> list[str]:
        """Names of the files that hold what could not be read, until somebody has moved them away."""
        return sorted(path.name for path in self._folder.glob("*.damaged"))

    def append(self, records: Sequence[bytes]) -> None:
        """Store all records, or none. They are on the disk (fsync) when this returns.

        Raise `StorageError` when the spool has its greatest size, or the disk takes no more.
        """
        data = b"".join(_HEAD.pack(len(record), zlib.crc32(record)) + record for record in records)
        if self.size_bytes + len(data) > self._max_bytes:
            raise StorageError(
                _(
                    "The spool %(folder)s is full (%(size)s MB). Bring the database back, or raise SPOOL_MAX_MB.",
                    folder=self._folder,
                    size=self._max_bytes >> 20,
                )
            )
        try:
            number = self._open_writer()
            self._write(number, data)
        except OSError as error:
            raise StorageError(
                _("The spool %(folder)s takes no more (%(error)s). Free the disk.", folder=self._folder, error=error.strerror)
            ) from error
        self._left[number] += len(records)

    def peek(self, max_records: int, max_bytes: int = 8 << 20) -> list[bytes]:
        """The oldest records that wait, at least one if there are any; they stay until `drop`. Raise `StorageError` where the disk fails."""
        records: list[bytes] = []
        self._peeked = []
        size = 0
        try:
            for number in [one for one in self._sizes if one >= self._read[0]]:
                start = self._read[1] if number == self._read[0] else len(MAGIC)
                end, before = start, len(records)
                for end, record in _records(self._path(number), start, self._sizes[number]):
                    if len(records) == max_records or (records and size + len(record) > max_bytes):
                        return records
                    records.append(record)
                    self._peeked.append((number, end))
                    size += len(record)
                if end < self._sizes[number]:
                    if len(records) > before:
                        return records  # what can be read of it goes first
                    self._set_aside(number)
        except OSError as error:
            raise StorageError(_("The spool %(folder)s can't be read (%(error)s).", folder=self._folder, error=error.strerror)) from error
        return records

    def drop(self, count: int) -> None:
        """Forget the first `count` records of the last `peek`. Raise `StorageError` where no file can be removed: it goes with the next."""
        if not count:
            return
        for number, _end in self._peeked[:count]:
            self._left[number] -= 1
        number, end = self._read = self._peeked[count - 1]
        del self._peeked[:count]
        self._keep_position()
        try:
            for old in [n for n in self._sizes if n < number or (n == number and end >= self._sizes[n])]:
                self._remove(old)
        except OSError as error:
            raise StorageError(_("The spool %(folder)s can't be emptied (%(error)s).", folder=self._folder, error=error.strerror)) from error

    def close(self) -> None:
        """Close the files; what waits, stays."""
        for descriptor in (self._writer, self._position):
            if descriptor is not None:
                os.close(descriptor)
        self._writer = self._position = None

    # Files

    def _path(self, number: int) -> Path:
        return self._folder / f"{number:012d}.spool"

    def _open_writer(self) -> int:
        """The newest file's number, its descriptor in `_writer`; a new one when there is none or it is long enough."""
        if self._writer is not None:
            newest = max(self._sizes)
            if self._sizes[newest] < self._segment_bytes:
                return newest
            os.close(self._writer)
            self._writer = None
        number = max(self._sizes, default=self._read[0]) + 1
        descriptor = os.open(self._path(number), os.O_RDWR | os.O_CREAT | os.O_TRUNC | getattr(os, "O_BINARY", 0), 0o600)
        try:
            _write_all(descriptor, MAGIC)
            os.fsync(descriptor)
            sync_folder(self._folder)
        except OSError:
            os.close(descriptor)
            with contextlib.suppress(OSError):
                self._path(number).unlink()
            raise
        self._writer = descriptor
        self._sizes[number], self._left[number] = len(MAGIC), 0
        return number

    def _write(self, number: int, data: bytes) -> None:
        descriptor, size = self._writer, self._sizes[number]
        assert descriptor is not None
        try:
            _write_all(descriptor, data)
            os.fsync(descriptor)
        except OSError:
            # Half a batch must not stand before the whole one that comes later. After a failed fsync nothing is sure about
            # this file's end, so the next batch gets a new file.
            with contextlib.suppress(OSError):
                os.ftruncate(descriptor, size)
            os.close(descriptor)
            self._writer = None
            if size == len(MAGIC):  # a full disk is not filled with empty files
                with contextlib.suppress(OSError):
                    self._remove(number)
            raise
        self._sizes[number] = size + len(data)

    def _remove(self, number: int) -> None:
        if self._writer is not None and number == max(self._sizes):
            os.close(self._writer)
            self._writer = None
        self._path(number).unlink(missing_ok=True)
        del self._sizes[number], self._left[number]
        self._sync_folder()

    def _keep_position(self) -> None:
        """Note how far was read. A hint: without it records come again after a restart."""
        number, offset = self._read
        try:
            if self._position is None:
                self._position = os.open(self._folder / "position", os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0), 0o600)
            os.lseek(self._position, 0, os.SEEK_SET)
            _write_all(self._position, _POSITION.pack(number, offset, zlib.crc32(struct.pack("<QQ", number, offset))))
        except OSError as error:
            log.warning("how far the spool was read can't be noted: %s", error.strerror)

    def _sync_folder(self) -> None:
        """A file that came back after a power cut would come again, unless the position says that it was read."""
        try:
            sync_folder(self._folder)
        except OSError as error:
            log.warning("the spool's folder can't be synced: %s", error.strerror)

    # After a crash

    def _recover(self) -> None:
        position = self._load_position()
        self._read = (position[0], len(MAGIC))
        for path in sorted(self._folder.glob("*.spool")):
            if not path.stem.isdigit():
                continue
            number, size = int(path.stem), path.stat().st_size
            if number < position[0]:  # was read, and could not be removed
                path.unlink()
                continue
            start = position[1] if number == position[0] else len(MAGIC)
            end, count = (0 if size < len(MAGIC) else start), 0
            for end, _record in _records(path, start, size):  # noqa: B007 — the last end is wanted
                count += 1
            if end < size:
                self._cut(path, end)
            if not count:
                path.unlink()
                continue
            if not self._sizes:
                self._read = (number, start)
            self._sizes[number], self._left[number] = end, count
        self._sync_folder()
        # New records always start a new file: the newest may end where a crash cut it.

    def _load_position(self) -> tuple[int, int]:
        try:
            number, offset, checksum = _POSITION.unpack((self._folder / "position").read_bytes())
        except (FileNotFoundError, struct.error):
            return (0, len(MAGIC))
        return (number, offset) if checksum == zlib.crc32(struct.pack("<QQ", number, offset)) else (0, len(MAGIC))

    def _cut(self, path: Path, end: int) -> None:
        """Cut a torn tail, and keep it aside: a crash's was never acknowledged, a failing disk's was."""
        with path.open("r+b") as file:
            file.seek(end)
            tail = file.read()
            with contextlib.suppress(OSError):
                path.with_suffix(f".{end}.damaged").write_bytes(tail)
            file.truncate(end)
            os.fsync(file.fileno())
        log.warning("cut %d bytes of a torn record from %s (kept beside it as .damaged)", len(tail), path)

    def _set_aside(self, number: int) -> None:
        """From here on a file that was whole at the start can't be read: rename it to `.damaged`, so that the rest goes on."""
        path = self._path(number)
        log.error("the disk damaged %s; what could not be read of it is in %s.damaged", path, path.stem)
        with contextlib.suppress(FileNotFoundError):
            path.replace(path.with_suffix(".damaged"))
        self._remove(number)


def _records(path: Path, start: int, stop: int) -> Iterator[tuple[int, bytes]]:
    """Each whole record between bytes `start` and `stop`, with the offset of its end; stops at the first that is torn or damaged."""
    with contextlib.suppress(FileNotFoundError), path.open("rb") as file:
        if start < len(MAGIC) or file.read(len(MAGIC)) != MAGIC:
            return
        file.seek(start)
        while len(head := file.read(_HEAD.size)) == _HEAD.size:
            length, checksum = _HEAD.unpack(head)
            if length > RECORD_MAX_BYTES or start + _HEAD.size + length > stop:
                return
            record = file.read(length)
            if len(record) < length or zlib.crc32(record) != checksum:
                return
            start += _HEAD.size + length
            yield start, record


def _write_all(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]
