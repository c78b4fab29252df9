"""A backup of all that a server keeps, taken while it runs, and put back where nothing is.

The database is read as it stood at one moment; then clips are linked (a clip's file never changes) or fetched from their store, keys, the spool and
what clips will be made of copied. Put back, all files lie on this machine, and are sent to the store anew where there is one. A backup that was
broken off lies under another name, and is gone on with by the next try.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from bson.codec_options import CodecOptions
from bson.raw_bson import RawBSONDocument
from pymongo.collection import Collection
from pymongo.database import Database
from pymongo.errors import OperationFailure, PyMongoError

from basics.canonical import canonical
from basics.errors import Conflict, InvalidInput, StorageError
from basics.folder_lock import FolderLock
from basics.own_files import sync_folder
from basics.texts import _, kept
from basics.times import utc_now
from media.stores.base import StoredFile
from records.edx_installations import COLLECTION as INSTALLATIONS
from records.files_elsewhere import forget_places
from records.hooks import COLLECTION as HOOKS
from records.hooks import RESTORED
from records.keep_times import part_of
from records.kept_files import COLLECTION, KeptFiles, files_of
from records.outbox import ACT
from records.outbox import COLLECTION as OUTBOX
from records.reader import Document, stored
from records.stores import PlainStore
from settings.settings import Settings

FORMAT = "proctor-backup/1"
MANIFEST = "manifest.json"
PART = ".part"
KEYS = ("secret_key", "signing_key")
WINDOW_S = 3600  # for so long MongoDB keeps the moment that is read
BATCH = 1000
AT_ONCE = 1 << 20
DOCUMENT_MAX = 32 << 20  # bytes


@dataclass(frozen=True, slots=True)
class Taken:
    """What a backup holds."""

    documents: int
    files: int
    size: int


def back_up(settings: Settings, to: Path) -> Taken:
    """Write a backup into the folder `to`, which must not be there yet. Raise `Conflict`, `StorageError`."""
    if to.exists():
        raise Conflict(_("%(path)s is there already: name a new folder for each backup.", path=to))
    part = to.with_name(to.name + PART)
    try:
        shutil.rmtree(part / "database", ignore_errors=True)
        (part / "database").mkdir(parents=True, mode=0o700)
        with stored(settings) as database:
            documents, listed = _read_all(database, part / "database")
            _fetch_stored(files_of(settings, PlainStore(database)), database, part)
        _copy_all(settings, part)
        listed += [_told(part, path) for folder, _place in _folders(settings) for path in _inside(part / folder)]
        manifest = {"format": FORMAT, "made_at": utc_now(), "documents": documents, "files": listed}
        (part / MANIFEST).write_bytes(canonical(manifest))
        sync_folder(part)
        part.rename(to)
        sync_folder(to.parent)
    except OSError as error:
        raise StorageError(_("The backup can't be written: %(error)s.", error=error)) from error
    return Taken(sum(documents.values()), len(listed), sum(int(row["size"]) for row in listed))


def restore(settings: Settings, source: Path) -> Taken:
    """Put a backup back. Raise `InvalidInput` where it isn't whole, `Conflict` where something is there or a server runs, `StorageError`."""
    manifest = check(source)
    lock = FolderLock(settings.data_dir / "spool", "spool.lock")
    _check_empty(settings)
    lock.acquire("stop it first")
    try:
        with stored(settings) as database:
            if any(database[name].find_one({}, {"_id": 1}) for name in database.list_collection_names()):
                raise Conflict(_("The database %(name)s is not empty: restore into a new one.", name=settings.db_name))
            for name, count in manifest["documents"].items():
                _insert_all(database, name, source / "database" / f"{name}.bson")
                if database[name].count_documents({}) != count:
                    raise StorageError(_("The collection %(name)s did not come back whole.", name=name))
            database[COLLECTION].delete_many({})  # all files lie here now,
            forget_places(database)  # whatever this server is called
            # And nobody is told by a copy, tried out beside the server that was backed up, what happens at it.
            database[HOOKS].update_many({"enabled": True}, {"$set": {"enabled": False, "disabled_why": kept(RESTORED)}})
            database[INSTALLATIONS].update_many({}, {"$set": {"enabled": False}})
            # What waited for a learning platform may have been sent since by the server that was backed up.
            given_up = {"state": "given_up", "last": {"at": utc_now(), "why": "unsure"}}
            database[OUTBOX].update_many({"type": ACT, "state": "waiting"}, {"$set": given_up, "$unset": {"in_hand_until": ""}})
        for folder, place in _folders(settings):
            for path in _inside(source / folder):
                to = place / path.relative_to(source / folder)
                to.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
                shutil.copy2(path, to)
    except OSError as error:
        raise StorageError(_("The backup can't be put back: %(error)s.", error=error)) from error
    finally:
        lock.release()
    return Taken(sum(manifest["documents"].values()), len(manifest["files"]), sum(int(row["size"]) for row in manifest["files"]))


