"""What a server is called where nobody chose a name, and the mark of its DATA_DIR."""

from __future__ import annotations

import os
import re
import socket
import uuid
from pathlib import Path

from basics.errors import StorageError

FILE = "instance"
SUFFIX = 6  # hexadecimal digits


def kept_home(data_dir: Path) -> str:
    """32 hexadecimal digits that tell this DATA_DIR from all others, made once and kept in it. Raise `StorageError`."""
    path = data_dir / FILE
    try:
        data_dir.mkdir(parents=True, exist_ok=True)
        kept = path.read_text("ascii", errors="replace").strip() if path.exists() else ""
        if re.fullmatch(r"[0-9a-f]{32}", kept):
            return kept
        made = uuid.uuid4().hex
        part = path.with_suffix(f".{os.getpid()}")
        part.write_text(made + "\n", "ascii")
        part.replace(path)
    except OSError as error:
        raise StorageError(f"The file {path} can't be kept ({error.strerror}). Free the disk, or give this user the right to it.") from error
    return made


def name_of(chosen: str, home: str) -> str:
    """The name that was chosen, or the machine's with some digits of its DATA_DIR's mark."""
    if chosen:
        return chosen
    host = re.sub(r"[^A-Za-z0-9.-]+", "-", socket.gethostname()).strip(".-")[:48]
    return f"{host or 'server'}-{home[:SUFFIX]}"
