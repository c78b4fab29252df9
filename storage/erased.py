"""The mark that the embedded database's files hold bytes of what was erased: from an erasure until the files are written anew (storage/scrub.py).

MongoDB gives the place of what is deleted to what comes later, and its journal and oplog keep the last writes: until then it can be read there.
"""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from pydantic import SecretStr

from basics.errors import StorageError
from basics.own_files import sync_folder
from basics.texts import Text, _
from basics.times import iso_time, utc_now
from storage.folder_swap import FILES

if TYPE_CHECKING:
    from typing_extensions import Self  # typing has it from Python 3.11 on

MARK = "erased"
ROOM_MB = 600  # what a new database takes beside its records: journal, oplog
ROOM_TIMES = 1.5  # beside the old one lies a copy, and what sorting its indexes takes
OVERDUE = timedelta(days=30)  # in which a student who asked is answered (GDPR, article 12)


class MarkSettings(Protocol):
    """The settings that matter here; the server's `Settings` have them."""

    @property
    def mongo_uri(self) -> SecretStr: ...
    @property
    def data_dir(self) -> Path: ...
    @property
    def scrub_at_start_mb(self) -> int: ...
    @property
    def min_free_mb(self) -> int: ...


@dataclass(frozen=True, slots=True)
class ErasedMark:
    """The mark of one server, for any thread. Of a database elsewhere (`embedded` false) there is none, and setting it does nothing."""

    data_dir: Path
    embedded: bool
    limit_mb: int  # of the files that a start writes anew, 0: none
    min_free_mb: int  # what stays free on their disk

    @classmethod
    def of(cls, settings: MarkSettings) -> Self:
        """A server's."""
        embedded = settings.mongo_uri.get_secret_value() == "embedded"
        return cls(settings.data_dir, embedded, settings.scrub_at_start_mb, settings.min_free_mb)

    @property
    def folder(self) -> Path:
        """The embedded database's."""
        return self.data_dir / "mongo"

    def set(self) -> None:
        """Mark the files, on the disk when this returns. Raise `StorageError` where that can't be done: then nothing may be erased."""
        if self.embedded and not self._path.exists():
            self._write({"since": iso_time(utc_now())})

    def since(self) -> datetime | None:
        """From when on they hold something erased; None where they don't."""
        if not self.embedded or not self._path.exists():
            return None
        try:
            return datetime.fromisoformat(str(self._read()["since"]).replace("Z", "+00:00"))
        except (KeyError, ValueError):
            return datetime.fromtimestamp(self._path.stat().st_mtime, timezone.utc)

    def note_failure(self, reason: str) -> None:
        """Keep why they could not be written anew, for `health`."""
        self._write({**self._read(), "failed": reason})

    def clear(self) -> None:
        """Say that nothing erased is in them. Raise `OSError`."""
        self._path.unlink(missing_ok=True)
        sync_folder(self.folder)

    def why_not_at_start(self) -> Text | None:
        """Why a start would leave them as they are; None where it would write them anew."""
        size = self.size_mb()
        if not self.limit_mb or size > self.limit_mb:
            return _("they take %(size)s MB, and a start writes only up to SCRUB_AT_START_MB=%(limit)s anew", size=size, limit=self.limit_mb)
        return self.why_no_room()

    def why_no_room(self) -> Text | None:
        """Why there is no room for a copy of them; None where there is."""
        needed, free = int(self.size_mb() * ROOM_TIMES) + ROOM_MB + self.min_free_mb, shutil.disk_usage(self.folder).free >> 20
        if free >= needed:
            return None
        return _("a copy of them needs %(needed)s MB on the disk of DATA_DIR, where %(free)s are free", needed=needed, free=free)

    def size_mb(self) -> int:
        """MB of records and indexes."""
        return sum(path.stat().st_size for path in (self.folder / FILES).glob("*.wt")) >> 20

    def health(self) -> dict[str, Any]:
        """For `/api/health`: since when they hold something erased, when that goes, and what keeps it."""
        since = self.since()
        if since is None:
            return {"state": "ok"}
        told = {"erased_at": iso_time(since)}
        try:
            failed, kept = self._read().get("failed"), self.why_not_at_start()
        except OSError as error:
            failed, kept = None, _("they can't be looked at (%(error)s)", error=error.strerror)
        why = kept or failed
        if why:
            return {
                "state": "degraded",
                "reason": _("What was erased is still in the database's files: %(why)s.", why=why),
                "todo": _("Stop the server when no exam runs, make room where that is missing, and run `flask --app app scrub`."),
                **told,
            }
        if utc_now() - since > OVERDUE:
            return {
                "state": "degraded",
                "reason": _("What was erased is still in the database's files, for more than a month."),
                "todo": _("Start the server anew when no exam runs: it writes the files anew then."),
                **told,
            }
        return {"state": "ok", "reason": _("What was erased is still in the database's files: it goes at the next start of the server."), **told}

    @property
    def _path(self) -> Path:
        return self.folder / MARK

    def _read(self) -> dict[str, Any]:
        try:
            read = json.loads(self._path.read_text("utf-8"))
        except (OSError, ValueError):
            return {}
        return read if isinstance(read, dict) else {}

    def _write(self, says: dict[str, Any]) -> None:
        part = self._path.with_suffix(".part")
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with part.open("w", encoding="utf-8") as file:
                json.dump(says, file)
                file.flush()
                os.fsync(file.fileno())
            part.replace(self._path)
            sync_folder(self.folder)
        except OSError as error:
            raise StorageError(
                _(
                    "%(path)s can't be written (%(error)s), by which the database's files are cleaned afterwards. Free the disk, and try again.",
                    path=self._path,
                    error=error.strerror,
                )
            ) from error
