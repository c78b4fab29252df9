"""Whose program holds the other end of a connection on this machine, as the kernel tells it (Linux alone does)."""

from __future__ import annotations

import os
import socket
import struct
import sys
from collections.abc import Iterator, Mapping
from ipaddress import IPv4Address, IPv6Address, ip_address
from pathlib import Path
from typing import Any, Literal

TABLES = (Path("/proc/net/tcp"), Path("/proc/net/tcp6"))

Owner = Literal["own", "other", "unknown"]
Address = IPv4Address | IPv6Address
End = tuple[Address, int]  # address and port

SOCKETS = ("gunicorn.socket", "werkzeug.socket")  # in a request's environ: the connection itself

# linux/netlink.h, linux/sock_diag.h, linux/inet_diag.h
_SOCK_DIAG, _ASK, _ERROR, _ENOENT = 4, 20, 2, 2
_HEADER = struct.Struct("=IHHII")  # length, type, flags, sequence, port
_WHICH = struct.Struct("=BBBxI2s2s16s16sIII")  # family, protocol, ext, states, the ends' ports and addresses, interface, cookie of none
_OWNER_AT = _HEADER.size + 4 + 48 + 12  # of an answer: behind its family, the ends, and three counts
_LONGEST_WAIT_S = 1.0


def owner_of(environ: Mapping[str, Any]) -> Owner:
    """Is the caller's program our own account's (or root's), another account's, or can't it be told? A caller that has gone is another's.

    No header is needed for it: a web server in front that leaves no trace at all still runs as an account of its own.
    """
    for connection in (environ[name] for name in SOCKETS if name in environ):
        asked = _owner_by_netlink(connection)
        if asked is not None:
            return asked
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


def _owner_by_netlink(connection: socket.socket) -> Owner | None:
    """Ask the kernel for this one connection: its tables have every connection of the machine, and reading them takes 7 ms. None: it doesn't say."""
    if sys.platform != "linux":
        return None
    try:
        there, here = ((_plain(ip_address(end[0].partition("%")[0])), end[1]) for end in (connection.getpeername(), connection.getsockname()))
        with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, _SOCK_DIAG) as kernel:
            kernel.settimeout(_LONGEST_WAIT_S)
            owner = _asked(kernel, there, here)
            if owner is None:  # a caller that has gone; our own end shows that the kernel tells such things here
                return "other" if _asked(kernel, here, there) is not None else None
    except (OSError, ValueError, struct.error):
        return None
    return "own" if owner in {0, os.getuid()} else "other"


def _asked(kernel: socket.socket, near: End, far: End) -> int | None:
    """Whose end of the connection `near` is; None: nobody holds it. Raise `OSError`, `struct.error`."""
    family = socket.AF_INET if near[0].version == 4 else socket.AF_INET6
    ports, addresses = [end[1].to_bytes(2, "big") for end in (near, far)], [end[0].packed for end in (near, far)]
    which = _WHICH.pack(family, socket.IPPROTO_TCP, 0, 0xFFFFFFFF, *ports, *addresses, 0, 0xFFFFFFFF, 0xFFFFFFFF)
    kernel.send(_HEADER.pack(_HEADER.size + len(which), _ASK, 1, 0, 0) + which)
    answer = kernel.recv(4096)
    if _HEADER.unpack_from(answer)[1] == _ERROR:
        (number,) = struct.unpack_from("=i", answer, _HEADER.size)
        if number == -_ENOENT:
            return None
        raise OSError(-number, os.strerror(-number))
    owner, inode = struct.unpack_from("=II", answer, _OWNER_AT)
    return int(owner) if inode else None  # one without an inode was closed: the kernel shows it as root's


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
