"""Clips and pictures of identity wherever they lie: on this disk, on another server's, or on the store. Reads and deletes them.

Where a clip lies its own record says (`on`), from the write on that makes it ready: at the server of that name, or, once it names none, on the store.
The documents of `files` are the list of all that was ever begun to be sent to the store, with its key there, so that whoever deletes a session leaves
nothing; those of which another server has the only copy are marked (`gone`), and deleted by that one. Of pictures they say as well what is there.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from basics.errors import ConfigError, StorageError
from basics.identifiers import key_of
from basics.instances import mark_of
from basics.texts import _
from cluster.own_names import known_names
from media.stores.base import ClipStore, KeptFile, LocalFile, StoredFile, StoreError, sum_of
from media.stores.folder import SharedFolder
from media.stores.s3 import S3Place, S3Store
from records.stores import Document, Store
from settings.settings import Settings

COLLECTION = "files"
AWAY_S = 30.0  # for so long nothing more is asked to be deleted of a store that failed: a sweep has thousands of files


def store_of(settings: Settings) -> ClipStore | None:
    """The store that the settings name; None: this disk. Raise `ConfigError` where it needs what isn't installed, or is no folder for it."""
    if settings.clip_store == "shared" and settings.clip_store_dir is not None:
        folder = settings.clip_store_dir.resolve()
        for own in (settings.clips_dir, settings.identity_dir, settings.temp_dir, settings.data_dir):
            if folder.is_relative_to(own.resolve()) or own.resolve().is_relative_to(folder):
                raise ConfigError(f"CLIP_STORE_DIR={folder} lies in {own}, or that in it, which is this server's own: choose another")
        return SharedFolder(folder)
    if settings.clip_store != "s3":
        return None
    return S3Store(
        S3Place(
            bucket=settings.s3_bucket,
            endpoint=settings.s3_endpoint,
            region=settings.s3_region,
            access_key=settings.s3_access_key,
            secret_key=settings.s3_secret_key.get_secret_value(),
            prefix=settings.s3_prefix,
            encryption=settings.s3_encryption,
            kms_key=settings.s3_kms_key,
        )
    )


def s3_origin(settings: Settings) -> str:
    """Where a browser finds the S3 store, for a page's policy."""
    return settings.s3_endpoint or f"https://s3.{settings.s3_region}.amazonaws.com"


def files_of(settings: Settings, database: Store) -> KeptFiles:
    """The files of the server with these settings. Raise `ConfigError` as `store_of`."""
    names = known_names(settings.data_dir) or ((settings.instance_name,) if settings.instance_name else ())
    return KeptFiles(database, settings.clips_dir, settings.identity_dir, store_of(settings), own=mark_of(settings.data_dir), names=names)


def key_of_clip(exam_id: object, video_id: str, sha256: str) -> str:
    """A clip's name on a store."""
    session_id, _dash, index = video_id.partition("-")
    return f"{_exam(exam_id)}/{session_id}/{index}-{sha256[:8]}.mp4"


def key_of_picture(exam_id: object, stem: str) -> str:
    """A picture's, whose file is called `stem` (identity-SESSION-KIND-NUMBER) and .jpg."""
    _begins, session_id, name = stem.split("-", 2)
    return f"{_exam(exam_id)}/{session_id}/identity-{name}.jpg"


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # a name longer than the file system's
        return False


def _is_unchanged(file: LocalFile | None, sha256: object) -> bool:
    try:
        return file is not None and sum_of(file) == sha256
    except OSError:
        return False


def _exam(exam_id: object) -> str:
    return key_of(exam_id) if isinstance(exam_id, str) and exam_id else "no-exam"


