"""By what one server is told from another that uses the same database or folder."""

from __future__ import annotations

import hashlib
import socket
from pathlib import Path


def mark_of(data_dir: Path) -> str:
    """8 hexadecimal digits, the same after a restart: of the machine's (or container's) name and the server's own folder."""
    return hashlib.sha256(f"{socket.gethostname()}\n{data_dir.resolve()}".encode()).hexdigest()[:8]
