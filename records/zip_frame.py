"""The ZIP format as packages have it: nothing is compressed, and what stands around the files follows from their names, sizes and CRCs alone.

So whoever checks a package can write every byte of it again, and one that was changed, taken out or added anywhere is found. Any program opens it.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass

from basics.errors import InvalidInput
from basics.texts import _

DAY = (0, 0x21)  # time and date of every file: 1980-01-01, the first that the format knows
UTF8 = 0x0800
MAX_32 = 0xFFFFFFFF
MAX_16 = 0xFFFF
FILES_MAX = 2_000_000
_LOCAL = struct.Struct("<IHHHHHIIIHH")
_CENTRAL = struct.Struct("<IHHHHHHIIIHHHHHII")
_END64 = struct.Struct("<IQHHIIQQQQ")
_FIND64 = struct.Struct("<IIQI")
_END = struct.Struct("<IHHHHIIH")
END_SIZE = _END.size
FIND64_SIZE = _FIND64.size


@dataclass(frozen=True, slots=True)
class Entry:
    """A file in the package: its path, size in bytes, CRC-32, and where its header begins."""

    path: str
    size: int
    crc32: int
    offset: int


def local_header(path: str, size: int, crc32: int) -> bytes:
    """What stands before a file's bytes. Raise `InvalidInput` for a file of 4 GB or more."""
    name = path.encode()
    if size >= MAX_32 or len(name) > MAX_16:
        raise InvalidInput(_("%(path)s is too large for a package: a file has less than 4 GB.", path=path[:200]))
    return _LOCAL.pack(0x04034B50, 20, UTF8, 0, *DAY, crc32, size, size, len(name), 0) + name


def central_directory(entries: Sequence[Entry]) -> bytes:
    """What lists the files behind the last of them."""
    return b"".join(_central(entry) for entry in entries)


def end_of(entries: int, directory_at: int, directory_size: int) -> bytes:
    """What closes the package, and leads to the list."""
    whole = b""
    if entries >= MAX_16 or directory_at >= MAX_32 or directory_size >= MAX_32:
        whole = _END64.pack(0x06064B50, _END64.size - 12, 45, 45, 0, 0, entries, entries, directory_size, directory_at)
        whole += _FIND64.pack(0x07064B50, 0, directory_at + directory_size, 1)
    count = min(entries, MAX_16)
    return whole + _END.pack(0x06054B50, 0, 0, count, count, min(directory_size, MAX_32), min(directory_at, MAX_32), 0)


def read_end(tail: bytes) -> tuple[int, int, int, int]:
    """From a package's last bytes (100 are enough): how many files it lists, where the list begins, its size, and how many bytes close the package.

    Raise `ValueError` where it is none of ours.
    """
    if len(tail) < END_SIZE:
        raise ValueError("too short")
    mark, _disk, _first, _here, count, size, at, comment = _END.unpack(tail[-END_SIZE:])
    if mark != 0x06054B50 or comment:
        raise ValueError("it does not end as a package does")
    closing = END_SIZE
    if count == MAX_16 or MAX_32 in (size, at):
        closing += FIND64_SIZE + _END64.size
        if len(tail) < closing:
            raise ValueError("too short")
        mark, _length, _by, _needs, _disk, _first, _here, count, size, at = _END64.unpack(tail[-closing : -closing + _END64.size])
        if mark != 0x06064B50:
            raise ValueError("it does not end as a package does")
    if count > FILES_MAX:
        raise ValueError("it lists too many files")
    return count, at, size, closing


def read_directory(data: bytes, count: int) -> list[Entry]:
    """The files that the list names. Raise `ValueError` where it is none of ours."""
    entries, at = [], 0
    for _number in range(count):
        if len(data) < at + _CENTRAL.size:
            raise ValueError("its list of files breaks off")
        fields = _CENTRAL.unpack_from(data, at)
        crc32, size, name_length, extra_length, offset = fields[7], fields[9], fields[10], fields[11], fields[16]
        name_at = at + _CENTRAL.size
        if offset == MAX_32 and extra_length == 12:
            (offset,) = struct.unpack_from("<Q", data, name_at + name_length + 4)
        try:
            path = data[name_at : name_at + name_length].decode()
        except UnicodeDecodeError:
            raise ValueError("its list of files has a name that is none") from None
        entries.append(Entry(path, size, crc32, offset))
        at = name_at + name_length + extra_length
    return entries


def _central(entry: Entry) -> bytes:
    name, far = entry.path.encode(), entry.offset >= MAX_32
    extra = struct.pack("<HHQ", 1, 8, entry.offset) if far else b""
    sizes = (entry.crc32, entry.size, entry.size, len(name), len(extra))
    needs = 45 if far else 20
    return _CENTRAL.pack(0x02014B50, needs, needs, UTF8, 0, *DAY, *sizes, 0, 0, 0, 0, MAX_32 if far else entry.offset) + name + extra
