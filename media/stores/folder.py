"""A folder that several servers share, as a store: files get their names when they are whole, and no server touches another's half ones."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

from basics.errors import StorageError
from basics.own_files import is_own, open_own, sync_folder
from basics.texts import _
from media.recorder import MIN_FREE_MB
from media.stores.base import PIECE, Changed, Held, StoreError, checked

MARK = ".proctor-clips"  # lies in the folder: one that isn't mounted has none
HALF_S = 24 * 3600.0  # a half file that is older is nobody's any more, however wrong a server's clock is by an hour or two


class SharedFolder:
    """A `ClipStore`."""

    name = "shared"

    def __init__(self, folder: Path) -> None:
        self.folder = folder.resolve()

    def prepare(self, *, empty: bool) -> None:
        with self._said():
            if not self.folder.is_dir():
                raise StoreError(_("There is no folder %(folder)s: mount it, or mend CLIP_STORE_DIR.", folder=self.folder))
            if not (self.folder / MARK).exists():
                if not empty or any(self.folder.iterdir()):
                    raise self._not_it()
                (self.folder / MARK).write_text("Clips of a proctoring server lie here. This file tells it that the folder is mounted.\n")
            self._remove_half()

    def put(self, path: Path, key: str, sha256: str) -> None:
        final = self._path(key)
        part = final.with_name(f"{final.name}.{secrets.token_hex(8)}.part")  # a name of its own, whichever server writes it
        with open_own(path) as source, self._said():
            left = self.room() - path.stat().st_size
            if left < MIN_FREE_MB << 20:  # what else lies on that disk needs some, too
                raise StoreError(_("The folder %(folder)s is full: make room on its disk.", folder=self.folder))
            final.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            try:
                with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                    shutil.copyfileobj(source, file, 1 << 20)
                    file.flush()
                    os.fsync(file.fileno())
                part.replace(final)
                sync_folder(final.parent)
            finally:
                part.unlink(missing_ok=True)

    def stat(self, key: str) -> Held | None:
        path = self._path(key)
        with self._said():
            if not is_own(path):
                return None
            status = path.stat()
            return Held(status.st_size, f"{max(status.st_mtime_ns, status.st_ctime_ns)}-{status.st_ino}-{status.st_size}")

    def read(self, key: str, start: int, end: int, version: str = "") -> Iterator[bytes]:
        held = self.stat(key)
        if held is None or (version and held.version != version):
            raise Changed(_("It was changed, or deleted, just now."))
        with self._said(), open_own(self._path(key)) as file:
            file.seek(start)
            while start < end and (piece := file.read(min(PIECE, end - start))):
                start += len(piece)
                yield piece

    def delete(self, key: str) -> None:
        path = self._path(key)
        with self._said():
            path.unlink(missing_ok=True)
            for folder in (path.parent, path.parent.parent):
                try:
                    folder.rmdir()
                except OSError:  # there are others
                    break

    def room(self) -> int:
        with self._said():
            return shutil.disk_usage(self.folder).free

    def listed(self) -> Iterator[str]:
        self._there()
        with self._said():
            for path in self.folder.glob("*/*/*"):
                if not path.name.endswith(".part") and is_own(path):
                    yield path.relative_to(self.folder).as_posix()

    def address(self, key: str, seconds: int) -> str:
        return ""

    def _path(self, key: str) -> Path:
        self._there()
        path = self.folder / checked(key)
        if not path.parent.resolve().is_relative_to(self.folder):
            raise StoreError(_("%(path)s leads out of CLIP_STORE_DIR: remove the link.", path=path.parent))
        return path

    def _there(self) -> None:
        with self._said():
            if not (self.folder / MARK).exists():
                raise self._not_it()

    def _not_it(self) -> StoreError:
        return StoreError(
            _("%(folder)s is not the folder of this server's clips: is its disk mounted? (%(mark)s is missing)", folder=self.folder, mark=MARK)
        )

    def _remove_half(self) -> None:
        """What servers left half written long ago."""
        for part in self.folder.glob("*/*/*.part"):
            with contextlib.suppress(OSError):
                if time.time() - part.stat().st_mtime >= HALF_S:
                    part.unlink()

    @contextlib.contextmanager
    def _said(self) -> Iterator[None]:
        try:
            yield
        except StorageError:
            raise
        except OSError as error:
            raise StoreError(
                _(
                    "The folder %(folder)s can't be used now: %(error)s. Mend the disk, or mount it.",
                    folder=self.folder,
                    error=error.strerror or error,
                )
            ) from error
