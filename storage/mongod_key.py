"""What opens the embedded mongod: a key that only this system user can read. Without it nobody on this machine reads or writes what is stored.

It is mongod's key file, by which the members of a replica set know each other, and with which its member `__system` may do all. No user needs to
be made, so that there is no moment in which somebody else could make one, and the files of an older version open with it as they are.
"""

from __future__ import annotations

import os
import secrets
from pathlib import Path
from typing import Any

import pymongo

from basics.errors import StorageError

MEMBER = "__system"
KEY_BYTES = 48  # as hexadecimal digits: a key file has 6 to 1,024 characters


class MongodKey:
    """The key in `folder`."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "key"

    def make(self) -> None:
        """Make it where there is none. Raise `OSError`, and `StorageError` for one that is empty."""
        try:
            descriptor = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            if not self._read():
                raise StorageError(f"{self.path}, the key of the embedded database, is empty or damaged. Delete it: another is made.") from None
            if os.name != "nt":
                self.path.chmod(0o600)  # mongod refuses one that others can read
            return
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(secrets.token_hex(KEY_BYTES))
            file.flush()
            os.fsync(file.fileno())

    def uri(self, port: int) -> str:
        """The address of the mongod on `port`, with what opens it; without where there is no key: it is an older version's."""
        key = self._read()
        if not key:
            return f"mongodb://127.0.0.1:{port}/?directConnection=true"
        return f"mongodb://{MEMBER}:{key}@127.0.0.1:{port}/?directConnection=true&authSource=local&authMechanism=SCRAM-SHA-256"

    def client(self, port: int, **options: Any) -> pymongo.MongoClient[dict[str, Any]]:
        """A client with the key."""
        return pymongo.MongoClient(self.uri(port), **options)

    def _read(self) -> str:
        try:
            key = self.path.read_text("ascii").strip()
        except (OSError, ValueError):
            return ""
        return key if key.isalnum() else ""
