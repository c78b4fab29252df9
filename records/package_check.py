"""Checks a package anywhere, without settings or a database: every byte of it, the signature, and that its records are those that were sealed."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from basics.canonical import canonical, digest, without
from basics.errors import InvalidInput
from basics.texts import _
from records.package_key import fingerprint_of, is_signed
from records.packages import ALGORITHM, FORMAT, MANIFEST, SIGNATURE
from records.seals import ORDERED, SEALED, SHORT, is_other_session, seal_hash, seal_of, stored_seal
from records.verified import Finding
from records.zip_frame import END_SIZE, Entry, central_directory, end_of, local_header, read_directory, read_end
from storage.audit_chain import body_of, hash_of

TAIL = 200  # bytes that hold all that closes a package
AT_ONCE = 1 << 20
ID = b'{"_id":"'
ID_MAX = 2000  # bytes
HASHING = 4  # files at a time
MANIFEST_MAX = 512 << 20  # bytes; a directory of so many as well
LINE_MAX = 64 << 20  # bytes of a record; MongoDB's own limit is a quarter of it
TOLD = ("checks", "acts")  # kinds of records of which a line is the record's own canonical form
UNREADABLE = (ValueError, KeyError, TypeError, AttributeError, StopIteration, RecursionError)

Listed = tuple[Entry, dict[str, Any]]  # a file that is there, and what the manifest says of it


@dataclass(slots=True)
class Checked:
    """What a package says of itself, whose key signed it, and what is not as it was."""

    about: dict[str, Any] = field(default_factory=dict)
    fingerprint: str = ""
    signed: bool = False
    files: int = 0
    size: int = 0
    sealed: list[str] = field(default_factory=list)  # sessions whose records are those that were sealed
    lacking: list[str] = field(default_factory=list)  # files that its maker could not put in, though the records say that they are there
    findings: list[Finding] = field(default_factory=list)

    @property
    def whole(self) -> bool:
        """Is all in it that its records say is there, and nothing changed?"""
        return not self.findings and not self.lacking

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
        here = {path: (by_path[path], row) for path, row in listed.items() if path in by_path}
        folders = self._folders_with_seals(here)
        # Long files whose records are sealed come last: what stands in the seal is known by then, and they are read and hashed in one go.
        late = {f"{folder}{kind}.jsonl" for folder in folders.values() for kind in TOLD} & here.keys()
        with ThreadPoolExecutor(HASHING) as pool:
            checked.findings += filter(None, pool.map(self._changed, [file for path, file in here.items() if path not in late]))
            if checked.findings:
                checked.findings += filter(None, pool.map(self._changed, [here[path] for path in sorted(late)]))
            else:
                for session_id, found in zip(folders, pool.map(lambda one: self._sealed(one, folders[one], here), folders), strict=True):
                    checked.findings += found
                    checked.sealed += [] if found else [session_id]
        checked.files += len(here)
        return checked

    def _folders_with_seals(self, here: Mapping[str, Listed]) -> dict[str, str]:
        """Of each session that is sealed where its files lie."""
        sessions = self._checked.about.get("sessions")
        named = [str(one) for one in sessions] if isinstance(sessions, list) else []
        folders = {one: f"{one}/" if f"{one}/session.json" in here else "" for one in named}
        return {one: folder for one, folder in folders.items() if f"{folder}seal.json" in here}

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
        missing = about.get("missing")
        for row in missing if isinstance(missing, list) else []:
            if isinstance(row, dict) and row.get("lacking") is True:
                self._checked.lacking.append(str(row.get("path")))
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

    def _changed(self, file: Listed) -> Finding | None:
        return None if self._told(file, None)[0] else Finding("file", file[0].path, "was changed")

    def _told(self, file: Listed, sealed: Mapping[str, str] | None) -> tuple[bool, bool]:
        """Is the file what the manifest lists, and are its records those that are `sealed`? It is read once; None: nothing is asked of them."""
        entry, row = file
        found = hashlib.sha256()
        parts = self._fed(entry, found)
        same = True
        if sealed is not None:
            left = dict(sealed)
            try:
                same = all(left.pop(name, None) == sha for name, sha in map(_told, _lines(parts))) and not left
            except UNREADABLE:
                same = False
        for _part in parts:  # what a record that isn't as it was has left unread
            pass
        return found.hexdigest() == row.get("sha256") and entry.size == row.get("size"), same

    def _fed(self, entry: Entry, to: Any) -> Iterator[bytes]:
        for part in self._content(entry):
            to.update(part)
            yield part

    def _sealed(self, session_id: str, folder: str, here: Mapping[str, Listed]) -> list[Finding]:
        """Compare the records with their seal, and the seal with the audit's entry of it."""
        found: list[Finding] = []
        try:
            seal: Mapping[str, Any] = stored_seal(next(self._records(here[f"{folder}seal.json"][0])))
        except UNREADABLE:
            seal = {}
        other = "is not what was sealed when the session had ended"
        for kind in TOLD:
            if (file := here.get(f"{folder}{kind}.jsonl")) is None:
                found.append(Finding(kind, session_id, other))
                continue
            right, same = self._told(file, seal.get(kind, {}))
            if not right:
                found.append(Finding("file", file[0].path, "was changed"))
            elif not same and seal:
                found.append(Finding(kind, session_id, other))
        try:
            return found + self._compared(session_id, folder, seal, here)
        except UNREADABLE:
            return [*found, Finding("records", session_id, "can't be read, although their maker signed them")]

    def _compared(self, session_id: str, folder: str, seal: Mapping[str, Any], here: Mapping[str, Listed]) -> list[Finding]:
        found: list[Finding] = []
        other = "is not what was sealed when the session had ended"
        session = next(self._records(here[f"{folder}session.json"][0]))
        now = seal_of(session, {**dict.fromkeys(TOLD, ()), "intervals": self._records(here[f"{folder}intervals.jsonl"][0])})
        found += [Finding("session", session_id, other)] if is_other_session(seal, now) else []
        found += [Finding(kind, session_id, other) for kind in ORDERED if kind not in TOLD and now[kind] != seal[kind]]
        for video_id, sha256 in seal["clips"].items():
            clip = here.get(f"{folder}clips/{video_id}.mp4")
            if clip and clip[1].get("sha256") != sha256:
                found.append(Finding("clip", video_id, other))
        noted = self._noted(here[f"{folder}audit.jsonl"][0], found)
        if noted != seal_hash(seal):
            found.append(Finding("seal", session_id, "is not the one of which the audit has the hash"))
        return found

    def _noted(self, audit: Entry, found: list[Finding]) -> str:
        """Check the audit's entries, and tell in `found`; give the hash of the newest seal that they name."""
        noted = ""
        for entry in self._records(audit):
            if "seq" not in entry:
                continue
            if hash_of({name: entry.get(name) for name in ("seq", "prev", "body")}) != entry.get("hash"):
                found.append(Finding("audit", str(entry["seq"]), "its hash is wrong"))
            elif not entry.get("erased") and body_of(entry) != entry.get("body"):
                found.append(Finding("audit", str(entry["seq"]), "its words were altered"))
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
    """The lines of a file. Raise `ValueError` where one is longer than any record."""
    rest = b""
    for part in parts:
        *whole, rest = (rest + part).split(b"\n")
        yield from whole
        if len(rest) > LINE_MAX:
            raise ValueError(f"a line of more than {LINE_MAX} bytes")
    if rest:
        yield rest
