"""The key that signs packages: Ed25519, made at the first start, in `data_dir/signing_key`. Its public half is for everybody."""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from basics.errors import ConfigError
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
        return _read(path) or _make(path)
    except OSError as error:
        raise ConfigError(
            _("The key that signs packages, %(path)s, can't be read or written: %(error)s. Make the folder writable.", path=path, error=error),
            field="DATA_DIR",
        ) from error


def _read(path: Path) -> PackageKey | None:
    try:
        text = path.read_text("ascii", errors="replace").strip()
    except FileNotFoundError:
        return None
    if os.name == "posix" and path.stat().st_mode & 0o077:
        path.chmod(0o600)
    try:
        return PackageKey(Ed25519PrivateKey.from_private_bytes(bytes.fromhex(text)))
    except ValueError:
        raise ConfigError(
            _("The key that signs packages, %(path)s, is none: restore it from a backup, or remove the file for a new one.", path=path),
            field="DATA_DIR",
        ) from None


def _make(path: Path) -> PackageKey:
    """Make the key as a whole file; of two that make one at once the first stays."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.name}-{secrets.token_hex(8)}.part")
    handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "w") as file:
            file.write(Ed25519PrivateKey.generate().private_bytes_raw().hex() + "\n")
            file.flush()
            os.fsync(file.fileno())
        with contextlib.suppress(FileExistsError):
            os.link(part, path)
    finally:
        part.unlink(missing_ok=True)
    found = _read(path)
    assert found is not None
    return found
