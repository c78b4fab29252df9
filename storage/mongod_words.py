"""mongod's last words: the end of what it wrote, and what an operator does about it."""

from __future__ import annotations

import os
import signal
from pathlib import Path

_MENDS = (
    ("cannot execute", "Is it a program for this system, and may this user run it? Install MongoDB, or set MONGO_URI to a server."),
    ("libcurl", "Install libcurl (Debian, Ubuntu: apt-get install libcurl4)."),
    ("libcrypto", "It needs OpenSSL 3; set MONGO_URI to a MongoDB server on this system."),
    ("libssl", "It needs OpenSSL 3; set MONGO_URI to a MongoDB server on this system."),
    ("No space left", "The disk is full: free some of it, or set DATA_DIR to another disk."),
    ("Permission denied", "This user may not write there: change the folder's owner, or set DATA_DIR."),
    ("Read-only file system", "The disk can't be written: set DATA_DIR to one that can."),
    ("DBPathInUse", "Another mongod uses these files: end it, or set DATA_DIR to another folder."),
    ("are too open", "This file system knows no rights of users: set DATA_DIR to a folder on this system's own disk."),
    ("ompatibility", "The files were written by another version of mongod: use that one, or set DATA_DIR to an empty folder."),
    ("Unrecognized option", "This mongod is too old or was built without a needed part: install 6.0 or newer, or set MONGO_URI."),
)


def mend_of(text: str, returncode: int | None) -> str:
    """What to do about the reason found in mongod's last words."""
    if returncode == -signal.SIGILL:
        return "This processor lacks AVX, which MongoDB 5 and later need: set MONGO_URI to a server elsewhere."
    if returncode is not None and returncode == -9:
        return "It was killed, as the system does when memory runs out: give the machine more, or set MONGO_URI."
    for sign, mend in _MENDS:
        if sign in text:
            return mend
    return "Its last words are in mongod.log; set MONGO_URI to use another MongoDB server."


def tail(path: Path, start: int = 0, most: int = 16_384) -> str:
    """The end of a file, not from before byte `start`; empty where it can't be read."""
    try:
        with path.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(start if start <= size else 0, size - most))
            return file.read(most).decode("utf-8", "replace")
    except OSError:
        return ""


def last_lines(text: str, lines: int = 6) -> str:
    """The last lines, errors first: mongod's JSON lines carry their severity in `"s":"F"` or `"s":"E"`."""
    every = [line for line in text.splitlines() if line.strip()]
    grave = [line for line in every if '"s":"F"' in line or '"s":"E"' in line]
    return "\n".join(line[:400] for line in (grave or every)[-lines:])
