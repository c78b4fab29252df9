"""A server's folders beside a store that several share, without the server."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from database import Database
from media.recorder import Recorder
from media.stores.base import LocalFile, StoredFile
from media.stores.folder import SharedFolder
from media.stores.s3 import S3Store
from records.clip_sweep import ClipSweep
from records.identity import IdentityRecords
from records.kept_files import KeptFiles
from records.retention import Retention
from records.uploads import Uploads


@dataclass
class Machine:
    """One server's own folders, with the store that it shares."""

    database: Database
    folder: Path
    store: SharedFolder | S3Store
    own: str = "1"
    name: str = ""

    def __post_init__(self) -> None:
        for name in ("clips", "identity", "stills", "temp"):
            (self.folder / name).mkdir(parents=True)
        names = (self.name,) if self.name else ()
        self.files = KeptFiles(self.database, self.folder / "clips", self.folder / "identity", self.store, own=self.own, names=names)
        self.uploads = Uploads(self.database, self.files, self.store, self.folder / "stills")
        self.sweep = ClipSweep(self.database, self.folder / "clips", self.folder / "temp", self.files)
        self.identity = IdentityRecords(self.database, self.files, lambda _exam: {})

    @property
    def local(self) -> list[str]:
        return sorted(path.name for name in ("clips", "identity") for path in (self.folder / name).rglob("*") if path.is_file())

    def clip(self, video_id: str) -> LocalFile | StoredFile | None:
        return self.files.clip(video_id, self.database.interval(video_id)["clip"])

    def retention(self, keep_days: int = 30, **kinds: int) -> Retention:
        return Retention(
            self.database,
            self.folder / "clips",
            self.folder / "stills",
            keep_days,
            clips=self.sweep,
            recorder=Recorder(self.folder / "clips", self.folder / "temp"),
            identity_dir=self.folder / "identity",
            kinds=kinds,  # type: ignore[arg-type]
            files=self.files,
            names=(self.name,) if self.name else (),
        )
