"""What every store does, and a file of a record wherever it lies: on this disk or on a store.

Names on a store (keys) tell the exam by a hash, the session, the number of the interval: no person's name.
"""

from __future__ import annotations

import hashlib
import io
import re
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Protocol, cast

from basics.errors import StorageError
from basics.own_files import open_own
from basics.texts import _

PIECE = 64 << 10  # bytes that are passed on at once
BLOCK = 1 << 20  # bytes that are asked of a store at once: who watches a part of a clip has no more sent
KEY = re.compile(r"([0-9a-f]{32}|no-exam)/[0-9a-f]{32}/[0-9a-z][0-9a-z.-]{0,80}")


class StoreError(StorageError):
    """The store can't do it now; the message says why and what to do. What is on this disk stays there."""


class Changed(StorageError):
    """What the store has under a key is not what it was when it was looked at."""


@dataclass(frozen=True, slots=True)
class Held:
    """What a store has under a key. `version` is another one as soon as its bytes are."""

    size: int
    version: str


class ClipStore(Protocol):
    """A store. Safe between threads. Every method raises `StoreError` where the store is away or refuses."""

    name: str

    def prepare(self, *, empty: bool) -> None:
        """Look whether it can be used. `empty`: no record says that anything lies there, so that an empty one is right."""

    def put(self, path: Path, key: str, sha256: str) -> None:
        """Store a file, whole or not at all; what was there under `key` is replaced."""

    def stat(self, key: str) -> Held | None:
        """What is there; None: nothing."""

    def read(self, key: str, start: int, end: int, version: str = "") -> Iterator[bytes]:
        """Bytes `start` to `end`, which is not among them, in pieces of 64 KB. Raise `Changed` where it is of another version, or gone."""

    def delete(self, key: str) -> None:
        """Delete it; harmless where there is nothing."""

    def room(self) -> int | None:
        """Bytes that are free there; None where nobody can tell."""

    def listed(self) -> Iterator[str]:
        """The keys of all that is there."""

    def address(self, key: str, seconds: int) -> str:
        """An address at which anybody gets it for so long, as video/mp4; empty where the store has none."""


def checked(key: str) -> str:
    """The key. Raise `StoreError` for what is none, whatever a record says: nothing else on a store is ours to read or delete."""
    if not KEY.fullmatch(key):
        raise StoreError(_("%(key)s is no name on the store: the record was damaged.", key=repr(key[:120])))
    return key


class LocalFile:
    """A file on this disk."""

    def __init__(self, path: Path) -> None:
        status = path.stat()
        self.path = path
        self.name = str(path)
        self.size = status.st_size
        self.version = f"{max(status.st_mtime_ns, status.st_ctime_ns)}-{status.st_size}"

    def pieces(self) -> Iterator[bytes]:
        """All of it."""
        with open_own(self.path) as file:
            while piece := file.read(BLOCK):
                yield piece

    def opened(self) -> BinaryIO:
        """It, to be read from any place."""
        return open_own(self.path)


class StoredFile:
    """A file on a store, as it was when it was looked at."""

    def __init__(self, store: ClipStore, key: str, held: Held) -> None:
        self.store = store
        self.key = key
        self.name = f"{store.name}:{key}"
        self.size = held.size
        self.version = held.version

    def pieces(self) -> Iterator[bytes]:
        """All of it. Raise `StoreError`, `Changed`."""
        return self.store.read(self.key, 0, self.size, self.version)

    def opened(self) -> BinaryIO:
        """It, to be read from any place; reading raises `StoreError`, `Changed`."""
        return cast(BinaryIO, _Reader(self))


KeptFile = LocalFile | StoredFile


def sum_of(file: KeptFile) -> str:
    """The SHA-256 of a file, in hexadecimal digits. Raise `OSError`, `StoreError`, `Changed`."""
    digest = hashlib.sha256()
    for piece in file.pieces():
        digest.update(piece)
    return digest.hexdigest()


class _Reader(io.RawIOBase):
    """Reads a stored file a block at a time, from wherever it is asked to."""

    def __init__(self, file: StoredFile) -> None:
        super().__init__()
        self._file = file
        self._at = 0
        self._from = 0
        self._block = b""

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._file.size}[whence]
        self._at = max(0, base + offset)
        return self._at

    def read(self, size: int | None = -1, /) -> bytes:
        left = max(0, self._file.size - self._at)
        wanted = left if size is None or size < 0 else min(size, left)
        parts: list[bytes] = []
        while wanted:
            if not self._from <= self._at < self._from + len(self._block):
                self._fetch(max(wanted, PIECE))
            part = self._block[self._at - self._from :][:wanted]
            parts.append(part)
            self._at += len(part)
            wanted -= len(part)
        return b"".join(parts)

    def _fetch(self, wanted: int) -> None:
        """Get a block that begins where is read. Of one that is read on, more at once."""
        more = BLOCK if self._block and self._at == self._from + len(self._block) else min(wanted, BLOCK)
        end = min(self._file.size, self._at + more)
        self._from = self._at
        with closing(cast("_Closable", self._file.store.read(self._file.key, self._at, end, self._file.version))) as pieces:
            self._block = b"".join(pieces)
        if len(self._block) != end - self._from:
            raise Changed(_("The store gave less than it says it has."))


class _Closable(Protocol):
    """An iterator of bytes that can be closed, as a generator can."""

    def __iter__(self) -> Iterator[bytes]: ...

    def close(self) -> None: ...
