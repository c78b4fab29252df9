"""The folders that the server writes to are its own system user's: other accounts of the machine read no name, no picture and no record."""

from __future__ import annotations

import contextlib
import logging
import os
import stat
from collections.abc import Iterable
from pathlib import Path

log = logging.getLogger(__name__)

OWN = 0o700


def make_private(folders: Iterable[Path]) -> None:
    """Make the folders where they are missing, and close those that an older version left open to others. One that isn't ours stays as it is."""
    if os.name == "nt":  # has other rights, and its users' folders are their own
        return
    for folder in folders:
        with contextlib.suppress(OSError):  # whoever needs it says what is wrong with it
            folder.mkdir(parents=True, exist_ok=True, mode=OWN)
            status = folder.stat()
            shared = status.st_uid != os.geteuid() or status.st_mode & stat.S_ISVTX
            if not shared and status.st_mode & 0o077:
                folder.chmod(OWN)
