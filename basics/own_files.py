"""Files that this server made are read, and nothing that a link in their place leads to."""

from __future__ import annotations

import os
from pathlib import Path
from typing import BinaryIO

_NO_LINK = getattr(os, "O_NOFOLLOW", 0)  # Windows has none, and lets few make links


def is_own(path: Path) -> bool:
    """Is there a file, and no link to one?"""
    return path.is_file() and not path.is_symlink()


def open_own(path: Path) -> BinaryIO:
    """The file, for reading. Raise `OSError` where there is none, or a link stands in its place."""
    return os.fdopen(os.open(path, os.O_RDONLY | _NO_LINK | getattr(os, "O_BINARY", 0)), "rb")


def sync_folder(folder: Path) -> None:
    """Bring the names of what lies in a folder to the disk. Raise `OSError`."""
    if os.name == "nt":
        return  # a folder can't be opened there; NTFS journals its entries
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
