"""The embedded database's files are exchanged for a copy of them, so that a power cut at any moment loses nothing: the next start goes on.

The old folder is put aside first, and only once the copy is whole and on the disk. So where there is an old folder aside, the copy was whole.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from basics.errors import StorageError
from basics.own_files import sync_folder

FILES = "db"
ASIDE = "db.old"
COPY = Path("fresh")  # a data folder of its own, in which another mongod makes the copy


def copied_files(folder: Path) -> Path:
    """Where the copy's files are made, in the embedded database's `folder`."""
    return folder / COPY / "mongo" / FILES


def swap(folder: Path) -> None:
    """Put the copy in the place of the files, and delete those. No mongod may run on either. Raise `OSError`."""
    _sync_all(copied_files(folder))
    (folder / FILES).rename(folder / ASIDE)
    sync_folder(folder)
    settle(folder)


def settle(folder: Path) -> None:
    """Go on with an exchange that was broken off, or remove what was copied before one. Raise `OSError`, `StorageError`."""
    files, aside, copy = folder / FILES, folder / ASIDE, copied_files(folder)
    if aside.exists() and not files.exists():
        (copy if copy.exists() else aside).rename(files)
        sync_folder(folder)
    elif aside.exists() and copy.exists():  # no version of ours leaves this: what is in each only a person can say
        raise StorageError(
            f"There are three databases in {folder}: {FILES}, {ASIDE} and {copy.relative_to(folder)}. "
            "Move away all but the one with your records, and name that `db`."
        )
    for rest in (aside, folder / COPY):
        if rest.exists():
            shutil.rmtree(rest, ignore_errors=True)
            sync_folder(folder)


def _sync_all(folder: Path) -> None:
    """Bring everything in a folder to the disk."""
    for path in sorted(folder.rglob("*")):
        if path.is_dir():
            sync_folder(path)
        elif path.is_file():
            with path.open("rb+") as file:  # Windows syncs only what may be written
                os.fsync(file.fileno())
    sync_folder(folder)