def check(source: Path) -> dict[str, Any]:
    """The manifest of a backup every file of which is as it was. Raise `InvalidInput`, which names the first that isn't."""
    try:
        manifest = json.loads((source / MANIFEST).read_bytes())
        listed = {str(row["path"]): row for row in manifest["files"]}
        sound = manifest["format"] == FORMAT and all(isinstance(count, int) for count in manifest["documents"].values())
        sound = sound and all(not Path(path).is_absolute() and ".." not in Path(path).parts for path in listed)
        sound = sound and all(f"database/{name}.bson" in listed for name in manifest["documents"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        sound, manifest, listed = False, {}, {}
    if not sound:
        raise InvalidInput(_("%(path)s holds no backup, or one that was broken off.", path=source))
    for path in _inside(source):
        if path != source / MANIFEST and path.relative_to(source).as_posix() not in listed:
            raise InvalidInput(_("%(path)s is no file of this backup.", path=path))
    for name, row in listed.items():
        path = source / name
        if not path.is_file() or path.is_symlink() or _hash(path) != row.get("sha256"):
            raise InvalidInput(_("%(path)s is not as it was backed up: nothing was put back.", path=path))
    return dict(manifest)


def _read_all(database: Database[Document], folder: Path) -> tuple[dict[str, int], list[dict[str, Any]]]:
    """Write every collection as it stands at one moment."""
    client = database.client
    with contextlib.suppress(OperationFailure):  # who may not set it has five minutes
        client.admin.command({"setParameter": 1, "minSnapshotHistoryWindowInSeconds": WINDOW_S})
    documents: dict[str, int] = {}
    listed = []
    try:
        with client.start_session(snapshot=True) as session:
            names = sorted(name for name in database.list_collection_names() if not name.startswith("system."))
            for name in names:
                path, found, size, count = folder / f"{name}.bson", hashlib.sha256(), 0, 0
                raw = _raw(database, name)
                with path.open("wb") as file:
                    for document in raw.find({}, session=session, batch_size=BATCH):
                        file.write(document.raw)
                        found.update(document.raw)
                        size, count = size + len(document.raw), count + 1
                    file.flush()
                    os.fsync(file.fileno())
                documents[name] = count
                listed.append({"path": f"database/{name}.bson", "size": size, "sha256": found.hexdigest()})
    except PyMongoError as error:
        raise StorageError(
            _("The database can't be read as of one moment: %(error)s. It must be a replica set, of one server at least.", error=error)
        ) from error
    return documents, listed


def _insert_all(database: Database[Document], name: str, path: Path) -> None:
    raw = _raw(database, name)
    batch: list[RawBSONDocument] = []
    try:
        for data in _documents(path):
            batch.append(RawBSONDocument(data))
            if len(batch) == BATCH:
                raw.insert_many(batch)
                batch = []
        if batch:
            raw.insert_many(batch)
    except PyMongoError as error:
        raise StorageError(_("The database takes no records: %(error)s.", error=error)) from error


def _raw(database: Database[Document], name: str) -> Collection[RawBSONDocument]:
    """A collection whose documents stay the bytes that they are."""
    codec: CodecOptions[RawBSONDocument] = CodecOptions(document_class=RawBSONDocument)
    return cast("Collection[RawBSONDocument]", database.get_collection(name, cast(Any, codec)))


def _documents(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while head := file.read(4):
            size = int.from_bytes(head, "little")
            if not 5 <= size <= DOCUMENT_MAX:
                raise StorageError(_("%(path)s holds what is no record.", path=path))
            yield head + file.read(size - 4)


def _folders(settings: Settings) -> tuple[tuple[str, Path], ...]:
    """The folders of a backup beside the database, and where each belongs."""
    data = settings.data_dir
    return (
        ("clips", settings.clips_dir),
        ("identity", settings.identity_dir),
        ("keys", data),
        ("spool", data / "spool"),
        ("kept", settings.temp_dir),
    )


def _copy_all(settings: Settings, part: Path) -> None:
    for path in _inside(settings.clips_dir):
        if path.suffix == ".mp4":
            _link(path, part / "clips" / path.relative_to(settings.clips_dir))
    for path in _flat(settings.identity_dir):
        if path.suffix == ".jpg":
            _link(path, part / "identity" / path.name)
    data = settings.data_dir
    others = [(data / name, "keys") for name in KEYS]
    others += [(path, "spool") for path in _flat(data / "spool") if path.suffix != ".lock"]
    others += [(path, "kept") for path in _flat(settings.temp_dir) if path.suffix == ".kept"]
    for folder in ("keys", "spool", "kept"):
        shutil.rmtree(part / folder, ignore_errors=True)
    for path, folder in others:
        with contextlib.suppress(FileNotFoundError):  # it went meanwhile: what it held is in the database, or in a clip
            (part / folder).mkdir(exist_ok=True, mode=0o700)
            shutil.copy2(path, part / folder / path.name)


def _fetch_stored(files: KeptFiles, database: Database[Document], part: Path) -> None:
    """Fetch what is on the store. A file that is there already is of the try before, or another's of the same name."""
    for row in database[COLLECTION].find({"there": True}):
        file_id = str(row["_id"])
        if row.get("kind") == "identity":
            _begins, session_id, name = file_id.split("-", 2)
            found, to = files.picture(session_id, name), part / "identity" / f"{file_id}.jpg"
        else:
            clip = part_of(database["intervals"].find_one({"_id": file_id}, {"clip": 1}) or {}, "clip")
            path = files.clip_path(clip.get("path"))
            if path is None or clip.get("state") != "ready":
                continue
            found, to = files.clip(file_id, clip), part / "clips" / path.relative_to(files.clips_dir)
        if not isinstance(found, StoredFile) or (to.exists() and to.stat().st_size == found.size):
            continue
        to.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        half = to.with_name(f"{to.name}{PART}")
        with half.open("wb") as file:
            for piece in found.pieces():
                file.write(piece)
        half.replace(to)


def _link(path: Path, to: Path) -> None:
    """The same file under another name, or a copy where that can't be. One that is there already is of the try before."""
    to.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with contextlib.suppress(FileNotFoundError):
        if to.exists() and (to.samefile(path) or to.stat().st_size == path.stat().st_size):
            return
        to.unlink(missing_ok=True)
        try:
            os.link(path, to)
        except FileNotFoundError:
            raise
        except OSError:  # another disk, or one without links
            shutil.copy2(path, to)


def _told(part: Path, path: Path) -> dict[str, Any]:
    return {"path": path.relative_to(part).as_posix(), "size": path.stat().st_size, "sha256": _hash(path)}


def _check_empty(settings: Settings) -> None:
    for folder, place in _folders(settings):
        found: Iterable[Path] = [place / name for name in KEYS if (place / name).exists()] if folder == "keys" else _inside(place)
        suffixes = {"clips": {".mp4"}, "identity": {".jpg"}, "spool": {".spool"}, "kept": {".kept"}}.get(folder)
        there = next((path for path in found if suffixes is None or path.suffix in suffixes), None)
        if there is not None:
            raise Conflict(_("%(path)s is there: a backup is put back where nothing is. Move it away first.", path=there))


def _inside(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file() and not path.is_symlink()) if folder.is_dir() else []


def _flat(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.is_file()) if folder.is_dir() else []


def _hash(path: Path) -> str:
    found = hashlib.sha256()
    with path.open("rb") as file:
        while part := file.read(AT_ONCE):
            found.update(part)
    return found.hexdigest()
