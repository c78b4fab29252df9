"""Whether the servers that share a database have one SECRET_KEY: each shows the fingerprint of its own to the others.

Who reads the database finds no key by guessing: each guess is as dear as one at a password (scrypt), and with a salt of this database.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterable, Mapping
from typing import Any

from pymongo import ReturnDocument
from pymongo.errors import DuplicateKeyError

from basics.errors import ConfigError, StorageError
from basics.texts import _
from database import Database

COLLECTION, SALT = "server", "fingerprint_salt"
COST, BLOCK = 1 << 15, 8  # scrypt's n and r: 32 MB and about 0.1 s a guess
LENGTH = 16  # bytes


class SharedKey:
    """This server's key, as the others may know it. For one thread, but for `known`."""

    def __init__(self, database: Database, key: str, *, chosen: bool) -> None:
        """`chosen`: SECRET_KEY says it; else it was made here, and is in DATA_DIR."""
        self.known = ""  # the fingerprint, once the database has answered
        self._database = database
        self._key = key
        self._chosen = chosen
        self._salt = b""

    def fingerprint(self) -> str:
        """Of the key, in hexadecimal digits, as this database has it. Raise `StorageError`."""
        salt = self._stored_salt()
        if salt != self._salt:
            made = hashlib.scrypt(self._key.encode(), salt=salt, n=COST, r=BLOCK, p=1, maxmem=(COST + 64) * BLOCK * 256, dklen=LENGTH)
            self._salt, self.known = salt, made.hex()
        return self.known

    def differing(self, rows: Iterable[Mapping[str, Any]]) -> list[str]:
        """The names of those whose key is another, as far as they show theirs."""
        return [str(row["_id"]) for row in rows if self.known and row.get("key") not in (None, self.known)]

    def refusal(self, other: Mapping[str, Any]) -> ConfigError:
        """Why this server can't start beside the `other`."""
        where = other.get("host") or "a machine that is not known"
        own = "is another than" if self._chosen else "is not set, so that this server made a key of its own (secret_key in DATA_DIR), which is not"
        return ConfigError(
            f"SECRET_KEY {own} that of the server {other['_id']} (on {where}), which lives and shares the database: the one would refuse the "
            "other's links and logins. Set the same SECRET_KEY at all of them; to change it, end all of them first.",
            field="secret_key",
        )

    def trouble(self, rows: Iterable[Mapping[str, Any]]) -> str:
        """What is to be said of the servers in `rows`, for health; empty: nothing."""
        names = ", ".join(self.differing(rows)[:3])
        if not names:
            return ""
        if self._chosen:
            return _("SECRET_KEY is another than that of %(names)s: links and logins of one are refused by the other.", names=names)
        return _("SECRET_KEY is not set, and the key made here is another than that of %(names)s: links and logins are refused.", names=names)

    def _stored_salt(self) -> bytes:
        """The database's salt, made by whoever asks for it first."""
        for _try in range(2):
            try:
                with self._database.reading():
                    row = self._database.collection(COLLECTION).find_one_and_update(
                        {"_id": SALT},
                        {"$setOnInsert": {"salt": secrets.token_bytes(LENGTH)}},
                        upsert=True,
                        return_document=ReturnDocument.AFTER,
                    )
            except DuplicateKeyError:  # another made it in this moment
                continue
            if row is not None and isinstance(row.get("salt"), bytes) and row["salt"]:
                return bytes(row["salt"])
        raise StorageError(_("The servers' keys can't be compared: %(row)s in the collection %(name)s is damaged.", row=SALT, name=COLLECTION))
