"""Checks a package anywhere, without settings or a database: every byte of it, the signature, and that its records are those that were sealed."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from basics.canonical import canonical, digest, without
from basics.errors import InvalidInput
from basics.texts import _
from records.package_key import fingerprint_of, is_signed
from records.packages import ALGORITHM, FORMAT, MANIFEST, SIGNATURE
from records.seals import ORDERED, SEALED, SHORT, seal_hash, seal_of, stored_seal
from records.verification import Finding
from records.zip_frame import END_SIZE, Entry, central_directory, end_of, local_header, read_directory, read_end
from storage.audit_chain import body_of, hash_of

TAIL = 200  # bytes that hold all that closes a package
AT_ONCE = 1 << 20
ID = b'{"_id":"'
ID_MAX = 2000  # bytes
HASHING = 4  # files at a time
MANIFEST_MAX = 512 << 20  # bytes; a directory of so many as well


@dataclass(slots=True)
class Checked:
    """What a package says of itself, whose key signed it, and what is not as it was."""

    about: dict[str, Any] = field(default_factory=dict)
    fingerprint: str = ""
    signed: bool = False
    files: int = 0
    size: int = 0
    sealed: list[str] = field(default_factory=list)  # sessions whose records are those that were sealed
    findings: list[Finding] = field(default_factory=list)

    def found(self, kind: str, which: str, wrong: str) -> None:
        """Note one thing that is not as it was."""
        self.findings.append(Finding(kind, which, wrong))


def check_package(path: Path, key: str = "") -> Checked:
    """Check the package at `path`. `key`: the public key, or its fingerprint, that must have signed it.

    Raise `InvalidInput` where the file can't be read or is no package at all.
    """
    try:
        with path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            return _Check(file.fileno(), size, key.strip().lower()).run()
    except OSError as error:
        raise InvalidInput(_("%(path)s can't be read: %(error)s.", path=path, error=error.strerror or error)) from None


class _Check:
    def __init__(self, handle: int, size: int, key: str) -> None:
        self._handle, self._size, self._key = handle, size, key
        self._checked = Checked(size=size)

    def run(self) -> Checked:
        checked = self._checked
        entries, closing_at = self._directory()
        by_path = {entry.path: entry for entry in entries}
        if not {MANIFEST, SIGNATURE} <= set(by_path):
            checked.found("package", MANIFEST, "gone: without it and its signature nothing can be told")
            return checked
        manifest = self._read(by_path[MANIFEST])
        listed = self._manifest(manifest)
        self._signature(manifest, self._read(by_path[SIGNATURE]))
        self._frame(entries, closing_at, listed)
        for path in by_path.keys() - listed.keys() - {MANIFEST, SIGNATURE}:
            checked.found("file", path, "was added afterwards")
        for path in listed.keys() - by_path.keys():
            checked.found("file", path, "gone")
        here = [(by_path[path], row) for path, row in listed.items() if path in by_path]
        with ThreadPoolExecutor(HASHING) as pool:
            for entry, row, right in pool.map(self._right, here):
                checked.files += 1
                if not right or entry.size != row.get("size"):
                    checked.found("file", entry.path, "was changed")
        if not checked.findings:
            for session_id in checked.about.get("sessions") or []:
                self._sealed(str(session_id), by_path, listed)
        return checked

    def _directory(self) -> tuple[list[Entry], int]:
        tail = os.pread(self._handle, TAIL, max(0, self._size - TAIL))
        found = tail.rfind(b"PK\x05\x06")
        if found < 0 or len(tail) - found < END_SIZE:
            raise InvalidInput(_("This is no package: it does not end as one does. Was it cut off on its way?"))
        behind = len(tail) - found - END_SIZE
        try:
            count, at, size, closing = read_end(tail[: found + END_SIZE])
            whole = at + size + closing + behind == self._size and size <= MANIFEST_MAX
            entries = read_directory(os.pread(self._handle, size, at), count) if whole else None
        except ValueError as error:
            raise InvalidInput(_("This is no whole package: %(error)s.", error=error)) from None
        if entries is None:
            raise InvalidInput(_("This is no whole package: bytes are missing from it, or were added."))
        if behind:
            self._checked.found("package", "its end", f"{behind} bytes were added")
        names = [entry.path for entry in entries]
        for path in {path for path in names if names.count(path) > 1} if len(set(names)) < len(names) else ():
            self._checked.found("file", path, "stands in it twice")
        return entries, self._size - behind

    def _frame(self, entries: list[Entry], closing_at: int, listed: dict[str, dict[str, Any]]) -> None:
        """Is every byte outside the files what it must be?"""
        at, whole = 0, []
        for entry in entries:
            row = listed.get(entry.path)
            crc32 = int(row["crc32"]) if row else entry.crc32
            size = int(row["size"]) if row else entry.size
            header = local_header(entry.path, size, crc32)
            if entry.offset != at:
                self._checked.found("package", entry.path, "bytes were added before it, or taken out")
            if os.pread(self._handle, len(header), entry.offset) != header or (entry.crc32, entry.size) != (crc32, size):
                self._checked.found("file", entry.path, "was changed: what stands before it is not as it was")
            at = entry.offset + len(header) + entry.size
            whole.append(Entry(entry.path, size, crc32, entry.offset))
        directory = central_directory(whole)
        end = directory + end_of(len(whole), at, len(directory))
        if os.pread(self._handle, max(0, closing_at - at), at) != end:
            self._checked.found("package", "its list of files", "was changed")

    def _manifest(self, data: bytes) -> dict[str, dict[str, Any]]:
        try:
            about = json.loads(data)
            listed = {str(row["path"]): row for row in about["files"]}
            numbers = [row[name] for row in listed.values() for name in ("size", "crc32")]
            sound = about["format"] == FORMAT and canonical(about) == data and all(isinstance(one, int) and 0 <= one < 1 << 32 for one in numbers)
        except (ValueError, KeyError, TypeError, RecursionError):
            sound, about, listed = False, {}, {}
        if not sound:
            self._checked.found("file", MANIFEST, "was changed: it can't be read")
            return {}
        self._checked.about = about
        return listed

    def _signature(self, manifest: bytes, data: bytes) -> None:
        checked = self._checked
        try:
            given = json.loads(data)
            public_key, signature = str(given["public_key"]), str(given["signature"])
            sound = canonical(given) == data and given["algorithm"] == ALGORITHM and given["fingerprint"] == fingerprint_of(public_key)
        except (ValueError, KeyError, TypeError, RecursionError):
            checked.found("file", SIGNATURE, "was changed: it can't be read")
            return
        checked.fingerprint = fingerprint_of(public_key)
        checked.signed = sound and is_signed(manifest, signature, public_key)
        if not checked.signed:
            checked.found("file", f"{MANIFEST} or {SIGNATURE}", "was changed: the one does not sign the other")
        if self._key and self._key.removeprefix("sha256:") not in (public_key, checked.fingerprint):
            checked.found("package", "its key", f"is {checked.fingerprint}, another one than the one given")

    def _read(self, entry: Entry) -> bytes:
        if entry.size > MANIFEST_MAX:
            raise InvalidInput(_("This is no whole package: %(error)s.", error=f"{entry.path} is too large"))
        return b"".join(self._content(entry))

    def _content(self, entry: Entry) -> Iterator[bytes]:
        at = entry.offset + len(local_header(entry.path, 0, 0))
        left = entry.size
        while left and (part := os.pread(self._handle, min(AT_ONCE, left), at)):
            yield part
            at, left = at + len(part), left - len(part)

    def _right(self, file: tuple[Entry, dict[str, Any]]) -> tuple[Entry, dict[str, Any], bool]:
        entry, row = file
        found = hashlib.sha256()
        for part in self._content(entry):
            found.update(part)
        return entry, row, found.hexdigest() == row.get("sha256")

    def _sealed(self, session_id: str, by_path: dict[str, Entry], listed: dict[str, dict[str, Any]]) -> None:
        """Compare the records with their seal, and the seal with the audit's entry of it."""
        try:
            self._compare(session_id, by_path, listed)
        except (ValueError, KeyError, TypeError, AttributeError, StopIteration, RecursionError):
            self._checked.found("records", session_id, "can't be read, although their maker signed them")

    def _compare(self, session_id: str, by_path: dict[str, Entry], listed: dict[str, dict[str, Any]]) -> None:
        folder = f"{session_id}/" if f"{session_id}/session.json" in by_path else ""
        if f"{folder}seal.json" not in by_path:
            return
        found = len(self._checked.findings)
        session = next(self._records(by_path[f"{folder}session.json"]))
        seal = stored_seal(next(self._records(by_path[f"{folder}seal.json"])))
        now = seal_of(session, {"checks": (), "acts": (), "intervals": self._records(by_path[f"{folder}intervals.jsonl"])})
        for kind in ("checks", "acts"):  # many and long: a line is its record's own canonical form
            now[kind] = dict(_told(line) for line in _lines(self._content(by_path[f"{folder}{kind}.jsonl"])))
        for kind in ("session", *ORDERED):
            if now[kind] != seal[kind]:
                self._checked.found(kind, session_id, "is not what was sealed when the session had ended")
        for video_id, sha256 in seal["clips"].items():
            row = listed.get(f"{folder}clips/{video_id}.mp4")
            if row and row.get("sha256") != sha256:
                self._checked.found("clip", video_id, "is not what was sealed when the session had ended")
        noted = self._noted(by_path[f"{folder}audit.jsonl"])
        if noted != seal_hash(seal):
            self._checked.found("seal", session_id, "is not the one of which the audit has the hash")
        if len(self._checked.findings) == found:
            self._checked.sealed.append(session_id)

    def _noted(self, audit: Entry) -> str:
        """Check the audit's entries; give the hash of the newest seal that they name."""
        noted = ""
        for entry in self._records(audit):
            if "seq" not in entry:
                continue
            if hash_of({name: entry.get(name) for name in ("seq", "prev", "body")}) != entry.get("hash"):
                self._checked.found("audit", str(entry["seq"]), "its hash is wrong")
            elif not entry.get("erased") and body_of(entry) != entry.get("body"):
                self._checked.found("audit", str(entry["seq"]), "its words were altered")
            elif entry.get("what") == SEALED:
                noted = str(entry.get("sha256"))
        return noted

    def _records(self, entry: Entry) -> Iterator[dict[str, Any]]:
        yield from (json.loads(line) for line in _lines(self._content(entry)))


def _told(line: bytes) -> tuple[str, str]:
    """A record's id and its short hash, as a seal has them."""
    if not line.startswith(ID) or b'"review":' in line or b'"clip":' in line:
        record = json.loads(line)
        return str(record["_id"]), digest(without(record, "review", "clip"))[:SHORT]
    name, _end = json.JSONDecoder().raw_decode(line[len(ID) - 1 : len(ID) + ID_MAX].decode("utf-8", "replace"))
    return str(name), hashlib.sha256(line).hexdigest()[:SHORT]


def _lines(parts: Iterable[bytes]) -> Iterator[bytes]:
    rest = b""
    for part in parts:
        *whole, rest = (rest + part).split(b"\n")
        yield from whole
    if rest:
        yield rest
