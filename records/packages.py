"""Packages: what an exam left as one ZIP that can be checked anywhere. Each file's hash stands in `manifest.json`, which `manifest.sig` signs."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO

from basics.canonical import canonical
from basics.own_files import open_own
from records.package_key import PackageKey
from records.zip_frame import Entry, central_directory, end_of, local_header

FORMAT = "proctor-package/1"
MANIFEST = "manifest.json"
SIGNATURE = "manifest.sig"
ALGORITHM = "Ed25519"
PART_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class About:
    """What a package says of itself: its sessions and their exam, when and by whom it was made, and the end of the audit's chain then."""

    sessions: tuple[str, ...]
    exam_id: str | None
    made_at: datetime
    made_by: str
    chain_seq: int
    chain_hash: str


@dataclass(slots=True)
class PackageWriter:
    """Writes a package into `file`, which can seek; no file is held in memory whole. Call `add` for each, then `close`."""

    file: BinaryIO
    key: PackageKey
    check: Callable[[], None] = lambda: None  # called between parts; raises where it can't go on
    missing: list[dict[str, Any]] = field(default_factory=list)  # what is not in it: `path`, `why`, and `lacking` of what its records say is there
    _entries: list[Entry] = field(default_factory=list)
    _listed: list[dict[str, Any]] = field(default_factory=list)

    def add(self, path: str, content: bytes | Path | Iterable[bytes]) -> None:
        """Write one file. Raise `OSError` where it can't be read or written, `InvalidInput` from 4 GB on."""
        offset = self.file.tell()
        self.file.write(local_header(path, 0, 0))
        found, crc32, size = hashlib.sha256(), 0, 0
        for part in _parts(content):
            found.update(part)
            crc32 = zlib.crc32(part, crc32)
            size += len(part)
            self.file.write(part)
            self.check()
        end = self.file.tell()
        self.file.seek(offset)
        self.file.write(local_header(path, size, crc32))
        self.file.seek(end)
        self._entries.append(Entry(path, size, crc32, offset))
        self._listed.append({"path": path, "size": size, "crc32": crc32, "sha256": found.hexdigest()})

    def lack(self, path: str, why: str) -> None:
        """Say that a file could not go in that the records say is there: the package isn't whole."""
        self.missing.append({"path": path, "why": why[:200], "lacking": True})

    def close(self, about: About) -> None:
        """Write the manifest, its signature and the list of files."""
        manifest = canonical(
            {
                "format": FORMAT,
                "sessions": list(about.sessions),
                "exam_id": about.exam_id,
                "made_at": about.made_at,
                "made_by": about.made_by,
                "chain": {"seq": about.chain_seq, "hash": about.chain_hash},
                "files": list(self._listed),
                "missing": self.missing,
            }
        )
        signature = {
            "algorithm": ALGORITHM,
            "public_key": self.key.public_key,
            "fingerprint": self.key.fingerprint,
            "signature": self.key.sign(manifest),
        }
        self.add(MANIFEST, manifest)
        self.add(SIGNATURE, canonical(signature))
        at, directory = self.file.tell(), central_directory(self._entries)
        self.file.write(directory)
        self.file.write(end_of(len(self._entries), at, len(directory)))
        self.file.flush()


def _parts(content: bytes | Path | Iterable[bytes]) -> Iterator[bytes]:
    if isinstance(content, bytes):
        yield content
    elif isinstance(content, Path):
        with open_own(content) as file:
            while part := file.read(PART_BYTES):
                yield part
    else:
        yield from content
