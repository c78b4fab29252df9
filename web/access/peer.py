"""Whose program holds the other end of a connection on this machine, as the kernel tells it (Linux alone does)."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from ipaddress import IPv4Address, IPv6Address, ip_address
from pathlib import Path
from typing import Any, Literal

TABLES = (Path("/proc/net/tcp"), Path("/proc/net/tcp6"))

Owner = Literal["own", "other", "unknown"]
Address = IPv4Address | IPv6Address
End = tuple[Address, int]  # address and port


def owner_of(environ: Mapping[str, Any]) -> Owner:
    """Is the caller's program our own account's (or root's), another account's, or can't it be told? A caller that has gone is another's.

    No header is needed for it: a web server in front that leaves no trace at all still runs as an account of its own.
    """
    try:
        theirs = ip_address(environ["REMOTE_ADDR"].partition("%")[0]), int(environ["REMOTE_PORT"])
        ours = int(environ["SERVER_PORT"])
    except (KeyError, ValueError):
        return "unknown"
    theirs = _plain(theirs[0]), theirs[1]
    seen, owners = False, set()
    for local, remote, uid, inode in _connections():
        if local == theirs and remote[1] == ours and inode:  # one without an inode was closed: the kernel shows it as root's
            owners.add(uid)
        seen = seen or (local[1] == ours and remote == theirs)
    if owners:  # of several, to our several addresses, this may be any
        return "own" if owners <= {0, os.getuid()} else "other"
    return "other" if seen else "unknown"  # where not even our own end is shown, the kernel tells nothing here (gVisor)


def _connections() -> Iterator[tuple[End, End, int, int]]:
    """Every TCP connection of this machine: its two ends, its owner and its inode."""
    for table in TABLES:
        try:
            lines = table.read_text("ascii").splitlines()[1:]
        except OSError:
            continue
        for line in lines:
            fields = line.split()
            yield _end(fields[1]), _end(fields[2]), int(fields[7]), int(fields[9])


def _end(told: str) -> End:
    """An end as `/proc/net/tcp` tells it: the address as words of the machine's own byte order, and the port."""
    address, _, port = told.partition(":")
    words = [int(address[begin : begin + 8], 16).to_bytes(4, sys.byteorder) for begin in range(0, len(address), 8)]
    return _plain(ip_address(b"".join(words))), int(port, 16)


def _plain(address: Address) -> Address:
    """An IPv4 address as one, also where an IPv6 socket has it."""
    return getattr(address, "ipv4_mapped", None) or address
