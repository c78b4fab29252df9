"""The key that signs packages: Ed25519, made at the first start, in `data_dir/signing_key`. Its public half is for everybody."""

from __future__ import annotations

import hashlib
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from basics.errors import ConfigError
from basics.key_files import make_key_file, read_key_file
from basics.texts import _

FILE = "signing_key"


class PackageKey:
    """Signs. `public_key` is 64 hexadecimal digits, `fingerprint` SHA-256 of its 32 bytes."""

    def __init__(self, private: Ed25519PrivateKey) -> None:
        self._private = private
        self.public_key = private.public_key().public_bytes_raw().hex()
        self.fingerprint = fingerprint_of(self.public_key)

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


def _key(text: str, path: Path) -> PackageKey:
    try:
        return PackageKey(Ed25519PrivateKey.from_private_bytes(bytes.fromhex(text)))
    except ValueError:
        raise ConfigError(
            _("The key that signs packages, %(path)s, is none: restore it from a backup, or remove the file for a new one.", path=path),
            field="DATA_DIR",
        ) from None
