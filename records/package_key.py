"""The key that signs packages: Ed25519, made at the first start, in `data_dir/signing_key`. Its public half is for everybody.

Servers that share a database sign with one, the first one's: it is in the database, sealed by the server's own key (SECRET_KEY).
"""

from __future__ import annotations

import hashlib
import logging
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from pymongo import ReturnDocument
from pymongo.errors import DuplicateKeyError

from basics.errors import ConfigError
from basics.key_files import make_key_file, read_key_file
from basics.seal import Seal
from basics.texts import _
from records.stores import Store

log = logging.getLogger(__name__)

FILE = "signing_key"
COLLECTION, SHARED, PURPOSE = "server", "package_key", "package key"


class PackageKey:
    """Signs. `public_key` is 64 hexadecimal digits, `fingerprint` SHA-256 of its 32 bytes."""

    def __init__(self, private: Ed25519PrivateKey) -> None:
        self._private = private
        self.public_key = private.public_key().public_bytes_raw().hex()
        self.fingerprint = fingerprint_of(self.public_key)

    @property
    def secret(self) -> str:
        """The private half, 64 hexadecimal digits."""
        return self._private.private_bytes_raw().hex()

    def sign(self, data: bytes) -> str:
        """The signature, 128 hexadecimal digits."""
        return self._private.sign(data).hex()


def fingerprint_of(public_key: str) -> str:
    """A public key's fingerprint, 64 hexadecimal digits, by which people compare."""
    return hashlib.sha256(bytes.fromhex(public_key)).hexdigest()


def is_signed(data: bytes, signature: str, public_key: str) -> bool:
    """Did the owner of this key sign `data`?"""
    try:
        Ed25519PublicKey.from_public_bytes(bytes.fromhex(public_key)).verify(bytes.fromhex(signature), data)
    except (InvalidSignature, ValueError):
        return False
    return True


def find_package_key(data_dir: Path) -> PackageKey:
    """The key of this server; it is made where there is none. Raise `ConfigError` where it can't be read or written."""
    path = data_dir / FILE
    try:
        if (text := read_key_file(path)) is None:
            make_key_file(path, Ed25519PrivateKey.generate().private_bytes_raw().hex())
            text = read_key_file(path) or ""
        return _key(text, path)
    except OSError as error:
        raise ConfigError(
            _("The key that signs packages, %(path)s, can't be read or written: %(error)s. Make the folder writable.", path=path, error=error),
            field="DATA_DIR",
        ) from error


def shared_package_key(store: Store, own: PackageKey, secret: str) -> PackageKey:
    """The key of all servers on the database, which is `own` where none is there yet; `secret` is the server's own key. Raise `StorageError`."""
    seal, row = Seal(secret, PURPOSE), {"_id": SHARED}
    with store.reading():
        rows = store.collection(COLLECTION)
        try:
            found = rows.find_one_and_update(
                row, {"$setOnInsert": {"sealed": seal.seal(own.secret)}}, upsert=True, return_document=ReturnDocument.AFTER
            )
        except DuplicateKeyError:  # another came in this moment
            found = rows.find_one(row)
        sealed = str((found or {}).get("sealed"))
        if (opened := _opened(seal, sealed)) is not None:
            return opened
        log.warning("the key that signs packages was sealed by another SECRET_KEY: from now on they are signed by this server's own")
        rows.update_one({**row, "sealed": (found or {}).get("sealed")}, {"$set": {"sealed": seal.seal(own.secret)}})
        return _opened(seal, str((rows.find_one(row) or {}).get("sealed"))) or own


def _opened(seal: Seal, sealed: str) -> PackageKey | None:
    try:
        return PackageKey(Ed25519PrivateKey.from_private_bytes(bytes.fromhex(seal.open(sealed))))
    except ValueError:  # sealed by another key, or damaged
        return None


def _key(text: str, path: Path) -> PackageKey:
    try:
        return PackageKey(Ed25519PrivateKey.from_private_bytes(bytes.fromhex(text)))
    except ValueError:
        raise ConfigError(
            _("The key that signs packages, %(path)s, is none: restore it from a backup, or remove the file for a new one.", path=path),
            field="DATA_DIR",
        ) from None