class KeptFiles:
    """Of one server. Safe between threads."""

    def __init__(
        self,
        database: Store,
        clips_dir: Path,
        identity_dir: Path | None = None,
        store: ClipStore | None = None,
        *,
        own: str = "",
        names: Iterable[str] = (),
    ) -> None:
        """`own` tells this server from others that send to the same store; `names` are all that it has had, none where that isn't known."""
        self.database = database
        self.clips_dir = clips_dir.resolve()
        self.identity_dir = identity_dir
        self.store = store
        self.own = own
        self.names = frozenset(names)
        self._away = (0.0, "")  # until when nothing is deleted on the store, and why

    # Reading

    def clip(self, video_id: str, clip: Mapping[str, Any]) -> KeptFile | None:
        """The file of an interval's clip, whose record is `clip`; None where there is none here or on the store. Raise `StorageError`.

        The record may have been read a moment ago, and another server's disk may have come here: what is there decides.
        """
        on, sha256 = clip.get("on"), clip.get("sha256")
        local = self._local(clip)
        if self.is_others(on):
            with contextlib.suppress(StoreError):
                if (found := self._stored(video_id, sha256)) is not None:
                    return found
            return local if _is_unchanged(local, sha256) else None  # of that name there may be one of another exam
        if on and local is not None:
            return local
        if self.store is not None or local is None:
            try:
                found = self._stored(video_id, sha256, sent=on == "")
            except StoreError:
                if not _is_unchanged(local, sha256):
                    raise
                found = None
            if found is not None:
                return found
        return self._local(clip)

    def _local(self, clip: Mapping[str, Any]) -> LocalFile | None:
        path = self.clip_path(clip.get("path"))
        if path is not None and path.suffix == ".mp4" and _is_file(path):
            with contextlib.suppress(FileNotFoundError):
                return LocalFile(path)
        return None

    def is_others(self, on: object) -> bool:
        """Does a file lie at another server, by what its record says?"""
        return isinstance(on, str) and on != "" and bool(self.names) and on not in self.names

    def is_away(self, clip: Mapping[str, Any], lives: Callable[[str], bool]) -> bool:
        """Does a clip, or what it is to be made of, lie at a server that does not live, by its record, and not here?"""
        on = clip.get("on")
        return self.is_others(on) and not lives(str(on)) and self._local(clip) is None

    def picture(self, session_id: str, name: str) -> KeptFile | None:
        """A picture of face, card or room that is on the store. Raise `StorageError`."""
        return self._stored(f"identity-{session_id}-{name}")

    def _stored(self, file_id: str, sha256: object = None, *, sent: bool = False) -> StoredFile | None:
        """`sent`: its record says that it is there, which is written first."""
        row = self._row(file_id)
        if row is None or not (sent or row.get("there")) or (sha256 is not None and row.get("sha256") != sha256):
            return None
        store = self._store()
        held = store.stat(str(row["key"]))
        return StoredFile(store, str(row["key"]), held) if held is not None else None

    def _row(self, file_id: str) -> Document | None:
        with self.database.reading():
            return self.database.collection(COLLECTION).find_one({"_id": file_id})

    def _store(self) -> ClipStore:
        if self.store is None:
            raise StoreError(_("It lies on a store, and CLIP_STORE is `local`: set the store that it was sent to."))
        return self.store

    def clip_path(self, named: object) -> Path | None:
        """Where a clip that a record names lies on this disk, or would; None for what is no path within the folder."""
        if not isinstance(named, str) or not named or "\0" in named:
            return None
        path = (self.clips_dir / named).resolve()
        return path if path.is_relative_to(self.clips_dir) and path != self.clips_dir else None

    def stored_pictures(self, session_ids: Iterable[str]) -> dict[str, list[str]]:
        """As the function of this name."""
        return stored_pictures(self.database, session_ids)

    def count(self, session_id: str, kind: str) -> int:
        """How many pictures of a kind the store has of a session; 0 where that can't be told now."""
        with contextlib.suppress(StorageError):
            query: Document = {"session_id": session_id, "there": True, "_id": {"$regex": f"^identity-{session_id}-{kind}-"}}
            with self.database.reading():
                return self.database.collection(COLLECTION).count_documents(query)
        return 0

    # Deleting

    def delete_clip(self, video_id: str, named: object) -> None:
        """Delete an interval's clip, which its record calls `named`. Raise `OSError`, `StorageError` where that can't be done now."""
        path = self.clip_path(named)
        if path is not None:  # nothing outside is ours to delete, whatever a record says
            path.unlink(missing_ok=True)
            drop_empty(path.parent, self.clips_dir)
        self.drop(video_id)

    def drop(self, file_id: str) -> None:
        """Delete what the store has of a file. Raise `StorageError`."""
        row = self._row(file_id)
        if row is not None:
            self._drop(row)

    def drop_session(self, session_id: str) -> None:
        """Delete what the store has of a session. Raise `StorageError`."""
        with self.database.reading():
            rows = list(self.database.collection(COLLECTION).find({"session_id": session_id}))
        for row in rows:
            self._drop(row)

    def _drop(self, row: Document) -> None:
        if not row.get("gone"):
            self._delete(str(row["key"]))
        with self.database.reading():
            rows = self.database.collection(COLLECTION)
            if row.get("there") or row.get("by") == self.own:
                rows.delete_one({"_id": row["_id"], "key": row["key"]})
            else:  # the file is on that server's disk still
                rows.update_one({"_id": row["_id"], "key": row["key"]}, {"$set": {"gone": True}})

    def _delete(self, key: str) -> None:
        until, why = self._away
        if time.monotonic() < until:
            raise StoreError(why)
        try:
            self._store().delete(key)
        except StoreError as error:
            self._away = time.monotonic() + AWAY_S, error.message
            raise


def stored_pictures(database: Store, session_ids: Iterable[str]) -> dict[str, list[str]]:
    """The pictures of identity of these sessions that are on a store, or on their way to it, by session. Raise `StorageError`."""
    found: dict[str, list[str]] = {}
    if ids := list(session_ids):
        with database.reading():
            for row in database.collection(COLLECTION).find(
                {"session_id": {"$in": ids}, "kind": "identity", "gone": {"$ne": True}}, {"session_id": 1}
            ):
                found.setdefault(str(row["session_id"]), []).append(str(row["_id"]))
    return found


def drop_empty(folder: Path, within: Path) -> None:
    """Remove a student's folder that has no clip any more; a recorder that misses it makes it again."""
    if folder != within:
        with contextlib.suppress(OSError):
            folder.rmdir()
