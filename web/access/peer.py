"""Whose program holds the other end of a connection on this machine, as the kernel tells it (Linux alone does)."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

TABLES = (Path("/proc/net/tcp"), Path("/proc/net/tcp6"))

Owner = Literal["own", "other", "unknown"]


def owner_of(environ: Mapping[str, Any]) -> Owner:
    """Is the caller's program our own account's (or root's), another account's, or can't it be told? A caller that has gone is another's.

    No header is needed for it: a web server in front that leaves no trace at all still runs as an account of its own.
    """
    try:
        theirs, ours = int(environ["REMOTE_PORT"]), int(environ["SERVER_PORT"])
    except (KeyError, ValueError):
        return "unknown"
    seen = False
    for local, remote, uid, inode in _connections():
        if (local, remote) == (theirs, ours) and inode:  # one without an inode was closed: the kernel shows it as root's
            return "own" if uid in (0, os.getuid()) else "other"
        seen = seen or (local, remote) == (ours, theirs)
    return "other" if seen else "unknown"  # where not even our own end is shown, the kernel tells nothing here (gVisor)


def _connections() -> Iterator[tuple[int, int, int, int]]:
    """Every TCP connection of this machine: its two ports, its owner and its inode."""
    for table in TABLES:
        try:
            lines = table.read_text("ascii").splitlines()[1:]
        except OSError:
            continue
        for line in lines:
            fields = line.split()
            yield int(fields[1].rpartition(":")[2], 16), int(fields[2].rpartition(":")[2], 16), int(fields[7]), int(fields[9])
